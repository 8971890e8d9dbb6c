"""Generated from nbs/shared_lib/50_lasso_code.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_shapes_and_weights():
    import math
    import torch
    from sparsebook.lasso_code import check_signals, per_signal

    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    Y, D, _ = planted()
    check_signals(Y, D.expand(3, -1, -1)), per_signal(torch.rand(60), Y).shape, per_signal(torch.rand(3, 1), Y.expand(3, -1, -1)).shape

    nan = Y.clone(); nan[3, 2] = math.nan
    for args, error, text in [((nan, D), ValueError, "Y must be finite, got 1"), ((Y, D.T), ValueError, "atoms are columns"), ((Y, D.float()), TypeError, "one dtype"), ((Y.int(), D), TypeError, "float32 or float64"),
                              ((Y[0], D), ValueError, "at least 2 dimensions"), ((Y, D, Y), ValueError, "R0 must have shape (60, 32)")]:
        try: check_signals(*args)
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    for lam, text in [(-1., "got -1.0"), (math.nan, "got nan"), (torch.ones(7), "broadcast to the signals (60,)")]:
        try: per_signal(lam, Y)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    assert per_signal(.3, Y).dim() == 0 and check_signals(Y, D) == ()


def test_exact_lasso_codes_on_a_cpu():
    import warnings
    import torch
    from sparsebook.datafit import NotConverged
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.lasso_code import lasso_codes

    def objective(Y, D, R, lam):
        return ((Y - R @ D.mT) ** 2).sum(-1) / 2 + lam * R.abs().sum(-1)
    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    Y, D, R = planted(B=300)
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=80)
    for lam in (.02, .1, .3): ax.hist((lasso_codes(Y, D, lam) != 0).sum(1).numpy(), bins=range(18), alpha=.5, label=f"lam {lam}")
    ax.set_xlabel("atoms used by a signal (3 were planted on average)"); ax.legend()
    plt.close(fig); fig

    def distance(Y, D, R, lam, nonneg=False):
        q = (Y - R @ D.mT) @ D
        off = (q if nonneg else q.abs()) - lam
        return torch.where(R != 0, (q - lam*R.sign()).abs(), off.clamp(min=0)).amax(-1)/(Y @ D).abs().amax(-1).clamp(min=1e-300)

    @given(st.integers(1, 12), st.integers(1, 20), st.floats(.01, 1.5), st.booleans(), st.integers(0, 99))
    def optimal(d, M, lam, nonneg, seed):
        rng = torch.Generator().manual_seed(seed)
        D = torch.randn(d, M, dtype=torch.float64, generator=rng)*(.1 + torch.rand(M, generator=rng))
        if seed % 3 == 0: D[:, M//2] = D[:, 0]
        if seed % 5 == 0: D[:, -1] = 0
        Y = torch.randn(5, d, dtype=torch.float64, generator=rng)
        Y[4] = 0
        R = lasso_codes(Y, D, lam, nonneg=nonneg)
        assert distance(Y, D, R, lam, nonneg).max() <= 1e-9 and not R[4].any() and (not nonneg or (R >= 0).all())
        again = lasso_codes(Y, D, lam, nonneg=nonneg, R0=torch.randn(5, M, dtype=torch.float64, generator=rng))
        torch.testing.assert_close(objective(Y, D, again, lam), objective(Y, D, R, lam), rtol=1e-8, atol=1e-12)
    optimal()

    from sklearn.decomposition import sparse_encode
    Y, D, _ = planted(B=50, d=24, M=60, nonzeros=5, seed=3)
    for nonneg in (False, True):
        R = lasso_codes(Y, D, .05, nonneg=nonneg)
        for algorithm in ("lasso_cd", "lasso_lars"):
            peer = torch.from_numpy(sparse_encode(Y.numpy(), D.T.numpy(), algorithm=algorithm, alpha=.05, positive=nonneg, max_iter=5000))
            ours, theirs = (objective(Y, D, r, .05).sum().item() for r in (R, peer))
            assert ours <= theirs*(1 + 1e-12) and ours >= theirs*(1 - 1e-4), (algorithm, ours, theirs)
        torch.testing.assert_close(R, peer, rtol=1e-3, atol=1e-5)  # LARS loses some digits over its knots
    each = torch.linspace(.01, .4, 50, dtype=torch.float64)
    torch.testing.assert_close(lasso_codes(Y, D, each)[31], lasso_codes(Y[31:32], D, each[31].item())[0])
    assert lasso_codes(Y.float(), D.float(), .05).dtype == torch.float32 and not lasso_codes(Y, D, 1e3).any()
    stacked = lasso_codes(Y, torch.stack([D, D.flip(1)]), torch.tensor([[.05], [.1]]))
    torch.testing.assert_close(stacked[1].flip(1), lasso_codes(Y, D, .1), rtol=1e-6, atol=1e-7)

    Y, D, _ = planted()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lasso_codes(Y, D, 1e-3, max_iter=1)
    assert issubclass(caught[0].category, NotConverged)
    print(caught[0].message)


@pytest.mark.slow
def test_the_race_on_your_machine():
    import numpy as np
    import torch
    import time
    from sparsebook.lasso_code import lasso_codes

    def objective(Y, D, R, lam):
        return ((Y - R @ D.mT) ** 2).sum(-1) / 2 + lam * R.abs().sum(-1)
    def planted(B=60, d=16, M=32, nonzeros=3, noise=0.02, seed=0, dtype=torch.float64):
        """Signals with a few active atoms of a random unit-norm dictionary: Y, D, true codes."""
        rng = torch.Generator().manual_seed(seed)
        D = torch.nn.functional.normalize(torch.randn(d, M, dtype=dtype, generator=rng), dim=0)
        R = torch.randn(B, M, dtype=dtype, generator=rng) * (torch.rand(B, M, generator=rng) < nonzeros / M)
        return (R @ D.T + noise * torch.randn(B, d, dtype=dtype, generator=rng), D, R)
    import numpy as np
    from sklearn.decomposition import sparse_encode as peer

    def best_of(f, n=3):
        times = []
        for _ in range(n): start = time.perf_counter(); out = f(); times.append(time.perf_counter() - start)
        return 1e3*min(times), out

    for d in (64, 144):
        Y, D, _ = planted(B=1000, d=d, M=288, nonzeros=8, noise=.05)
        lasso_codes(Y[:2], D, .1)  # compiled
        ours, R = best_of(lambda Y=Y, D=D: lasso_codes(Y, D, .1))
        theirs, C = best_of(lambda Y=Y, D=D: peer(Y.numpy(), np.ascontiguousarray(D.T.numpy()), algorithm="lasso_cd", alpha=.1))
        low, other = (objective(Y, D, torch.as_tensor(r), .1).sum().item() for r in (R, C))
        assert abs(low - other) <= 1e-6*other
        print(f"d = {d}: {(R != 0).sum(1).double().mean():.1f} non-zeros, faster than scikit-learn: {ours < theirs}, same objective to 1e-6: {abs(low - other) <= 1e-6*other}")
