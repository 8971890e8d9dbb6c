"""Generated from nbs/shared_lib/66_quant.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_round_to_nearest():
    import torch
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.quant import quantise

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def weights(seed=0, shape=(4, 32)):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    w = weights()
    fig, ax = plt.subplots(figsize=(5, 2.2), dpi=80)
    x = torch.linspace(-1, 2, 400)
    for bits, colour in ((2, "#E69F00"), (3, "#0072B2")): ax.plot(x, quantise(x, bits).dequantise(), color=colour, label=f"{bits} bits")
    ax.plot(x, x, "k:", lw=0.8); ax.set_xlabel("weight"); ax.set_ylabel("after rounding"); ax.legend(frameon=False)
    plt.close(fig); fig

    numbers = st.floats(-1e3, 1e3, width=32).map(lambda v: 0.0 if abs(v) < 1e-3 else v)
    @given(st.lists(numbers, min_size=8, max_size=8), st.integers(2, 8), st.booleans(), st.sampled_from([1, 2, 4, 8]), st.sampled_from([torch.float32, torch.float16, torch.bfloat16]), st.integers(0, 255))
    def bounded(values, bits, symmetric, group, scale_dtype, pattern):
        w = torch.tensor([values], dtype=torch.float64)
        mask = torch.tensor([[bool(pattern >> i & 1) for i in range(8)]])
        got = quantise(w, bits, group, symmetric, mask, scale_dtype=scale_dtype)
        s = got.scale.double().repeat_interleave(group, -1)
        z = got.zero.double().repeat_interleave(group, -1)
        new = (got.codes.double() - z)*s
        assert ((new - w*mask).abs() <= s/2*(1 + 1e-12)).all() and (new[~mask] == 0).all() and (new[w == 0] == 0).all() and int(got.codes.max()) < 2**bits
        codes = torch.arange(1 if symmetric else 0, 2**bits).double()
        nearest = (((codes - z.T)*s.T) - (w*mask).T).abs().min(1).values
        torch.testing.assert_close((new - w*mask)[0].abs(), nearest, rtol=1e-9, atol=1e-9)
    bounded()
    ints = torch.randint(-7, 8, (3, 16), generator=torch.Generator().manual_seed(0)).float()
    ints[:, 0] = 7
    assert torch.equal(quantise(ints*0.25, 4, symmetric=True).dequantise(), ints*0.25)                    # already on the grid
    assert quantise(torch.zeros(2, 4), 3).dequantise().abs().max() == 0 and quantise(weights().half(), 4, 16).dequantise().dtype == torch.float16
    assert quantise(torch.tensor([[1., -1, 3, 4]]), 2, symmetric=True).dequantise().tolist() == [[0, 0, 4, 4]]
    errors = [float((quantise(weights(1, (8, 128)), b, g).dequantise() - weights(1, (8, 128))).norm()) for b, g in ((2, 32), (3, 32), (4, 32), (4, 16), (8, 16))]
    assert errors == sorted(errors, reverse=True)

    refused(ValueError, "bits must be in 2..8, got 1", lambda: quantise(weights(), 1))
    refused(ValueError, "group must divide the last dimension 32, got 12", lambda: quantise(weights(), 4, 12))
    refused(ValueError, "w must be finite, got 1 NaN", lambda: quantise(torch.tensor([[1., math.nan]])))
    refused(ValueError, "clip must be 'mse' or a factor above 0", lambda: quantise(weights(), clip=0))
    refused(ValueError, "mask must be bool of shape (4, 32)", lambda: quantise(weights(), mask=torch.ones(4, 32)))
    refused(ValueError, "does not fit into torch.float16", lambda: quantise(weights()*1e7, scale_dtype=torch.float16))


def test_a_smaller_range():
    import torch
    from sparsebook.quant import quantise

    def weights(seed=0, shape=(4, 32)):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    w = weights(0, (64, 128))
    error = lambda **kw: float((quantise(w, **kw).dequantise() - w).square().mean())
    {f"{bits} bits, group {group}": f"{error(bits=bits, group=group):.5f} -> {error(bits=bits, group=group, clip='mse'):.5f}" for bits in (2, 3, 4) for group in (16, 128)}

    for symmetric in (False, True):
        for bits in (2, 3, 4):
            w = weights(bits, (6, 32))
            loss = lambda w=w, bits=bits, symmetric=symmetric, **kw: (quantise(w, bits, 16, symmetric, **kw).dequantise() - w).square().unflatten(1, (2, 16)).sum(-1)
            every = torch.stack([loss(clip=i/20) for i in range(1, 21)])
            torch.testing.assert_close(loss(clip="mse", grid=20), every.amin(0), rtol=1e-5, atol=1e-7)   # exhaustive, group by group
            assert (loss(clip="mse") <= loss() + 1e-6).all() and loss(clip="mse").sum() < loss().sum()
            fine = torch.stack([loss(clip=i/400) for i in range(1, 401)]).amin(0).sum()
            assert loss(clip="mse").sum() < 1.25*fine                                                    # 40 factors are close to 400


def test_training_through_rounding():
    import torch
    from sparsebook.quant import fake_quantise, quantise

    def weights(seed=0, shape=(4, 32)):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    w = torch.tensor([[0.1, 0.9, -0.7, 0.4]], requires_grad=True)
    fake_quantise(w, bits=2), torch.autograd.grad(fake_quantise(w, bits=2).square().sum(), w)[0]

    w, mask, g = weights().requires_grad_(), weights(1) > 0, weights(2)
    assert torch.equal(fake_quantise(w, bits=3, group=8), quantise(w, 3, 8).dequantise())
    assert torch.equal(torch.autograd.grad(fake_quantise(w, bits=3), w, g)[0], g) and torch.equal(torch.autograd.grad(fake_quantise(w, bits=3, mask=mask), w, g)[0], g*mask)
    x = weights(3, (256, 4)) @ weights(5, (4, 32)) + 0.1*weights(4, (256, 32))                                # correlated inputs: errors can cancel
    target = x @ weights().T
    v = weights().clone().requires_grad_()
    opt = torch.optim.Adam([v], 1e-3)
    loss = lambda w: (x @ fake_quantise(w, bits=3, group=32).T - target).square().mean()
    path = []
    for _ in range(100): opt.zero_grad(); path.append(loss(v)); path[-1].backward(); opt.step()
    assert min(p.item() for p in path) < 0.7*path[0].item()                                              # better codes than round to nearest


def test_bits_in_bytes():
    import torch
    import math
    from hypothesis import given, strategies as st
    from sparsebook.quant import pack_bits, unpack_bits

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    codes = torch.tensor([1, 2, 3, 4, 5, 6, 7, 8], dtype=torch.uint8)
    [hex(b) for b in pack_bits(codes, 4).tolist()], hex(pack_bits(codes, 4, align=4).view(torch.int32).item() & 0xFFFFFFFF), len(pack_bits(codes[:7], 3))

    @given(st.integers(1, 8), st.data(), st.sampled_from([1, 2, 4]))
    def round_trip(bits, data, align):
        rows = data.draw(st.lists(st.lists(st.integers(0, 2**bits - 1), min_size=7, max_size=7), min_size=1, max_size=4))
        n = data.draw(st.integers(0, 7))
        codes = torch.tensor(rows, dtype=torch.uint8)[:, :n]
        packed = pack_bits(codes, bits, align)
        assert packed.shape[-1] % align == 0 and packed.shape[-1] - math.ceil(n*bits/8) < align and torch.equal(unpack_bits(packed, bits, n), codes)
        for row, stored in zip(codes.tolist(), packed.tolist(), strict=True):
            assert int.from_bytes(bytes(stored), "little") == sum(v << (bits*i) for i, v in enumerate(row))       # one long Python integer
    round_trip()
    for bits in range(1, 9): assert torch.equal(unpack_bits(pack_bits(torch.arange(2**bits), bits), bits, 2**bits).int(), torch.arange(2**bits).int())
    words = pack_bits(torch.randint(0, 16, (3, 64)), 4, align=4).view(torch.int32)
    assert words.shape == (3, 8) and torch.equal((words[..., None] >> 4*torch.arange(8) & 15).flatten(1).to(torch.uint8), unpack_bits(words.view(torch.uint8), 4, 64))
    mask = torch.rand(3, 10) < 0.5
    assert torch.equal(unpack_bits(pack_bits(mask, 1), 1, 10).bool(), mask)                                       # a mask is one bit a weight
    refused(ValueError, "codes must be in 0..7 for 3 bits, got 0..9", lambda: pack_bits(torch.arange(10), 3))
    refused(TypeError, "codes must be integers, got torch.float32", lambda: pack_bits(torch.ones(3), 4))
    refused(ValueError, "n must be in 0..4 for 2 bytes, got 5", lambda: unpack_bits(torch.zeros(2, dtype=torch.uint8), 4, 5))
    refused(TypeError, "packed must be uint8, got torch.int32", lambda: unpack_bits(words, 4, 8))


def test_sparse_and_in_few_bits():
    import torch
    from sparsebook.mask import group_mask
    from sparsebook.obs import layer_error, sparsegpt
    from sparsebook.quant import effective_bits, pack_bits, quantise

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def weights(seed=0, shape=(4, 32)):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    {"4 bits, group 16, half": effective_bits(4, 16, 0.5, index_bits=16), "4 bits, group 16": effective_bits(4, 16, index_bits=16), "4 bits, group 128": effective_bits(4, 128), "2 bits, group 64": effective_bits(2, 64)}

    w = weights(0, (8, 64))
    keep = group_mask(w, 16, 0.5)
    got = quantise(w, 4, 16, mask=keep, scale_dtype=torch.float16)
    groups = keep.unflatten(1, (-1, 16)).any(-1)
    stored = pack_bits(got.codes.unflatten(1, (-1, 16))[groups], 4).numel() + 2*got.scale[groups].numel() + got.zero[groups].numel()/2 + 2*int(groups.sum())
    assert stored == 12.5*int(groups.sum()) and 8*stored/w.numel() == effective_bits(4, 16, 0.5, index_bits=16) == 3.125
    assert torch.equal(got.dequantise() != 0, keep & (got.dequantise() != 0)) and (got.dequantise() - w*keep).abs().max() <= got.scale.float().max()/2*(1 + 1e-6)
    x = weights(3, (12, 64)).T @ weights(4, (12, 12)) @ weights(5, (12, 64))                                       # correlated inputs
    gram = x.T @ x + torch.eye(64)
    scale = (w.abs().amax(1)/7).clamp(min=1e-8).double()
    nearest = lambda column, j: scale*(column/scale).round().clamp(-7, 7)
    gptq, _ = sparsegpt(w, gram, 0.0, quantise=nearest)
    rtn = torch.stack([nearest(w[:, j].double(), j) for j in range(64)], 1)
    assert layer_error(w, gptq, gram) < 0.5*layer_error(w, rtn, gram)
    joint, mask = sparsegpt(w, gram, nm=(2, 4), block=64, quantise=nearest)
    assert layer_error(w, joint, gram) < layer_error(w, torch.stack([nearest((w*mask)[:, j].double(), j) for j in range(64)], 1), gram) and (joint[~mask] == 0).all()
    refused(ValueError, "density must be in 0..1, got 50", lambda: effective_bits(4, 16, 50))
