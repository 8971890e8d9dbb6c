"""Generated from nbs/shared_lib/57_sae_train.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_batches_by_number():
    import torch
    from sparsebook.sae_train import batch_index

    torch.stack([batch_index(7, 3, step, 0) for step in range(4)])

    two = [batch_index(100, 10, t, (5, 6)) for t in range(20)]
    for r in (0, 1):
        for epoch in (two[:10], two[10:]): assert torch.cat([i[r] for i in epoch]).sort().values.equal(torch.arange(100))
    assert torch.equal(two[13][0], batch_index(100, 10, 13, 5)) and not torch.equal(two[0][0], two[10][0]) and not torch.equal(two[0][0], two[0][1])
    try: batch_index(5, 6, 0, 0)
    except ValueError as e: print(e)


def test_revival_by_resampling():
    import torch
    import torch.nn.functional as F
    from sparsebook.planted import sparse_features
    from sparsebook.sae import GatedSAE, L1SAE, TopKSAE
    from sparsebook.sae_variant import GroupSparseSAE, TiedSAE
    from sparsebook.sae_train import resample_

    data = sparse_features(2000, n=24, d=16, s=2)
    sae = L1SAE(16, 64, lam=.2, seed=(0, 1), dead_after=1000)
    with torch.no_grad(): sae.b_enc[:, :40] = -9
    for _ in range(2): sae.loss(data.x)
    print("dead", sae.dead.sum(-1), "restarted", resample_(sae, data.x), "then firing", (sae.encode(data.x) > 0).any(1).sum(-1))

    for kind, x in ((L1SAE, torch.randn(200, 6)), (GatedSAE, torch.randn(200, 6)), (GroupSparseSAE, torch.randn(200, 2, 6)), (TiedSAE, torch.randn(200, 6))):
        sae = kind(6, 10, seed=(0, 1), dead_after=100, **({"k": 3} if kind is GroupSparseSAE else {})).train()
        opt = torch.optim.Adam(sae.parameters(), fused=True)
        sum(sae.loss(x).values()).sum().backward(); opt.step()
        sae.idle.zero_(); sae.idle[1, 4:] = 100
        before = {n: t.clone() for n, t in sae.state_dict().items()}
        assert resample_(sae, x, opt) == 6 and not sae.dead.any() and sae.training
        for n, t in sae.state_dict().items():
            if n in ("W_dec", "W_enc", "b_enc", "b_dec"):
                moved = (t != before[n]).any(-1) if n == "W_dec" else (t != before[n]).any(1) if n == "W_enc" else t != before[n]
                assert not moved[0].any() and (n == "b_dec" or not moved[1, :4].any()) and (n not in ("W_dec", "W_enc") or moved[1, 4:].all())
        cos = F.normalize((x - sae.row(sae.b_dec))[1].reshape(-1, 6), dim=1) @ sae.W_dec[1, 4:].T
        assert (cos.amax(0) > 1 - 1e-6).all()
        assert (opt.state[sae.W_dec]["exp_avg"][1, 4:] == 0).all() and (opt.state[sae.W_dec]["exp_avg"][1, :4] != 0).any()
    assert resample_(TopKSAE(6, 10, 3), torch.randn(5, 6)) == 0


def test_one_loop():
    from pathlib import Path
    import torch
    from sparsebook.train import Diverged
    import tempfile
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.planted import paired_concepts, sparse_features
    from sparsebook.sae import BatchTopKSAE, GatedSAE, JumpReLUSAE, L1SAE, MatryoshkaSAE, TopKSAE
    from sparsebook.sae_variant import GradientSAE, GroupSparseSAE, TiedSAE
    from sparsebook.sae_train import batch_index, fit

    def same(a, b):
        a, b = (a.state_dict(), b.state_dict())
        return a.keys() == b.keys() and all((torch.equal(a[k], b[k]) for k in a))
    def recovered(sae, v, tau=0.9):
        return ((v @ sae.W_dec.detach().mT).amax(-1) >= tau).float().mean(-1)
    class Killed(Exception):
        pass
    def dying(x, at, batch=64):
        """A stream of batches by step number that fails at step `at`."""

        def draw(step):
            if step == at:
                raise Killed
            return tuple((t[batch_index(len(t), batch, step, 0)] for t in x))
        return draw
    data = sparse_features(4000, n=24, d=16, s=2)
    sae = TopKSAE(16, 64, 2, seed=(0, 1, 2), aux_k=8, dead_after=2000)
    history = fit(sae, data.x, steps=400, lr=1e-2, every=20)
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.1), dpi=75)
    axes[0].semilogy([h["step"] for h in history], [h["mse"] for h in history]); axes[0].set_title("squared error, 3 seeds at once", fontsize=9)
    axes[1].plot([h["step"] for h in history], [h["dead"] for h in history]); axes[1].set_title("dead latents of 64 (AuxK)", fontsize=9); plt.close(fig); print(recovered(sae, data.v)); fig

    data = sparse_features(300, n=8, d=5, s=2)
    x = data.x.double()
    sae = L1SAE(5, 7, .1).double()
    W, V, b, c = (p.detach().numpy().copy() for p in (sae.W_enc, sae.W_dec, sae.b_enc, sae.b_dec))
    moments = [[np.zeros_like(p), np.zeros_like(p)] for p in (W, V, b, c)]
    before = torch.get_rng_state()
    history = fit(sae, x, steps=3, batch=50, lr=.01, every=1)
    assert torch.equal(before, torch.get_rng_state())
    for t in range(3):
        X = x[batch_index(300, 50, t, 0)].numpy()
        u = (X - c) @ W + b; z = np.maximum(u, 0); e = z @ V + c - X
        np.testing.assert_allclose([history[t]["mse"], history[t]["l1"]], [np.mean(np.sum(e**2, 1)), .1*np.mean(z.sum(1))], rtol=1e-6)
        du = (2*e @ V.T + .1)*(u > 0)/50
        dV = z.T @ (2*e)/50 + .1*z.sum(0)[:, None]/50*V
        grads = [(X - c).T @ du, dV - (dV*V).sum(1, keepdims=True)*V, du.sum(0), 2*e.sum(0)/50 - (du @ W.T).sum(0)]
        for p, g, m in zip((W, V, b, c), grads, moments, strict=True):
            m[0], m[1] = .9*m[0] + .1*g, .999*m[1] + .001*g**2
            p -= .01*.5*(1 + np.cos(np.pi*t/3))*m[0]/(1 - .9**(t + 1))/(np.sqrt(m[1]/(1 - .999**(t + 1))) + 1e-8)
        V /= np.linalg.norm(V, axis=1, keepdims=True)
    for p, q in zip((W, V, b, c), (sae.W_enc, sae.W_dec, sae.b_enc, sae.b_dec), strict=True): np.testing.assert_allclose(p, q.detach(), rtol=1e-6, atol=1e-8)

    both, one = TopKSAE(5, 12, 2, seed=(3, 4)), TopKSAE(5, 12, 2, seed=4)
    fit(both, data.x, steps=20, seed=(8, 9), batch=64); fit(one, data.x, steps=20, seed=9, batch=64)
    torch.testing.assert_close(both.W_dec[1], one.W_dec, atol=1e-5, rtol=1e-4)
    data = sparse_features(4000, n=24, d=16, s=2)
    sae = TopKSAE(16, 64, 2, seed=(0, 1))
    history = fit(sae, data.x, steps=400, lr=1e-2)
    assert (recovered(sae, data.v) > .9).all() and (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-6 and not sae.training and len(history) == 8

    plain, pairs = sparse_features(500, n=12, d=8, s=2, unit=True).x, paired_concepts(500, n=12, d=8)[0]
    for kind, more, x in ((L1SAE, dict(), (plain,)), (TopKSAE, dict(k=2, aux_k=4, dead_after=300), (plain,)), (BatchTopKSAE, dict(k=2), (plain,)), (MatryoshkaSAE, dict(k=2), (plain,)), (JumpReLUSAE, dict(), (plain,)),
                          (GatedSAE, dict(seed=(0, 1)), (plain,)), (GroupSparseSAE, dict(k=2, seed=(0, 1)), (pairs,)), (GradientSAE, dict(k=2), (plain, plain.flip(0))), (TiedSAE, dict(every=320), (plain,))):
        whole, halved, folder = kind(8, 20, **more), kind(8, 20, **more), Path(tempfile.mkdtemp())
        options = dict(steps=60, lr=1e-2, every=5, resample_every=15)
        straight = fit(whole, dying(x, at=None), **options)
        for at in (3, 24, 47):
            try: fit(halved, dying(x, at), folder=folder, save_every=10, **options)
            except Killed: pass
            (folder/".state_50.safetensors.1.tmp").write_bytes(b"half"); (folder/"state_7.safetensors").write_bytes(b"half")
            halved = kind(8, 20, **more)  # a new process knows nothing
        history = fit(halved, dying(x, at=None), folder=folder, save_every=10, **options)
        assert same(whole, halved) and history == straight, kind
        assert fit(kind(8, 20, **more), dying(x, at=0), folder=folder, **options) == straight  # finished: nothing is drawn

    x = sparse_features(300, n=12, d=8, s=2).x
    def new(): return TopKSAE(8, 16, 2)
    def refuses(error, text, f, *args, **kwargs):
        try: f(*args, **kwargs)
        except error as e: assert text in str(e), e; print(str(e).split("/")[-1])
        else: raise AssertionError(text)
    folder, options = Path(tempfile.mkdtemp()), dict(steps=20, batch=50, every=5)
    whole = new(); fit(whole, x, folder=folder, **options)
    again = new(); fit(again, x, folder=folder, **options)
    listed = new(); fit(listed, [x[batch_index(300, 50, t, 0)] for t in range(20)], **options)
    assert same(whole, again) and same(whole, listed)
    for steps in (10, 20):  # an iterable: 10 steps, then the process ends, then 20
        part = new()
        try: fit(part, [x[batch_index(300, 50, t, 0)] for t in range(steps)], folder=folder/"part", save_every=5, **options)
        except ValueError as e: print(e)
    assert same(whole, part)
    refuses(ValueError, "holds a run with lr=0.001, got 0.01", fit, new(), x, folder=folder, lr=.01, **options)
    refuses(ValueError, "holds a run with data=", fit, new(), x + 1, folder=folder, **options)
    (folder/"state_20.safetensors").write_bytes(b"?")
    refuses(ValueError, "its bytes changed", fit, new(), x, folder=folder, **options)
    bad = x.clone(); bad[7, 3] = torch.nan
    refuses(ValueError, "x must be finite, got 1 NaN", fit, new(), bad, **options)
    refuses(ValueError, "save_every must be a multiple of every=5, got 7", fit, new(), x, save_every=7, **options)
    refuses(Diverged, "is not finite", fit, L1SAE(8, 16), x*1e25, **options)


@pytest.mark.slow
def test_replicas_are_nearly_free():
    import time
    from sparsebook.planted import sparse_features
    from sparsebook.sae import TopKSAE
    from sparsebook.sae_train import fit

    x = sparse_features(2000, n=24, d=16, s=2).x
    seconds = {}
    for r in (1, 2, 4, 8):
        start = time.perf_counter(); fit(TopKSAE(16, 64, 4, seed=tuple(range(r))), x, steps=100, batch=64); seconds[r] = time.perf_counter() - start
    {r: f"{1000*s/100:.2f} ms a step, {1000*s/100/r:.2f} a replica" for r, s in seconds.items()}
