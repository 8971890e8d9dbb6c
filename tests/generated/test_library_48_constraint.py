"""Generated from nbs/shared_lib/48_constraint.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_polytopes():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    import cvxpy as cp
    import numpy as np
    from sparsebook.first_order import fista
    from sparsebook.penalty import L1, penalties
    from sparsebook.constraint import L1Ball, Simplex

    def problem(n=40, p=12, seed=0):
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        return (X, X[:, :3] @ torch.tensor([2.0, -1.5, 1.0], dtype=torch.float64) + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng))
    g = torch.tensor([1., -3., 2.])
    L1Ball(2.).lmo(g), Simplex(2.).lmo(-g), L1Ball(2.).prox(g)

    X, y = problem()
    for pen, inside in ((L1Ball(2.), lambda v: [cp.norm1(v) <= 2]), (Simplex(2.), lambda v: [v >= 0, cp.sum(v) == 2])):
        v = cp.Variable(12)
        cp.Problem(cp.Minimize(cp.sum_squares(y.numpy() - X.numpy() @ v)/80), inside(v)).solve(solver="CLARABEL")
        sol = fista(X, y, Quadratic(), pen)
        np.testing.assert_allclose(sol.w, v.value, atol=1e-4); assert abs(sol.gap) < 1e-7 and pen.value(sol.w) == 0 and pen.value(10*sol.w) == math.inf
        points = pen.prox(torch.randn(12, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
        theta = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        assert (theta @ points <= pen.conjugate(theta) + 1e-12).all() and (theta*pen.lmo(theta)).sum() <= (theta @ points).min()
        torch.testing.assert_close(pen.conjugate(theta), (pen.lmo(-theta)*theta).sum())
    for pen in penalties(L1Ball.__module__):
        w = pen.prox(v := 3*torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(2)))
        assert pen.subdiff_distance(w, w - v).max() <= 1e-12
    lam = fista(X, y, Quadratic(), L1Ball(2.))
    multiplier = float((X.T @ (X @ lam.w - y)/40).abs().max())
    torch.testing.assert_close(fista(X, y, Quadratic(), L1(multiplier)).w, lam.w, atol=1e-6, rtol=0)  # the Lasso of the same multiplier

    try: L1Ball(0.)
    except ValueError as e: print(e); assert "radius > 0" in str(e)
    else: raise AssertionError("an empty interior")


def test_frank_wolfe():
    import torch
    from sparsebook.datafit import Quadratic
    import matplotlib.pyplot as plt
    from sparsebook.datafit import Huber, Logistic, MultiTask, Poisson
    from sparsebook.first_order import fista
    from sparsebook.penalty import L1
    from sparsebook.constraint import L1Ball, Simplex, frank_wolfe

    def problem(n=40, p=12, seed=0):
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        return (X, X[:, :3] @ torch.tensor([2.0, -1.5, 1.0], dtype=torch.float64) + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng))
    X, y = problem()
    h = frank_wolfe(X, y, Quadratic(), L1Ball(2.), check=1).history
    fig, ax = plt.subplots(figsize=(5, 2.4), dpi=70)
    ax.semilogy(h["iteration"], h["gap"].clamp(min=1e-18), label="gap"); ax.semilogy(h["iteration"], (h["objective"] - h["objective"].min()).clamp(min=1e-18), label="objective - best")
    ax.set(xlabel="iteration"); ax.legend(); plt.close(fig); fig

    assert (h["gap"] >= h["objective"] - h["objective"][-1] - 1e-14).all()  # a certificate at every step
    for n, p in ((40, 12), (15, 30)):
        X, y = problem(n, p)
        for d in (Quadratic(), Huber(), Logistic()):
            t = torch.where(torch.arange(n) % 5 == 0, y.flip(0), y)
            t = torch.where(t > 0, 1., -1.).double() if isinstance(d, Logistic) else y
            for pen in (L1Ball(1.), Simplex(.7)):
                sol = frank_wolfe(X, t, d, pen)
                assert sol.history["distance"][-1] <= 1e-8 and abs(sol.gap - sol.history["gap"][-1]) < 1e-12
                torch.testing.assert_close(sol.w, fista(X, t, d, pen).w, atol=1e-6, rtol=0)
                assert pen.value(sol.w) == 0

    for call, text in [(lambda: frank_wolfe(X, y, Quadratic(), L1(.1)), "needs a set with a linear minimiser"), (lambda: frank_wolfe(X, y.abs(), Poisson(), L1Ball()), "needs a known curvature"),
                       (lambda: frank_wolfe(X, y[:, None], MultiTask(), L1Ball()), "needs w of shape (p,)"), (lambda: frank_wolfe(X, y[:, None], Quadratic(), L1Ball()), "needs y of shape (n,), got (15, 1)")]:
        try: call()
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)
