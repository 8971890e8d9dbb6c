"""Generated from nbs/shared_lib/51_sparse_code.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_objective_of_every_signal():
    import torch
    import math
    from sparsebook.sparse_code import PENALTIES, code_objective

    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    Y, D, R = planted()
    pictures = {name: code_objective(Y, D, R, .1, name).mean().item() for name in PENALTIES}
    {k: round(v, 3) for k, v in pictures.items()}

    def published(name, r, lam, eta):
        "The thresholds as the authors of v1_sparse_coding state them."
        t = lam*eta
        if name == "l1": return r.sign()*(r.abs() - t).clamp(min=0)
        if name == "l0": return torch.where(r.abs() >= math.sqrt(t), r, 0)
        if name == "l_half":
            big = r.abs() > 54**(1/3)/4*t**(2/3)
            angle = torch.arccos(torch.where(big, t/8*(r.abs()/3).clamp(min=1e-9)**-1.5, 0))
            return torch.where(big, 2/3*r*(1 + torch.cos(2*math.pi/3 - 2/3*angle)), 0)
        return r.sign()*torch.minimum(r.abs(), (r.abs() - math.sqrt(2*lam)*eta).clamp(min=0)/(1 - eta))

    r = torch.linspace(-1, 1, 4002, dtype=torch.float64)
    for name, factor in [("l1", 1.), ("l0", .5), ("l_half", .5), ("cel0", 1.)]:
        ours = PENALTIES[name]()._prox(r, torch.tensor(.3*factor, dtype=torch.float64), .05)
        torch.testing.assert_close(ours, published(name, r, .3, .05), rtol=1e-9, atol=1e-12)
    l0, cel0 = (code_objective(Y*0, D, R, .1, name) - code_objective(Y*0, D, R, 0., "l1") for name in ("l0", "cel0"))
    assert (cel0 <= l0 + 1e-12).all()  # CEL0 never costs more than l0
    each = torch.rand(60, dtype=torch.float64)
    torch.testing.assert_close(code_objective(Y, D, R, each)[7], code_objective(Y[7:8], D, R[7:8], each[7].item())[0])

    for call, text in [(lambda: code_objective(Y, D, R, .1, "l3"), "penalty must be one of l1"), (lambda: code_objective(Y, D, R), "lam is missing"), (lambda: code_objective(Y, D, R, -1.), "got -1.0"),
                       (lambda: code_objective(Y, D, R, torch.ones(7)), "broadcast to the signals (60,)")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_any_penalty_any_device_many_dictionaries_at_once():
    import warnings
    import torch
    from sparsebook.lasso_code import lasso_codes
    import matplotlib.pyplot as plt
    from sparsebook import prox as P
    from sparsebook.sparse_code import PENALTIES, code_objective, prox_codes

    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    Y, D, _ = planted(seed=2)
    low = code_objective(Y, D, lasso_codes(Y, D, .05), .05)
    soft = lambda x, step, rows: P.soft_threshold(x, step*.05)
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=80)
    for fast in (False, True):
        above = [(code_objective(Y, D, prox_codes(Y, D, soft, tol=0, max_iter=n, accelerate=fast), .05) - low).mean().item() for n in range(1, 60, 2)]
        ax.semilogy(range(1, 60, 2), above, label="with momentum" if fast else "plain")
    ax.set_xlabel("iterations"); ax.legend()
    plt.close(fig); fig

    exact = lasso_codes(Y, D, .05)
    torch.testing.assert_close(prox_codes(Y, D, soft, tol=1e-9, max_iter=20_000, accelerate=True), exact, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(code_objective(Y, D, prox_codes(Y, D, soft, tol=1e-5, max_iter=5000), .05), code_objective(Y, D, exact, .05), rtol=1e-6, atol=1e-9)
    thin, wide, _ = planted(d=8, M=40)
    torch.testing.assert_close(prox_codes(thin, wide, soft, tol=1e-9, max_iter=50_000, accelerate=True), lasso_codes(thin, wide, .05), rtol=1e-3, atol=1e-5)  # without the Gram matrix
    stack, lams = torch.stack([D, D.flip(1), D[:, torch.randperm(32, generator=torch.Generator().manual_seed(0))]*1.3]), torch.tensor([.05, .1, .02], dtype=torch.float64).view(3, 1, 1)
    together = prox_codes(Y, stack, lambda x, step, rows: P.soft_threshold(x, step*lams), tol=1e-3, max_iter=5000)
    for s in range(3):
        alone = prox_codes(Y, stack[s], lambda x, step, rows, lam=lams[s, 0, 0]: P.soft_threshold(x, step*lam), tol=1e-3, max_iter=5000)
        torch.testing.assert_close(together[s], alone, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(alone[5:6], prox_codes(Y[5:6], stack[s], lambda x, step, rows, lam=lams[s, 0, 0]: P.soft_threshold(x, step*lam), tol=1e-3, max_iter=5000), rtol=1e-9, atol=1e-12)
    assert not torch.equal(together[0], prox_codes(Y, D, soft, tol=1e-1))  # tol means something

    for name, penalty in PENALTIES.items():
        term, lam = penalty(), torch.tensor(.02, dtype=torch.float64)
        prox = lambda x, step, rows, term=term, lam=lam: term._prox(x, lam, step)
        values = torch.stack([code_objective(Y, D, prox_codes(Y, D, prox, tol=0, max_iter=n), .02, name) for n in range(0, 40, 3)])
        assert (values.diff(dim=0) <= 1e-12).all(), name
        R = prox_codes(Y, D, prox, tol=1e-3, max_iter=5000)
        step = 1/torch.linalg.matrix_norm(D, 2)**2
        torch.testing.assert_close(prox(R + step*(Y - R @ D.T) @ D, step, None), R, rtol=0, atol=2e-3)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        prox_codes(Y, D, soft, tol=1e-12, max_iter=20)
    assert "signals above tol" in str(caught[0].message)
    print(caught[0].message)
    try: prox_codes(Y, D, soft, step=0.)
    except ValueError as e: print(e)
    else: raise AssertionError


def test_one_door_encode():
    import torch
    from sparsebook.penalty import L1
    import itertools
    import matplotlib.pyplot as plt
    from sparsebook.sparse_code import code_objective, encode

    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    Y, D, _ = planted(B=80, d=36, M=72, nonzeros=5, noise=.05, seed=1)
    fig, ax = plt.subplots(figsize=(6, 3), dpi=80)
    for name, lams in {"l1": (.05, .1, .2, .4, .7), "cel0": (.005, .02, .06, .15, .3), "l0": (.005, .02, .06, .15, .3), "l_half": (.02, .05, .1, .2, .4)}.items():
        codes = encode(Y, D.expand(5, -1, -1), torch.tensor(lams, dtype=torch.float64)[:, None], penalty=name, tol=1e-3)
        ax.semilogy((codes != 0).double().mean((1, 2)), ((Y - codes @ D.T)**2).mean((1, 2)), "o-", label=name)
    ax.set_xlabel("share of active atoms"); ax.set_ylabel("squared error a pixel"); ax.legend()
    plt.close(fig); fig

    def exhaustive(y, D, lam):
        "Global minimum of 1/2 |y - Dr|^2 + lam |r|_0."
        M, best = D.shape[1], (float((y**2).sum()/2), torch.zeros(D.shape[1], dtype=D.dtype))
        for S in itertools.chain.from_iterable(itertools.combinations(range(M), k) for k in range(1, 5)):
            x = torch.linalg.lstsq(D[:, S], y[:, None]).solution[:, 0]
            value = float(((y - D[:, S] @ x)**2).sum()/2) + lam*len(S)
            if value < best[0]: best = value, torch.zeros(M, dtype=D.dtype).index_put_((torch.tensor(S),), x)
        return best

    for seed in range(4):
        y, D, _ = planted(B=1, d=4, M=7, nonzeros=2, noise=.1, seed=seed)
        low, r = exhaustive(y[0], D, .05)
        starts = torch.randn(20, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        starts[0] = r
        R = encode(y.expand(20, -1), D, .05, penalty="cel0", R0=starts, tol=0, max_iter=3000)
        values = code_objective(y, D, R, .05, "cel0")
        assert values.min() >= low - 1e-9 and abs(values[0] - low) < 1e-9 and abs(code_objective(y, D, r[None], .05, "l0").item() - low) < 1e-9

    Y, D, _ = planted()
    exact = encode(Y, D, .05)
    torch.testing.assert_close(encode(Y, D, .05, method="fista", tol=1e-9, max_iter=20_000), exact, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(code_objective(Y, D, encode(Y, D, .05, method="ista", tol=1e-5), .05), code_objective(Y, D, exact, .05), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(encode(Y, D, penalty=L1(.05)), exact)
    weighted = encode(Y, D, penalty=L1(.05, weights=torch.arange(32).double()/16), tol=1e-9)
    scale = torch.arange(1, 33).double()/16
    torch.testing.assert_close(encode(Y, D/scale, .05, tol=1e-10)/scale, encode(Y, D, penalty=L1(.05, weights=scale), tol=1e-8, max_iter=50_000), rtol=1e-3, atol=1e-5)
    assert (weighted[:, 0] != 0).all()  # weight 0: a free atom
    each = torch.linspace(.01, .3, 60, dtype=torch.float64)
    torch.testing.assert_close(encode(Y, D, each, method="fista", tol=1e-9), encode(Y, D, each, tol=1e-10), rtol=1e-5, atol=1e-7)
    codes = encode(Y, D, k=3)
    assert ((codes != 0).sum(1) == 3).all() and torch.equal(encode(Y, torch.stack([D, D]), k=3)[1], codes)

    for call, text in [(lambda: encode(Y, D, .1, penalty="cel0", method="cd"), "not available for CEL0"), (lambda: encode(Y, D, .1, method="lars"), "method must be auto"),
                       (lambda: encode(Y, D, .1, method="omp"), "takes k"), (lambda: encode(Y, D), "lam is missing")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
