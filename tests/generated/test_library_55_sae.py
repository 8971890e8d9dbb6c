"""Generated from nbs/shared_lib/55_sae.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_selection_topk():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.sae import batch_topk, topk

    topk(torch.tensor([[3., 1, 3, 2, 3], [-1, -2, 5, 0, -3]]), 2)

    @given(st.integers(1, 9), st.integers(0, 10**6), st.integers(3, 40))
    def is_the_stable_sort(k, seed, levels):
        rng = torch.Generator().manual_seed(seed)
        h = torch.randint(-levels//3, levels, (4, 5, 9), generator=rng).double().requires_grad_()
        z = topk(h, k)
        order = h.relu().sort(dim=-1, descending=True, stable=True).indices[..., :k]
        assert torch.equal(z, torch.zeros_like(h).scatter(-1, order, h.relu().gather(-1, order))) and ((z > 0).sum(-1) == (h > 0).sum(-1).clamp_max(k)).all()
        assert torch.equal(torch.autograd.grad(z.sum(), h)[0], (z > 0).double())
        flat = h.flatten().relu().sort(dim=0, descending=True, stable=True).indices[:7*k]
        assert torch.equal(batch_topk(h, 7*k).flatten(), torch.zeros(180).double().scatter(0, flat, h.flatten().relu()[flat]))
        other = torch.randint(0, 3, (4, 5, 9), generator=rng).double()
        order = torch.where(h > 0, other, -1).sort(dim=-1, descending=True, stable=True).indices[..., :k]
        assert torch.equal(topk(h, k, other), torch.zeros_like(h).scatter(-1, order, h.relu().gather(-1, order)))
    is_the_stable_sort()

    for call in (lambda: topk(torch.tensor([[1., float("nan")]]), 1), lambda: topk(torch.ones(2, 3), 4)):
        try: call()
        except ValueError as e: print(e)
        else: raise AssertionError


def test_jumprelu_and_its_pseudo_derivatives():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.sae import jumprelu, step

    z = torch.linspace(-.5, 1.5, 400)
    theta = torch.full((400,), .5, requires_grad=True)
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.2), dpi=75)
    axes[0].plot(z, jumprelu(z, theta).detach()); axes[0].set_title("JumpReLU, threshold 0.5", fontsize=9)
    axes[1].plot(z, torch.autograd.grad(jumprelu(z, theta, .2).sum(), theta)[0]); axes[1].set_title("pseudo-derivative, bandwidth 0.2", fontsize=9); plt.close(fig); fig

    def boxed(z, theta, eps, is_step):
        "Exact mean over z' uniform on z +- eps/2."
        low, high = torch.maximum(z - eps/2, theta).minimum(z + eps/2), z + eps/2
        return (high - low)/eps if is_step else (high**2 - low**2)/2/eps

    z = torch.linspace(-1, 2, 37, dtype=torch.float64)
    theta = torch.tensor(.437, dtype=torch.float64, requires_grad=True)
    spread = .3*((torch.arange(4000, dtype=torch.float64) + .5)/4000 - .5)
    for f, is_step in ((jumprelu, False), (step, True)):
        assert torch.autograd.gradcheck(lambda t, is_step=is_step: boxed(z, t, .3, is_step), (theta,))
        torch.testing.assert_close(f(z[:, None] + spread, theta, .3).mean(1), boxed(z, theta, .3, is_step), atol=1e-3, rtol=0)
        for g in torch.eye(37, dtype=torch.float64):
            torch.testing.assert_close(torch.autograd.grad(f(z, theta, .3), theta, g)[0], torch.autograd.grad(boxed(z, theta, .3, is_step), theta, g)[0])
    zz = z.clone().requires_grad_()
    assert torch.equal(torch.autograd.grad(jumprelu(zz, theta).sum(), zz)[0], (z > theta).double()) and torch.autograd.grad(step(zz, theta).sum(), zz, allow_unused=True)[0] is None


def test_the_contract():
    import torch
    import numpy as np
    from sparsebook.sae import SAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    sae = SAE(4, 6, seed=(0, 1, 2))
    x = torch.randn(10, 4)
    print({k: tuple(v.shape) for k, v in sae.state_dict().items()}, sae.encode(x).shape, sae.loss(x))

    three, own = SAE(5, 7, seed=(3, 8, 3)).double(), [SAE(5, 7, seed=s).double() for s in (3, 8, 3)]
    x = torch.randn(3, 20, 5, dtype=torch.float64)
    sum(three.loss(x).values()).sum().backward()
    for r, sae in enumerate(own):
        assert torch.equal(sae.W_enc, sae.W_dec.mT)
        terms = sae.loss(x[r])
        sum(terms.values()).backward()
        torch.testing.assert_close(three.loss(x)["mse"][r], terms["mse"])
        for name, p in sae.named_parameters(): torch.testing.assert_close(three.get_parameter(name).grad[r], p.grad)
        radial = (sae.W_dec.grad*sae.W_dec).sum(-1)
        sae.before_step()
        assert radial.abs().max() > 1e-3 and (sae.W_dec.grad*sae.W_dec).sum(-1).abs().max() < 1e-12
        with torch.no_grad(): sae.W_dec *= 3
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-12
    check_contract(SAE(6, 9), torch.randn(3, 4, 6))

    sae = SAE(4, 8, aux_k=2, dead_after=30).double()
    with torch.no_grad(): sae.b_enc[:3] = -100.
    x = torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert sae.loss(x)["aux"] == 0
    assert sae.idle[:3].tolist() == [20]*3 and not sae.dead.any()
    sae.loss(x)
    assert sae.dead[:3].all() and sae.idle[:3].tolist() == [40]*3 and not sae.idle[3:].any()
    sae.eval(); p = numbers(sae)
    terms = sae.loss(x)
    pre = pre_of(p, x.numpy()); z = np.maximum(pre, 0); error = x.numpy() - z @ p["W_dec"] - p["b_dec"]
    dead = np.where(p["idle"] >= 30, pre, -np.inf)
    e = np.stack([sum(row[j]*p["W_dec"][j] for j in np.argsort(-row)[:2]) for row in dead])
    np.testing.assert_allclose(terms["aux"].item(), np.mean(np.sum((error - e)**2, 1))/32)
    assert torch.autograd.grad(terms["aux"], sae.W_dec)[0][:3].abs().sum() > 0 and sae.idle[0] == 40 and torch.autograd.grad(sae.loss(x)["mse"], sae.W_enc)[0][:, :3].abs().sum() == 0
    two = SAE(4, 8, seed=(0, 0), aux_k=2, dead_after=30).double().eval()
    two.load_state_dict({k: torch.stack([v, v]) for k, v in sae.state_dict().items()})
    two.idle[1] = 0
    two.idle[1, 5] = 50
    sae.idle.copy_(two.idle[1])
    torch.testing.assert_close(two.loss(x)["aux"], torch.stack([terms["aux"], sae.loss(x)["aux"]]))

    for call in (lambda: SAE(4, 8)(torch.randn(2, 5)), lambda: SAE(4, 8)(torch.randn(2, 4).double()), lambda: SAE(4, 0), lambda: SAE(4, 8, aux_q=3), lambda: SAE(4, 8, seed=(0, 1))(torch.randn(3, 2, 4))):
        try: call()
        except (ValueError, TypeError) as e: print(e)
        else: raise AssertionError


def test_geometric_median():
    import torch
    import torch.nn.functional as F
    import numpy as np
    from sparsebook.sae import SAE, geometric_median

    x = torch.cat([torch.randn(95, 2), 50 + torch.randn(5, 2)])
    print("mean", x.mean(0), "median", geometric_median(x))

    from scipy.optimize import minimize
    x = torch.randn(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).exp()
    best = minimize(lambda m: np.linalg.norm(x.numpy() - m, axis=1).sum(), x.mean(0).numpy(), method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(geometric_median(x), best, atol=1e-5)
    away = x - geometric_median(x, 300)
    assert F.normalize(away, dim=1).sum(0).norm() < 1e-4 and torch.equal(geometric_median(torch.ones(5, 2)), torch.ones(2))
    torch.testing.assert_close(SAE(3, 4, seed=(0, 1)).double().start_at(x, "mean").b_dec, x.mean(0).expand(2, 3))


def test_relu_with_an_l1_penalty():
    import torch
    import torch.nn.functional as F
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import L1SAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def mse_of(p, x, z, w=None):
        return np.mean(np.sum((x - z[:, :w] @ p['W_dec'][:w] - p['b_dec']) ** 2, 1))
    def shaken(sae, seed=0):
        """The same autoencoder in float64 with all parameters moved off their initial values."""
        rng = torch.Generator().manual_seed(seed)
        sae = sae.double()
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng, dtype=p.dtype).abs()
        return sae
    def recovered(sae, v, tau=0.9):
        return ((v @ F.normalize(sae.W_dec.detach(), dim=-1).mT).amax(-1) >= tau).float().mean(-1)
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=2)
    swept = train(L1SAE(16, 48, seed=(0, 0, 0), lam=(.02, .1, .4)), data.x)
    l0 = (swept.encode(data.x) > 0).float().sum(-1).mean(-1)
    print("L0", l0, "recovered", recovered(swept, data.v))

    check_contract(L1SAE(6, 9), torch.randn(3, 4, 6))
    sae = shaken(L1SAE(6, 9, .3))
    x = np.random.default_rng(0).normal(size=(30, 6)); p = numbers(sae); z = np.maximum(pre_of(p, x), 0)
    terms = sae.loss(torch.tensor(x))
    np.testing.assert_allclose([terms["mse"].item(), terms["l1"].item()], [mse_of(p, x, z), .3*np.mean(z @ np.linalg.norm(p["W_dec"], axis=1))])
    assert l0[0] > 1.3*l0[2] and recovered(swept, data.v)[2] > .9
    try: L1SAE(4, 8, lam=(.1, .2))
    except ValueError as e: print(e)


def test_topk():
    import torch
    import torch.nn.functional as F
    import matplotlib.pyplot as plt
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import TopKSAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def mse_of(p, x, z, w=None):
        return np.mean(np.sum((x - z[:, :w] @ p['W_dec'][:w] - p['b_dec']) ** 2, 1))
    def shaken(sae, seed=0):
        """The same autoencoder in float64 with all parameters moved off their initial values."""
        rng = torch.Generator().manual_seed(seed)
        sae = sae.double()
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng, dtype=p.dtype).abs()
        return sae
    def recovered(sae, v, tau=0.9):
        return ((v @ F.normalize(sae.W_dec.detach(), dim=-1).mT).amax(-1) >= tau).float().mean(-1)
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=2)
    found = train(TopKSAE(16, 64, 2, seed=(0, 1, 2)), data.x)
    near = (data.v @ found.W_dec.detach().mT).amax(-1)
    fig, axes = plt.subplots(1, 2, figsize=(6.8, 2.3), dpi=75)
    axes[0].plot(near.sort(descending=True).values.T); axes[0].axhline(.9, ls=":", c="k"); axes[0].set_title("cosine of each planted feature\nto its nearest latent, 3 seeds", fontsize=9)
    axes[1].hist((found.encode(data.x)[0] > 0).float().mean(0), 24); axes[1].set_title("share of samples on which a latent fires", fontsize=9); plt.close(fig); fig

    check_contract(TopKSAE(6, 33), torch.randn(3, 4, 6))
    sae = shaken(TopKSAE(6, 9, 3))
    x = np.random.default_rng(0).normal(size=(30, 6)); p = numbers(sae); h = np.maximum(pre_of(p, x), 0)
    z = np.where(h >= -np.sort(-h, 1)[:, 2:3], h, 0)
    np.testing.assert_allclose(sae.encode(torch.tensor(x)).detach(), z)
    np.testing.assert_allclose(sae.loss(torch.tensor(x))["mse"].item(), mse_of(p, x, z))
    z = found.encode(data.x)
    assert (recovered(found, data.v) >= .95).all() and ((z > 0).sum(-1) <= 2).all() and ((data.x - found.decode(z))**2).sum() < .25*3*((data.x - data.x.mean(0))**2).sum()
    try: TopKSAE(4, 8, 9)
    except ValueError as e: print(e)


def test_batchtopk():
    import torch
    import torch.nn.functional as F
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import BatchTopKSAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def recovered(sae, v, tau=0.9):
        return ((v @ F.normalize(sae.W_dec.detach(), dim=-1).mT).amax(-1) >= tau).float().mean(-1)
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=[1, 3])
    found = train(BatchTopKSAE(16, 64, 2, seed=(0, 1)), data.x)
    used, true = (found.encode(data.x) > 0).sum(-1).float(), (data.h > 0).sum(-1)
    print("threshold", found.threshold, "| latents used by samples with 1 and 3 features:", used[:, true == 1].mean(1), used[:, true == 3].mean(1))

    check_contract(BatchTopKSAE(6, 33), torch.randn(40, 6))
    sae, low = BatchTopKSAE(5, 16, 3, rate=.05).double(), []
    for i in range(10):
        x = torch.randn(8, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(i))
        h = np.sort(np.maximum(pre_of(numbers(sae), x.numpy()), 0).ravel())[::-1]
        assert int((sae.encode(x) > 0).sum()) == min(24, int((h > 0).sum()))
        low.append(h[23]); sae.loss(x)
    np.testing.assert_allclose(sae.threshold.item(), np.mean(low))
    sae.eval(); z = sae.encode(x)
    torch.testing.assert_close(z[:1], sae.encode(x[:1]))
    assert torch.equal(z > 0, sae.preactivate(x) > sae.threshold)
    assert recovered(found, data.v).mean() > .8 and (used.mean(-1) - 2).abs().max() < .4


def test_matryoshka():
    import torch
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import MatryoshkaSAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def mse_of(p, x, z, w=None):
        return np.mean(np.sum((x - z[:, :w] @ p['W_dec'][:w] - p['b_dec']) ** 2, 1))
    def shaken(sae, seed=0):
        """The same autoencoder in float64 with all parameters moved off their initial values."""
        rng = torch.Generator().manual_seed(seed)
        sae = sae.double()
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng, dtype=p.dtype).abs()
        return sae
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=2)
    nested = train(MatryoshkaSAE(16, 64, 2), data.x).loss(data.x)
    {name: round(v.item(), 3) for name, v in nested.items()}

    check_contract(MatryoshkaSAE(6, 33), torch.randn(40, 6))
    sae = shaken(MatryoshkaSAE(6, 12, 2, widths=(3, 7)))
    x = np.random.default_rng(0).normal(size=(30, 6)); p = numbers(sae); h = np.maximum(pre_of(p, x), 0)
    z = np.where(h >= np.sort(h.ravel())[-60], h, 0)
    terms = sae.loss(torch.tensor(x))
    np.testing.assert_allclose([terms[t].item() for t in ("mse", "mse_3", "mse_7")], [mse_of(p, x, z), mse_of(p, x, z, 3), mse_of(p, x, z, 7)])
    assert .95*((data.x - data.x.mean(0))**2).sum(1).mean() > nested["mse_8"] > nested["mse_16"] > nested["mse_32"] > nested["mse"]
    try: MatryoshkaSAE(4, 8, 2, widths=(3, 8))
    except ValueError as e: print(e)


def test_jumprelu():
    import torch
    import torch.nn.functional as F
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import JumpReLUSAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def pre_of(p, x):
        return (x - p['b_dec']) @ p['W_enc'] + p['b_enc']
    def mse_of(p, x, z, w=None):
        return np.mean(np.sum((x - z[:, :w] @ p['W_dec'][:w] - p['b_dec']) ** 2, 1))
    def shaken(sae, seed=0):
        """The same autoencoder in float64 with all parameters moved off their initial values."""
        rng = torch.Generator().manual_seed(seed)
        sae = sae.double()
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng, dtype=p.dtype).abs()
        return sae
    def recovered(sae, v, tau=0.9):
        return ((v @ F.normalize(sae.W_dec.detach(), dim=-1).mT).amax(-1) >= tau).float().mean(-1)
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=2)
    found = train(JumpReLUSAE(16, 64, lam=.1, bandwidth=.2, seed=(0, 1)), data.x)
    l0 = (found.encode(data.x) > 0).float().sum(-1).mean(-1)
    print("L0", l0, "recovered", recovered(found, data.v), "thresholds", found.threshold.detach().quantile(torch.tensor([.1, .5, .9])))

    check_contract(JumpReLUSAE(6, 33), torch.randn(40, 6))
    sae = shaken(JumpReLUSAE(6, 9, .3, threshold=.2, bandwidth=.4))
    x = np.random.default_rng(0).normal(size=(30, 6)); p = numbers(sae); pre = pre_of(p, x); on = pre > p["threshold"]; z = pre*on
    terms = sae.loss(torch.tensor(x))
    np.testing.assert_allclose([terms["mse"].item(), terms["l0"].item()], [mse_of(p, x, z), .3*on.sum(1).mean()])
    sum(terms.values()).backward()
    upstream = -2*(x - z @ p["W_dec"] - p["b_dec"]) @ p["W_dec"].T/30
    near = (np.abs(pre - p["threshold"]) < .2)/.4
    np.testing.assert_allclose(sae.threshold.grad, (-(p["threshold"]*upstream + .3/30)*near).sum(0))
    assert recovered(found, data.v).mean() > .75 and (l0 < 6).all() and (found.threshold >= 0).all()


def test_gated():
    import torch
    import torch.nn.functional as F
    import numpy as np
    from sparsebook.planted import sparse_features
    from sparsebook.sae import GatedSAE

    def numbers(sae):
        return {k: v.detach().double().numpy() for k, v in sae.state_dict().items()}
    def mse_of(p, x, z, w=None):
        return np.mean(np.sum((x - z[:, :w] @ p['W_dec'][:w] - p['b_dec']) ** 2, 1))
    def shaken(sae, seed=0):
        """The same autoencoder in float64 with all parameters moved off their initial values."""
        rng = torch.Generator().manual_seed(seed)
        sae = sae.double()
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.1 * torch.randn(p.shape, generator=rng, dtype=p.dtype).abs()
        return sae
    def recovered(sae, v, tau=0.9):
        return ((v @ F.normalize(sae.W_dec.detach(), dim=-1).mT).amax(-1) >= tau).float().mean(-1)
    def train(sae, x, steps=400, batch=256, lr=0.01):
        opt, rng = (torch.optim.Adam(sae.parameters(), lr, fused=True), torch.Generator().manual_seed(0))
        for t in range(steps):
            for g in opt.param_groups:
                g['lr'] = lr * min(1, 4 * (1 - t / steps))
            sae.zero_grad()
            sum(sae.loss(x[torch.randint(len(x), (batch,), generator=rng)]).values()).sum().backward()
            sae.before_step()
            opt.step()
            sae.after_step()
        return sae.eval()
    def check_contract(sae, x):
        """Shapes, batch axes, terms, finite gradients everywhere, unit decoder, other dtypes."""
        z = sae.encode(x)
        assert z.shape == (*x.shape[:-1], sae.config.d_sae) and (z >= 0).all() and (sae.decode(z).shape == x.shape)
        torch.testing.assert_close(sae(x), sae.decode(z))
        terms = sae.loss(x)
        assert 'mse' in terms and all((t.dim() == 0 and t.isfinite() for t in terms.values()))
        sum(terms.values()).backward()
        assert all((p.grad is not None and p.grad.isfinite().all() for p in sae.parameters()))
        sae.before_step()
        sae.after_step()
        assert (sae.W_dec.norm(dim=-1) - 1).abs().max() < 1e-06
        for dtype in (torch.float64, torch.bfloat16):
            assert type(sae)(sae.config.d_in, sae.config.d_sae).to(dtype).loss(x.to(dtype))['mse'].dtype == dtype
    data = sparse_features(4000, n=24, d=16, s=2)
    found = train(GatedSAE(16, 64, lam=1., seed=(0, 1)), data.x, 600)
    l0 = (found.encode(data.x) > 0).float().sum(-1).mean(-1)
    print("L0", l0, "recovered", recovered(found, data.v))

    check_contract(GatedSAE(6, 33), torch.randn(40, 6))
    sae = shaken(GatedSAE(6, 9, .3))
    x = np.random.default_rng(0).normal(size=(30, 6)); p = numbers(sae); u = (x - p["b_dec"]) @ p["W_enc"]
    gate = np.maximum(u + p["b_gate"], 0); z = np.where(gate > 0, np.maximum(u*np.exp(p["r_mag"]) + p["b_mag"], 0), 0)
    terms = sae.loss(torch.tensor(x))
    np.testing.assert_allclose([terms[t].item() for t in ("mse", "l1", "gate")], [mse_of(p, x, z), .3*np.mean(gate @ np.linalg.norm(p["W_dec"], axis=1)), mse_of(p, x, gate)])
    only_gate = torch.autograd.grad(terms["gate"] + terms["l1"], list(sae.parameters()), allow_unused=True)
    assert {n for (n, _), g in zip(sae.named_parameters(), only_gate, strict=True) if g is not None} == {"W_enc", "b_gate", "b_dec"}
    assert recovered(found, data.v).mean() > .75 and (l0 < 4).all()
