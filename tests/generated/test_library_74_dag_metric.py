"""Generated from nbs/shared_lib/74_dag_metric.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_edges():
    import numpy as np
    import torch
    from sparsebook.dag import random_dag
    from sparsebook.metric import shd as metric_shd
    from sparsebook.dag_metric import edge_counts

    truth = np.zeros((4, 4)); truth[0, 1] = truth[1, 2] = truth[2, 3] = 1
    W = np.zeros((4, 4)); W[0, 1] = W[2, 1] = W[0, 3] = .7  # one right, one reversed, one extra; one missing
    edge_counts(W, truth)

    c = edge_counts(W, truth)
    assert (c.shd, c.missing, c.extra, c.reversed) == (3, 1, 1, 1) and c.tpr == 1/3 and c.fdr == 2/3
    rng = np.random.default_rng(0)
    A, B = (np.stack([random_dag(9, e, rng) for e in (0, 5, 12, 30)]) for _ in range(2))
    assert (edge_counts(A, B).shd == metric_shd(torch.from_numpy(A), torch.from_numpy(B)).numpy()).all()
    assert (edge_counts(A, A).shd == 0).all() and (edge_counts(A, A).tpr == 1).all() and (edge_counts(A, A).fdr == 0).all()
    both = edge_counts(np.ones((3, 3)) - np.eye(3), np.triu(np.ones((3, 3)), 1))
    assert both.reversed == 3 and both.tpr == 1 and both.fdr == .5, "an undirected edge where an arrow should be counts as reversed"
    for bad in (np.eye(4), np.zeros((3, 3))):
        try: edge_counts(bad, truth)
        except ValueError as e: print(e)


def test_up_to_markov_equivalence():
    import numpy as np
    import itertools
    from sparsebook.dag import is_dag, random_dag
    from sparsebook.dag_metric import cpdag, shd_cpdag

    def all_dags(d):
        """Every labelled DAG of d nodes."""
        off = ~np.eye(d, dtype=bool)
        for bits in itertools.product([False, True], repeat=d * (d - 1)):
            A = np.zeros((d, d), bool)
            A[off] = bits
            if not (A & A.T).any() and is_dag(A):
                yield A
    def equivalence_class(A):
        """What all Markov-equivalent DAGs share: the skeleton, and the parents of a common child that are not joined."""
        skeleton = A | A.T
        colliders = {(i, j, k) for k in range(len(A)) for i, j in itertools.combinations(np.flatnonzero(A[:, k]), 2) if not skeleton[i, j]}
        return (skeleton.tobytes(), frozenset(map(lambda c: tuple(map(int, c)), colliders)))
    fork = np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]]); collider = fork.T
    cpdag(fork).astype(int), cpdag(collider).astype(int)  # the fork's arrows may turn, the collider's may not

    classes = {}
    for A in all_dags(4): classes.setdefault(equivalence_class(A), []).append(A)
    assert len(classes) == 185 and sum(map(len, classes.values())) == 543
    union = {key: np.logical_or.reduce(members) for key, members in classes.items()}  # an arrow that all share has no opposite in the union
    for key, members in classes.items():
        for A in members: assert (cpdag(A) == union[key]).all()
    keys = sorted(classes)[::9]
    for a, b in itertools.product(keys, repeat=2): assert (shd_cpdag(classes[a][-1], classes[b][0]) == 0) == (a == b)
    rng = np.random.default_rng(0)
    for _ in range(20):  # a compelled arrow cannot be turned without changing the class
        A = random_dag(8, 12, rng); C = cpdag(A)
        for i, j in zip(*np.nonzero(C & ~C.T), strict=True):
            B = A.copy(); B[i, j], B[j, i] = False, True
            assert not is_dag(B) or equivalence_class(B) != equivalence_class(A)


def test_wrong_interventions():
    import numpy as np
    import itertools
    import networkx as nx
    from sparsebook.dag import is_dag, random_dag, random_weights, sem_cov
    from sparsebook.dag_metric import sid, wrong_effects

    def all_dags(d):
        """Every labelled DAG of d nodes."""
        off = ~np.eye(d, dtype=bool)
        for bits in itertools.product([False, True], repeat=d * (d - 1)):
            A = np.zeros((d, d), bool)
            A[off] = bits
            if not (A & A.T).any() and is_dag(A):
                yield A
    G = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    {name: sid(H, G) for name, H in {"the truth": G, "one edge missing": G*[[1, 1, 0], [1, 1, 1], [1, 1, 1]], "first edge reversed": np.array([[0, 0, 1], [1, 0, 1], [0, 0, 0]]), "empty": 0*G}.items()}

    def effects_differ(H, G, rng):
        "In a linear model on G: adjusting by regression for the parents of i in H against the true total effect."
        W = random_weights(G, rng, .5, 1.5)
        total, cov, d = np.linalg.inv(np.eye(len(G)) - W), sem_cov(W, rng.uniform(.5, 2, len(G))), len(G)
        out = np.zeros((d, d), bool)
        for i in range(d):
            parents = np.flatnonzero(H[:, i])
            use = np.r_[i, parents].astype(int)
            adjusted = np.linalg.solve(cov[np.ix_(use, use)], cov[use])[0]
            adjusted[parents] = 0
            out[i] = np.abs(adjusted - total[i]) > 1e-7
            out[i, i] = False
        return out

    def graphical(H, G, i, j):
        "The definition with d-separation: parents that are no descendant of a causal node, and block what is left without the first causal edges."
        D, Z = nx.DiGraph(G.astype(int)), set(np.flatnonzero(H[:, i]).tolist())
        if j in Z: return nx.has_path(D, i, j)
        causal = {v for v in range(len(G)) if v != i and nx.has_path(D, i, v) and nx.has_path(D, v, j)}
        if any(z == c or nx.has_path(D, c, z) for c in causal for z in Z): return True
        D.remove_edges_from([(i, v) for v in causal if G[i, v]])
        return not nx.is_d_separator(D, {i}, {j}, Z)

    rng, dags = np.random.default_rng(0), list(all_dags(4))
    for _ in range(150):
        H, G = (dags[k] for k in rng.integers(len(dags), size=2))
        wrong = wrong_effects(H, G)
        assert (wrong == effects_differ(H, G, rng)).all()
        assert all(wrong[i, j] == graphical(H, G, i, j) for i, j in itertools.permutations(range(4), 2))
    for _ in range(60):
        H, G = random_dag(9, 14, rng), random_dag(9, 14, rng)
        assert (wrong_effects(H, G) == effects_differ(H, G, rng)).all()
        assert sid(G, G) == 0 and sid(H, np.zeros((9, 9))) == 0, "a true graph without edges has no effect to get wrong"
        order = nx.topological_sort(nx.DiGraph(G.astype(int)))
        rank = np.argsort(list(order))
        assert sid(rank[:, None] < rank[None], G) == 0, "too many edges in the right order cost nothing"
    try: sid(np.zeros((3, 3)), np.zeros((4, 4)))
    except ValueError as e: print(e)
