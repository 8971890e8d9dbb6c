"""Generated from nbs/shared_lib/47_structured_penalty.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sorted_l1_slope():
    import torch
    import itertools
    import cvxpy as cp
    import numpy as np
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import alpha_max, fista
    from sparsebook.penalty import L1
    from sparsebook.structured_penalty import SLOPE

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def nearest(v, rows, radius):
        """The distances of v to conv(rows), coordinate by coordinate, by a quadratic program."""
        a = cp.Variable(len(rows), nonneg=True)
        cp.Problem(cp.Minimize(cp.sum_squares(np.asarray(v) - radius * np.asarray(rows).T @ a)), [cp.sum(a) == 1]).solve(solver='CLARABEL')
        return np.abs(np.asarray(v) - radius * np.asarray(rows).T @ a.value)
    X = normal(60, 1) + .4*normal(60, 12, seed=1)  # correlated
    y = X[:, :4].sum(1) + .5*normal(60, seed=2)
    lam = alpha_max(X, y, Quadratic(), L1(1.))/50
    {type(pen).__name__: fista(X, y, Quadratic(), pen).w.round(decimals=3).tolist()[:6] for pen in (L1(lam), SLOPE(lam, torch.linspace(1.5, .5, 12)))}  # the truth: 1, 1, 1, 1, 0, 0

    sol = fista(X, y, Quadratic(), pen := SLOPE(.02, torch.linspace(2, .1, 12).double()))
    assert abs(sol.gap) < 1e-8 and sol.w.abs().unique().numel() < 11  # clusters
    b = cp.Variable(12)
    price = pen._prices(X[0], .02).numpy()
    sorted_norm = sum((price[k - 1] - (price[k] if k < 12 else 0))*cp.sum_largest(cp.abs(b), k) for k in range(1, 13))
    cp.Problem(cp.Minimize(cp.sum_squares(y.numpy() - X.numpy() @ b)/120 + sorted_norm)).solve(solver="CLARABEL")
    np.testing.assert_allclose(sol.w, b.value, atol=1e-4)
    w, g = normal(12), normal(12, seed=1)
    torch.testing.assert_close(SLOPE(.3, torch.ones(12)).prox(w), L1(.3).prox(w))
    torch.testing.assert_close(SLOPE(.3, torch.ones(12)).subdiff_distance(L1(.3).prox(w), g), L1(.3).subdiff_distance(L1(.3).prox(w), g))
    s, tied, v = torch.tensor([3., 2., .5, .2]).double(), torch.tensor([1., -1., 1., 0.]).double(), torch.tensor([2., .3, -1., .7]).double()
    hull = [p for p in itertools.permutations(s[:3].tolist())]  # by quadratic program: a cluster of three, and a zero
    want = np.append(nearest(v[:3]*tied[:3].sign(), hull, 1.), max(.7 - .2, 0))
    np.testing.assert_allclose(SLOPE(1., s).subdiff_distance(tied, -v), want, atol=1e-6)

    try: SLOPE(1., [1., 2.])
    except ValueError as e: print(e); assert "non-increasing" in str(e)
    else: raise AssertionError("an increasing sequence")


def test_total_variation():
    import math
    import torch
    import itertools
    import cvxpy as cp
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import admm, fista
    from sparsebook.penalty import L1
    from sparsebook.structured_penalty import TV1D

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def nearest(v, rows, radius):
        """The distances of v to conv(rows), coordinate by coordinate, by a quadratic program."""
        a = cp.Variable(len(rows), nonneg=True)
        cp.Problem(cp.Minimize(cp.sum_squares(np.asarray(v) - radius * np.asarray(rows).T @ a)), [cp.sum(a) == 1]).solve(solver='CLARABEL')
        return np.abs(np.asarray(v) - radius * np.asarray(rows).T @ a.value)
    truth = torch.cat([torch.full((20,), c, dtype=torch.float64) for c in (0., 2., 1.)])
    X = normal(80, 60, seed=3)
    y = X @ truth + normal(80, seed=4)
    fig, ax = plt.subplots(figsize=(6, 2.4), dpi=70)
    ax.plot(fista(X, y, Quadratic(), L1(.1)).w, label="l1"); ax.plot(fista(X, y, Quadratic(), TV1D(.1)).w, label="total variation"); ax.plot(truth, "k:", label="truth")
    ax.legend(); plt.close(fig); fig

    X, y = normal(50, 20, seed=5), normal(50, seed=6)
    D = torch.eye(20, dtype=torch.float64).diff(dim=0)
    sol = fista(X, y, Quadratic(), TV1D(.05))
    torch.testing.assert_close(sol.w, admm(X, y, Quadratic(), L1(.05), operator=D).w, atol=1e-6, rtol=0)
    assert math.isnan(sol.gap) and 1 < sol.w.unique().numel() < 20
    w, v = torch.tensor([1., 1., 1., 3., 3., 2.]).double(), torch.tensor([.3, -2., .5, 1., .2, -1.5]).double()
    corners = [(D[:5, :6].T @ torch.tensor([a, b, 1., c, -1.]).double()).tolist() for a, b, c in itertools.product((-1., 1.), repeat=3)]
    np.testing.assert_allclose(TV1D(.8).subdiff_distance(w, -v), nearest(v, corners, .8), atol=1e-6)
    flat = normal(20, seed=7); flat -= flat.mean()
    np.testing.assert_allclose(TV1D(1.).alpha_max(flat), flat.cumsum(0).abs().max())
    assert TV1D(TV1D(1.).alpha_max(flat)*1.001).subdiff_distance(0*flat, flat).max() < 1e-14 < TV1D(TV1D(1.).alpha_max(flat)*.99).subdiff_distance(0*flat, flat).max()
    assert TV1D(1.).alpha_max(flat + 1) == math.inf

    try: TV1D(-.1)
    except ValueError as e: print(e); assert "lam must be >= 0" in str(e)
    else: raise AssertionError("a negative weight")


def test_nuclear_norm():
    import math
    import torch
    import cvxpy as cp
    import numpy as np
    from sparsebook.datafit import MultiTask, Quadratic
    from sparsebook.first_order import fista
    from sparsebook.structured_penalty import Nuclear

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    W = normal(10, 2) @ normal(2, 6, seed=1)
    X = normal(60, 10, seed=2)
    Y = X @ W + normal(60, 6, seed=3)
    {lam: torch.linalg.svdvals(fista(X, Y, MultiTask(), Nuclear(lam)).w).round(decimals=2).tolist() for lam in (.01, .2, .5)}  # rank 2 was planted

    sol = fista(X, Y, MultiTask(), Nuclear(.3))
    v = cp.Variable((10, 6))
    cp.Problem(cp.Minimize(cp.sum_squares(Y.numpy() - X.numpy() @ v)/120 + .3*cp.normNuc(v))).solve(solver="CLARABEL")
    np.testing.assert_allclose(sol.w, v.value, atol=1e-4); assert abs(sol.gap) < 1e-7
    diagonal, G = torch.diag(torch.tensor([2., 1., 0., 0.]).double()), torch.diag(torch.tensor([.5, -.7, 2., -.1]).double())
    np.testing.assert_allclose(Nuclear(.7).subdiff_distance(diagonal, G), math.hypot(1.2, 0, 1.3), rtol=1e-12)  # a diagonal is an l1 problem

    try: fista(X, Y[:, 0], Quadratic(), Nuclear(.3))
    except ValueError as e: print(e); assert "Nuclear needs w of shape (p, T)" in str(e)
    else: raise AssertionError("a vector has no rank to penalise")


def test_they_keep_the_contract():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import alpha_max, fista
    from sparsebook.penalty import penalties
    from sparsebook.structured_penalty import SLOPE, TV1D

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    found = penalties(SLOPE.__module__)
    assert {type(pen).__name__ for pen in found} == {"SLOPE", "TV1D", "Nuclear"}
    for n, pen in enumerate(found):
        shape = (12, 3) if pen.matrix else (12,)
        for step in (.1, 1., 5.):
            v, other = 2*normal(*shape, seed=n), 2*normal(*shape, seed=n + 99)
            x = pen.prox(v, step)
            assert pen.subdiff_distance(x, (x - v)/step).max() <= 1e-10, (pen, step)
            best, rng = ((x - v)**2).sum()/2 + step*pen.value(x), torch.Generator().manual_seed(n)
            for _ in range(40):
                z = x + 10**float(-3*torch.rand((), generator=rng))*torch.randn(shape, dtype=torch.float64, generator=rng)*(torch.rand(shape, generator=rng) < .4)
                assert ((z - v)**2).sum()/2 + step*pen.value(z) >= best - 1e-12
            if not pen.matrix: torch.testing.assert_close(pen.prox(torch.stack([other, v], 1), step)[:, 1], x); assert pen.subdiff_distance(x[:, None], ((x - v)/step)[:, None]).shape == (12, 1)
            d = x - pen.prox(other, step)
            assert (d**2).sum() <= (d*(v - other)).sum() + 1e-12
            theta = (v - x)/step
            torch.testing.assert_close(pen.value(x) + pen.conjugate(theta), (theta*x).sum(), rtol=1e-8, atol=1e-8)
            if not isinstance(pen, TV1D): s = pen.dual_scale(other); assert math.isfinite(pen.conjugate(s*other)) and (s == 1 or pen.conjugate(1.001*s*other) == math.inf)
    X, y = normal(40, 12), normal(40, seed=8)
    for pen in found:
        if isinstance(pen, TV1D): continue
        t = torch.stack([y, y.flip(0), y**2], 1) if pen.matrix else y
        top = alpha_max(X, t, Quadratic(), pen)
        assert not fista(X, t, Quadratic(), pen.with_weight(top*1.0001)).w.any() and fista(X, t, Quadratic(), pen.with_weight(top*.98)).w.any()
