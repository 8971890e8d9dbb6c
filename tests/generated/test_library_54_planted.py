"""Generated from nbs/shared_lib/54_planted.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_modality():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.planted import sparse_features

    p = sparse_features(2000, n=30, d=20, s=[2, 6])
    fig, ax = plt.subplots(figsize=(4.2, 2), dpi=75); ax.bar(*(p.h > 0).sum(1).unique(return_counts=True)); ax.set_xlabel("active features of a sample"); plt.close(fig); fig

    torch.testing.assert_close(p.x, p.h @ p.v)
    assert (p.h > 0).sum(1).unique().tolist() == [2, 6] and ((p.h > 0).sum(1) == 2).sum() == 1000
    b = sparse_features(4000, n=30, d=20, s=3, mode="bernoulli", unit=True)
    assert ((b.h > 0).float().mean(0) - .1).abs().max() < 4*(.09/4000)**.5 and (b.x.norm(dim=1)[b.h.sum(1) > 0] - 1).abs().max() < 1e-5
    torch.testing.assert_close(b.x, b.h @ b.v, atol=1e-5, rtol=1e-5)
    assert torch.equal(b.x, sparse_features(4000, n=30, d=20, s=3, mode="bernoulli", unit=True).x) and not torch.equal(b.v, sparse_features(1, 30, 20, seed=1).v)
    try: sparse_features(10, n=4, d=3, s=5)
    except ValueError as e: print(e)


def test_two_modalities():
    import torch
    from sparsebook.planted import paired_concepts

    x, on, a = paired_concepts(1000, n=40, d=256, align=.6)
    print("cosine within a pair", round((x[:, 0]*x[:, 1]).sum(1).mean().item(), 2), "between pairs", round((x[:-1, 0]*x[1:, 1]).sum(1).mean().item(), 2))

    assert x.shape == (1000, 2, 256) and (on.sum(1) == 3).all() and (x.norm(dim=-1) - 1).abs().max() < 1e-5
    assert abs((a[0]*a[1]).sum(1).mean() - .6) < .03
    same = paired_concepts(10, n=5, d=8, align=1.)[2]
    torch.testing.assert_close(same[0], same[1])
    try: paired_concepts(10, 4, 8, align=1.5)
    except ValueError as e: print(e)
