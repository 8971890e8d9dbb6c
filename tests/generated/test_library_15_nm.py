"""Generated from nbs/shared_lib/15_nm.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_an_arm():
    from sparsebook.nm import Arm

    Arm("sr_ste", "2:4", lam=2e-4)

    assert Arm("ste", "1:16").nm == (1, 16)
    for bad in [dict(method="srste", pattern="2:4"), dict(method="dense", pattern="2:4"), dict(method="ste"), dict(method="ste", pattern="4:2"),
                dict(method="ste", pattern="2:4", lam=0.1), dict(method="ste", pattern="two")]:
        try: Arm(**bad)
        except ValueError as e: print(e)
        else: raise AssertionError(bad)


def test_the_sparsifier():
    import torch
    from sparsebook.estimator import sr_ste
    from sparsebook.replica import MLP, linear, stack
    from sparsebook.train import SGD, batches, cross_entropy, fit
    from sparsebook.nm import Arm, NMStack, in_blocks

    rng = torch.Generator().manual_seed(0)
    x = torch.randn(400, 16, generator=rng)
    y = (x[:, :4].sum(1) > x[:, 4:8].sum(1)).long()
    runs = in_blocks([(a, s) for a in [Arm("sr_ste", "1:4", lam=0.2), Arm("ste", "1:4"), Arm("dense"), Arm("prune", "1:4")] for s in [0, 1]])
    net = MLP((16, 32, 2))
    p = stack(net, [s for _, s in runs])
    opt = SGD(torch.tensor([a.lr for a, _ in runs]), torch.tensor([a.weight_decay for a, _ in runs]))
    nm = NMStack(p, net.sparse, [a for a, _ in runs], prune_at=50, project=["1:4"], optimiser=opt)
    history = fit(net, p, ((x[i], y[i]) for i in batches(400, 20, 100, [s for _, s in runs])), 100, opt, sparsifier=nm)
    for r, (a, s) in enumerate(runs): print(f"{a.method:7} {a.pattern:4} seed {s}: loss {history[-1]['loss'][r]:.3f}, {nm.flips['w0'][r] / 512:.2f} flips a weight")
    print(f"dense, projected on 1:4: {(nm.projected['w0', '1:4'] / 512).tolist()}")

    hard = nm.harden()["w0"]
    for r, (a, _) in enumerate(runs):
        kept = (hard[r].view(32, 4, 4) != 0).sum(-1)
        assert (kept == (4 if a.method == "dense" else 1)).all(), a
    start = stack(net, [0])["w0"][0]
    assert all((stack(net, [s for _, s in runs])["w0"][r] == start).all() for r, (_, s) in enumerate(runs) if s == 0), "arms of one seed share their init"
    assert (nm.flips["w0"][[i for i, (a, _) in enumerate(runs) if a.method in ("dense", "prune")]] == 0).all()

    arms = [Arm("ste", "2:4", lr=0.2), Arm("sr_ste", "2:4", lam=0.3, lr=0.1, weight_decay=0.01), Arm("sr_ste", "2:4", lam=-0.1, lr=0.05)]
    net = MLP((8, 4, 3))
    p = {k: v.double() for k, v in stack(net, [3, 3, 3]).items()}
    ref = {k: v.clone() for k, v in p.items()}
    x = torch.randn(3, 6, 8, generator=torch.Generator().manual_seed(1)).double()
    y = torch.tensor([[0, 1, 2, 0, 1, 2]] * 3)
    f64 = lambda v: torch.tensor(v, dtype=torch.float64)
    opt = SGD(f64([a.lr for a in arms]), f64([a.weight_decay for a in arms]))
    fit(net, p, [(x, y)] * 4, 4, opt, rate=lambda t, T: 1.0, sparsifier=NMStack(p, net.sparse, arms))
    for r, a in enumerate(arms):
        mine = {k: v[r:r + 1].clone().requires_grad_() for k, v in ref.items()}
        sgd = torch.optim.SGD(mine.values(), a.lr, momentum=0.9, weight_decay=a.weight_decay)
        for _ in range(4):
            out = linear(torch.relu(linear(x[r:r + 1], sr_ste(mine["w0"], 2, 4, a.lam), mine["b0"])), mine["w1"], mine["b1"])
            sgd.zero_grad()
            cross_entropy(out, y[r:r + 1]).sum().backward()
            sgd.step()
        torch.testing.assert_close(p["w0"][r], mine["w0"].detach()[0], rtol=1e-12, atol=1e-12)

    try: NMStack(p, net.sparse, [Arm("ste", "2:4"), Arm("ste", "1:4"), Arm("ste", "2:4")])
    except ValueError as e: print(e)
    else: raise AssertionError("unordered arms were accepted")
