"""Generated from nbs/shared_lib/31_projection.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_simplex():
    import torch
    import math
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.projection import simplex

    def is_nearest(x, z, others):
        """No point of `others` (k, n), all in the set, makes an acute angle with x - z."""
        gap = ((x - z)[..., None, :] * (others - z[..., None, :])).sum(-1)
        assert (gap <= 1e-12 * (1 + x.abs().sum(-1)[..., None] ** 2)).all(), float(gap.max())
    def rows(seed, ties, shape=(4, 7)):
        """Random rows; with `ties`, small integers with many equal entries and zeros."""
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2
        return x.round() if ties else x
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = torch.tensor([[.2, .5, .1], [3., 2., 0.], [-1., -1., -1.]])
    simplex(x)

    @given(st.integers(0, 10**6), st.booleans(), st.sampled_from([1e-6, .5, 1., 3., 100.]))
    def is_the_projection(seed, ties, r):
        x = rows(seed, ties)
        z = simplex(x, r)
        torch.testing.assert_close(z.sum(-1), torch.full((4,), r, dtype=torch.float64), rtol=1e-12, atol=1e-12)
        theta = torch.where(z > 0, x - z, -math.inf).amax(-1, keepdim=True)
        assert (z >= 0).all() and torch.where(z > 0, (x - z - theta).abs(), (x - theta).clamp_min(0)).max() <= 1e-12*(1 + r)
        is_nearest(x, z, r*torch.eye(7, dtype=torch.float64))
        torch.testing.assert_close(simplex(z, r), z, rtol=1e-12, atol=1e-12)
        far = x + 2.**30
        torch.testing.assert_close(simplex(far, r), simplex(far - 2.**30, r), rtol=1e-12, atol=1e-12)
    is_the_projection()
    x = rows(0, False)
    assert torch.equal(simplex(x, 0.), torch.zeros_like(x)) and torch.equal(simplex(x[:, :1], 2.), torch.full((4, 1), 2., dtype=torch.float64))
    assert torch.equal(simplex(x, dim=0), simplex(x.T).T) and torch.equal(simplex(x, torch.arange(4.)), torch.stack([simplex(a, float(i)) for i, a in enumerate(x)]))
    import cvxpy as cp
    z = cp.Variable(7)
    cp.Problem(cp.Minimize(cp.sum_squares(z - x[0].numpy())), [z >= 0, cp.sum(z) == 1.5]).solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    np.testing.assert_allclose(simplex(x[0], 1.5), z.value, atol=1e-6)
    assert torch.autograd.gradcheck(lambda a, r: simplex(a, r), (x.clone().requires_grad_(), torch.full((4,), 1.5, dtype=torch.float64, requires_grad=True)))
    refuses((lambda: simplex(torch.ones(3), -1.), "radius must be >= 0, got -1.0"), (lambda: simplex(torch.tensor([1., math.nan])), "x must be finite, got 1 NaN"))


def test_l1_ball():
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.projection import l1_ball, simplex

    def is_nearest(x, z, others):
        """No point of `others` (k, n), all in the set, makes an acute angle with x - z."""
        gap = ((x - z)[..., None, :] * (others - z[..., None, :])).sum(-1)
        assert (gap <= 1e-12 * (1 + x.abs().sum(-1)[..., None] ** 2)).all(), float(gap.max())
    def rows(seed, ties, shape=(4, 7)):
        """Random rows; with `ties`, small integers with many equal entries and zeros."""
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2
        return x.round() if ties else x
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = torch.stack(torch.meshgrid(torch.linspace(-2, 2, 13), torch.linspace(-2, 2, 13), indexing="xy"), -1)
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.3), dpi=80)
    for ax, w in zip(axes, (None, torch.tensor([1., 2.])), strict=True):
        z = l1_ball(x, 1., w)
        ax.quiver(*x.movedim(-1, 0), *(z - x).movedim(-1, 0), angles="xy", scale_units="xy", scale=1, width=.003, color="#0072B2")
        ax.plot([1, 0, -1, 0, 1], torch.tensor([0., 1, 0, -1, 0])/(1 if w is None else 2), "#D55E00"); ax.set_aspect("equal")
        ax.set_title("l1 ball" if w is None else "weights (1, 2)")
    plt.close(fig); fig

    @given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0., 1e-6, .5, 3., 12., 100.]), st.booleans())
    def is_the_projection(seed, ties, r, weighted):
        x = rows(seed, ties)
        w = rows(seed + 1, ties, (7,)).abs() if weighted else torch.ones(7, dtype=torch.float64)
        z = l1_ball(x, r, w if weighted else None)
        inside = (w*x.abs()).sum(-1) <= r
        assert torch.equal(z[inside], x[inside]) and (((w*z.abs()).sum(-1) - r).abs() <= 1e-12*(1 + r))[~inside].all() and (z*x >= 0).all()
        on = (z != 0) & (w > 0)
        theta = torch.where(on, (x - z).abs()/w, 0).amax(-1, keepdim=True)
        stuck = torch.where(on, ((x - z).abs() - theta*w).abs(), torch.where(w > 0, (x.abs() - theta*w).clamp_min(0), (x - z).abs()))
        assert r == 0 or (stuck[~inside] <= 1e-11).all()
        vertices = torch.cat([torch.eye(7, dtype=torch.float64), -torch.eye(7, dtype=torch.float64)])
        if not weighted: is_nearest(x, z, r*vertices)
    is_the_projection()
    x = rows(1, False)
    assert torch.equal(l1_ball(x, 0.), torch.zeros_like(x)) and torch.equal(l1_ball(x, 2., dim=0), l1_ball(x.T, 2.).T)
    assert torch.equal(l1_ball(x, torch.tensor([0., 1., 2., 99.])), torch.stack([l1_ball(a, r) for a, r in zip(x, (0., 1., 2., 99.), strict=True)]))
    torch.testing.assert_close(l1_ball(x, 1.), x.sign()*simplex(x.abs(), 1.), rtol=1e-12, atol=1e-12)
    import cvxpy as cp
    z, w = cp.Variable(7), np.arange(7.)
    cp.Problem(cp.Minimize(cp.sum_squares(z - x[0].numpy())), [w @ cp.abs(z) <= 2.5]).solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    np.testing.assert_allclose(l1_ball(x[0], 2.5, torch.tensor(w)), z.value, atol=1e-6)
    assert torch.autograd.gradcheck(lambda a, r: l1_ball(a, r), (x.clone().requires_grad_(), torch.full((4,), 1.5, dtype=torch.float64, requires_grad=True)))
    refuses((lambda: l1_ball(torch.ones(3), -1.), "radius must be >= 0, got -1.0"), (lambda: l1_ball(torch.ones(2), 1., torch.tensor([1., -1.])), "weights must be >= 0, got -1.0"))


def test_l2_ball():
    import torch
    import math
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.projection import l2_ball

    def is_nearest(x, z, others):
        """No point of `others` (k, n), all in the set, makes an acute angle with x - z."""
        gap = ((x - z)[..., None, :] * (others - z[..., None, :])).sum(-1)
        assert (gap <= 1e-12 * (1 + x.abs().sum(-1)[..., None] ** 2)).all(), float(gap.max())
    def rows(seed, ties, shape=(4, 7)):
        """Random rows; with `ties`, small integers with many equal entries and zeros."""
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2
        return x.round() if ties else x
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    l2_ball(torch.tensor([[3., 4.], [.3, .4]]))

    @given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0., 1e-6, .5, 3., 100.]))
    def is_the_projection(seed, ties, r):
        x = rows(seed, ties)
        z, norm = l2_ball(x, r), torch.linalg.vector_norm(x, dim=-1)
        assert torch.equal(z[norm <= r], x[norm <= r]) and (z.norm(dim=-1) <= r*(1 + 1e-14)).all()
        others = rows(seed + 1, False, (30, 7))
        is_nearest(x, z, r*others/others.norm(dim=-1, keepdim=True))
    is_the_projection()
    x = rows(0, False)
    assert torch.equal(l2_ball(x, 0.), torch.zeros_like(x))
    torch.testing.assert_close(l2_ball(torch.tensor([3e200, 4e200], dtype=torch.float64)), torch.tensor([.6, .8], dtype=torch.float64), rtol=1e-15, atol=0)
    torch.testing.assert_close(l2_ball(torch.tensor([3e-200, 4e-200], dtype=torch.float64), 1e-200), torch.tensor([6e-201, 8e-201], dtype=torch.float64), rtol=1e-14, atol=0)
    torch.testing.assert_close(l2_ball(x, 1., dim=0), l2_ball(x.T).T, rtol=1e-14, atol=0)
    assert l2_ball(torch.tensor([math.nan, 9.])).isnan().all()
    import pyproximal
    np.testing.assert_allclose(l2_ball(x[0], .7), pyproximal.EuclideanBall(np.zeros(7), .7).prox(x[0].numpy(), 1.), rtol=1e-12)
    assert torch.autograd.gradcheck(l2_ball, (x.clone().requires_grad_(), torch.full((4,), 1.5, dtype=torch.float64, requires_grad=True)))
    refuses((lambda: l2_ball(torch.ones(3), -1.), "radius must be >= 0, got -1.0"))


def test_box_non_negative_numbers_l_infinity_ball():
    import torch
    import math
    from hypothesis import given, strategies as st
    from sparsebook.projection import box, linf_ball, nonneg

    def is_nearest(x, z, others):
        """No point of `others` (k, n), all in the set, makes an acute angle with x - z."""
        gap = ((x - z)[..., None, :] * (others - z[..., None, :])).sum(-1)
        assert (gap <= 1e-12 * (1 + x.abs().sum(-1)[..., None] ** 2)).all(), float(gap.max())
    def rows(seed, ties, shape=(4, 7)):
        """Random rows; with `ties`, small integers with many equal entries and zeros."""
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2
        return x.round() if ties else x
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = torch.linspace(-2, 2, 9)
    box(x), nonneg(x), linf_ball(x, 1.5)

    @given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0., .5, 2.]))
    def is_the_projection(seed, ties, r):
        x = rows(seed, ties, (4, 5))
        corners = torch.cartesian_prod(*[torch.tensor([-1., 1.], dtype=torch.float64)]*5)*r
        is_nearest(x, linf_ball(x, r), corners)
        is_nearest(x, box(x, r, 2*r + 1), corners.sign()*(r + 1)/2*(r > 0) + (3*r + 1)/2)
        is_nearest(x, nonneg(x), (corners + r)*50)
    is_the_projection()
    x = rows(0, False)
    assert torch.equal(linf_ball(x, torch.arange(4.)), torch.stack([linf_ball(a, float(i)) for i, a in enumerate(x)])) and torch.equal(box(x, -math.inf, math.inf), x)
    from sparsebook.prox import soft_threshold
    torch.testing.assert_close(soft_threshold(x, .8) + linf_ball(x, .8), x, rtol=1e-15, atol=1e-15)  # Moreau: prox of l1 + projection on its dual ball
    refuses((lambda: box(x, 2., 1.), "lo must be <= hi, got lo up to 1 above hi"), (lambda: box(x, math.nan), "lo must be >= -inf, got nan"), (lambda: linf_ball(x, -1.), "radius must be >= 0"))


def test_half_space_hyperplane_affine_subspace():
    import torch
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.projection import affine, half_space, hyperplane

    def rows(seed, ties, shape=(4, 7)):
        """Random rows; with `ties`, small integers with many equal entries and zeros."""
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2
        return x.round() if ties else x
    def refuses(*cases):
        for call, text in cases:
            try:
                call()
            except ValueError as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    x = torch.tensor([[1., 2.], [-1., 0.]])
    half_space(x, torch.tensor([1., 1.]), 1.), hyperplane(x, torch.tensor([1., 1.]), 1.)

    @given(st.integers(0, 10**6), st.booleans(), st.integers(1, 4))
    def are_the_projections(seed, ties, m):
        x, a, b = rows(seed, ties), rows(seed + 1, False, (7,)), rows(seed + 2, False, (4,))
        z, h = hyperplane(x, a, b), half_space(x, a, b)
        inside = x @ a <= b
        assert ((z @ a - b).abs() <= 1e-12*(1 + x.norm()*a.norm())).all() and torch.equal(h[inside], x[inside]) and torch.equal(h[~inside], z[~inside])
        torch.testing.assert_close(x - z, ((x - z) @ a/(a @ a))[:, None]*a, rtol=1e-10, atol=1e-12)  # moved along the normal
        A = rows(seed + 3, False, (m, 7))
        A, c = torch.cat([A, A[:1] + A[-1:]]), x[0] @ A.T  # one redundant row
        c = torch.cat([c, c[:1] + c[-1:]])
        p, free = affine(x, A, c), torch.linalg.svd(A).Vh[m:]
        assert (p @ A.T - c).abs().max() <= 1e-11*(1 + x.norm()*A.norm()) and ((x - p) @ free.T).abs().max() <= 1e-11*(1 + x.norm())  # moved only across it
    are_the_projections()
    x = rows(0, False)
    torch.testing.assert_close(affine(x, None, 1.), hyperplane(x, 1., 1.), rtol=1e-12, atol=1e-12)
    import cvxpy as cp
    z, a = cp.Variable(7), rows(5, False, (7,))
    cp.Problem(cp.Minimize(cp.sum_squares(z - x[0].numpy())), [a.numpy() @ z <= -1.]).solve(solver="CLARABEL", tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    np.testing.assert_allclose(half_space(x[0], a, -1.), z.value, atol=1e-6)
    refuses((lambda: half_space(x, torch.zeros(7)), "a must not be 0"), (lambda: affine(x, torch.ones(2, 7), torch.tensor([0., 1.])), "A z = b must have a solution, got a violation of 0.5"))
