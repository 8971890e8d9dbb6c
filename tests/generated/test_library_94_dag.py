"""Generated from nbs/shared_lib/94_dag.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_random_graphs():
    import numpy as np
    import matplotlib.pyplot as plt
    import networkx as nx
    from sparsebook.dag import random_dag, random_weights

    rng = np.random.default_rng(0)
    fig, axes = plt.subplots(1, 2, figsize=(6, 2.2), dpi=75, sharey=True)
    for ax, kind in zip(axes, ("er", "sf"), strict=True): ax.hist(np.stack([random_dag(100, 400, rng, kind).sum(0) for _ in range(20)]).ravel(), bins=range(0, 60, 3)); ax.set(title=kind, xlabel="arrows into a node")
    plt.close(fig); fig

    assert abs(np.mean([random_dag(30, 60, rng).sum() for _ in range(200)]) - 60) < 4*(60/200)**.5
    for kind in ("er", "sf"):
        for d in (2, 7, 25): assert nx.is_directed_acyclic_graph(nx.DiGraph(random_dag(d, d//2, rng, kind)))
    assert random_dag(50, 200, rng, "sf").sum() == 4*46 + 1 + 2 + 3, "the fifth node is the first with four older ones"
    W = random_weights(random_dag(40, 300, rng), rng, .25, 1.)
    w = np.abs(W[W != 0])
    assert .25 <= w.min() < .27 and .98 < w.max() <= 1 and abs((W[W != 0] > 0).mean() - .5) < .15
    try: random_dag(4, 7, rng)
    except ValueError as e: print(e)


def test_is_it_acyclic_make_it_so():
    import numpy as np
    import itertools
    from sparsebook.dag import is_dag, to_dag

    rng = np.random.default_rng(0)
    to_dag(np.array([[0., .9, 0], [0, 0, .5], [.4, .2, 0]]))  # the cycle 0 -> 1 -> 2 -> 0 loses its weakest edge

    for bits in itertools.product([0, 1], repeat=12):
        A = np.zeros((4, 4)); A[~np.eye(4, dtype=bool)] = bits
        assert is_dag(A) == (not np.linalg.matrix_power(A, 4).any()), "no walk of 4 steps on 4 nodes"
    full = rng.normal(size=(3, 8, 8))
    out = to_dag(full, .3)
    assert all(map(is_dag, out)) and is_dag(np.zeros((0, 0))) and not is_dag(np.eye(2)) and (np.abs(out[out != 0]) > .3).all()
    cut = np.abs(full[0]*(out[0] == 0)*(1 - np.eye(8))).max()
    weaker = np.where(np.abs(full[0]) >= cut, full[0], 0)*(1 - np.eye(8))
    assert not is_dag(weaker), "one edge fewer dropped would have left a cycle"
    try: to_dag(np.full((2, 2), np.nan))
    except ValueError as e: print(e)


def test_data():
    import numpy as np
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov, sem_cov

    rng = np.random.default_rng(0)
    chain = np.diag([1.5]*4, 1)
    np.round(sem_cov(chain).diagonal(), 1)  # variances grow along the arrows

    W = random_weights(random_dag(6, 9, rng), rng, .3, .9)
    for noise in ("gaussian", "exponential", "laplace", "gumbel"):
        s = linear_sem(W, 200_000, rng, sigma=np.arange(1, 7)/2, noise=noise)
        Z = s.X - s.X @ W
        np.testing.assert_allclose(Z.std(0), s.sigma, rtol=.02)
        np.testing.assert_allclose(Z.mean(0)/s.sigma, 0, atol=.02)
        np.testing.assert_allclose(sample_cov(s.X), sem_cov(W, s.sigma), atol=.03*sem_cov(W, s.sigma).max())
    batch = sem_cov(np.stack([W, W*0]), np.stack([s.sigma, s.sigma]))
    np.testing.assert_allclose(batch[0], sem_cov(W, s.sigma)); np.testing.assert_allclose(batch[1], np.diag(s.sigma**2))
    np.testing.assert_allclose(sample_cov(s.X, standardise=True).diagonal(), 1)
    try: linear_sem(chain + chain.T, 5, rng)
    except ValueError as e: print(e)


def test_acyclicity_as_a_number():
    import numpy as np
    import itertools
    import matplotlib.pyplot as plt
    import scipy.linalg
    from sparsebook.dag import expm, h_expm, h_logdet, is_dag

    def gradient_error(f, W, step=1e-06):
        """Largest difference between f's gradient and central differences, relative to the largest entry."""
        grad, numeric = (f(W)[1], np.zeros_like(W))
        for i, j in itertools.product(range(len(W)), repeat=2):
            e = np.zeros_like(W)
            e[i, j] = step
            numeric[i, j] = (f(W + e)[0] - f(W - e)[0]) / (2 * step)
        return np.abs(grad - numeric).max() / np.abs(numeric).max()
    rng = np.random.default_rng(0)
    w = np.linspace(0, .99, 100)
    ring = w[:, None, None]*np.roll(np.eye(6), 1, 1)
    fig, ax = plt.subplots(figsize=(4.2, 2.4), dpi=75); ax.semilogy(w[1:], h_logdet(ring).value[1:], label="log det"); ax.semilogy(w[1:], h_expm(ring).value[1:], label="exp")
    ax.set(xlabel="weight of the edges of a 6-cycle", ylabel="h", ylim=(1e-12, 10)); ax.legend(); plt.close(fig); fig

    graphs = np.zeros((4096, 4, 4)); graphs[:, ~np.eye(4, dtype=bool)] = np.array(list(itertools.product([0., .5], repeat=12)))
    acyclic = np.array([is_dag(A) for A in graphs])
    for h, least in ((h_logdet, 1e-4), (h_expm, 1e-4)):
        v = h(graphs).value
        assert acyclic.sum() == 543 and np.abs(v[acyclic]).max() < 1e-12 and v[~acyclic].min() > least  # 543 labelled DAGs of 4 nodes
    W = .3*rng.normal(size=(5, 5))
    assert gradient_error(h_logdet, W) < 1e-6 and gradient_error(h_expm, W) < 1e-6
    np.testing.assert_allclose(expm(np.stack([W*W, 40*W*W]))[0], scipy.linalg.expm(W*W), rtol=1e-10)
    np.testing.assert_allclose(expm(40*W*W), scipy.linalg.expm(40*W*W), rtol=1e-8)
    np.testing.assert_allclose(h_logdet(.5*np.roll(np.eye(6), 1, 1)).value, -np.log1p(-.25**6), rtol=1e-9)
    out = h_logdet(np.stack([W, 1.1*np.roll(np.eye(5), 1, 1), np.roll(np.eye(5), 1, 1)]))
    assert np.isfinite(out.value[0]) and np.isinf(out.value[1:]).all() and np.isnan(out.grad[1:]).all()
    assert np.isfinite(h_logdet(1.1*np.roll(np.eye(5), 1, 1), s=2.).value), "a wider domain holds it"


def test_scores():
    import numpy as np
    import itertools
    from sparsebook.dag import colide_ev, colide_nv, golem_ev, golem_nv, least_squares, linear_sem, noise_scale, random_dag, random_weights, sample_cov

    def gradient_error(f, W, step=1e-06):
        """Largest difference between f's gradient and central differences, relative to the largest entry."""
        grad, numeric = (f(W)[1], np.zeros_like(W))
        for i, j in itertools.product(range(len(W)), repeat=2):
            e = np.zeros_like(W)
            e[i, j] = step
            numeric[i, j] = (f(W + e)[0] - f(W - e)[0]) / (2 * step)
        return np.abs(grad - numeric).max() / np.abs(numeric).max()
    rng = np.random.default_rng(0)
    s = linear_sem(random_weights(random_dag(8, 14, rng), rng), 1000, rng, sigma=rng.uniform(.7, 3, 8))
    {f.__name__: [round(float(f(W, sample_cov(s.X))[0]), 2) for W in (s.W, 0*s.W)] for f in (least_squares, colide_ev, colide_nv, golem_ev, golem_nv)}  # at the truth, at the empty graph

    cov, W = sample_cov(s.X), s.W + .1*rng.normal(size=(8, 8))
    X = s.X - s.X.mean(0)
    r = X - X @ W
    np.testing.assert_allclose(least_squares(W, cov)[0], (r**2).sum()/(2*len(r)))
    np.testing.assert_allclose(colide_ev(W, cov)[0], (8/len(r))**.5*np.linalg.norm(r))
    np.testing.assert_allclose(colide_nv(W, cov)[0], np.linalg.norm(r, axis=0).sum()/len(r)**.5)
    for f in (least_squares, colide_ev, colide_nv, golem_ev, golem_nv):
        assert gradient_error(lambda w, f=f: f(w, cov), W) < 1e-6
        np.testing.assert_allclose(f(np.stack([W, s.W]), np.stack([cov, cov]))[1][1], f(s.W, cov)[1], atol=1e-12)
    sigma, t = noise_scale(W, cov), (r**2).mean(0)
    for wrong in sigma*np.exp(.3*rng.normal(size=(200, 8))): assert ((t/wrong + wrong)/2).sum() > colide_nv(W, cov)[0]
    for c in (.2, 7.):  # scaling: CoLiDE is homogeneous of degree 1 in the data, least squares of degree 2
        np.testing.assert_allclose([f(W, c**2*cov)[0] for f in (colide_ev, colide_nv, least_squares)], [c*colide_ev(W, cov)[0], c*colide_nv(W, cov)[0], c**2*least_squares(W, cov)[0]])
    for _ in range(200):  # convex in W once sigma is minimised over
        A, B = rng.normal(size=(2, 8, 8))
        for f in (colide_ev, colide_nv, least_squares): assert f((A + B)/2, cov)[0] <= (f(A, cov)[0] + f(B, cov)[0])/2 + 1e-9
    try: noise_scale(W, cov, "hetero")
    except ValueError as e: print(e)


def test_does_the_data_give_the_order_away():
    import numpy as np
    from sparsebook.dag import random_dag, random_weights, sem_cov, varsortability

    rng = np.random.default_rng(0)
    rows = []
    for low, high in ((.1, .5), (.25, 1.), (.5, 2.)):
        W = random_weights(random_dag(20, 80, rng), rng, low, high)
        rows.append((low, high, round(varsortability(sem_cov(W), W), 2), varsortability(np.eye(20), W)))
    rows  # weights from, to, varsortability raw and standardised

    chain = np.diag([1.]*3, 1)
    assert varsortability(np.diag([1., 2, 3, 4]), chain) == 1 and varsortability(np.diag([4., 3, 2, 1]), chain) == 0 and varsortability(np.eye(4), chain) == .5
    assert varsortability(np.diag([1., 3, 2, 4]), chain) == 5/6  # of the six paths only 1 -> 2 shrinks
    assert np.isnan(varsortability(np.eye(3), np.zeros((3, 3))))
