"""Generated from nbs/shared_lib/42_group_penalty.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_groups_and_norms():
    from sparsebook.group_penalty import Grouped, LABELS

    pen = Grouped(1., LABELS)
    pen.index(12), pen.group_weights(12)

    assert Grouped(1., 4).index(12).labels.tolist() == [0]*4 + [1]*4 + [2]*4 and Grouped(0.).is_penalized(6).tolist() == [False]*6
    assert Grouped(1., LABELS, weights=[1., 0, 1, 1]).is_penalized(12).tolist() == [label != 1 for label in LABELS]

    for call, text in [(lambda: Grouped(1., 5).index(12), "groups of 5 must divide p=12"), (lambda: Grouped(1., LABELS).index(11), "groups label 12 features, got w with 11"), (lambda: Grouped(1., 0), "size >= 1"),
                       (lambda: Grouped(1., 6, weights=[1.]).group_weights(12), "for each of 2 groups, got 1"), (lambda: Grouped(1., 6, weights=[-1., 1.]), "weights must be finite and >= 0"), (lambda: Grouped(1., LABELS - 1), "label >= 0")]:
        try: call()
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_group_lasso():
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import fista, path
    from sparsebook.penalty import L1
    from sparsebook.group_penalty import GroupL2, LABELS

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    X, rng = normal(60, 12), torch.Generator().manual_seed(1)
    y = X[:, :3] @ torch.tensor([1., -1., .5], dtype=torch.float64) + X[:, 6:9].sum(1)/2 + .5*normal(60, seed=1)
    fig, axes = plt.subplots(1, 2, figsize=(9, 2.6), dpi=70, sharey=True)
    for ax, pen in zip(axes, (L1(1.), GroupL2(1., 3)), strict=True):
        lams, W, _ = path(X, y, Quadratic(), pen, 25)
        for j in range(12): ax.semilogx(lams, W[:, j], color=f"C{j//3}")
        ax.invert_xaxis(); ax.set(title=type(pen).__name__, xlabel="lam")
    plt.close(fig); fig  # one colour a group: on the right the features of a group enter together

    import cvxpy as cp
    from skglm.penalties import WeightedGroupL2
    weights = torch.tensor([1., .5, 2., 1.], dtype=torch.float64)
    w, g = normal(12, seed=2), normal(12, seed=3)
    w[3:6] = 0
    theirs = WeightedGroupL2(.7, weights.numpy(), np.arange(0, 13, 3, dtype=np.int32), np.arange(12, dtype=np.int32))
    np.testing.assert_allclose(GroupL2(.7, 3, weights=weights).value(w), theirs.value(w.numpy()), rtol=1e-12)
    np.testing.assert_allclose(GroupL2(.7, 3, weights=weights).subdiff_distance(w, g), theirs.subdiff_distance(w.numpy(), g.numpy(), np.arange(4)), rtol=1e-12)
    torch.testing.assert_close(GroupL2(.7, 1).prox(w), L1(.7).prox(w))
    v = cp.Variable(12)
    cp.Problem(cp.Minimize(cp.sum_squares(y.numpy() - X.numpy() @ v)/120 + .1*sum(float(d)*cp.norm(v[np.flatnonzero(LABELS.numpy() == G)]) for G, d in enumerate(GroupL2(1., LABELS).group_weights(12))))).solve(solver="CLARABEL")
    sol = fista(X, y, Quadratic(), GroupL2(.1, LABELS))
    np.testing.assert_allclose(sol.w, v.value, atol=1e-4); assert abs(sol.gap) < 1e-8
    two = fista(X, torch.stack([y, y.flip(0)], 1), Quadratic(), GroupL2(.1, LABELS)).w
    torch.testing.assert_close(two[:, 0], sol.w, atol=1e-7, rtol=0)

    try: GroupL2(-1., 3)
    except ValueError as e: print(e)
    else: raise AssertionError("a negative weight")


def test_sparse_group_lasso():
    import torch
    import numpy as np
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import fista
    from sparsebook.group_penalty import GroupL2, LABELS, SparseGroupL1L2

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    rows = {}
    for r in (0., .5, .9, 1.):
        w = fista(X := normal(60, 12), y := X[:, 0] + X[:, 4] - X[:, 5] + .5*normal(60, seed=1), Quadratic(), SparseGroupL1L2(.15, 3, r)).w
        rows[r] = "".join(".x"[int(v)] for v in (w != 0))
    rows  # which of 4 x 3 features live

    import cvxpy as cp
    v = cp.Variable(12)
    cp.Problem(cp.Minimize(cp.sum_squares(y.numpy() - X.numpy() @ v)/120 + .15*(.5*cp.norm1(v) + .5*3**.5*sum(cp.norm(v[i:i + 3]) for i in (0, 3, 6, 9))))).solve(solver="CLARABEL")
    sol = fista(X, y, Quadratic(), SparseGroupL1L2(.15, 3))
    np.testing.assert_allclose(sol.w, v.value, atol=1e-4); assert abs(sol.gap) < 1e-8
    u, w = normal(12, seed=5), normal(12, seed=6)
    torch.testing.assert_close(SparseGroupL1L2(1., 3, 1.).dual_norm(u), u.abs().max())
    torch.testing.assert_close(SparseGroupL1L2(1., LABELS, 0.).dual_norm(u), GroupL2(1., LABELS).dual_norm(u))
    torch.testing.assert_close(SparseGroupL1L2(.3, LABELS, 0.).subdiff_distance(w, u), GroupL2(.3, LABELS).subdiff_distance(w, u))
    inside = [float((u*x).sum()/SparseGroupL1L2(1., 3).value(x)) for x in normal(4000, 12, seed=7)]
    assert max(inside) <= SparseGroupL1L2(1., 3).dual_norm(u)
    zero, lam = torch.zeros(12, dtype=torch.float64), .2  # brute force at a zero group: min over the box and the ball
    a, b = cp.Variable(12), cp.Variable(12)
    cp.Problem(cp.Minimize(cp.sum_squares(u.numpy() + a + b)), [cp.abs(a) <= .1] + [cp.norm(b[i:i + 3]) <= .1*3**.5 for i in (0, 3, 6, 9)]).solve(solver="CLARABEL")
    np.testing.assert_allclose(SparseGroupL1L2(.2, 3).subdiff_distance(zero, u), np.linalg.norm((u.numpy() + a.value + b.value).reshape(4, 3), axis=1), atol=1e-5)

    try: SparseGroupL1L2(1., 3, 2.)
    except ValueError as e: print(e); assert "l1_ratio in 0..1" in str(e)
    else: raise AssertionError("a negative part")


def test_group_mcp():
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import ista
    from sparsebook.penalty import MCP
    from sparsebook.group_penalty import GroupL2, GroupMCP, LABELS

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    X = normal(60, 12)
    y = X[:, :3].sum(1) + .5*normal(60, seed=1)
    {type(pen).__name__: ista(X, y, Quadratic(), pen).w[:3] for pen in (GroupL2(.2, 3), GroupMCP(.2, 3))}  # the truth is 1

    from skglm.penalties.block_separable import L2_1
    w, g = normal(12, seed=2), normal(12, seed=3)
    torch.testing.assert_close(GroupMCP(.7, 1).value(w), MCP(.7).value(w))
    torch.testing.assert_close(GroupMCP(.7, 1).prox(w, 5.), MCP(.7).prox(w, 5.))
    torch.testing.assert_close(GroupMCP(.7, 1).subdiff_distance(w, g), MCP(.7).subdiff_distance(w, g))
    v = w.clone().requires_grad_()
    grad = torch.autograd.grad(GroupMCP(.3, LABELS).value(v), v)[0]
    assert GroupMCP(.3, LABELS).subdiff_distance(w, -grad).max() < 1e-14
    sol = ista(X, y, Quadratic(), GroupMCP(.2, 3))
    assert (sol.w[3:] == 0).all(); torch.testing.assert_close(sol.w[:3], torch.linalg.lstsq(X[:, :3], y).solution, atol=1e-6, rtol=0)

    try: GroupMCP(1., 3, 0.)
    except ValueError as e: print(e); assert "gamma > 0" in str(e)
    else: raise AssertionError("gamma = 0")


def test_group_l_infinity():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import alpha_max, fista
    from sparsebook.penalty import L1
    from sparsebook.group_penalty import GroupLinf

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    GroupLinf(.5, 4, weights=[1.]).prox(torch.tensor([3., -2.9, 1., 0.]))  # the tallest are cut to one height

    w = normal(12)
    torch.testing.assert_close(GroupLinf(.7, 1).prox(w), L1(.7).prox(w))
    assert math.isclose(GroupLinf(2., 12, weights=[1.]).value(w), 2*w.abs().max())
    X, y = normal(40, 12), normal(40, seed=4)
    sol = fista(X, y, Quadratic(), GroupLinf(.05, 3))
    assert abs(sol.gap) < 1e-7  # the gap is an independent certificate
    top = alpha_max(X, y, Quadratic(), GroupLinf(1., 3))
    assert not fista(X, y, Quadratic(), GroupLinf(top*1.001, 3)).w.any() and fista(X, y, Quadratic(), GroupLinf(top*.99, 3)).w.any()

    try: GroupLinf(1., 5).prox(w)
    except ValueError as e: print(e); assert "must divide p=12" in str(e)
    else: raise AssertionError("5 does not divide 12")


def test_rows_of_a_matrix():
    import torch
    import numpy as np
    from sparsebook.datafit import MultiTask, Quadratic
    from sparsebook.first_order import fista
    from sparsebook.group_penalty import L21

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    X, W = normal(50, 12), torch.zeros(12, 3, dtype=torch.float64)
    W[:3] = normal(3, 3, seed=1)
    Y = X @ W + .3*normal(50, 3, seed=2)
    sol = fista(X, Y, MultiTask(), L21(.2))
    (sol.w != 0).int().T  # whole rows

    from sklearn.linear_model import MultiTaskLasso
    np.testing.assert_allclose(sol.w, MultiTaskLasso(.2, fit_intercept=False, tol=1e-13, max_iter=10**5).fit(X, Y).coef_.T, atol=1e-7)
    from skglm.penalties import L2_1
    G = normal(12, 3, seed=9)
    np.testing.assert_allclose(L21(.2).subdiff_distance(sol.w, G), L2_1(.2).subdiff_distance(sol.w.numpy(), G.numpy(), np.arange(12)), rtol=1e-10)
    assert abs(sol.gap) < 1e-8 and L21(1., [0.]*11 + [1.]).alpha_max(G) == torch.linalg.vector_norm(G[11])

    try: fista(X, Y[:, 0], Quadratic(), L21(.2))
    except ValueError as e: print(e); assert "L21 needs w of shape (p, T): give y of shape (n, T), got (50,)" in str(e)
    else: raise AssertionError("a vector has no rows")


def test_k_groups_the_envelope():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import fista
    from sparsebook.group_penalty import KSupport, LABELS, WGSEF

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    X = normal(80, 12)
    y = X[:, :3].sum(1) + X[:, 6:9].sum(1) + .5*normal(80, seed=1)
    {lam: (torch.linalg.vector_norm(fista(X, y, Quadratic(), WGSEF(lam, 3, 2)).w.view(4, 3), dim=1)).round(decimals=3).tolist() for lam in (.01, .1, 1.)}  # two groups were planted

    for seed in range(20):
        b = normal(7, seed=seed).abs().sort(descending=True).values
        for k in range(1, 8):
            T = b.flip(0).cumsum(0).flip(0)
            r = next(r for r in range(k) if (r == 0 or b[r - 1] > T[r]/(k - r)) and T[r]/(k - r) >= b[r] - 1e-15)
            assert math.isclose(T[r]/(k - r), min(float(T[r])/(k - r) for r in range(k)), rel_tol=1e-12)
    w, g = normal(12, seed=2), normal(12, seed=3)
    torch.testing.assert_close(WGSEF(.7, 3, 4).prox(w), w/1.7)
    torch.testing.assert_close(KSupport(.7, 1).value(w), .35*w.abs().sum()**2)
    torch.testing.assert_close(KSupport(.7, 3).prox(w), WGSEF(.7, 1, 3).prox(w))
    v = w.clone().requires_grad_()
    for pen in (WGSEF(.7, LABELS, 2), KSupport(.7, 5), WGSEF(.3, 3, 3, weights=[1., 2., 3., 4.])):
        assert pen.subdiff_distance(w, -torch.autograd.grad(pen.value(v), v)[0]).max() < 1e-12
    two = torch.where(torch.arange(12) < 3, w, 0)
    assert KSupport(1., 4).subdiff_distance(two, torch.full((12,), 1e-3).double())[3:].min() > 0  # fewer than k alive: any pull on a zero moves it
    tied = KSupport(1., 3).subdiff_distance(two, -torch.where(torch.arange(12) < 3, two, .999*two[:3].abs().min()))
    assert tied.max() == 0  # exactly k alive: a pull below the smallest is held

    for call, text in [(lambda: WGSEF(1., 3, 0), "must have k >= 1"), (lambda: WGSEF(1., 3, 5).prox(w), "k must be in 1..4"), (lambda: WGSEF(1., 3, 1, weights=[0., 1, 1, 1]), "k >= 1")]:
        try: call()
        except ValueError as e: print(e); assert text in str(e)
        else: raise AssertionError(text)


def test_every_group_penalty_keeps_the_contract():
    import math
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.first_order import alpha_max, fista, ista
    from sparsebook.penalty import penalties
    from sparsebook.group_penalty import GroupL2, WGSEF

    def normal(*shape, seed=0):
        return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    def tries(x, v, seed):
        "Perturbations near and far, coordinates set to 0 or to v."
        rng = torch.Generator().manual_seed(seed)
        for _ in range(40):
            kind, mask = int(torch.randint(0, 4, (), generator=rng)), torch.rand(x.shape, generator=rng) < .3
            noise = torch.randn(x.shape, generator=rng, dtype=x.dtype)
            yield torch.where(mask, [x + 1e-3*noise, x + noise, torch.zeros_like(x), v][kind], x)

    found = penalties(GroupL2.__module__)
    assert {type(pen).__name__ for pen in found} == {"GroupL2", "SparseGroupL1L2", "GroupMCP", "GroupLinf", "L21", "WGSEF", "KSupport"}
    for n, pen in enumerate(found):
        shape = (12, 3) if pen.matrix else (12,)
        for step in (.1, 1., 5.):
            v, other = 2*normal(*shape, seed=n), 2*normal(*shape, seed=n + 99)
            x = pen.prox(v, step)
            assert pen.subdiff_distance(x, (x - v)/step).max() <= 1e-10, (pen, step)
            unit = lambda z: ((z - v)**2).sum()/2 + step*pen.value(z)  # noqa: B023
            best = unit(x)
            assert all(unit(z) >= best - 1e-12 for z in tries(x, v, n)), (pen, step)
            assert torch.equal(x[~pen.is_penalized(12)], v[~pen.is_penalized(12)])
            if not pen.matrix: torch.testing.assert_close(pen.prox(torch.stack([other, v], 1), step)[:, 1], x, rtol=0, atol=1e-12)
            if not pen.convex: continue
            d = x - pen.prox(other, step)
            assert (d**2).sum() <= (d*(v - other)).sum() + 1e-12
            theta = (v - x)/step
            torch.testing.assert_close(pen.value(x) + pen.conjugate(theta), (theta*x).sum(), rtol=1e-8, atol=1e-8)
            u = torch.where(pen.is_penalized(12).view(-1, *[1]*(v.dim() - 1)), other, 0)
            s = pen.dual_scale(u)
            assert math.isfinite(pen.conjugate(s*u)) and (s == 1 or pen.conjugate(1.001*s*u) == math.inf)
            assert pen.value(x) + pen.conjugate(s*u) >= s*(u*x).sum() - 1e-12

    X, y = normal(40, 12), normal(40, seed=8)
    for pen in found:
        t = torch.stack([y, y.flip(0), y**2], 1) if pen.matrix else y
        sol = (fista if pen.convex else ista)(X, t, Quadratic(), pen.with_weight(pen.lam/10))
        assert sol.history["distance"][-1] <= 1e-8 and (abs(sol.gap) < 1e-7 or not pen.convex)
        if isinstance(pen, WGSEF): continue
        top = alpha_max(X, t, Quadratic(), pen)
        held = pen.is_penalized(12)
        for c, alive in ((1.0001, False), (.98, True)): assert bool((fista if pen.convex else ista)(X, t, Quadratic(), pen.with_weight(c*top)).w[held].any()) == alive
