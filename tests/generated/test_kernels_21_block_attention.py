"""Generated from nbs/kernels/21_block_attention.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_definition():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.block_attention import block_attention_ref, dense_mask

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    blocks = torch.tensor([[[True, False], [True, True]]])
    dense_mask(blocks, 2, 3).int(), block_attention_ref(torch.zeros(1, 3, 1), torch.zeros(1, 3, 1), torch.tensor([[[1.], [2.], [6.]]]), dense_mask(blocks, 2, 3))[0].flatten()

    q, k, v = (normal(2, 7, 4, seed=s).cpu() for s in range(3))
    full = torch.ones(2, 4, 4, dtype=torch.bool)
    ours = block_attention_ref(q, k, v, dense_mask(full, 2, 7, causal=True))[0]
    torch.testing.assert_close(ours, torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
    some = dense_mask(full, 2, 7, keys=torch.tensor([3, 0]))
    o, lse = block_attention_ref(q, k, v, some)
    torch.testing.assert_close(o[0], torch.nn.functional.scaled_dot_product_attention(q[0], k[0, :3], v[0, :3]))
    assert not o[1].any() and (lse[1] == -torch.inf).all()
    assert torch.autograd.gradcheck(lambda q, k, v: block_attention_ref(q, k, v, dense_mask(torch.tensor([[[True, False], [True, True]]]), 2, 4))[0], [t[:1, :4].double().requires_grad_() for t in (q, k, v)])


def test_lists():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.block_attention import block_lists, dense_mask

    def random_blocks(heads, length, block, density, seed=0):
        n = -(-length // block)
        return (torch.rand(heads, n, n, generator=torch.Generator().manual_seed(seed)) < density).to(DEVICE)
    lists = block_lists(torch.ones(1, 3, 3, dtype=torch.bool), 32, 90, causal=True)
    lists.ptr, lists.cut, lists.idx, lists.order

    lists = block_lists(random_blocks(2, 130, 32, .5), 32, 130, keys=torch.tensor([130, 70], device=DEVICE))
    mask = dense_mask(random_blocks(2, 130, 32, .5), 32, 130, keys=torch.tensor([130, 70], device=DEVICE))
    tiles = torch.nn.functional.pad(mask, (0, 30, 0, 30)).view(2, 5, 32, 5, 32).transpose(2, 3)
    for row in range(10):
        lo, mid, hi = lists.ptr[row].item(), lists.cut[row].item(), lists.ptr[row + 1].item()
        assert sorted(lists.idx[lo:hi].tolist()) == tiles[row//5, row % 5].any((1, 2)).nonzero().flatten().tolist()
        for c in lists.idx[lo:mid].tolist(): assert tiles[row//5, row % 5, c][:max(0, min(32, 130 - 32*(row % 5)))].all()
    assert lists.ptr.diff()[lists.order.long()].diff().max() <= 0 and lists.t_ptr[-1] == lists.ptr[-1]
    for call, text in [(lambda: block_lists(mask, 32, 130), "blocks must be bool of shape (Z, 5, 5)"), (lambda: block_lists(mask, 16, 130), "block must be 32, 64 or 128"), (lambda: block_lists(random_blocks(1, 64, 32, 1), 32, 64, keys=torch.tensor([65])), "in 0..64")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_kernels():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.block_attention import block_attention, block_attention_ref, block_lists, dense_mask, listed_blocks

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    def random_blocks(heads, length, block, density, seed=0):
        n = -(-length // block)
        return (torch.rand(heads, n, n, generator=torch.Generator().manual_seed(seed)) < density).to(DEVICE)
    lists = block_lists(random_blocks(2, 100, 32, .4), 32, 100)
    o, lse = block_attention(normal(1, 2, 100, 16), normal(1, 2, 100, 16, seed=1), normal(1, 2, 100, 16, seed=2), lists)
    o.shape, lse.shape, torch.equal(listed_blocks(lists), random_blocks(2, 100, 32, .4))

    def with_gradients(f, q, k, v, g, h):
        q, k, v = (t.detach().requires_grad_() for t in (q, k, v))
        o, lse = f(q, k, v)
        live = lse > -torch.inf
        return o.detach(), lse.detach(), *torch.autograd.grad((o*g).sum() + (lse*h)[live].sum(), (q, k, v))

    @settings(max_examples=10)
    @given(st.integers(1, 2), st.integers(1, 140), st.sampled_from([8, 16, 20]), st.sampled_from([32, 64]), st.booleans(), st.booleans(), st.sampled_from([0., .5, 1.]), st.integers(0, 99))
    def agrees(Z, L, d, B, causal, padded, density, seed):
        blocks, keys = random_blocks(Z, L, B, density, seed), torch.randint(0, L + 1, (Z,), generator=torch.Generator().manual_seed(seed)).to(DEVICE) if padded else None
        q, k, v, g = (normal(Z, L, d, seed=seed + i) for i in range(4))
        h = normal(Z, L, seed=seed + 5)
        ours = with_gradients(lambda *t: block_attention(*t, block_lists(blocks, B, L, causal, keys)), q, k, v, g, h)
        right = with_gradients(lambda *t: block_attention_ref(*t, dense_mask(blocks, B, L, causal, keys)), *(t.double() for t in (q, k, v, g, h)))
        for a, b in zip(ours, right, strict=True): torch.testing.assert_close(a.double(), b, atol=3e-4, rtol=1e-4)
    agrees()
    lists = block_lists(random_blocks(2, 70, 32, .6), 32, 70)
    q, k, v = (normal(2, 70, 16, seed=i).half() for i in range(3))
    torch.testing.assert_close(block_attention(q, k, v, lists)[0], block_attention_ref(q, k, v, dense_mask(random_blocks(2, 70, 32, .6), 32, 70))[0], atol=4e-3, rtol=1e-2)
    q, k, v = (normal(2, 128, 16, seed=i) for i in range(3))                                              # scores that rise by far more than float32 holds: the row begins again
    lists, far = block_lists(random_blocks(2, 128, 32, 1.), 32, 128), k*torch.arange(128, device=k.device)[:, None]
    assert (q @ far.mT/4).amax(-1).max() > 200
    torch.testing.assert_close(block_attention(q, far, v, lists)[0], block_attention_ref(q, far, v, dense_mask(random_blocks(2, 128, 32, 1.), 32, 128))[0], atol=1e-4, rtol=1e-4)
    lists = block_lists(random_blocks(2, 70, 32, .6), 32, 70)
    q, k, v = (normal(2, 70, 16, seed=i).half() for i in range(3))
    turned = q.mT.contiguous().mT                                                                    # a view that is not contiguous
    assert torch.equal(block_attention(turned, k, v, lists)[0], block_attention(q, k, v, lists)[0])
    assert block_attention(q[:0], k[:0], v[:0], block_lists(random_blocks(0, 70, 32, 1), 32, 70))[0].shape == (0, 70, 16)
    for call, error, text in [(lambda: block_attention(q, k[:, :60], v, lists), ValueError, "must share one shape"), (lambda: block_attention(q[:1], k[:1], v[:1], lists), ValueError, "for 2 heads of length 70"), (lambda: block_attention(q, k, v.float(), lists), TypeError, "share dtype")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)

    lists = block_lists(random_blocks(2, 70, 32, .6), 32, 70)
    q, k, v = (normal(2, 70, 16, seed=i).requires_grad_() for i in range(3))
    torch.library.opcheck(torch.ops.sparsebook.block_attention.default, (q, k, v, *lists[3:], 32, False), test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))

    def check_on_a_gpu():
        for Z, L, d, B, causal in [(4, 1024, 128, 128, False), (3, 777, 64, 64, True), (2, 500, 80, 32, False), (2, 1000, 128, 128, True)]:
            blocks, keys = random_blocks(Z, L, B, .5), torch.full((Z,), L - 30, device="cuda")
            q, k, v, g = (normal(Z, L, d, seed=i, dtype=torch.bfloat16) for i in range(4))
            lists, h = block_lists(blocks, B, L, causal, keys), torch.zeros(Z, L, device="cuda")
            ours = with_gradients(lambda *t, lists=lists: block_attention(*t, lists), q, k, v, g, h)
            right = with_gradients(lambda *t, a=(blocks, B, L, causal, keys): block_attention_ref(*t, dense_mask(*a)), *(t.double() for t in (q, k, v, g, h)))
            for a, b in zip(ours, right, strict=True):
                both = b.isfinite()
                assert torch.equal(both, a.isfinite()) and ((a.double() - b)[both].abs().max()/b[both].abs().max()).item() < 2e-2, (Z, L, d, B, causal)
        compiled = torch.compile(lambda q, k, v: block_attention(q, k, v, lists)[0]*2, fullgraph=True)
        torch.testing.assert_close(compiled(q, k, v), block_attention(q, k, v, lists)[0]*2)
    if DEVICE == "cuda": check_on_a_gpu()
