"""Generated from nbs/shared_lib/33_group_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_ragged_groups():
    import torch
    from torch import nn
    import math
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import GroupIndex

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    index = GroupIndex(torch.tensor([0, 0, 1, -1, 2, 2, 2, 1]))
    x = torch.tensor([3., 4., 1., 9., 1., 2., 2., 0.])
    index, index.norm(x), index.spread(index.norm(x)), index.pad(x)

    @given(st.lists(st.integers(-1, 6), min_size=1, max_size=40), st.integers(0, 99))
    def agrees_with_a_loop(labels, seed):
        labels = torch.tensor(labels)
        if (labels < 0).all(): labels[0] = 0
        known = labels[labels >= 0].unique()
        labels = torch.where(labels < 0, -1, torch.searchsorted(known, labels.clamp_min(0)))
        index, x = GroupIndex(labels), draw(seed, 3, len(labels))
        for p in (1, 2, math.inf): torch.testing.assert_close(index.norm(x, p), torch.stack([x[:, labels == j].norm(p, dim=1) for j in range(len(index))], 1), rtol=1e-14, atol=0)
        torch.testing.assert_close(index.sum(x), torch.stack([x[:, labels == j].sum(1) for j in range(len(index))], 1), rtol=1e-13, atol=1e-13)
        assert sum(b.numel() for b in index.blocks) <= 2*len(labels) and torch.equal(index.unpad(index.pad(x), x), x)
        marks = torch.arange(len(index)).double()
        assert torch.equal(index.spread(marks, -1), labels.double())
    agrees_with_a_loop()
    index = GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2]))
    torch.autograd.gradcheck(index.norm, draw(0, 2, 6).requires_grad_())
    torch.autograd.gradcheck(lambda x: index.unpad(2*index.pad(x), x), draw(0, 2, 6).requires_grad_())

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5, 2))
    index, state = GroupIndex.from_module(net), dict(net.named_parameters())
    flat = index.gather(state)
    assert list(index.shapes) == ["0.weight", "1.weight", "3.weight", "6.weight"] and index.sizes.tolist() == [28]*4 + [36]*5 + [5]*2
    torch.testing.assert_close(index.norm(flat)[:4], (net[0].weight.square().sum((1, 2, 3)) + net[1].weight**2).sqrt())
    assert all(torch.equal(t, state[n]) for n, t in index.scatter(flat).items())
    assert GroupIndex.from_module(net, batchnorm=None).sizes[:4].tolist() == [27]*4
    for axis, norms in [("channel", torch.linalg.vector_norm(net[0].weight, dim=(0, 2, 3))), ("shape", net[0].weight.norm(dim=0).flatten()), ("element", net[0].weight.abs().flatten())]:
        part = GroupIndex.from_module(net[0], axis)
        torch.testing.assert_close(part.norm(part.gather(net[0].state_dict())), norms)
    assert list(GroupIndex.from_module(net, only="3").shapes) == ["3.weight"] and len(GroupIndex.from_module(net, "element", batchnorm={"0": "1"})) == 108 + 180 + 10
    index

    for call, text in [(lambda: GroupIndex(torch.tensor([0, 2])), "group 1 has none"), (lambda: GroupIndex(torch.tensor([0, -2])), ">= -1, got torch.int64 of shape (2,), smallest -2"), (lambda: GroupIndex(torch.ones(3)), "whole numbers"),
                       (lambda: index.norm(torch.ones(3)), "one a label, got shape (3,)"), (lambda: GroupIndex.from_module(net, "row"), "got 'row'"),
                       (lambda: GroupIndex.from_module(net, only="conv*"), "no convolution or linear layer matches 'conv*'"), (lambda: GroupIndex.from_module(net, batchnorm={"3": "1"}), "4 channels, 3 has 5 filters")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_group_soft_threshold():
    import torch
    import math
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import GroupIndex, group_soft

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def firmly_nonexpansive(prox, a, b):
        """Of all that is true of a convex prox, the inequality that characterises it."""
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-12 * (1 + (a - b).square().sum())
    group_soft(torch.tensor([[3., 4.], [.6, .8], [0., 0.]]), 1.)

    fig, ax = plt.subplots(figsize=(3, 3), dpi=70)
    grid = torch.cartesian_prod(torch.linspace(-2, 2, 13), torch.linspace(-2, 2, 13))
    move = group_soft(grid, 1.) - grid
    ax.quiver(*grid.T.numpy(), *move.T.numpy(), angles="xy", scale_units="xy", scale=1, width=.004)
    ax.add_patch(plt.Circle((0, 0), 1, color="C1", alpha=.3)); ax.set_aspect("equal"); plt.close(fig); fig

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., .5, 2., 5.]), st.integers(1, 5), st.booleans())
    def is_the_minimiser(seed, ties, u, g, each):
        x = draw(seed, 3, 4, g, ties=ties)
        u = u*torch.arange(4, dtype=torch.float64) if each else u
        z = group_soft(x, u)
        n, y = z.norm(dim=-1), x - z
        t = torch.as_tensor(u, dtype=x.dtype).expand(3, 4)
        assert ((y.norm(dim=-1) - t)[n == 0] <= 1e-12).all()
        torch.testing.assert_close(y[n > 0], (t[..., None]*z/n[..., None])[n > 0], rtol=0, atol=1e-12)
        assert firmly_nonexpansive(lambda v: group_soft(v, u), x, draw(seed + 1, 3, 4, g, ties=ties))
        ball = x*(t/x.norm(dim=-1)).clamp_max(1).nan_to_num(1)[..., None]
        torch.testing.assert_close(z + ball, x, rtol=0, atol=1e-12)  # Moreau: the rest is the projection on the dual ball
        assert torch.equal(group_soft(x.transpose(0, 2), torch.as_tensor(u).expand(3, 4).T if each else u, dim=0), z.transpose(0, 2))
    is_the_minimiser()
    assert (group_soft(torch.zeros(2, 3, requires_grad=True), 0.) == 0).all()
    w = draw(3, 5, 2, 3, 3)
    torch.testing.assert_close(group_soft(w, 1., dim=(1, 2, 3)), group_soft(w.flatten(1), 1.).view(w.shape))
    ragged = GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2]))
    v = draw(4, 6)
    torch.testing.assert_close(group_soft(v, torch.tensor([.5, 9., 0.]), ragged)[[0, 4]], group_soft(v[[0, 4]], .5))
    assert (group_soft(v, torch.tensor([.5, 9., 0.]), ragged)[1:3] == 0).all() and torch.equal(group_soft(v, torch.tensor([.5, 9., 0.]), ragged)[[3, 5]], v[[3, 5]])
    x, u = draw(5, 4, 3).requires_grad_(), torch.rand(4, dtype=torch.float64).requires_grad_()
    torch.autograd.gradcheck(group_soft, (x, u))
    zero = torch.zeros(2, 3, requires_grad=True); group_soft(zero, 1.).sum().backward()
    assert (zero.grad == 0).all() and group_soft(torch.tensor([[math.nan, 1.], [3., 4.]]), 1.)[0].isnan().all()

    import pyproximal
    from skglm.utils.prox_funcs import BST

    x = draw(7, 6, 4)
    np.testing.assert_allclose(group_soft(x, 1.3).numpy(), np.stack([BST.py_func(r, 1.3) for r in x.numpy()]), rtol=1e-12)
    np.testing.assert_allclose(group_soft(x, .6, dim=0).numpy().ravel(), pyproximal.L21(ndim=6, sigma=.6).prox(x.numpy().ravel(), 1.), rtol=1e-12)
    try: group_soft(x, -1.)
    except ValueError as e: assert "u must be >= 0, got -1.0" in str(e); print(e)


def test_group_max_norm():
    import torch
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import GroupIndex, group_linf

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def firmly_nonexpansive(prox, a, b):
        """Of all that is true of a convex prox, the inequality that characterises it."""
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-12 * (1 + (a - b).square().sum())
    group_linf(torch.tensor([3., 2., -1.]), torch.tensor(1.)), group_linf(torch.tensor([3., 2., -1.]), 3.)

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., .5, 2., 5., 50.]), st.integers(1, 6))
    def cuts_to_one_height(seed, ties, u, g):
        x = draw(seed, 4, g, ties=ties)
        z = group_linf(x, u)
        y, top = x - z, z.abs().amax(-1)
        mass = y.abs().sum(-1)
        assert (mass <= u + 1e-11).all() and (abs(mass - u)[top > 1e-12] <= 1e-11).all()      # y in u * (dual ball), on its edge where z is not 0
        torch.testing.assert_close((y*z).sum(-1), u*top, rtol=0, atol=1e-10)                  # Fenchel-Young: u ||z||_inf = <y, z>
        assert firmly_nonexpansive(lambda v: group_linf(v, u), x, draw(seed + 1, 4, g, ties=ties))
    cuts_to_one_height()
    x = draw(1, 3, 2, 2)
    assert torch.equal(group_linf(x, 1., dim=(1, 2)), group_linf(x.flatten(1), 1.).view(x.shape)) and torch.equal(group_linf(x.mT, 1., dim=(2, 1)).mT, group_linf(x, 1., dim=(-2, -1)))
    v, ragged = draw(2, 6), GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2]))
    assert torch.equal(group_linf(v, .7, ragged)[[1, 2]], group_linf(v[[1, 2]], .7)) and group_linf(v, .7, ragged)[3] == v[3]
    torch.autograd.gradcheck(group_linf, (draw(3, 4, 3).requires_grad_(), torch.rand(4, dtype=torch.float64).requires_grad_()))
    import pyproximal
    np.testing.assert_allclose(group_linf(x.flatten(), .8).numpy(), x.flatten().numpy() - pyproximal.L1Ball(12, .8, xtol=1e-14).prox(x.flatten().numpy(), 1.), atol=1e-7)


def test_sparse_groups():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import GroupIndex, sparse_group

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def firmly_nonexpansive(prox, a, b):
        """Of all that is true of a convex prox, the inequality that characterises it."""
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-12 * (1 + (a - b).square().sum())
    sparse_group(torch.tensor([[4., 1., -.2], [.9, .3, 0.]]), 1., .5)

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., .5, 2., 5.]), st.sampled_from([0., .3, 1.]), st.integers(1, 5))
    def satisfies_the_inclusion(seed, ties, u, r, g):
        x = draw(seed, 4, g, ties=ties)
        z = sparse_group(x, u, r)
        for xi, zi in zip(x, z, strict=True):
            y = xi - zi
            if (zi == 0).all(): assert ((y.abs() - u*r).clamp_min(0)).norm() <= u*(1 - r) + 1e-12; continue
            y = y - u*(1 - r)*zi/zi.norm()
            torch.testing.assert_close(y[zi != 0], u*r*zi.sign()[zi != 0], rtol=0, atol=1e-12)
            assert (y[zi == 0].abs() <= u*r + 1e-12).all()
        assert firmly_nonexpansive(lambda v: sparse_group(v, u, r), x, draw(seed + 1, 4, g, ties=ties))
    satisfies_the_inclusion()
    x, u = draw(1, 4, 3), torch.tensor([0., .5, 1., 9.], dtype=torch.float64)
    torch.testing.assert_close(sparse_group(x, u), torch.stack([sparse_group(a, b) for a, b in zip(x, u, strict=True)]))
    ragged, v = GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2])), draw(2, 6)
    for u in (.7, torch.full((3,), .7)): assert torch.equal(sparse_group(v, u, .5, ragged)[[1, 2]], sparse_group(v[[1, 2]], .7)) and sparse_group(v, u, .5, ragged)[3] == v[3]
    torch.autograd.gradcheck(lambda x: sparse_group(x, .4), draw(3, 4, 3).requires_grad_())
    try: sparse_group(x, 1., 2.)
    except ValueError as e: print(e)


def test_groups_that_live_or_die():
    import torch
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import GroupIndex, group_hard, group_topk

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    x = torch.tensor([[3., 4.], [.6, .8], [0., 5.]])
    group_hard(x, 1.), group_topk(x, 1)

    @given(st.integers(0, 999), st.booleans(), st.sampled_from([0., .5, 3., 9.]), st.integers(1, 3))
    def no_other_set_of_groups_is_better(seed, ties, u, g):
        x = draw(seed, 4, g, ties=ties)
        cost = {keep: sum((x[j]**2).sum().item()/2 for j in range(4) if j not in keep) for r in range(5) for keep in itertools.combinations(range(4), r)}
        z = group_hard(x, u)
        assert ((z - x)**2).sum()/2 + u*(z != 0).any(-1).sum() <= min(c + u*len(keep) for keep, c in cost.items()) + 1e-12
        for k in range(5):
            z = group_topk(x, k)
            assert (z != 0).any(-1).sum() <= k and ((z - x)**2).sum()/2 <= min(c for keep, c in cost.items() if len(keep) == k) + 1e-12
    no_other_set_of_groups_is_better()
    ragged, v = GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2])), torch.tensor([1., 1., 1., .1, 0., 3.])
    assert group_topk(v, 1, ragged).tolist() == [0, 0, 0, v[3].item(), 0, 3] and group_hard(v, .6, ragged).tolist() == [0, 1, 1, v[3].item(), 0, 3]
    w = draw(2, 5, 2, 3, 3)
    assert (group_topk(w, 2, (1, 2, 3)).flatten(1) != 0).any(1).sum() == 2 and (group_topk(torch.ones(3, 2), 1)[:, 0].tolist() == [1, 0, 0])
    for call, text in [(lambda: group_topk(w, 6, (1, 2, 3)), "k must be in 0..5, got 6"), (lambda: group_topk(w/0, 1), "must be finite"), (lambda: group_hard(w, -2.), "u must be >= 0, got -2.0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_sparse_envelope_its_value():
    import torch
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.group_prox import wgsef_conjugate, wgsef_value

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    plane = torch.cartesian_prod(torch.linspace(-1.2, 1.2, 121), torch.linspace(-1.2, 1.2, 121))
    fig, axes = plt.subplots(1, 2, figsize=(6, 3), dpi=70)
    for ax, extra, title in zip(axes, (0., .4), ("2 groups", "3 groups, third norm .4"), strict=True):
        point = torch.cat([plane.abs(), torch.full((len(plane), 1), extra)], 1)
        for k in (1, 2, 3): ax.contour((2*wgsef_value(point, k)).sqrt().view(121, 121).numpy(), levels=[1.], colors=f"C{k}", extent=(-1.2, 1.2, -1.2, 1.2))
        ax.set_title(title); ax.set_aspect("equal")
    plt.close(fig); fig

    def least(b, k):
        "The definition, by the optimality condition v_j = min(1, b_j/t) and bisection on t."
        lo, hi = 1e-15, b.sum().item() + 1.
        for _ in range(200):
            mid = (lo + hi)/2
            lo, hi = (mid, hi) if (b/mid).clamp_max(1).sum() > k else (lo, mid)
        v = (b/hi).clamp_max(1)
        return (b[b > 0]**2/v[b > 0]).sum()/2

    @given(st.integers(0, 999), st.booleans(), st.integers(1, 7), st.integers(1, 7))
    def equals_its_definition(seed, ties, m, k):
        k, norms, rng = min(k, m), draw(seed, m, ties=ties).abs(), torch.Generator().manual_seed(seed)
        d = .5 + torch.rand(m, dtype=torch.float64, generator=rng)
        value = wgsef_value(norms, k, d)
        torch.testing.assert_close(value, least(d.sqrt()*norms, k), rtol=1e-10, atol=1e-10)
        ridge = (d*norms**2).sum()/2
        assert value >= ridge*(1 - 1e-14) and ((value <= ridge*(1 + 1e-14)) == ((norms > 0).sum() <= k))    # equal on k groups and only there
        y = draw(seed + 1, m).abs()
        assert value + wgsef_conjugate(y, k, d) >= (norms*y).sum() - 1e-10                      # Fenchel-Young
        torch.testing.assert_close(wgsef_value(3*norms, k, d), 9*value)
        other = draw(seed + 2, m, ties=ties).abs()
        assert wgsef_value((norms + other)/2, k, d) <= (value + wgsef_value(other, k, d))/2 + 1e-10  # convex
    equals_its_definition()
    b = draw(0, 5, 6).abs()
    torch.testing.assert_close(wgsef_value(b, 1), b.sum(-1)**2/2); torch.testing.assert_close(wgsef_value(b, 6), (b**2).sum(-1)/2)
    assert wgsef_value(torch.zeros(4), 2) == 0
    torch.autograd.gradcheck(lambda b: wgsef_value(b, 3), b.requires_grad_())
    for call, text in [(lambda: wgsef_value(b, 7), "k must be in 1..6, the number of groups, got 7"), (lambda: wgsef_value(b, 2, torch.zeros(6)), "weights must be > 0, got 0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_sparse_envelope_its_prox():
    import torch
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, settings, strategies as st
    from sparsebook.group_prox import GroupIndex, group_soft, group_topk, sef, wgsef, wgsef_conjugate, wgsef_value

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    def firmly_nonexpansive(prox, a, b):
        """Of all that is true of a convex prox, the inequality that characterises it."""
        p, q = (prox(a), prox(b))
        return ((p - q) ** 2).sum() <= ((p - q) * (a - b)).sum() + 1e-12 * (1 + (a - b).square().sum())
    a = torch.linspace(0, 3, 61)
    fig, ax = plt.subplots(figsize=(4, 2.4), dpi=70)
    for u in (.01, .3, 1., 10.): ax.plot(a, sef(a, u, 15), label=f"u = {u}")
    ax.set_xlabel("norm"); ax.set_ylabel("norm after the prox, k = 15 of 61"); ax.legend(); plt.close(fig); fig

    def gap(x, z, u, k, d):
        y, value = (x - z)/u, wgsef_value(z.norm(dim=-1), k, d)
        conjugate = wgsef_conjugate(y.norm(dim=-1), k, d)
        return ((value + conjugate - (z*y).sum((-2, -1))).abs()/(1 + value + conjugate)).max()

    @settings(max_examples=150)
    @given(st.integers(0, 9999), st.booleans(), st.sampled_from([1e-3, .1, 1., 10., 1e3]), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.booleans())
    def is_certified(seed, ties, u, m, k, g, weighted):
        k, x = min(k, m), draw(seed, 2, m, g, ties=ties)
        d = (.2 + torch.rand(m, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))) if weighted else torch.ones(m, dtype=torch.float64)
        if seed % 3 == 0: x[:, 0] = 0
        if seed % 4 == 0: x[0] *= 1e3*torch.rand(m, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + 5))**6
        z = wgsef(x, u, k, d)
        assert gap(x, z, u, k, d) <= 1e-12, gap(x, z, u, k, d)
        torch.testing.assert_close(wgsef(x, u, k, d, method="sort"), z, rtol=1e-12, atol=1e-12)
        assert firmly_nonexpansive(lambda w: wgsef(w, u, k, d), x, draw(seed + 1, 2, m, g, ties=ties))
        assert torch.equal(wgsef(x[1], u, k, d), z[1])                                        # rows do not mix
    is_certified()

    x = draw(0, 3, 8, 2)
    torch.testing.assert_close(wgsef(x, .7, 8), x/1.7, rtol=1e-15, atol=0)                     # k = m: ridge
    torch.testing.assert_close(wgsef(group_topk(x, 3), .7, 3), group_topk(x, 3)/1.7, rtol=1e-15, atol=0)
    assert torch.equal(wgsef(x, 0., 3), x) and (wgsef(0*x, 1., 3) == 0).all()
    z = wgsef(x, .7, 1)                                                                       # k = 1: half the squared l1 norm of the norms
    t = .7*z.norm(dim=-1).sum(-1, keepdim=True)
    torch.testing.assert_close(z, group_soft(x, t.expand(3, 8)), rtol=1e-12, atol=1e-12)
    turn = torch.linalg.qr(draw(1, 2, 2)).Q
    torch.testing.assert_close(wgsef(x @ turn, .7, 3), wgsef(x, .7, 3) @ turn, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(wgsef(x.mT, .7, 3, dim=-2), wgsef(x, .7, 3).mT); torch.testing.assert_close(sef(x[..., 0], .7, 3), wgsef(x[..., :1], .7, 3)[..., 0])
    tied = sef(torch.ones(6, dtype=torch.float64), 1., 4)
    assert (tied == tied[0]).all()                                                            # equal in, equal out: the order of the entries means nothing
    torch.testing.assert_close(wgsef(x, torch.tensor([.1, 1., 9.], dtype=torch.float64), 3), torch.stack([wgsef(a, b, 3) for a, b in zip(x, (.1, 1., 9.), strict=True)]))
    ragged, v = GroupIndex(torch.tensor([0, 1, 1, -1, 0, 2])), draw(2, 6)
    torch.testing.assert_close(wgsef(v, .7, 2, torch.tensor([1., 2., 3.]), ragged)[[0, 1, 2, 4, 5]], wgsef(ragged.pad(v), .7, 2, torch.tensor([1., 2., 3.]))[[0, 1, 1, 0, 2], [0, 0, 1, 1, 0]])
    torch.testing.assert_close(wgsef(x.float(), .7, 3), wgsef(x, .7, 3).float(), rtol=1e-6, atol=1e-6)
    d, u = (.5 + torch.rand(8, dtype=torch.float64)).requires_grad_(), torch.tensor(.7, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x, u, d: wgsef(x, u, 3, d), (x.requires_grad_(), u, d))
    assert wgsef(torch.tensor([[math.nan], [1.]]), 1., 1).isnan().any()
    for call, text in [(lambda: wgsef(x, 1., 9), "k must be in 1..8"), (lambda: wgsef(x, -1., 2), "u must be >= 0"), (lambda: wgsef(x, 1., 2, method="guess"), "got 'guess'"), (lambda: wgsef(x, 1., 2, torch.zeros(8)), "weights must be > 0")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)

    rng = torch.Generator().manual_seed(0)
    A = torch.randn(80, 24, dtype=torch.float64, generator=rng)
    truth = torch.zeros(12, 2, dtype=torch.float64); truth[[1, 5, 8]] = torch.randn(3, 2, dtype=torch.float64, generator=rng).sign()
    b, w, step = A @ truth.flatten(), torch.zeros(12, 2, dtype=torch.float64), 1/torch.linalg.matrix_norm(A, 2)**2
    for _ in range(500): w = wgsef(w - step*(A.T @ (A @ w.flatten() - b)).view(12, 2), 2*step, 3)
    assert (w != 0).any(-1).nonzero().flatten().tolist() == [1, 5, 8]
    w[[1, 5, 8]]


def test_the_half_space_step():
    import torch
    from sparsebook.group_prox import GroupIndex, group_soft, half_space_step

    def draw(seed, *shape, ties=False):
        """Gaussian numbers; with ties: small integers, many of them 0."""
        x = 2 * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        return x.round() if ties else x
    old = torch.tensor([[1., 0.], [1., 0.], [1., 0.], [0., 0.]])
    new = torch.tensor([[.5, 9.], [-.1, 9.], [.1, 0.], [1., 1.]])
    half_space_step(new, old), half_space_step(new, old, .2)

    assert (half_space_step(new, old) == 0).all(-1).tolist() == [False, True, False, True] and (half_space_step(new, old, .2) == 0).all(-1).tolist() == [False, True, True, True]
    assert torch.equal(half_space_step(old, old), old) and torch.equal(half_space_step(new.T, old.T, .2, dim=0).T, half_space_step(new, old, .2))
    ragged = GroupIndex(torch.tensor([0, 0, 1, -1]))
    assert half_space_step(torch.tensor([1., -2., 3., 4.]), torch.tensor([1., 1., 1., 0.]), 0., ragged).tolist() == [0, 0, 3, 4]
    x, step = draw(0, 50, 3), 1.
    assert ((half_space_step(group_soft(x - step*x*2, .1), x) == 0).all(-1)).all()            # a step beyond the minimum turns every group away
    for call, text in [(lambda: half_space_step(new, old, 1.), "got 1.0"), (lambda: half_space_step(new, old[:2]), "one shape")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
