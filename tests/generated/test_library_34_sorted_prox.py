"""Generated from nbs/shared_lib/34_sorted_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sequences_of_prices():
    import numpy as np
    import torch
    import itertools
    import matplotlib.pyplot as plt
    from sparsebook.sorted_prox import bh_weights, oscar_weights

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=70)
    for q in (.01, .1, .5): ax.plot(range(1, 101), bh_weights(100, q), label=f"BH, q = {q}")
    ax.plot(range(1, 101), oscar_weights(100, .5, .02), label="OSCAR"); ax.set_xlabel("rank"); ax.legend(); plt.close(fig); fig

    from statistics import NormalDist

    np.testing.assert_allclose(bh_weights(50, .2, dtype=torch.float64).numpy(), [NormalDist().inv_cdf(1 - i*.2/100) for i in range(1, 51)], rtol=1e-12)
    x = draw(0, 6)
    pairs = sum(max(abs(a), abs(b)) for a, b in itertools.combinations(x.tolist(), 2))
    torch.testing.assert_close((oscar_weights(6, .3, .7, dtype=torch.float64)*x.abs().sort(descending=True).values).sum(), .3*x.abs().sum() + .7*pairs)
    for call, text in [(lambda: bh_weights(5, 1.), "got 1.0"), (lambda: oscar_weights(5, -1.), "got -1.0 and 1.0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_norm_and_its_dual():
    import torch
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.sorted_prox import sorted_l1_dual, sorted_l1_value

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def prices(seed, n, ties=False):
        """A non-increasing sequence >= 0."""
        return draw(seed, n, ties=ties).abs().sort(descending=True).values
    x = torch.tensor([1., -3., 2.])
    sorted_l1_value(x, torch.tensor([3., 2., 1.])), sorted_l1_dual(x, torch.tensor([3., 2., 1.]))

    @given(st.integers(0, 999), st.booleans(), st.integers(1, 4))
    def norm_and_dual(seed, ties, n):
        x, y, u = draw(seed, n, ties=ties), draw(seed + 1, n, ties=ties), prices(seed + 2, n) + .01
        assert abs(sorted_l1_value(x, u) - max((u[list(p)]*x.abs()).sum() for p in itertools.permutations(range(n)))) <= 1e-12
        corners = [torch.tensor([s/u[:k].sum() if i in c else 0. for i, s in enumerate(signs)], dtype=torch.float64)
                   for k in range(1, n + 1) for c in itertools.combinations(range(n), k) for signs in itertools.product((1, -1), repeat=n)]
        assert abs(sorted_l1_dual(y, u) - max((c*y).sum() for c in corners)) <= 1e-12            # the support function of the unit ball
        assert (x*y).sum() <= sorted_l1_value(x, u)*sorted_l1_dual(y, u) + 1e-12
    norm_and_dual()
    x = draw(0, 3, 5)
    torch.testing.assert_close(sorted_l1_value(x, torch.full((5,), 2.)), 2*x.abs().sum(-1)); torch.testing.assert_close(sorted_l1_dual(x, torch.full((5,), 2.)), x.abs().amax(-1)/2)
    assert sorted_l1_dual(torch.zeros(3), torch.zeros(3)) == 0 and sorted_l1_dual(torch.ones(3), torch.zeros(3)) == torch.inf
    for call, text in [(lambda: sorted_l1_value(x, torch.arange(5.)), "non-increasing"), (lambda: sorted_l1_value(x, torch.ones(4)), "each of the 5 entries of a row, got shape (4,)"), (lambda: sorted_l1_dual(x, -torch.ones(5)), "u must be >= 0 and")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_sorted_l1():
    import numpy as np
    import torch
    import matplotlib.pyplot as plt
    from hypothesis import given, settings, strategies as st
    from sparsebook.sorted_prox import bh_weights, sorted_l1, sorted_l1_value

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def prices(seed, n, ties=False):
        """A non-increasing sequence >= 0."""
        return draw(seed, n, ties=ties).abs().sort(descending=True).values
    sorted_l1(torch.tensor([5., -4.8, 1., .5]), torch.tensor([2., 1., 1., 0.])), sorted_l1(torch.tensor([3., -3., 1.]), torch.tensor([2., 1., 0.]))

    grid = torch.cartesian_prod(torch.linspace(-4, 4, 161), torch.linspace(-4, 4, 161))
    z = sorted_l1(grid, torch.tensor([2., .8]))
    kind = torch.where((z == 0).all(1), 0, torch.where((z == 0).any(1), 1, torch.where(z[:, 0].abs() == z[:, 1].abs(), 2, 3)))
    fig, ax = plt.subplots(figsize=(2.8, 2.8), dpi=70)
    ax.imshow(kind.view(161, 161).T.numpy(), origin="lower", extent=(-4, 4, -4, 4), cmap="viridis"); ax.set_title("0 / axis / cluster / free"); plt.close(fig); fig

    def certificate(x, z, u):
        y = x - z
        outside = (y.abs().sort(-1, descending=True).values.cumsum(-1) - u.cumsum(-1)).amax(-1)
        gap = (sorted_l1_value(z, u) - (z*y).sum(-1)).abs().max()
        return max(outside.max()/(1 + x.abs().sum(-1).max()), gap/(1 + (x*x).sum(-1).max()))

    @settings(max_examples=100)
    @given(st.integers(0, 9999), st.booleans(), st.booleans(), st.sampled_from([0., .1, 1., 3.]), st.integers(1, 12))
    def is_certified(seed, ties, flat, scale, n):
        x, u = draw(seed, 3, n, ties=ties), scale*prices(seed + 1, n, ties=flat)
        z = sorted_l1(x, u)
        assert certificate(x, z, u) <= 1e-13
        w = draw(seed + 2, 3, n, ties=ties); q = sorted_l1(w, u)
        assert ((z - q)**2).sum() <= ((z - q)*(x - w)).sum() + 1e-12                           # firmly non-expansive
        assert torch.equal(sorted_l1(x.flip(-1), u).flip(-1), z) and torch.equal(sorted_l1(-x, u), -z) and torch.equal(sorted_l1(x.T, u, dim=0).T, z)
        each = torch.stack([u, 2*u, 0*u])
        assert torch.equal(sorted_l1(x, each), torch.stack([sorted_l1(a, b) for a, b in zip(x, each, strict=True)])) and torch.equal(sorted_l1(x, each)[2], x[2])
    is_certified()

    rng = np.random.default_rng(0)
    for name, x in dict(gauss=rng.standard_normal(30000), cauchy=(rng.standard_cauchy(9000)**3).clip(-1e4, 1e4), ties=rng.integers(-4, 5, 20000).astype(float), near=1 + 1e-12*rng.standard_normal(9000), zero=np.zeros(5000)).items():
        x = torch.from_numpy(x)
        for u in (bh_weights(len(x), .1, dtype=x.dtype), .4*bh_weights(len(x), .1, dtype=x.dtype), torch.linspace(2, 0, len(x), dtype=x.dtype), torch.linspace(.5, 0, len(x), dtype=x.dtype), torch.linspace(9, .8, len(x), dtype=x.dtype)):
            assert certificate(x, sorted_l1(x, u), u) <= 1e-13, name

    from sparsebook.prox import soft_threshold

    x, u = draw(3, 2000), .5*bh_weights(2000, .1, dtype=torch.float64)
    torch.testing.assert_close(sorted_l1(x, torch.full((2000,), .7, dtype=torch.float64)), soft_threshold(x, .7), rtol=0, atol=1e-15)
    torch.testing.assert_close(sorted_l1(x, .5), sorted_l1(x, u))

    x, u = torch.tensor([[5., -4.8, 1., .5], [3., .1, -2.9, 2.]], dtype=torch.float64, requires_grad=True), torch.tensor([2., 1., .9, .2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sorted_l1, (x, u)) and torch.autograd.gradcheck(sorted_l1, (x, u.detach().expand(2, 4).clone().requires_grad_()))
    assert torch.autograd.gradgradcheck(sorted_l1, (x, u))
    bad = sorted_l1(torch.tensor([[1., torch.nan], [3., 1.]]), torch.tensor([1., .5]))
    assert bad[0].isnan().all() and bad[1].tolist() == [2., .5] and sorted_l1(torch.zeros(0, 3), 1.).shape == (0, 3) and sorted_l1(x.detach().half(), u.detach()).dtype == torch.float16
    torch.testing.assert_close(sorted_l1(torch.tensor([torch.inf, -2., 1.]), torch.tensor([1., 1., .5])), torch.tensor([torch.inf, -1., .5]))
    try: sorted_l1(torch.ones(3), torch.tensor([1., 2., 3.]))
    except ValueError as e: assert "largest price first" in str(e); print(e)


def test_the_k_support_norm():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook.sorted_prox import k_support, k_support_dual, k_support_norm

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    x = torch.tensor([4., 3., 1., .5])
    {k: k_support(x, 1., k) for k in (1, 2, 4)}

    from sparsebook.group_prox import group_soft
    from sparsebook.prox import soft_threshold

    @settings(max_examples=30)
    @given(st.integers(0, 9999), st.booleans(), st.sampled_from([0., 1e-3, .5, 2., 6.]), st.integers(1, 8), st.integers(1, 8))
    def is_certified_too(seed, ties, u, n, k):
        k, x = min(k, n), draw(seed, 3, n, ties=ties)
        if seed % 3 == 0: x[0, 1:] = 0
        z = k_support(x, u, k)
        y = x - z
        assert (k_support_dual(y, k) <= u + 1e-12).all() and ((u*k_support_norm(z, k) - (z*y).sum(-1)).abs() <= 1e-11).all()
        w = draw(seed + 1, 3, n, ties=ties); q = k_support(w, u, k)
        assert ((z - q)**2).sum() <= ((z - q)*(x - w)).sum() + 1e-10
        assert ((x*w).sum(-1) <= k_support_norm(x, k)*k_support_dual(w, k) + 1e-10).all()
        if k == 1: torch.testing.assert_close(z, soft_threshold(x, u), rtol=0, atol=1e-11)
        if k == n: torch.testing.assert_close(z, group_soft(x, u), rtol=0, atol=1e-11)
    is_certified_too()
    x, u = draw(1, 3, 6), torch.tensor([.3, 1., 99.], dtype=torch.float64)
    torch.testing.assert_close(k_support(x, u, 2), torch.stack([k_support(a, b, 2) for a, b in zip(x, u, strict=True)])); torch.testing.assert_close(k_support(x.T, u, 2, dim=0).T, k_support(x, u, 2))
    assert torch.autograd.gradcheck(lambda x, u: k_support(x, u, 2), (x[:2].clone().requires_grad_(), u[:2].clone().requires_grad_()), atol=1e-6)
    assert k_support(x.float(), 1., 2).dtype == torch.float32 and torch.equal(k_support(x, 0., 2), x) and (k_support(0*x, 1., 2) == 0).all()

    for call, text in [(lambda: k_support(x, 1., 7), "k must be in 1..6"), (lambda: k_support(x, -1., 2), "u must be >= 0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


@pytest.mark.slow
def test_against_other_libraries():
    import numpy as np
    import torch
    from sparsebook.sorted_prox import bh_weights, k_support, sorted_l1

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    import cvxpy as cp
    from skglm.utils.prox_funcs import prox_SLOPE
    from sklearn.isotonic import isotonic_regression

    for scale in (.2, .5, 1.):
        x, u = draw(3, 5000), scale*bh_weights(5000, .1, dtype=torch.float64)
        a, order = x.abs().sort(descending=True)
        z = sorted_l1(x, u)[order].abs().numpy()
        np.testing.assert_allclose(z, prox_SLOPE.py_func(a.numpy(), u.numpy()), atol=1e-13)
        np.testing.assert_allclose(z, isotonic_regression((a - u).numpy(), increasing=False).clip(0), atol=1e-12)
    for k in (1, 3, 6):
        x, y = draw(2, 6), cp.Variable(6)
        cp.Problem(cp.Minimize(cp.sum_squares(y - x.numpy())), [cp.sum_largest(cp.square(y), k) <= .64]).solve(solver="CLARABEL")
        np.testing.assert_allclose(k_support(x, .8, k).numpy(), x.numpy() - y.value, atol=1e-4)
