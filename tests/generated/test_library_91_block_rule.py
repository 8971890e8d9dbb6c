"""Generated from nbs/shared_lib/91_block_rule.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_blocks_that_are_fixed_beforehand_partition():
    import numpy as np
    import itertools
    from sparsebook.block_rule import partition

    L = np.array([5., 1., 4., 2., 3., 6.])
    {how: L[partition(L, 2, how)].tolist() for how in ("order", "sort", "avg")}

    for p, t, how in itertools.product((1, 7, 12), (1, 3, 5), ("order", "sort", "avg")):
        if t > p: continue
        rows = partition(np.random.default_rng(p).random(p), t, how)
        assert sorted(rows[rows >= 0].tolist()) == list(range(p)) and (rows[:-1] >= 0).all()
    for bad in (dict(t=0), dict(t=2, how="random")):
        try: partition(np.ones(4), **bad)
        except ValueError as e: print(e)


def test_scores_of_blocks_gs_gsl_gsd_gsq():
    import numpy as np
    import itertools
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Quadratic
    from sparsebook.block_rule import gs, gsd, gsl, gsq, partition, top

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    f = least_squares()
    blocks = partition(f.L, 5)
    H = [f.bound(b) for b in blocks]
    Lb = np.array([np.linalg.eigvalsh(h)[-1] for h in H])
    scores = dict(gs=gs(f.gradient(), blocks), gsl=gsl(f.gradient(), blocks, Lb), gsd=gsd(f.gradient(), blocks, 5*f.L), gsq=gsq(f.gradient(), blocks, np.linalg.inv(H)))
    {k: f"block {v.argmax()}" + (f", promises {v.max()/2:.3g}" if k != "gs" else "") for k, v in scores.items()}

    f = least_squares(p=33, seed=3)
    blocks = partition(f.L, 4, "avg")
    g, real = f.gradient(), [b[b >= 0] for b in blocks]
    H = [f.bound(b) for b in real]
    inverse = np.zeros((len(real), 4, 4))
    for i, h in enumerate(H): inverse[i, :len(h), :len(h)] = np.linalg.inv(h)
    Lb = np.array([np.linalg.eigvalsh(h)[-1] for h in H])
    q = np.array([g[b] @ np.linalg.solve(h, g[b]) for b, h in zip(real, H, strict=True)])
    np.testing.assert_allclose(gs(g, blocks), [g[b] @ g[b] for b in real])
    np.testing.assert_allclose(gsq(g, blocks, inverse), q)
    for score, steps in ((gsl(g, blocks, Lb), [-g[b]/lb for b, lb in zip(real, Lb, strict=True)]), (gsd(g, blocks, 4*f.L), [-g[b]/(4*f.L[b]) for b in real]),
                         (q, [-np.linalg.solve(h, g[b]) for b, h in zip(real, H, strict=True)])):
        assert (score <= q*(1 + 1e-9)).all()
        drop = -np.array([f.change(b, d) for b, d in zip(real, steps, strict=True)])
        assert (drop >= score/2 - 1e-9*np.abs(q).max()).all()
    np.testing.assert_allclose(drop, q/2)                  # least squares: the quadratic bound is the function
    best = max(itertools.combinations(range(12), 3), key=lambda b: sum(g[i]**2/f.L[i] for i in b))   # separable: the best t are the best subset
    assert tuple(top(g[:12]**2/f.L[:12], 3)) == best


def test_the_best_t_coordinates_of_all_iht():
    import numpy as np
    import itertools
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Quadratic
    from sparsebook.block_rule import iht, top

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    f = least_squares(30, 12, seed=1)
    H, g = f.bound(np.arange(12)), f.gradient()
    worth = {b: g[list(b)] @ np.linalg.solve(H[np.ix_(b, b)], g[list(b)]) for b in itertools.combinations(range(12), 3)}
    ranked = sorted(worth, key=worth.get, reverse=True)
    found = {"best of all 220": ranked[0], "gsd": tuple(top(g*g/f.L, 3)), "iht": tuple(iht(g, f.product, f.L, 3)), "gs": tuple(top(abs(g), 3))}
    {k: f"{tuple(map(int, b))}, {worth[b]/worth[ranked[0]]:.1%} of the best decrease" for k, b in found.items()}

    def decrease(H, g, b): return g[list(b)] @ np.linalg.solve(H[np.ix_(b, b)], g[list(b)])
    shares = []
    for seed in range(20):
        f = least_squares(30, 10, seed)
        H, g = f.bound(np.arange(10)), f.gradient()
        best = max(decrease(H, g, b) for b in itertools.combinations(range(10), 3))
        b = iht(g, f.product, f.L, 3)
        assert len(set(b.tolist())) == 3
        shares.append([decrease(H, g, b)/best for b in (b, top(g*g/f.L, 3), top(abs(g), 3))])
    iht_share, gsd_share, gs_share = np.mean(shares, 0)
    assert np.max(shares) <= 1 + 1e-9 and iht_share > gsd_share > gs_share
    print(f"share of the best subset's decrease: iht {iht_share:.2f}, gsd {gsd_share:.2f}, gs {gs_share:.2f}")


def test_with_x_0_gsq_nn():
    import numpy as np
    from sparsebook.block_rule import gsq_nn

    x, g, L = np.array([0., 0., 1., .1]), np.array([1., -1., 1., 3.]), np.array([2., 2., 4., 1.])
    q = gsq_nn(x, g, L)
    grid = np.linspace(0, 3, 300001)
    brute = [-min(gi*(grid - xi) + .5*Li*(grid - xi)**2) for xi, gi, Li in zip(x, g, L, strict=True)]
    np.testing.assert_allclose(q, brute, atol=1e-9)
    q


def test_a_rule_on_a_problem_selector():
    import numpy as np
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Quadratic
    from sparsebook.block_rule import FIXED, partition, selector

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    f = least_squares()
    blocks = partition(f.L, 5)
    {rule: selector(f, rule, blocks)().tolist() for rule in FIXED}

    f = least_squares(p=24, seed=5)
    f.move(np.arange(24), np.abs(np.random.default_rng(0).normal(size=24)))
    blocks, g = partition(f.L, 5), f.gradient()
    H = {tuple(b[b >= 0]): f.bound(b[b >= 0]) for b in blocks}
    D = np.abs(f.bound(np.arange(24))).sum(1)
    nn = [-min(0, *(gi*(v - xi) + .5*Li*(v - xi)**2 for v in (max(xi - gi/Li, 0),))) for xi, gi, Li in zip(f.x, g, f.L, strict=True)]
    value = {"gs": lambda b: g[b] @ g[b], "gsl": lambda b: g[b] @ g[b]/np.linalg.eigvalsh(H[tuple(b)])[-1], "gsd": lambda b: (g[b]**2/f.L[b]).sum(),
             "gsd_rows": lambda b: (g[b]**2/D[b]).sum(), "gsq": lambda b: g[b] @ np.linalg.solve(H[tuple(b)], g[b]), "gsq_nn": lambda b: sum(nn[i] for i in b)}
    for rule, score in value.items():
        chosen = selector(f, rule, blocks)()
        assert np.isclose(score(chosen), max(score(np.array(b)) for b in H)), rule
    for rule in ("gs", "gsd", "gsd_rows", "gsq_nn"):
        score = {"gs": np.abs(g), "gsd": g**2/f.L, "gsd_rows": g**2/D, "gsq_nn": nn}[rule]
        assert set(selector(f, rule, 3)().tolist()) == set(np.argsort(score)[-3:].tolist()), rule
    for kind in (blocks, 5):
        select = selector(f, "cyclic", kind)
        assert sorted(np.concatenate([select() for _ in range(5)]).tolist()) == list(range(24))
    draw = selector(f, "lipschitz", partition(f.L, 1))
    seen = np.bincount(np.concatenate([draw() for _ in range(4000)]), minlength=24)/4000
    assert np.abs(seen - f.L/f.L.sum()).max() < .04
    first = np.bincount([selector(f, "lipschitz", 1, s)()[0] for s in range(2000)], minlength=24)/2000
    assert np.abs(first - f.L/f.L.sum()).max() < .05 and len(set(selector(f, "lipschitz", 20)().tolist())) == 20
    for bad in (("gsl", 3), ("best", blocks), ("gs", 25)):
        try: selector(f, *bad)
        except ValueError as e: print(e)


def test_steps_without_constraints_gradient_step_searched_step_matrix():
    import numpy as np
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Logistic, Multinomial, Quadratic
    from sparsebook.block_rule import gradient_step, matrix_step, newton_step, searched_step, selector

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 40))*10**rng.uniform(-1, 1, 40)
    f = Regression(A, np.sign(A @ rng.normal(size=40)), Logistic())
    b = selector(f, "gsd", 5)()
    {name: f"{f.change(b, step(f, b)):+.3f}" for name, step in dict(gradient=gradient_step, searched=searched_step(), matrix=matrix_step, newton=newton_step).items()}

    rng = np.random.default_rng(1)
    A = rng.normal(size=(30, 12))*10**rng.uniform(-1, 1, 12)
    for loss, y in ((Quadratic(), rng.normal(size=30)), (Logistic(), np.where(rng.random(30) < .5, -1., 1.)), (Multinomial(3), np.arange(30) % 3)):
        f, learning = Regression(A, y, loss), searched_step()
        for _ in range(25):
            b = rng.choice(f.p, 4, replace=False)
            g, H = f.block_gradient(b), f.bound(b)
            promise = dict(gradient=g @ g/np.linalg.eigvalsh(H)[-1]/2, matrix=g @ np.linalg.pinv(H, hermitian=True) @ g/2, newton=0.)
            for name, step in dict(gradient=gradient_step, matrix=matrix_step, newton=newton_step).items():
                assert f.change(b, step(f, b)) <= -promise[name] + 1e-9*abs(f.value())
            d = learning(f, b)
            if g @ g: assert f.change(b, d) <= d @ g/2 + 1e-9*abs(f.value())
            f.move(b, d)
    f = least_squares()
    b = np.arange(5)
    f.move(b, matrix_step(f, b))
    np.testing.assert_allclose(f.block_gradient(b), 0, atol=1e-7*np.abs(f.gradient()).max())
    d = newton_step(f, b)
    assert np.abs(d).max() < 1e-9


def test_steps_that_keep_x_0_projected_step_projected_newton_step_two():
    import numpy as np
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Logistic, Quadratic
    from sparsebook.block_rule import projected_newton_step, projected_step, selector, two_metric_step

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    f = least_squares(lam=40., seed=2)
    everything = np.arange(f.p)
    for name, step in dict(PG=projected_step, PN=projected_newton_step, TMP=two_metric_step).items():
        f.restart()
        trace = []
        for _ in range(8):
            b = selector(f, "gsq_nn", 15)()
            f.move(b, step(f, b))
            trace.append(f.value())
        print(f"{name:3s}", " ".join(f"{v:.6g}" for v in trace), " non-zero:", int((f.x > 0).sum()))

    rng = np.random.default_rng(3)
    A = rng.normal(size=(40, 15))
    y = A @ np.maximum(rng.normal(size=15), 0) + .1*rng.normal(size=40)
    for f in (Regression(A, y, Quadratic()), Regression(A, np.sign(y), Logistic(), .5)):
        for step in (projected_step, projected_newton_step, two_metric_step):
            f.restart()
            for _ in range(40):
                b = rng.choice(15, 5, replace=False)
                d = step(f, b)
                assert f.change(b, d) <= 1e-12*abs(f.value())
                f.move(b, d)
                assert f.x.min() >= 0
    f = Regression(A, y, Quadratic())
    b = np.arange(15)
    d = projected_newton_step(f, b)
    f.move(b, d)
    g, scale = f.gradient(), np.abs(A.T @ y).max()
    assert (np.abs(g[f.x > 0]) < 1e-9*scale).all() and (g[f.x == 0] > -1e-9*scale).all()
    from scipy.optimize import nnls as reference
    np.testing.assert_allclose(f.x, reference(A, y)[0], atol=1e-9)
    f.restart()
    for _ in range(15): f.move(b, two_metric_step(f, b))
    np.testing.assert_allclose(f.x, reference(A, y)[0], atol=1e-9)


def test_the_loop_descend():
    import numpy as np
    import matplotlib.pyplot as plt
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Quadratic
    from sparsebook.block_rule import descend, matrix_step, newton_step, partition, searched_step, selector

    def least_squares(n=40, p=60, seed=0, lam=0.0):
        """A small least squares problem with columns of very different length."""
        rng = np.random.default_rng(seed)
        A = rng.normal(size=(n, p)) * 10 ** rng.uniform(-1, 1, p)
        return Regression(A, A @ (rng.normal(size=p) * (rng.random(p) < 0.2)) + rng.normal(size=n), Quadratic(), lam)
    f = least_squares(100, 300, seed=4)
    blocks = partition(f.L, 5)
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3), sharey=True, constrained_layout=True)
    for rule, colour in zip(("random", "cyclic", "gs", "gsl", "gsq"), ("#999999", "#E69F00", "#0072B2", "#D55E00", "#009E73"), strict=True):
        f.restart()
        run = descend(f, selector(f, rule, blocks), matrix_step, 200)
        axes[0].semilogy(run.value, label=rule, color=colour)
        axes[1].semilogy(1e3*run.seconds, run.value, color=colour)
    axes[0].set(xlabel="iteration", ylabel="f (minimum: 0)")
    axes[1].set(xlabel="milliseconds")
    axes[0].legend();

    f = least_squares(60, 16, seed=6)
    fives = partition(f.L, 5)
    for rule, blocks, step in (("cyclic", fives, matrix_step), ("gsq", fives, matrix_step), ("gsd", 6, newton_step), ("gsq", 5, matrix_step), ("gsl", fives, searched_step())):
        f.restart()
        run = descend(f, selector(f, rule, blocks), step, 300, watch=lambda problem, b: len(b))
        assert (np.diff(run.value) <= 1e-9*run.value[0]).all() and len(run.value) == len(run.seconds) == 301 and len(run.seen) == 300 and (np.diff(run.seconds) >= 0).all()
        solution, squares, *_ = np.linalg.lstsq(f.A.toarray(), f.y.numpy(), rcond=None)
        f.restart()
        assert len(descend(f, selector(f, "cyclic", fives), matrix_step, 50, stop=run.value[0]/2).value) < 20
        assert rule == "gsl" or run.value[-1] <= float(squares[0])/2*(1 + 1e-6), rule
