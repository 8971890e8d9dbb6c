"""Generated from nbs/shared_lib/44_greedy.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_orthogonal_matching_pursuit():
    import math
    import torch
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.greedy import omp

    def problem(n=40, p=60, k=4, noise=0.05, seed=0, correlation=0.0, T=None):
        """A regression with k true coefficients of size 1 to 2: X, y, w."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        X = X + correlation * X.roll(1, 1) + correlation * torch.randn(n, 1, dtype=torch.float64, generator=rng)
        W = torch.zeros(p, T or 1, dtype=torch.float64)
        for t in range(T or 1):
            S = torch.randperm(p, generator=rng)[:k]
            W[S, t] = (1 + torch.rand(k, dtype=torch.float64, generator=rng)) * (1 - 2 * torch.randint(2, (k,), generator=rng))
        y = X @ W + noise * torch.randn(n, T or 1, dtype=torch.float64, generator=rng)
        return (X, y, W) if T else (X, y[:, 0], W[:, 0])
    X, y, w = problem()
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=80)
    ax.plot([((y - X @ omp(X, y, k))**2).mean() for k in range(9)], "o-")
    ax.set_xlabel("columns chosen (4 are true)"); ax.set_ylabel("mean squared residual")
    plt.close(fig); fig

    def by_loop(X, y, k):
        S, r = [], y
        for _ in range(k):
            c = (X.T @ r).abs()
            c[S] = -1
            S.append(int((c == c.max()).nonzero()[0]))
            x = torch.linalg.lstsq(X[:, S], y[:, None]).solution[:, 0]
            r = y - X[:, S] @ x
        return torch.zeros(X.shape[1], dtype=X.dtype).index_put_((torch.tensor(S),), x) if k else torch.zeros(X.shape[1], dtype=X.dtype)

    @given(st.integers(4, 20), st.integers(2, 30), st.integers(0, 4), st.floats(0, 1), st.integers(0, 99))
    def is_the_definition(n, p, k, correlation, seed):
        k = min(k, n, p)
        X, Y, _ = problem(n, p, min(3, p), .1, seed, correlation, T=3)
        W = omp(X, Y, k)
        assert ((W != 0).sum(0) == k).all()
        for t in range(3):
            torch.testing.assert_close(W[:, t], by_loop(X, Y[:, t], k), rtol=1e-7, atol=1e-9)
            torch.testing.assert_close(W[:, t], omp(X, Y[:, t], k), rtol=1e-10, atol=1e-12)
    is_the_definition()

    from sklearn.linear_model import orthogonal_mp
    X, Y, W = problem(60, 100, 5, .02, T=20)
    torch.testing.assert_close(omp(X, Y, 5), torch.from_numpy(orthogonal_mp(X.numpy(), Y.numpy(), n_nonzero_coefs=5)), rtol=1e-9, atol=1e-11)
    assert torch.equal(omp(X, Y, 5) != 0, W != 0)
    few = omp(X, Y, 5, tol=1.)
    torch.testing.assert_close(few, torch.from_numpy(orthogonal_mp(X.numpy(), Y.numpy(), tol=1.)), rtol=1e-9, atol=1e-11)  # there tol is the squared norm: the same at 1
    assert ((Y - X @ few).norm(dim=0) <= 1).all() and omp(X.float(), Y.float(), 5).dtype == torch.float32

    X = torch.eye(4, dtype=torch.float64)[:, [0, 0, 1, 2]]
    assert omp(X, torch.tensor([1., 1., 0., 0.]), 1).tolist() == [1, 0, 0, 0]
    assert omp(X, torch.tensor([2., 1., 0., 0.]), 4).tolist() == [2, 0, 1, 0] and not omp(X, torch.zeros(4), 3).any()
    for args, text in [((X, torch.ones(4), 5), "k must be in 0..4 (the smaller side of X), got 5"), ((X, torch.ones(3), 1), "same number of rows"), ((X, torch.tensor([1., math.nan, 0, 0]), 1), "y must be finite")]:
        try: omp(*args)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_iterative_hard_thresholding():
    import torch
    import itertools
    import warnings
    import matplotlib.pyplot as plt
    from sparsebook.datafit import NotConverged
    from sparsebook.greedy import iht

    def refit(X, y, support):
        w = torch.zeros_like(support, dtype=X.dtype)
        w[support] = torch.linalg.lstsq(X[:, support], y[:, None]).solution[:, 0]
        return w
    def problem(n=40, p=60, k=4, noise=0.05, seed=0, correlation=0.0, T=None):
        """A regression with k true coefficients of size 1 to 2: X, y, w."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        X = X + correlation * X.roll(1, 1) + correlation * torch.randn(n, 1, dtype=torch.float64, generator=rng)
        W = torch.zeros(p, T or 1, dtype=torch.float64)
        for t in range(T or 1):
            S = torch.randperm(p, generator=rng)[:k]
            W[S, t] = (1 + torch.rand(k, dtype=torch.float64, generator=rng)) * (1 - 2 * torch.randint(2, (k,), generator=rng))
        y = X @ W + noise * torch.randn(n, T or 1, dtype=torch.float64, generator=rng)
        return (X, y, W) if T else (X, y[:, 0], W[:, 0])
    X, y, w = problem(80, 160, 8)
    plain, pursuit = iht(X, y, 8), iht(X, y, 8, pursuit=True)
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=80)
    for label, s in {"iht": plain, "pursuit": pursuit}.items(): ax.semilogy(s.history["objective"], ".-", label=label)
    ax.set_xlabel("steps"); ax.set_ylabel("objective"); ax.legend()
    plt.close(fig); fig

    for seed in range(5):
        X, y, w = problem(80, 120, 6, .02, seed)
        for s in (iht(X, y, 6), iht(X, y, 6, pursuit=True)):
            assert torch.equal(s.w != 0, w != 0) and (s.history["objective"].diff() <= 1e-15).all() and s.history["distance"][-1] <= 1e-8
            torch.testing.assert_close(s.w, refit(X, y, w != 0), rtol=1e-6, atol=1e-7)
        assert len(iht(X, y, 6, pursuit=True).history["objective"]) < len(iht(X, y, 6).history["objective"])
    hits = 0
    for seed in range(10):
        X, y, _ = problem(30, 10, 3, .3, seed)
        best = min(float(((y - X @ refit(X, y, torch.zeros(10, dtype=torch.bool).index_fill_(0, torch.tensor(S), True)))**2).sum()/60) for S in itertools.combinations(range(10), 3))
        s = iht(X, y, 3)
        assert s.history["objective"][-1] >= best - 1e-12
        hits += s.history["objective"][-1] <= best + 1e-9
    assert hits >= 9  # of 10: it is a local method
    full = iht(X, y, 10)
    torch.testing.assert_close(full.w, torch.linalg.lstsq(X, y[:, None]).solution[:, 0], rtol=1e-5, atol=1e-6)  # k = p: least squares
    assert not iht(X, y, 0).w.any() and not iht(X, y*0, 3).w.any()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        X, y, _ = problem(80, 160, 8)
        iht(X, y, 8, max_iter=2)
    assert issubclass(caught[0].category, NotConverged)
    print(caught[0].message)
    try: iht(X, torch.stack([y, y], 1), 3)
    except ValueError as e: print(e)
    else: raise AssertionError


def test_the_whole_lasso_path():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.greedy import lars_path

    def problem(n=40, p=60, k=4, noise=0.05, seed=0, correlation=0.0, T=None):
        """A regression with k true coefficients of size 1 to 2: X, y, w."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        X = X + correlation * X.roll(1, 1) + correlation * torch.randn(n, 1, dtype=torch.float64, generator=rng)
        W = torch.zeros(p, T or 1, dtype=torch.float64)
        for t in range(T or 1):
            S = torch.randperm(p, generator=rng)[:k]
            W[S, t] = (1 + torch.rand(k, dtype=torch.float64, generator=rng)) * (1 - 2 * torch.randint(2, (k,), generator=rng))
        y = X @ W + noise * torch.randn(n, T or 1, dtype=torch.float64, generator=rng)
        return (X, y, W) if T else (X, y[:, 0], W[:, 0])
    X, y, _ = problem(60, 12, 5, .5, correlation=.8)
    path = lars_path(X, y)
    fig, ax = plt.subplots(figsize=(6, 3), dpi=80)
    ax.plot(path.lams, path.coefs)
    ax.set_xscale("symlog", linthresh=1e-3); ax.invert_xaxis(); ax.set_xlabel("lam"); ax.set_ylabel("coefficients")
    plt.close(fig); fig

    from sklearn.linear_model import lars_path as peer
    drops = 0
    for seed in range(12):
        n, p = [(60, 20), (20, 40), (30, 30)][seed % 3]
        X, y, _ = problem(n, p, 6, .5, seed, correlation=.7)
        path = lars_path(X, y, lam_min=1e-3)
        size = (path.coefs != 0).sum(1)
        drops += int((size.diff() < 0).sum())
        for lam in np.geomspace(1.1e-3, float(path.lams[0]), 15):
            w = path.at(lam)
            g = X.T @ (y - X @ w)/n
            assert (g.abs() <= lam*(1 + 1e-8)).all() and ((g - lam*w.sign())[w != 0].abs() <= 1e-9).all()
        alphas, _, coefs = peer(X.numpy(), y.numpy(), method="lasso", alpha_min=1e-3)
        torch.testing.assert_close(path.lams, torch.from_numpy(alphas), rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(path.coefs, torch.from_numpy(coefs.T), rtol=1e-6, atol=1e-8)
        plain = lars_path(X, y, lam_min=1e-3, lasso=False)
        c = (y - plain.coefs @ X.T) @ X/n
        held = plain.coefs.diff(dim=0) != 0  # who moves between two knots
        assert ((c[1:].abs() - plain.lams[1:, None])[held].abs() <= 1e-9).all() and (held.sum(1).diff() >= 0).all() and (c.abs() <= plain.lams[:, None] + 1e-9).all()
    assert drops >= 10, drops

    X, y, _ = problem(30, 8, 3)
    torch.testing.assert_close(lars_path(X, y).coefs[-1], torch.linalg.lstsq(X, y[:, None]).solution[:, 0])
    twins = X[:, [0, 0, *range(1, 8)]]
    path = lars_path(twins, y)
    assert not path.coefs[:, 1].any()
    torch.testing.assert_close(path.coefs[-1][[0, *range(2, 9)]], lars_path(X, y).coefs[-1])
    assert lars_path(X, y*0).coefs.shape == (1, 8) and len(lars_path(X, y, max_knots=3).lams) == 3
    orthogonal = torch.linalg.qr(X).Q
    path = lars_path(orthogonal, y)
    torch.testing.assert_close(path.lams[:-1]*30, (orthogonal.T @ y).abs().sort(descending=True).values)  # knots are the correlations
    for call, text in [(lambda: path.at(-1.), "lam must be >= "), (lambda: lars_path(X, y*math.nan), "y must be finite, got 30"), (lambda: lars_path(X, torch.stack([y, y], 1)), "one path at a time")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
