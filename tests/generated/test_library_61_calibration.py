"""Generated from nbs/shared_lib/61_calibration.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_inputs_as_rows():
    import torch
    from torch import nn
    from torch.nn import functional as F
    from sparsebook.calibration import input_rows

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    input_rows(conv, torch.randn(2, 3, 8, 8)).shape  # 2 images x 16 places, 3 x 3 x 3 features

    torch.manual_seed(0)
    images = torch.randn(2, 3, 9, 9)
    for layer, x in [(nn.Linear(5, 3), torch.randn(2, 7, 5)), (nn.Conv2d(3, 4, 3, stride=2, padding=1), images), (nn.Conv2d(3, 4, 3), images[0]),
                     (nn.Conv2d(3, 4, (2, 3), dilation=2, padding=(0, 2)), images), (nn.Conv2d(3, 4, 3, padding="same"), images),
                     (nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"), images)]:
        y = layer(x)
        rows = input_rows(layer, x) @ layer.weight.flatten(1).T + layer.bias
        y = y if y.dim() != 3 or isinstance(layer, nn.Linear) else y[None]
        torch.testing.assert_close(rows, y.reshape(-1, 3) if isinstance(layer, nn.Linear) else y.movedim(1, -1).flatten(0, 2))
    even = nn.Conv2d(3, 4, 2, padding="same", bias=False)                                            # one more place on the right and below
    torch.testing.assert_close(input_rows(even, images) @ even.weight.flatten(1).T, F.conv2d(F.pad(images, (0, 1, 0, 1)), even.weight).movedim(1, -1).flatten(0, 2))
    refused(TypeError, "layer must be nn.Linear or nn.Conv2d, got ReLU", lambda: input_rows(nn.ReLU(), torch.ones(2, 3)))
    refused(ValueError, "layer must have groups=1, got 2", lambda: input_rows(nn.Conv2d(4, 4, 3, groups=2), torch.ones(1, 4, 5, 5)))


def test_sums_that_do_not_depend_on_the_cut():
    import math
    import torch
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.calibration import InputStats

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def cut(x, sizes):
        """The rows of `x` in pieces of the given sizes, and the rest."""
        return [p for p in x.split([*sizes, len(x) - sum(sizes)]) if len(p)]
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(1000, 3, generator=rng)*torch.tensor([1., 0.1, 1]) + torch.tensor([0., 0, 1000])
    stats = InputStats(gram=True)
    for part in cut(x, [10, 700, 1]): stats.update(part)
    {"norm": stats.norm.round(decimals=3).tolist(), "mean": stats.mean.round(decimals=3).tolist(), "var": stats.var.round(decimals=4).tolist()}  # the third variance survives its mean of 1000

    @given(st.lists(st.integers(0, 40), max_size=5), st.integers(1, 50), st.integers(0, 10**6))
    def any_cut(sizes, block, seed):
        x = torch.randn(sum(sizes) + 7, 4, generator=torch.Generator().manual_seed(seed))*3 + 2
        one, many = InputStats(True, block), InputStats(True, block)
        one.update(x)
        for part in cut(x, sizes):
            many.update(part)
            assert many.mean.shape == (4,)                              # reading in between changes nothing
        assert one.tokens == many.tokens == len(x)
        for what in ("norm", "rms", "mean", "var", "gram"): assert torch.equal(getattr(one, what), getattr(many, what)), what
        X = x.double().numpy()
        for what, expect in [("norm", np.linalg.norm(X, axis=0)), ("rms", np.sqrt((X**2).mean(0))), ("mean", X.mean(0)), ("var", X.var(0)), ("gram", X.T @ X)]:
            np.testing.assert_allclose(getattr(one, what).numpy(), expect, rtol=1e-12, atol=1e-12)
    any_cut()
    shifted = torch.randn(5000, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    far = InputStats()
    far.update(shifted + 1e8)
    assert (far.var/shifted.var(0, correction=0) - 1).abs().max() < 1e-6                             # E[x^2] - mean^2 has no digit left here
    assert ((shifted + 1e8).square().mean(0) - (shifted + 1e8).mean(0).square() - 1).abs().max() > 0.1
    half = InputStats()
    for _ in range(300): half.update(torch.full((1, 1), 0.1, dtype=torch.float16))                   # a float16 sum would stop growing
    assert abs(half.mean - 0.1) < 1e-4 and half.norm.dtype == torch.float64
    moved = torch.ones(2, 2)
    kept_safe = InputStats()
    kept_safe.update(moved)
    moved.zero_()                                                                                    # the caller may reuse its buffer
    assert kept_safe.mean.tolist() == [1, 1]

    stats = InputStats()
    refused(RuntimeError, "no tokens were seen", lambda: stats.mean)
    stats.update(torch.ones(2, 3))
    refused(ValueError, "the inputs must be finite, got 1 NaN", lambda: stats.update(torch.tensor([[1., math.nan, 0]])))
    refused(ValueError, "rows must have 3 features as before, got 4", lambda: stats.update(torch.ones(2, 4)))
    refused(ValueError, "rows must be (tokens, features), got shape (3,)", lambda: stats.update(torch.ones(3)))
    refused(RuntimeError, "the Gram matrix was not kept", lambda: stats.gram)
    assert stats.tokens == 2


def test_quantiles_without_a_range():
    import math
    import torch
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.calibration import Magnitudes

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    fig, ax = plt.subplots(figsize=(5, 2), dpi=80)
    p = np.linspace(0, 1, 60)
    for bits, colour in [(0, "#E69F00"), (2, "#0072B2")]:
        seen = Magnitudes(bits)
        seen.update(x)
        ax.plot(p, [seen.quantile(q) for q in p], color=colour, label=f"{bits} bits", drawstyle="steps-mid")
    ax.plot(p, np.quantile(x.abs().numpy(), p), "k:", label="sorted sample")
    ax.set_xlabel("sparsity"); ax.set_ylabel("threshold on |x|"); ax.legend(frameon=False)
    plt.close(fig); fig

    @given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False).filter(lambda v: v == 0 or abs(v) > 1e-37), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 12))
    def within_its_bin(values, p, bits):
        seen, x = Magnitudes(bits), torch.tensor(values, dtype=torch.float32)
        for part in x.split(7): seen.update(part)
        order = x.abs().sort().values
        exact = order[min(max(math.ceil(p*len(x) - 1e-9), 1), len(x)) - 1].item()
        lo, hi = seen.bounds(p)
        assert lo <= exact < hi and hi <= lo*(1 + 2.0**-bits) + 1e-37 and abs(seen.quantile(p) - exact) <= 2.0**-(bits + 1)*exact
        assert int(seen.counts.sum()) == len(x)
    within_its_bin()
    seen = Magnitudes()
    refused(RuntimeError, "no values were seen", lambda: seen.quantile(0.5))
    refused(ValueError, "the inputs must be finite", lambda: seen.update(torch.tensor([math.inf])))
    refused(ValueError, "the inputs in float32 must be finite", lambda: seen.update(torch.tensor([1e300], dtype=torch.float64)))
    refused(ValueError, "bits must be in 0..16, got 20", lambda: Magnitudes(20))
    seen.update(torch.tensor([0., 0, 0, 5]))
    assert seen.quantile(0.75) == 0 and abs(seen.quantile(1) - 5) <= 5*2**-8
    refused(ValueError, "p must be in 0..1, got 50", lambda: seen.quantile(50))


def test_watching_a_model():
    import math
    import torch
    from torch import nn
    from sparsebook.calibration import InputStats, calibrate, input_rows

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    with calibrate(model, ["3", "5"], gram=True, magnitudes=7) as stats:
        for _ in range(4): model(torch.randn(16, 1, 6, 6))
    {name: (s, f"dead inputs: {int((s.norm == 0).sum())}", f"half of |x| is below {s.magnitudes.quantile(0.5):.2f}") for name, s in stats.items()}

    torch.manual_seed(0)
    shared = nn.Linear(4, 4)
    model = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 4), shared, nn.ReLU(), shared).eval()
    x = torch.randn(10, 2, 3, 3)
    before = model(x)
    with calibrate(model, gram=True, magnitudes=7, scale={"2": torch.arange(12.)}) as stats:
        for part in x.split(3): after = model(part)
    assert torch.equal(model(x), before) and list(stats) == ["0", "2", "3", "5"] and stats["3"] is stats["5"]
    hidden = [x]
    for layer in model: hidden.append(layer(hidden[-1]))
    direct = InputStats(gram=True)
    direct.update(input_rows(model[0], x))
    assert torch.equal(stats["0"].gram, direct.gram) and stats["0"].tokens == 40 and stats["0"].features == 8
    both = torch.cat([hidden[3], hidden[5]]).double().detach()
    torch.testing.assert_close(stats["3"].gram, both.T @ both)
    assert stats["3"].tokens == 20
    scaled = (hidden[2]*torch.arange(12.)).abs().flatten().sort().values
    assert stats["2"].magnitudes.bounds(0.5)[0] <= scaled[59] < stats["2"].magnitudes.bounds(0.5)[1]
    E = (model[2].weight @ hidden[2].T).norm()**2                                                  # what G is for: ||W X^T||^2 = tr(W G W^T)
    torch.testing.assert_close(torch.trace(model[2].weight.double() @ stats["2"].gram @ model[2].weight.double().T), E.double())
    hooks = lambda: sum(len(m._forward_pre_hooks) for m in model.modules())
    def broken():
        with calibrate(model):
            assert hooks() == 3
            model(torch.full((1, 2, 3, 3), math.nan))
    refused(ValueError, "0: the inputs must be finite, got 32 NaN", broken)
    assert hooks() == 0
    class Two(nn.Module):
        def __init__(self): super().__init__(); self.used, self.idle = nn.Linear(2, 2), nn.Linear(2, 2)
        def forward(self, x): return self.used(x)
    with calibrate(two := Two()) as stats: two(torch.ones(1, 2))
    refused(RuntimeError, "no tokens were seen", lambda: stats["idle"].norm)

    refused(ValueError, "no nn.Linear or nn.Conv2d matches 'block.*'; known: 0", lambda: calibrate(nn.Sequential(nn.Linear(2, 2)), "block.*").__enter__())
    refused(ValueError, "scale names no chosen layer: 1; known: 0", lambda: calibrate(nn.Sequential(nn.Linear(2, 2)), scale={"1": torch.ones(2)}).__enter__())
    refused(ValueError, "scale needs a histogram", lambda: calibrate(nn.Sequential(nn.Linear(2, 2)), scale={"0": torch.ones(2)}).__enter__())
