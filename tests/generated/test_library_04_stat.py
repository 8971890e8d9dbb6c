"""Generated from nbs/shared_lib/04_stat.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_student_s_paired_interval():
    import math
    import numpy as np
    from scipy.stats import binomtest
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from scipy import stats
    from sparsebook.stat import Estimate, mean_ci, paired_mean_ci

    ste, sr_ste = [85.1, 84.7, 85.4, 84.9, 85.0], [85.5, 85.3, 85.6, 85.2, 85.7]
    paired_mean_ci(sr_ste, ste)

    import matplotlib.pyplot as plt

    rng = np.random.default_rng(1)
    studies = [mean_ci(rng.normal(1, 1, 5)) for _ in range(40)]
    fig, ax = plt.subplots(figsize=(6, 1.8), dpi=70)
    for i, e in enumerate(studies): ax.plot([i, i], [e.low, e.high], color="#0072B2" if e.low < 1 < e.high else "#D55E00", lw=2)
    ax.axhline(1, color="k", lw=.5); ax.set(xlabel="study", ylabel="95 % interval"); plt.show()

    seeds = st.lists(st.floats(-100, 100).map(lambda v: round(v, 3)), min_size=3, max_size=8)


    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(seeds, st.integers(0, 2**31), st.sampled_from([.01, .05, .2]))
    def check_student(b, seed, alpha):
        b = np.array(b); a = b + np.random.default_rng(seed).normal(.3, 1, len(b))
        e, r = paired_mean_ci(a, b, alpha), stats.ttest_rel(a, b)
        ci = r.confidence_interval(1 - alpha)
        np.testing.assert_allclose([e.estimate, e.low, e.high, e.p], [np.mean(a - b), ci.low, ci.high, r.pvalue], rtol=1e-9, atol=1e-12)
        assert e.n == len(b) and np.isclose(e.effect, np.mean(a - b)/np.std(a - b, ddof=1))
        assert (e.p < alpha) == (e.low > 0 or e.high < 0)
        back, order = paired_mean_ci(b, a, alpha), np.random.default_rng(seed).permutation(len(b))
        assert (back.estimate, back.low, back.high, back.p, back.effect) == (-e.estimate, -e.high, -e.low, e.p, -e.effect)
        assert paired_mean_ci(a[order], b[order], alpha) == e
        for unit in (2.**600, 2.**-600):
            big = paired_mean_ci(a*unit, b*unit, alpha)
            np.testing.assert_allclose([big.estimate/unit, big.low/unit, big.high/unit, big.p], [e.estimate, e.low, e.high, e.p], rtol=1e-12)


    check_student()
    a = np.random.default_rng(0).normal(2, 1, 7)
    assert mean_ci(a, .1) == paired_mean_ci(a, np.zeros(7), .1)
    assert mean_ci(a).low < mean_ci(a, .1).low < mean_ci(a, .1).high < mean_ci(a).high

    for n, alpha in [(2, .05), (5, .05), (5, .2), (10, .05)]:
        rng, draws = np.random.default_rng(n), 1500
        found = [mean_ci(rng.normal(3, 2, n), alpha) for _ in range(draws)]
        below, above = (sum(e.high < 3 for e in found), sum(e.low > 3 for e in found))
        for missed in (below, above): assert binomtest(missed, draws, alpha/2).pvalue > 1e-4, (n, alpha, missed/draws)

    assert mean_ci([3.]) == Estimate(3., -math.inf, math.inf, 1, None, 1.)
    assert paired_mean_ci([1.], [0.]).p == 1 and paired_mean_ci([1, 2], [1, 2]) == Estimate(0., 0., 0., 2, 0., 1.)
    assert paired_mean_ci([1.5, 2.5], [1, 2]) == Estimate(.5, .5, .5, 2, math.inf, 0.)
    assert paired_mean_ci([1, 2], [1.5, 2.5]) == Estimate(-.5, -.5, -.5, 2, -math.inf, 0.)
    assert paired_mean_ci([.1 + .2]*3, [.3]*3) == Estimate(0., 0., 0., 3, 0., 1.)
    assert mean_ci([.1]*3) == Estimate(.1, .1, .1, 3, math.inf, 0.) and mean_ci([0, 0]).p == 1
    assert paired_mean_ci([.3, .2, .4], [.2, .1, .3]).low == paired_mean_ci([.3, .2, .4], [.2, .1, .3]).high   # 0.1 up to rounding
    assert paired_mean_ci([1 + 1e-12, 1 + 3e-12], [1, 1]).estimate > 0 and mean_ci([1e-300, 2e-300, 4e-300]).effect < 2
    assert mean_ci(np.array([1, 2, 3], dtype=np.int8)).estimate == 2 and mean_ci([1, 2.5]).n == 2

    try: paired_mean_ci([85.1, float("nan"), 85.4], [84.9, 85.0, 85.2])
    except ValueError as e: print(e)

    for bad, says in [(([1, np.inf], [1, 2]), r"a\[1\] is inf"), (([1, 2], [np.nan, 2]), r"b\[0\] is nan"), (([1, 2], [1, 2, 3]), "2 seeds, b has 3"),
                      (([[1, 2]], [1, 2]), r"shape \(1, 2\)"), (([], []), r"shape \(0,\)"), ((1., 2.), r"shape \(\)"), (([True, False], [1, 0]), "bool"),
                      ((["1"], ["2"]), "dtype"), (([None, 1], [1, 1]), "dtype"), (([1e308, 1], [-1e308, 1]), r"a - b\[0\]")]:
        with pytest.raises(ValueError, match=says): paired_mean_ci(*bad)
    for alpha in (0, 1, -.1, 5, math.nan):
        with pytest.raises(ValueError, match="alpha must be in"): mean_ci([1, 2], alpha)


def test_equivalence_two_one_sided_tests():
    import math
    import numpy as np
    from scipy.stats import binomtest
    import itertools
    import pytest
    from scipy import stats
    from sparsebook.stat import paired_mean_ci, tost

    dense, sparse = [91.2, 90.8, 91.0, 91.5, 91.1, 90.9], [91.0, 90.9, 91.1, 91.3, 91.2, 90.8]
    tost(sparse, dense, margin=.5), tost(sparse, dense, margin=.05)

    rng = np.random.default_rng(0)
    for n, shift, margin, alpha in itertools.product((2, 5, 9), (-1., 0., .4), (.3, 1.), (.05, .2)):
        a, b = rng.normal(shift, .5, n), rng.normal(0, .5, n)
        e = tost(a, b, margin, alpha)
        p = max(stats.ttest_1samp(a - b, margin, alternative="less").pvalue, stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue)
        assert np.isclose(e.p, p, rtol=1e-9) and (e.p < alpha) == (-margin < e.low and e.high < margin)
        assert (e.low, e.high) == paired_mean_ci(a, b, 2*alpha)[1:3] and np.isclose(tost(b, a, margin, alpha).p, e.p)

    rng, draws = np.random.default_rng(3), 1500
    at = sum(tost(rng.normal(1, 1, 6), np.zeros(6), 1.).p < .05 for _ in range(draws))
    assert binomtest(at, draws, .05, alternative="greater").pvalue > 1e-4 and at > 0
    inside = [tost(rng.normal(.05, .2, 6), np.zeros(6), 1.).p < .05 for _ in range(200)]
    assert np.mean(inside) > .95
    assert tost([1.], [1.], 5).p == 1 and tost([1, 2], [1, 2], .1).p == 0
    assert tost([2, 3], [1, 2], 1).p == 1 and tost([2, 3], [1, 2], 1.001).p == 0 and tost([1, 2], [2, 3], 1).p == 1

    for margin in (0, -1, math.inf, math.nan):
        with pytest.raises(ValueError, match="margin must be"): tost([1, 2], [1, 2], margin)
    for alpha in (0, .5, math.nan):
        with pytest.raises(ValueError, match="alpha must be"): tost([1, 2], [1, 2], 1, alpha)


def test_sign_test():
    import numpy as np
    import itertools
    import pytest
    from sparsebook.stat import Estimate, sign_test

    sign_test([3, 4, 5, 6, 7], [1, 2, 2, 1, 0], "greater")

    for m in (1, 4, 5, 8):
        wins = np.array([sum(s) for s in itertools.product((0, 1), repeat=m)])
        for k in range(m + 1):
            a, b = np.r_[np.ones(k), np.zeros(m - k), 7.], np.r_[np.zeros(k), np.ones(m - k), 7.]   # the last pair is a tie
            up, down = np.mean(wins >= k), np.mean(wins <= k)
            assert np.isclose(sign_test(a, b, "greater").p, up) and np.isclose(sign_test(a, b, "less").p, down)
            e = sign_test(a, b)
            assert np.isclose(e.p, min(1, 2*min(up, down))) and e.n == m and e.estimate == k/m and e.effect == k/m - .5
            if up < .9: assert sign_test(a, b, "greater", 1.01*up).low > .5 > sign_test(a, b, "greater", .99*up).low
    assert sign_test([1, 2], [1, 2]) == Estimate(.5, 0., 1., 0, 0., 1.) and sign_test([.1 + .2], [.3]).n == 0
    with pytest.raises(ValueError, match="alternative"): sign_test([1], [2], "more")
    with pytest.raises(ValueError, match="alpha must be"): sign_test([1], [2], alpha=0)


def test_trend_over_ordered_conditions():
    import math
    import numpy as np
    from scipy.stats import binomtest
    import pytest
    from scipy import stats
    from sparsebook.stat import Estimate, mean_ci, trend

    lam_sweep = [[60.1, 59.2, 60.4, 59.8], [61.0, 60.3, 61.1, 60.9], [61.2, 61.3, 61.9, 61.5]]
    trend(lam_sweep)

    rng, draws = np.random.default_rng(0), 400
    level = {}
    for world in ("independent", "random walk"):
        x = rng.normal(size=(draws, 5, 5))
        if world == "random walk": x = x.cumsum(axis=1)                          # (study, condition, seed)
        level[world] = {"slopes": np.mean([trend(list(s)).p < .05 for s in x]),
                        "Page, both sides": np.mean([min(stats.page_trend_test(y, method="asymptotic").pvalue for y in (s.T, s[::-1].T)) < .025 for s in x])}
    level

    assert all(binomtest(round(v["slopes"]*draws), draws, .05, alternative="greater").pvalue > 1e-3 for v in level.values())
    assert level["random walk"]["Page, both sides"] > .15

    rng = np.random.default_rng(1)
    for k, n in [(3, 2), (4, 5), (7, 3)]:
        x = rng.normal(size=(k, n)) + .5*np.arange(k)[:, None]
        e, slopes = trend(list(x), .1), np.polyfit(np.arange(k), x, 1)[0]
        np.testing.assert_allclose(e, mean_ci(slopes, .1), rtol=1e-9)
        down = trend(list(x[::-1]), .1)
        np.testing.assert_allclose([down.estimate, down.low, down.high, down.p], [-e.estimate, -e.high, -e.low, e.p], rtol=1e-9)
    assert trend([[1, 2], [3, 4], [5, 6]])[:3] == (2., 2., 2.) and trend([[1.1, 2.3]]*4) == Estimate(0., 0., 0., 2, 0., 1.)
    assert trend([[1], [2], [3]])[1:] == (-math.inf, math.inf, 1, None, 1.)
    with pytest.raises(ValueError, match="at least 3"): trend([[1, 2], [1, 2]])
    with pytest.raises(ValueError, match=r"\[2, 3\] seeds"): trend([[1, 2], [1, 2], [1, 2, 3]])
    with pytest.raises(ValueError, match=r"conditions\[1\]\[0\] is nan"): trend([[1, 2], [np.nan, 2], [1, 2]])


def test_several_tests_at_once():
    import numpy as np
    import itertools
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.stat import holm

    holm([.01, .04, .03, .005])

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
    def check_holm(p):
        sets = [s for r in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), r)]
        closed = [max(min(1, len(s)*min(p[j] for j in s)) for s in sets if i in s) for i in range(len(p))]
        np.testing.assert_allclose(holm(p), closed, rtol=1e-12)
        assert np.all(holm(p) >= p) and np.isclose(holm(p).min(), min(1, len(p)*min(p)))


    check_holm()
    with pytest.raises(ValueError, match=r"\[0, 1\], got 1.2"): holm([0, 1, 1.2])
    with pytest.raises(ValueError, match=r"\[0, 1\], got -0.1"): holm([-.1, .5])
    with pytest.raises(ValueError, match="pvals"): holm([np.nan])


def test_bootstrap():
    import math
    import numpy as np
    import pytest
    from scipy import stats
    from sparsebook.stat import Estimate, bootstrap_ci

    bootstrap_ci(np.random.default_rng(0).exponential(1., 200), statistic=np.median)

    x = np.random.default_rng(5).exponential(1., 80)
    ours = bootstrap_ci(x, .1, np.median, draws=4000)
    peer = stats.bootstrap((x,), np.median, confidence_level=.9, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)).confidence_interval
    np.testing.assert_allclose(ours[1:3], [peer.low, peer.high], atol=.04)
    assert ours.estimate == np.median(x) and ours.n == 80 and ours == bootstrap_ci(x, .1, np.median, draws=4000) != bootstrap_ci(x, .1, np.median, draws=4000, seed=1)
    y = np.random.default_rng(6).normal(size=400)
    e, se = bootstrap_ci(y, .1, draws=8000), y.std()/20
    np.testing.assert_allclose([(e.estimate - e.low)/se, (e.high - e.estimate)/se], 1.645, rtol=.05)
    assert bootstrap_ci([2., 2., 2.])[:3] == (2., 2., 2.) and bootstrap_ci([2.]) == Estimate(2., -math.inf, math.inf, 1, None, None)
    rng, hits = np.random.default_rng(2), {5: 0, 60: 0}
    for n in hits: hits[n] = np.mean([(e := bootstrap_ci(rng.normal(size=n), draws=300)).low <= 0 <= e.high for _ in range(300)])
    assert .88 < hits[60] < .99 and hits[5] < .91, hits
    with pytest.raises(ValueError, match="draws"): bootstrap_ci(x, draws=99)
    with pytest.raises(ValueError, match="alpha"): bootstrap_ci(x, 1.)


def test_which_one_do_i_want():
    import numpy as np
    from sparsebook.stat import mean_ci

    rng = np.random.default_rng(4)
    power = np.mean([mean_ci(rng.normal(1.7, 1, 5)).low > 0 for _ in range(600)])
    assert .72 < power < .88, power
