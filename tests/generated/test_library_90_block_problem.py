"""Generated from nbs/shared_lib/90_block_problem.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_regressions_regression():
    import numpy as np
    import torch
    from sparsebook.datafit import Multinomial, Quadratic
    from sparsebook.datafit import Huber, Logistic, Poisson
    from sparsebook.block_problem import Regression

    rng = np.random.default_rng(0)
    f = Regression(rng.normal(size=(30, 8)), rng.normal(size=30), Quadratic())
    b = np.array([1, 4, 6])
    print(f"f = {f.value():.4f}; block gradient {f.block_gradient(b).round(2)}")
    d = -np.linalg.solve(f.bound(b), f.block_gradient(b))
    promised = f.change(b, d)
    f.move(b, d)
    print(f"f = {f.value():.4f} after the best move of the block; it promised {promised:+.4f}")
    f.block_gradient(b).round(12)

    def against_autograd(datafit, y, n=12, features=5, lam=.3):
        rng = np.random.default_rng(1)
        A = rng.normal(size=(n, features))*(rng.random((n, features)) < .7)
        A[0] = 1.
        f = Regression(A, y, datafit, lam)
        for _ in range(4):
            b = rng.choice(f.p, 3, replace=False)
            d = rng.normal(size=3)
            before, promised = f.value(), f.change(b, d)
            f.move(b, d)
            np.testing.assert_allclose(f.value() - before, promised, rtol=1e-9, atol=1e-10)
        def plain(x):
            z = torch.as_tensor(A) @ x.view(features, f.k)
            return n*datafit.value(f.y, z if f.k > 1 else z[:, 0]) + lam*x.sum()
        x = torch.as_tensor(f.x)
        g, H = torch.func.grad(plain)(x).numpy(), torch.func.hessian(plain)(x).numpy()
        np.testing.assert_allclose(f.value(), float(plain(x)), rtol=1e-12)
        np.testing.assert_allclose(f.block_gradient(b), g[b], atol=1e-10)
        np.testing.assert_allclose(f.gradient(), g, atol=1e-10)
        everything = np.arange(f.p)
        bound = f.bound(everything)
        np.testing.assert_allclose(f.hessian(everything), H, atol=1e-10)
        assert np.linalg.eigvalsh(bound - H).min() > -1e-9
        np.testing.assert_allclose(np.diag(bound), f.L, rtol=1e-12)
        np.testing.assert_allclose(np.abs(bound).sum(1), f.row_sums(), rtol=1e-10)
        v = rng.normal(size=f.p)
        np.testing.assert_allclose(f.product(v), bound @ v, atol=1e-10)
        top = np.linalg.eigvalsh(bound)[-1]
        assert top <= f.norm()*(1 + 1e-12) and (f.k > 1 or np.isclose(top, f.norm()))

    signs = np.where(np.random.default_rng(2).random(12) < .5, -1., 1.)
    against_autograd(Quadratic(), np.random.default_rng(3).normal(size=12))
    against_autograd(Huber(.7), np.random.default_rng(3).normal(size=12))
    against_autograd(Logistic(), signs)
    against_autograd(Multinomial(4), np.random.default_rng(4).integers(0, 4, 12))

    for A, y, loss in ((np.array([[1., 0.], [2., 0.]]), [0., 1.], Quadratic()), (np.ones((2, 1)), [1., 2.], Poisson())):
        try: Regression(A, y, loss)
        except ValueError as e: print(e)


def test_quadratics_on_a_graph_graphquadratic():
    import numpy as np
    from scipy import sparse
    from sparsebook.block_problem import GraphQuadratic

    chain = sparse.diags_array([-np.ones(5), 2.1*np.ones(6), -np.ones(5)], offsets=[-1, 0, 1])
    f = GraphQuadratic(chain, np.arange(6.))
    f.move(np.array([2, 3]), np.array([1., -1.]))
    print("the gradient moved at", np.flatnonzero(f.gradient() + np.arange(6.)))
    f.bound(np.array([2, 3]))

    rng = np.random.default_rng(0)
    S = rng.normal(size=(9, 9))*(rng.random((9, 9)) < .4)
    A, c = S @ S.T + np.eye(9), rng.normal(size=9)
    f = GraphQuadratic(A, c)
    for _ in range(5):
        b = rng.choice(9, 4, replace=False)
        before, d = f.value(), rng.normal(size=4)
        promised = f.change(b, d)
        f.move(b, d)
        np.testing.assert_allclose(f.value() - before, promised, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(f.gradient(), A @ f.x - c, atol=1e-12)
    np.testing.assert_allclose(f.value(), .5*f.x @ A @ f.x - c @ f.x, atol=1e-12)
    np.testing.assert_allclose(f.bound(b), A[np.ix_(b, b)], atol=1e-12)
    np.testing.assert_allclose(f.row_sums(), np.abs(A).sum(1), atol=1e-12)
    np.testing.assert_allclose(f.norm(), np.linalg.eigvalsh(A)[-1], rtol=1e-9)
    for bad in (np.array([[1., 2.], [0., 1.]]), np.diag([1., 0.])):
        try: GraphQuadratic(bad, [0., 0.])
        except ValueError as e: print(e)


def test_test_problems_sparse_design_lattice_neighbour_graph_label_pr():
    import math
    import numpy as np
    from scipy import sparse
    import matplotlib.pyplot as plt
    from sparsebook.block_problem import label_propagation, lattice, neighbour_graph, sparse_design, two_moons

    rng = np.random.default_rng(0)
    X, moon = two_moons(300, rng)
    W = neighbour_graph(X)
    known = rng.choice(300, 10, replace=False)
    A, c, nodes = label_propagation(W, known, 2.*moon[known] - 1)
    spread = sparse.linalg.spsolve(A, c)
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 2.8), constrained_layout=True)
    L = np.asarray((sparse_design(200, 1000, rng)**2).sum(0)).ravel()
    axes[0].hist(np.log10(L), 40, color="#0072B2")
    axes[0].set(xlabel="log10 of the curvature of a column", ylabel="columns", title="sparse_design")
    axes[1].scatter(*X[nodes].T, c=spread, cmap="coolwarm", s=8, vmin=-1, vmax=1)
    axes[1].scatter(*X[known].T, c=moon[known], cmap="coolwarm", s=50, edgecolor="black")
    axes[1].set(title="ten labels, spread over two moons", xticks=[], yticks=[]);

    import networkx
    assert set(networkx.from_scipy_sparse_array(lattice(3, 4)).edges) == {tuple(sorted((a[0]*4 + a[1], b[0]*4 + b[1]))) for a, b in networkx.grid_2d_graph(3, 4).edges}
    assert lattice(1, 1).nnz == 0 and lattice(1, 3).nnz == 4
    rng = np.random.default_rng(3)
    for X in (two_moons(60, rng)[0], rng.normal(size=(60, 20))):
        far = np.linalg.norm(X[:, None] - X, axis=2) + np.diag(np.full(60, np.inf))
        near = far <= np.sort(far, 1)[:, [4]]
        assert ((neighbour_graph(X).toarray() > 0) == (near | near.T)).all()
    D = sparse_design(400, 300, rng)
    assert abs(D.nnz/np.prod(D.shape) - 10*math.log(400)/400) < .01
    W = lattice(5, 5).tolil(); W[24, :] = 0; W[:, 24] = 0                     # node 24 is cut off: no label reaches it
    known, y = np.array([0, 7, 18]), np.array([1., -2., .5])
    A, c, nodes = label_propagation(W, known, y)
    assert 24 not in nodes and len(nodes) == 21 and np.linalg.eigvalsh(A.toarray()).min() > 0
    full = np.zeros(25); full[known] = y; full[nodes] = np.linalg.solve(A.toarray(), c)
    around = W @ full/np.maximum(np.asarray(W.sum(1)).ravel(), 1)             # the solution: every unknown is the mean of its neighbours
    np.testing.assert_allclose(full[nodes], around[nodes], atol=1e-12)
    try: label_propagation(W, [], [])
    except ValueError as e: print(e)
