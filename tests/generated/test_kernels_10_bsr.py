"""Generated from nbs/kernels/10_bsr.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_layout():
    import torch
    from sparsebook_kernels.bsr import layout, to_blocks, to_dense

    mask = torch.tensor([[True, False, True], [False, False, False], [True, True, False]])
    layout(mask, 16)

    w = torch.randn(48, 48)
    where = layout(mask, 16)
    assert torch.equal(to_dense(to_blocks(w, where), where), w*mask.repeat_interleave(16, 0).repeat_interleave(16, 1))
    import warnings
    with warnings.catch_warnings(action="ignore"): theirs = torch.sparse_bsr_tensor(where.ptr, where.col, to_blocks(w, where), (48, 48))
    assert torch.equal(theirs.to_dense(), to_dense(to_blocks(w, where), where))
    assert torch.equal(to_blocks(w, where)[where.t_at.long()], torch.stack([w[16*r:16*r + 16, 16*c:16*c + 16] for c in range(3) for r in range(3) if mask[r, c]]))
    for call, error, text in [(lambda: layout(mask, 24), ValueError, "block must be one of (16, 32, 64, 128), got 24"), (lambda: layout(mask.float(), 16), TypeError, "2-d bool"),
                              (lambda: to_blocks(w[:32], where), ValueError, "w must have shape (48, 48), got (32, 48)")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_definition():
    import torch
    from sparsebook_kernels.bsr import bsr_linear_ref, layout

    def random_mask(rows, columns, density, seed=0):
        """Which blocks exist."""
        return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < density
    x = torch.ones(2, 48)
    bsr_linear_ref(x, torch.ones(4, 16, 16), layout(torch.tensor([[True, False, True], [False, False, False], [True, True, False]]), 16))[:, ::16]

    mask, B = random_mask(3, 4, 0.6), 16
    where = layout(mask, B)
    blocks, x = torch.randn(int(mask.sum()), B, B, dtype=torch.float64, requires_grad=True), torch.randn(5, 4*B, dtype=torch.float64, requires_grad=True)
    y = torch.zeros(5, 3*B, dtype=torch.float64)
    for b, r, c in zip(blocks, where.row.tolist(), where.col.tolist(), strict=True): y[:, B*r:B*r + B] += x[:, B*c:B*c + B] @ b.t()
    torch.testing.assert_close(bsr_linear_ref(x, blocks, where), y)
    small = layout(torch.tensor([[True]]), 16)
    assert torch.autograd.gradcheck(lambda x, b: bsr_linear_ref(x, b, small), (x[:2, :16].detach().requires_grad_(), blocks[:1].detach().requires_grad_()))


def test_the_product():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.bsr import TILES, bsr_linear, bsr_linear_ref, layout, tile

    def random_mask(rows, columns, density, seed=0):
        """Which blocks exist."""
        return torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < density
    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    where = layout(random_mask(4, 4, 0.5).to(DEVICE), 16)
    y = bsr_linear(normal(3, 64), normal(len(where.col), 16, 16, seed=1), where)
    y.shape, [(y[:, 16*i:16*i + 16] == 0).all().item() for i in range(4)], where.ptr.diff().tolist()

    def forward_and_backward(f, x, blocks, where, g):
        x, blocks = x.detach().requires_grad_(), blocks.detach().requires_grad_()
        y = f(x, blocks, where)
        return y.detach(), *torch.autograd.grad(y, (x, blocks), g)

    @settings(max_examples=12)
    @given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 70), st.sampled_from([16, 32, 64]), st.sampled_from([0., .4, 1.]), st.integers(0, 99))
    def agrees(n, k, m, B, density, seed):
        where = layout(random_mask(n, k, density, seed).to(DEVICE), B)
        x, blocks, g = normal(m, k*B, seed=seed), normal(len(where.col), B, B, seed=seed + 1), normal(m, n*B, seed=seed + 2)
        for ours, right in zip(forward_and_backward(bsr_linear, x, blocks, where, g), forward_and_backward(bsr_linear_ref, x.double(), blocks.double(), where, g.double()), strict=True):
            torch.testing.assert_close(ours.double(), right, atol=2e-3, rtol=1e-4)
    agrees()
    where = layout(random_mask(2, 3, 0.7).to(DEVICE), 128)
    x, blocks = normal(130, 384), normal(len(where.col), 128, 128, seed=1)
    torch.testing.assert_close(bsr_linear(x, blocks, where), bsr_linear_ref(x, blocks, where), atol=1e-3, rtol=1e-4)
    where = layout(random_mask(2, 2, 0.7).to(DEVICE), 32)
    x, blocks = normal(64, 5), normal(len(where.col), 32, 32, seed=1)
    torch.testing.assert_close(bsr_linear(x.t(), blocks, where), bsr_linear_ref(x.t(), blocks, where), atol=1e-3, rtol=1e-4)     # a transposed view
    torch.testing.assert_close(bsr_linear(x.t().reshape(5, 1, 64)[:, 0], blocks, where), bsr_linear(x.t().contiguous(), blocks, where))
    assert bsr_linear(x.t()[0], blocks, where).shape == (64,) and bsr_linear(x.t().reshape(1, 5, 64), blocks, where).shape == (1, 5, 64)
    for call, error, text in [(lambda: bsr_linear(x, blocks, where), ValueError, "the last dimension of x must be K=64, got shape (64, 5)"), (lambda: bsr_linear(x.t(), blocks[1:], where), ValueError, "blocks must have shape"),
                              (lambda: bsr_linear(x.t(), blocks.half(), where), TypeError, "must share dtype and device")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)

    where = layout(random_mask(2, 3, 0.7).to(DEVICE), 16)
    x, blocks = normal(20, 48).requires_grad_(), normal(len(where.col), 16, 16, seed=1).requires_grad_()
    torch.library.opcheck(torch.ops.sparsebook.bsr_linear, (x, blocks, *where[3:]), test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))

    import os
    import tempfile
    from sparsebook_kernels.tuned import forget, stored, tune

    where = layout(random_mask(2, 3, 0.7).to(DEVICE), 32)
    x, blocks = normal(20, 96), normal(len(where.col), 32, 32, seed=1)
    before, clock = os.environ.get("SPARSEBOOK_TUNED"), iter(range(100, 0, -1))        # every candidate is faster than the last
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPARSEBOOK_TUNED"] = f"{folder}/tuned.json"
        try:
            forget()
            with tune(lambda run: float(next(clock))): y = bsr_linear(x, blocks, where)
            (entry, found), = stored().items()
            torch.testing.assert_close((y, bsr_linear(x, blocks, where)), (bsr_linear_ref(x, blocks, where),)*2, atol=1e-4, rtol=1e-4)
        finally: os.environ.pop("SPARSEBOOK_TUNED") if before is None else os.environ.update(SPARSEBOOK_TUNED=before); forget()
    assert found["choice"] == tile(32, 2.) | TILES[-1], found                          # all 24 passed
    entry.split(" | triton")[0]

    def check_on_a_gpu():
        for B in (16, 32, 64, 128):
            where = layout(random_mask(8, 8, 0.3).cuda(), B)
            x, blocks, g = normal(333, 8*B, dtype=torch.bfloat16), normal(len(where.col), B, B, seed=1, dtype=torch.bfloat16), normal(333, 8*B, seed=2, dtype=torch.bfloat16)
            for ours, right in zip(forward_and_backward(bsr_linear, x, blocks, where, g), forward_and_backward(bsr_linear_ref, x.double(), blocks.double(), where, g.double()), strict=True):
                assert ((ours.double() - right).abs().max()/right.abs().max()).item() < 8e-3
        compiled = torch.compile(lambda x, b: bsr_linear(x, b, where).relu(), fullgraph=True)
        torch.testing.assert_close(compiled(x, blocks), bsr_linear(x, blocks, where).relu())
    if DEVICE == "cuda": check_on_a_gpu()


def test_the_race():
    from sparsebook_kernels.bsr import BENCH

    [t["kernel"] for t in BENCH][:4]

    task = BENCH[0]
    assert task["flops"] == 2*4096*4096*4096*.1 and set(task["providers"]) == {"sparsebook", "dense (cuBLAS)", "torch BSR"}
    assert len({t["kernel"] for t in BENCH}) == len(BENCH)
