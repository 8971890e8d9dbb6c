"""Generated from nbs/shared_lib/80_lm.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sizes():
    from sparsebook.lm import LMConfig, parameter_count

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=50, d_model=24, n_layers=2, n_heads=4, d_ff=40, max_seq_len=32) | change)
    import pandas as pd

    shapes = {"micro": LMConfig(256, 96, 4, 3, 256), "tiny": LMConfig(2048, 128, 6, 4, 384), "base": LMConfig(8192, 512, 12, 8, 1408),
              "base-opt": LMConfig(8192, 512, 8, 8, 2048, norm="layer", act="relu", pos="learned", bias=True)}
    pd.DataFrame({name: parameter_count(c) for name, c in shapes.items()}).T.map("{:,}".format)

    counts = {name: parameter_count(c) for name, c in shapes.items()}
    assert counts["micro"]["total"] == 2*256*96 + 4*(4*96**2 + 3*96*256) + 96*9   # the formula above
    assert counts["base-opt"]["blocks"] == 8*(4*512**2 + 4*512 + 2*512*2048 + 2048 + 512 + 4*512) + 2*512

    refused(ValueError, "n_heads must divide d_model=24, got 5", lambda: small(**{"n_heads": 5}))
    refused(ValueError, "norm must be one of rms, layer, got 'batch'", lambda: small(**{"norm": "batch"}))
    refused(ValueError, "rotary positions need an even head size d_model/n_heads, got 3", lambda: small(**{"n_heads": 8}))
    refused(ValueError, "n_kv_heads must divide n_heads=4, got 3", lambda: small(**{"n_kv_heads": 3}))


def test_rotary_positions():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.lm import rotary, rotate

    turn = rotary(64, 16)
    fig, ax = plt.subplots(figsize=(5, 2.2))
    ax.imshow(turn[0].T, aspect="auto", cmap="coolwarm")
    ax.set(xlabel="position", ylabel="pair", title="cosine of the angle");

    rng = torch.Generator().manual_seed(0)
    x = torch.randn(3, 64, 16, generator=rng, dtype=torch.float64)
    turned = rotate(x, rotary(64, 16).double())
    as_complex = torch.complex(x[..., :8], x[..., 8:])*torch.polar(torch.ones(64, 8, dtype=torch.float64), torch.arange(64.)[:, None].double()*1e4**(-torch.arange(0, 16, 2).double()/16))
    torch.testing.assert_close(turned, torch.cat([as_complex.real, as_complex.imag], -1), atol=1e-6, rtol=0)
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1), atol=1e-6, rtol=0)                     # a rotation
    q, k = torch.randn(2, 16, generator=rng, dtype=torch.float64)
    every = lambda v: rotate(v.expand(64, 16), rotary(64, 16).double())
    product = every(q) @ every(k).T
    for gap in (0, 1, 5): torch.testing.assert_close(product.diagonal(-gap), product[gap, 0].expand(64 - gap), atol=1e-5, rtol=0)   # only the difference of positions counts


def test_norm_attention_feed_forward():
    import torch
    from dataclasses import replace
    import numpy as np
    from sparsebook.lm import Attention, LMConfig, RMSNorm, attend_all

    def small(**change):
        return LMConfig(**dict(vocab_size=50, d_model=24, n_layers=2, n_heads=4, d_ff=40, max_seq_len=32) | change)
    norm = RMSNorm(4)
    norm(torch.tensor([[3., 0, 4, 0], [300, 0, 400, 0]]))  # the scale is gone

    x = torch.randn(5, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    norm = RMSNorm(24).double()
    with torch.no_grad(): norm.weight.copy_(torch.linspace(0.5, 2, 24))
    np.testing.assert_allclose(norm(x).detach().numpy(), x.numpy()/np.sqrt((x.numpy()**2).mean(1, keepdims=True) + 1e-6)*np.linspace(0.5, 2, 24), rtol=1e-6)
    c = small(**{"n_kv_heads": 2, "causal": False})
    shared = Attention(c, 0).double()
    full = Attention(replace(c, n_kv_heads=0), 0).double()                                              # the same with its keys and values written out
    state = shared.state_dict() | {f"{n}.weight": getattr(shared, n).weight.view(2, 6, 24).repeat_interleave(2, 0).reshape(24, 24) for n in ("k_proj", "v_proj")}
    full.load_state_dict(state)
    torch.testing.assert_close(shared(x[None], None, attend_all), full(x[None], None, attend_all))


def test_the_model():
    import math
    import torch
    from torch import nn
    from torch.nn import functional as F
    import numpy as np
    from sparsebook.lm import LMConfig, TransformerLM, parameter_count

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=50, d_model=24, n_layers=2, n_heads=4, d_ff=40, max_seq_len=32) | change)
    model = TransformerLM(small(), torch.Generator().manual_seed(0))
    [name for name, m in model.named_modules() if isinstance(m, nn.Linear)][6:]

    def by_loops(c, w, tokens):
        "Logits (T, V) of one sequence of token ids."
        w, T, dh = {k: v.double().numpy() for k, v in w.items()}, len(tokens), c.d_model//c.n_heads
        def linear(x, name): return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0)
        def norm(x, name):
            if c.norm == "layer": return (x - x.mean())/np.sqrt(x.var() + c.norm_eps)*w[f"{name}.weight"] + w[f"{name}.bias"]
            return x/np.sqrt((x**2).mean() + c.norm_eps)*w[f"{name}.weight"]
        def turned(x, t):
            if c.pos != "rope": return x
            z = (x[:dh//2] + 1j*x[dh//2:])*np.exp(1j*t*c.rope_theta**(-np.arange(0, dh, 2)/dh))
            return np.concatenate([z.real, z.imag])
        erf = np.vectorize(math.erf)
        act = {"relu": lambda u: np.maximum(u, 0), "gelu": lambda u: u*(1 + erf(u/math.sqrt(2)))/2}
        h = [w["model.embed_tokens.weight"][i] + (w["model.embed_positions.weight"][t] if c.pos == "learned" else 0) for t, i in enumerate(tokens)]
        for layer in range(c.n_layers):
            p, s = f"model.layers.{layer}", (layer + 1)**-0.5 if c.resid_scale == "lns" else 1
            x = [s*norm(v, f"{p}.input_layernorm") for v in h]
            q, k, v = ([linear(u, f"{p}.self_attn.{n}_proj") for u in x] for n in "qkv")
            for t in range(T):
                heads = []
                for i in range(c.n_heads):
                    j = i//(c.n_heads//c.kv_heads)
                    at = range(t + 1) if c.causal else range(T)
                    score = np.array([turned(q[t][i*dh:][:dh], t) @ turned(k[u][j*dh:][:dh], u)/math.sqrt(dh) for u in at])
                    share = np.exp(score - score.max()); share /= share.sum()
                    heads.append(sum(a*v[u][j*dh:][:dh] for a, u in zip(share, at, strict=True)))
                h[t] = h[t] + linear(np.concatenate(heads), f"{p}.self_attn.o_proj")
            for t in range(T):
                y = s*norm(h[t], f"{p}.post_attention_layernorm")
                up = linear(y, f"{p}.mlp.up_proj")
                if c.act == "swiglu": gate = linear(y, f"{p}.mlp.gate_proj"); up = gate/(1 + np.exp(-gate))*up
                else: up = act[c.act](up)
                h[t] = h[t] + linear(up, f"{p}.mlp.down_proj")
        return np.stack([w["lm_head.weight"] @ norm(v, "model.norm") for v in h])

    for change in ({}, {"n_kv_heads": 2, "tie": True}, {"norm": "layer", "act": "relu", "pos": "learned", "bias": True}, {"act": "gelu", "causal": False, "resid_scale": "lns"}, {"n_kv_heads": 1, "causal": False, "bias": True}):
        c = small(**change)
        rng = torch.Generator().manual_seed(1)
        model = TransformerLM(c, rng).double()
        for p in model.parameters(): p.data += 0.2*torch.randn(p.shape, generator=rng, dtype=torch.float64)       # biases and gains, too, shall matter
        tokens = torch.randint(50, (2, 9), generator=rng)
        for row, got in zip(tokens.tolist(), model(tokens), strict=True):
            np.testing.assert_allclose(got.detach().numpy(), by_loops(c, model.state_dict(), row), atol=2e-6, err_msg=str(change))

    tokens = torch.randint(50, (1, 12), generator=torch.Generator().manual_seed(0))
    later = tokens.clone()
    later[0, 7:] = (later[0, 7:] + 1) % 50
    for causal in (True, False):
        model = TransformerLM(small(**{"causal": causal}), torch.Generator().manual_seed(3)).eval()
        assert torch.allclose(model(tokens)[:, :7], model(later)[:, :7], atol=1e-7) == causal
    same = TransformerLM(small(**{"causal": False}), torch.Generator().manual_seed(3)).eval()
    assert torch.equal(same(tokens), model(tokens))
    assert abs(F.cross_entropy(model(tokens)[0], tokens[0]).item() - math.log(50)) < 0.15
    sizes = {r: TransformerLM(small(**{"resid_init": r}), torch.Generator().manual_seed(3)).model.layers[0].mlp.down_proj.weight.std().item() for r in ("none", "depth")}
    assert abs(sizes["none"]/sizes["depth"] - 2) < 1e-5                                                            # sqrt(2 L), L = 2
    first = []
    model(tokens, attend=lambda q, k, v, causal, layer: first.append((layer, tuple(q.shape))) or v)
    assert first == [(0, (1, 4, 12, 6)), (1, (1, 4, 12, 6))]
    assert all(p.grad is not None for p in [model.lm_head.weight] if model(tokens).sum().backward() is None)

    for change in ({}, {"n_kv_heads": 2}, {"act": "relu", "bias": True}, {"norm": "layer", "act": "gelu", "bias": True, "n_kv_heads": 1}, {"pos": "learned"}, {"tie": True}, {"bias": True}):
        c = small(**change)
        model = TransformerLM(c)
        count, of = parameter_count(c), lambda m: sum(p.numel() for p in m.parameters())
        assert count["total"] == of(model), change
        assert count["blocks"] == of(model.model.layers) + of(model.model.norm), change
        assert count["head"] == (0 if c.tie else model.lm_head.weight.numel())

    model = TransformerLM(small())
    refused(ValueError, "tokens must be at most max_seq_len=32 long, got 33", lambda: model(torch.zeros(1, 33, dtype=torch.long)))


def test_writing():
    import torch
    from sparsebook.lm import LMConfig, TransformerLM, generate

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=50, d_model=24, n_layers=2, n_heads=4, d_ff=40, max_seq_len=32) | change)
    model = TransformerLM(small(), torch.Generator().manual_seed(0))
    generate(model, torch.tensor([[1, 2, 3]]), 8, rng=torch.Generator().manual_seed(0))

    model = TransformerLM(small(**{"max_seq_len": 6}), torch.Generator().manual_seed(0))
    out = generate(model, torch.tensor([[1, 2, 3]]), 9, temperature=0)
    assert out.shape == (1, 12)
    for t in range(3, 12): assert out[0, t] == model(out[:, max(0, t - 6):t])[0, -1].argmax()
    refused(ValueError, "model must be causal", lambda: generate(TransformerLM(small(**{"causal": False})), torch.tensor([[1]]), 1))
