"""Generated from nbs/shared_lib/30_prox.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_soft_threshold():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.prox import nonneg_soft_threshold, soft_threshold

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def firmly_nonexpansive(prox, x, y):
        d = prox(x) - prox(y)
        assert (d * (x - y) >= d ** 2 - 1e-12 * (1 + d.abs())).all()
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(-3, 3, 301)
    fig, ax = plt.subplots(figsize=(4.2, 2.6), dpi=80)
    for name, z in {"identity": x, "soft_threshold": soft_threshold(x, 1.), "nonneg_soft_threshold": nonneg_soft_threshold(x, 1.)}.items():
        ax.plot(x, z, "--" if name == "nonneg_soft_threshold" else ":" if name == "identity" else "-", label=name)
    ax.legend(fontsize=8); ax.set_xlabel("x"); ax.set_title("u = 1: everything loses 1, what has less becomes 0"); plt.close(fig); fig

    @given(positive())
    def is_the_prox(u):
        x = points(u)
        certify(x, soft_threshold(x, u), lambda t: u*t, lambda t: torch.full_like(t, u))
        z = nonneg_soft_threshold(x, u)
        assert torch.equal(z, soft_threshold(x.clamp_min(0), u)) and (torch.where(z > 0, (z - x + u).abs(), (x - u).clamp_min(0)) <= 1e-10*(1 + x.abs())).all()
        firmly_nonexpansive(lambda t: soft_threshold(t, u), x, x.flip(0)*.7 + .1)
        firmly_nonexpansive(lambda t: nonneg_soft_threshold(t, u), x, x.flip(0)*.7 + .1)
    is_the_prox()
    from skglm.utils.prox_funcs import ST
    x = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(soft_threshold(x, .3), [ST.py_func(float(v), .3) for v in x], rtol=1e-14, atol=1e-16)
    assert soft_threshold(torch.tensor([1., -1., -0.]), 1.).tolist() == [0, 0, 0] and torch.equal(soft_threshold(x, 0.), x)

    refuses((lambda: soft_threshold(torch.ones(3), -1.), ValueError, "u must be >= 0, got -1.0"), (lambda: soft_threshold(torch.ones(2), torch.tensor([1., -2.])), ValueError, "got -2.0"),
            (lambda: soft_threshold(torch.ones(2), math.nan), ValueError, "got nan"), (lambda: soft_threshold(torch.arange(3), 1.), TypeError, "torch.int64; convert it first"),
            (lambda: soft_threshold([1., 2.], 1.), TypeError, "got list"))


def test_elastic_net():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.prox import elastic_net, soft_threshold

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def firmly_nonexpansive(prox, x, y):
        d = prox(x) - prox(y)
        assert (d * (x - y) >= d ** 2 - 1e-12 * (1 + d.abs())).all()
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    elastic_net(torch.linspace(-3, 3, 7), 1., 0.5)  # slope 1/(1 + u/2) = 2/3 outside [-1/2, 1/2]

    @given(positive(), st.floats(0, 1))
    def is_the_prox(u, r):
        x = points(u*r, u)
        certify(x, elastic_net(x, u, r), lambda t: u*(r*t + (1 - r)/2*t**2), lambda t: u*(r + (1 - r)*t))
        firmly_nonexpansive(lambda t: elastic_net(t, u, r), x, x.flip(0)*.7 + .1)
    is_the_prox()
    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    assert torch.equal(elastic_net(x, .7, 1.), soft_threshold(x, .7)) and torch.equal(elastic_net(x, 1., 0.), x/2)
    refuses((lambda: elastic_net(x, 1., 1.5), ValueError, "l1_ratio must be in 0..1, got 1.5"), (lambda: elastic_net(x, 1., -.5), ValueError, "l1_ratio must be >= 0, got -0.5"))


def test_huber():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.prox import huber

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def firmly_nonexpansive(prox, x, y):
        d = prox(x) - prox(y)
        assert (d * (x - y) >= d ** 2 - 1e-12 * (1 + d.abs())).all()
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    huber(torch.linspace(-3, 3, 7), 1.)

    @given(positive(), positive())
    def is_the_prox(u, d):
        x = points(d, d*(1 + u), u*d)
        certify(x, huber(x, u, d), lambda t: u*torch.where(t <= d, t**2/2, d*t - d**2/2), lambda t: u*t.clamp_max(d))
        firmly_nonexpansive(lambda t: huber(t, u, d), x, x.flip(0)*.7 + .1)
    is_the_prox()
    refuses((lambda: huber(torch.ones(1), 1., 0.), ValueError, "delta must be > 0, got 0.0"))


def test_hard_threshold():
    import math
    import torch
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.prox import hard_threshold, l0_ball

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def jumps(prox, at, low, high):
        """0 (or `low`) just below the threshold `at`, `high` just above."""
        x = torch.tensor([at * (1 - 1e-12), at * (1 + 1e-12)], dtype=torch.float64)
        torch.testing.assert_close(prox(x), torch.tensor([low, high], dtype=torch.float64), rtol=1e-08, atol=1e-08)
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(-3, 3, 7)
    hard_threshold(x, 2.), l0_ball(x, 2)  # u = 2 keeps |x| > 2; -2 and 2 are ties, and go

    @given(positive())
    def is_the_prox(u):
        at = math.sqrt(2*u)
        x = points(at)
        certify(x, hard_threshold(x, u), lambda t: u*(t > 0).to(t), torch.zeros_like)
        jumps(lambda t: hard_threshold(t, u), at, 0, at)
    is_the_prox()

    @given(st.lists(st.integers(-3, 3), min_size=1, max_size=7), st.data())
    def is_the_nearest(values, data):
        x, k = torch.tensor(values, dtype=torch.float64), data.draw(st.integers(0, len(values)))
        z = l0_ball(x, k)
        best = min(sum(values[i]**2 for i in range(len(values)) if i not in kept) for kept in itertools.combinations(range(len(values)), k))
        assert (z != 0).sum() <= k and ((x - z)**2).sum() == best
    is_the_nearest()
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(l0_ball(x, 2, dim=1), l0_ball(x.movedim(1, -1), 2).movedim(-1, 1)) and torch.equal(hard_threshold(x, 0.), x)

    print(hard_threshold(torch.tensor([math.nan, .1, 3.]), 1.))
    refuses((lambda: l0_ball(torch.tensor([math.nan, 1.]), 1), ValueError, "must be finite, got 1 NaN"), (lambda: l0_ball(torch.ones(4), 5), ValueError, "k must be in 0..4, got 5"))


def test_the_penalties_of_order_q():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.prox import hard_threshold, l_half, l_two_thirds, lq, soft_threshold

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def jumps(prox, at, low, high):
        """0 (or `low`) just below the threshold `at`, `high` just above."""
        x = torch.tensor([at * (1 - 1e-12), at * (1 + 1e-12)], dtype=torch.float64)
        torch.testing.assert_close(prox(x), torch.tensor([low, high], dtype=torch.float64), rtol=1e-08, atol=1e-08)
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(0, 3, 601)
    fig, ax = plt.subplots(figsize=(4.2, 2.6), dpi=80)
    for q in (.05, .5, 2/3, .95): ax.plot(x, lq(x, 1., q), label=f"q = {q:.2f}")
    ax.plot(x, hard_threshold(x, 1.), "k:", label="q = 0"); ax.plot(x, soft_threshold(x, 1.), "k--", label="q = 1")
    ax.legend(fontsize=8); ax.set_xlabel("x"); ax.set_title("u = 1: from hard to soft"); plt.close(fig); fig

    @given(positive(), st.floats(.02, .98))
    def is_the_prox(u, q):
        at = (2 - q)/(2*(1 - q))*(2*(1 - q)*u)**(1/(2 - q))
        x = points(at)
        certify(x, lq(x, u, q), lambda t: u*t**q, lambda t: u*q*t**(q - 1))
        jumps(lambda t: lq(t, u, q), at, 0, at*2*(1 - q)/(2 - q))
    is_the_prox()

    @given(st.floats(1e-12, 1e6))
    def closed_forms(u):
        x = points(1.5*u**(2/3), 2*(2*u/3)**.75)
        torch.testing.assert_close(l_half(x, u), lq(x, u, .5), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(l_two_thirds(x, u), lq(x, u, 2/3), rtol=1e-12, atol=1e-12)
    closed_forms()

    x, t = torch.linspace(-4, 4, 161, dtype=torch.float64), .8  # t |x|^(1/2) next to (z - x)^2: u = t/2
    published = torch.where(x.abs() <= 54**(1/3)/4*t**(2/3), 0, 2/3*x*(1 + torch.cos(2*math.pi/3 - 2/3*torch.acos((t/8*(x.abs()/3)**-1.5).clamp_max(1)))))
    torch.testing.assert_close(l_half(x, t/2), published, rtol=1e-12, atol=1e-12)
    for f in (l_half, l_two_thirds, lq): assert torch.equal(f(x, 0.), x) and f(torch.tensor([0., 1e30, math.inf]), 1e-30).tolist()[:2] == [0, torch.tensor(1e30).item()]

    def left(q, steps):
        s = torch.linspace(2*(1 - q)/(2 - q), 1, 400, dtype=torch.float64)
        v, t = (1 - s)/(q*s**(q - 1)), torch.ones_like(s)
        for _ in range(steps): t = t - (t - 1 + v*q*t**(q - 1))/(1 - v*q*(1 - q)*t**(q - 2))
        assert (t >= s - 1e-13).all()  # never below the root
        return float(((t - s)/s).abs().max())
    table = {q: [f"{left(q, n):.0e}" for n in (2, 4, 5, 6, 7)] for q in (.02, .3, .5, .9, .98)}
    assert all(left(q, 7) < 1e-12 for q in np.linspace(.02, .98, 49))
    refuses((lambda: lq(torch.ones(1), 1., 1.), ValueError, "q must be in (0, 1), got 1.0; q = 0 is hard_threshold, q = 1 is soft_threshold"))
    table


def test_firm_threshold_mcp_cel0():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.prox import cel0, firm_threshold, hard_threshold, mcp, soft_threshold

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def jumps(prox, at, low, high):
        """0 (or `low`) just below the threshold `at`, `high` just above."""
        x = torch.tensor([at * (1 - 1e-12), at * (1 + 1e-12)], dtype=torch.float64)
        torch.testing.assert_close(prox(x), torch.tensor([low, high], dtype=torch.float64), rtol=1e-08, atol=1e-08)
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(0, 5, 501)
    fig, ax = plt.subplots(figsize=(4.2, 2.6), dpi=80)
    for step in (.5, 1., 2., 3., 5.): ax.plot(x, mcp(x, 1., step=step), label=f"step {step:g}")
    ax.axvline(3, color="0.8", lw=1); ax.legend(fontsize=8); ax.set_xlabel("x"); ax.set_title("MCP, gamma = 3: firm, then hard"); plt.close(fig); fig

    @given(positive(), positive(), positive(), st.sampled_from([None, .3, .999999, 1., 1.000001, 3.]))
    def are_the_prox(p, m, step, regime):
        t = step if regime is None else regime*m/p  # step * slope far from, just below, at, just above the knee
        x = points(t*p, m, math.sqrt(t*p*m))
        for z in (firm_threshold(x, p, step=t, mu=m), mcp(x, p, step=t, gamma=m/p), cel0(x, p*m/2, step=t, a=math.sqrt(p/m))):
            certify(x, z, lambda s: t*torch.where(s <= m, p*s - p*s**2/(2*m), p*m/2), lambda s: t*(p - p*s/m).clamp_min(0))
        if t*p > m: jumps(lambda s: firm_threshold(s, p, step=t, mu=m), math.sqrt(t*p*m), 0, math.sqrt(t*p*m))
    are_the_prox()
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)
    published = x.sign()*torch.minimum(x.abs(), (x.abs() - math.sqrt(2*.7)*1.2*.4).clamp_min(0)/(1 - 1.2**2*.4))  # Soubies et al. 2015: lam = .7, a = 1.2, step .4
    torch.testing.assert_close(cel0(x, .7, step=.4, a=1.2), published, rtol=1e-12, atol=1e-12)
    assert torch.equal(cel0(x, .7, step=.9, a=1.2), hard_threshold(x, .63)) and torch.equal(firm_threshold(x, .7), firm_threshold(x, .7, mu=1.4))
    for f in (mcp, cel0, firm_threshold): assert torch.equal(f(x, 0.), x)
    torch.testing.assert_close(mcp(x, .7, gamma=1e9), soft_threshold(x, .7), rtol=1e-8, atol=1e-8)

    from skglm.utils.prox_funcs import prox_MCP
    x, lam, gamma = np.linspace(-4, 4, 41), .7, 2.5
    value = lambda z, t: (z - x)**2/2 + t*np.where(abs(z) <= gamma*lam, lam*abs(z) - z**2/(2*gamma), gamma*lam**2/2)
    for step in (.4, 1., 2.4): np.testing.assert_allclose(mcp(torch.tensor(x), lam, step=step, gamma=gamma), [prox_MCP.py_func(v, step, lam, gamma) for v in x], rtol=1e-12, atol=1e-14)
    ours, theirs = mcp(torch.tensor(x), lam, step=4., gamma=gamma).numpy(), np.array([prox_MCP.py_func(v, 4., lam, gamma) for v in x])
    assert (value(ours, 4.) <= value(theirs, 4.) + 1e-14).all()
    refuses((lambda: mcp(torch.ones(1), 1., gamma=0.), ValueError, "gamma must be > 0, got 0.0"), (lambda: mcp(torch.ones(1), 1., step=0.), ValueError, "step must be > 0"))
    f"step 4, gamma 2.5: skglm's result costs up to {(value(theirs, 4.) - value(ours, 4.)).max():.2f} more"


def test_scad():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.prox import scad

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def jumps(prox, at, low, high):
        """0 (or `low`) just below the threshold `at`, `high` just above."""
        x = torch.tensor([at * (1 - 1e-12), at * (1 + 1e-12)], dtype=torch.float64)
        torch.testing.assert_close(prox(x), torch.tensor([low, high], dtype=torch.float64), rtol=1e-08, atol=1e-08)
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(0, 8, 801)
    fig, ax = plt.subplots(figsize=(4.2, 2.6), dpi=80)
    for step in (.5, 1., 2.7, 4., 8.): ax.plot(x, scad(x, 1., step=step), label=f"step {step:g}")
    ax.legend(fontsize=8); ax.set_xlabel("x"); ax.set_title("SCAD, a = 3.7: a jump from step 2.7 on"); plt.close(fig); fig

    @given(positive(), positive(), st.floats(1.1, 8), st.sampled_from([None, "a - 1", "below", "a + 1", "a + 1.5", "beyond"]))
    def is_the_prox(lam, step, a, regime):
        t = {None: step, "a - 1": a - 1, "below": (a - 1)*(1 - 1e-7), "a + 1": a + 1, "a + 1.5": a + 1.5, "beyond": 2*a + 3}[regime]
        x = points(t*lam, lam*(1 + t), a*lam, lam*(a + 1 + t)/2, lam*math.sqrt(t*(a + 1)))
        P = lambda s: torch.where(s <= lam, lam*s, torch.where(s <= a*lam, (2*a*lam*s - s**2 - lam**2)/(2*(a - 1)), lam**2*(a + 1)/2))
        certify(x, scad(x, lam, step=t, a=a), lambda s: t*P(s), lambda s: t*torch.where(s <= lam, lam, ((a*lam - s)/(a - 1)).clamp_min(0)))
        if t >= a + 1: jumps(lambda s: scad(s, lam, step=t, a=a), lam*math.sqrt(t*(a + 1)), 0, lam*math.sqrt(t*(a + 1)))
        elif t >= a - 1: jumps(lambda s: scad(s, lam, step=t, a=a), lam*(a + 1 + t)/2, lam*(a + 1 - t)/2, lam*(a + 1 + t)/2)
    is_the_prox()
    from skglm.utils.prox_funcs import prox_SCAD
    x = torch.linspace(-6, 6, 45, dtype=torch.float64)
    for step in (.4, 1., 2.2, 4., 7.): np.testing.assert_allclose(scad(x, .9, step=step), [prox_SCAD.py_func(float(v), step, .9, 3.7) for v in x], rtol=1e-12, atol=1e-12)
    assert torch.equal(scad(x, 0.), x)
    refuses((lambda: scad(x, 1., a=1.), ValueError, "a must be > 1, got 1.0"), (lambda: scad(x, -1.), ValueError, "lam must be >= 0, got -1.0"))


def test_log_sum():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.prox import log_sum, soft_threshold

    def certify(x, z, penalty, slope):
        """`z` is the global minimiser at each of the points `x` (n,), for P and P' at |z|."""
        size, r = (x.abs(), z.abs())
        assert (z * x >= 0).all() and (r <= size * (1 + 1e-15)).all()
        cost = lambda t: (t - size[:, None]) ** 2 / 2 + penalty(t)
        grid = size[:, None] * torch.linspace(0, 1, 301, dtype=x.dtype)
        best = grid.gather(1, cost(grid).argmin(1, keepdim=True))
        grid = torch.cat([grid, (best + size[:, None] * torch.linspace(-1 / 300, 1 / 300, 101, dtype=x.dtype)).clamp_min(0)], 1)
        assert (cost(r[:, None])[:, 0] <= cost(grid).amin(1) + 1e-12 * (1 + size ** 2)).all()
        assert ((r - size + slope(r)).abs()[r > 0] <= 1e-10 * (1 + size[r > 0])).all()
    def points(*thresholds):
        """Both signs, zero, a spread of sizes, and both sides of every threshold."""
        t = torch.tensor(thresholds, dtype=torch.float64)
        x = torch.cat([t, t * (1 - 1e-09), t * (1 + 1e-09), torch.linspace(0, 3, 25, dtype=torch.float64) * max(t.max(), 0.001), torch.tensor([1e-09, 50.0])])
        return torch.cat([x, -x])
    def jumps(prox, at, low, high):
        """0 (or `low`) just below the threshold `at`, `high` just above."""
        x = torch.tensor([at * (1 - 1e-12), at * (1 + 1e-12)], dtype=torch.float64)
        torch.testing.assert_close(prox(x), torch.tensor([low, high], dtype=torch.float64), rtol=1e-08, atol=1e-08)
    def refuses(*cases):
        for call, error, text in cases:
            try:
                call()
            except error as e:
                assert text in str(e), e
                print(e)
            else:
                raise AssertionError(text)
    def positive():
        return st.floats(0.001, 8)
    x = torch.linspace(0, 4, 401)
    fig, ax = plt.subplots(figsize=(4.2, 2.6), dpi=80)
    for eps in (.01, .1, 1., 5.): ax.plot(x, log_sum(x, 1., eps=eps), label=f"eps {eps:g}")
    ax.legend(fontsize=8); ax.set_xlabel("x"); ax.set_title("log-sum, lam = 1"); plt.close(fig); fig

    from scipy.optimize import brentq

    @given(positive(), positive(), st.floats(1e-2, 5), st.sampled_from([None, .5, .999999, 1., 1.000001, 4.]))
    def is_the_prox(lam, step, eps, regime):
        t = step if regime is None else regime*eps**2/lam  # u = regime * eps^2: at and around the border of convexity
        u = t*lam
        gain = lambda x: (z := (x - eps + math.sqrt(max((x + eps)**2 - 4*u, 0)))/2)*(z/2 - x) + u*math.log1p(max(z, 0)/eps)
        at = u/eps if u <= 1.01*eps**2 else brentq(gain, 2*math.sqrt(u) - eps, u/eps, xtol=1e-15)
        x = points(at)
        certify(x, log_sum(x, lam, step=t, eps=eps), lambda s: u*torch.log1p(s/eps), lambda s: u/(eps + s))
        if u > 1.5*eps**2: jumps(lambda s: log_sum(s, lam, step=t, eps=eps), at, 0, (at - eps + math.sqrt((at + eps)**2 - 4*u))/2)
    is_the_prox()
    from skglm.utils.prox_funcs import prox_log_sum
    x = torch.linspace(-4, 4, 161, dtype=torch.float64)
    for lam, eps in ((.2, 1.), (1., 1.5)): np.testing.assert_allclose(log_sum(x, lam, eps=eps), [prox_log_sum.py_func(float(v), lam, eps) for v in x], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(log_sum(x, 1e9, eps=1e9), soft_threshold(x, 1.), rtol=1e-6, atol=1e-6)  # a huge eps is l1 with weight lam/eps
    refuses((lambda: log_sum(x, 1., eps=0.), ValueError, "eps must be > 0, got 0.0"))


def test_all_of_them():
    import math
    import torch
    from sparsebook.prox import cel0, elastic_net, firm_threshold, hard_threshold, huber, l_half, l_two_thirds, log_sum, lq, mcp, scad, soft_threshold

    functions = dict(soft=(soft_threshold, .6), elastic_net=(elastic_net, .6), huber=(huber, .6), hard=(hard_threshold, .6), l_half=(l_half, .6), l_two_thirds=(l_two_thirds, .6),
                     lq=(lambda x, u: lq(x, u, .3), .6), firm=(firm_threshold, .6), mcp=(mcp, .6), mcp_far=(lambda x, lam: mcp(x, lam, step=4.), .3), scad=(scad, .4), scad_far=(lambda x, lam: scad(x, lam, step=3.), .3),
                     cel0=(lambda x, lam: cel0(x, lam, step=.5), .6), log_sum=(log_sum, .3), log_sum_convex=(lambda x, lam: log_sum(x, lam, eps=2.), .6))
    x = torch.linspace(-3, 3, 121, dtype=torch.float64)
    for name, (f, u) in functions.items():
        before, z = x.clone(), f(x, u)
        assert torch.equal(x, before) and z.shape == x.shape and z.dtype == x.dtype and torch.equal(f(-x, u), -z), name
        assert (z.diff() >= 0).all() and (z.abs() <= x.abs()).all() and (z*x >= 0).all(), name
        per_entry = torch.linspace(.1, 1, 5, dtype=torch.float64)[:, None]
        assert torch.equal(f(x, per_entry), torch.stack([f(x, float(v)) for v in per_entry])), name
        assert f(x.view(11, 11), u).shape == (11, 11) and f(torch.tensor(2.), u).shape == () and f(torch.zeros(0, 3), u).shape == (0, 3), name
        assert f(torch.tensor([math.nan, 0., 1.]), u).isnan().tolist() == [True, False, False] and torch.isfinite(f(torch.tensor([1e-38, 1e38, -1e38]), u)).all(), name
        assert f(torch.tensor([math.inf, -math.inf]), u).tolist() == [math.inf, -math.inf] or name == "elastic_net" or name == "huber" or name.startswith(("l_", "lq")), name
        for dtype in (torch.float16, torch.bfloat16): assert torch.equal(f(x.to(dtype), u), f(x.to(dtype).float(), u).to(dtype)), name
        a = torch.tensor([-2.31, -.93, -.17, .08, 1.42, 2.77], dtype=torch.float64, requires_grad=True)
        b = torch.full((6,), u, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(f, (a, b)), name
