"""Generated from nbs/kernels/14_column_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_strips():
    import torch
    from sparsebook import group_prox
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.column_prox import shrink_columns_, shrink_columns_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    w = normal(200, 12)
    shrink_columns_([w], 14.)
    [round(v, 2) for v in w.norm(dim=0).tolist()]

    shapes = [(7, 9), (300, 130), (64, 257), (65, 3), (40, 3, 4, 3), (1, 5), (0, 4), (3, 0), (200, 128)]
    for dtype, tol in ((torch.float32, 2e-6), (torch.float16, 2e-3)):
        ts = [normal(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes)]
        ts[0][:, 2] = 0
        ts[1][3, 5] = torch.nan
        lams = [1. + i for i in range(len(ts))]
        right = [shrink_columns_ref(t, l, .7) for t, l in zip(ts, lams, strict=True)]
        torch.testing.assert_close(right[3], group_prox.group_soft(ts[3], .7*4., 0), atol=tol, rtol=tol)
        shrink_columns_(ts, lams, .7)
        for a, b in zip(ts, right, strict=True): torch.testing.assert_close(a, b, atol=tol, rtol=tol, equal_nan=True)
        assert ts[1][:, 5].isnan().all() and (ts[0][:, 2] == 0).all()
    view = normal(1 + 70*33)[1:].view(70, 33)        # not aligned to 16 bytes
    right = shrink_columns_ref(view, 3.)
    shrink_columns_([view], 3.)
    torch.testing.assert_close(view, right)
    twice = [normal(500, 20) for _ in range(2)]
    for t in twice: shrink_columns_([t], 5.)
    assert torch.equal(*twice)
    for call, error, text in [(lambda: shrink_columns_([normal(3)], .1), ValueError, "two dimensions or more"), (lambda: shrink_columns_([normal(3, 4).t()], .1), TypeError, "must be contiguous"), (lambda: shrink_columns_([normal(3, 4)], -1.), ValueError, "lam must be >= 0")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


@pytest.mark.slow
def test_compiled():
    from sparsebook_kernels.compiled import resources

    tables = dict(p_chunk="*i64", p_rows="*i64", p_width="*i64", p_w="*fp32", p_w_at="*i64")
    parts = dict(p_part="*fp32", p_part_at="*i64")
    for kernel, types, values, warps in (("norm", parts, dict(R=32, PARTS=16), 4), ("shrink", parts | dict(p_par="*fp32"), dict(R=32, PARTS=16), 4), ("shrink", dict(p_par="*fp32"), dict(p_part=None, p_part_at=None, R=64, PARTS=0), 8)):
        r = resources(f"column_prox:column_{kernel}_kernel", tables | types, values | dict(C=128, VEC=4), num_warps=warps)
        assert r is None or r["stack"] == 0, (kernel, r)
