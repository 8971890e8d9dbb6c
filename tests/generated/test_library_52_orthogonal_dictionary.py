"""Generated from nbs/shared_lib/52_orthogonal_dictionary.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_signals_with_a_known_basis():
    import math
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.orthogonal_dictionary import bernoulli_gaussian, random_orthogonal

    rng = torch.Generator().manual_seed(0)
    Y, X = bernoulli_gaussian(random_orthogonal(2, rng=rng), 2000, .4, rng=rng)
    fig, ax = plt.subplots(figsize=(3, 3), dpi=80)
    ax.plot(*Y.T, ".", ms=2); ax.set_aspect("equal"); ax.set_title("the basis is where the points are")
    plt.close(fig); fig

    rng = torch.Generator().manual_seed(1)
    D = random_orthogonal(6, (3,), rng=rng)
    torch.testing.assert_close(D @ D.mT, torch.eye(6, dtype=torch.float64).expand(3, 6, 6), rtol=0, atol=1e-13)
    Y, X = bernoulli_gaussian(D, 4000, .3, rng=rng)
    assert Y.shape == X.shape == (3, 4000, 6) and abs((X != 0).double().mean() - .3) < .01
    torch.testing.assert_close(Y @ D, X, rtol=0, atol=1e-12)
    q = torch.nn.functional.normalize(torch.randn(6, dtype=torch.float64, generator=rng), dim=0)
    X = bernoulli_gaussian(torch.eye(6, dtype=torch.float64), 200_000, .3, rng=rng)[1]
    supports = torch.tensor([[(s >> i) & 1 for i in range(6)] for s in range(64)], dtype=torch.float64)
    closed = 2*math.sqrt(2/math.pi)*((.3**supports.sum(1)*.7**(6 - supports.sum(1)))*((supports*q**2).sum(1)**1.5)).sum()
    cubes = (X @ q).abs()**3
    assert abs(cubes.mean() - closed) <= 4*cubes.std()/math.sqrt(len(X)) and closed < 2*math.sqrt(2/math.pi)*.3
    for bad in (-.1, 1.1, math.nan):
        try: bernoulli_gaussian(D, 3, bad)
        except ValueError as e: print(e)
        else: raise AssertionError


def test_gradient_gap_and_error():
    import math
    import torch
    from sparsebook.matrix_prox import polar
    import matplotlib.pyplot as plt
    from sparsebook.orthogonal_dictionary import basis_error, bernoulli_gaussian, frank_wolfe_gap, random_orthogonal, spiky_gradient

    turn = torch.linspace(0, math.pi/2, 60, dtype=torch.float64)
    rotation = torch.stack([torch.stack([turn.cos(), -turn.sin()], -1), torch.stack([turn.sin(), turn.cos()], -1)], -2)
    Y = bernoulli_gaussian(torch.eye(2, dtype=torch.float64), 4000, .3, rng=torch.Generator().manual_seed(0))[0]
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=80)
    for p in (3, 4): v = ((Y @ rotation).abs()**p).mean((1, 2)); ax.plot(turn*180/math.pi, v/v.max(), label=f"objective, p = {p}")
    ax.plot(turn*180/math.pi, basis_error(rotation, torch.eye(2, dtype=torch.float64)), "--", label="error"); ax.set_xlabel("degrees away from the truth"); ax.legend()
    plt.close(fig); fig

    rng = torch.Generator().manual_seed(2)
    D0 = random_orthogonal(5, rng=rng)
    Y, _ = bernoulli_gaussian(D0, 400, .3, rng=rng)
    for p in (3, 4, 5):
        D = torch.randn(5, 5, dtype=torch.float64, generator=rng).requires_grad_()
        g, = torch.autograd.grad(((Y @ D).abs()**p).sum(1).mean()/p, D)
        torch.testing.assert_close(spiky_gradient(Y, D.detach(), p), g, rtol=1e-10, atol=1e-12)
    D = random_orthogonal(5, rng=rng)
    g, S = spiky_gradient(Y, D), polar(spiky_gradient(Y, D))
    assert frank_wolfe_gap(Y, D) > 0
    torch.testing.assert_close((g*(S - D)).sum(), frank_wolfe_gap(Y, D))
    other = torch.randn(1000, 5, 5, dtype=torch.float64, generator=rng)
    other = other/torch.linalg.matrix_norm(other, 2)[:, None, None]
    assert ((g*(other - D)).sum((1, 2)) <= frank_wolfe_gap(Y, D)).all()
    half = random_orthogonal(5, rng=rng)*.5
    assert ((Y @ half).abs()**3).sum() <= ((Y @ polar(half)).abs()**3).sum()  # orthogonal beats what is inside the ball
    shuffled = D0[:, torch.randperm(5, generator=rng)]*torch.tensor([1., -1, 1, -1, -1], dtype=torch.float64)
    assert basis_error(shuffled, D0) < 1e-14 and basis_error(D, D0) > .1


def test_from_a_stream():
    import math
    import torch
    from sparsebook.matrix_prox import polar
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.orthogonal_dictionary import OnlineOrthogonalDL, basis_error, bernoulli_gaussian, frank_wolfe_gap, random_orthogonal

    rng = torch.Generator().manual_seed(0)
    D0 = random_orthogonal(10, (10,), rng=rng)
    Y, _ = bernoulli_gaussian(D0, 6000, .3, rng=rng)
    start = random_orthogonal(10, (10,), rng=rng)
    fig, ax = plt.subplots(figsize=(6, 3), dpi=80)
    for schedule, project in [("paper", True), ("unit", False), ("sfw", True)]:
        learner = OnlineOrthogonalDL(start, schedule=schedule, project=project)
        errors = torch.stack(learner.fit_stream(Y, 10, lambda s: basis_error(polar(s.D), D0)))
        ax.loglog(range(1, 601), errors.mean(1), label=f"{schedule}, {'projected' if project else 'not projected'}")
    ax.set_xlabel("steps"); ax.set_ylabel("mean error of ten seeds"); ax.legend()
    plt.close(fig); fig

    learner = OnlineOrthogonalDL(start)
    learner.fit_stream(Y, 10)
    slow = OnlineOrthogonalDL(start, schedule="sfw")
    slow.fit_stream(Y, 10)
    assert (basis_error(learner.basis(), D0) < .01).all() and (basis_error(learner.basis(), D0) < basis_error(slow.basis(), D0)).all()
    alone = OnlineOrthogonalDL(start[3])
    alone.fit_stream(Y[3], 10)
    torch.testing.assert_close(alone.D, learner.D[3], rtol=0, atol=1e-8)

    A, G = start[0].numpy().T, 0
    for t in range(50):
        y = Y[0, 10*t:10*t + 10].numpy().T
        rho, gamma = 4/np.sqrt(t + 1), 2/(t + 2)**.75
        G = (1 - rho)*G + rho*((np.abs(A @ y)**2*np.sign(A @ y)) @ y.T/10)
        U, _, V = np.linalg.svd(G)
        U, _, V = np.linalg.svd((1 - gamma)*A + gamma*U @ V)
        A = U @ V
    half = OnlineOrthogonalDL(start[0])
    half.fit_stream(Y[0, :500], 10)
    torch.testing.assert_close(half.D, torch.from_numpy(A.T.copy()), rtol=0, atol=1e-9)
    other = OnlineOrthogonalDL(start[1])
    other.load_state_dict(half.state_dict())
    for s in (half, other): s.partial_fit(Y[0, 500:510])
    assert torch.equal(half.D, other.D)

    held, _ = bernoulli_gaussian(D0, 4000, .3, rng=rng)
    for schedule in ("unit", "clipped"):
        free = OnlineOrthogonalDL(start, schedule=schedule, project=False)
        seen = free.fit_stream(Y, 10, lambda s: (torch.linalg.matrix_norm(s.D, 2).max(), frank_wolfe_gap(held, s.D).mean() if s.t % 100 == 0 else None))
        assert max(s[0] for s in seen) <= 1 + 1e-12
        gaps = torch.stack([s[1] for s in seen if s[1] is not None])
        assert gaps[-1] < gaps[0]/2 and (gaps >= 0).all()
    torch.testing.assert_close(free.D @ free.D.mT, torch.eye(10, dtype=torch.float64).expand(10, 10, 10), rtol=0, atol=.05)
    torch.testing.assert_close(learner.D @ learner.D.mT, torch.eye(10, dtype=torch.float64).expand(10, 10, 10), rtol=0, atol=1e-12)
    dense, _ = bernoulli_gaussian(D0, 6000, 1., rng=rng)
    control = OnlineOrthogonalDL(start)
    control.fit_stream(dense, 10)
    assert basis_error(control.basis(), D0).min() > .3
    schulz = OnlineOrthogonalDL(start.float(), polar_method="newton_schulz")
    schulz.fit_stream(Y.float(), 10)
    assert (basis_error(schulz.basis().double(), D0) < .01).all()

    codes = learner.transform(Y[:, :5], k=3)
    assert ((codes != 0).sum(-1) == 3).all() and learner.transform(Y[:, :5], lam=1e3).abs().max() == 0
    for call, text in [(lambda: OnlineOrthogonalDL(torch.ones(3, 4)), "must be square"), (lambda: OnlineOrthogonalDL(start, p=2), "p must be > 2"), (lambda: OnlineOrthogonalDL(start, schedule="adam"), "schedule must be one of"),
                       (lambda: learner.partial_fit(torch.ones(4, 3)), "n=10"), (lambda: learner.partial_fit(torch.full((2, 10), math.nan)), "must be finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_from_a_batch():
    import torch
    from sparsebook.orthogonal_dictionary import MSP, basis_error, bernoulli_gaussian, frank_wolfe_gap, random_orthogonal

    rng = torch.Generator().manual_seed(3)
    D0, start = random_orthogonal(12, (8,), rng=rng), random_orthogonal(12, (8,), rng=rng)
    few, _ = bernoulli_gaussian(D0, 300, .2, rng=rng)
    found = {p: MSP(start, p=p).fit(few) for p in (3, 4)}
    {f"p = {p}": f"error {basis_error(m.D, D0).mean():.3f} after {len(m.history)} steps" for p, m in found.items()}

    many, _ = bernoulli_gaussian(D0, 4000, .2, rng=rng)
    for p in (3, 4):
        m = MSP(start, p=p).fit(many)
        assert (m.history.diff(dim=0) >= -1e-12).all() and basis_error(m.D, D0).max() < .01
        assert (frank_wolfe_gap(many, m.D, p) <= 1e-5).all()
        torch.testing.assert_close(MSP(start[2], p=p).fit(many[2]).D, m.D[2], rtol=0, atol=1e-6)
    assert basis_error(found[3].D, D0).mean() < basis_error(found[4].D, D0).mean()
    codes = m.transform(many, lam=1e-3)
    assert abs((codes != 0).double().mean() - .2) < .2
    try: MSP(start, p=2)
    except ValueError as e: print(e)
    else: raise AssertionError
