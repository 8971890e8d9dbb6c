"""Generated from nbs/shared_lib/10_mask.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_n_of_every_m():
    import itertools
    import torch
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.mask import nm_mask

    w = torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    fig, axes = plt.subplots(1, 3, figsize=(10, 2), dpi=80)
    for ax, (n, m) in zip(axes, [(4, 4), (2, 4), (1, 8)], strict=True):
        ax.imshow(torch.where(nm_mask(w, n, m), w, math.nan).numpy(), cmap="PuOr", vmin=-2.5, vmax=2.5)
        ax.set_title(f"{n}:{m}"); ax.set_xticks([]); ax.set_yticks([])
        for g in range(0, 17, m): ax.axvline(g - 0.5, color="0.3", lw=1)
    plt.close(fig); fig

    equal = torch.ones(1, 8)
    nm_mask(equal, 2, 4).int()

    def by_sort(w, n, m):
        g = w.abs().unflatten(-1, (-1, m))
        order = g.sort(dim=-1, descending=True, stable=True).indices[..., :n]
        return torch.zeros(g.shape, dtype=torch.bool).scatter_(-1, order, True).flatten(-2)

    @given(st.sampled_from([(n, m) for m in (1, 2, 3, 4, 5, 8, 16, 40) for n in range(m + 1)]), st.integers(0, 3), st.integers(1, 3),
           st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16]), st.booleans(), st.integers(0, 99))
    def agrees_with_a_stable_sort(nm, rows, groups, dtype, ties, seed):
        (n, m), rng = nm, torch.Generator().manual_seed(seed)
        w = torch.randn(rows, groups*m, generator=rng)
        w = (w.round() if ties else w).to(dtype)
        keep = nm_mask(w, n, m)
        assert keep.dtype == torch.bool and keep.shape == w.shape and torch.equal(keep, by_sort(w, n, m))
        assert (keep.unflatten(-1, (-1, m)).sum(-1) == n).all()
    agrees_with_a_stable_sort()

    rng = torch.Generator().manual_seed(1)
    for n, m in [(1, 4), (2, 4), (3, 4), (2, 8), (5, 8)]:
        w = torch.randn(6, 2*m, dtype=torch.float64, generator=rng)
        groups = w.view(-1, m)
        supports = torch.stack([torch.zeros(m, dtype=torch.float64).index_fill_(0, torch.tensor(c), 1) for c in itertools.combinations(range(m), n)])
        best = ((1 - supports) @ (groups**2).T).amin(0)
        torch.testing.assert_close(((groups*~nm_mask(w, n, m).view(-1, m))**2).sum(-1), best, rtol=1e-14, atol=1e-14)
        inside, rows = torch.randperm(m, generator=rng), torch.randperm(6, generator=rng)
        swapped = w[rows].view(6, 2, m).flip(1)[..., inside].reshape(6, -1)
        assert torch.equal(nm_mask(swapped, n, m), nm_mask(w, n, m)[rows].view(6, 2, m).flip(1)[..., inside].reshape(6, -1))
    conv = torch.randn(8, 16, 3, 3, generator=rng)
    assert torch.equal(nm_mask(conv, 2, 4, dim=1), nm_mask(conv.permute(0, 2, 3, 1), 2, 4).permute(0, 3, 1, 2)) and nm_mask(conv, 2, 4, dim=1).is_contiguous()
    stack = torch.randn(5, 8, 16, generator=rng)
    assert torch.equal(nm_mask(stack, 1, 8), torch.stack([nm_mask(x, 1, 8) for x in stack]))
    huge = torch.full((1, 4), 3e38)
    assert nm_mask(huge, 1, 4).tolist() == [[True, False, False, False]]  # the sum overflows, the weights are finite

    nan = torch.ones(2, 8); nan[1, 3] = math.nan
    for args, error, text in [((torch.ones(2, 8), 5, 4), ValueError, "n must be in 0..m=4, got 5"), ((torch.ones(2, 8), -1, 4), ValueError, "got -1"),
                              ((torch.ones(2, 10), 2, 4), ValueError, "must be a multiple of m=4, got size 10"), ((torch.ones(2, 8), 0, 0), ValueError, "m must be at least 1"),
                              ((nan, 2, 4), ValueError, "must be finite, got 1 NaN"), ((nan/0, 2, 4), ValueError, "must be finite"), ((nan, 4, 4), ValueError, "must be finite"),
                              ((torch.ones(2, 8).int(), 2, 4), TypeError, "floating-point"), ((torch.tensor(1.), 1, 1), ValueError, "dim must be in"), ((torch.ones(2, 8), 2, 4, 2), ValueError, "dim must be in -2..1"), ((torch.ones(8), 1.5, 4), TypeError, "")]:
        try: nm_mask(*args)
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_is_it_n_m():
    import torch
    from sparsebook.mask import check_nm, nm_mask

    w = torch.randn(4, 16, generator=torch.Generator().manual_seed(0))
    {f"{n}:4": check_nm(w*nm_mask(w, 2, 4), n, 4) for n in (1, 2, 3)}

    keep = nm_mask(w, 2, 4)
    assert check_nm(keep, 2, 4, exact=True) and check_nm(keep, 3, 4) and not check_nm(keep, 3, 4, exact=True) and not check_nm(keep, 1, 4)
    assert check_nm(keep, 4, 8, exact=True) and not check_nm(keep.T, 2, 4) and check_nm(keep.T, 2, 4, dim=0)  # 2:4 is 4:8; the transpose is not 2:4
    stack = nm_mask(torch.randn(2, 3, 8), 1, 4)
    assert check_nm(stack, 1, 4) and not check_nm(torch.ones(2, 4, 8), 1, 4)  # the last dimension by default
    keep[0, :4] = torch.tensor([True, True, True, False])
    assert not check_nm(keep, 2, 4)


def test_top_k_exactly():
    import itertools
    import torch
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.mask import kept, topk_mask, unstructured_mask

    w = torch.randn(12, 24, generator=torch.Generator().manual_seed(0))*torch.linspace(0.3, 1.7, 12)[:, None]
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.2), dpi=80)
    for ax, dim in zip(axes, (None, 1), strict=True):
        ax.imshow(torch.where(unstructured_mask(w, 0.75, dim), w, math.nan).numpy(), cmap="PuOr", vmin=-3, vmax=3, aspect="auto")
        ax.set_title("over the layer" if dim is None else "in each row"); ax.set_xticks([]); ax.set_yticks([])
    plt.close(fig); fig

    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.floats(0, 1))
    def exact_and_stable(values, s):
        w = torch.tensor(values, dtype=torch.float32)
        keep, k = unstructured_mask(w, s), round((1 - s)*len(values))
        order = sorted(range(len(values)), key=lambda i: (-abs(values[i]), i))
        assert keep.nonzero().flatten().tolist() == sorted(order[:k])
    exact_and_stable()
    w = torch.randn(5, 7, 9, generator=torch.Generator().manual_seed(1)).round(decimals=1)
    for dim in (0, 1, 2, -1):
        keep = topk_mask(w, 3, dim)
        assert (keep.sum(dim) == 3).all() and torch.equal(keep, topk_mask(w.movedim(dim, 0), 3, 0).movedim(0, dim))
        inside, outside = torch.where(keep, w, math.inf).amin(dim), torch.where(keep, -math.inf, w).amax(dim)
        assert (inside >= outside).all()
    nested = [unstructured_mask(w, s) for s in (0.2, 0.5, 0.9)]
    assert all((a | b).equal(a) for a, b in itertools.pairwise(nested))  # more sparsity only removes
    assert kept(7, 0) == 7 and kept(7, 1) == 0 and kept(0, 0.5) == 0 and topk_mask(torch.zeros(0), 0).numel() == 0
    assert topk_mask(torch.tensor([-1., -2., -3.]), 1).tolist() == [True, False, False]  # scores are signed

    for call, text in [(lambda: unstructured_mask(torch.ones(4), 1.1), "sparsity must be in 0..1"), (lambda: unstructured_mask(torch.ones(4), -0.1), "got -0.1"),
                       (lambda: unstructured_mask(torch.ones(4), math.nan), "got nan"), (lambda: topk_mask(torch.ones(4), 5), "k must be in 0..4, got 5"),
                       (lambda: topk_mask(torch.ones(2, 3), -1, dim=1), "k must be in 0..3, got -1"), (lambda: topk_mask(torch.tensor([1., math.nan]), 1), "must be finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e
        else: raise AssertionError(text)
    print("sparsity is a fraction, k a count")


def test_one_budget_for_many_layers():
    import torch
    from sparsebook.mask import global_mask, kept

    rng = torch.Generator().manual_seed(0)
    layers = {"small weights": 0.5*torch.randn(30, 20, generator=rng), "large weights": torch.randn(10, 30, generator=rng)}
    {name: round(1 - keep.float().mean().item(), 3) for name, keep in global_mask(layers, 0.8).items()}

    masks = global_mask(layers, 0.8)
    assert sum(int(m.sum()) for m in masks.values()) == kept(900, 0.8) == 180
    lowest = min(layers[k].abs()[m].min() for k, m in masks.items())
    assert all((layers[k].abs()[~m] <= lowest).all() for k, m in masks.items())
    tied = global_mask({"a": torch.ones(2, 2), "b": torch.ones(3)}, 3/7)
    assert tied["a"].all() and not tied["b"].any()  # 4 of 7 stay: the first layer's
    try: global_mask({}, 0.5)
    except ValueError as e: print(e)


def test_blocks_and_groups():
    import torch
    import math
    import matplotlib.pyplot as plt
    from sparsebook.mask import block_mask, group_mask, unstructured_mask

    w = torch.randn(16, 32, generator=torch.Generator().manual_seed(0))
    fig, axes = plt.subplots(1, 3, figsize=(10, 1.9), dpi=80)
    for ax, keep, title in zip(axes, (block_mask(w, (4, 4), 0.5), group_mask(w, 8, 0.5), group_mask(w, 8, 0.5, scope="row")),
                               ("blocks of 4 x 4", "groups of 8, layer", "groups of 8, each row"), strict=True):
        ax.imshow(torch.where(keep, w, math.nan).numpy(), cmap="PuOr", vmin=-3, vmax=3); ax.set_title(title); ax.set_xticks([]); ax.set_yticks([])
    plt.close(fig); fig

    rng = torch.Generator().manual_seed(1)
    w = torch.randn(3, 6, 8, generator=rng)
    for p in (1, 2):
        keep = block_mask(w, (2, 4), 0.5, p)
        for x, k in zip(w, keep, strict=True):
            norm = {(i, j): (x[2*i:2*i+2, 4*j:4*j+4].double().abs()**p).sum().item() for i in range(3) for j in range(2)}
            best = sorted(norm, key=norm.get, reverse=True)[:3]
            assert all(k[2*i:2*i+2, 4*j:4*j+4].all() == k[2*i:2*i+2, 4*j:4*j+4].any() == ((i, j) in best) for i, j in norm)
    long, flat = torch.tensor([[3., 0., 0., 0.]]), torch.tensor([[1.6, 1.6, 1.6, 1.6]])            # 2-norms 3 and 3.2, 3-norms 3 and 2.5
    both = torch.cat([long, flat])
    assert not group_mask(both, 4, 0.5)[0].any() and not block_mask(both, (1, 4), 0.5)[0].any() and group_mask(both, 4, 0.5, p=3)[0].all()
    assert torch.equal(block_mask(w, (1, 1), 0.3), torch.stack([unstructured_mask(x, 0.3) for x in w]))
    assert (group_mask(w, 2, 0.75, scope="row").sum(-1) == 2).all() and group_mask(w, 8, 0).all() and not group_mask(w, 8, 1).any()
    assert torch.equal(group_mask(torch.ones(1, 8), 2, 0.5), torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0]]).bool())
    for call, text in [(lambda: block_mask(w, (4, 4), 0.5), "block must divide (6, 8), got (4, 4)"), (lambda: group_mask(w, 0, 0.5), "must divide"),
                       (lambda: block_mask(torch.ones(4), (1, 1), 0.5), "at least 2 dimensions"), (lambda: group_mask(w, 2, 0.5, scope="col"), "'layer' or 'row'"),
                       (lambda: group_mask(w/0, 2, 0.5), "must be finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e
        else: raise AssertionError(text)


def test_filters_and_channels():
    import torch
    from torch import nn
    import math
    import matplotlib.pyplot as plt
    from sparsebook.mask import channel_mask, filter_mask

    w = torch.randn(10, 20, generator=torch.Generator().manual_seed(0))
    fig, axes = plt.subplots(1, 2, figsize=(7, 1.9), dpi=80)
    for ax, keep, title in zip(axes, (filter_mask(w, 0.6), channel_mask(w, 0.6)), ("filters", "channels"), strict=True):
        ax.imshow(torch.where(keep, w, math.nan).numpy(), cmap="PuOr", vmin=-3, vmax=3); ax.set_title(title); ax.set_xticks([]); ax.set_yticks([])
    plt.close(fig); fig

    w = torch.randn(10, 6, 3, 3, generator=torch.Generator().manual_seed(1))
    alive = filter_mask(w, 0.6).flatten(1)
    assert (alive.all(1) == alive.any(1)).all() and alive.any(1).sum() == 4
    norms = w.flatten(1).norm(dim=1)
    assert set(alive.any(1).nonzero().flatten().tolist()) == set(norms.argsort(descending=True)[:4].tolist())
    assert torch.equal(channel_mask(w, 0.5), filter_mask(w.transpose(0, 1), 0.5).transpose(0, 1))
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(2))
    small = nn.functional.conv2d(x, w[alive.any(1)])
    torch.testing.assert_close(nn.functional.conv2d(x, w*filter_mask(w, 0.6))[:, alive.any(1)], small)  # masked = smaller dense layer
    both = torch.tensor([[3., 0., 0., 0.], [1.6, 1.6, 1.6, 1.6]])  # 2-norms 3 and 3.2, 3-norms 3 and 2.5
    assert filter_mask(both, 0.5)[1].all() and filter_mask(both, 0.5, p=3)[0].all() and channel_mask(both.T, 0.5)[:, 1].all()
    try: filter_mask(torch.ones(3), 0.5)
    except ValueError as e: print(e)


def test_transposable_n_4():
    import itertools
    import torch
    import math
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.mask import check_nm, nm_mask, transposable_nm_mask, transposable_patterns

    w = torch.randn(8, 16, generator=torch.Generator().manual_seed(3))
    ours, rows_only = transposable_nm_mask(w), nm_mask(w, 2, 4)
    fig, axes = plt.subplots(1, 2, figsize=(9, 2.2), dpi=80)
    for ax, keep, title in zip(axes, (rows_only, ours), ("2:4 along rows", "2:4 along rows and columns"), strict=True):
        ax.imshow(torch.where(keep, w, math.nan).numpy(), cmap="PuOr", vmin=-2.5, vmax=2.5); ax.set_xticks([]); ax.set_yticks([])
        ax.set_title(f"{title}: keeps {w[keep].abs().sum()/w.abs().sum():.0%}")
        for g in range(0, 17, 4): ax.axvline(g - 0.5, color="0.3", lw=1)
        for g in (0, 4, 8): ax.axhline(g - 0.5, color="0.3", lw=1)
    plt.close(fig); fig

    from scipy.optimize import linprog
    assert [len(transposable_patterns(n)) for n in range(5)] == [1, 24, 90, 24, 1]
    rows = np.kron(np.eye(4), np.ones(4)); columns = np.kron(np.ones(4), np.eye(4))
    rng = torch.Generator().manual_seed(0)
    for n in (1, 2, 3):
        w = torch.randn(3, 8, 12, generator=rng)
        keep = transposable_nm_mask(w, n)
        assert check_nm(keep, n, 4, exact=True) and check_nm(keep, n, 4, dim=-2, exact=True)
        for i, j in itertools.product((0, 4), (0, 4, 8)):
            tile, k = w[1, i:i+4, j:j+4].abs().double(), keep[1, i:i+4, j:j+4]
            best = linprog(-tile.flatten().numpy(), A_eq=np.vstack([rows, columns]), b_eq=np.full(8, n), bounds=(0, 1))
            assert abs(tile[k].sum().item() + best.fun) < 1e-9
        assert torch.equal(transposable_nm_mask(w.mT, n), keep.mT)
    w = torch.randn(4, 4, generator=rng)
    p = torch.randperm(4, generator=rng)
    assert torch.equal(transposable_nm_mask(w[p]), transposable_nm_mask(w)[p])
    assert torch.equal(transposable_nm_mask(torch.ones(4, 4)), transposable_patterns(2)[0])  # all equal: the first pattern
    assert transposable_nm_mask(w, 4).all() and not transposable_nm_mask(w, 0).any()
    for args, text in [((torch.ones(8, 8), 2, 8), "m must be 4"), ((torch.ones(6, 8),), "dimension -2 must be a multiple of m=4, got size 6"), ((torch.ones(8, 6),), "dimension -1 must be a multiple of m=4, got size 6"), ((torch.ones(4),), "at least 2"),
                       ((torch.ones(4, 4), 5), "n must be in 0..m=4"), ((torch.full((4, 4), math.nan),), "must be finite")]:
        try: transposable_nm_mask(*args)
        except ValueError as e: assert text in str(e), e
        else: raise AssertionError(text)


def test_how_sparse_is_it():
    import torch
    from sparsebook.mask import nm_mask, sparsity

    w = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    sparsity(w), sparsity(nm_mask(w, 1, 4)), sparsity({"2:4": nm_mask(w, 2, 4), "1:8": nm_mask(w, 1, 8)})

    assert sparsity(w) == 0 and sparsity(nm_mask(w, 1, 4)) == 0.75 and sparsity(torch.zeros(3)) == 1
    assert sparsity({"a": torch.zeros(3), "b": torch.ones(1)}) == 0.75
    try: sparsity({})
    except ValueError as e: print(e)


def test_on_a_model():
    import torch
    from torch import nn
    from torch.nn.utils import parametrize
    from sparsebook.mask import apply_masks, check_nm, global_mask, nm_mask, prune, sparsity, unstructured_mask

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    masks = prune(model, ["0.weight", "2.weight"], lambda w: nm_mask(w, 2, 4))
    {name: sparsity(p) for name, p in model.named_parameters()}

    assert sparsity(masks) == 0.5 and check_nm(model[2].weight, 2, 4) and sparsity(model[4].weight) == 0
    masks = global_mask({n: p for n, p in model.named_parameters() if n.endswith("weight")}, 0.9)
    assert abs(sparsity({n: apply_masks(model, masks).get_parameter(n) for n in masks}) - 0.9) < 1e-3

    held = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 4))
    before = held[0].weight.detach().clone()
    masks = prune(held, "0.weight", lambda w: unstructured_mask(w, 0.5), parametrized=True)
    opt = torch.optim.SGD(held.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3): opt.zero_grad(); held(torch.ones(2, 8)).square().sum().backward(); opt.step()
    assert torch.equal(held[0].weight != 0, masks["0.weight"])                                  # zero through training
    dense = held[0].parametrizations.weight.original
    assert torch.equal(dense[~masks["0.weight"]], before[~masks["0.weight"]]) and not torch.equal(dense, before)  # kept, and without gradient
    parametrize.remove_parametrizations(held[0], "weight")
    assert torch.equal(held[0].weight != 0, masks["0.weight"])

    model = nn.Sequential(nn.Linear(10, 4))
    for call, error, text in [(lambda: prune(model, "*.wieght", torch.abs), ValueError, "no parameter matches '*.wieght'; known: 0.weight, 0.bias"),
                              (lambda: prune(model, "*.weight", lambda w: nm_mask(w, 2, 4)), ValueError, "0.weight: dimension -1 must be a multiple of m=4, got size 10"),
                              (lambda: apply_masks(model, {"0.weigth": torch.ones(4, 10).bool()}), KeyError, "0.weight"),
                              (lambda: apply_masks(model, {"0.weight": torch.ones(10, 4).bool()}), ValueError, "must be bool of shape (4, 10)"),
                              (lambda: apply_masks(model, {"0.weight": torch.ones(4, 10)}), ValueError, "got torch.float32")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
