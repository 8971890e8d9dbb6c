"""Generated from nbs/shared_lib/12_estimator.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sr_ste():
    import torch
    from torch.nn import functional as F
    from sparsebook.mask import check_nm, nm_mask
    import itertools
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.divergence import MaskTracker
    from sparsebook.estimator import masked_ste, sr_ste, ste_nm

    def walk(lam, seed=1):
        rng = torch.Generator().manual_seed(seed)
        w, path = torch.tensor([1.0, 0.9, 0.8, 0.7], requires_grad=True), []
        tracker = MaskTracker()
        for _ in range(150):
            keep = nm_mask(w, 2, 4)
            tracker.step({"w": keep}); path.append(w.detach().clone())
            w.grad = None
            (masked_ste(w, keep, lam)*torch.randn(4, generator=rng)).sum().backward()
            with torch.no_grad(): w -= 0.05*w.grad
        return torch.stack(path), tracker.sad["w"]
    fig, axes = plt.subplots(1, 2, figsize=(8, 2.2), dpi=80, sharey=True)
    for ax, lam in zip(axes, (0.0, 2.0), strict=True):
        path, flips = walk(lam)
        for i, colour in enumerate(("#0072B2", "#E69F00", "#009E73", "#CC79A7")): ax.plot(path[:, i].abs().numpy(), color=colour)
        ax.set_title(f"lam = {lam}: {flips} flipped bits"); ax.set_xlabel("step")
    axes[0].set_ylabel("|w|"); plt.close(fig); fig

    rng = torch.Generator().manual_seed(0)
    for shape, lam in [((6, 8), 2e-4), ((6, 8), 0.3), ((6, 8), -0.1), ((6, 8), 0), ((3, 6, 8), torch.tensor([0., 0.1, -2.], dtype=torch.float64)[:, None, None])]:
        w = torch.randn(shape, dtype=torch.float64, generator=rng).requires_grad_()
        x, y = torch.randn(8, 5, dtype=torch.float64, generator=rng), torch.randn(shape[:-1] + (5,), dtype=torch.float64, generator=rng)
        loss = lambda sparse, x=x, y=y: ((sparse @ x).tanh() - y).square().sum()
        ours, = torch.autograd.grad(loss(sr_ste(w, 2, 4, lam)), w)
        frozen = nm_mask(w, 2, 4)
        shadow = w*frozen + (w - w.detach())*~frozen       # value of the projection, derivative 1 everywhere
        surrogate = loss(shadow) + (torch.as_tensor(lam, dtype=torch.float64)/2*((~frozen)*w).square()).sum()
        torch.testing.assert_close(ours, torch.autograd.grad(surrogate, w)[0], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(sr_ste(w, 2, 4, lam), w*frozen, rtol=0, atol=0)
        torch.testing.assert_close(torch.autograd.grad(loss(sr_ste(w, 2, 4, lam, mask=frozen.flip(-1))), w)[0],
                                   torch.autograd.grad(loss(masked_ste(w, frozen.flip(-1), lam)), w)[0], rtol=0, atol=0)
    w = torch.randn(4, 8, dtype=torch.float64, generator=rng).requires_grad_()
    stack = torch.randn(2, 4, 8, dtype=torch.float64, generator=rng).requires_grad_()                # the defaults: lam 2e-4, the last dimension
    assert torch.equal(ste_nm(stack, 1, 4), stack*nm_mask(stack, 1, 4)) and torch.equal(sr_ste(stack, 1, 4), stack*nm_mask(stack, 1, 4))
    assert torch.equal(torch.autograd.grad(sr_ste(stack, 1, 4).sum(), stack)[0], torch.autograd.grad(sr_ste(stack, 1, 4, 2e-4).sum(), stack)[0])
    assert torch.equal(torch.autograd.grad(masked_ste(stack, nm_mask(stack, 1, 4)).sum(), stack)[0], torch.ones(2, 4, 8))
    assert torch.equal(torch.autograd.grad(ste_nm(w, 1, 4).sum(), w)[0], torch.ones(4, 8))  # STE reaches all weights alike
    assert torch.equal(torch.autograd.grad(sr_ste(w, 1, 4, 0.5, dim=0).sum(), w)[0], 1 + 0.5*w*~nm_mask(w, 1, 4, 0))

    start = torch.randn(4, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    frozen, lam, decay, rates = nm_mask(start, 2, 4), 0.3, 0.01, torch.linspace(0.1, 0.001, 50, dtype=torch.float64)
    w = start.clone().requires_grad_()
    opt = torch.optim.SGD([w], lr=1.0, weight_decay=decay)
    for rate in rates.tolist():
        opt.param_groups[0]["lr"] = rate
        opt.zero_grad(); (0*masked_ste(w, frozen, lam)).sum().backward(); opt.step()
    law = torch.where(frozen, (1 - rates*decay).prod(), (1 - rates*(lam + decay)).prod())
    torch.testing.assert_close(w.detach(), start*law, rtol=1e-12, atol=1e-15)
    law.unique()

    @given(st.sampled_from([(1, 4), (2, 4), (3, 4), (1, 8), (2, 8), (4, 8)]), st.integers(0, 30))
    def optimal_and_legal(nm, seed):
        (n, m), rng = nm, torch.Generator().manual_seed(seed)
        w = torch.randn(3, 2*m, dtype=torch.float64, generator=rng)
        sparse = ste_nm(w, n, m)
        assert check_nm(sparse, n, m, exact=True)
        for group, kept in zip(w.view(-1, m), sparse.view(-1, m), strict=True):
            best = min(sum(v*v for i, v in enumerate(group.tolist()) if i not in c) for c in itertools.combinations(range(m), n))
            assert abs((group - kept).square().sum().item() - best) < 1e-12
    optimal_and_legal()
    rng = torch.Generator().manual_seed(5)
    w, x, g = (torch.randn(s, dtype=torch.float64, generator=rng) for s in ((6, 8), (5, 8), (5, 6)))
    w.requires_grad_(), x.requires_grad_()
    dw, dx = torch.autograd.grad(F.linear(x, sr_ste(w, 2, 4, 0.0)), (w, x), g)
    torch.testing.assert_close(dx, g @ (w*nm_mask(w, 2, 4)), rtol=1e-14, atol=1e-14)  # through the masked weight
    torch.testing.assert_close(dw, g.T @ x, rtol=1e-14, atol=1e-14)                   # unmasked
    assert not torch.allclose(dx, g @ w)

    w = torch.ones(2, 8)
    for call, text in [(lambda: sr_ste(w, 2, 3), "must be a multiple of m=3, got size 8"), (lambda: sr_ste(w, 2, 4, float("nan")), "lam must be finite, got nan"),
                       (lambda: sr_ste(w, 2, 4, torch.ones(3, 1)), "got shape (3, 1)"), (lambda: sr_ste(w, 2, 4, torch.ones(5, 1, 1)), "lam must broadcast to (2, 8), got shape (5, 1, 1)"),
                       (lambda: sr_ste(w, 2, 4, mask=torch.ones(8, 2).bool()), "mask must be bool of shape (2, 8)"), (lambda: sr_ste(w/0, 2, 4), "w must be finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_same_step_fused():
    import torch
    from sparsebook.mask import nm_mask
    from sparsebook.estimator import sr_ste, sr_ste_sgd_

    rng = torch.Generator().manual_seed(0)
    w, buf, g = (torch.randn(2, 1, 4, generator=rng, dtype=torch.float64) for _ in range(3))
    buf.zero_(); before = w.clone()
    sr_ste_sgd_(w, buf, 0*g, nm_mask(w, 2, 4), torch.tensor([1.0, 1.0]), 0.9, torch.zeros(2), torch.tensor([0.0, 0.5]))
    w/before  # replica 0: untouched; replica 1: the two pruned weights are halved

    rng = torch.Generator().manual_seed(1)
    w, data = torch.randn(3, 4, 8, generator=rng, dtype=torch.float64), torch.randn(10, 3, 4, 8, generator=rng, dtype=torch.float64)
    lr, wd, lam = (torch.tensor(v, dtype=torch.float64) for v in ([0.1, 0.05, 0.2], [0.0, 0.1, 0.01], [0.3, 0.0, -0.2]))
    mine, buf = w.clone(), torch.zeros_like(w)
    for g in data: sr_ste_sgd_(mine, buf, g, nm_mask(mine, 1, 4), lr, 0.9, wd, lam)
    for r in range(3):
        p = w[r].clone().requires_grad_()
        opt = torch.optim.SGD([p], lr=lr[r].item(), momentum=0.9, weight_decay=wd[r].item())
        for g in data: opt.zero_grad(); (sr_ste(p, 1, 4, lam[r].item())*g[r]).sum().backward(); opt.step()
        torch.testing.assert_close(mine[r], p.detach(), rtol=1e-12, atol=1e-12)
    try: sr_ste_sgd_(mine, buf, data[0, 0], nm_mask(mine, 1, 4), lr, 0.9, wd, lam)
    except ValueError as e: print(e)


def test_layers():
    import math
    import torch
    from torch import nn
    from torch.nn import functional as F
    from sparsebook.mask import check_nm, nm_mask
    import matplotlib.pyplot as plt
    from sparsebook.estimator import NMConv2d, NMLinear, sr_ste

    torch.manual_seed(0)
    layer = NMLinear(16, 8, n=1, m=8)
    y = layer(torch.randn(2, 16))
    fig, ax = plt.subplots(figsize=(5, 1.8), dpi=80)
    ax.imshow(torch.where(layer.last_mask, layer.weight.detach(), math.nan).numpy(), cmap="PuOr"); ax.set_xticks([]); ax.set_yticks([]); ax.set_title("what the input sees of an NMLinear")
    plt.close(fig); print(layer); fig

    torch.manual_seed(0)
    x = torch.randn(5, 16, dtype=torch.float64)
    layer = NMLinear(16, 6, n=2, m=4, dtype=torch.float64)
    torch.testing.assert_close(layer(x), x @ (layer.weight*nm_mask(layer.weight, 2, 4)).T + layer.bias)  # the bias is there
    dense = NMLinear(16, 6, n=4, m=4, dtype=torch.float64); dense.load_state_dict(layer.state_dict())
    torch.testing.assert_close(dense(x), F.linear(x, layer.weight, layer.bias), rtol=0, atol=0)

    image = torch.randn(2, 8, 7, 7, dtype=torch.float64)
    for kw in (dict(padding=1), dict(stride=2, groups=2, bias=False), dict(padding=1, padding_mode="circular")):
        conv = NMConv2d(8, 4, 3, n=1, m=4, dtype=torch.float64, **kw)
        twin = nn.Conv2d(8, 4, 3, dtype=torch.float64, **kw); twin.load_state_dict(conv.state_dict())
        keep = nm_mask(conv.weight, 1, 4, dim=1)
        with torch.no_grad(): twin.weight.mul_(keep)
        torch.testing.assert_close(conv(image), twin(image), rtol=0, atol=0)
    flat = NMConv2d(8, 4, 3, n=2, m=9, layout="NCHW"); flat(image.float())
    assert check_nm(flat.last_mask.flatten(1), 2, 9, exact=True)

    for estimator, lam in (("sr_ste", 0.3), ("ste", 0.0)):
        each = NMLinear(16, 6, n=1, m=4, estimator=estimator, lam=0.3, dtype=torch.float64)
        layer_grad, = torch.autograd.grad(each(x).square().sum(), each.weight)
        torch.testing.assert_close(layer_grad, torch.autograd.grad(F.linear(x, sr_ste(each.weight, 1, 4, lam), each.bias).square().sum(), each.weight)[0], rtol=0, atol=0)
        assert ("lam=0.3" in repr(each)) == (estimator == "sr_ste")
    assert all((l.n, l.m, l.lam, l.estimator) == (2, 4, 2e-4, "sr_ste") for l in (NMLinear(8, 8), NMConv2d(8, 8, 1)))  # the defaults
    layer.frozen, kept = True, layer.last_mask.clone()
    with torch.no_grad(): layer.weight.copy_(layer.weight.flip(-1))
    assert torch.equal(layer.nm_mask(), kept); layer.frozen = False
    assert torch.equal(layer.nm_mask(), kept.flip(-1)) and "last_mask" not in layer.state_dict()

    for call, text in [(lambda: NMLinear(10, 4), "must be a multiple of m=4, got size 10"), (lambda: NMConv2d(3, 8, 7), "got size 3: leave this layer dense"), (lambda: NMLinear(8, 4, n=5), "n must be in 0..m=4, got 5"),
                       (lambda: NMLinear(8, 4, estimator="srste"), "estimator must be one of"), (lambda: NMConv2d(8, 8, 3, layout="HWC"), "layout must be")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_swap_layers_and_deploy():
    import torch
    from torch import nn
    from torch.nn import functional as F
    from sparsebook.mask import check_nm
    from sparsebook.divergence import MaskTracker
    from sparsebook.estimator import NMLinear, harden, to_nm

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    layers = to_nm(model, "2", 1, 8, lam=1e-2)                           # the classifier and the first layer stay dense
    x, tracker = torch.randn(64, 20), MaskTracker()
    y = x[:, :10].argmax(1)
    for _ in range(60):
        loss = F.cross_entropy(model(x), y); opt.zero_grad(); loss.backward(); opt.step()
        tracker.step({name: l.last_mask for name, l in layers.items()})
    print(model, f"loss {loss.item():.3f}", tracker.flips_per_weight, sep="\n")

    before = model(x)
    plain = harden(model)
    assert type(plain[2]) is nn.Linear and check_nm(plain[2].weight, 1, 8, exact=True)
    torch.testing.assert_close(plain(x), before, rtol=0, atol=0)
    assert plain[2].weight is opt.param_groups[0]["params"][2]           # the same parameter all along

    default, = to_nm(nn.Sequential(nn.Linear(8, 8)), "0", 2, 4).values()
    assert (default.lam, default.estimator, default.in_features, default.out_features) == (2e-4, "sr_ste", 8, 8)
    net = nn.Module(); net.a = net.b = nn.Linear(8, 8); net.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False).eval(); net.head = nn.Linear(8, 3)
    weight = net.a.weight
    new = to_nm(net, ["[ab]", "conv"], 2, 4)
    assert set(new) == {"a", "b", "conv"} and net.a is net.b and net.a.weight is weight and isinstance(net.a, NMLinear)  # shared stays shared
    assert type(net.head) is nn.Linear and net.conv.bias is None and not net.conv.training
    image = torch.randn(1, 8, 4, 4); before = net.conv(image)
    harden(net)
    torch.testing.assert_close(net.conv(image), before, rtol=0, atol=0)
    assert check_nm(net.conv.weight, 2, 4, dim=1) and type(net.a) is nn.Linear and net.a is net.b
    attention = nn.TransformerEncoderLayer(16, 2, 32)
    assert set(to_nm(attention, "*", 2, 4)) == {"linear1", "linear2"}    # attention reads its projections past their modules: left alone

    for call, text in [(lambda: to_nm(nn.Sequential(nn.Linear(8, 8)), "fc*", 2, 4), "no nn.Linear or nn.Conv2d matches 'fc*'; known: 0"),
                       (lambda: to_nm(nn.Sequential(nn.Conv2d(3, 8, 3)), "*", 2, 4), "0: dimension -1 must be a multiple of m=4, got size 3"),
                       (lambda: harden(nn.Sequential(nn.Linear(8, 8))), "at least one NMLinear"), (lambda: harden(NMLinear(8, 8)), "wrap a single layer")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_compressed_storage():
    import torch
    from sparsebook.mask import nm_mask
    from hypothesis import given, strategies as st
    from sparsebook.estimator import compress_nm, decompress_nm, nm_bits

    w = torch.tensor([[0., 5., 0., -2., 0., 0., 7., 0.]])
    values, index = compress_nm(w, 2, 4)
    print(values.tolist(), index.tolist()); {f"{n}:{m}": nm_bits(n, m) for n, m in ((2, 4), (1, 4), (1, 16))}

    @given(st.sampled_from([(1, 1), (1, 2), (2, 4), (4, 4), (3, 8), (1, 16), (1, 256)]), st.sampled_from([torch.float32, torch.bfloat16, torch.float64]), st.integers(0, 20))
    def round_trip(nm, dtype, seed):
        (n, m), rng = nm, torch.Generator().manual_seed(seed)
        w = torch.randn(2, 3, 2*m, generator=rng).to(dtype)
        w = w*nm_mask(w, n, m)*(torch.rand(w.shape, generator=rng) < 0.8)            # some groups hold fewer
        values, index = compress_nm(w, n, m)
        assert values.shape == index.shape == (2, 3, 2*n) and index.dtype == torch.uint8 and values.dtype == dtype
        assert (index.view(-1, n).int().diff(dim=-1) > 0).all()
        assert torch.equal(decompress_nm(values, index, n, m), w) and torch.equal(decompress_nm(values[0], index[0], n, m), w[0])
    round_trip()
    assert nm_bits(2, 4, 16) == dict(ideal=9.0, stored=12.0, dense=16.0) and nm_bits(4, 4)["ideal"] == 18
    for call, text in [(lambda: compress_nm(torch.ones(2, 4), 2, 4), "at most 2 non-zeros in every 4"), (lambda: compress_nm(torch.ones(2, 512), 1, 512), "m <= 256"),
                       (lambda: decompress_nm(torch.ones(2), torch.tensor([0, 4], dtype=torch.uint8), 1, 4), "index must be below m=4, got 4"), (lambda: decompress_nm(torch.ones(3), torch.zeros(3), 2, 4), "multiple of n=2")]:
        try: call()
        except ValueError as e: assert text in str(e), e
        else: raise AssertionError(text)


def test_sparse_tensor_cores():
    import torch
    from torch import nn
    from sparsebook.mask import nm_mask
    from sparsebook.estimator import to_semi_structured

    layer = nn.Linear(64, 64)
    def sparse_layer(i, o, dtype):
        layer = nn.Linear(i, o, dtype=dtype)
        with torch.no_grad(): layer.weight.mul_(nm_mask(layer.weight, 2, 4))
        return layer
    for linear, error, text in [(layer, ValueError, "must be 2:4"), (sparse_layer(64, 64, torch.float32), TypeError, "float16 or bfloat16, got torch.float32"), (sparse_layer(64, 32, torch.float16), ValueError, "multiples of 64, got (32, 64)"),
                               (sparse_layer(32, 64, torch.bfloat16), ValueError, "multiples of 64, got (64, 32)"), (sparse_layer(64, 128, torch.bfloat16), RuntimeError, "need a CUDA device, got a weight on cpu")]:
        try: to_semi_structured(linear)
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)

    if torch.cuda.is_available():
        layer = nn.Linear(256, 128, dtype=torch.bfloat16, device="cuda")
        with torch.no_grad(): layer.weight.mul_(nm_mask(layer.weight, 2, 4))
        x = torch.randn(64, 256, dtype=torch.bfloat16, device="cuda")
        expected = layer(x)
        torch.testing.assert_close(to_semi_structured(layer)(x), expected, rtol=2e-2, atol=2e-2)
