"""Generated from nbs/kernels/11_multi_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_seven_numbers():
    import math
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.multi_prox import KINDS, pieces, shrink_ref

    import matplotlib.pyplot as plt
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    fig, ax = plt.subplots(figsize=(6, 2.8), dpi=80)
    for kind, colour in zip(("soft", "mcp", "scad", "cel0", "l_half", "hard"), ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#000000"), strict=True):
        ax.plot(x, shrink_ref(x, kind, .6, .8 if kind != "hard" else 1.), color=colour, label=kind, lw=1.3)
    ax.set_xlabel("x"); ax.set_ylabel("prox"); ax.legend(frameon=False, fontsize=8); ax.set_title("six ways to shrink, lam = 0.6")
    plt.close(fig); fig

    def penalty(kind, z, lam, l1_ratio=.5, gamma=3., a=None):
        "The penalty by its definition."
        s = z.abs()
        if kind == "soft": return lam*s
        if kind == "elastic_net": return lam*(l1_ratio*s + (1 - l1_ratio)/2*s**2)
        if kind == "hard": return lam*(s > 0)
        if kind == "mcp": return torch.where(s <= gamma*lam, lam*s - s**2/(2*gamma), gamma*lam**2/2)
        if kind == "scad":
            a = a or 3.7
            return torch.where(s <= lam, lam*s, torch.where(s <= a*lam, (2*a*lam*s - s**2 - lam**2)/(2*(a - 1)), lam**2*(a + 1)/2))
        if kind == "cel0":
            a = a or 1.
            return lam - a*a/2*(s - math.sqrt(2*lam)/a)**2*(s <= math.sqrt(2*lam)/a)
        return lam*s**(.5 if kind == "l_half" else 2/3)

    @settings(max_examples=60)
    @given(st.sampled_from([k for k in KINDS if k != "group"]), st.floats(-4, 4), st.floats(.01, 2), st.sampled_from([.1, .9, 1., 2.7, 3., 4.6, 4.7, 4.8, 6.]))
    def is_the_minimum(kind, x, lam, step):
        x = torch.tensor([x], dtype=torch.float64)
        y = shrink_ref(x, kind, lam, step)
        cost = lambda z: (z - x)**2/2 + step*penalty(kind, z, lam)
        grid = torch.cat([torch.linspace(-abs(x.item()) - 1, abs(x.item()) + 1, 4001, dtype=torch.float64), torch.zeros(1, dtype=torch.float64), y + torch.tensor([-1e-6, 1e-6], dtype=torch.float64)])
        assert cost(y) <= cost(grid).min() + 1e-10, (kind, x, lam, step)
    is_the_minimum()
    for args, text in [(("soft", -1.), "lam must be >= 0 and finite, got -1.0"), (("soft", 1., 0.), "step must be > 0"), (("lasso", 1.), "kind must be one of soft, elastic_net"), (("scad", 1., 1., .5, 3., 2.), "a must be > 2, got 2.0")]:
        try: pieces(*args)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_one_launch():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.multi_prox import KINDS, shrink_, shrink_adamw_, shrink_ref, shrink_sgd_

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    net = [normal(4, 6), normal(5, seed=1)]
    shrink_(net, "soft", [.5, 2.])
    [round((t == 0).float().mean().item(), 2) for t in net]

    shapes = [(7, 9), (5000,), (3, 4, 3, 3), (1,), (0, 4), (64, 128)]
    for kind, dtype in [(k, torch.float32) for k in KINDS] + [("soft", torch.float16), ("l_half", torch.float16), ("group", torch.float16)]:
        for step in (.3, 5.):
            ts = [normal(*s, seed=i, dtype=dtype) for i, s in enumerate(shapes)]
            ts[0].view(-1)[:3] = torch.tensor([0., torch.nan, 1.])
            right = [shrink_ref(t, kind, .1*(i + 1), step) for i, t in enumerate(ts)]
            shrink_(ts, kind, [.1*(i + 1) for i in range(len(ts))], step)
            for a, b in zip(ts, right, strict=True): torch.testing.assert_close(a, b, equal_nan=True, atol=2e-3 if dtype == torch.float16 else 2e-6, rtol=2e-3 if dtype == torch.float16 else 3e-6, msg=lambda m, kind=kind, step=step: f"{kind} {step}: {m}")
    x = torch.cat([torch.linspace(-4, 4, 4001), torch.tensor([1e-30, -1e30, 0.])]).to(DEVICE)
    for kind in ("l_half", "l_two_thirds"):      # the roots, against 60 fixed-point steps in float64
        y = x.clone(); shrink_([y], kind, .7)
        torch.testing.assert_close(y.double(), shrink_ref(x.double(), kind, .7), atol=3e-6, rtol=3e-6)
    for u in (1e-12, .7, 1e12):                  # to the last bits, from the threshold on
        x = (2*(2*u/3)**.75*torch.logspace(1e-4, 6, 4000)).to(DEVICE)
        y = x.clone(); shrink_([y], "l_two_thirds", u)
        torch.testing.assert_close(y.double(), shrink_ref(x.double(), "l_two_thirds", u), atol=0, rtol=6e-7)
    x = torch.tensor([torch.inf, -torch.inf, torch.nan], device=DEVICE)
    for kind in KINDS:
        if kind != "group": y = x.clone(); shrink_([y], kind, .7); torch.testing.assert_close(y, x, equal_nan=True)
    base = normal(4001)
    view = base[1:]                              # not aligned to 16 bytes
    right = shrink_ref(view, "mcp", .5)
    shrink_([view, normal(8)], "mcp", .5)
    torch.testing.assert_close(view, right)

    def three(dtype=torch.float32): return [[normal(*s, seed=10*k + i, dtype=dtype) for i, s in enumerate([(33, 70), (129,)])] for k in range(4)]
    for kind in ("soft", "scad", "l_two_thirds"):
        w, g, b, _ = three()
        right = []
        for x, d, v in zip(w, g, b, strict=True):
            v = .9*v + d + 1e-2*x
            right.append((shrink_ref(x - .1*v, kind, .3, .1), v))
        shrink_sgd_(w, g, b, kind, .3, .1, momentum=.9, weight_decay=1e-2)
        for x, v, (y, u) in zip(w, b, right, strict=True): torch.testing.assert_close(x, y, atol=1e-5, rtol=1e-5); torch.testing.assert_close(v, u)
    w, g, m, v = three()
    mirror = [torch.nn.Parameter(x.clone()) for x in w]
    opt = torch.optim.AdamW(mirror, lr=.05, weight_decay=.1)
    m, v = [torch.zeros_like(x) for x in w], [torch.zeros_like(x) for x in w]
    for count in range(1, 4):
        for p, d in zip(mirror, g, strict=True): p.grad = d*count
        opt.step()
        with torch.no_grad():
            for p in mirror: p.copy_(shrink_ref(p, "hard", .02, .05))
        shrink_adamw_(w, [d*count for d in g], m, v, "hard", .02, .05, count, weight_decay=.1)
    for x, p in zip(w, mirror, strict=True): torch.testing.assert_close(x, p.detach(), atol=1e-5, rtol=1e-5)
    for call, error, text in [(lambda: shrink_([normal(3, 4).t()], "soft", .1), TypeError, "must be contiguous"), (lambda: shrink_([normal(3)], "soft", [.1, .2]), ValueError, "one for each of 1 tensors, got 2"),
                              (lambda: shrink_([normal(3).double()], "soft", .1), TypeError, "float64"), (lambda: shrink_sgd_([normal(3)], [normal(4)], [normal(3)], "soft", .1, .1), ValueError, "grads must match"),
                              (lambda: shrink_sgd_([normal(3)], [normal(3)], [normal(3)], "group", .1, .1), ValueError, "not fused")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
