"""Generated from nbs/shared_lib/14_train.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_rate_over_time():
    from sparsebook.train import cosine

    [round(cosine(t, 10, warmup=2), 3) for t in range(10)]

    assert cosine(0, 10) == 1 and cosine(2, 10, 2) == 1 and 0 < cosine(9, 10) < 0.03
    assert abs(sum(cosine(t, 1000) for t in range(1000)) / 1000 - 0.5) < 1e-3
    try: cosine(10, 10)
    except ValueError as e: print(e)
    else: raise AssertionError


def test_batches():
    import torch
    from sparsebook.train import batches

    for idx in batches(6, 2, 4, seeds=[0, 1, 0]): print(idx.tolist())

    seen = list(batches(10, 3, 7, seeds=[4, 5, 4]))
    assert len(seen) == 7 and all(i.shape == (3, 3) for i in seen)
    assert all((i[0] == i[2]).all() for i in seen) and not all((i[0] == i[1]).all() for i in seen)
    for e in (seen[:3], seen[3:6]): assert len(set(torch.cat([i[0] for i in e]).tolist())) == 9, "an epoch repeats no example"
    try: next(batches(10, 11, 1, [0]))
    except ValueError as e: print(e)
    else: raise AssertionError


def test_optimisers_with_a_rate_for_every_replica():
    import torch
    from sparsebook.train import AdamW, SGD

    rng = torch.Generator().manual_seed(0)
    w, lr, wd = torch.randn(2, 3, 4, generator=rng, dtype=torch.float64), torch.tensor([0.1, 0.03]).double(), torch.tensor([0.0, 0.5]).double()
    grads = torch.randn(5, 2, 3, 4, generator=rng, dtype=torch.float64)
    for ours, theirs in [(SGD(lr, wd), lambda p, r: torch.optim.SGD([p], lr[r].item(), momentum=0.9, weight_decay=wd[r].item())),
                         (AdamW(lr, wd), lambda p, r: torch.optim.AdamW([p], lr[r].item(), betas=(0.9, 0.95), weight_decay=wd[r].item()))]:
        mine = w.clone()
        for g in grads: ours.step("w", mine, g.clone(), 1.0)
        for r in range(2):
            p = w[r].clone().requires_grad_()
            opt = theirs(p, r)
            for g in grads: p.grad = g[r].clone(); opt.step()
            torch.testing.assert_close(mine[r], p.detach(), rtol=1e-12, atol=1e-12)

    w, lr, zero = torch.ones(1, 1, 4).double(), torch.tensor([0.1], dtype=torch.float64), torch.zeros(1).double()
    mask, lam = torch.tensor([[[True, True, False, False]]]), torch.tensor([0.5]).double()
    opt = SGD(lr, zero, momentum=0.0)
    for _ in range(3): opt.step("w", w, torch.zeros_like(w), 1.0, (mask, lam))
    for opt2 in (SGD(lr, zero), AdamW(lr, zero)):
        v = torch.zeros(1, 1, 4).double()
        opt2.step("w", v, torch.ones_like(v), 1.0)
        opt2.forget("w", slice(0, 1), mask)
        before = v.clone()
        opt2.step("w", v, torch.zeros_like(v), 1.0)
        assert (v[~mask] == before[~mask]).all() and (v[mask] < before[mask]).all(), "what is forgotten moves no more"
    torch.testing.assert_close(w, torch.tensor([[[1, 1, 0.95 ** 3, 0.95 ** 3]]], dtype=torch.float64), rtol=1e-14, atol=0)
    w


def test_the_loop():
    import torch
    import torch.nn.functional as F
    from sparsebook.replica import MLP, stack
    from sparsebook.train import Diverged, SGD, accuracy, batches, cosine, cross_entropy, fit, nll

    rng = torch.Generator().manual_seed(0)
    x = torch.randn(600, 8, generator=rng)
    y = (x[:, 0] * x[:, 1] > 0).long()
    seeds = [0, 1, 0, 1]
    net, rates = MLP((8, 32, 2)), torch.tensor([0.3, 0.3, 0.001, 0.001])
    p = stack(net, seeds)
    history = fit(net, p, ((x[i], y[i]) for i in batches(500, 50, 200, seeds)), 200, SGD(rates, torch.zeros(4)), every=50)
    print([[round(v, 3) for v in h["loss"].tolist()] for h in history])
    accuracy(net, p, x[500:], y[500:])

    logits = net.forward(p, x[500:].expand(4, -1, -1))
    torch.testing.assert_close(accuracy(net, p, x[500:], y[500:], batch=30), torch.stack([(l.argmax(-1) == y[500:]).double().mean() for l in logits]))
    torch.testing.assert_close(nll(net, p, x[500:], y[500:], batch=30).float(), cross_entropy(logits, y[500:].expand(4, -1)))
    assert (nll(net, p, x[500:], y[500:])[:2] < nll(net, p, x[500:], y[500:])[2:]).all(), "the higher rate learns more in 200 steps"

    alone = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2)).double()
    x = torch.randn(60, 8, generator=torch.Generator().manual_seed(1)).double()
    y = (x[:, 0] > 0).long()
    net = MLP((8, 32, 2))
    p = {k: v.double() for k, v in stack(net, [5, 6]).items()}
    alone[0].weight.data, alone[2].weight.data = p["w0"][1].clone(), p["w1"][1].clone()
    alone[0].bias.data.zero_(); alone[2].bias.data.zero_()
    opt, sched = torch.optim.SGD(alone.parameters(), 0.2, momentum=0.9, weight_decay=1e-3), [cosine(t, 20) for t in range(20)]
    for t, i in enumerate(batches(60, 10, 20, [6])):
        opt.param_groups[0]["lr"] = 0.2 * sched[t]
        loss = F.cross_entropy(alone(x[i[0]]), y[i[0]])
        opt.zero_grad(); loss.backward(); opt.step()
    fit(net, p, ((x[i], y[i]) for i in batches(60, 10, 20, [5, 6])), 20, SGD(torch.full((2,), 0.2).double(), torch.full((2,), 1e-3).double()))
    torch.testing.assert_close(p["w0"][1], alone[0].weight.detach(), rtol=1e-6, atol=1e-6)

    x, y = torch.randn(100, 8, generator=torch.Generator().manual_seed(2)), torch.zeros(100).long()
    def poisoned():
        for t, i in enumerate(batches(100, 10, 40, [0, 1])): yield (x[i] * (float("nan") if t == 10 else 1.0), y[i])
    net = MLP((8, 4, 2))
    try: fit(net, stack(net, [0, 1]), poisoned(), 40, SGD(torch.full((2,), 0.1), torch.zeros(2)), names=["dense, seed 0", "dense, seed 1"])
    except Diverged as e: assert "step 10" in str(e) and "last finite step was 9" in str(e) and "dense, seed 0" in str(e); print(e)
    else: raise AssertionError("a NaN went unnoticed")
    try: accuracy(net, stack(net, [0]), x[:0], y[:0])
    except ValueError as e: print(e)
    else: raise AssertionError("an empty set was scored")
