"""Generated from nbs/shared_lib/95_dag_solver.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_adam_with_a_fence():
    import numpy as np
    from sparsebook.dag_solver import adam

    def bowl(W, target, value=False):
        "0.5 |W - target|^2 inside |W| < 1."
        return .5*((W - target)**2).sum((1, 2)) if value else (W - target, np.abs(W).max((1, 2)) < 1)

    target = np.array([.5, .9, 3.])[:, None, None]*(1 - np.eye(3))
    W, taken = adam(bowl, np.zeros((3, 3, 3)), (target,), lr=.03)
    W[:, 0, 1].round(4), taken  # the third bowl's lowest point is outside: its rate shrinks at the fence

    np.testing.assert_allclose(W[:2], target[:2], atol=2e-3)
    assert (np.abs(W) < 1).all() and W[2, 0, 1] > .9 and not np.diagonal(W, axis1=1, axis2=2).any()
    alone, _ = adam(bowl, np.zeros((1, 3, 3)), (target[:1],), lr=.03)
    np.testing.assert_allclose(alone[0], W[0], atol=1e-12)
    try: adam(bowl, np.full((1, 3, 3), 2.), (target[:1],))
    except ArithmeticError as e: print(e)


def test_the_central_path_colide_and_dagma():
    import numpy as np
    from sparsebook.dag import colide_ev, h_logdet
    import matplotlib.pyplot as plt
    from sparsebook.dag import is_dag, linear_sem, random_dag, random_weights, sample_cov, sem_cov
    from sparsebook.dag_solver import colide, dagma

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    def wrong(W, truth):
        """Edges to add, remove or turn around, mean over graphs."""
        differ = (W != 0) != (truth != 0)
        return float(np.triu(differ | differ.swapaxes(-1, -2)).sum((-1, -2)).mean())
    cov, truth = planted(8, 12, 3)
    fit = colide(cov, steps=(600, 600, 600, 2000))
    fig, ax = plt.subplots(figsize=(3.6, 2.2), dpi=75); ax.semilogy(np.arange(1, 5), np.array(fit.history["h"])); ax.set(xlabel="stage", ylabel="h(W)", xticks=range(1, 5)); plt.close(fig); fig

    short = dict(steps=(600, 600, 600, 2000))
    for variant in ("ev", "nv"):
        fit = colide(cov, variant=variant, **short)
        assert wrong(fit.dag, truth) <= 2 and all(map(is_dag, fit.dag)) and not np.diagonal(fit.W, axis1=1, axis2=2).any()
        np.testing.assert_allclose(fit.sigma, 1, atol=.3)
    np.testing.assert_allclose(colide(cov[2], variant="nv", **short).W, fit.W[2], atol=1e-6)  # a batch is its members
    assert wrong(dagma(cov, .03, **short).dag, truth) <= 1
    again = colide(cov, variant="nv", start=fit.W, mu=(.001,), s=(.7,), steps=(200,))
    assert wrong(again.dag, fit.dag) <= 1 and len(again.history["h"]) == 1  # started at its own end

    cov, truth = planted(6, 8, 2)
    lam = np.array([.02, .1])
    fit = colide(cov, lam, tol=0.)
    W, mu, s = fit.W, fit.history["mu"][-1], fit.history["s"][-1]
    g = mu[:, None, None]*colide_ev(W, cov)[1] + h_logdet(W, s).grad
    u = (mu*lam)[:, None, None]
    far = np.where(np.abs(W) > .02, np.abs(g + u*np.sign(W)), np.maximum(np.abs(g) - u, 0))*(1 - np.eye(6))
    assert (far/mu[:, None, None]).max() < .02, "the optimality condition of the last stage, to what Adam's jitter leaves"
    assert wrong(dagma(sem_cov(truth), .01, steps=(1000, 1000, 1000, 1000)).dag, truth) == 0, "without sampling error the graph is found exactly"
    c = 4.  # scaling the data by c is dividing lam by c and multiplying mu by c (CoLiDE), or both by c^2 (least squares): exactly
    quick = dict(steps=(200, 200, 200, 200), tol=0.)
    for f, power in ((colide, 1), (dagma, 2)):
        np.testing.assert_allclose(f(c**2*cov, c**power*lam, mu=tuple(m/c**power for m in (1., .1, .01, .001)), **quick).W, f(cov, lam, **quick).W, atol=1e-9)
    for bad in (lambda: colide(cov, -1), lambda: dagma(np.zeros((3, 3))), lambda: colide(cov, variant="hv"), lambda: dagma(np.zeros((5, 3)))):
        try: bad()
        except ValueError as e: print(e)


@pytest.mark.slow
def test_dagma_as_its_authors_wrote_it():
    import numpy as np
    from sparsebook.dag import h_logdet, least_squares, to_dag
    import time
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov
    from sparsebook.dag_solver import dagma

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    def wrong(W, truth):
        """Edges to add, remove or turn around, mean over graphs."""
        differ = (W != 0) != (truth != 0)
        return float(np.triu(differ | differ.swapaxes(-1, -2)).sum((-1, -2)).mean())
    def reference(cov, lam, mus=(1., .1, .01, .001), ss=(1., .9, .8, .7), steps=(20_000, 20_000, 20_000, 70_000), lr=3e-4):
        d, W = len(cov), np.zeros_like(cov)
        for mu, s, n in zip(mus, ss, steps, strict=True):
            m = v = np.zeros((d, d)); last = 1e16
            for t in range(1, n + 1):
                g = mu*(-cov @ (np.eye(d) - W) + lam*np.sign(W)) + 2*W*np.linalg.inv(s*np.eye(d) - W*W).T
                m, v = .99*m + .01*g, .999*v + .001*g*g
                W = W - lr*(m/(1 - .99**t))/(np.sqrt(v/(1 - .999**t)) + 1e-8)
                if t % 1000 == 0:
                    value = mu*(least_squares(W, cov)[0] + lam*np.abs(W).sum()) + h_logdet(W, s).value
                    if abs(last - value) <= 1e-6*abs(last): break
                    last = value
        return W

    cov, truth = planted(8, 12, 2, seed=3)
    for c, w in zip(cov, truth, strict=True):
        began = time.process_time(); theirs = reference(c, .03); middle = time.process_time(); ours = dagma(c, .03); end = time.process_time()
        hollow, value = theirs*(1 - np.eye(8)), lambda W, c=c: least_squares(W, c)[0] + .03*np.abs(W).sum()
        assert ((to_dag(theirs) != 0) == (ours.dag != 0)).all() and wrong(ours.dag, w) <= 1 and abs(value(ours.W)/value(hollow) - 1) < .01
        print(f"{1000*(middle - began):.0f} ms as published, {1000*(end - middle):.0f} ms here")


def test_golem():
    import numpy as np
    from sparsebook.dag import is_dag, linear_sem, random_dag, random_weights, sample_cov
    from sparsebook.dag_solver import golem

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    def wrong(W, truth):
        """Edges to add, remove or turn around, mean over graphs."""
        differ = (W != 0) != (truth != 0)
        return float(np.triu(differ | differ.swapaxes(-1, -2)).sum((-1, -2)).mean())
    cov, truth = planted(10, 20, 3)
    ev = golem(cov, steps=4000)
    wrong(ev.dag, truth), ev.history["h"][0].round(6)

    assert wrong(ev.dag, truth) <= 2 and all(map(is_dag, ev.dag)) and (ev.history["h"][0] < .01).all()
    np.testing.assert_allclose(golem(9*cov, steps=500, tol=0.).W, golem(cov, steps=500, tol=0.).W, atol=1e-6)  # the noise's scale does not matter
    nv = golem(cov, "nv", start=ev.W, steps=1000)
    assert wrong(nv.dag, truth) <= 4
    try: golem(cov, "both")
    except ValueError as e: print(e)


def test_notears():
    import numpy as np
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov
    from sparsebook.dag_solver import dagma, notears

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    def wrong(W, truth):
        """Edges to add, remove or turn around, mean over graphs."""
        differ = (W != 0) != (truth != 0)
        return float(np.triu(differ | differ.swapaxes(-1, -2)).sum((-1, -2)).mean())
    cov, truth = planted(7, 9, 2, seed=1)
    fit = notears(cov)
    wrong(fit.dag, truth), fit.history["h"][0]

    assert wrong(fit.dag, truth) <= 2 and (fit.history["h"][0] < 1e-5).all() and not np.diagonal(fit.W, axis1=1, axis2=2).any()
    np.testing.assert_allclose(dagma(cov, .1).history["objective"][-1], fit.history["objective"][0], rtol=.05)  # one score, two ways to a DAG


def test_sorting_by_variance():
    import numpy as np
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov, sem_cov
    from sparsebook.dag_solver import sort_regress

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    def wrong(W, truth):
        """Edges to add, remove or turn around, mean over graphs."""
        differ = (W != 0) != (truth != 0)
        return float(np.triu(differ | differ.swapaxes(-1, -2)).sum((-1, -2)).mean())
    cov, truth = planted(20, 60, 5, low=.5)
    standard = cov/np.sqrt(np.diagonal(cov, axis1=1, axis2=2)[:, :, None]*np.diagonal(cov, axis1=1, axis2=2)[:, None])
    wrong(sort_regress(cov, 1000).dag, truth), wrong(sort_regress(standard, 1000).dag, truth)  # raw, standardised

    chain = np.diag([1.5]*5, 1)
    exact = sort_regress(sem_cov(chain), 10**6)
    np.testing.assert_allclose(exact.W, chain, atol=1e-9)
    np.testing.assert_allclose(exact.sigma, 1)
    assert wrong(sort_regress(cov, 1000).dag, truth) < wrong(sort_regress(standard, 1000).dag, truth)/2


def test_weights_on_a_given_graph():
    import numpy as np
    from sparsebook.dag import colide_nv, least_squares
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov, sem_cov
    from sparsebook.dag_solver import refit

    def planted(d, edges, graphs, low=0.5, high=2.0, hetero=False, n=1000, seed=0):
        """Covariances (graphs, d, d) of n samples, and the true weights."""
        rng, cov, truth = (np.random.default_rng(seed), [], [])
        for _ in range(graphs):
            W = random_weights(random_dag(d, edges, rng), rng, low, high)
            cov.append(sample_cov(linear_sem(W, n, rng, np.sqrt(rng.uniform(0.5, 10, d)) if hetero else 1.0).X))
            truth.append(W)
        return (np.stack(cov), np.stack(truth))
    cov, truth = planted(8, 14, 2, hetero=True)
    W = refit(truth, cov)
    float(np.abs(W - truth).max())  # sampling error

    np.testing.assert_allclose(refit(truth[0], sem_cov(truth[0], np.arange(1., 9))), truth[0], atol=1e-9)
    assert ((W != 0) == (truth != 0)).all()
    for score in (least_squares, colide_nv):
        for _ in range(20): assert (score(W, cov)[0] <= score(W + .01*np.random.default_rng(0).normal(size=W.shape)*(W != 0), cov)[0]).all()
