"""Generated from nbs/shared_lib/96_online.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_ridge_regression_a_group():
    import numpy as np
    import pytest
    from sparsebook.online import ridge_predictions

    def two_groups(T, seed=0, d=3):
        """Rows of everyone (column 0) and of two overlapping groups; the second group follows a model of its own."""
        rng = np.random.default_rng(seed)
        A = np.stack([np.ones(T, bool), rng.random(T) < 0.5, rng.random(T) < 0.3], 1)
        X, u, v = (rng.random((T, d)), rng.random(d), rng.random(d))
        return (X, np.where(A[:, 2], X @ v, X @ u) / d + rng.normal(0, 0.02, T).clip(-0.1, 0.1) + 0.1, A)
    X, y, A = two_groups(2000)
    r = ridge_predictions(X, y, A)
    print(f"mean squared error in the second group, last 500 rows: everyone's model {np.square(r.prediction[-500:, 0] - y[-500:])[A[-500:, 2]].mean():.4f}, its own {np.square(r.prediction[-500:, 2] - y[-500:])[A[-500:, 2]].mean():.5f}")

    X, y, A = two_groups(60, seed=1)
    r = ridge_predictions(X, y, A, l2=0.5, clip=False)
    for i in range(3):
        for t in np.flatnonzero(A[:, i])[::7]:
            before = np.flatnonzero(A[:t, i])
            G = 0.5*np.eye(3) + X[before].T @ X[before]
            np.testing.assert_allclose(r.prediction[t, i], X[t] @ np.linalg.solve(G, X[before].T @ y[before]), atol=1e-12)
        rows = X[A[:, i]]
        np.testing.assert_allclose(r.capacity[-1, i], np.linalg.slogdet(np.eye(3) + rows.T @ rows/0.5)[1], rtol=1e-12)
    assert (r.prediction[~A] == 0).all()

    X, y, A = two_groups(50_000, seed=2)
    A = A[:, :1]
    r = ridge_predictions(X, y, A, clip=False)
    s = np.expm1(np.diff(r.capacity[:, 0], prepend=0))
    penalised = np.linalg.lstsq(np.vstack([X, np.eye(3)]), np.append(y, np.zeros(3)))[1][0]
    np.testing.assert_allclose((np.square(y - r.prediction[:, 0])/(1 + s)).sum(), penalised, rtol=1e-9)

    for change, says in [(dict(y=y + 1), "y must be in 0..1"), (dict(A=A*2), "0 and 1"), (dict(l2=0), "l2 must be > 0"), (dict(X=X[:9]), "must be"), (dict(X=X*np.nan), "finite")]:
        with pytest.raises(ValueError, match=says): ridge_predictions(**(dict(X=X, y=y, A=A) | change))


def test_adanormalhedge():
    import numpy as np
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.online import ada_normal_hedge

    ada_normal_hedge([5., 0., -0.5, -2.], [20., 20., 20., 20.]).round(3)

    from decimal import Decimal, getcontext
    getcontext().prec = 200

    def exact(R, C):
        phi = lambda r: ((max(Decimal(r), Decimal(0)))**2/(3*(Decimal(C) + 1))).exp()
        return (phi(Decimal(R) + 1) - phi(Decimal(R) - 1))/2

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.floats(-50, 2000), st.floats(0, 3000)), min_size=1, max_size=5))
    def as_in_the_paper(experts):
        R, C = zip(*experts, strict=True)
        w = [exact(*e) for e in experts]
        want = [float(x/sum(w)) for x in w] if sum(w) else [1/len(w)]*len(w)
        np.testing.assert_allclose(ada_normal_hedge(R, C), want, rtol=1e-9, atol=1e-12)
    as_in_the_paper()
    assert ada_normal_hedge([-3, -4, 9], [5, 5, 10], [True, True, False]).tolist() == [0.5, 0.5, 0]
    assert ada_normal_hedge([1, 2], [5, 5], [False, False]).tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="C >= 0"): ada_normal_hedge([0.], [-1.])


def test_sleeping_experts_and_their_guarantee():
    import math
    import numpy as np
    import matplotlib.pyplot as plt
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.online import ada_normal_hedge, sleeping_bound, sleeping_experts, sleeping_hedge

    rng = np.random.default_rng(0)
    losses = rng.random((400, 3))*[1, 0.9, 0.4]
    awake = np.stack([np.ones(400), np.ones(400), np.arange(400) >= 150], 1).astype(bool)
    s = sleeping_experts(losses, awake)
    fig, ax = plt.subplots(figsize=(6, 2.2), dpi=72)
    ax.stackplot(np.arange(400), s.p.T, labels=["mean loss .5", "mean loss .45", "mean loss .2, awake from 150"])
    ax.set(xlabel="round", ylabel="weight")
    ax.legend(loc="lower left", fontsize=8);

    rng = np.random.default_rng(1)
    losses, awake = rng.random((200, 4)), rng.random((200, 4)) < 0.6
    s, h = sleeping_experts(losses, awake), sleeping_hedge(losses, awake, eta=0.7)
    R, C, w = np.zeros(4), np.zeros(4), np.ones(4)
    for t in range(200):
        a = awake[t]
        p = ada_normal_hedge(R, C, a)
        mean = p @ np.where(a.any() & ~a, 0, losses[t])
        np.testing.assert_allclose(s.loss[t], mean, rtol=1e-9)
        R, C = R + a*(mean - losses[t]), C + a*np.abs(mean - losses[t])
        q = a*w if a.any() else w
        np.testing.assert_allclose(h.p[t], q/q.sum(), rtol=1e-9)
        if a.any(): w[a] = (w*np.exp(-0.7*losses[t]))[a]*w[a].sum()/(w*np.exp(-0.7*losses[t]))[a].sum()
    np.testing.assert_allclose(s.regret[-1], R, atol=1e-9)
    np.testing.assert_allclose(s.width[-1], C, atol=1e-9)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 6), st.integers(0, 10**6), st.sampled_from(["random", "hostile", "lucky"]), st.floats(0.1, 1))
    def never_above(n, seed, kind, share):
        rng = np.random.default_rng(seed)
        awake, R, C, rows = rng.random((150, n)) < share, np.zeros(n), np.zeros(n), []
        for t in range(150):
            p = ada_normal_hedge(R, C, awake[t])
            losses = {"random": rng.random(n), "hostile": (p >= np.median(p)).astype(float), "lucky": np.append(np.zeros(1), np.ones(n - 1))}[kind]
            r = awake[t]*(p @ losses - losses) if awake[t].any() else np.zeros(n)
            R, C = R + r, C + np.abs(r)
            assert (R <= sleeping_bound(C) + 1e-9).all()
            rows.append(losses)
        np.testing.assert_allclose(sleeping_experts(np.array(rows), awake).regret[-1], R, atol=1e-9)
    never_above()
    B = 1 + 3/(2*3)*(3 + math.log(3) + math.log(6) + math.log(1))
    np.testing.assert_allclose(sleeping_bound(np.array([2., 5., 0.])), [math.sqrt(3*C*(math.log(3) + math.log(B) + math.log(1 + math.log(3)))) for C in (2, 5, 0)], rtol=1e-13)

    with pytest.raises(ValueError, match="finite where the expert is awake"): sleeping_experts([[np.nan, 1]], [[True, True]])
    assert sleeping_experts([[np.nan, 1]], [[False, True]]).loss.tolist() == [1]
    with pytest.raises(ValueError, match="eta must be > 0"): sleeping_hedge([[1.]], [[True]], 0)


def test_every_group_at_once():
    import numpy as np
    from sparsebook.online import groupwise, sleeping_bound

    def two_groups(T, seed=0, d=3):
        """Rows of everyone (column 0) and of two overlapping groups; the second group follows a model of its own."""
        rng = np.random.default_rng(seed)
        A = np.stack([np.ones(T, bool), rng.random(T) < 0.5, rng.random(T) < 0.3], 1)
        X, u, v = (rng.random((T, d)), rng.random(d), rng.random(d))
        return (X, np.where(A[:, 2], X @ v, X @ u) / d + rng.normal(0, 0.02, T).clip(-0.1, 0.1) + 0.1, A)
    X, y, A = two_groups(4000)
    g, everyone = groupwise(X, y, A), groupwise(X, y, A[:, :1])
    for name, mask in zip(["everyone", "half", "those with a model of their own"], A.T, strict=True): print(f"{name:32} loss of one regression {everyone.loss[mask].sum():6.2f}, groupwise {g.loss[mask].sum():5.2f}")

    np.testing.assert_allclose(g.ridges.prediction[:, 0], everyone.prediction, atol=1e-14)
    assert (np.square(g.prediction - y) <= g.loss + 1e-15).all(), "Jensen"
    assert (g.mixed.regret <= sleeping_bound(g.mixed.width)).all()
    for i, mask in enumerate(A.T):
        n, d = mask.sum(), X.shape[1]
        best = np.linalg.lstsq(np.vstack([X[mask], np.eye(d)]), np.append(y[mask], np.zeros(d)))[1][0]
        assert g.loss[mask].sum() <= best + g.ridges.capacity[-1, i] + sleeping_bound(g.mixed.width)[-1, i]
    order = np.random.default_rng(0).permutation(4000)
    assert not np.array_equal(groupwise(X[order], y[order], A[order]).loss, g.loss[order]), "the order of rows matters to an online learner"


def test_the_best_in_hindsight_at_many_times():
    import math
    import numpy as np
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook.online import groupwise, hindsight, own_clock

    def two_groups(T, seed=0, d=3):
        """Rows of everyone (column 0) and of two overlapping groups; the second group follows a model of its own."""
        rng = np.random.default_rng(seed)
        A = np.stack([np.ones(T, bool), rng.random(T) < 0.5, rng.random(T) < 0.3], 1)
        X, u, v = (rng.random((T, d)), rng.random(d), rng.random(d))
        return (X, np.where(A[:, 2], X @ v, X @ u) / d + rng.normal(0, 0.02, T).clip(-0.1, 0.1) + 0.1, A)
    X, y, A = two_groups(3000)
    mask = A[:, 2]
    at = own_clock(mask, 60)
    g, everyone = groupwise(X, y, A), groupwise(X, y, A[:, :1])
    best = hindsight(X[mask], y[mask], at)
    fig, ax = plt.subplots(figsize=(5, 2.4), dpi=72)
    for name, loss in [("one regression for everyone", everyone.loss), ("groupwise", g.loss)]: ax.plot(at, loss[mask].cumsum()[at - 1] - best, label=name)
    ax.set(xlabel="rows of the group seen", ylabel="regret of the group")
    ax.legend();

    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4))
    X = np.column_stack([X, X[:, 0] + X[:, 1]])  # a dependent column
    y, at = rng.normal(size=300), np.array([1, 3, 5, 6, 100, 300])
    for l2 in (0., 0.3):
        want = [np.square((Z := np.vstack([X[:t], math.sqrt(l2)*np.eye(5)])) @ np.linalg.lstsq(Z, v := np.append(y[:t], np.zeros(5)))[0] - v).sum() for t in at]
        np.testing.assert_allclose(hindsight(X, y, at, l2), want, atol=1e-10)
    assert (np.diff(hindsight(X, y, at)) >= -1e-12).all(), "more rows never cost less"
    with pytest.raises(ValueError, match="must increase within 1..300"): hindsight(X, y, np.array([5, 5]))
    assert own_clock(np.array([True, False, True]), 100).tolist() == [1, 2] and own_clock(np.zeros(3, bool)).tolist() == []
