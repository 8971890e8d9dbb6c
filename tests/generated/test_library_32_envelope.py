"""Generated from nbs/shared_lib/32_envelope.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_moreau_envelope():
    import torch
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.prox import hard_threshold, mcp, soft_threshold
    from sparsebook.envelope import moreau_envelope, moreau_gradient

    def refuses(call, text):
        try:
            call()
        except ValueError as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    x = torch.linspace(-3, 3, 601)
    penalties = {"l1 -> Huber": (torch.abs, lambda x, t: soft_threshold(x, t)), "l0": (lambda z: (z != 0).float(), lambda x, t: hard_threshold(x, t)),
                 "MCP, gamma 2": (lambda z: torch.where(z.abs() <= 2, z.abs() - z**2/4, 1.), lambda x, t: mcp(x, 1., step=t, gamma=2.))}
    fig, axes = plt.subplots(1, 3, figsize=(9, 2.6), dpi=80, sharey=True)
    for ax, (name, (f, p)) in zip(axes, penalties.items(), strict=True):
        ax.plot(x, f(x), "k", lw=1.2, label="f")
        for t in (.25, 1., 3.): ax.plot(x, moreau_envelope(f, p, x, t), label=f"step {t:g}")
        ax.set_title(name); ax.set_ylim(0, 2.2)
    axes[0].legend(fontsize=8); plt.close(fig); fig

    @given(st.floats(.05, 5), st.floats(.05, 3))
    def closed_forms(t, lam):
        x = torch.linspace(-4, 4, 81, dtype=torch.float64)
        soft, hard = (lambda x, t: soft_threshold(x, t*lam)), (lambda x, t: hard_threshold(x, t*lam))
        env = moreau_envelope(lambda z: lam*z.abs(), soft, x, t)
        torch.testing.assert_close(env, torch.where(x.abs() <= lam*t, x**2/(2*t), lam*x.abs() - lam**2*t/2), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(moreau_envelope(lambda z: lam*(z != 0).double(), hard, x, t), (x**2/(2*t)).clamp_max(lam), rtol=1e-12, atol=1e-12)
        f = lambda z: torch.where(z.abs() <= 2*lam, lam*z.abs() - z**2/4, lam**2)
        env, z = moreau_envelope(f, lambda x, t: mcp(x, lam, step=t, gamma=2.), x, t), torch.linspace(-4, 4, 8001, dtype=torch.float64)
        grid = (f(z) + (z - x[:, None])**2/(2*t)).amin(1)
        assert (env <= f(x) + 1e-12).all() and (env <= grid + 1e-12).all() and (grid <= env + 1e-3*(lam + 1/t)*1.1).all()
        g = moreau_gradient(soft, x, t)
        assert (g.diff()/x.diff() <= 1/t + 1e-9).all() and (g.diff() >= -1e-12).all()
        y = (x + 1e-3).requires_grad_()
        moreau_envelope(lambda z: lam*z.abs().sum(), soft, y, t).backward()
        torch.testing.assert_close(y.grad, moreau_gradient(soft, y.detach(), t), rtol=1e-12, atol=1e-12)
    closed_forms()
    x = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    soft = lambda x, t: soft_threshold(x, t)
    entry, row, total = (moreau_envelope(f, soft, x, .7) for f in (torch.abs, lambda z: z.abs().sum(-1), lambda z: z.abs().sum()))
    torch.testing.assert_close(entry.sum(-1), row); torch.testing.assert_close(row.sum(), total)
    assert torch.autograd.gradcheck(lambda a: moreau_envelope(lambda z: z.abs().sum(), soft, a, .7), (x,))
    w = x.detach()  # a gradient step of length t on the envelope is the proximal step
    torch.testing.assert_close(w - .7*moreau_gradient(soft, w, .7), soft_threshold(w, .7), rtol=1e-14, atol=1e-15)
    refuses(lambda: moreau_gradient(soft, w, 0.), "step must be > 0, got 0.0")


def test_the_other_half_of_the_identity():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.projection import l1_ball, l2_ball, linf_ball, simplex
    from sparsebook.prox import elastic_net, huber, nonneg_soft_threshold, soft_threshold
    from sparsebook.envelope import prox_conjugate

    x = torch.tensor([3., -1., .2])
    prox_conjugate(lambda x, t: l2_ball(x, 1.), x, 1.)  # f: the indicator of the unit ball; f*: the norm; hence the group soft threshold

    @given(st.floats(.1, 5), st.floats(.1, 3), st.integers(0, 999))
    def known_pairs(t, u, seed):
        x = 3*torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)
        close(prox_conjugate(lambda x, t: soft_threshold(x, t*u), x, t), linf_ball(x, u))
        close(prox_conjugate(lambda x, t: linf_ball(x, u), x, t), soft_threshold(x, t*u))
        close(prox_conjugate(lambda x, t: nonneg_soft_threshold(x, t*u), x, t), x.clamp_max(u))
        for p in (lambda x, t: elastic_net(x, t*u), lambda x, t: huber(x, t*u), lambda x, t: l1_ball(x, u), lambda x, t: simplex(x, u)):
            close(prox_conjugate(lambda x, t, p=p: prox_conjugate(p, x, t), x, t), p(x, t))
        z = prox_conjugate(lambda x, t: simplex(x, 1.), x, t)  # prox of t max(z): z = x - t p, p in the simplex, p only where z is largest
        p = (x - z)/t
        assert (p >= -1e-11).all() and ((p.sum(-1) - 1).abs() <= 1e-11).all() and (p*(z.amax(-1, keepdim=True) - z) <= 1e-9).all()
    known_pairs()


def test_conjugates_of_the_penalties():
    import torch
    import math
    from hypothesis import given, strategies as st
    from sparsebook.prox import elastic_net, huber
    from sparsebook.envelope import elastic_net_conjugate, huber_conjugate, l1_conjugate, norm_conjugate

    def brute_conjugate(f, theta, width=60.0, n=60001):
        """max over a grid of theta z - f(z), for an elementwise f."""
        z = torch.linspace(-width, width, n, dtype=torch.float64)
        return (theta[:, None] * z - f(z)).amax(1)
    def refuses(call, text):
        try:
            call()
        except ValueError as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    theta = torch.linspace(-2, 2, 9)
    l1_conjugate(theta), elastic_net_conjugate(theta), huber_conjugate(theta)

    theta = torch.linspace(-3, 3, 61, dtype=torch.float64)
    for u in (.5, 1., 2.):
        for r in (0., .3, .9): torch.testing.assert_close(elastic_net_conjugate(theta, u, r), brute_conjugate(lambda z, u=u, r=r: u*(r*z.abs() + (1 - r)/2*z**2), theta), rtol=1e-5, atol=1e-4)
        finite = theta.abs() <= u + 1e-9
        assert torch.equal(l1_conjugate(theta, u) == 0, theta.abs() <= u) and (brute_conjugate(lambda z, u=u: u*z.abs(), theta)[~finite] > 1).all()
        h = huber_conjugate(theta, u, 1.5)
        torch.testing.assert_close(h[h.isfinite()], brute_conjugate(lambda z, u=u: u*torch.where(z.abs() <= 1.5, z**2/2, 1.5*z.abs() - 1.125), theta)[h.isfinite()], rtol=1e-5, atol=1e-5)
        assert torch.equal(h.isfinite(), theta.abs() <= 1.5*u)
    assert torch.equal(elastic_net_conjugate(theta, 1., 1.), l1_conjugate(theta, 1.))

    @given(st.floats(.1, 3), st.floats(.05, .95), st.integers(0, 999))
    def fenchel_young(u, r, seed):  # f(z) + f*(theta) >= <z, theta>, with equality for theta = (x - prox(x)) at z = prox(x)
        x = 3*torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        for p, f, c in ((elastic_net(x, u, r), lambda z: u*(r*z.abs() + (1 - r)/2*z**2), lambda t: elastic_net_conjugate(t, u, r)),
                        (huber(x, u), lambda z: u*torch.where(z.abs() <= 1, z**2/2, z.abs() - .5), lambda t: huber_conjugate(t*(1 - 1e-12), u))):
            torch.testing.assert_close(f(p) + c(x - p), p*(x - p), rtol=1e-9, atol=1e-9)
            assert (f(x) + c(x - p) >= x*(x - p) - 1e-9).all()
    fenchel_young()

    directions = torch.randn(4000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    directions = torch.cat([directions, torch.eye(3, dtype=torch.float64), -torch.eye(3, dtype=torch.float64), torch.cartesian_prod(*[torch.tensor([-1., 1.], dtype=torch.float64)]*3)])
    theta = torch.randn(30, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for p in (1, 2, math.inf):
        worst = (theta @ (directions/torch.linalg.vector_norm(directions, p, -1, keepdim=True)).T).amax(1)  # the dual norm, from below
        for u in (worst.max()*1.05, worst.median()*.98, worst.median()*1.05): assert (norm_conjugate(theta, u, p) == 0)[worst < u*.95].all() and norm_conjugate(theta, u, p)[worst > u].isinf().all()
    refuses(lambda: norm_conjugate(theta, 1., 3), "p must be 1, 2 or inf, got 3")


def test_support_functions_of_the_sets():
    import torch
    import math
    from hypothesis import given, strategies as st
    from sparsebook.projection import box, l1_ball, l2_ball, linf_ball, simplex
    from sparsebook.envelope import ball_support, box_support, simplex_support

    def refuses(call, text):
        try:
            call()
        except ValueError as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    theta = torch.tensor([3., -4.])
    {p: float(ball_support(theta, 1., p)) for p in (1, 2, math.inf)} | {"simplex": float(simplex_support(theta)), "box": float(box_support(theta).sum())}

    @given(st.integers(0, 999), st.floats(.1, 4))
    def attained(seed, r):
        theta = torch.randn(5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        for project, support in ((lambda x: l1_ball(x, r), ball_support(theta, r, 1)), (lambda x: l2_ball(x, r), ball_support(theta, r, 2)), (lambda x: linf_ball(x, r), ball_support(theta, r, math.inf)),
                                 (lambda x: simplex(x, r), simplex_support(theta, r)), (lambda x: box(x, -1., r), box_support(theta, -1., r).sum(-1))):
            torch.testing.assert_close((theta*project(1e6*theta)).sum(-1), support, rtol=1e-3, atol=1e-3)
            assert ((theta*project(1e6*theta)).sum(-1) <= support + 1e-9).all() and ((theta*project(theta.flip(0))).sum(-1) <= support + 1e-9).all()
    attained()
    refuses(lambda: ball_support(torch.ones(2), -1.), "radius must be >= 0, got -1.0")
