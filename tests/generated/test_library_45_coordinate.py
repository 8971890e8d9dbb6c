"""Generated from nbs/shared_lib/45_coordinate.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_scalar_proxes_by_number():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook.penalty import L0, L1, MCP, SCAD, Box, CEL0, ElasticNet, LHalf, LogSum, LTwoThirds, NonNegL1
    from sparsebook.coordinate import scalar_prox, scalar_value

    [scalar_prox(0, x, 1., .5, 0., 0.) for x in (-2., -.3, 0., 1.)]

    @settings(max_examples=60)
    @given(st.floats(-4, 4), st.sampled_from([.05, .5, .999, 1.5, 3., 5.]), st.sampled_from([L1(.7), ElasticNet(.7, .3), L0(.4), MCP(.5, 2.), SCAD(.5, 3.), LHalf(.6), LTwoThirds(.6), LogSum(.5, .3), CEL0(.4, 1.3), NonNegL1(.5), Box(lo=-.5, hi=1.)]))
    def scalar_is_the_tensor(x, step, p):
        code, par = p.scalar()
        lam, a, b = (0., *par) if code == 10 else (par + (0., 0.))[:3]
        v = torch.tensor([x], dtype=torch.float64)
        ours = scalar_prox(code, x, lam, step, a, b)
        w = p.prox(v, step)
        cost = lambda z: (z - x)**2/2 + step*float(p.value(torch.tensor([z], dtype=torch.float64)))
        assert abs(ours - w.item()) < 1e-9 or abs(cost(ours) - cost(w.item())) < 1e-12, (p, x, step, ours, w)
        if code != 10: assert abs(scalar_value(code, ours, lam, a, b) - float(p.value(torch.tensor([ours], dtype=torch.float64)))) < 1e-12
    scalar_is_the_tensor()


def test_least_squares_cd():
    import math
    import numpy as np
    import torch
    from sparsebook.datafit import Quadratic
    import warnings
    from hypothesis import given, settings, strategies as st
    from sparsebook.datafit import Logistic, NotConverged
    from sparsebook.first_order import alpha_max, fista, ista
    from sparsebook.group_penalty import GroupL2
    from sparsebook.penalty import L0, L1, MCP, SCAD, Box, CEL0, ElasticNet, LHalf, LogSum, LTwoThirds, NonNegL1
    from sparsebook.coordinate import cd

    def problem(n=60, p=100, k=8, seed=0, rho=0.3):
        """Correlated design, k planted coefficients, a little noise."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, p))
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + math.sqrt(1 - rho ** 2) * X[:, j]
        w = np.zeros(p)
        w[rng.choice(p, min(k, p), replace=False)] = rng.normal(size=min(k, p)) + 1
        return (torch.as_tensor(np.asfortranarray(X)), torch.as_tensor(X @ w + 0.3 * rng.normal(size=n)))
    X, y = problem()
    lam = alpha_max(X, y, Quadratic(), L1())/10
    s = cd(X, y, Quadratic(), L1(lam))
    int((s.w != 0).sum()), f"gap {s.gap:.1e}", s.history["working_set"].int().tolist()

    from sklearn.linear_model import ElasticNet as TheirNet, Lasso as TheirLasso
    theirs = TheirLasso(lam, fit_intercept=False, tol=1e-14, max_iter=100000).fit(X.numpy(), y.numpy()).coef_
    np.testing.assert_allclose(s.w.numpy(), theirs, atol=1e-7)
    net = cd(X, y, Quadratic(), ElasticNet(lam, .6)).w
    np.testing.assert_allclose(net.numpy(), TheirNet(lam, l1_ratio=.6, fit_intercept=False, tol=1e-14, max_iter=100000).fit(X.numpy(), y.numpy()).coef_, atol=1e-7)
    weights = torch.tensor([0., 1., 2., .5]*25, dtype=torch.float64)
    for p in (L1(lam, weights=weights), ElasticNet(lam, .5, weights=weights), NonNegL1(lam), Box(lo=-.2, hi=.5)):
        ours, slow = cd(X, y, Quadratic(), p), fista(X, y, Quadratic(), p)
        assert abs(ours.history["objective"][-1] - slow.history["objective"][-1]) < 1e-9 and ours.history["distance"][-1] <= 1e-8, p
    for p in (MCP(lam, 3.), SCAD(lam, 3.7), LogSum(lam, .5), L0(lam/4), LHalf(lam/2), LTwoThirds(lam/2), CEL0(lam/8)):   # critical, and no worse than where ista ends
        ours, slow = cd(X, y, Quadratic(), p), ista(X, y, Quadratic(), p, tol=1e-7)
        assert p.subdiff_distance(ours.w, -X.T @ (y - X @ ours.w)/len(y)).max() <= 1e-8, p
        assert ours.history["objective"][-1] <= slow.history["objective"][-1]*1.3, (p, ours.history["objective"][-1], slow.history["objective"][-1])
    again = cd(X, y, Quadratic(), L1(lam), w0=s.w)
    assert len(again.history["distance"]) == 1 and torch.equal(again.w, s.w)                               # a warm start that is right stays
    single = cd(X.float(), y.float(), Quadratic(), L1(lam), tol=1e-4).w
    assert single.dtype == torch.float32 and (single - s.w).abs().max() < 1e-2

    @settings(max_examples=25)
    @given(st.integers(1, 8), st.integers(1, 9), st.sampled_from([0., .3, 1., 2.]), st.integers(0, 99))
    def edges(n, p, share, seed):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(n, p)), rng.normal(size=n)
        if p > 2: X[:, 1], X[:, 2] = X[:, 0], 0.                                                            # a duplicate, an empty column
        X, y = torch.as_tensor(X), torch.as_tensor(y)
        top = float((X.T @ y).abs().max())/n
        w = cd(X, y, Quadratic(), L1(share*top)).w
        assert L1(share*top).subdiff_distance(w, -X.T @ (y - X @ w)/n).max() <= 1e-8
        if share >= 1: assert (w.abs() < 1e-7).all()
    edges()
    empty = torch.stack([X[:, 0], torch.zeros(len(X), dtype=X.dtype)], 1)                                   # a warm start on an empty column, and starts outside
    assert cd(empty, y, Quadratic(), L1(.1), w0=torch.ones(2, dtype=X.dtype)).w[1] == 0
    for p, w0 in [(Box(lo=.5, hi=1.), None), (NonNegL1(.1), -torch.ones(100, dtype=X.dtype))]: assert cd(X, y, Quadratic(), p, w0=w0).history["distance"][-1] <= 1e-8
    assert not cd(X, y, Quadratic(), L1(1.01*alpha_max(X, y, Quadratic(), L1()))).w.any()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always"); cd(X, y, Quadratic(), L1(lam/50), max_iter=1, sweeps=1)
    assert any(isinstance(c.message, NotConverged) for c in caught)
    for call, text in [(lambda: cd(X, y, Logistic(), L1(.1)), "other datafits: prox_newton"), (lambda: cd(X/0, y, Quadratic(), L1(.1)), "finite"), (lambda: cd(X, y, Quadratic(), GroupL2(.1, 2)), "groups: bcd")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
