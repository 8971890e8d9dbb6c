"""Generated from nbs/kernels/22_block_score.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_means_and_the_best_of_them():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.block_score import block_mean, top_blocks

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    q, k = normal(1, 96, 16), normal(1, 96, 16, seed=1)
    q[:, :32] += 3*k[:, 64:].mean(1); lse = (q @ k.mT*16**-.5).logsumexp(-1)
    score = block_mean(q, k, lse, 32)
    score*96, top_blocks(score, 1).int()

    for L, B, d in ((96, 32, 16), (130, 64, 20), (31, 32, 8)):
        q, k = normal(2, 1, L, d), normal(2, 1, L, d, seed=1)
        a = (q.double() @ k.double().mT*d**-.5).softmax(-1)
        ours = block_mean(q, k, (q.double() @ k.double().mT*d**-.5).logsumexp(-1), B)
        n = -(-L//B)
        right = torch.stack([torch.stack([a[..., B*i:B*i + B, B*j:B*j + B].mean((-1, -2)) for j in range(n)], -1) for i in range(n)], -2)
        torch.testing.assert_close(ours.double(), right, atol=1e-6, rtol=1e-4)
    assert top_blocks(torch.tensor([[1., 2., 2., 0.]]), 1).tolist() == [[False, True, False, False]]
    assert top_blocks(torch.tensor([[1., 2., 2., 0.]]), 2, torch.eye(4, dtype=torch.bool)[3:]).tolist() == [[False, True, True, True]]
    for call, text in [(lambda: top_blocks(torch.ones(1, 3), 4), "k must be in 0..3, got 4"), (lambda: top_blocks(torch.tensor([[torch.nan]]), 1), "must not be NaN"), (lambda: block_mean(normal(3, 4), normal(3, 4), normal(4), 32), "lse (..., L)")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
