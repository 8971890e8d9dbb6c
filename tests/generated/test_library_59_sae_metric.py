"""Generated from nbs/shared_lib/59_sae_metric.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_what_is_lost():
    import torch
    import numpy as np
    from sparsebook.sae_metric import fvu, loss_recovered

    x = torch.randn(100, 5)
    fvu(x, .9*x), fvu(x, x.mean(0).expand_as(x)), loss_recovered(3., 3.2, 8.)

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50, 4))
    a, b = torch.tensor(x), torch.tensor(y)
    np.testing.assert_allclose(fvu(a, b), ((x - y)**2).mean(0).sum()/x.var(0).sum())
    assert fvu(a, a) == 0 and abs(fvu(a, a.mean(0).expand_as(a)) - 1) < 1e-12
    torch.testing.assert_close(fvu(a, torch.stack([a, b])), torch.stack([fvu(a, a), fvu(a, b)]))
    torch.testing.assert_close(fvu(3*a + 1, 3*b + 1), fvu(a, b))
    assert loss_recovered(2., 2., 5.) == 1 and loss_recovered(2., 5., 5.) == 0
    for call in (lambda: fvu(torch.ones(3, 2), torch.zeros(3, 2)), lambda: loss_recovered(2., 2.1, 2.)):
        try: call()
        except ValueError as e: print(e)
        else: raise AssertionError


def test_how_sparse():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.planted import sparse_features
    from sparsebook.sae import TopKSAE
    from sparsebook.sae_train import fit
    from sparsebook.sae_metric import dead_fraction, dense_fraction, firing_rate, fvu, l0

    data = sparse_features(3000, n=24, d=16, s=2)
    sae = TopKSAE(16, 64, 2, seed=(0, 1)); fit(sae, data.x, steps=250, lr=1e-2)
    rate = firing_rate(sae.encode(data.x))
    print("L0", l0(sae.encode(data.x)), "dead", dead_fraction(rate), "dense", dense_fraction(rate), "FVU", fvu(data.x, sae(data.x).detach()))
    fig, ax = plt.subplots(figsize=(4.4, 2), dpi=75); ax.hist(rate[0].clamp_min(1e-4).log10(), 30); ax.set_xlabel("log10 firing rate (dead at -4)"); plt.close(fig); fig

    z = torch.tensor([[0, 1., 2], [0, 0, 3], [0, 4, 5], [0, 0, 6]])
    assert l0(z) == sum(sum(v != 0 for v in row) for row in z.tolist())/4 == 1.5
    rate = firing_rate(z)
    assert rate.tolist() == [0, .5, 1] and dead_fraction(rate) == 1/3 and dense_fraction(rate, .5) == 1/3 and abs(rate.sum() - l0(z)) < 1e-12
    assert l0(torch.stack([z, 0*z])).tolist() == [1.5, 0]


def test_what_was_found():
    import torch
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import TopKSAE
    from sparsebook.sae_train import fit
    from sparsebook.sae_metric import consistency, feature_recovery_rate, max_cosine

    data = sparse_features(3000, n=24, d=16, s=2)
    sae = TopKSAE(16, 64, 2, seed=(0, 1)); fit(sae, data.x, steps=250, lr=1e-2)
    w = sae.W_dec.detach()
    print("recovered", feature_recovery_rate(w, data.v), "random", feature_recovery_rate(torch.randn(64, 16), data.v).item(), "consistency", consistency(w[0], w[1]).item())
    assert (feature_recovery_rate(w, data.v) > .9).all()

    v, w = torch.randn(7, 5, dtype=torch.float64), torch.randn(3, 11, 5, dtype=torch.float64)
    full = np.stack([[max(float(a @ b)/np.linalg.norm(a)/np.linalg.norm(b) for b in one) for a in v.numpy()] for one in w.numpy()])
    np.testing.assert_allclose(max_cosine(v, w, block=4), full)
    np.testing.assert_allclose(feature_recovery_rate(w, v, .5), (full >= .5).mean(1))
    torch.testing.assert_close(max_cosine(v, w), max_cosine(9*v, w[:, torch.randperm(11)]))
    assert consistency(v, v[torch.randperm(7)]) == 1 and feature_recovery_rate(-v, v) < 1 and max_cosine(v, torch.zeros(1, 5).double()).abs().max() == 0


def test_two_modalities():
    import torch
    import numpy as np
    from sparsebook.planted import paired_concepts
    from sparsebook.sae_train import fit
    from sparsebook.sae_variant import GroupSparseSAE
    from sparsebook.sae_metric import firing_rate, fvu, mms, modality_ratio, recall_at_k, support_overlap

    x, _, _ = paired_concepts(3000, n=24, d=24, s=2, align=.5)
    for name, lam, drop in (("SAE", 0., 0.), ("group-sparse, masked", .1, .2)):
        sae = GroupSparseSAE(24, 48, 3, lam=lam, drop=drop); fit(sae, x, steps=300, lr=1e-2)
        z = sae.encode(x).detach()
        rho = modality_ratio(firing_rate(z[:, 0]), firing_rate(z[:, 1]))
        print(f"{name}: overlap {support_overlap(z[:, 0], z[:, 1]):.2f}, both modalities (.1 < rho < .9) {((rho - .5).abs() < .4).double().mean():.2f}, R@1 {recall_at_k(z[:500, 0], z[:500, 1]):.2f}, FVU {fvu(x.flatten(0, 1), sae(x).detach().flatten(0, 1)):.2f}")

    g = torch.Generator().manual_seed(0)
    z0, z1 = (torch.rand(2, 30, 6, generator=g).double() - .6).clamp_min(0)
    z0[:, 0] = 0; z1[:, :2] = 0
    sets = [(set(a.nonzero()[:, 0].tolist()), set(b.nonzero()[:, 0].tolist())) for a, b in zip(z0, z1, strict=True)]
    np.testing.assert_allclose(support_overlap(z0, z1), np.mean([len(a & b)/max(len(a), len(b), 1) for a, b in sets]))
    np.testing.assert_allclose(support_overlap(z0, z1, k=6), np.mean([len(a & b)/6 for a, b in sets]))
    rho = modality_ratio(firing_rate(z0), firing_rate(z1))
    assert rho[0].isnan() and rho[1] == 1 and abs(rho[2] - (z0[:, 2] > 0).sum()/((z0[:, 2] > 0).sum() + (z1[:, 2] > 0).sum())) < 1e-6
    e0, e1 = torch.randn(2, 30, 4, generator=g).double()
    unit = lambda e: (e/e.norm(dim=1, keepdim=True)).numpy()
    def naive(a, ea, b, eb, skip):
        top = mass = 0.
        for i in range(len(a)):
            for j in range(len(b)):
                if not (skip and i == j): top += abs(a[i]*b[j])*(ea[i] @ eb[j]); mass += abs(a[i]*b[j])
        return top/mass if mass else 0.
    for m in range(6):
        assert abs(mms(z0, e0, z1, 3*e1)[m] - naive(z0[:, m].numpy(), unit(e0), z1[:, m].numpy(), unit(e1), False)) < 1e-10
        assert abs(mms(z0, e0)[m] - naive(z0[:, m].numpy(), unit(e0), z0[:, m].numpy(), unit(e0), True)) < 1e-10
    assert mms(z0, e0, z1, e1)[:2].tolist() == [0, 0] and mms(torch.eye(3), torch.randn(3, 2)).tolist() == [0, 0, 0]
    q = torch.randn(20, 8, generator=g)
    assert recall_at_k(q, q) == 1 and recall_at_k(q, q.roll(1, 0)) == 0 and recall_at_k(0*q, q) == 0
    t = q + torch.randn(20, 8, generator=g)
    cos = np.array([[float(a @ b)/float(a.norm()*b.norm()) for b in t] for a in q])
    assert recall_at_k(q, t, 3) == np.mean([i in np.argsort(-row)[:3] for i, row in enumerate(cos)])
    try: support_overlap(z0, z1[:5])
    except ValueError as e: print(e)
