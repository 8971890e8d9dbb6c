"""Generated from nbs/shared_lib/73_receptive_field.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_mosaic():
    import torch
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.receptive_field import mosaic

    x = torch.arange(1., 13).view(3, 2, 2)
    mosaic(x, 2)

    @settings(deadline=None, max_examples=30)
    @given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2))
    def tiles_lie_where_they_should(n, columns, gap):
        x = torch.randn(n, 3, 3)
        m = mosaic(x, columns, gap)
        for k in range(n):
            row, column = k//columns*(3 + gap), k % columns*(3 + gap)
            torch.testing.assert_close(m[row:row + 3, column:column + 3], x[k]/x[k].abs().max())
    tiles_lie_where_they_should()


def test_gabor_functions():
    import math
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.receptive_field import Gabor, gabor, mosaic

    def planted(n, size, seed=0):
        """Gabors that lie inside the patch."""
        u = lambda low, high: low + (high - low) * torch.rand(n, generator=rng, dtype=torch.float64)
        rng = torch.Generator().manual_seed(seed)
        f = u(0.08, 0.3)
        return Gabor(u(0.3 * size, 0.7 * size), u(0.3 * size, 0.7 * size), u(0, math.pi), f, u(-math.pi, math.pi), u(0.25, 0.7) / f, u(0.25, 0.7) / f, u(0.5, 2))
    g = planted(12, 16)
    fig, ax = plt.subplots(figsize=(4, 2.6), dpi=72)
    ax.imshow(mosaic(gabor(g, 16), 6).numpy(), cmap="gray"); ax.axis("off");

    size = 9
    image = gabor(g, size)
    for k in range(3):
        q = [float(v[k]) for v in g]
        for row, column in [(0, 0), (2, 7), (8, 3)]:
            u = (column - q[0])*math.cos(q[2]) + (row - q[1])*math.sin(q[2])
            v = -(column - q[0])*math.sin(q[2]) + (row - q[1])*math.cos(q[2])
            want = q[7]*math.exp(-u*u/2/q[5]**2 - v*v/2/q[6]**2)*math.cos(2*math.pi*q[3]*u + q[4])
            assert abs(float(image[k, row, column]) - want) < 1e-12
    turned = g._replace(theta=g.theta + math.pi, phase=-g.phase)                  # half a turn and the mirrored phase: the same function
    torch.testing.assert_close(gabor(turned, size), image)


def test_fit():
    import math
    import torch
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook.receptive_field import Gabor, fit_gabor, gabor, mosaic

    def planted(n, size, seed=0):
        """Gabors that lie inside the patch."""
        u = lambda low, high: low + (high - low) * torch.rand(n, generator=rng, dtype=torch.float64)
        rng = torch.Generator().manual_seed(seed)
        f = u(0.08, 0.3)
        return Gabor(u(0.3 * size, 0.7 * size), u(0.3 * size, 0.7 * size), u(0, math.pi), f, u(-math.pi, math.pi), u(0.25, 0.7) / f, u(0.25, 0.7) / f, u(0.5, 2))
    g = planted(200, 12)
    clean = gabor(g, 12)
    noisy = clean + .2*clean.std((1, 2), keepdim=True)*torch.randn(clean.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    fit = fit_gabor(noisy.float())
    fig, axes = plt.subplots(2, 1, figsize=(6, 1.9), dpi=72)
    for ax, x, name in [(axes[0], noisy[:10], "noisy"), (axes[1], gabor(fit.gabor, 12)[:10], "fitted")]: ax.imshow(mosaic(x, 10).numpy(), cmap="gray"); ax.axis("off"); ax.set_title(name, fontsize=9)

    exact = fit_gabor(clean)
    assert (exact.r2 > .999).double().mean() > .97, "planted Gabors are found"
    found = exact.r2 > .9999
    angle = (exact.gabor.theta - g.theta + math.pi/2) % math.pi - math.pi/2
    assert found.double().mean() > .9
    for got, want, tolerance in [(exact.gabor.x, g.x, .2), (exact.gabor.frequency, g.frequency, .02), (exact.n_x, g.sigma_x*g.frequency, .06), (exact.n_y, g.sigma_y*g.frequency, .06)]:
        assert (got - want)[found].abs().median() < .01*tolerance and ((got - want)[found].abs() < tolerance).double().mean() > .95
    assert ((angle.abs() < .05)[found]).double().mean() > .95
    torch.testing.assert_close(gabor(exact.gabor, 12)[found], clean[found], atol=.02, rtol=0)
    assert abs(float(fit.r2.median()) - 1/1.04) < .02, "twenty per cent of noise leave R2 = 1/(1 + 0.2^2)"

    from scipy.optimize import least_squares
    def against_scipy(a, truth):
        "R2 of scipy's least squares from the truth."
        def residual(p): return (gabor(Gabor(*torch.tensor(p)[:, None]), 12)[0] - a).flatten().numpy()
        return 1 - 2*least_squares(residual, truth, method="lm").cost/float(((a - a.mean())**2).sum())
    assert sum(float(fit.r2[k]) < against_scipy(noisy[k], [float(v[k]) for v in g]) - 1e-3 for k in range(12)) <= 1, "scipy, told the truth, does no better"
    flat = fit_gabor(torch.zeros(2, 8, 8))
    assert flat.r2.tolist() == [0, 0] and all(torch.isfinite(v).all() for v in flat.gabor)
    torch.testing.assert_close(fit_gabor(3e4*noisy[:20]).r2, fit_gabor(noisy[:20]).r2, atol=1e-6, rtol=0)
    white = fit_gabor(torch.randn(100, 12, 12, generator=torch.Generator().manual_seed(0)))
    assert white.r2.max() < .5, "white noise is no Gabor"
    with pytest.raises(ValueError, match=r"shape \(n, size, size\), got \(144, 9\)"): fit_gabor(torch.zeros(144, 9))
    with pytest.raises(ValueError, match="must be finite"): fit_gabor(torch.full((1, 8, 8), math.nan))


def test_orientation_tuning():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    import pytest
    from sparsebook.receptive_field import Gabor, gabor, half_width, orientation_selectivity, tuning

    def planted(n, size, seed=0):
        """Gabors that lie inside the patch."""
        u = lambda low, high: low + (high - low) * torch.rand(n, generator=rng, dtype=torch.float64)
        rng = torch.Generator().manual_seed(seed)
        f = u(0.08, 0.3)
        return Gabor(u(0.3 * size, 0.7 * size), u(0.3 * size, 0.7 * size), u(0, math.pi), f, u(-math.pi, math.pi), u(0.25, 0.7) / f, u(0.25, 0.7) / f, u(0.5, 2))
    g = planted(3, 16, seed=3)
    curve = tuning(gabor(g, 16))
    fig, ax = plt.subplots(figsize=(3, 3), dpi=72, subplot_kw=dict(projection="polar"))
    for r in curve.response: ax.plot(torch.cat([curve.theta, curve.theta + math.pi, curve.theta[:1]]), torch.cat([r, r, r[:1]])/r.max())
    ax.set_yticks([]); orientation_selectivity(curve.response)

    g = planted(50, 16, seed=5)
    curve, x = tuning(gabor(g, 16)), gabor(g, 16)
    off = (curve.theta[curve.response.argmax(1)] - g.theta + math.pi/2) % math.pi - math.pi/2
    assert off.abs().median() < math.radians(5)
    at, k = np.arange(16), 7                                                        # a grating that drifts past atom 7
    theta, f = float(curve.theta[5]), float(curve.frequency[k])
    swing = [float((x[k].numpy()*np.cos(2*np.pi*f*(np.cos(theta)*at[None] + np.sin(theta)*at[:, None]) - t)).sum()) for t in np.linspace(0, 2*np.pi, 400)]
    assert abs(max(swing) - float(curve.response[k, 5])) < 1e-3
    theta = torch.arange(36)*math.pi/36
    flat, one = torch.ones(1, 36), torch.zeros(1, 36).index_fill(1, torch.tensor([4]), 1)
    assert abs(float(orientation_selectivity(flat))) < 1e-6 and abs(float(orientation_selectivity(one)) - 1) < 1e-6
    assert abs(float(orientation_selectivity((1 + torch.cos(2*theta - 1))[None])) - .5) < 1e-6      # closed form
    assert float(half_width(flat)) == pytest.approx(math.pi/2) and abs(float(half_width((1 + torch.cos(2*theta))[None])) - math.acos(2**.5 - 1)/2) < .01
    torch.testing.assert_close(orientation_selectivity(tuning(x).response), orientation_selectivity(tuning(9*x).response))
    assert orientation_selectivity(tuning(torch.zeros(1, 8, 8)).response).tolist() == [0]
    with pytest.raises(ValueError, match="directions must be >= 2"): tuning(x, 1)


def test_controls():
    import math
    import torch
    from sparsebook.receptive_field import Gabor, fit_gabor, gabor, orientation_selectivity, shuffle_phases, shuffle_pixels, tuning

    def planted(n, size, seed=0):
        """Gabors that lie inside the patch."""
        u = lambda low, high: low + (high - low) * torch.rand(n, generator=rng, dtype=torch.float64)
        rng = torch.Generator().manual_seed(seed)
        f = u(0.08, 0.3)
        return Gabor(u(0.3 * size, 0.7 * size), u(0.3 * size, 0.7 * size), u(0, math.pi), f, u(-math.pi, math.pi), u(0.25, 0.7) / f, u(0.25, 0.7) / f, u(0.5, 2))
    x = gabor(planted(60, 12, seed=2), 12)
    both = {"atoms": x, "pixels shuffled": shuffle_pixels(x), "phases shuffled": shuffle_phases(x)}
    {name: (round(float(fit_gabor(a, steps=10).r2.median()), 2), round(float(orientation_selectivity(tuning(a).response).median()), 2)) for name, a in both.items()}

    rng = torch.Generator().manual_seed(0)
    p, q = shuffle_pixels(x, rng), shuffle_phases(x, rng)
    torch.testing.assert_close(p.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
    torch.testing.assert_close(torch.fft.fft2(q).abs(), torch.fft.fft2(x).abs(), atol=1e-9, rtol=0)
    osi = lambda a: float(orientation_selectivity(tuning(a).response).median())
    assert osi(p) < .6*osi(x) and osi(q) > .7*osi(x), "orientation goes with the pixels' places, not with the phases"
    assert float(fit_gabor(q, steps=15).r2.median()) < .8 and not torch.equal(shuffle_pixels(x), shuffle_pixels(x))
