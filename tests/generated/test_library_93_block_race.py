"""Generated from nbs/shared_lib/93_block_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_a_minimum_found_by_others_nonneg_reference():
    import numpy as np
    from sparsebook.block_problem import Regression
    from sparsebook.datafit import Logistic, Quadratic
    from sparsebook.block_problem import sparse_design
    from sparsebook.block_race import nonneg_reference

    def design(n=60, p=200, seed=0):
        """A and y of a small problem A, as arrays."""
        rng = np.random.default_rng(seed)
        A = sparse_design(n, p, rng)
        return (A, A @ (rng.normal(size=A.shape[1]) * (rng.random(A.shape[1]) < 0.1)) + rng.normal(size=n))
    A, y = design()
    f = Regression(A, y, Quadratic(), .3*float((A.T @ y).max()))
    best = nonneg_reference(f)
    f"{(best.x > 0).sum()} of {f.p} coordinates are not 0; delta = {best.delta:.3g} = {best.delta/f.lam:.2g} lambda; gradient on the support {best.error:.0e} lambda"

    from scipy.optimize import nnls
    for seed in range(3):
        A, y = design(50, 30, seed)
        f = Regression(A, y, Quadratic(), .2*float((A.T @ y).max()))
        best, R = nonneg_reference(f), np.linalg.cholesky(f.bound(np.arange(f.p))).T
        oracle = nnls(R, np.linalg.solve(R.T, A.T @ y - f.lam))[0]      # completing the square
        np.testing.assert_allclose(best.x, oracle, atol=1e-8*oracle.max())
        f = Regression(A, np.sign(y), Logistic(), .2*float((A.T @ np.sign(y)).max()/2))
        best = nonneg_reference(f)
        f.move(np.arange(f.p), best.x)
        assert (f.gradient() > -1e-9*f.lam).all() and best.error < 1e-9
    try: nonneg_reference(Regression(A, y, Quadratic()))
    except ValueError as e: print(e)


def test_the_gap_to_the_last_digit_gap_to():
    import numpy as np
    from sparsebook.block_problem import GraphQuadratic, Regression
    from sparsebook.datafit import Quadratic
    from sparsebook.block_problem import label_propagation, lattice, sparse_design
    from sparsebook.block_race import gap_to, nonneg_reference

    def design(n=60, p=200, seed=0):
        """A and y of a small problem A, as arrays."""
        rng = np.random.default_rng(seed)
        A = sparse_design(n, p, rng)
        return (A, A @ (rng.normal(size=A.shape[1]) * (rng.random(A.shape[1]) < 0.1)) + rng.normal(size=n))
    A, y = design()
    f = Regression(A, y, Quadratic(), .3*float((A.T @ y).max()))
    best = nonneg_reference(f)
    gap = gap_to(f, best.x)
    f.move(np.arange(f.p), best.x)
    f.move(np.flatnonzero(best.x)[:1], np.array([1e-9]))
    f"difference of values: {f.value() - best.value:.1e}; without cancellation: {gap(f):.3e}; by hand: {.5e-18*f.L[np.flatnonzero(best.x)[0]]:.3e}"

    from fractions import Fraction
    rng = np.random.default_rng(0)
    A, y = rng.integers(-3, 4, (6, 4)).astype(float), rng.integers(-3, 4, 6).astype(float)
    A[0] = 1
    exact = lambda x: sum((sum(Fraction(a)*Fraction(v) for a, v in zip(row, x, strict=True)) - Fraction(t))**2 for row, t in zip(A, y, strict=True))/2 + sum(map(Fraction, x))
    f = Regression(A, y, Quadratic(), 1.)
    best = nonneg_reference(f)
    x = np.maximum(best.x + 1e-4*rng.normal(size=4), 0)
    f.move(np.arange(4), x)
    np.testing.assert_allclose(gap_to(f, best.x)(f), float(exact(x) - exact(best.x)), rtol=1e-6)
    W = lattice(4, 4)
    G = GraphQuadratic(*label_propagation(W, [0, 5], [1., -1.])[:2])
    solution = np.linalg.solve(G.A.toarray(), G.c)
    np.testing.assert_allclose(gap_to(G, solution)(G), -(.5*solution @ G.A @ solution - G.c @ solution))


def test_when_the_zeros_are_found_and_when_they_must_be_identificatio():
    import numpy as np
    from sparsebook.block_race import identification

    outside = [np.array([0, 1]), np.array([0, 1]), np.array([1]), np.array([], int), np.array([], int)]
    identification(outside, [1, 0, 0, 0, 0], [9., .5, .4, .3, .2], [np.array([2]), np.array([0]), np.array([1]), np.array([2])], 1.)

    none = np.array([], int)
    assert identification([none]*3, [0]*3, [0.]*3, [none]*2, 1.) == (0, 0, 0, 0)
    assert identification([none, np.array([4]), none], [0, 0, 1], [0., 2., 2.], [np.array([4])]*2, 1.) == (-1, 2, -1, -1)
    assert identification([np.array([4])]*3, [0]*3, [0.]*3, [np.array([5])]*2, 1.) == (-1, -1, 0, -1)       # never updated: the theorem promises nothing
    assert identification([np.array([4])]*3, [0]*3, [0.]*3, [np.array([4])]*2, 1.) == (-1, -1, 0, 1)        # would contradict it


def test_arms_races_processes_arm_build_race_race_all():
    import numpy as np
    import matplotlib.pyplot as plt
    from sparsebook.block_problem import sparse_design
    from sparsebook.block_race import Arm, build, nonneg_reference, race, race_all

    def design(n=60, p=200, seed=0):
        """A and y of a small problem A, as arrays."""
        rng = np.random.default_rng(seed)
        A = sparse_design(n, p, rng)
        return (A, A @ (rng.normal(size=A.shape[1]) * (rng.random(A.shape[1]) < 0.1)) + rng.normal(size=n))
    A, y = design(80, 300)
    arrays = dict(indptr=A.indptr, indices=A.indices, data=A.data, shape=np.array(A.shape), y=y, lam=np.array(.3*(A.T @ y).max()))
    f = build(arrays, "quadratic")
    best = nonneg_reference(f)
    arrays |= dict(x=best.x, delta=np.array(best.delta), norm=np.array(f.norm()))
    arms = [Arm("variable", rule, step, 30) for rule in ("gsq_nn", "random") for step in ("projected", "two_metric")]
    runs = race(arrays, "quadratic", arms, 150)
    fig, ax = plt.subplots(figsize=(6, 3), constrained_layout=True)
    for r, colour in zip(runs, ("#0072B2", "#D55E00", "#56B4E9", "#E69F00"), strict=True):
        line, = ax.semilogy(np.maximum(r["gap"]/r["gap"][0], 1e-32), label=r["arm"].name, color=colour)
        if (k := r["found"].support) >= 0: ax.plot(k, r["gap"][k]/r["gap"][0], "o", color=line.get_color())
    ax.set(xlabel="iteration; the dot: support found", ylabel="relative gap")
    ax.legend()
    {r["arm"].name: r["found"] for r in runs}

    checked = 0
    for seed, loss in ((0, "quadratic"), (1, "quadratic"), (2, "logistic")):
        A, y = design(60, 80, seed)
        if loss == "logistic": y = np.sign(y)
        arrays = dict(indptr=A.indptr, indices=A.indices, data=A.data, shape=np.array(A.shape), y=y, lam=np.array(.2*(A.T @ y).max()*(.5 if loss == "logistic" else 1.)))
        f = build(arrays, loss)
        best = nonneg_reference(f)
        arrays |= dict(x=best.x, delta=np.array(best.delta), norm=np.array(f.norm()), value=np.array(best.value))
        arms = [Arm(how, rule, step, 10) for how in ("sort", "variable") for rule in ("gsq_nn", "cyclic") for step in ("projected", "projected_newton", "two_metric")]
        for r in race(arrays, loss, arms, 150):
            assert (np.diff(r["gap"]) <= 1e-9*r["gap"][0]).all()
            if r["found"].must >= 0:
                checked += 1
                assert r["found"].zeros <= r["found"].must, r["arm"]
    assert checked >= 20
    again, whole = race(arrays, loss, arms[:2], 5, keep=[0, 3])[1], race(arrays, loss, arms[:2], 150)[1]
    assert again["at"].tolist() == [0, 3, 5] and whole["at"].tolist() == list(range(len(whole["gap"])))
    np.testing.assert_array_equal(again["gap"], whole["gap"][[0, 3, 5]])
    for share, k in zip((1e-6, 1e-10), whole["reach"], strict=True): assert k == -1 or whole["gap"][k] <= share*whole["gap"][0] < whole["gap"][k - 1]
    for bad in (lambda: build(arrays, "hinge"), lambda: race_all([], 0)):
        try: bad()
        except ValueError as e: print(e)


@pytest.mark.slow
def test_two_processes():
    import numpy as np
    from sparsebook.block_problem import sparse_design
    from sparsebook.block_race import Arm, race, race_all

    def design(n=60, p=200, seed=0):
        """A and y of a small problem A, as arrays."""
        rng = np.random.default_rng(seed)
        A = sparse_design(n, p, rng)
        return (A, A @ (rng.normal(size=A.shape[1]) * (rng.random(A.shape[1]) < 0.1)) + rng.normal(size=n))
    A, y = design()
    arrays = dict(indptr=A.indptr, indices=A.indices, data=A.data, shape=np.array(A.shape), y=y)
    jobs = [dict(arrays=arrays, loss="quadratic", arms=[Arm("variable", "gsd", "matrix", 5)], iterations=20, seed=s) for s in range(2)]
    if race.__module__ == "sparsebook.block_race":
        for a, b in zip(race_all(jobs, 1), race_all(jobs, 2), strict=True): np.testing.assert_array_equal(a[0]["gap"], b[0]["gap"])
