"""Generated from nbs/shared_lib/06_language.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_parsing():
    import ast
    import numpy as np
    from sparsebook.evidence import ClaimError
    import pytest
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.language import ask, metrics_used, read_metrics

    five = dict(ours=[85.5, 85.3, 85.6, 85.2, 85.7], base=[85.1, 84.7, 85.4, 84.9, 85.0], err=3e-16)
    ask("ours > base", five)

    for test in ["ours > bse", "ours > base or err < 1", "ours.max() > 1"]:
        try: ask(test, five)
        except ClaimError as e: print(f"{test:24} {e}")

    metrics = dict(a=[1., 2.], b=[2., 4.], c=[3., 3.], n=2.)
    assert metrics_used("every(a < b, abs(c - 1) <= 3e2, some(b < c, -a < log(n)))") == {"a", "b", "c", "n"}
    assert metrics_used("  a\n <  b ") == {"a", "b"} and metrics_used("a < 1 and b < 1 and +a < 2") == {"a", "b"}
    forbidden = """__import__('os')|().__class__|a.mean() < 1|a[0] < 1|[x for x in a] < 1|(lambda: 1)() < 1|a ** 9 < 1|9**9**9 < a|a % 2 < 1|a // 2 < 1
    a if a else b|'x' < a|a < True|a < None|a < 1j|not (a < b)|a < b or b < c|a != b|a is b|a in b|f'{a}'|a < b; b < c|import os|a = 1|a := 1|(a := 1) < 2|a <
    a < (b|a & b|~a < 1|{a} < 1|(a, b) < 1|every(*a)|every(**a)|a < b < |yield a|a < 1e999|a < 1_0**2|print(a) < 1|eval(a) < 1|a b|a < \0|@a""".replace("\n", "|").split("|")
    for test in [*forbidden, "", "   ", "a < b" + " + 1"*700, "-"*900 + "a < 1"]:
        with pytest.raises(ClaimError): metrics_used(test)
    misfits = {"a": "only a number", "a + b": "only a number", "1 < 2": "no metric", "a < b and 1 < 2": "two constants", "mean(a) < 1": "mean.*: missing",
               "every(a, b)": "every takes comparisons, got a", "every(a < b, every())": "is empty", "some(a < b, 1)": "takes comparisons, got 1", "abs(a < b) < 1": "takes numbers",
               "(a < b) + 1 < 2": "arithmetic is for numbers", "-(a < b)": "arithmetic", "(a < b) < c": "takes numbers, got a < b", "a and b": "takes comparisons",
               "equivalent(a, b)": "margin", "equivalent(a, b, 0)": "positive", "equivalent(a, b, -1)": "positive", "equivalent(a, b, c)": "positive number.*got c",
               "non_inferior(a, b, n)": "fixed beforehand", "equivalent(a, b, margin=1, c=2)": "unexpected", "abs(a, b) < 1": "too many", "every(x=a < b)": "unexpected",
               "sign(a <= b)": "one comparison", "sign(a < b < c)": "one comparison", "sign(a)": "takes comparisons", "increasing(a, b)": "at least 3",
               "decreasing(a)": "at least 3", "peak(a, b)": "at least 3", "size(a < b)": "stand alone", "every(size(a < b))": "beside it", "some(not_worse(a, b), a < b)": "no place",
               "some(a < b, size(b < c))": "no place", "some(every(not_worse(a, b), a < b))": "no place", "mean < 1": "is a function", "a < increasing": "is a function",
               "equivalent(1, 2, 3)": "no metric", "evry(a < b)": "did you mean 'every'", "a or b": "corrects for the choice", "log(a, b) < 1": "too many"}
    for test, says in misfits.items():
        with pytest.raises(ClaimError, match=says): metrics_used(test)
    for test in ["sign(a < b)", "equivalent(a, b, 1)", "increasing(a, b, c)", "decreasing(a, b, c)", "peak(a, b, c)", "not_worse(a, b)", "non_inferior(a, b, 1)"]:
        for kind in ("identity", "bound"):
            with pytest.raises(ClaimError, match="is statistical"): metrics_used(test, kind)
        for kind in ("comparison", "trend", "value"): metrics_used(test, kind)


    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.text(st.sampled_from("abn01 .,()<>=+-*/_'[]{}:\n"), max_size=25) | st.text(max_size=12))
    def check_fuzz(test):
        try: evidence = ask(test, metrics)
        except ClaimError: return
        assert evidence.holds in (True, False) and set("abn") & set(test)


    check_fuzz()

    for bad, says in {"[True, False]": "must be a number", "True": "must be", "'1'": "must be", "None": "must be", "[]": "must be", "[[1, 2]]": "must be", "[[1], [1, 2]]": "must be",
                      "[1, None]": "must be", "np.nan": "a is nan: no verdict", "[1, np.inf]": "a is inf for seed index 1", "[1, 2, 3]": "b has 2 seeds, a has 3"}.items():
        with pytest.raises(ClaimError, match=says): ask("a < b", {"a": {"np.nan": np.nan, "[1, np.inf]": [1, np.inf]}.get(bad) or ast.literal_eval(bad), "b": [1, 2]})
    with pytest.raises(ClaimError, match=r"log\(a - b\) is nan for seed index 1"): ask("log(a - b) < 1", dict(a=[2, 1], b=[1, 2]))
    with pytest.raises(ClaimError, match=r"a / b is inf"): ask("a/b > 1", dict(a=1, b=0))
    with pytest.raises(ClaimError, match="no metric a: known: bbbbbb"): ask("a < 1", dict(bbbbbb=1))
    for alpha in (0, .5, -1, float("nan")):
        with pytest.raises(ClaimError, match="alpha"): ask("a < 1", metrics, alpha=alpha)
    out = read_metrics(dict(a=1, b=np.float32(2), c=(1, 2), d=np.arange(3), e=[np.float64(1), 2]))
    assert {k: v.shape for k, v in out.items()} == dict(a=(), b=(), c=(2,), d=(3,), e=(2,)) and all(v.dtype == float for v in out.values())


def test_is_what_it_says():
    import numpy as np
    from scipy import stats
    from sparsebook.language import ask

    a, b = np.array([1., 3., 2., 5.]), np.array([2., 2.5, 4., 7.])
    near = lambda e, mean, r, alpha=.05: np.allclose([e.estimate, e.low, e.high, e.p], [mean, *r.confidence_interval(1 - alpha), r.pvalue], rtol=1e-9)
    assert near(ask("a < b", dict(a=a, b=b)), np.mean(a - b), stats.ttest_rel(a, b))
    assert near(ask("2*a - b/4 > mean(a, b, 1) + 3 - log(b)", dict(a=a, b=b), alpha=.1),
                np.mean(2*a - b/4 - (a + b + 1)/3 - 3 + np.log(b)), stats.ttest_rel(2*a - b/4, (a + b + 1)/3 + 3 - np.log(b)), .1)
    e = ask("a > 0.5", dict(a=a), "value")
    assert np.isclose(e.estimate, a.mean()) and np.isclose(e.low, stats.ttest_1samp(a, .5).confidence_interval().low) and e.form == "mean" and e.n == 4
    for test in ("a > h", "h < a", "0.5 < a"):
        f = ask(test, dict(a=a, h=.5)); assert (f.estimate, f.low, f.high, f.p, f.holds, f.direction, f.form) == (e.estimate, e.low, e.high, e.p, e.holds, e.direction, e.form)
    assert ask("-abs(a - b) < 0", dict(a=a, b=b)).estimate == -np.abs(a - b).mean() and ask("a < b", dict(a=1, b=3)).form == "difference"

    up, rather, none = [2.0, 2.1, 1.9, 2.0], [3., -1., 1., 0.], [1., 1., 1., 1.]
    for d, above, below in [(up, (True, "right"), (False, "contradicted")), (rather, (False, "right"), (False, "wrong")),
                            ([0.]*4, (False, "flat"), (False, "flat")), ([1.]*4, (True, "right"), (False, "contradicted")), ([7.], (False, "right"), (False, "wrong"))]:
        d = np.array(d)
        for plus, minus in ["a > b", "a < b"], ["b < a", "b > a"], ["a - b > 0", "0 > a - b"]:
            both = [ask(t, dict(a=d + 1, b=np.ones(len(d)))) for t in (plus, minus)]
            assert [(e.holds, e.direction) for e in both] == [above, below], (d, plus, both)
            assert both[0].p == both[1].p and both[0].level == .95 and both[0].n == len(d)

    bad, good = dict(err=[1e-16, 2e-12, 0.]), dict(err=[1e-16, 3e-13, 0.])
    for kind in ("identity", "bound", "comparison", "trend", "value"):
        assert ask("err <= 1e-12", good, kind).holds and not ask("err <= 1e-12", bad, kind).holds
    e = ask("err <= 1e-12", bad, "identity")
    assert (e.estimate, e.low, e.high, e.n, e.direction, e.form, e.note) == (2e-12, 0., 2e-12, 3, "wrong", "worst", "false in 1 of 3 seeds") and e.p is None
    cases = {"x <= 2": [1, 2], "2 >= x": [1, 2], "x >= 1": [1, 2], "x == 1": [1, 1], "1 == x": [1, 1]}
    breaks = {"x <= 2": np.nextafter(2, 3), "2 >= x": np.nextafter(2, 3), "x >= 1": np.nextafter(1, 0), "x == 1": np.nextafter(1, 2), "1 == x": np.nextafter(1, 0)}
    for test, x in cases.items():
        for kind in ("identity", "value"):
            assert ask(test, dict(x=x), kind).holds and not ask(test, dict(x=[*x, breaks[test]]), kind).holds
            e = ask(test, dict(x=[breaks[test]]), kind); assert e.direction == "contradicted" and e.note == "false in 1 of 1 seed" and e.estimate == breaks[test]
    for kind in ("identity", "bound"):
        assert ask("x < 2", dict(x=[1, 1.9]), kind).holds and not ask("x < 2", dict(x=[1, 2]), kind).holds and not ask("2 > x", dict(x=[1, 2]), kind).holds
        assert ask("x < y", dict(x=[1, 5], y=[2, 6]), kind).holds and not ask("x < y", dict(x=[1, 5], y=[2, 5]), kind).holds and ask("x > y", dict(x=3, y=2), kind).holds
        assert not ask("x > 0", dict(x=[1, 0]), kind).holds and ask("x > 0", dict(x=[1, 1e-300]), kind).holds
        assert ask("0 < x < y <= 9", dict(x=[1, 2], y=[2, 9]), kind).holds and not ask("0 < x < y <= 9", dict(x=[1, 2], y=[2, 9.5]), kind).holds
    assert ask("x <= y", dict(x=[1, 2], y=[3, 2.5])).estimate == -.5 and ask("x >= y", dict(x=[5, 4], y=[3, 2.5])).estimate == 1.5
    assert ask("x == 2", dict(x=[2., 1.5, 2.2])).estimate == 1.5 and ask("x >= 0", dict(x=[2., 1.5])).estimate == 1.5 and ask("x <= 9", dict(x=[2., 1.5])).estimate == 2


def test_do_the_forms_do_what_the_table_says():
    import numpy as np
    from scipy import stats
    from sparsebook.language import ask

    rng = np.random.default_rng(0)
    for _ in range(60):
        n, alpha = int(rng.integers(2, 8)), float(rng.choice([.05, .2]))
        a, b = rng.normal(rng.normal(), 1, n), rng.normal(0, 1, n)
        m = dict(a=a, b=b)
        r = stats.ttest_rel(a, b)
        wide, tight = r.confidence_interval(1 - alpha), r.confidence_interval(1 - 2*alpha)
        e = ask("equivalent(a, b, 1)", m, "value", alpha)
        assert e.holds == (-1 < tight.low and tight.high < 1) and np.allclose([e.low, e.high, e.level], [*tight, 1 - 2*alpha])
        assert e.direction == ("right" if abs(e.estimate) < 1 else "contradicted" if tight.low > 1 or tight.high < -1 else "wrong")
        e = ask("non_inferior(a, b, margin=0.5)", m, "value", alpha)
        assert e.holds == (wide.low > -.5) and np.isclose(e.estimate, np.mean(a - b)) and np.allclose([e.low, e.high], [*wide])
        assert e.direction == ("contradicted" if wide.high < -.5 else "right" if e.estimate > -.5 else "wrong")
        e = ask("not_worse(a, b)", m, "value", alpha)
        assert e.holds == (wide.high >= 0) and e.direction == ("right" if e.holds else "contradicted") and np.allclose([e.low, e.high], [*wide])
        wins = int(np.sum(a < b))
        e = ask("sign(a < b)", m, "value", alpha)
        assert e.holds == (stats.binomtest(wins, n, .5, "greater").pvalue <= alpha) and np.isclose(e.estimate, wins/n) and e.n == n and e.form == "share"
        lost = stats.binomtest(n - wins, n, .5, "greater").pvalue <= alpha
        assert e.direction == ("contradicted" if lost else "right" if 2*wins > n else "flat" if 2*wins == n else "wrong")
    assert not ask("not_worse(a, b)", dict(a=1, b=1)).holds and ask("not_worse(a, b)", dict(a=1, b=2)).direction == "wrong" and ask("not_worse(a, b)", dict(a=2, b=1)).direction == "right"
    assert ask("sign(0 < a)", dict(a=[1, 2, 3, 4, 9])).holds and not ask("sign(0 < a)", dict(a=[1, 2, 3, 4])).holds and ask("sign(a < 0)", dict(a=[1, 2, 3, 4, 9])).direction == "contradicted"
    assert ask("sign(a > b)", dict(a=[1, 2], b=[1, 2])).direction == "flat"

    ask("increasing(x0, x1, x2, x3)", dict(x0=[1., 1.1, .9], x1=[3., 3.1, 3.05], x2=[2., 2.1, 2.05], x3=[5., 5.2, 5.1]), "trend").note

    rng = np.random.default_rng(1)
    noise = lambda *mu: {f"x{i}": m + .1*rng.normal(size=5) for i, m in enumerate(mu)}
    tell = lambda test, m, **kw: ((e := ask(test, m, "trend", **kw)).holds, e.direction)
    up, bent, hill = noise(0, 1, 2, 3), noise(0, 2, 1, 3), noise(0, 3, 2, 1)
    names = "(x0, x1, x2, x3)"
    assert tell("increasing" + names, up) == (True, "right") and tell("decreasing" + names, up) == (False, "contradicted")
    assert tell("increasing(x3, x2, x1, x0)", up) == (False, "contradicted") and tell("decreasing(x3, x2, x1, x0)", up) == (True, "right")
    assert tell("increasing" + names, bent) == (False, "right") and "x1 to x2" in ask("increasing" + names, bent).note
    assert tell("decreasing(x3, x2, x1, x0)", bent) == (False, "right") and ask("decreasing(x3, x2, x1, x0)", bent).note == "goes the other way from x2 to x1"
    assert tell("increasing" + names, noise(1, 1, 1, 1))[0] is False and tell("increasing" + names, dict(x0=1., x1=1., x2=1., x3=1.)) == (False, "flat")
    e = ask("increasing" + names, up, alpha=.1)
    np.testing.assert_allclose([e.estimate, e.low, e.high], [(s := np.polyfit(range(4), np.stack(list(up.values())), 1)[0]).mean(), *stats.ttest_1samp(s, 0).confidence_interval(.9)])
    assert e.form == "slope" and e.level == .9 and not ask("increasing(x0, x1, x2)", dict(x0=1, x1=2, x2=3)).holds

    for order, want in {"x0, x1, x2, x3": (True, "right"), "x0, x2, x3": (True, "right"), "x3, x1, x2, x0": (True, "right"), "x3, x0, x2, x3": (True, "right"),
                        "x0, x3, x2, x1": (False, "contradicted"), "x3, x0, x1": (False, "contradicted"), "x1, x2, x3": (False, "contradicted")}.items():
        assert tell(f"peak({order})", hill) == want, (order, tell(f"peak({order})", hill))
    assert tell("peak(a, b, c)", dict(a=1, b=1, c=1)) == (False, "flat") and tell("peak(a, b, c)", dict(a=[0, 1, 2], b=[9, 1, 3], c=[0, 1, 2])) == (False, "right")
    assert tell("peak(a, b, c)", dict(a=[0, 1, 2], b=[-5, 1, 3], c=[0, 1, 2])) == (False, "wrong") and tell("peak(a, b, a)", dict(a=[0, 1], b=[5, -1])) == (False, "right")
    e = ask("peak(x0, x1, x2, x3)", hill)
    assert [m.text for m in e.leaves()] == ["x1 > x0", "x1 > x3", "x2 > x0", "x2 > x3"] and {m.level for m in e.leaves()} == {1 - .05/2} and e.text == "peak(x0, x1, x2, x3)"


def test_are_every_and_some_fair():
    import numpy as np
    from sparsebook.language import ask

    hold, right, flat, wrong, contra = [2.0, 2.1, 1.9, 2.0], [3., -1., 1., 0.], [0.]*4, [-3., 1., -1., 0.], [-2.0, -2.1, -1.9, -2.0]
    world = dict(hold=hold, right=right, flat=flat, wrong=wrong, contra=contra)
    for_every = {"hold hold": (True, "right"), "hold right": (False, "right"), "right right": (False, "right"), "hold wrong": (False, "wrong"), "hold hold wrong": (False, "right"),
             "hold hold flat": (False, "right"), "hold flat": (False, "wrong"), "flat flat": (False, "flat"), "right wrong": (False, "wrong"), "right right wrong": (False, "wrong"),
             "hold hold hold contra": (False, "contradicted"), "contra": (False, "contradicted"), "hold": (True, "right"), "wrong wrong": (False, "wrong")}
    for_some = {"hold contra": (True, "right"), "right wrong": (False, "wrong"), "right right wrong": (False, "right"), "contra contra": (False, "contradicted"), "wrong contra": (False, "wrong"),
            "flat flat": (False, "flat"), "flat right": (False, "wrong"), "hold": (True, "right"), "wrong right wrong": (False, "wrong")}
    for form, table in (("every", for_every), ("some", for_some)):
        for members, want in table.items():
            e = ask(f"{form}({', '.join(f'{m} > 0' for m in members.split())})", world)
            assert (e.holds, e.direction) == want, (form, members, e.direction)
            assert len(e.members) == len(members.split()) and [m.text for m in e.leaves()] == [f"{m} > 0" for m in members.split()]
    assert ask("hold > 0 and right > 0", world).members == ask("every(hold > 0, right > 0)", world).members
    assert [m.text for m in ask("right < 9 < hold", world).members] == ["right < 9", "9 < hold"] and ask("0 < hold < 3", world).holds and not ask("0 < hold < 2", world).holds
    assert (e := ask("hold > 0 and wrong > 0 and hold > 1", world)).direction == "right" and not e.holds

    e = ask("some(hold > 0, right > 0, every(hold > 1, hold > 1.5), some(right > 0, right > 1))", world, alpha=.08)
    assert np.allclose([leaf.level for leaf in e.leaves()], 1 - np.array([.02, .02, .02, .02, .01, .01]))
    borderline = dict(x=[1., 2., 3., 1.5, .05], y=[-5., 5., -4., 3., 0])
    p = ask("x > 0", borderline).p
    assert ask("x > 0", borderline, alpha=1.01*p).holds and not ask("x > 0", borderline, alpha=.99*p).holds
    assert ask("some(x > 0, y > 0)", borderline, alpha=2.02*p).holds and not ask("some(x > 0, y > 0)", borderline, alpha=1.98*p).holds
    assert ask("every(x > 0, x > 0)", borderline, alpha=1.01*p).holds and not ask("every(x > 0, x > 0)", borderline, alpha=.99*p).holds

    tell = lambda test: ((e := ask(test, world)).holds, e.direction)
    assert tell("hold > 0 and hold > 5") == (False, "contradicted") and tell("hold > 0 and size(hold > 5)") == (False, "right")
    assert tell("hold > 0 and size(hold > 1)") == (True, "right") and tell("hold > 0 and size(hold >= 5)") == (False, "right")
    assert tell("contra > 0 and size(hold > 1)") == (False, "contradicted") and tell("wrong > 0 and size(hold > 1)") == (False, "wrong")
    assert tell("every(right > 0, size(hold > 5))") == (False, "right") and ask("hold > 0 and size(hold > 5)", world).leaves()[1].direction == "contradicted"
