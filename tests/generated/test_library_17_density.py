"""Generated from nbs/shared_lib/17_density.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_share_of_a_layer():
    import math
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from scipy.optimize import brentq
    from sparsebook.density import layer_densities

    shapes = {"conv1": (16, 3, 3, 3), "conv2": (32, 16, 3, 3), "conv3": (64, 32, 3, 3), "conv4": (64, 64, 3, 3), "fc": (10, 64)}
    fig, ax = plt.subplots(figsize=(6, 2.2), dpi=80)
    for i, (method, colour) in enumerate(zip(("uniform", "er", "erk"), ("#0072B2", "#E69F00", "#009E73"), strict=True)):
        ax.bar(np.arange(5) + 0.27*(i - 1), list(layer_densities(shapes, 0.1, method).values()), 0.25, color=colour, label=method)
    ax.set_xticks(range(5), list(shapes)); ax.set_ylabel("density"); ax.set_title("one budget, 10 % of all weights"); ax.legend(frameon=False)
    plt.close(fig); fig

    dims = st.integers(1, 12)
    @given(st.lists(st.one_of(st.tuples(dims, dims), st.tuples(dims, dims, st.just(3), st.just(3))), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 1), st.sampled_from(["uniform", "er", "erk"]))
    def solved(layers, density, other, method):
        shapes = {f"l{i}": s for i, s in enumerate(layers)}
        size = {k: math.prod(s) for k, s in shapes.items()}
        total, d = sum(size.values()), layer_densities(shapes, density, method)
        assert abs(sum(d[k]*size[k] for k in d) - density*total) <= 1e-9*total and all(0 <= x <= 1 for x in d.values())
        raw = {k: {"uniform": 1.0, "er": 1/s[0] + 1/s[1], "erk": sum(s)/math.prod(s)}[method] for k, s in shapes.items()}
        gap = lambda e: sum(min(1, e*raw[k])*size[k] for k in raw) - density*total
        if 0.001 < density < 0.999:
            eps = brentq(gap, 0, 1/min(raw.values()), xtol=1e-14, rtol=1e-13)
            assert all(abs(d[k] - min(1, eps*raw[k])) < 1e-6 for k in d)
        lower, upper = (layer_densities(shapes, x, method) for x in sorted((density, other)))
        assert all(lower[k] <= upper[k] + 1e-9 for k in d)
    solved()
    shapes = {"a": (4, 4), "b": (64, 64), "c": (10, 64)}
    assert set(layer_densities(shapes, 1.0).values()) == {1.0} and set(layer_densities(shapes, 0.0).values()) == {0.0}
    assert layer_densities(shapes, 0.3, "er") == layer_densities(shapes, 0.3, "erk") and set(layer_densities(shapes, 0.3, "uniform").values()) == {0.3}
    flat = layer_densities(shapes, 0.3, "erk", power=0)
    assert all(abs(x - 0.3) < 1e-12 for x in flat.values())
    assert layer_densities(shapes, 0.2)["a"] == 1.0 and layer_densities(shapes, 0.01)["a"] < 1  # the cap binds, and does not
    plus = layer_densities(shapes, 0.1, "uniform", fixed={"a": 1.0, "c": 0.2})
    assert plus["a"] == 1 and plus["c"] == 0.2 and abs(16 + 0.2*640 + plus["b"]*4096 - 0.1*4752) < 1e-9
    edge = layer_densities(shapes, 16/4752, fixed={"a": 1.0})                                     # the fixed layer takes all
    assert edge == {"a": 1.0, "b": 0.0, "c": 0.0} and layer_densities(shapes, 656/4752, fixed={"b": 0.0}) == {"a": 1.0, "b": 0.0, "c": 1.0}
    assert layer_densities({"a": (1, 1)}, 0.5) == {"a": 0.5}

    for call, text in [(lambda: layer_densities(shapes, 1.1), "density must be in 0..1 (a kept fraction), got 1.1"), (lambda: layer_densities(shapes, math.nan), "got nan"), (lambda: layer_densities({}, 0.5), "at least one layer"),
                       (lambda: layer_densities({"b": (8,)}, 0.5), "the shape of b must be (out, in, ...)"), (lambda: layer_densities(shapes, 0.5, "kre"), "method must be"), (lambda: layer_densities(shapes, 0.5, fixed={"d": 1.0}), "fixed names no layer: d"),
                       (lambda: layer_densities(shapes, 0.01, fixed={"c": 1.0}), "the fixed layers leave -592 of them"), (lambda: layer_densities(shapes, 0.9, fixed={"b": 0.0}), "for 656 free weights"), (lambda: layer_densities(shapes, 0.5, fixed={"a": 2.0}), "a must be in 0..1")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_whole_weights():
    import math
    from hypothesis import given, strategies as st
    from sparsebook.density import layer_counts, layer_densities

    shapes = {"a": (3, 5), "b": (3, 5), "c": (3, 5)}
    layer_counts(shapes, dict.fromkeys(shapes, 0.5))  # 22.5 weights: 22, where rounding alone gives 24

    @given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6), st.floats(0, 1), st.sampled_from(["uniform", "erk"]))
    def exact_budget(layers, density, method):
        shapes = {f"l{i}": s for i, s in enumerate(layers)}
        d = layer_densities(shapes, density, method)
        counts, total = layer_counts(shapes, d), sum(math.prod(s) for s in layers)
        assert abs(sum(counts.values()) - density*total) <= 0.5 + 1e-6
        assert all(abs(counts[k] - d[k]*math.prod(shapes[k])) < 1 + 1e-6 and 0 <= counts[k] <= math.prod(shapes[k]) for k in shapes)
    exact_budget()
    assert layer_counts({"a": (2, 2)}, {"a": 1.0}) == {"a": 4} and layer_counts({"a": (2, 2)}, {"a": 0.0}) == {"a": 0}
    for densities, text in [({"b": 1.0}, "same layers"), ({"a": 1.5}, "density of a must be in 0..1, got 1.5"), ({"a": -0.5}, "got -0.5")]:
        try: layer_counts({"a": (2, 2)}, densities)
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_random_masks():
    import math
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.density import random_mask, random_masks, shuffle_mask

    masks = random_masks({"fc1": (24, 48), "fc2": (24, 24), "fc3": (10, 24)}, 0.15, rng=torch.Generator().manual_seed(0))
    fig, axes = plt.subplots(1, 3, figsize=(8, 1.8), dpi=80, width_ratios=[48, 24, 24])
    for ax, (name, mask) in zip(axes, masks.items(), strict=True):
        ax.imshow(mask.numpy(), cmap="Greys"); ax.set_title(f"{name}: {mask.float().mean():.2f}"); ax.set_xticks([]); ax.set_yticks([])
    plt.close(fig); fig

    shapes, rng = {"a": (7, 9), "b": (20, 30), "c": (8, 4, 3, 3)}, torch.Generator().manual_seed(0)
    for density in (0.0, 0.013, 0.1, 0.5, 0.97, 1.0):
        for method in ("uniform", "er", "erk"):
            masks = random_masks(shapes, density, method, rng)
            assert abs(sum(int(m.sum()) for m in masks.values()) - density*951) <= 0.5 + 1e-9 and all(masks[k].shape == shapes[k] for k in shapes)
    again = [random_mask((50, 50), 0.1, torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*again) and again[0].sum() == 250 and not torch.equal(again[0], random_mask((50, 50), 0.1, torch.Generator().manual_seed(4)))
    draws = torch.stack([random_mask((5, 5), 0.2, rng) for _ in range(2000)]).double().mean(0)
    assert (draws - 0.2).abs().max() < 5*math.sqrt(0.2*0.8/2000)                                   # every position alike, 5 sigma
    counts = torch.tensor([random_mask((40, 50), 0.1, rng, exact=False).sum().item() for _ in range(200)]).double()
    assert abs(counts.mean() - 200) < 5*math.sqrt(180/200) and 8 < counts.std() < 19                # binomial: 200 +- 13.4
    shuffled = shuffle_mask(again[0], rng)
    assert shuffled.sum() == 250 and not torch.equal(shuffled, again[0])
    for call, error, text in [(lambda: random_mask((2, 2), 1.5), ValueError, "density must be in 0..1"), (lambda: random_mask((2, 2), 0.5, count=5), ValueError, "count must be in 0..4, got 5"), (lambda: shuffle_mask(torch.ones(2)), TypeError, "must be bool")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
