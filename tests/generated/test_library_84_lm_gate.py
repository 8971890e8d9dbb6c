"""Generated from nbs/shared_lib/84_lm_gate.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_residual_stream():
    import torch
    from torch import nn
    import numpy as np
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.lm_gate import residual_variance, residuals

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def toy(layers=3):
        return TransformerLM(LMConfig(50, 24, layers, 4, 40, max_seq_len=32), torch.Generator().manual_seed(0)).eval()
    def some_tokens():
        return torch.randint(2, 50, (6, 20), generator=torch.Generator().manual_seed(1))
    residual_variance(toy(), some_tokens())

    model, x = toy(), some_tokens()
    h = model.model.embed_tokens(x)
    by_hand = [h]
    for block in model.model.layers:
        h = block(h, model.model.turn[:, :20], lambda q, k, v, causal, layer: nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal))
        by_hand.append(h)
    with residuals(model) as seen: model(x[:1]), model(x)
    for a, b in zip(seen, by_hand, strict=True): torch.testing.assert_close(a, b.detach())
    expect = [np.var(b.detach().double().numpy()[:, 1:], axis=-1).mean() for b in by_hand]
    np.testing.assert_allclose(residual_variance(model, x), expect, rtol=1e-5)
    assert not model.model.layers[0]._forward_hooks and not model.model.layers[0]._forward_pre_hooks
    refused(ValueError, "the model has no 'model.layers'; its parts: 0", lambda: residuals(nn.Sequential(nn.Linear(2, 2))).__enter__())


def test_outliers():
    import torch
    import math
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.lm_gate import input_outliers, outliers, residuals

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def toy(layers=3):
        return TransformerLM(LMConfig(50, 24, layers, 4, 40, max_seq_len=32), torch.Generator().manual_seed(0)).eval()
    def some_tokens():
        return torch.randint(2, 50, (6, 20), generator=torch.Generator().manual_seed(1))
    x = torch.randn(2000, 64, generator=torch.Generator().manual_seed(0))
    spiked = x.clone()
    spiked[:, 5] *= 20
    outliers(x), outliers(spiked)

    x = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    plain = outliers(x)
    assert abs(plain["kurtosis"] - 3) < 0.05 and plain["top_share"] < 1.2/64
    assert outliers(torch.ones(5, 4)) == {"kurtosis": 1.0, "max_over_median": 1.0, "top_share": 0.25}
    x[:, 5] *= 20
    marked = outliers(x)
    assert abs(marked["top_share"] - 400/463) < 0.01 and abs(marked["kurtosis"] - 3*(160000 + 63)/64/(463/64)**2) < 5
    assert all(math.isclose(outliers(8*x)[k], v, rel_tol=1e-9) for k, v in marked.items())                        # no unit
    refused(ValueError, "x must be finite and not all 0", lambda: outliers(torch.zeros(3, 2)))
    model, x = toy(), some_tokens()
    read = input_outliers(model, x)
    with residuals(model) as h: model(x)
    normed = model.model.layers[2].input_layernorm(h[2]).detach()
    assert len(read) == 3*7 and all(math.isclose(read["model.layers.2.self_attn.k_proj"][k], v, rel_tol=1e-6) for k, v in outliers(normed).items())
    assert not model.model.layers[2].self_attn.k_proj._forward_pre_hooks
    refused(ValueError, "no nn.Linear matches 'head'", lambda: input_outliers(model, x, "head"))


def test_what_layers_read():
    import torch
    import math
    from sparsebook.calibration import InputStats
    from sparsebook.lm_gate import column_cv, mean_share

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    w = torch.randn(64, 64, generator=torch.Generator().manual_seed(0))
    column_cv(w), column_cv(w, turned=True)

    rng = torch.Generator().manual_seed(0)
    x, w = torch.randn(500, 8, generator=rng)*2 + torch.arange(8.), torch.randn(12, 8, generator=rng, dtype=torch.float64)
    stats = InputStats()
    stats.update(x)
    assert abs(mean_share(stats) - float((x.mean(0)**2).sum()/(x**2).mean(0).sum())) < 1e-5
    relu = InputStats()
    relu.update(torch.randn(20000, 4, generator=rng).relu())
    assert abs(mean_share(relu) - 1/math.pi) < 0.01                      # (1/sqrt(2 pi))^2 over 1/2
    V = torch.linalg.svd(w)[2].T
    assert abs(column_cv(w @ V) - column_cv(w, turned=True)) < 1e-7 and column_cv(torch.eye(3)) == 0
    values = torch.linalg.svdvals(w.T)
    assert abs(column_cv(w.T, turned=True) - float(values.std(correction=0)/values.mean())) < 1e-7
    zero = InputStats()
    zero.update(torch.zeros(3, 2))
    refused(ValueError, "the inputs are all 0", lambda: mean_share(zero))


def test_one_shot_pruning():
    import torch
    import copy
    import math
    from sparsebook.calibration import calibrate
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.lm_gate import one_shot

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def toy(layers=3):
        return TransformerLM(LMConfig(50, 24, layers, 4, 40, max_seq_len=32), torch.Generator().manual_seed(0)).eval()
    def some_tokens():
        return torch.randint(2, 50, (6, 20), generator=torch.Generator().manual_seed(1))
    from sparsebook.mask import check_nm, unstructured_mask

    model, x = toy(), some_tokens()
    with calibrate(model, "*_proj") as stats: model(x)
    dense = model(x)
    for what in (0.3, 0.5, 0.8):
        with one_shot(model, "wanda", what, stats): print(what, round((model(x) - dense).norm().item()/dense.norm().item(), 3))

    model, x = toy(), some_tokens()
    before = copy.deepcopy(model.state_dict())
    with calibrate(model, "*_proj") as stats: model(x)
    with one_shot(model, "wanda", 0.5, stats) as masks:
        assert len(masks) == 3*7 and "lm_head.weight" not in masks
        for name, mask in masks.items():
            w = before[name].abs()*stats[name.removesuffix(".weight")].norm
            assert ((model.get_parameter(name) != 0) == mask).all() and (mask.sum(1) == w.shape[1]//2).all()
            assert (torch.where(mask, w, math.inf).min(1).values >= torch.where(mask, 0, w).max(1).values).all()     # the row's best by |w| times norm
    with one_shot(model, "magnitude", "2:4") as masks: assert all(check_nm(model.get_parameter(n), 2, 4, exact=True) for n in masks)
    with one_shot(model, "magnitude", 0.4) as masks:
        name = "model.layers.1.mlp.up_proj.weight"
        assert (masks[name] == unstructured_mask(before[name], 0.4, -1)).all()
    try:
        with one_shot(model, "magnitude", 0.9): raise KeyboardInterrupt
    except KeyboardInterrupt: pass
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    refused(ValueError, "wanda needs the norms of the inputs", lambda: one_shot(model, "wanda", 0.5).__enter__())
    refused(ValueError, "how must be 'magnitude' or 'wanda', got 'snip'", lambda: one_shot(model, "snip", 0.5).__enter__())
