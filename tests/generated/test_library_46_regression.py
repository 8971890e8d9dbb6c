"""Generated from nbs/shared_lib/46_regression.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_least_squares():
    import numpy as np
    from sparsebook.sorted_prox import bh_weights
    import matplotlib.pyplot as plt
    from sparsebook.regression import ElasticNet, GroupLasso, Lasso, MCPRegression, SCADRegression, SLOPE, SparseGroupLasso, lambda_max

    def problem(n=80, p=60, k=5, seed=0):
        rng = np.random.default_rng(seed)
        X, w = (rng.normal(size=(n, p)), np.zeros(p))
        w[:k] = rng.choice([-1, 1], k) * (1 + rng.random(k))
        return (X, X @ w + 2 + 0.5 * rng.normal(size=n), w)
    X, y, w = problem()
    top = lambda_max(X, y)
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), dpi=80, sharey=True)
    for ax, (name, make) in zip(axes, (("Lasso", Lasso), ("MCP", MCPRegression)), strict=True):
        lams = np.geomspace(top, top/50, 25)
        ax.plot(lams/top, [make(lam).fit(X, y).coef_ for lam in lams], lw=1, color="#0072B2", alpha=.6)
        ax.plot(lams/top, np.tile(w[:5], (25, 1)), ":", color="#D55E00", lw=1)
        ax.set_xscale("log"); ax.invert_xaxis(); ax.set_xlabel("lam / lambda_max"); ax.set_title(f"{name}: dotted is the truth", fontsize=10)
    axes[0].set_ylabel("coefficient")
    plt.close(fig); fig

    import celer
    import cvxpy
    import sklearn.linear_model as theirs
    lam = top/5
    for ours, right in [(Lasso(lam, tol=1e-10), theirs.Lasso(lam, tol=1e-14, max_iter=100000)), (ElasticNet(lam, l1_ratio=.3, tol=1e-10), theirs.ElasticNet(lam, l1_ratio=.3, tol=1e-14, max_iter=100000)),
                        (Lasso(lam, fit_intercept=False, tol=1e-10), theirs.Lasso(lam, fit_intercept=False, tol=1e-14, max_iter=100000))]:
        a, b = ours.fit(X, y), right.fit(X, y)
        np.testing.assert_allclose(a.coef_, b.coef_, atol=1e-7); np.testing.assert_allclose(a.predict(X), b.predict(X), atol=1e-6)
        assert 0 <= a.dual_gap_ + 1e-12 < 1e-8 and abs(a.intercept_ - b.intercept_) < 1e-7
    group = GroupLasso(lam/2, groups=4, tol=1e-10).fit(X, y)
    right = celer.GroupLasso(4, lam, tol=1e-12, weights=np.ones(15)).fit(X, y)                              # our weight is sqrt(4) a group
    np.testing.assert_allclose(group.coef_, right.coef_, atol=1e-6)
    assert ((group.coef_.reshape(-1, 4) != 0).any(1) == (group.coef_.reshape(-1, 4) != 0).all(1)).all()
    labels = np.repeat(np.arange(15), 4)[::-1].copy()
    np.testing.assert_allclose(GroupLasso(lam/2, groups=labels, tol=1e-10).fit(X, y).coef_, group.coef_, atol=1e-7)
    np.testing.assert_allclose(SparseGroupLasso(lam/2, groups=4, l1_ratio=0., tol=1e-10).fit(X, y).coef_, group.coef_, atol=1e-7)
    np.testing.assert_allclose(SparseGroupLasso(lam, groups=4, l1_ratio=1., tol=1e-10).fit(X, y).coef_, Lasso(lam, tol=1e-10).fit(X, y).coef_, atol=1e-7)
    Xc, yc = X - X.mean(0), y - y.mean()
    slope = SLOPE(lam/3, tol=1e-10).fit(X, y)
    alphas = lam/3*bh_weights(60, .1).numpy()
    cost = lambda w: .5*((yc - Xc @ w)**2).mean() + (np.sort(np.abs(w))[::-1]*alphas).sum()
    v = cvxpy.Variable(60)
    steps = -np.diff(np.append(alphas, 0.))
    cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(yc - Xc @ v)/160 + sum(s*cvxpy.sum_largest(cvxpy.abs(v), i + 1) for i, s in enumerate(steps)))).solve(solver="CLARABEL")
    assert -1e-9 < cost(v.value) - cost(slope.coef_) < 1e-5
    for make in (MCPRegression, SCADRegression):                                                            # the truth without bias, where lasso shrinks
        m = make(lam).fit(X, y)
        assert set(np.flatnonzero(m.coef_)) == set(range(5)) and np.abs(m.coef_ - w).max() < np.abs(Lasso(lam).fit(X, y).coef_ - w).max()
    for est in (Lasso(), MCPRegression(), GroupLasso(groups=4), SparseGroupLasso(groups=4)):
        edge = lambda_max(X, y, est)
        assert not est.set_params(lam=1.001*edge).fit(X, y).coef_.any() and est.set_params(lam=.98*edge).fit(X, y).coef_.any(), est
    for call, text in [(lambda: Lasso(-1.).fit(X, y), "lam must be >= 0"), (lambda: Lasso(.1).fit(X[:5], y), "inconsistent"), (lambda: Lasso(.1).fit(X/0, y), "infinity"), (lambda: GroupLasso(.1, groups=7).fit(X, y), "7")]:
        try:
            with np.errstate(all="ignore"): call()
        except ValueError as e: assert text in str(e), e
        else: raise AssertionError(text)


def test_classification():
    import numpy as np
    import warnings
    from sparsebook.regression import SparseLogisticRegression

    def problem(n=80, p=60, k=5, seed=0):
        rng = np.random.default_rng(seed)
        X, w = (rng.normal(size=(n, p)), np.zeros(p))
        w[:k] = rng.choice([-1, 1], k) * (1 + rng.random(k))
        return (X, X @ w + 2 + 0.5 * rng.normal(size=n), w)
    rng = np.random.default_rng(0)
    X, y, w = problem(200)
    flowers = np.array(["iris", "rose"])[(y + rng.normal(size=200) > 2).astype(int)]
    m = SparseLogisticRegression(.05).fit(X, flowers)
    m.score(X, flowers), np.flatnonzero(m.coef_)

    import skglm
    with warnings.catch_warnings(action="ignore"): right = skglm.SparseLogisticRegression(.05, fit_intercept=True, tol=1e-10).fit(X, np.where(flowers == "rose", 1, -1))
    np.testing.assert_allclose(SparseLogisticRegression(.05, tol=1e-10).fit(X, flowers).coef_, right.coef_, atol=1e-5)
    three = rng.integers(3, size=200)
    m = SparseLogisticRegression(.01).fit(X + 2*np.eye(3, 60)[three], three)
    assert m.coef_.shape == (3, 60) and m.score(X + 2*np.eye(3, 60)[three], three) > .6 and np.allclose(m.predict_proba(X).sum(1), 1)
    try: SparseLogisticRegression().fit(X, np.ones(200))
    except ValueError as e: assert "at least 2 classes" in str(e); print(e)


def test_as_scikit_learn_wants_it():
    import warnings
    from sklearn.utils.estimator_checks import check_estimator
    from sparsebook.regression import Lasso

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(Lasso(.1))


@pytest.mark.slow
def test_all_of_them():
    import warnings
    from sklearn.utils.estimator_checks import check_estimator
    from sparsebook.regression import ElasticNet, GroupLasso, MCPRegression, SCADRegression, SLOPE, SparseGroupLasso, SparseLogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for est in (ElasticNet(.1), MCPRegression(.1), SCADRegression(.1), GroupLasso(.1), SparseGroupLasso(.1), SLOPE(.1), SparseLogisticRegression(.01)): check_estimator(est)
