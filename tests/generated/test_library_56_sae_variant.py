"""Generated from nbs/shared_lib/56_sae_variant.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_pairs_that_share_their_latents():
    import torch
    from sparsebook.sae import TopKSAE
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.planted import paired_concepts
    from sparsebook.sae_variant import GroupSparseSAE, group_l21

    def train(sae, *data, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            index = torch.randint(len(data[0]), (batch,), generator=rng)
            sae.zero_grad()
            sum(sae.loss(*(x[index] for x in data)).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def state(sae):
        return {k: v.clone() for k, v in sae.state_dict().items()}
    def same(a, b):
        return a.keys() == b.keys() and all((torch.equal(a[k], b[k]) for k in a))
    x, on, _ = paired_concepts(4000, n=24, d=24, s=2, align=.5)
    models = {name: train(GroupSparseSAE(24, 48, 3, lam=lam, drop=drop, seed=(0, 1)), x, steps=300) for name, lam, drop in (("SAE", 0, 0), ("group", .1, 0), ("group + mask", .1, .2))}
    fig, axes = plt.subplots(1, 3, figsize=(8, 2), dpi=75, sharey=True)
    overlap = {}
    for ax, (name, sae) in zip(axes, models.items(), strict=True):
        on = sae.encode(x) > 0
        f = on[0].float().mean(0)
        ax.hist((f[0]/f.sum(0))[f.sum(0) > 0], torch.linspace(0, 1, 21)); ax.set_title(name, fontsize=9)
        overlap[name] = (on.all(-2).sum(-1)/on.sum(-1).amax(-1).clamp_min(1)).mean(-1)
    axes[1].set_xlabel("share of a latent's firings that come from modality 0"); plt.close(fig); print("support overlap", overlap); fig

    z = torch.rand(5, 2, 8, dtype=torch.float64)
    apart = z*torch.tensor([[1, 0]*4, [0, 1]*4])
    torch.testing.assert_close(group_l21(apart), apart.sum((1, 2)))
    torch.testing.assert_close(group_l21(z[:, :1].expand(-1, 2, -1)), 2**.5*z[:, 0].sum(1)); torch.testing.assert_close(group_l21(z), group_l21(z.flip(1)))
    leaf = torch.tensor([[3., 0., 1.], [4., 0., 0.]], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(torch.autograd.grad(group_l21(leaf), leaf)[0], torch.tensor([[.6, 0, 1], [.8, 0, 0]], dtype=torch.float64))

    x = paired_concepts(300, n=12, d=8)[0].double()
    sae = GroupSparseSAE(8, 20, 3, lam=.3, drop=.3).double().start_at(x, "mean")
    torch.testing.assert_close(sae.b_dec.data, x.mean(0))
    before = state(sae)
    z = sae.encode(x)
    hidden = 1 - (z > 0).any(1).float().mean()
    sae.load_state_dict(before); assert torch.equal(sae.encode(x), z) and not torch.equal(sae.encode(x), z)
    sae.load_state_dict(before); terms = sae.loss(x)
    W, V, b = sae.W_enc.detach().numpy(), sae.W_dec.detach().numpy(), sae.b_dec.detach().numpy()
    error = x.numpy() - z.detach().numpy() @ V - b
    np.testing.assert_allclose([t.item() for t in terms.values()], [np.mean(np.sum(error**2, (1, 2))), .3*np.mean(np.sum(np.sqrt(np.sum(z.detach().numpy()**2, 1)), 1))])
    h = np.maximum((x.numpy() - b) @ W, 0)
    sae.eval(); want = np.where(h >= np.sort(h, -1)[..., -3, None], h, 0)
    np.testing.assert_allclose(sae.encode(x).detach(), want); np.testing.assert_allclose(sae.only(1).encode(x[:, 1]).detach(), want[:, 1])
    wide = GroupSparseSAE(8, 20, 20, drop=.5).double()
    with torch.no_grad(): wide.b_enc += 10
    seen = wide.encode(x) > 0
    assert torch.equal(seen[:, 0], seen[:, 1]) and abs(seen.double().mean() - .5) < .03 and not torch.equal(seen[0], seen[1]) and wide.eval().encode(x).gt(0).all()

    plain, group = TopKSAE(8, 20, 3, aux_k=2, dead_after=500), GroupSparseSAE(8, 20, 3, lam=0, drop=0, modalities=1, aux_k=2, dead_after=500)
    train(plain, x[:, 0].float(), steps=40); train(group, x[:, :1].float(), steps=40)
    assert same({k: v.view_as(plain.state_dict()[k]) for k, v in state(group).items() if k != "draws"}, state(plain))
    both, second = (train(GroupSparseSAE(8, 20, 3, seed=s, aux_k=2, dead_after=500), x.float(), steps=15) for s in ((4, 7), 7))
    for k, v in state(both).items(): torch.testing.assert_close(v if k == "draws" else v[1], second.state_dict()[k], atol=1e-4, rtol=1e-3)
    assert (overlap["SAE"] + .1 < overlap["group"]).all() and (overlap["group"] < overlap["group + mask"]).all()  # the paper's ordering
    try: sae.encode(x[:, 0])
    except ValueError as e: print(e)


def test_splitting_is_no_necessity():
    import torch
    import torch.nn.functional as F
    from sparsebook.sae_variant import unsplit

    W = F.normalize(torch.tensor([[1., 0], [1, 1]]), dim=1)
    unsplit(W, torch.tensor([2., 0]), torch.tensor([0, 1.]))

    rng, tried = torch.Generator().manual_seed(0), 0
    while tried < 300:
        W = F.normalize(torch.randn(12, 5, generator=rng, dtype=torch.float64), dim=1)
        order = torch.randperm(12, generator=rng)
        zx, zy = torch.zeros(2, 12, dtype=torch.float64)
        zx[order[:3]], zy[order[3:6]] = torch.rand(2, 3, generator=rng, dtype=torch.float64) + .1
        c = (zx @ W) @ (zy @ W)
        if c <= 0: continue
        W2, zx2, zy2 = unsplit(W, zx, zy); tried += 1
        torch.testing.assert_close(zx2 @ W2, zx @ W, rtol=1e-12, atol=1e-12); torch.testing.assert_close(zy2 @ W2, zy @ W, rtol=1e-12, atol=1e-12)
        used = int((zy2 > 0).sum())
        assert (zy2 >= 0).all() and used <= 4 and abs(W2[-1].norm() - 1) < 1e-12
        i = int((zx2*zy2).argmax()); j = next(j for j in range(12) if zy[j] > 0 and zy2[j] == 0)
        assert zx2 @ zy2 >= zx[i]*zy[j]*c/(zx.sum()*zy.sum())*(1 - 1e-9) > 0
    try: unsplit(torch.eye(2), torch.tensor([1., 0]), torch.tensor([0, 1.]))
    except ValueError as e: print(e)


def test_chosen_by_what_they_do_downstream():
    import torch
    from sparsebook.sae import TopKSAE
    from sparsebook.planted import sparse_features
    from sparsebook.sae_variant import GradientSAE

    def train(sae, *data, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            index = torch.randint(len(data[0]), (batch,), generator=rng)
            sae.zero_grad()
            sum(sae.loss(*(x[index] for x in data)).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def state(sae):
        return {k: v.clone() for k, v in sae.state_dict().items()}
    def same(a, b):
        return a.keys() == b.keys() and all((torch.equal(a[k], b[k]) for k in a))
    x, g = torch.tensor([[1., .5, .2, 0]]), torch.tensor([[0., .1, 2., 9.]])  # the smallest activation matters most
    for beta in (0., 1., 20.):
        sae = GradientSAE(4, 4, 1, beta=beta)
        with torch.no_grad(): sae.W_enc.copy_(torch.eye(4)); sae.W_dec.copy_(torch.eye(4))
        print(beta, sae.encode(x, g).tolist())

    data = sparse_features(500, n=24, d=16, s=3)
    g = torch.randn(500, 16, generator=torch.Generator().manual_seed(1))
    for mode in ("add", "mul"):
        ours, plain = GradientSAE(16, 40, 4, beta=0., mode=mode, aux_k=4, dead_after=900), TopKSAE(16, 40, 4, aux_k=4, dead_after=900)
        train(ours, data.x, g, steps=30); train(plain, data.x, steps=30)
        assert same(state(ours), state(plain)) and torch.equal(ours.encode(data.x, g), plain.encode(data.x))
    sae = GradientSAE(16, 40, 4, beta=1e9).double()
    x, g = data.x.double(), g.double()
    z, h = sae.encode(x, g), sae.preactivate(x).relu()
    attribution = (h*(g @ sae.W_dec.T)).abs()
    assert ((z > 0).sum(1) == (h > 0).sum(1).clamp_max(4)).all() and torch.equal(z[z > 0], h[z > 0])
    kept = torch.zeros_like(h).scatter(1, attribution.topk(4).indices, 1.)
    assert torch.equal(z > 0, (kept > 0) & (h > 0)) and torch.equal(z > 0, GradientSAE(16, 40, 4, beta=1., mode="mul").double().encode(x, g) > 0)
    torch.testing.assert_close((g*sae.decode(z)).sum(1), g @ sae.b_dec + (z*(g @ sae.W_dec.T)).sum(1))
    leaf = g.clone().requires_grad_()
    assert torch.autograd.grad(sae.loss(x, leaf)["mse"], leaf, allow_unused=True)[0] is None
    assert torch.equal(sae.encode(x), TopKSAE(16, 40, 4).double().encode(x))
    try: GradientSAE(4, 8, 2, mode="times")
    except ValueError as e: print(e)


def test_firing_rates_under_control():
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae_variant import GroupBiasAdaptation, TiedSAE, geometric_taf

    def train(sae, *data, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            index = torch.randint(len(data[0]), (batch,), generator=rng)
            sae.zero_grad()
            sum(sae.loss(*(x[index] for x in data)).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def state(sae):
        return {k: v.clone() for k, v in sae.state_dict().items()}
    def same(a, b):
        return a.keys() == b.keys() and all((torch.equal(a[k], b[k]) for k in a))
    data = sparse_features(4000, n=24, d=16, s=2, unit=True)
    found = train(TiedSAE(16, 96, groups=4, high=.1, low=.01, gamma=.1, every=512, seed=(0, 1)), data.x, steps=800)
    p = (found.encode(data.x) > 0).float().mean(1)
    near = (data.v @ found.W_dec.detach().mT).amax(-1)
    fig, axes = plt.subplots(1, 2, figsize=(6.6, 2.2), dpi=75)
    axes[0].loglog(found.adapt.taf, p[0].clamp_min(1e-4), "."); axes[0].plot([.01, .1], [.01, .1], "k:"); axes[0].set_title("firing rate against its target", fontsize=9)
    axes[1].plot(near.sort(descending=True).values.T); axes[1].axhline(.9, ls=":", c="k"); axes[1].set_title("cosine of each feature to its nearest neuron", fontsize=9); plt.close(fig); fig

    taf = geometric_taf(30, 3, .2, .002)
    assert taf.unique().numel() == 3 and (taf.diff() <= 0).all() and torch.allclose(taf[[0, 10, 20]], torch.tensor([.2, .02, .002]))
    u = torch.randn(20000, 30, generator=torch.Generator().manual_seed(0))*.3
    gba, b = GroupBiasAdaptation(taf, gamma=.02, every=20000), torch.zeros(30)
    for _ in range(200): gba.observe(u + b); assert gba.step_(b)
    p = (u + b > 0).float().mean(0)
    assert (p <= taf*1.05).all() and (p >= 1e-6).all() and -1 <= b.min() and b.max() <= 0 and b[:10].min() > b[10:20].max() > b[20:].max()
    y = torch.randn(900, 30, generator=torch.Generator().manual_seed(1)) - 2.4
    whole, cut, bias = GroupBiasAdaptation(taf, .05, every=900), GroupBiasAdaptation(taf, .05, every=900), torch.full((30,), -.5)
    whole.observe(y)
    for part in y.split([1, 499, 300, 100]): assert not cut.step_(bias); cut.observe(part)
    assert same(state(whole), state(cut))
    r, share = y.numpy().max(0).clip(0), (y.numpy() > 0).mean(0)
    want = [max(-.5 - .05*r[m], -1) if share[m] > taf[m] else min(-.5 + .05*r[(m//10)*10:(m//10)*10 + 10][r[(m//10)*10:(m//10)*10 + 10] > 0].mean(), 0) if share[m] < 1e-6 else -.5 for m in range(30)]
    cut.step_(bias); np.testing.assert_allclose(bias, want, rtol=1e-6); assert cut.seen == 0 and len(set(want)) > 2

    for act in ("jumprelu", "relu"):
        sae = TiedSAE(16, 32, groups=4, act=act).double()
        with torch.no_grad(): sae.b_enc -= .2; sae.scale += .3; sae.b_dec += .1
        x, W = data.x[:50].double().numpy(), sae.W_dec.detach().numpy()
        u = (x - .1) @ W.T; z = np.where(u > .2, u if act == "jumprelu" else u - .2, 0)
        terms = sae.loss(torch.tensor(x)); terms["mse"].backward()
        np.testing.assert_allclose(terms["mse"].item(), np.mean(np.sum((x - 1.3*z @ W - .1)**2, 1))/2)
        assert not sae.b_enc.requires_grad and sae.b_enc.grad is None and {n for n, _ in sae.named_parameters()} == {"W_dec", "b_dec", "scale"}
    assert (near > .9).float().mean() > .6 and (near > .8).float().mean() > .9 and (found.W_dec.norm(dim=-1) - 1).abs().max() < 1e-6
    try: geometric_taf(5, 10)
    except ValueError as e: print(e)


def test_the_resonance_band():
    import math
    from sparsebook.sae_variant import resonance_band

    {s: resonance_band(1000, 200, s) for s in (2, 3, 5, 10)}

    for n in (50, 1000, 10**5):
        for d in (2, 30, 500):
            for s in (1, 2, 3, 8):
                low, high = resonance_band(n, d, s)
                inside = s > 2*1.05**2 and s > 1 and d > 1  # each of the three bounds exceeds 1/n
                assert math.isnan(low) != inside and (not inside or low < high < 1)
    assert resonance_band(1000, 400, 5)[1] >= resonance_band(1000, 4, 5)[1]
