"""Generated from nbs/shared_lib/60_score.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_from_scores_to_masks():
    import math
    import torch
    from torch import nn
    from sparsebook.mask import kept
    from hypothesis import given, strategies as st
    from sparsebook.score import keep_highest, weights_of

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    scores = {"a": torch.tensor([[3., -1, 2], [0, 5, 4]]), "b": torch.tensor([[-2., 6]])}
    {scope: {n: m.int().tolist() for n, m in keep_highest(scores, 0.5, scope).items()} for scope in ("global", "layer", "row")}

    values = st.integers(-3, 3)
    @given(st.lists(st.lists(values, min_size=4, max_size=4), min_size=1, max_size=5), st.lists(st.lists(values, min_size=3, max_size=3), min_size=1, max_size=4), st.floats(0, 1))
    def counted(a, b, sparsity):
        scores = {"a": torch.tensor(a).double(), "b": torch.tensor(b).double()}
        sizes = {n: s.numel() for n, s in scores.items()}
        masks = keep_highest(scores, sparsity)
        total, k = sum(sizes.values()), kept(sum(sizes.values()), sparsity)
        flat = torch.cat([s.flatten() for s in scores.values()])
        expect = torch.zeros(total, dtype=torch.bool)
        expect[torch.sort(flat, descending=True, stable=True).indices[:k]] = True
        assert torch.equal(torch.cat([m.flatten() for m in masks.values()]), expect)
        assert all(int(m.sum()) == kept(sizes[n], sparsity) for n, m in keep_highest(scores, sparsity, "layer").items())
        assert all((m.sum(1) == kept(m.shape[1], sparsity)).all() for m in keep_highest(scores, sparsity, "row").values())
    counted()
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    assert list(weights_of(model)) == ["0.weight", "3.weight"] and list(weights_of(model, ["3.*"])) == ["3.weight"]
    flat_rows = keep_highest({"c": torch.arange(16.).view(2, 2, 2, 2)}, 0.75, "row")["c"]
    assert flat_rows.flatten(1).sum(1).tolist() == [2, 2]

    model = nn.Sequential(nn.Linear(2, 2))
    refused(ValueError, "no weight matches '*.wieght'; known: 0.weight", lambda: weights_of(model, "*.wieght"))
    refused(ValueError, "scope must be 'global', 'layer' or 'row', got 'column'", lambda: keep_highest({"a": torch.ones(2, 2)}, 0.5, "column"))
    refused(ValueError, "scores must be finite, got 1 NaN", lambda: keep_highest({"a": torch.tensor([[1., math.nan]])}, 0.5))
    refused(ValueError, "sparsity must be in 0..1", lambda: keep_highest({"a": torch.ones(2, 2)}, 1.5))
    refused(ValueError, "at least one layer", lambda: keep_highest({}, 0.5))


def test_magnitude_and_chance():
    import math
    import torch
    from torch import nn
    import itertools
    from sparsebook.score import keep_highest, magnitude, random_score, weights_of

    def tiny(seed=0, widths=(5, 4, 3), bias=True, dtype=torch.float64):
        torch.manual_seed(seed)
        layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b, bias=bias, dtype=dtype), nn.Tanh())]
        return nn.Sequential(*layers[:-1])
    model = tiny()
    {name: keep_highest(magnitude(weights_of(model)), 0.5)[name].int().tolist() for name in weights_of(model)}

    w = weights_of(tiny())
    a, b = (random_score(w, torch.Generator().manual_seed(s)) for s in (3, 3))
    assert all(torch.equal(a[n], b[n]) and a[n].shape == w[n].shape for n in w)
    assert all(torch.equal(s, w[n].abs()) and not s.requires_grad for n, s in magnitude(w).items())
    draws = torch.stack([keep_highest(random_score({"a": torch.ones(4, 4)}, torch.Generator().manual_seed(s)), 0.75)["a"].double() for s in range(800)])
    assert (draws.sum((1, 2)) == 4).all() and (draws.mean(0) - 0.25).abs().max() < 5*math.sqrt(0.25*0.75/800)


def test_snip_and_taylor_the_slope_towards_removal():
    import math
    import torch
    from torch import nn
    import itertools
    import matplotlib.pyplot as plt
    from torch.nn import functional as F
    from sparsebook.score import magnitude, snip, taylor, weights_of

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def tiny(seed=0, widths=(5, 4, 3), bias=True, dtype=torch.float64):
        torch.manual_seed(seed)
        layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b, bias=bias, dtype=dtype), nn.Tanh())]
        return nn.Sequential(*layers[:-1])
    def mse(model, batch):
        return F.mse_loss(model(batch[0]), batch[1])
    def data(count=2, seed=1, d=5, out=3):
        rng = torch.Generator().manual_seed(seed)
        return [(torch.randn(8, d, generator=rng, dtype=torch.float64), torch.randn(8, out, generator=rng, dtype=torch.float64)) for _ in range(count)]
    model, batches = tiny(), data()
    fig, axes = plt.subplots(1, 3, figsize=(7, 1.6), dpi=80)
    shown = {"magnitude": magnitude(weights_of(model)), "snip": snip(model, batches, mse), "taylor": taylor(model, batches, mse)}
    for ax, (title, s) in zip(axes, shown.items(), strict=True):
        ax.imshow(s["0.weight"].float().numpy(), cmap="Blues"); ax.set_title(title); ax.set_xticks([]); ax.set_yticks([])
    plt.close(fig); fig

    model, batches, h = tiny(), data(3), 1e-6
    scores, grads_before = snip(model, batches, mse), [p.grad for p in model.parameters()]
    for name, w in weights_of(model).items():
        for j in range(w.numel()):
            def at(scale, w=w, j=j):
                with torch.no_grad():
                    old = w.view(-1)[j].item()
                    w.view(-1)[j] = old*scale
                    value = sum(mse(model, b).item() for b in batches)/3
                    w.view(-1)[j] = old
                return value
            assert abs(abs(at(1 + h) - at(1 - h))/(2*h) - scores[name].view(-1)[j]) < 1e-9
    assert grads_before == [None]*4 and [p.grad for p in model.parameters()] == grads_before
    one = taylor(model, batches[:1], mse)
    assert all(torch.allclose(one[n], s.square(), rtol=1e-12, atol=0) for n, s in snip(model, batches[:1], mse).items())
    linear, v = nn.Linear(3, 2, bias=False, dtype=torch.float64), torch.tensor([[1., -2, 3], [4, 5, -6]], dtype=torch.float64)
    product = lambda model, v: (model.weight*v).sum()
    torch.testing.assert_close(taylor(linear, [v, 2*v], product)["weight"], 2.5*(linear.weight.detach()*v).square())    # the removal, squared, exactly
    torch.testing.assert_close(taylor(linear, [v], product, per="row")["weight"], (linear.weight.detach()*v).sum(1, keepdim=True).square().expand(2, 3))
    cancel = snip(linear, [v, -v], product)["weight"]
    assert cancel.abs().max() == 0 and taylor(linear, [v, -v], product)["weight"].min() > 0

    model = tiny()
    refused(ValueError, "batches must hold at least one batch", lambda: snip(model, [], mse))
    refused(ValueError, "loss must return a 0-dim tensor, got (8, 3)", lambda: snip(model, data(1), lambda m, b: m(b[0])))
    refused(ValueError, "the loss of batch 0 is nan", lambda: taylor(model, data(1), lambda m, b: mse(m, b)*math.nan))
    refused(ValueError, "0.weight does not require a gradient", lambda: snip(tiny().requires_grad_(False), data(1), mse))
    refused(ValueError, "per must be 'weight' or 'row'", lambda: taylor(model, data(1), mse, per="filter"))


def test_grasp_keep_the_gradient_flowing():
    import torch
    from torch import nn
    import itertools
    from torch.nn import functional as F
    from sparsebook.score import grasp, weights_of

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def tiny(seed=0, widths=(5, 4, 3), bias=True, dtype=torch.float64):
        torch.manual_seed(seed)
        layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b, bias=bias, dtype=dtype), nn.Tanh())]
        return nn.Sequential(*layers[:-1])
    def mse(model, batch):
        return F.mse_loss(model(batch[0]), batch[1])
    def data(count=2, seed=1, d=5, out=3):
        rng = torch.Generator().manual_seed(seed)
        return [(torch.randn(8, d, generator=rng, dtype=torch.float64), torch.randn(8, out, generator=rng, dtype=torch.float64)) for _ in range(count)]
    model, batches = tiny(), data()
    s = grasp(model, batches, mse)
    {n: f"{(t < 0).double().mean():.2f} of the weights hold the flow back" for n, t in s.items()}

    model, batches = tiny(), data()
    w = weights_of(model)
    def total(*ws):
        state = dict(zip(w, ws, strict=True))
        return sum(F.mse_loss(torch.func.functional_call(model, state, (x,)), y) for x, y in batches)/2
    parts = tuple(p.detach().clone() for p in w.values())
    flat = lambda ts: torch.cat([t.reshape(-1) for t in ts])
    sizes = [p.numel() for p in parts]
    H = torch.autograd.functional.hessian(total, parts)
    H = torch.cat([torch.cat([block.reshape(a, b) for block, b in zip(row, sizes, strict=True)], 1) for row, a in zip(H, sizes, strict=True)])
    leaves = [p.clone().requires_grad_() for p in parts]
    g = flat(torch.autograd.grad(total(*leaves), leaves))
    torch.testing.assert_close(flat(grasp(model, batches, mse).values()), flat(parts)*(H @ g), rtol=1e-9, atol=1e-12)
    def flow(scale, j):
        moved = flat(parts).clone()
        moved[j] *= scale
        moved = [t.view(p.shape).requires_grad_() for t, p in zip(moved.split(sizes), parts, strict=True)]
        return flat(torch.autograd.grad(total(*moved), moved)).square().sum()
    for j in (0, 7, 21, 30): assert abs((flow(1 + 1e-5, j) - flow(1 - 1e-5, j))/4e-5 - flat(grasp(model, batches, mse).values())[j]) < 1e-8
    linear = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    assert grasp(linear, data(1, d=3), lambda m, b: m(b[0]).mean())["weight"].abs().max() == 0    # no curvature, no score
    refused(ValueError, "batches must hold at least one batch", lambda: grasp(model, [], mse))


def test_synflow_no_data_and_no_layer_dies():
    import torch
    from torch import nn
    from sparsebook.mask import kept
    import itertools
    from torch.nn import functional as F
    from sparsebook.score import keep_highest, magnitude, snip, synflow, synflow_masks, weights_of

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    torch.manual_seed(0)
    model = nn.Sequential(*[m for a, b in itertools.pairwise((20, 40, 200, 200, 40, 10)) for m in (nn.Linear(a, b, bias=False), nn.ReLU())][:-1])
    sample = [(torch.randn(64, 20), torch.randint(0, 10, (64,)))]
    cut = {"magnitude": keep_highest(magnitude(weights_of(model)), 0.995), "snip": keep_highest(snip(model, sample, lambda m, b: F.cross_entropy(m(b[0]), b[1])), 0.995),
           "synflow, 1 round": synflow_masks(model, (20,), 0.995, rounds=1), "synflow, 100 rounds": synflow_masks(model, (20,), 0.995)}
    {how: "left in each layer: " + " ".join(str(int(m.sum())) for m in masks.values()) for how, masks in cut.items()}

    torch.manual_seed(1)
    chain = nn.Sequential(nn.Linear(4, 6, bias=False), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3, bias=False))
    A, B, C = (w.detach().abs().double() for w in weights_of(chain).values())
    s = synflow(chain, (4,))
    torch.testing.assert_close(s["0.weight"], (torch.ones(3).double() @ C @ B)[:, None]*A)
    torch.testing.assert_close(s["2.weight"], (torch.ones(3).double() @ C)[:, None]*B*(A @ torch.ones(4).double()))
    totals = torch.stack([t.sum() for t in s.values()])
    torch.testing.assert_close(totals, totals[:1].expand(3))                                                # every layer carries the whole flow
    torch.testing.assert_close(s["2.weight"].sum(1), s["4.weight"].sum(0))                                  # and so does every neuron
    torch.manual_seed(0)
    deep = nn.Sequential(*[m for a, b in itertools.pairwise((20, 40, 200, 200, 40, 10)) for m in (nn.Linear(a, b, bias=False), nn.ReLU())][:-1])
    size = sum(w.numel() for w in weights_of(deep).values())
    for sparsity in (0, 0.5, 0.99, 0.999): assert sum(int(m.sum()) for m in synflow_masks(deep, (20,), sparsity, 10).values()) == kept(size, sparsity)
    assert min(int(m.sum()) for m in synflow_masks(deep, (20,), 0.995, 1).values()) == 0 < min(int(m.sum()) for m in synflow_masks(deep, (20,), 0.999).values())
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(64, 3))
    net[0].train(False)
    before = {n: t.clone() for n, t in net.state_dict().items()}
    conv = synflow(net, (2, 4, 4))
    torch.testing.assert_close(conv["0.weight"].sum(), conv["5.weight"].sum())                              # at initialisation a batch norm only rescales
    assert all(torch.equal(t, before[n]) for n, t in net.state_dict().items()) and [m.training for m in net.children()] == [False, True, True, True, True, True]

    deep = nn.Sequential(*[nn.Linear(64, 64, bias=False) for _ in range(60)])
    with torch.no_grad():
        for w in deep.parameters(): w.fill_(0.1)
    assert all(torch.isfinite(t).all() for t in synflow(deep, (64,)).values())
    refused(ValueError, "the flow is inf in torch.float32: use dtype=torch.float64", lambda: synflow(deep, (64,), dtype=torch.float32))
    refused(ValueError, "sparsity must be in 0..1 and below 1", lambda: synflow_masks(deep, (64,), 1.0))
    refused(ValueError, "rounds must be >= 1, got 0", lambda: synflow_masks(deep, (64,), 0.5, 0))


def test_wanda_weight_times_input():
    import math
    import torch
    from sparsebook.mask import topk_mask
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.score import keep_highest, wanda

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    rng = torch.Generator().manual_seed(0)
    X, W = torch.randn(64, 6, generator=rng)*torch.tensor([1., 1, 1, 1, 1, 20]), torch.randn(4, 6, generator=rng)
    mask = keep_highest({"w": wanda(W, X.norm(dim=0))}, 0.5, "row")["w"]
    mask.int()  # the loud sixth input stays in every row, however small its weight

    @given(st.integers(0, 10**6), st.integers(1, 5))
    def best_of_its_size(seed, k):
        rng = torch.Generator().manual_seed(seed)
        Q = torch.linalg.qr(torch.randn(12, 6, generator=rng, dtype=torch.float64)).Q*torch.rand(6, generator=rng, dtype=torch.float64)   # orthogonal inputs of unequal size
        w = torch.randn(1, 6, generator=rng, dtype=torch.float64)
        error = lambda keep: (Q @ (w[0]*~keep)).square().sum()
        masks = [torch.tensor([j in c for j in range(6)]) for c in itertools.combinations(range(6), k)]
        assert abs(error(topk_mask(wanda(w, Q.norm(dim=0)), k, 1)[0]) - min(error(m) for m in masks)) < 1e-12
    best_of_its_size()
    conv = torch.randn(4, 3, 2, 2)
    torch.testing.assert_close(wanda(conv, torch.arange(12.))[1, 2, 0, 1], conv[1, 2, 0, 1].abs()*9)
    refused(ValueError, "norms must have one entry for each of the 12 inputs of w, got shape (3,)", lambda: wanda(conv, torch.ones(3)))
    refused(ValueError, "norms must be >= 0, got -1.0", lambda: wanda(conv, -torch.ones(12)))
    refused(ValueError, "norms must be finite", lambda: wanda(conv, torch.full((12,), math.nan)))


def test_teal_and_wina_inputs_that_may_be_skipped():
    import math
    import torch
    from sparsebook.mask import kept
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.score import column_norms, gate_threshold, gate_topk, threshold_at

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    rng = torch.Generator().manual_seed(0)
    W = torch.randn(64, 32, generator=rng)*torch.rand(32, generator=rng)
    x = torch.randn(200, 32, generator=rng)
    lost = lambda gate: float((W @ (x*~gate).T).norm()/(W @ x.T).norm())
    {s: f"TEAL {lost(gate_topk(x, kept(32, s))):.3f}  WINA {lost(gate_topk(x, kept(32, s), column_norms(W))):.3f}" for s in (0.25, 0.5, 0.75)}  # relative output error

    @given(st.integers(0, 10**6), st.integers(0, 6))
    def best_gate(seed, k):
        rng = torch.Generator().manual_seed(seed)
        W = torch.linalg.qr(torch.randn(9, 6, generator=rng, dtype=torch.float64)).Q*torch.rand(6, generator=rng, dtype=torch.float64)
        x = torch.randn(6, generator=rng, dtype=torch.float64)
        error = lambda gate: (W @ (x*~gate)).square().sum()
        gate, c = gate_topk(x, k, column_norms(W)), column_norms(W)
        assert gate.sum() == k and abs(error(gate) - ((x*c)*~gate).square().sum()) < 1e-12
        assert abs(error(gate) - min(error(torch.tensor([j in pick for j in range(6)])) for pick in itertools.combinations(range(6), k))) < 1e-12
        equal = torch.linalg.qr(torch.randn(9, 6, generator=rng, dtype=torch.float64)).Q
        assert torch.equal(gate_topk(x, k), gate_topk(x, k, column_norms(equal).round(decimals=9)))         # orthonormal columns: WINA is TEAL
    best_gate()
    x = torch.randn(50, 16, generator=torch.Generator().manual_seed(1))
    for s in (0.0, 0.3, 0.5, 1.0): assert int(gate_threshold(x, threshold_at(x.abs(), s)).sum()) == kept(800, s)
    assert gate_threshold(torch.zeros(3), threshold_at(torch.zeros(3), 0.0)).all() and not gate_threshold(torch.zeros(3), threshold_at(torch.zeros(3), 0.5)).any()   # ties: all or nothing
    refused(ValueError, "norms must have shape (16,), got (50,)", lambda: gate_topk(x, 2, torch.ones(50)))
    refused(ValueError, "k must be in 0..16, got 17", lambda: gate_topk(x, 17))
    refused(ValueError, "x must be finite", lambda: gate_threshold(torch.tensor([math.nan]), 0.1))
