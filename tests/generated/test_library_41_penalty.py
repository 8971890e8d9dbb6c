"""Generated from nbs/shared_lib/41_penalty.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_contract():
    import math
    import torch
    from sparsebook.penalty import Penalty

    class Ridge(Penalty):
        def value(self, w): return self.lam/2*(w**2).sum()
        def prox(self, w, step=1.): return w/(1 + step*self.lam)

    v = torch.tensor([2., -1.])
    w = Ridge(3.).prox(v)
    w, Ridge(3.).subdiff_distance(w, w - v)

    g = torch.tensor([1., -1.])
    exact = (g + 3*w).abs()  # the distance itself: the subdifferential is one point
    fallback = Ridge(3.).subdiff_distance(w, g)
    torch.testing.assert_close(fallback, exact/4)  # smaller than the distance, with the same zeros
    assert Ridge(3.).with_weight(1.).lam == 1 and Ridge(0.).is_penalized(3).tolist() == [False]*3 and Ridge(3.).concavity() == 0

    for lam in (-1., math.nan, math.inf):
        try: Ridge(lam)
        except ValueError as e: print(e); assert "lam must be >= 0 and finite" in str(e)
        else: raise AssertionError(lam)
    try: Ridge(1.).conjugate(w)
    except NotImplementedError as e: print(e)
    else: raise AssertionError("not written above")


def test_separable_penalties():
    import torch
    from sparsebook.penalty import Separable

    class Arctan(Separable):
        convex = False
        def _size(self, a, lam): return lam*torch.atan(a)
        def slope(self, a, lam): return lam/(1 + a**2)

    w, g = torch.tensor([0., 0., 1.]), torch.tensor([.5, -2., -.25])
    Arctan(.5).subdiff_distance(w, g), Arctan(.5).alpha_max(g)

    assert Arctan(.5).subdiff_distance(w, g).tolist() == [0, 1.5, 0] and Arctan(.5, weights=[1., 0, 1]).alpha_max(g) == .5
    assert Arctan(1., weights=[1., 0, 2]).value(torch.tensor([1., 9., 1.])) == 3*torch.atan(torch.tensor(1.))
    assert Arctan(1.).concave_gradient(torch.tensor([-1., 0.])).tolist() == [.5, 0] and Arctan.examples() == []

    for call, text in [(lambda: Arctan(1., weights=[-1.]), "weights must have shape (p,), be finite and >= 0"), (lambda: Arctan(1., weights=[1., 1.]).value(torch.ones(3)), "weights are for p=2 features, got w with 3"),
                       (lambda: Arctan(1., weights=[[1.]]), "got shape (1, 1)")]:
        try: call()
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_l1_and_the_elastic_net():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from scipy.optimize import minimize_scalar
    from sparsebook.penalty import ElasticNet, L1

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    u = torch.linspace(-2, 2, 201)
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.4), dpi=70)
    for r in (1., .5, 0.):
        axes[0].plot(u, [float(ElasticNet(1., r).value(v[None])) for v in u], label=f"r = {r:g}")
        axes[1].plot(u, ElasticNet(1., r).prox(u))
    axes[0].set(xlabel="w", ylabel="penalty"); axes[1].set(xlabel="v", ylabel="prox"); axes[0].legend()
    plt.close(fig); fig

    w, g = normal(12), normal(12, seed=1)
    torch.testing.assert_close(ElasticNet(.7, 1.).prox(w), L1(.7).prox(w))
    torch.testing.assert_close(ElasticNet(.7, 0.).prox(w), w/1.7)
    assert L1(.5).alpha_max(g) == g.abs().max() and math.isclose(ElasticNet(9., .25).alpha_max(g), 4*g.abs().max())
    assert ElasticNet(1., 0.).alpha_max(g) == math.inf and ElasticNet(1., 0.).alpha_max(0*g) == 0  # a ridge never gives zeros
    for theta in (.3, 1.2):
        brute = -minimize_scalar(lambda x: float(ElasticNet(.8, .6).value(torch.tensor([x]))) - theta*x, bounds=(-9, 9), method="bounded", options={"xatol": 1e-10}).fun  # noqa: B023
        np.testing.assert_allclose(ElasticNet(.8, .6).conjugate(torch.tensor([theta]).double()), brute, atol=1e-6)
    assert L1(1.).dual_scale(torch.tensor([.5, -4.])) == .25 and ElasticNet(1., .5).dual_scale(torch.tensor([9.])) == 1

    try: ElasticNet(1., 1.5)
    except ValueError as e: print(e); assert "must have l1_ratio in 0..1" in str(e)
    else: raise AssertionError("a negative ridge")


def test_signs_and_boxes():
    import math
    import torch
    from sparsebook.penalty import Box, NonNegL1

    w = torch.tensor([0., 0., .5, 1.])
    g = torch.tensor([1., -1., .2, -3.])
    NonNegL1(.3).subdiff_distance(w, g), Box(0., 1.).subdiff_distance(w, g)

    torch.testing.assert_close(NonNegL1(.3).subdiff_distance(w, g), torch.tensor([0, .7, .5, 2.7]))
    assert Box(0., 1.).subdiff_distance(w, g).tolist() == [0, 1, g[2].item(), 0]
    assert NonNegL1(0.).prox(-w).tolist() == [0]*4 and NonNegL1(0.).is_penalized(4).all() and NonNegL1(1.).value(-w) == math.inf
    assert NonNegL1(0.).subdiff_distance(torch.tensor([-1.]), torch.tensor([0.])) == math.inf == Box().subdiff_distance(torch.tensor([2.]), torch.tensor([0.]))
    assert NonNegL1(1., weights=[0., 1.]).value(torch.tensor([-1., 1.])) == 1 and NonNegL1(1.).alpha_max(g) == 3
    assert Box(-1., 2.).conjugate(torch.tensor([1., -1., 0.])) == 3 and Box(0., math.inf).conjugate(torch.tensor([-1., 0.])) == 0 and Box(0., math.inf).conjugate(torch.tensor([1.])) == math.inf

    for call, error, text in [(lambda: Box(1., 0.), ValueError, "must have lo <= hi"), (lambda: Box().alpha_max(g), NotImplementedError, "no weight that makes w = 0 critical")]:
        try: call()
        except error as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_mcp_scad_cel0_as_steep_as_l1_at_0_flat_far_away():
    import math
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.penalty import CEL0, L1, MCP, SCAD

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    a = torch.linspace(0, 4, 200)
    fig, axes = plt.subplots(1, 3, figsize=(10, 2.4), dpi=70)
    for pen in (L1(1.), MCP(1.), SCAD(1.), CEL0(.5)):
        axes[0].plot(a, [float(pen.value(v[None])) for v in a], label=type(pen).__name__)
        axes[1].plot(a, pen.slope(a, torch.tensor(pen.lam)))
        axes[2].plot(a, pen.prox(a, .5))
    for ax, t in zip(axes, ("penalty", "slope", "prox, step 1/2"), strict=True): ax.set(xlabel="w", title=t)
    axes[0].legend(); plt.close(fig); fig

    w = 2*normal(12)
    torch.testing.assert_close(CEL0(.5, 2.).value(w), MCP(2., .25).value(w))
    for pen in (MCP(.7), MCP(.7, 1.2), SCAD(.7), SCAD(.7, 2.1), CEL0(.7), CEL0(.7, .5)):
        v = w.clone().requires_grad_()
        torch.testing.assert_close(torch.autograd.grad(pen.value(v), v)[0], v.sign()*pen.slope(v.abs(), torch.tensor(.7).double()))
        grid = torch.linspace(-4, 4, 401, dtype=torch.float64)
        bend = torch.stack([pen.value(x[None]) for x in grid]).diff().diff()/.02**2
        assert math.isclose(bend.min(), -pen.concavity(), rel_tol=1e-6)  # the most negative curvature
        assert pen.value(torch.tensor([1e9]).double()) == pen.value(torch.tensor([50.]).double())  # flat
        torch.testing.assert_close(pen.concave_gradient(w), torch.autograd.grad(pen.value(v) - (pen.slope0(torch.tensor(.7).double())*v.abs()).sum(), v)[0])

    for call, text in [(lambda: MCP(1., 0.), "must have gamma > 0"), (lambda: SCAD(1., 1.), "must have a > 1"), (lambda: CEL0(1., -1.), "must have a > 0"), (lambda: MCP(1.).conjugate(w), "MCP is not convex")]:
        try: call()
        except (ValueError, NotImplementedError) as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_l0_and_the_powers_infinitely_steep_at_0():
    import math
    import torch
    import numpy as np
    from sparsebook.penalty import L0, L1, LHalf, LTwoThirds, LogSum

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    w, g = torch.tensor([0., 2., -.1]), torch.tensor([100., .3, 0.])
    {type(pen).__name__: pen.subdiff_distance(w, g).tolist() for pen in (L0(1.), LHalf(1.), LTwoThirds(1.), LogSum(1.), L1(1.))}

    assert L0(1.).value(w) == 2 and L0(1.).alpha_max(g) == 0 == LHalf(1.).alpha_max(g) and math.isclose(LogSum(1., .5).alpha_max(g), 50)
    np.testing.assert_allclose(L0(1.).subdiff_distance(w, g), [0, .3, 0], rtol=1e-6)
    choices = torch.cartesian_prod(*[torch.tensor([0, 1])]*4).double()
    v = normal(4)
    costs = (((1 - choices)*v)**2).sum(1)/2 + .3*.5*choices.sum(1)
    torch.testing.assert_close(L0(.3).prox(v, .5), choices[costs.argmin()]*v)
    for pen in (LHalf(.7), LTwoThirds(.7), LogSum(.7), LogSum(.7, 2., weights=[1., .5])):
        x = normal(2, seed=3).requires_grad_()
        torch.testing.assert_close(torch.autograd.grad(pen.value(x), x)[0], x.sign()*pen.slope(x.abs(), pen.lams(x)))
    assert math.isclose(LogSum(.7, 2., weights=[1., .5]).concavity(), .7/4) and LHalf(1.).concavity() == math.inf


def test_every_penalty_keeps_the_contract():
    import math
    import torch
    import numpy as np
    from sparsebook.penalty import Box, penalties

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    [repr(pen) for pen in penalties() if getattr(pen, "weights", None) is None]

    def tries(x, v, seed):
        "Perturbations in the places that matter: near, far, coordinates set to 0 or to v."
        rng = torch.Generator().manual_seed(seed)
        for _ in range(12):
            kind, mask = int(torch.randint(0, 4, (), generator=rng)), torch.rand(x.shape, generator=rng) < .3
            noise = torch.randn(x.shape, generator=rng, dtype=x.dtype)
            yield torch.where(mask, [x + 1e-3*noise, x + noise, torch.zeros_like(x), v][kind], x)

    assert {type(pen).__name__ for pen in penalties()} == {"L1", "ElasticNet", "NonNegL1", "Box", "MCP", "SCAD", "CEL0", "L0", "LHalf", "LTwoThirds", "LogSum"}
    for n, pen in enumerate(penalties()):
        for step in (.1, 1., 5., torch.linspace(.1, 2, 12, dtype=torch.float64)):
            v, other = 2*normal(12, seed=n), 2*normal(12, seed=n + 99)
            x = pen.prox(v, step)
            assert pen.subdiff_distance(x, (x - v)/step).max() <= 1e-10, (pen, step)
            unit = lambda z: ((z - v)**2/step).sum()/2 + pen.value(z)  # noqa: B023
            best = unit(x)
            assert all(unit(z) >= best - 1e-12 for z in tries(x, v, n)), (pen, step)
            if pen.weights is not None: assert torch.equal(x[pen.weights == 0], v[pen.weights == 0])
            torch.testing.assert_close(pen.prox(v[:, None].repeat(1, 2), step if not torch.is_tensor(step) else step[:, None])[:, 1], x)  # (p, T)
            if pen.convex and not torch.is_tensor(step):
                d = x - pen.prox(other, step)
                assert (d**2).sum() <= (d*(v - other)).sum() + 1e-12
                theta = (v - x)/step
                torch.testing.assert_close(pen.value(x) + pen.conjugate(theta), (theta*x).sum(), rtol=1e-9, atol=1e-9)
                u = torch.where(pen.is_penalized(12), other, 0)
                s = pen.dual_scale(u)
                assert math.isfinite(pen.conjugate(s*u)) and (s == 1 or pen.conjugate(1.001*s*u) == math.inf) and 0 <= s <= 1
                assert pen.value(x) + pen.conjugate(s*u) >= s*(u*x).sum() - 1e-12

    for n, pen in enumerate(penalties()):
        g = normal(12, seed=n)
        if isinstance(pen, Box) or pen.slope0(torch.tensor(1.)) == math.inf: continue
        held = pen.is_penalized(12)
        def thresholded(lam): return bool((pen.with_weight(lam).prox(-1e-6*g, 1e-6)[held] == 0).all())  # noqa: B023
        low, high = 0., 1e3
        for _ in range(60): mid = (low + high)/2; low, high = (low, mid) if thresholded(mid) else (mid, high)
        np.testing.assert_allclose(pen.alpha_max(g), high, rtol=1e-4)
        w0 = torch.zeros(12, dtype=torch.float64)
        assert pen.with_weight(pen.alpha_max(g)*(1 + 1e-9)).subdiff_distance(w0, g)[held].max() == 0 < pen.with_weight(pen.alpha_max(g)*.999).subdiff_distance(w0, g)[held].max()


@pytest.mark.slow
def test_the_peer_agrees():
    import torch
    import numpy as np
    from sparsebook.penalty import ElasticNet, L1, LHalf, LTwoThirds, LogSum, MCP, NonNegL1, SCAD

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    import skglm.penalties as S
    w, g = normal(12).numpy(), normal(12, seed=1).numpy()
    w[::3] = 0
    ws = np.arange(12)
    for ours, theirs in [(L1(.7), S.L1(.7)), (ElasticNet(.7, .3), S.L1_plus_L2(.7, .3)), (MCP(.7, 3.), S.MCPenalty(.7, 3.)), (SCAD(.7, 3.7), S.SCAD(.7, 3.7)), (LHalf(.7), S.L0_5(.7)), (LTwoThirds(.7), S.L2_3(.7)),
                         (LogSum(.7, .1), S.LogSumPenalty(.7, .1)), (L1(.7, weights=np.linspace(0, 2, 12)), S.WeightedL1(.7, np.linspace(0, 2, 12))), (NonNegL1(.7), S.L1(.7, positive=True))]:
        x = np.abs(w) if isinstance(ours, NonNegL1) else w
        np.testing.assert_allclose(ours.value(torch.tensor(x)), theirs.value(x), rtol=1e-12)
        np.testing.assert_allclose(ours.subdiff_distance(torch.tensor(x), torch.tensor(g)), theirs.subdiff_distance(x, g, ws), rtol=1e-9, atol=1e-12)
        mine = ours.prox(torch.tensor(x), .5).numpy()
        if not isinstance(ours, (LogSum, L1)): np.testing.assert_allclose(mine, [theirs.prox_1d(v, .5, j) for j, v in enumerate(x)], rtol=1e-7, atol=1e-9)
