"""Generated from nbs/shared_lib/63_schedule.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sparsity_over_time():
    import math
    from sparsebook.mask import kept
    import matplotlib.pyplot as plt
    import numpy as np
    from hypothesis import given, strategies as st
    from sparsebook.schedule import SHAPES, kept_at, sparsity_at

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    fig, ax = plt.subplots(figsize=(5, 2.2), dpi=80)
    t = np.arange(120)
    for shape, colour in zip(SHAPES, ("#0072B2", "#E69F00", "#009E73", "0.5"), strict=True): ax.plot(t, [sparsity_at(int(i), 10, 100, 0.95, shape=shape) for i in t], color=colour, label=shape)
    ax.step(t, [sparsity_at(int(i), 10, 100, 0.95, every=20) for i in t], color="#0072B2", lw=0.8, where="post", label="cubic, every 20")
    ax.set_xlabel("step"); ax.set_ylabel("sparsity"); ax.legend(frameon=False, fontsize=7)
    plt.close(fig); fig

    @given(st.integers(0, 20), st.integers(0, 50), st.floats(0, 1), st.floats(0, 1), st.sampled_from(SHAPES), st.integers(1, 9), st.integers(1, 10**6))
    def monotone(start, length, a, b, shape, every, size):
        plan = dict(start=start, stop=start + length, initial=min(a, b), final=max(a, b), shape=shape, every=every)
        s = [sparsity_at(t, **plan) for t in range(start + length + 3)]
        k = [kept_at(t, size, **plan) for t in range(start + length + 3)]
        assert all(x <= y + 1e-15 for x, y in zip(s, s[1:], strict=False)) and all(x >= y for x, y in zip(k, k[1:], strict=False))
        assert s[-1] == max(a, b) and k[-1] == kept(size, max(a, b)) and (length == 0 or s[start] == min(a, b)) and len(set(s)) <= 2 + max(length - 1, 0)//every
    monotone()
    cubic = lambda t: sparsity_at(t, 0, 100, 0.8, 0.2)
    assert cubic(50) == 0.8 - 0.6/8 and abs(np.mean([cubic(t) for t in range(100)]) - (0.8 - 0.6/4)) < 0.004      # the integral of x^3 is 1/4
    left = [1 - sparsity_at(t, 0, 10, 0.99, 0.5, "exponential") for t in range(11)]
    np.testing.assert_allclose(np.array(left[1:])/left[:-1], (0.01/0.5)**0.1)
    assert sparsity_at(5, 5, 5, 0.9) == 0.9 and sparsity_at(4, 5, 5, 0.9) == 0 and sparsity_at(1, 0, 10, 1.0, shape="exponential") == 1
    refused(ValueError, "final must be in 0..1, got 90", lambda: sparsity_at(0, 0, 10, 90))
    refused(ValueError, "0 <= start <= stop", lambda: sparsity_at(0, 10, 5, 0.9))
    refused(ValueError, "shape must be one of", lambda: sparsity_at(0, 0, 10, 0.9, shape="cosine"))
    refused(ValueError, "every must be at least 1, got 0", lambda: sparsity_at(0, 0, 10, 0.9, every=0))
    refused(ValueError, "initial must be in 0..1, got nan", lambda: sparsity_at(0, 0, 10, 0.9, math.nan))


def test_rounds_of_iterative_pruning():
    import numpy as np
    from sparsebook.schedule import imp_sparsities

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    [round(s, 3) for s in imp_sparsities(1 - 0.8**5, 5)]  # 20 % of what is left, five times

    for final, rounds in ((0.9, 4), (0.5, 1), (0.0, 3), (1.0, 2)):
        s = imp_sparsities(final, rounds)
        assert len(s) == rounds and s[-1] == final and s == sorted(s)
    density = 1 - np.array([0.0, *imp_sparsities(0.9, 4)])
    np.testing.assert_allclose(density[1:]/density[:-1], 0.1**0.25)
    refused(ValueError, "rounds must be at least 1, got 0", lambda: imp_sparsities(0.9, 0))


def test_how_many_weights_move():
    import math
    from hypothesis import given, strategies as st
    from sparsebook.schedule import drop_fraction, is_update, swaps

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    [(t, round(drop_fraction(t, 1000), 3), swaps(200, 1000, drop_fraction(t, 1000))) for t in range(0, 1001, 250)]

    assert drop_fraction(0, 10) == 0.3 and abs(drop_fraction(5, 10) - 0.15) < 1e-15 and drop_fraction(10, 10) == 0
    assert abs(drop_fraction(7, 10, 0.5, 0.005) - (0.005 + 0.495*(1 + math.cos(0.7*math.pi))/2)) < 1e-15
    assert [drop_fraction(5, 10, 0.4, shape=s) for s in ("linear", "cubic", "constant")] == [0.2, 0.05, 0.4]
    @given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 1))
    def whole(active, free, fraction):
        k = swaps(active, active + free, fraction)
        assert 0 <= k <= active and abs(k - fraction*active) <= 1 and swaps(active, active + free, fraction, regrow=False) == min(k, free)
    whole()
    assert swaps(10, 20, 0.3) == 3 and swaps(10, 20, 1.0) == 10 and swaps(0, 20, 0.5) == 0 and swaps(20, 20, 0.5, regrow=False) == 0   # 0.3 x 10 is 3, not 2.999
    assert [t for t in range(12) if is_update(t, 3, 10)] == [3, 6, 9] and [t for t in range(12) if is_update(t, 3, 10, 2)] == [5, 8]
    refused(ValueError, "shape must be one of ('cosine', 'linear', 'cubic', 'constant'), got 'step'", lambda: drop_fraction(0, 10, shape="step"))
    refused(ValueError, "active must be in 0..size=5, got 6", lambda: swaps(6, 5, 0.1))
    refused(ValueError, "every must be at least 1", lambda: is_update(1, 0, 10))


def test_letting_go_of_masked_weights():
    import math
    from sparsebook.schedule import mask_decay, nm_at, nm_frames

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    {shape: [nm_at(t, 10, 90, 1, 8, shape) for t in (0, 10, 30, 50, 70, 100)] for shape in ("stepwise", "geometric")} | {"beta": [round(mask_decay(t, 0.02, 10, stop=90), 2) for t in (0, 10, 30, 50, 70, 100)]}

    assert nm_frames(1, 8) == [(7, 8), (4, 8), (2, 8), (1, 8)] and nm_frames(1, 8, "geometric") == [(8, 64), (4, 32), (2, 16), (1, 8)]
    assert nm_frames(2, 4) == [(3, 4), (2, 4)] and nm_frames(1, 4) == [(3, 4), (2, 4), (1, 4)] and nm_frames(1, 1) == [(1, 1)] and nm_frames(3, 4) == [(3, 4)]
    for n, m in ((1, 8), (2, 4), (3, 16), (1, 2), (5, 6)):
        frames = [nm_at(t, 5, 25, n, m) for t in range(30)]
        assert frames[4] == (1, 1) and frames[5] == nm_frames(n, m)[0] and frames[25] == frames[-1] == (n, m) and all(a[0]/a[1] >= b[0]/b[1] for a, b in zip(frames, frames[1:], strict=False))
        assert {frames[5:25].count(f) for f in nm_frames(n, m)} <= {20//len(nm_frames(n, m)), 20//len(nm_frames(n, m)) + 1}                # equal frames
    for shape in ("exponential", "linear", "step"):
        beta = [mask_decay(t, 0.1, 3, 15, shape) for t in range(20)]
        assert beta[:4] == [1, 1, 1, 1] and beta[15:] == [0]*5 and beta == sorted(beta, reverse=True)
    assert mask_decay(8, 0.1, 3, shape="linear") == 0.5 and mask_decay(13, 0.1, 3) == math.exp(-1) and mask_decay(10**4, 1e-4) > 0.3    # slow: still a third left
    refused(ValueError, "n must be in 1..m=4, got 5", lambda: nm_frames(5, 4))
    refused(ValueError, "shape must be 'exponential', 'linear' or 'step'", lambda: mask_decay(1, 0.1, shape="cosine"))
    refused(ValueError, "rate must be >= 0 and finite, got -1", lambda: mask_decay(1, -1))


def test_learning_rates_for_retraining():
    import math
    from sparsebook.schedule import linear_rate, retraining_rate

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    [round(linear_rate(t, 20), 2) for t in range(0, 20, 3)], retraining_rate(0.3, 0.5, 10, 100)

    for steps, warmup in ((20, 0.1), (7, 0.5), (1, 0.0), (10, 1.0)):
        f = [linear_rate(t, steps, warmup) for t in range(steps)]
        peak = f.index(1.0)
        assert f[:peak] == sorted(f[:peak]) and f[peak:] == sorted(f[peak:], reverse=True) and 0 < min(f) and max(f) == 1
    assert abs(retraining_rate(0.3, 0.5, 10, 100) - 0.3/math.sqrt(0.5)) < 1e-15 and retraining_rate(0.0, 0.5, 10, 100) == 0.1 and retraining_rate(0.9, 0.1, 10, 100) == 1 and retraining_rate(0.1, 0.9, 200, 100) == 1
    refused(ValueError, "step must be in 0..4, got 5", lambda: linear_rate(5, 5))
    refused(ValueError, "pruned must be in 0..1 and above 0, got 0", lambda: retraining_rate(0.1, 0, 1, 1))
