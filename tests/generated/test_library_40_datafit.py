"""Generated from nbs/shared_lib/40_datafit.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_contract():
    import torch
    from sparsebook.datafit import Datafit

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    class Hyperbola(Datafit):
        def value(self, y, z): return ((1 + (y - z)**2).sqrt() - 1).mean()
        def raw_gradient(self, y, z): return (z - y)/(1 + (y - z)**2).sqrt()/len(y)
        def raw_hessian(self, y, z): return (1 + (y - z)**2)**-1.5/len(y)
        def curvature(self, y): return 1.

    y, z = targets(Hyperbola(), 4)
    Hyperbola().value(y, z), Hyperbola().lipschitz(torch.eye(4), y)

    z.requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(Hyperbola().value(y, z), z)[0], Hyperbola().raw_gradient(y, z))
    try: Hyperbola().scalar()
    except NotImplementedError as e: print(e)
    else: raise AssertionError("no kernel is known for it")


def test_quadratic_and_multi_task():
    import numpy as np
    import torch
    from scipy.optimize import minimize
    from sparsebook.datafit import MultiTask, Quadratic

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    y, z = targets(Quadratic(), 5)
    Quadratic().value(y, z), Quadratic().raw_gradient(y, z)

    from skglm.datafits import Quadratic as Theirs
    X = np.random.default_rng(0).normal(size=(5, 3))
    w = np.array([1., -2., .5])
    np.testing.assert_allclose(Quadratic().value(y, torch.tensor(X @ w)), Theirs().value(y.numpy(), w, X @ w), rtol=1e-13)
    Y, Z = targets(MultiTask(), 6)
    torch.testing.assert_close(MultiTask().value(Y, Z), sum(Quadratic().value(a, b) for a, b in zip(Y.T, Z.T, strict=True)))
    theta = torch.linspace(-1, 1, 5, dtype=torch.float64)
    by_brute_force = -minimize(lambda v: float(Quadratic().value(y, torch.tensor(v)) - theta @ torch.tensor(v)), np.zeros(5), tol=1e-10).fun
    np.testing.assert_allclose(Quadratic().conjugate(y, theta), by_brute_force, rtol=1e-7)

    for datafit, bad, text in [(MultiTask(), torch.ones(4), "y must have shape (n, T), got (4,)"), (Quadratic(), torch.ones(2, 2, 2), "y must have shape (n,) or (n, T)")]:
        try: datafit.check(bad)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_huber():
    import numpy as np
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.datafit import Huber, Quadratic

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    r = torch.linspace(-4, 4, 200)
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.4), dpi=70)
    for delta in (.5, 1., 2., 100.):
        axes[0].plot(r, [float(Huber(delta).value(torch.zeros(1), v[None])) for v in r], label=f"{delta:g}")
        axes[1].plot(r, Huber(delta).raw_gradient(torch.zeros(200), r)*200)
    axes[0].set(ylim=(0, 8), xlabel="residual", ylabel="loss"); axes[1].set(xlabel="residual", ylabel="force"); axes[0].legend(title="delta")
    plt.close(fig); fig

    from skglm.datafits import Huber as Theirs
    y, z = targets(Huber(), 50)
    for delta in (.1, 1., 5.):
        np.testing.assert_allclose(Huber(delta).value(y, z), Theirs(delta).value(y.numpy(), np.zeros(3), z.numpy()), rtol=1e-13)
    torch.testing.assert_close(Huber(1e9).value(y, z), Quadratic().value(y, z))
    outlier = torch.cat([y, torch.tensor([1e6])])
    assert Huber().raw_gradient(outlier, torch.zeros(51))[-1] == -1/51  # a force of delta, however far

    try: Huber(0.)
    except ValueError as e: print(e); assert str(e) == "delta must be > 0, got 0.0"
    else: raise AssertionError("delta = 0 has no curvature")


def test_logistic():
    import math
    import numpy as np
    import torch
    from scipy.optimize import minimize_scalar
    from sparsebook.datafit import Logistic

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    y, z = targets(Logistic(), 6)
    torch.stack([y, z, Logistic().raw_gradient(y, z)*6])  # the force is below 1, and small where label and prediction agree

    from sklearn.metrics import log_loss
    y, z = targets(Logistic(), 50)
    np.testing.assert_allclose(Logistic().value(y, z), log_loss(y.numpy(), torch.sigmoid(z).numpy()), rtol=1e-12)
    huge = torch.tensor([1000., -1000.], dtype=torch.float64)
    assert Logistic().value(torch.tensor([-1., 1.], dtype=torch.float64), huge) == 1000 and torch.isfinite(Logistic().raw_gradient(huge.sign(), -huge)).all()  # no overflow
    theta = -y*torch.rand(50, dtype=torch.float64)/50
    one = [-minimize_scalar(lambda v: math.log1p(math.exp(-float(b)*v)) - 50*float(t)*v, bounds=(-40, 40), method="bounded", options={"xatol": 1e-9}).fun for b, t in zip(y, theta, strict=True)]  # noqa: B023
    np.testing.assert_allclose(Logistic().conjugate(y, theta), np.mean(one), rtol=1e-6)
    assert Logistic().conjugate(y, -theta) == math.inf

    try: Logistic().check(torch.tensor([0., 1., 1.]))
    except ValueError as e: print(e); assert "got [0.0, 1.0]" in str(e)
    else: raise AssertionError("0 is no label")


def test_multinomial():
    import numpy as np
    import torch
    from sparsebook.datafit import Logistic, Multinomial

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    def hessian_of(datafit, y, z):
        """The whole second derivative with respect to the flattened predictions, by autograd on the gradient."""
        return torch.autograd.functional.jacobian(lambda v: datafit.raw_gradient(y, v.view(z.shape)).flatten(), z.flatten())
    y, Z = targets(Multinomial(), 4)
    Multinomial().value(y, Z), Multinomial().raw_gradient(y, Z).sum(-1)  # forces cancel over the classes

    from sklearn.metrics import log_loss
    y, Z = targets(Multinomial(), 40)
    np.testing.assert_allclose(Multinomial().value(y, Z), log_loss(y.numpy(), Z.softmax(-1).numpy(), labels=[0, 1, 2]), rtol=1e-12)
    two = torch.stack([torch.zeros(40, dtype=torch.float64), Z[:, 0]], 1)  # two classes: the logistic loss
    torch.testing.assert_close(Multinomial(2).value(y % 2, two), Logistic().value(2.*(y % 2) - 1, Z[:, 0]))
    assert Multinomial().outputs(y) == (3,) and Multinomial(7).outputs(y) == (7,)
    exact = hessian_of(Multinomial(), y[:5], Z[:5])
    assert torch.linalg.eigvalsh(torch.diag(Multinomial().raw_hessian(y[:5], Z[:5]).flatten()) - exact).min() > -1e-14

    for datafit, bad in [(Multinomial(), torch.tensor([.5, 1.])), (Multinomial(2), torch.tensor([0, 2])), (Multinomial(), torch.tensor([-1, 1]))]:
        try: datafit.check(bad)
        except ValueError as e: print(e); assert "class numbers" in str(e)
        else: raise AssertionError("no class number")


def test_poisson():
    import math
    import numpy as np
    import torch
    from scipy.optimize import minimize_scalar
    from sparsebook.datafit import Poisson

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    y, z = targets(Poisson(), 5)
    Poisson().raw_gradient(y, z), Poisson().lipschitz(torch.eye(5), y)

    from sklearn.metrics import mean_poisson_deviance
    y, z = targets(Poisson(), 60)
    best = (y - torch.xlogy(y, y)).mean()  # the value at exp(z) = y
    np.testing.assert_allclose(2*(Poisson().value(y, z) - best), mean_poisson_deviance(y.numpy(), z.exp().numpy()), rtol=1e-12)
    theta = (torch.rand(60, dtype=torch.float64) - y)/60
    one = [-minimize_scalar(lambda v: math.exp(v) - (float(b) + 60*float(t))*v, bounds=(-30, 5), method="bounded", options={"xatol": 1e-10}).fun for b, t in zip(y, theta, strict=True)]  # noqa: B023
    np.testing.assert_allclose(Poisson().conjugate(y, theta), np.mean(one), rtol=1e-6, atol=1e-9)

    try: Poisson().check(torch.tensor([1., -2.]))
    except ValueError as e: print(e); assert "got -2" in str(e)
    else: raise AssertionError("a negative count")


def test_cox():
    import numpy as np
    import torch
    from sparsebook.datafit import Cox

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    def hessian_of(datafit, y, z):
        """The whole second derivative with respect to the flattened predictions, by autograd on the gradient."""
        return torch.autograd.functional.jacobian(lambda v: datafit.raw_gradient(y, v.view(z.shape)).flatten(), z.flatten())
    y, z = targets(Cox(), 6)
    torch.cat([y, z[:, None], 6*Cox().raw_gradient(y, z)[:, None]], 1)[y[:, 0].argsort()]  # time, event, z, force

    for seed in (0, 1):  # without and with ties
        y, z = targets(Cox(), 30, seed)
        t, e = y.T
        slow = sum(e[i]*(torch.log(sum(torch.exp(z[j]) for j in range(30) if t[j] >= t[i])) - z[i]) for i in range(30))/30
        torch.testing.assert_close(Cox().value(y, z), slow)
        from skglm.datafits import Cox as Theirs
        theirs = Theirs()
        theirs.initialize(np.zeros((30, 1)), np.ascontiguousarray(y.numpy()))
        np.testing.assert_allclose(Cox().value(y, z), theirs.value(y.numpy(), np.zeros(1), z.numpy()), rtol=1e-12)
        np.testing.assert_allclose(Cox().raw_gradient(y, z), theirs.raw_grad(y.numpy(), z.numpy()), atol=1e-14)
        gap = torch.linalg.eigvalsh(torch.diag(Cox().raw_hessian(y, z)) - hessian_of(Cox(), y, z))
        assert gap.min() > -1e-14
    shifted = Cox().value(y, z + 5)
    torch.testing.assert_close(shifted, Cox().value(y, z))  # no intercept: only differences count

    for bad, text in [(torch.ones(4), "shape (n, 2)"), (torch.tensor([[1., 2.]]), "must be 0 or 1"), (torch.tensor([[1., 0.]]), "at least one event")]:
        try: Cox().check(bad)
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_every_datafit_keeps_the_contract():
    import math
    import torch
    from sparsebook.datafit import Cox, Datafit, Logistic, Multinomial, datafits

    def targets(datafit, n, seed=0):
        """Targets and predictions that suit a datafit."""
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, dtype=torch.float64, generator=rng), torch.randn(n, dtype=torch.float64, generator=rng))
        name = type(datafit).__name__
        if name == 'Logistic':
            return ((z + e).sign(), z)
        if name == 'Poisson':
            return (e.exp().round(), z)
        if name == 'Cox':
            return (torch.stack([e.exp().round(decimals=0 if seed % 2 else 6) + 1, (z > -0.5).double()], 1), z)
        if name == 'Multinomial':
            return (torch.randint(0, 3, (n,), generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        if name == 'MultiTask':
            return (torch.randn(n, 3, dtype=torch.float64, generator=rng), torch.randn(n, 3, dtype=torch.float64, generator=rng))
        return (z + 2 * e, z)
    def hessian_of(datafit, y, z):
        """The whole second derivative with respect to the flattened predictions, by autograd on the gradient."""
        return torch.autograd.functional.jacobian(lambda v: datafit.raw_gradient(y, v.view(z.shape)).flatten(), z.flatten())
    [repr(d) for d in datafits()]

    assert {type(d).__name__ for d in datafits()} >= {"Quadratic", "MultiTask", "Huber", "Logistic", "Multinomial", "Poisson", "Cox"}
    for d in datafits():
        for seed in (0, 1):
            y, z = targets(d, 25, seed)
            d.check(y)
            assert z.shape[1:] == d.outputs(y) and d.value(y, z).dim() == 0
            v = z.clone().requires_grad_()
            torch.testing.assert_close(torch.autograd.grad(d.value(y, v), v)[0], d.raw_gradient(y, z), rtol=1e-10, atol=1e-13)
            H, bound = hessian_of(d, y, z), d.raw_hessian(y, z).flatten()
            if d.separable: torch.testing.assert_close(torch.diag(bound), H, rtol=1e-10, atol=1e-13)
            assert torch.linalg.eigvalsh(torch.diag(bound) - H).min() > -1e-13
            assert torch.linalg.eigvalsh(H).max() <= d.curvature(y)/25*(1 + 1e-12)
            X = torch.randn(25, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
            in_w = torch.kron(X, torch.eye(z[0].numel(), dtype=torch.float64))  # flattened z = in_w @ flattened w
            assert torch.linalg.matrix_norm(in_w.T @ H @ in_w, 2) <= d.lipschitz(X, y)*(1 + 1e-12)
            assert (d.feature_lipschitz(X, y) <= d.lipschitz(X, y)*(1 + 1e-12)).all()
            if d.curvature(y) < math.inf: torch.testing.assert_close(torch.tensor(d.lipschitz(X, y)), torch.linalg.eigvalsh(X.T @ X).max().float()*d.curvature(y)/25, rtol=1e-5, atol=0)
            if d.curvature(y) < math.inf:
                for other in (z, -z, targets(d, 25, seed + 2)[1], 30*z):
                    parabola = d.value(y, z) + (d.raw_gradient(y, z)*(other - z)).sum() + (d.raw_majorant(y, z)*(other - z)**2).sum()/2
                    assert d.value(y, other) <= parabola*(1 + 1e-12) + 1e-12, (d, other)
            if isinstance(d, Cox) or type(d).conjugate is Datafit.conjugate: continue
            theta = d.raw_gradient(y, z)
            torch.testing.assert_close(d.value(y, z) + d.conjugate(y, theta), (theta*z).sum(), rtol=1e-10, atol=1e-12)
            for s in (0., .3, 1.):
                other = targets(d, 25, seed + 2)[1]
                gap = d.value(y, other) + d.conjugate(y, s*theta) - (s*theta*other).sum()
                assert math.isfinite(gap) and gap > -1e-12, (d, s, gap)

    zero = torch.zeros(4, dtype=torch.float64)
    assert Logistic().raw_hessian(zero.cos(), zero).max()*4 == Logistic().curvature(zero)
    assert torch.linalg.eigvalsh(hessian_of(Multinomial(2), torch.zeros(1).long(), torch.zeros(1, 2, dtype=torch.float64))).max() == Multinomial(2).curvature(zero)


def test_what_a_solver_returns_and_what_it_refuses():
    import math
    import numpy as np
    import torch
    from sparsebook.datafit import Poisson, Quadratic, Solution, as_data, solver

    @solver(lambda datafit, penalty: None if isinstance(datafit, Quadratic) else "needs normal equations")
    def exact(X, y, datafit, penalty, *, w0=None):
        return Solution(torch.linalg.lstsq(X, y).solution, {}, math.nan)

    X = np.random.default_rng(0).normal(size=(20, 3))
    exact(X, X @ [1., 2., 3.], Quadratic(), None).w, exact.refuses(Poisson(), None)

    assert exact.refuses(Quadratic(), None) is None and exact.__name__ == "exact"
    sol = exact(torch.tensor(X).float(), X @ [1., 2., 3.], Quadratic(), None)
    assert sol.w.dtype == torch.float32 and isinstance(sol, Solution)
    import scipy.sparse
    Xs, ys = as_data(scipy.sparse.csr_matrix(X), np.ones(20, int), Quadratic(), sparse=True)
    assert Xs.format == "csc" and ys.dtype == torch.float64
    start = torch.ones(3)
    @solver(lambda datafit, penalty: None)
    def spoil(X, y, datafit, penalty, *, w0=None): w0.zero_(); return w0
    spoil(X, np.ones(20), Quadratic(), None, w0=start)
    assert start.tolist() == [1, 1, 1]  # the caller's w0 is never modified

    nan = X.copy(); nan[0, 0] = np.nan
    for args, error, text in [((nan, np.ones(20), Quadratic()), ValueError, "X must be finite, got 1 NaN"), ((X, np.ones(19), Quadratic()), ValueError, "same number of rows, got 20 and 19"),
                              ((X[0], np.ones(3), Quadratic()), ValueError, "X must have shape (n, p), got (3,)"), ((X > 0, np.ones(20), Quadratic()), TypeError, "convert it first"),
                              ((X, np.full(20, np.inf), Quadratic()), ValueError, "y must be finite, got 20"), ((X, np.ones(20), Poisson()), ValueError, "not available for NoneType with Poisson: needs normal equations"),
                              ((scipy.sparse.csr_matrix(X), np.ones(20), Quadratic()), TypeError, "must be dense here"), ((X[:0], np.ones(0), Quadratic()), ValueError, "at least one row")]:
        try: exact(*args, None)
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    try: exact(X, np.ones(20), Quadratic(), None, w0=torch.ones(4))
    except ValueError as e: print(e); assert "w0 must have shape (3,), got (4,)" in str(e)
    else: raise AssertionError("w0 of a wrong shape")


def test_the_duality_gap():
    import math
    import warnings
    import numpy as np
    import torch
    from scipy.optimize import minimize
    from sparsebook.datafit import Cox, Huber, Logistic, NotConverged, Poisson, Quadratic, duality_gap, finish

    class Ridge:
        "Penalty lam/2 |w|^2, enough of one for the gap."
        def __init__(self, lam): self.lam = lam
        def value(self, w): return self.lam/2*(w**2).sum()
        def conjugate(self, u): return (u**2).sum()/(2*self.lam)
        def dual_scale(self, u): return 1.
        def is_penalized(self, p): return torch.ones(p, dtype=torch.bool)

    rng = torch.Generator().manual_seed(0)
    X, noise = torch.randn(30, 4, dtype=torch.float64, generator=rng), torch.randn(30, dtype=torch.float64, generator=rng)
    y = X @ torch.tensor([1., 2., 0., 0.], dtype=torch.float64) + noise
    best = torch.linalg.solve(X.T @ X/30 + .1*torch.eye(4), X.T @ y/30)
    [duality_gap(X, y, Quadratic(), Ridge(.1), best + step) for step in (0., .01, .1, 1.)]

    for d in (Quadratic(), Huber(), Logistic(), Poisson()):
        t = y.sign() if isinstance(d, Logistic) else y.abs() if isinstance(d, Poisson) else y
        f = lambda v, d=d, t=t: float(d.value(t, X @ torch.tensor(v)) + Ridge(.1).value(torch.tensor(v)))
        low = minimize(f, np.zeros(4), tol=1e-12)
        assert abs(duality_gap(X, t, d, Ridge(.1), torch.tensor(low.x))) < 1e-9
        for shift in (.1, .5):
            assert duality_gap(X, t, d, Ridge(.1), torch.tensor(low.x) + shift) >= f(low.x + shift) - low.fun - 1e-12
    assert math.isnan(duality_gap(X, torch.stack([y.abs(), y.cos().round().abs()], 1), Cox(), Ridge(.1), best))
    sol = finish(Quadratic(), Ridge(.1), X, y, best, {"objective": [1., .5], "distance": [.1, 1e-9]}, 1e-8, 10)
    assert abs(sol.gap) < 1e-12 and sol.history["distance"].dtype == torch.float64

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        finish(Quadratic(), Ridge(.1), X, y, best, {"objective": [1.], "distance": [.1]}, 1e-8, 10)
    print(caught[0].message)
    assert caught[0].category is NotConverged and "distance 0.1 to the optimality condition after 10 iterations, asked for 1e-08" in str(caught[0].message)
