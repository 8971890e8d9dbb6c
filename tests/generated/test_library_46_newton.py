"""Generated from nbs/shared_lib/46_newton.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_model_after_the_other_prox_newton():
    import math
    import numpy as np
    import torch
    from sparsebook.datafit import Huber, Logistic, Poisson, Quadratic
    import itertools
    from sparsebook.first_order import fista
    from sparsebook.penalty import L0, L1, MCP, ElasticNet, NonNegL1
    from sparsebook.newton import prox_newton

    def problem(n=60, p=100, k=8, seed=0, rho=0.3):
        """Correlated design, k planted coefficients, a little noise."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, p))
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + math.sqrt(1 - rho ** 2) * X[:, j]
        w = np.zeros(p)
        w[rng.choice(p, min(k, p), replace=False)] = rng.normal(size=min(k, p)) + 1
        return (torch.as_tensor(np.asfortranarray(X)), torch.as_tensor(X @ w + 0.3 * rng.normal(size=n)))
    X, y = problem(100, 60)
    labels = torch.where(y + .5*torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64) > 0, 1., -1.).double()
    s = prox_newton(X, labels, Logistic(), L1(.02))
    [f"{d:.0e}" for d in s.history["distance"]]

    counts = torch.poisson(torch.exp(.3*X[:, 0] + .2), generator=torch.Generator().manual_seed(1)).double()
    weights = torch.tensor([0., 1., 2.]*20, dtype=torch.float64)
    for (target, f), p in itertools.product([(labels, Logistic()), (y, Huber(1.)), (counts, Poisson()), (y, Quadratic())], (L1(.05), ElasticNet(.05, .5), L1(.05, weights=weights), NonNegL1(.05))):
        ours, slow = prox_newton(X, target, f, p), fista(X, target, f, p)
        assert ours.history["distance"][-1] <= 1e-8 and abs(ours.history["objective"][-1] - slow.history["objective"][-1]) < 1e-8, (f, p)
    ours = prox_newton(X, labels, Logistic(), MCP(.05, 30.))
    assert MCP(.05, 30.).subdiff_distance(ours.w, X.T @ Logistic().raw_gradient(labels, X @ ours.w)).max() <= 1e-8
    for seed, f in itertools.product([0, 5, 13, 21], [Logistic(), Huber(.1)]):                                # starts where the Hessian has died away
        rng = np.random.default_rng(seed); A, t, far = (torch.as_tensor(rng.normal(size=s)*scale) for s, scale in [((9, 8), 10), (9, 3), (8, 30)])
        assert prox_newton(A, t.sign() if type(f) is Logistic else t, f, L1(.2), w0=far).history["distance"][-1] <= 1e-8
    try: prox_newton(X, labels, Logistic(), L0(.1))
    except ValueError as e: assert "infinite at 0" in str(e); print(e)


def test_how_few_steps():
    import math
    import numpy as np
    import torch
    from sparsebook.datafit import Logistic
    import matplotlib.pyplot as plt
    from sparsebook.first_order import alpha_max, fista
    from sparsebook.penalty import L1
    from sparsebook.newton import prox_newton

    def problem(n=60, p=100, k=8, seed=0, rho=0.3):
        """Correlated design, k planted coefficients, a little noise."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, p))
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + math.sqrt(1 - rho ** 2) * X[:, j]
        w = np.zeros(p)
        w[rng.choice(p, min(k, p), replace=False)] = rng.normal(size=min(k, p)) + 1
        return (torch.as_tensor(np.asfortranarray(X)), torch.as_tensor(X @ w + 0.3 * rng.normal(size=n)))
    X, y = problem(100, 60)
    labels = torch.where(y > 0, 1., -1.).double()
    lam = alpha_max(X, labels, Logistic(), L1())/20
    newton, first = prox_newton(X, labels, Logistic(), L1(lam)), fista(X, labels, Logistic(), L1(lam), check=1)
    fig, ax = plt.subplots(figsize=(5, 2.4), dpi=80)
    ax.semilogy(first.history["iteration"], first.history["distance"].clamp(min=1e-10), color="#E69F00", label="fista")
    ax.semilogy(newton.history["iteration"], newton.history["distance"].clamp(min=1e-10), "o-", color="#0072B2", label="prox_newton", ms=4)
    ax.set_xscale("symlog"); ax.set_xlabel("full gradients"); ax.set_ylabel("distance to optimality"); ax.legend(frameon=False)
    plt.close(fig); fig

    assert newton.history["distance"][-1] <= 1e-8 and len(newton.history["distance"]) < len(first.history["distance"])/5
    assert not prox_newton(X, labels, Logistic(), L1(1.001*20*lam)).w.any() and prox_newton(X, labels, Logistic(), L1(.98*20*lam)).w.any()
