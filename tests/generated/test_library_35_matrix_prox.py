"""Generated from nbs/shared_lib/35_matrix_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_singular_values():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.matrix_prox import nuclear, schatten, spectral_ball

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def nuclear_norm(x):
        return torch.linalg.svdvals(x).sum(-1)
    def firmly_nonexpansive(prox, a, b):
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-11 * (1 + (a - b).square().sum())
    x = torch.diag(torch.tensor([3., 1., .5]))
    nuclear(x, .8).diagonal(), spectral_ball(x).diagonal(), torch.linalg.matrix_rank(nuclear(draw(0, 9, 6), 6.))

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., .5, 2., 9.]), st.integers(1, 5), st.integers(1, 5))
    def singular_values(seed, ties, u, m, n):
        x = draw(seed, 2, m, n, ties=ties)
        z = nuclear(x, u); y = x - z
        assert (torch.linalg.matrix_norm(y, 2) <= u + 1e-12).all()                               # y in the dual ball
        torch.testing.assert_close((y*z).sum((-2, -1)), u*nuclear_norm(z), rtol=0, atol=1e-10)   # Fenchel-Young: z is the prox
        torch.testing.assert_close(spectral_ball(x, u), y, rtol=0, atol=1e-11)                   # Moreau
        for f in (lambda v: nuclear(v, u), lambda v: spectral_ball(v, u)): assert firmly_nonexpansive(f, x, draw(seed + 1, 2, m, n, ties=ties))
    singular_values()
    x = draw(3, 4, 3)
    torch.testing.assert_close(nuclear(torch.stack([x, 2*x]), torch.tensor([1., 2.])), torch.stack([nuclear(x, 1.), nuclear(2*x, 2.)]))
    from sparsebook.prox import hard_threshold
    low = schatten(x, 4., hard_threshold); s = torch.linalg.svdvals(x)
    torch.testing.assert_close(torch.linalg.svdvals(low), torch.where(s > 8**.5, s, 0)); torch.testing.assert_close(schatten(x, .7, lambda s, u: s/(1 + u)), x/1.7)
    torch.autograd.gradcheck(lambda x: nuclear(x, 1.), x.requires_grad_())
    for call, text in [(lambda: nuclear(x, -1.), "u must be >= 0, got -1"), (lambda: spectral_ball(x, -1.), "radius must be >= 0, got -1.0"), (lambda: nuclear(x[0], 1.), "a matrix or a stack of them, got shape (3,)")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_polar_factor():
    import numpy as np
    import torch
    from sparsebook.matrix_prox import orthogonal, polar, stiefel

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def nuclear_norm(x):
        return torch.linalg.svdvals(x).sum(-1)
    x = draw(0, 6, 4)
    [round(float((torch.linalg.svdvals(polar(x, "newton_schulz", t)) - 1).abs().max()), 6) for t in (2, 5, 8, 12)]

    from scipy.linalg import polar as scipy_polar

    rng = torch.Generator().manual_seed(0)
    for m, n in [(5, 5), (7, 3), (3, 7), (1, 4), (4, 1)]:
        x = draw(m, 3, m, n)
        q, w = polar(x), polar(x, "newton_schulz", 60)
        eye = torch.eye(min(m, n), dtype=x.dtype).expand(3, -1, -1)
        torch.testing.assert_close(q.mT @ q if m >= n else q @ q.mT, eye, rtol=0, atol=1e-13); torch.testing.assert_close(w, q, rtol=0, atol=1e-11)
        torch.testing.assert_close((x*q).sum((-2, -1)), nuclear_norm(x))
        np.testing.assert_allclose(q[0].numpy(), scipy_polar(x[0].numpy())[0], atol=1e-12)
        for t in range(1, 20): assert torch.linalg.matrix_norm(polar(x, "newton_schulz", t), 2).max() <= 1 + 1e-14          # feasible at every step
        other = torch.linalg.qr(torch.randn(200, max(m, n), min(m, n), dtype=x.dtype, generator=rng)).Q
        other = other if m >= n else other.mT
        assert ((x[0] - q[0]).norm() <= torch.linalg.matrix_norm(x[0] - other) + 1e-12).all() and torch.equal(stiefel(x), q)
    rank1 = draw(1, 4, 1) @ draw(2, 1, 4)
    torch.testing.assert_close((rank1*polar(rank1)).sum(), nuclear_norm(rank1)); torch.testing.assert_close((rank1*polar(rank1, "newton_schulz", 60)).sum(), nuclear_norm(rank1))
    assert (polar(torch.zeros(3, 2), "newton_schulz") == 0).all()
    torch.autograd.gradcheck(polar, draw(5, 4, 3).requires_grad_())
    x = draw(4, 20, 3, 3)
    turn = orthogonal(x, special=True)
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(20, dtype=x.dtype)); torch.testing.assert_close(torch.linalg.det(orthogonal(x)).abs(), torch.ones(20, dtype=x.dtype))
    other = polar(torch.randn(400, 3, 3, dtype=x.dtype, generator=rng)); other = other*torch.linalg.det(other)[:, None, None]
    assert (torch.linalg.matrix_norm(x - turn)[:, None] <= torch.linalg.matrix_norm(x[:, None] - other) + 1e-12).all()
    for call, text in [(lambda: polar(x, "qdwh"), "got 'qdwh'"), (lambda: orthogonal(x[..., :2]), "must be square, got shape (20, 3, 2)"), (lambda: polar(torch.ones(3)), "got shape (3,)")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_total_variation_of_a_line():
    import torch
    from sparsebook.prox import soft_threshold
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, settings, strategies as st
    from sparsebook.matrix_prox import fused_lasso, tv1d

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def firmly_nonexpansive(prox, a, b):
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-11 * (1 + (a - b).square().sum())
    signal = torch.cat([torch.zeros(30), torch.full((25,), 2.), torch.full((35,), -1.)]) + .5*torch.randn(90, generator=torch.Generator().manual_seed(0))
    fig, ax = plt.subplots(figsize=(5, 2.2), dpi=70)
    ax.plot(signal, ".", color="0.6")
    for u in (.5, 3., 20.): ax.step(range(90), tv1d(signal, u), where="mid", label=f"u = {u}")
    ax.legend(); plt.close(fig); fig

    def certificate(x, z, u):
        w, jump = (x - z).cumsum(-1), z.diff(dim=-1).sign()
        off = torch.where(jump == 0, (w[..., :-1].abs() - u).clamp_min(0), (w[..., :-1] + u*jump).abs())
        return max(w[..., -1].abs().max(), off.max() if off.numel() else off.new_zeros(()))

    @settings(max_examples=150)
    @given(st.integers(0, 9999), st.booleans(), st.sampled_from([0., .3, 1., 2.5, 40.]), st.integers(1, 14))
    def is_certified(seed, ties, u, n):
        x = draw(seed, 3, n, ties=ties)
        z = tv1d(x, u)
        assert certificate(x, z, u) <= 1e-12
        assert firmly_nonexpansive(lambda v: tv1d(v, u), x, draw(seed + 1, 3, n, ties=ties))
        torch.testing.assert_close(tv1d(x.flip(-1), u).flip(-1), z, rtol=0, atol=1e-13); torch.testing.assert_close(tv1d(x.T, u, dim=0).T, z, rtol=0, atol=0)
        torch.testing.assert_close(tv1d(x + 5, u), z + 5); torch.testing.assert_close(z.sum(-1), x.sum(-1))
    is_certified()
    for x in (draw(0, 20000), draw(1, 20000).cumsum(0), torch.arange(5000.).double(), (torch.arange(5000) % 2).double(), 1e6*draw(2, 2000)):
        for u in (.01, 1., 300.): assert certificate(x, tv1d(x, u), u) <= 1e-13*(1 + x.abs().sum())
    x, u = draw(3, 3, 7), torch.tensor([0., .7, 99.], dtype=torch.float64)
    z = tv1d(x, u)
    torch.testing.assert_close(z, torch.stack([tv1d(a, b) for a, b in zip(x, u, strict=True)])); torch.testing.assert_close(z[0], x[0]); torch.testing.assert_close(z[2], x[2].mean().expand(7))
    assert torch.autograd.gradcheck(tv1d, (x[:2].clone().requires_grad_(), torch.tensor([.3, .7], dtype=torch.float64, requires_grad=True)))
    bad = tv1d(torch.tensor([[1., math.nan], [3., 1.]]), .5)
    assert bad[0].isnan().all() and bad[1].tolist() == [2.5, 1.5] and tv1d(x.half(), .5).dtype == torch.float16 and tv1d(torch.zeros(2, 0), 1.).shape == (2, 0)

    x = draw(4, 400, ties=True)
    z, u, r = fused_lasso(x, 2., .3), 2., .3
    t = tv1d(x, (1 - r)*u)
    assert torch.equal(z, soft_threshold(t, r*u)) and (z == 0).any()
    assert certificate(x, t, (1 - r)*u) <= 1e-11 and (z.diff().sign()*t.diff().sign() >= 0).all()   # the same dual vector serves z: a jump of z is a jump of t
    torch.testing.assert_close(fused_lasso(draw(5, 2, 6), torch.tensor([1., 2.]), .3), torch.stack([fused_lasso(a, b, .3) for a, b in zip(draw(5, 2, 6), (1., 2.), strict=True)]))
    for call, text in [(lambda: tv1d(x, -1.), "u must be >= 0, got -1"), (lambda: fused_lasso(x, 1., 1.5), "got 1.5")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_linear_minimisation_oracles_of_vectors():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.matrix_prox import lmo_group, lmo_k_support, lmo_l1, lmo_l2, lmo_linf, lmo_simplex

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    g = torch.tensor([3., -4., 1.])
    {f.__name__: f(g).tolist() for f in (lmo_l1, lmo_simplex, lmo_linf, lmo_l2)} | {"lmo_k_support, k = 2": lmo_k_support(g, 2).tolist()}

    from sparsebook.group_prox import GroupIndex
    from sparsebook.sorted_prox import k_support_dual, k_support_norm

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., 1., 2.5]), st.integers(1, 6), st.integers(1, 6))
    def attains_the_dual_norm(seed, ties, r, n, k):
        g, k = draw(seed, 4, n, ties=ties), min(k, n)
        for s, dual, norm in [(lmo_l1(g, r), g.abs().amax(-1), lambda s: s.abs().sum(-1)), (lmo_linf(g, r), g.abs().sum(-1), lambda s: s.abs().amax(-1)), (lmo_l2(g, r), g.norm(dim=-1), lambda s: s.norm(dim=-1)),
                              (lmo_k_support(g, k, r), k_support_dual(g, k), lambda s: k_support_norm(s, k))]:
            torch.testing.assert_close((g*s).sum(-1), -r*dual, rtol=0, atol=1e-12); assert (norm(s) <= r + 1e-12).all() and ((s != 0).sum(-1) <= n).all()
        s = lmo_simplex(g, r)
        torch.testing.assert_close((g*s).sum(-1), r*g.amin(-1)); assert (s.sum(-1) == r).all() and (s >= 0).all()
        s = lmo_group(g, r)
        torch.testing.assert_close((g*s).sum(), -r*g.norm(dim=-1).max()); assert (s != 0).any(-1).sum() <= 1
    attains_the_dual_norm()
    g = torch.tensor([[1., -1., 1.], [0., 0., 0.]])
    assert lmo_l1(g).tolist() == [[-1, 0, 0], [0, 0, 0]] and lmo_simplex(g).tolist() == [[0, 1, 0], [1, 0, 0]] and (lmo_l2(g)[1] == 0).all() and torch.equal(lmo_l1(g.T, dim=0), lmo_l1(g).T)
    torch.testing.assert_close(lmo_group(torch.tensor([1., 1., 3., -4.]), 2., GroupIndex(torch.tensor([0, 0, 1, 1]))), torch.tensor([0., 0., -1.2, 1.6]))
    for call, text in [(lambda: lmo_l1(g, -1.), "radius must be >= 0, got -1.0"), (lambda: lmo_k_support(g, 4), "k must be in 0..3, got 4"), (lambda: lmo_l1(g/0), "must be finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_linear_minimisation_oracles_of_matrices():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.matrix_prox import lmo_nuclear, lmo_spectral, spectral_ball

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def nuclear_norm(x):
        return torch.linalg.svdvals(x).sum(-1)
    g = draw(0, 5, 3)
    {"spectral": torch.linalg.svdvals(lmo_spectral(g)), "nuclear": torch.linalg.svdvals(lmo_nuclear(g)).round(decimals=6)}

    @given(st.integers(0, 999), st.booleans(), st.integers(1, 5), st.integers(1, 5), st.sampled_from([0., 1., 3.]))
    def attains_the_dual_matrix_norm(seed, ties, m, n, r):
        g = draw(seed, 2, m, n, ties=ties)
        s, t = lmo_spectral(g, r), lmo_nuclear(g, r)
        torch.testing.assert_close((g*s).sum((-2, -1)), -r*nuclear_norm(g), rtol=0, atol=1e-11); assert (torch.linalg.matrix_norm(s, 2) <= r + 1e-12).all()
        torch.testing.assert_close((g*t).sum((-2, -1)), -r*torch.linalg.matrix_norm(g, 2), rtol=0, atol=1e-11); assert (nuclear_norm(t) <= r + 1e-12).all()
        t = lmo_nuclear(g, r, "power", 200)
        assert (nuclear_norm(t) <= r + 1e-12).all() and ((g*t).sum((-2, -1)) <= -.9*r*torch.linalg.matrix_norm(g, 2) + 1e-12).all()
    attains_the_dual_matrix_norm()
    rng = torch.Generator().manual_seed(1)
    G, s = draw(5, 6, 6), lmo_spectral(draw(5, 6, 6))
    inside = spectral_ball(torch.randn(1000, 6, 6, dtype=G.dtype, generator=rng))
    assert ((G*inside).sum((-2, -1)) >= (G*s).sum()).all()                                    # no feasible matrix does better
    torch.testing.assert_close(lmo_spectral(G, 2., "newton_schulz"), 2*s, rtol=0, atol=1e-6)
    D, target = torch.zeros_like(G), 2*G/nuclear_norm(G)                                      # Frank-Wolfe on ||D - target||^2 over the nuclear ball of radius 3
    for t in range(2000): D = D + 2/(t + 2)*(lmo_nuclear(D - target, 3.) - D)
    assert (D - target).norm() < .05
    for call, text in [(lambda: lmo_nuclear(G, 1., "lanczos"), "got 'lanczos'"), (lambda: lmo_spectral(G, -1.), "got -1.0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


@pytest.mark.slow
def test_against_other_libraries():
    import numpy as np
    import torch
    from sparsebook.matrix_prox import fused_lasso, nuclear, tv1d

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    import cvxpy as cp
    import pyproximal

    x = draw(4, 12)
    z = cp.Variable(12)
    cp.Problem(cp.Minimize(cp.sum_squares(z - x.numpy())/2 + .6*cp.norm1(z) + 1.4*cp.tv(z))).solve(solver="CLARABEL")
    np.testing.assert_allclose(fused_lasso(x, 2., .3).numpy(), z.value, atol=1e-4)
    np.testing.assert_allclose(tv1d(x, .9).numpy(), pyproximal.TV((12,), sigma=.9, niter=20000, rtol=0).prox(x.numpy(), 1.), atol=1e-3)
    x = draw(3, 4, 3)
    np.testing.assert_allclose(nuclear(x, .6).numpy().ravel(), pyproximal.Nuclear((4, 3), .6).prox(x.numpy().ravel(), 1.), atol=1e-12)
