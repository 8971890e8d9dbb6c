"""Generated from nbs/shared_lib/92_forest.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_solve_on_a_forest_forest_solve():
    import numpy as np
    from scipy import sparse
    from sparsebook.forest import forest_solve

    def random_forest_system(n, rng):
        """A positive definite matrix whose graph is a random forest."""
        W = sparse.lil_array((n, n))
        for i in range(1, n):
            if rng.random() < 0.85:
                W[i, rng.integers(i)] = rng.normal()
        order = rng.permutation(n)
        W = sparse.csr_array(W)[order][:, order]
        return sparse.csc_array(W + W.T + sparse.diags_array(np.asarray(abs(W + W.T).sum(1)).ravel() + rng.random(n) + 0.1))
    chain = sparse.diags_array([-np.ones(4), 2*np.ones(5), -np.ones(4)], offsets=[-1, 0, 1]).tocsc()
    forest_solve(chain, np.arange(5), np.array([0., 0., 6., 0., 0.]))       # a string pulled in the middle

    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 40, 200):
        A = random_forest_system(n, rng)
        for b in (np.arange(n), rng.permutation(n)[:max(1, n//2)]):
            r = rng.normal(size=len(b))
            np.testing.assert_allclose(forest_solve(A, b, r), np.linalg.solve(A.toarray()[np.ix_(b, b)], r), rtol=1e-9, atol=1e-11)
    square = sparse.csc_array(4*np.eye(4) - np.roll(np.eye(4), 1, 0) - np.roll(np.eye(4), -1, 0))
    np.testing.assert_allclose(forest_solve(square, [0, 1, 3], np.ones(3)), np.linalg.solve(square.toarray()[np.ix_([0, 1, 3], [0, 1, 3])], np.ones(3)))
    for A, b in ((square, [0, 1, 2, 3]), (sparse.csc_array(np.array([[1., 2.], [2., 1.]])), [0, 1])):
        try: forest_solve(A, b, np.ones(len(b)))
        except ValueError as e: print(e)


def test_choose_a_forest_greedy_forest():
    import numpy as np
    import matplotlib.pyplot as plt
    import networkx
    from scipy import sparse
    from sparsebook.block_problem import lattice, neighbour_graph
    from sparsebook.forest import greedy_forest

    side, rng = 14, np.random.default_rng(0)
    G = lattice(side, side)
    fig, axes = plt.subplots(1, 3, figsize=(8.4, 2.9), constrained_layout=True)
    for ax, (name, order) in zip(axes, {"row by row": np.arange(side**2), "at random": rng.permutation(side**2), "by distance to the middle": np.argsort(np.hypot(*(np.divmod(np.arange(side**2), side) - (side - 1)/2*np.ones((2, 1)))))}.items(), strict=True):
        b = greedy_forest(G, order)
        H = sparse.coo_array(G[b][:, b])
        for i, j in zip(b[H.row], b[H.col], strict=True): ax.plot([i % side, j % side], [i//side, j//side], color="#0072B2", lw=1.5)
        ax.plot(b % side, b//side, ".", color="#0072B2", ms=4)
        ax.set(title=f"{name}: {len(b)} of {side**2}", xticks=[], yticks=[], aspect="equal")

    rng = np.random.default_rng(1)
    for n, k in ((30, 2), (80, 4), (60, 8)):
        W = neighbour_graph(rng.normal(size=(n, 2)), k)
        G, order = networkx.from_scipy_sparse_array(W), rng.permutation(n)
        b = greedy_forest(W, order)
        plain = []                                             # the definition, by brute force
        for i in order:
            if networkx.is_forest(G.subgraph([*plain, i])): plain.append(i)
        assert b.tolist() == plain
        assert set(greedy_forest(W, order[:10])) <= set(order[:10])


def test_fixed_forests_forest_partition_and_colouring():
    import numpy as np
    import networkx
    from sparsebook.block_problem import lattice, neighbour_graph, two_moons
    from sparsebook.forest import colouring, forest_partition

    W = neighbour_graph(two_moons(400, np.random.default_rng(0))[0], 5)
    order = np.random.default_rng(1).permutation(400)
    {"lattice, forests": [len(b) for b in forest_partition(lattice(20, 20), np.arange(400))], "lattice, colours": [len(b) for b in colouring(lattice(20, 20), np.arange(400))],
     "5 neighbours, forests": [len(b) for b in forest_partition(W, order)], "5 neighbours, colours": [len(b) for b in colouring(W, order)]}

    W = neighbour_graph(np.random.default_rng(2).normal(size=(150, 2)), 5)
    G, order = networkx.from_scipy_sparse_array(W), np.random.default_rng(3).permutation(150)
    for blocks in (forest_partition(W, order), colouring(W, order)):
        assert sorted(np.concatenate(blocks).tolist()) == list(range(150))
    assert all(networkx.is_forest(G.subgraph(b)) for b in forest_partition(W, order)) and all(not G.subgraph(b).edges for b in colouring(W, order))
    assert len(colouring(W, order)) <= max(dict(G.degree).values()) + 1
    assert [len(b) for b in colouring(lattice(6, 6), np.arange(36))] == [18, 18]


def test_steps_and_rules_forest_step_forest_selector():
    import numpy as np
    import matplotlib.pyplot as plt
    from scipy import sparse
    from sparsebook.block_problem import GraphQuadratic, label_propagation, lattice, neighbour_graph, two_moons
    from sparsebook.block_rule import descend, matrix_step, selector
    from sparsebook.forest import FORESTS, forest_selector, forest_step

    rng = np.random.default_rng(0)
    known = rng.choice(900, 40, replace=False)
    A, c, _ = label_propagation(lattice(30, 30), known, rng.normal(size=40))
    f = GraphQuadratic(A, c)
    best = -.5*c @ sparse.linalg.spsolve(A, c)
    fig, ax = plt.subplots(figsize=(6, 3), constrained_layout=True)
    for rule, colour in zip(FORESTS, ("#009E73", "#56B4E9", "#999999", "#D55E00", "#E69F00"), strict=True):
        f.restart()
        run = descend(f, forest_selector(f, rule), forest_step, 60)
        ax.semilogy(np.maximum((run.value - best)/-best, 1e-16), label=rule, color=colour)
    f.restart()
    run = descend(f, selector(f, "gs", round(f.p**(1/3))), matrix_step, 60)
    ax.semilogy((run.value - best)/-best, label=f"any {round(f.p**(1/3))} nodes, gs", color="black")
    ax.set(xlabel="iteration", ylabel="relative gap")
    ax.legend(ncol=2);

    rng = np.random.default_rng(2)
    A, c, _ = label_propagation(neighbour_graph(two_moons(200, rng)[0], 5), rng.choice(200, 10, replace=False), rng.normal(size=10))
    f = GraphQuadratic(A, c)
    x, gap = sparse.linalg.spsolve(A, c), {}
    for rule in FORESTS:
        f.restart()
        select = forest_selector(f, rule)
        for _ in range(400):
            b = select()
            before = f.value()
            d = forest_step(f, b)
            if _ < 5: np.testing.assert_allclose(d, np.linalg.solve(f.bound(b), -f.g[b]), rtol=1e-8, atol=1e-9)
            f.move(b, d)
            assert f.value() <= before + 1e-12*abs(before)
        gap[rule] = float((f.x - x) @ A @ (f.x - x)/(c @ x))
    assert max(gap.values()) < 1e-2 and gap["greedy"] < min(gap["random"], gap["colour"])
    print("relative gap after 400 blocks:", {k: f"{v:.0e}" for k, v in gap.items()})
    try: forest_selector(f, "tree")
    except ValueError as e: print(e)
