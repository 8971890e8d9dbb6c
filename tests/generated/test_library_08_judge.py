"""Generated from nbs/shared_lib/08_judge.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_numbers_for_people():
    from sparsebook.evidence import Evidence
    from sparsebook.language import ask
    from sparsebook.judge import show_evidence, show_number

    metrics = dict(ours=[85.5, 85.3, 85.6, 85.2, 85.7], base=[85.1, 84.7, 85.4, 84.9, 85.0], err=[1e-16, 3.21e-16], gap=[.1, .1], one=2.5)
    [show_evidence(ask(t, metrics), "pt") for t in ["ours > base", "ours > 85", "sign(ours > base)", "err <= 1e-12", "gap > 0", "one > 1", "equivalent(ours, base, 1)", "increasing(base, ours, 90)"]]

    assert [show_number(*a) for a in [(85.4321, .31), (85.4321, .031), (1234.5, 120), (.5, 0), (0, 0), (3e-9, 1e-9), (2e6, 10), (-.42, .31), (99.96, .99), (12, 1), (85.4321, 0), (1e6, 10)]] == [
        "85.43", "85.432", "1234", "0.5", "0", "3.00e-09", "2.00e+06", "-0.42", "99.96", "12.0", "85.43", "1.00e+06"]
    assert [show_number(*a, "+") for a in [(.42, .31), (-.42, .31), (1e7, 1)]] == ["+0.42", "-0.42", "+1.00e+07"]
    assert show_evidence(ask("ours > base", metrics), "pt") == "+0.44 pt [+0.18, +0.70], n=5, d=2.1" and show_evidence(ask("ours > base", metrics)).startswith("+0.44 [")
    assert show_evidence(ask("ours > 85", metrics)) == "85.46 [85.20, 85.72], n=5" and show_evidence(ask("gap > 0", metrics), "s") == "0.1 s in every seed, n=2"
    assert show_evidence(ask("ours > base", metrics, alpha=.1)).endswith("] (90 %), n=5, d=2.1") and show_evidence(ask("one > 1", metrics)) == "2.5, n=1, no interval"
    assert show_evidence(Evidence(True, "right", "mean", 1., .88, 1.12, 5, .01, 2., .95)) == "1.00 [0.88, 1.12], n=5"
    assert show_evidence(ask("sign(ours > base)", metrics)) == "5 of 5 untied seeds, p=0.031" and show_evidence(ask("err <= 1e-12", metrics)) == "3.21e-16, the worst of 2 seeds"
    assert show_evidence(ask("err < 1", dict(err=3e-16), "bound"), "s") == "3e-16 s" and " a step [" in show_evidence(ask("increasing(base, ours, 90)", metrics))


def test_the_rules():
    import numpy as np
    from sparsebook.claim import Claim
    from sparsebook.judge import judge

    def claim(test, id="C1", kind="comparison", seeds=5, **more):
        return Claim(id=id, says="ours is better", where="Table 1", kind=kind, test=test, over=dict(seeds=seeds), **more)


    rng = np.random.default_rng(0)
    base = rng.normal(85, .3, 5)
    metrics = dict(ours=base + rng.normal(.5, .1, 5), base=base, other=base + rng.normal(.02, .2, 5), err=3e-16)
    claims = [claim("err <= 1e-12", "C1", "identity", 1), claim("ours > base", "C2", paper=dict(value=1.3, unit="pt", setting="ResNet-50"), unit="pt"),
              claim("ours > base and size(ours > base + 2)", "C3", unit="pt"), claim("base > ours", "C4"), claim("ours > base", "C5", seeds=10), claim("gpu_ms < 1", "C6", "bound", 1, profiles=["full"])]
    judge(claims, metrics)

    found = judge(claims, metrics)
    assert [v.verdict for v in found.verdicts] == ["reproduced", "reproduced", "partly", "not reproduced", "not tested", "not tested"]
    assert [v.reason for v in found.verdicts] == ["", "", "1 of 2 hold; size(ours > base + 2): significantly the other way", "significantly the other way", "needs 10 seeds, got 5", "measured only in full"]
    assert found.counts() == {"reproduced": 2, "partly": 1, "not reproduced": 1, "not tested": 2}
    tell = lambda test, kind="comparison", seeds=2, **m: (v := judge([claim(test, kind=kind, seeds=seeds)], m).verdicts[0]).verdict + ": " + v.reason
    assert tell("a > 0", a=[3, -1, 1]) == "partly: direction right, not established" and tell("a < 0", a=[3, -1, 1]) == "not reproduced: wrong direction, not significantly"
    assert tell("a > b", a=[1, 2], b=[1, 2]) == "not reproduced: no difference" and tell("a > 0", a=[1, 1]) == "reproduced: " and tell("a > 0", a=1., kind="value", seeds=1).startswith("partly")
    assert tell("a < 2", "bound", a=[1, 1, 3]) == tell("a < 2", "identity", a=[1, 1, 3]) == "not reproduced: false in 1 of 3 seeds" and tell("every(a < 2, a < 3, a < 1)", "bound", a=[1, 1]).startswith("not reproduced: 2 of 3")
    assert tell("a > b and not_worse(a, b) and not_worse(b, a)", a=[1, 2], b=[2, 1.1]).startswith("not") and tell("some(a < 2, a < 9)", "bound", a=[1, 3]) == "reproduced: " and tell("not_worse(a, b)", a=[1, 2], b=[2, 1]) == "reproduced: weak: only says that no loss was detected" and tell("a > 0", seeds=3, a=[1, 2]) == "not tested: needs 3 seeds, got 2"
    assert tell("a > 0", seeds=2, a=1.) == "not tested: needs 2 seeds, got 1" and tell("increasing(a, b, a, c)", "trend", a=[1, 1], b=[5, 5], c=[9, 9]) == "partly: goes the other way from b to a"
    assert tell("every(a > 0, b > 0, c > 0)", a=[3, -1, 1], b=[-1, -1, -1], c=[1, 1, 1]) == "not reproduced: 1 of 3 hold; b > 0: significantly the other way"
    assert tell("every(a > 0, b > 0, c > 0)", a=[1, 1, 1], b=[-3, 1, 1], c=[1, 1, 1]) == "partly: 2 of 3 hold; b > 0: wrong direction, not significantly"


def test_what_is_an_error_not_a_verdict():
    import numpy as np
    from sparsebook.claim import Claim
    from sparsebook.evidence import ClaimError
    import pytest
    from sparsebook.judge import judge

    one = [Claim(id="C1", says="ours is better", where="Table 1", kind="comparison", test="ours > base", over=dict(seeds=2))]
    for metrics in [dict(ours=[1, 2], bsae=[1, 2]), dict(ours=[1, float("nan")], base=[1, 2]), dict(ours=[1, 2, 3], base=[1, 2])]:
        try: judge(one, metrics)
        except ClaimError as e: print(e)

    good = dict(ours=[1, 2], base=[1, 3])
    for metrics, says in [(dict(ours=[1, 2]), "claim C1: .*no metric base: known: ours"), ({**good, "base": [1, np.inf]}, "metric base is inf for seed index 1"),
                          ({**good, "unused": np.nan}, "metric unused is nan"), ({**good, "unused": "x"}, "metric unused must be a number"), ({**good, "base": [1]}, "base has 1 seeds, ours has 2")]:
        with pytest.raises(ClaimError, match=says): judge(one, metrics)
    with pytest.raises(ClaimError, match="no profile 'qick': did you mean 'quick'"): judge(one, good, "qick")
    with pytest.raises(ClaimError, match="claim id C1 occurs twice"): judge(one*2, good)
    full = [one[0].model_copy(update={"profiles": ["full"]})]
    assert judge(full, {}).verdicts[0].verdict == "not tested" and judge([], good).counts()["reproduced"] == 0
    with pytest.raises(ClaimError, match="no metric"): judge(full, {}, "full")


def test_is_the_judge_blind():
    import numpy as np
    from sparsebook.claim import Claim
    import json
    from hypothesis import given, settings
    from hypothesis import strategies as st
    from sparsebook.judge import judge

    tests = ["a > b", "a < b", "sign(a > b)", "every(a > b, b < c)", "some(a > b, c > a, b > c)", "increasing(a, b, c)", "peak(a, b, c)", "equivalent(a, b, 1)", "not_worse(a, b)",
             "non_inferior(a, b, 0.5)", "a >= b", "a < b < c", "mean(a, b) > c and size(a > c)"]
    blank = [Claim(id=f"C{i}", says="s", where="w", kind="value", test=t) for i, t in enumerate(tests)]
    draws = st.tuples(st.integers(2, 6), st.integers(0, 2**31), st.sampled_from([0., 1., 3.]))


    def draw(n, seed, gap):
        rng = np.random.default_rng(seed)
        return {name: np.round(rng.normal(gap*rng.normal(), 1, n)*256)/256 for name in "abc"}     # dyadic: shifts are exact


    def core(judgement): return [(v.verdict, v.reason, v.measured, v.evidence) for v in judgement.verdicts]


    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(draws, st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9), min_size=13, max_size=13))
    def check_blind(args, numbers):
        metrics = draw(*args)
        seen = [Claim.model_validate(c.model_dump() | {"paper": dict(value=x, unit=str(x), setting=f"{x} seeds"), "says": f"{x}!", "where": f"{x}!", "scale": str(x), "explain": {"quick": f"{x}!"}})
                for c, x in zip(blank, numbers, strict=True)]
        assert core(judge(seen, metrics)) == core(judge(blank, metrics))
        assert core(judge(blank, {**metrics, "zzz": 1., "aa": [1, 2, 3, 4, 5, 6, 7]})) == core(judge(blank, metrics))
        order = np.random.default_rng(args[1]).permutation(args[0])
        assert json.dumps(judge(blank, {k: v[order] for k, v in metrics.items()}).to_json()) == json.dumps(judge(blank, metrics).to_json())


    check_blind()

    free = [c for c in blank if "equivalent" not in c.test and "non_inferior" not in c.test]


    @settings(max_examples=40, deadline=None, derandomize=True)
    @given(draws, st.sampled_from([2.**-9, .5, 8.]), st.sampled_from([-64., 0., 512.]))
    def check_units(args, scale, shift):
        metrics = draw(*args)
        moved = {k: v*scale + shift for k, v in metrics.items()}
        assert [v.verdict for v in judge(free, moved).verdicts] == [v.verdict for v in judge(free, metrics).verdicts]
        for p, q in zip(judge(free, moved).verdicts, judge(free, metrics).verdicts, strict=True): assert [e.direction for e in p.evidence] == [e.direction for e in q.evidence]
        swap = {**metrics, "a": metrics["b"], "b": metrics["a"]}
        turn = {"right": ("wrong", "contradicted"), "wrong": ("right",), "contradicted": ("right",), "flat": ("flat",)}
        for test in tests[:3]:
            claim = [Claim(id="C1", says="s", where="w", kind="value", test=test)]
            before, after = (judge(claim, m).verdicts[0].evidence[0] for m in (metrics, swap))
            assert after.direction in turn[before.direction] and before.holds <= (after.direction == "contradicted") and after.holds <= (before.direction == "contradicted")


    check_units()


def test_how_often_is_nothing_called_something():
    import numpy as np
    from sparsebook.claim import Claim
    from scipy.stats import binomtest
    from sparsebook.judge import judge

    def share(test, world, draws=300, kind="comparison", alpha=.05, seed=0):
        rng = np.random.default_rng(seed)
        claim = [Claim(id="C1", says="s", where="w", kind=kind, test=test, over=dict(seeds=5, alpha=alpha))]
        return sum(judge(claim, world(rng)).verdicts[0].verdict == "reproduced" for _ in range(draws))/draws


    def null(rng, shift=0.):
        seed = rng.normal(0, 3, 5)     # what all conditions share
        return {name: seed + rng.normal(0, 1, 5) for name in "abcd"}


    forms = ["a < b", "a > b", "a > 0", "sign(a < b)", "some(a < b, c < d, a < d)", "every(a < b, c < d)", "increasing(a, b, c, d)", "decreasing(a, b, c)", "peak(a, b, c, d)", "a < b < c"]
    level = {test: share(test, null) for test in forms}
    edge = lambda d: lambda rng: (m := null(rng)) | {"b": m["a"] + d + rng.normal(0, 1, 5)}
    level |= {test: share(test, edge(d)) for test, d in [("equivalent(a, b, 2)", 2), ("equivalent(a, b, 2) ", -2), ("non_inferior(a, b, 1)", 1), ("a + 1 > b", 1)]}
    lifted = lambda *up: lambda rng: {name: x + 9*(name in up) for name, x in null(rng).items()}      # the hardest nulls: all is true but one thing
    level |= {"every(a < b, c < d)  ": share("every(a < b, c < d)", lifted("b")), "peak(a, b, c)  ": share("peak(a, b, c)", lifted("b", "c")),
              "peak(a, b, c, d)  ": share("peak(a, b, c, d)", lifted("b", "c", "d"))}
    level

    for test, rate in level.items(): assert binomtest(round(300*rate), 300, .05, alternative="greater").pvalue > 1e-3, (test, rate)
    walk = lambda rng: dict(zip("abcd", np.cumsum(rng.normal(size=(4, 5)), axis=0), strict=True))      # neighbours depend on each other
    for test in ("increasing(a, b, c, d)", "decreasing(a, b, c, d)"): assert binomtest(round(300*share(test, walk)), 300, .05, alternative="greater").pvalue > 1e-3
    assert binomtest(round(300*share("a < b", null, alpha=.2)), 300, .1).pvalue > 1e-3 and share("sign(a < b)", null) > 0      # neither dead nor loose

    def effect(*means): return lambda rng: {name: m + rng.normal(0, .7, 5) for name, m in zip("abcd", means, strict=False)}


    power = {"a < b": effect(0, 4), "b > a": effect(0, 4), "b > 1": effect(0, 4), "sign(a < b)": effect(0, 4), "some(a < b, c < d)": effect(0, 6, 0, 0), "every(a < b, c < d)": effect(0, 4, 0, 4),
             "increasing(a, b, c, d)": effect(0, 2, 4, 6), "decreasing(d, c, b, a)": effect(0, 2, 4, 6), "peak(a, b, c, d)": effect(0, 6, 3, 0), "equivalent(a, b, 4)": effect(0, 0),
             "non_inferior(a, b, 4)": effect(0, 0), "not_worse(a, b)": effect(0, 0)}
    found = {test: share(test, world, 60) for test, world in power.items()}
    assert min(found.values()) >= .9, found


def test_what_is_written_down():
    from sparsebook.claim import Claim
    import json
    from sparsebook.judge import VERDICTS, badge, judge

    record = Claim(id="C7", says="<script>alert(1)</script>", where="eq. 2 & 3", kind="comparison", test="a <  b", over=dict(seeds=2), unit="<b>", scale="tiny",
                   paper=dict(value="<i>", unit="&", setting="'\""), explain={"quick": "noise"}, changed=[dict(date="2026-11-24", what="w", why="y")])
    found = judge([record], dict(a=[1, 2, 4], b=[3, 5, 9]))
    found.to_json()

    j = found.to_json()
    assert j == json.loads(json.dumps(j, allow_nan=False)) and j["profile"] == "quick" and len(j["verdicts"]) == 1
    v = j["verdicts"][0]
    assert list(v) == ["id", "says", "where", "kind", "paper", "test", "over", "scale", "verdict", "reason", "measured", "evidence", "explain", "changed"]
    assert v["test"] == "a < b" and v["over"] == {"seeds": 2, "alpha": .05} and v["explain"] == "noise" and v["changed"][0]["date"] == "2026-11-24" and v["paper"]["value"] == "<i>"
    assert list(v["evidence"][0]) == ["text", "estimate", "low", "high", "n", "p", "effect", "holds", "direction"] and v["evidence"][0]["estimate"] == -3.33333333
    assert judge([record], dict(a=[1, 2], b=[2, 3])).to_json()["verdicts"][0]["evidence"][0]["effect"] is None
    lone = Claim(id="C1", says="s", where="w", kind="value", test="a < b and b >= 0")
    v = judge([lone], dict(a=1, b=2), "full").to_json()["verdicts"][0]
    assert v["paper"] is None and v["explain"] is None and v["evidence"][0]["low"] is None and len(v["evidence"]) == 2 and v["measured"] == "a < b: -1, n=1, no interval; b >= 0: 2"
    page = found._repr_html_()
    for foreign in ("<script", "<i>", "<b> ", "'\""): assert foreign not in page.replace("<b>C7</b> ", ""), foreign
    for shown in ("&lt;script&gt;", "eq. 2 &amp; 3", "&lt;i&gt; &amp; (&#x27;&quot;)", "a &lt; b", badge("reproduced") if v["verdict"] == "reproduced" else "partly", "(quick)"): assert shown in page or shown == "partly"
    assert all(word in badge(word) and len({VERDICTS[w][i] for w in VERDICTS}) == 4 for word in VERDICTS for i in (0, 1)) and "http" not in page
    assert repr(found).startswith("C7   partly") or repr(found).startswith("C7   reproduced")
    long = Claim(id="C1", says="s", where="w", kind="value", test="every(a > 0, b > 0, a > -1, b > -9)")
    v = judge([long], dict(a=[3, 4, 5.], b=[3., -2, 1])).verdicts[0]
    assert v.measured.startswith("3 of 4 hold; weakest b > 0: 0.7 [") and v.verdict == "partly"
