"""Generated from nbs/shared_lib/43_first_order.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_proximal_gradient_ista():
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    import warnings
    import numpy as np
    from sparsebook.datafit import Cox, Huber, Logistic, Multinomial, NotConverged, Poisson
    from sparsebook.penalty import Box, ElasticNet, L0, LHalf, NonNegL1
    from sparsebook.first_order import ista

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    X, y, truth = problem()
    sol = ista(X, y, Quadratic(), L1(.2))
    sol.w, sol.gap, sol.history["distance"][-1]

    Q = torch.linalg.qr(problem()[0]).Q*30**.5  # orthogonal columns of squared norm n: one step is exact
    sol = ista(Q, y, Quadratic(), L1(.2), max_iter=2, check=1)
    torch.testing.assert_close(sol.w, L1(.2).prox(Q.T @ y/30))
    from sklearn.linear_model import Lasso
    np.testing.assert_allclose(ista(X, y, Quadratic(), L1(.2)).w, Lasso(.2, fit_intercept=False, tol=1e-14, max_iter=10**5).fit(X, y).coef_, atol=1e-8)
    objective = ista(X, y, Quadratic(), LHalf(.3), check=1).history["objective"]
    assert (objective.diff() <= 1e-14).all()  # a descent method, also without convexity
    both = ista(X, torch.stack([y, y.flip(0)], 1), Quadratic(), L1(.2)).w
    torch.testing.assert_close(both[:, 1], ista(X, y.flip(0), Quadratic(), L1(.2)).w, atol=1e-7, rtol=0)
    for d, pen in [(Poisson(), L1(.05)), (Cox(), L1(.02)), (Huber(), NonNegL1(.1)), (Logistic(), L0(.01)), (Multinomial(), ElasticNet(.05)), (Quadratic(), Box(-.5, 1.))]:
        assert ista(X, targets(d, y), d, pen).history["distance"][-1] <= 1e-8

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ista(X, y, Quadratic(), L1(.2), max_iter=3)
    print(caught[0].message)
    assert caught[0].category is NotConverged and "after 3 iterations, asked for 1e-08" in str(caught[0].message)
    try: ista(X, y[:5], Quadratic(), L1(.2))
    except ValueError as e: print(e)
    else: raise AssertionError("rows differ")


def test_accelerated_with_restarts_fista():
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    import warnings
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.datafit import Logistic, NotConverged
    from sparsebook.penalty import MCP, ElasticNet
    from sparsebook.first_order import fista, ista

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    rng = torch.Generator().manual_seed(0)
    X = torch.randn(60, 100, dtype=torch.float64, generator=rng).cumsum(1)/5  # strongly correlated columns
    y = X[:, ::25].sum(1) + torch.randn(60, dtype=torch.float64, generator=rng)
    lam, best = .05, fista(X, y, Quadratic(), L1(.05), tol=1e-11, max_iter=10**6).history["objective"][-1]
    fig, ax = plt.subplots(figsize=(6, 2.6), dpi=70)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConverged)
        for name, run in [("ISTA", lambda: ista(X, y, Quadratic(), L1(lam), max_iter=1500)), ("FISTA", lambda: fista(X, y, Quadratic(), L1(lam), max_iter=1500, restart=False)), ("with restarts", lambda: fista(X, y, Quadratic(), L1(lam), max_iter=1500))]:
            h = run().history
            ax.semilogy(h["iteration"], (h["objective"] - best).clamp(min=1e-16), label=name)
    ax.set(xlabel="iteration", ylabel="objective - best", ylim=(1e-15, None)); ax.legend(); plt.close(fig); fig

    from sklearn.linear_model import ElasticNet as Peer, LogisticRegression
    for n, p in ((30, 12), (20, 40)):  # with and without the Gram matrix
        X, y, _ = problem(n, p)
        np.testing.assert_allclose(fista(X, y, Quadratic(), ElasticNet(.2, .5)).w, Peer(alpha=.2, l1_ratio=.5, fit_intercept=False, tol=1e-14, max_iter=10**5).fit(X, y).coef_, atol=1e-7)
        sol = fista(X, y, Quadratic(), L1(.2))
        assert abs(sol.gap) < 1e-7 and sol.history["objective"][-1] <= ista(X, y, Quadratic(), L1(.2)).history["objective"][-1] + 1e-10
    X, y, truth = problem()
    peer = LogisticRegression(C=1/(30*.05), l1_ratio=1., solver="liblinear", fit_intercept=False, tol=1e-12, max_iter=10**5)
    try: coef = peer.fit(X, targets(Logistic(), y)).coef_[0]
    except (TypeError, ValueError): coef = LogisticRegression(penalty="l1", C=1/(30*.05), solver="liblinear", fit_intercept=False, tol=1e-12, max_iter=10**5).fit(X, targets(Logistic(), y)).coef_[0]
    np.testing.assert_allclose(fista(X, targets(Logistic(), y), Logistic(), L1(.05)).w, coef, atol=1e-5)
    h = fista(X, y, Quadratic(), L1(.1), restart=False, check=1).history
    k, star = h["iteration"][1:], fista(X, y, Quadratic(), L1(.1), tol=1e-12)
    L = Quadratic().lipschitz(X, y)
    assert (h["objective"][1:] - star.history["objective"][-1] <= 2*L*(star.w**2).sum()/(k + 1)**2 + 1e-14).all()  # the theorem
    ones = torch.cat([X, torch.ones(30, 1)], 1)
    weights = torch.ones(13); weights[-1] = 0
    sol = fista(ones, y + 5, Quadratic(), L1(.2, weights=weights))
    torch.testing.assert_close(sol.w[-1], (y + 5 - X @ sol.w[:-1]).mean())  # an intercept
    assert 0 <= sol.gap + 1e-12 < 1e-7

    try: fista(X, y, Quadratic(), MCP(.1))
    except ValueError as e: print(e); assert str(e) == "fista is not available for MCP with Quadratic: no guarantee for a nonconvex penalty"
    else: raise AssertionError("FISTA has no guarantee there")


def test_accelerated_for_mcp_and_scad():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    from sparsebook.datafit import Huber, Logistic, Multinomial, Poisson
    from sparsebook.penalty import MCP, SCAD, ElasticNet, LHalf, LogSum, NonNegL1
    from sparsebook.first_order import fista, nonconvex_ag

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    X, y, truth = problem(100, 200, seed=3)
    rows = {}
    for pen in (L1(.15), MCP(.15), SCAD(.15)):
        w = nonconvex_ag(X, y, Quadratic(), pen).w
        rows[type(pen).__name__] = [round(float(v), 3) for v in w[:3]], int((w != 0).sum())
    {"truth": truth[:3].tolist(), **rows}  # l1 shrinks what it keeps by about lam; MCP and SCAD do not

    X, y, truth = problem()
    oracle = torch.linalg.lstsq(X[:, :3], y).solution
    w = nonconvex_ag(X, y, Quadratic(), MCP(.3)).w
    torch.testing.assert_close(w[:3], oracle, atol=1e-6, rtol=0); assert (w[3:] == 0).all()  # least squares on the true support
    alpha, t = 1., 1.
    for k in range(1, 50):
        assert math.isclose(1/alpha, t, rel_tol=1e-12) and alpha <= 2/(k + 1) + 1e-15
        alpha, t = 2/(1 + math.sqrt(1 + 4/alpha**2)), (1 + math.sqrt(1 + 4*t*t))/2
    for d in (Quadratic(), Huber(), Logistic(), Multinomial()):
        for pen in (L1(.1), ElasticNet(.1, .5), ElasticNet(3., .1), MCP(.1), SCAD(.1), LogSum(.02, .2)):
            sol = nonconvex_ag(X, targets(d, y), d, pen)
            assert sol.history["distance"][-1] <= 1e-8
            if pen.convex: torch.testing.assert_close(sol.w, fista(X, targets(d, y), d, pen).w, atol=1e-6, rtol=0)

    for pen, d, text in [(LHalf(.1), Quadratic(), "slope of the penalty is infinite at 0"), (NonNegL1(.1), Quadratic(), "l1 plus a smooth part"), (MCP(.1), Poisson(), "needs a known curvature")]:
        try: nonconvex_ag(X, targets(d, y), d, pen)
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_conjugate_gradients_on_the_prox_residual():
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    from sparsebook.datafit import Huber, Logistic
    from sparsebook.penalty import MCP, Box, ElasticNet, L0, NonNegL1
    from sparsebook.first_order import fista, ista, prox_ncg

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    rng = torch.Generator().manual_seed(1)
    X = (torch.randn(80, 1, dtype=torch.float64, generator=rng) + .3*torch.randn(80, 40, dtype=torch.float64, generator=rng))  # correlation 0.9
    y = X[:, :4].sum(1) + torch.randn(80, dtype=torch.float64, generator=rng)
    {s.__name__: int(s(X, y, Quadratic(), L1(.01)).history["evaluations"][-1]) for s in (ista, fista, prox_ncg)}  # gradients to 1e-8

    for seed in range(2):
        X, y, _ = problem(60, 20, seed)
        for d in (Quadratic(), Huber(), Logistic()):
            for pen in (L1(.1), ElasticNet(.1), NonNegL1(.05), Box(-1., 1.)):
                torch.testing.assert_close(prox_ncg(X, targets(d, y), d, pen).w, fista(X, targets(d, y), d, pen).w, atol=1e-6, rtol=0)
            sol = prox_ncg(X, targets(d, y), d, MCP(.1))
            assert sol.history["distance"][-1] <= 1e-8
    wide, t, _ = problem(20, 50)
    torch.testing.assert_close(prox_ncg(wide, t, Quadratic(), L1(.3)).w, fista(wide, t, Quadratic(), L1(.3)).w, atol=1e-6, rtol=0)

    X, y, _ = problem()
    rho, (a, b) = .5/Quadratic().lipschitz(X, y), torch.randn(2, 500, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    def residual(x): return (x - L1(.2).prox((x.T - rho*(X.T @ (X @ x.T - y[:, None]))/30).T, rho))/rho
    ratio = torch.linalg.vector_norm(residual(a) - residual(b), dim=1)/torch.linalg.vector_norm(a - b, dim=1)
    assert ratio.max() <= Quadratic().lipschitz(X, y) + 1/rho
    try: prox_ncg(X, y, Quadratic(), L0(.1))
    except ValueError as e: print(e); assert "the prox of the penalty jumps" in str(e)
    else: raise AssertionError("no continuous field")


def test_admm():
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.datafit import Logistic
    from sparsebook.penalty import SCAD, Box, ElasticNet, NonNegL1
    from sparsebook.first_order import admm, fista

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    rng = torch.Generator().manual_seed(0)
    steps = torch.cat([torch.full((30,), v, dtype=torch.float64) for v in (0., 2., -1., 1.)])
    noisy = steps + .4*torch.randn(120, dtype=torch.float64, generator=rng)
    I = torch.eye(120, dtype=torch.float64)
    tv = admm(I, noisy, Quadratic(), L1(.02), operator=I[1:] - I[:-1], tol=1e-7)
    fig, ax = plt.subplots(figsize=(6, 2.2), dpi=70)
    ax.plot(noisy, ".", ms=3, label="noisy"); ax.plot(tv.w, label="total variation by ADMM"); ax.legend(); plt.close(fig); fig

    import cvxpy as cp
    v = cp.Variable(120)
    cp.Problem(cp.Minimize(cp.sum_squares(noisy.numpy() - v)/240 + .02*cp.tv(v))).solve(solver="CLARABEL")
    np.testing.assert_allclose(tv.w, v.value, atol=1e-4)
    for n, p in ((30, 12), (20, 40)):
        X, y, _ = problem(n, p)
        for pen in (L1(.2), ElasticNet(.2), NonNegL1(.1), *[Box(-1., .5)]*(n > p)):  # (in a box, p > n has many minimisers)
            torch.testing.assert_close(admm(X, y, Quadratic(), pen).w, fista(X, y, Quadratic(), pen).w, atol=1e-6, rtol=0)
    torch.testing.assert_close(admm(X, torch.stack([y, 2*y], 1), Quadratic(), L1(.2)).w[:, 0], fista(X, y, Quadratic(), L1(.2)).w, atol=1e-6, rtol=0)
    D = torch.randn(15, 12, dtype=torch.float64, generator=rng)
    X, y, _ = problem()
    fits = [admm(X, y, Quadratic(), L1(.1), operator=D, rho=r) for r in (.01, 1., 100.)]
    for sol in fits[1:]: torch.testing.assert_close(sol.w, fits[0].w, atol=1e-6, rtol=0)
    grad = X.T @ (X @ fits[0].w - y)/30  # optimal: -grad = D' s with s a subgradient of .1 |.|_1 at D w
    zero = (D @ fits[0].w).abs() < 1e-6
    rest = -grad - .1*D[~zero].T @ (D[~zero] @ fits[0].w).sign()
    s = torch.linalg.lstsq(D[zero].T, rest[:, None]).solution
    assert (D[zero].T @ s - rest[:, None]).abs().max() < 1e-6

    for call, text in [(lambda: admm(X, targets(Logistic(), y), Logistic(), L1(.1)), "needs a quadratic datafit"), (lambda: admm(X, y, Quadratic(), SCAD(.1)), "no guarantee for a nonconvex penalty")]:
        try: call()
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_paths():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.penalty import L1
    import matplotlib.pyplot as plt
    from sparsebook.datafit import Logistic, Poisson
    from sparsebook.penalty import MCP, SCAD, ElasticNet, NonNegL1
    from sparsebook.first_order import alpha_max, fista, ista, nonconvex_ag, path

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    X, y, truth = problem(40, 12)
    fig, axes = plt.subplots(1, 2, figsize=(9, 2.6), dpi=70, sharey=True)
    for ax, (pen, how) in zip(axes, [(L1(1.), fista), (MCP(1.), nonconvex_ag)], strict=True):
        lams, W, _ = path(X, y, Quadratic(), pen, 30, solver=how)
        ax.semilogx(lams, W); ax.invert_xaxis(); ax.set(title=type(pen).__name__, xlabel="lam")
        for v in truth[:3]: ax.axhline(float(v), color="0.7", lw=.8, zorder=0)
    plt.close(fig); fig  # l1 approaches the truth (grey) only as noise enters; MCP jumps onto it

    for pen in (L1(1.), ElasticNet(1., .5), MCP(1.), SCAD(1.), NonNegL1(1.)):
        top = alpha_max(X, y, Quadratic(), pen)
        assert (ista(X, y, Quadratic(), pen.with_weight(top*1.001)).w == 0).all() and (ista(X, y, Quadratic(), pen.with_weight(top*.99)).w != 0).any()
    assert math.isclose(alpha_max(X, y, Quadratic(), L1(1.)), float((X.T @ y/40).abs().max()), rel_tol=1e-12)
    with_one, weights = torch.cat([X, torch.ones(40, 1)], 1), torch.tensor([1.]*12 + [0.])
    for d in (Quadratic(), Logistic(), Poisson()):
        top = alpha_max(with_one, targets(d, y + 1), d, L1(1., weights=weights))
        w = fista(with_one, targets(d, y + 1), d, L1(top*1.0001, weights=weights)).w
        assert (w[:12] == 0).all() and w[12] != 0
    lams, W, fits = path(X, y, Quadratic(), L1(1.), 8)
    assert (W[0] == 0).all() and all(s.history["distance"][-1] <= 1e-8 and abs(s.gap) < 1e-7 for s in fits)
    cold = sum(fista(X, y, Quadratic(), L1(float(lam))).history["evaluations"][-1] for lam in lams)
    assert sum(s.history["evaluations"][-1] for s in fits) <= cold*1.1


@pytest.mark.slow
def test_every_penalty_every_datafit_every_solver_here():
    import torch
    from sparsebook.datafit import datafits
    from sparsebook.penalty import penalties
    from sparsebook.first_order import admm, fista, ista, nonconvex_ag, prox_ncg

    def problem(n=30, p=12, seed=0, k=3):
        """A small regression with k non-zeros, float64."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        w = torch.zeros(p, dtype=torch.float64)
        w[:k] = torch.tensor([2.0, -1.5, 1.0] + [1.0] * (k - 3), dtype=torch.float64)
        return (X, X @ w + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng), w)
    def targets(datafit, y):
        """The same regression's targets, as a datafit wants them; every fifth is wrong, so that no two classes are separable."""
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(len(y)) % 5 == 0, y.flip(0), y)
        return {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)()
    X, y, _ = problem(30, 12)
    done = {}
    for d in datafits():
        t = targets(d, y)
        for pen in penalties():
            ends = {}
            for solve in (ista, fista, nonconvex_ag, prox_ncg, admm):
                if solve.refuses(d, pen): continue
                sol = solve(X, t, d, pen.with_weight(pen.lam/5))
                assert sol.history["distance"][-1] <= 1e-8, (solve.__name__, d, pen)
                ends[solve.__name__] = float(sol.history["objective"][-1])
            assert ends, (d, pen)
            if pen.convex: assert max(ends.values()) - min(ends.values()) < 1e-9, (d, pen, ends)
            done[type(d).__name__, type(pen).__name__] = len(ends)
    assert len(done) >= 70
    len(done), sum(done.values())
