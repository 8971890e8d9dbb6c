"""Generated from nbs/shared_lib/05_evidence.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_record_for_all():
    from dataclasses import replace
    import numpy as np
    from sparsebook.evidence import Evidence, Number, Question

    one, two = Evidence(True, "right", text="a > b"), Evidence(False, "wrong", text="a > c")
    both = Evidence(False, "wrong", members=(one, Evidence(False, "wrong", members=(two, one))))
    [e.text for e in both.leaves()]

    assert not Number(np.ones(1)).constant and not one.size and not (q := Question(lambda alpha: one)).weak and not q.mute and not q.size and q.sides is None
    assert both.leaves() == [one, two, one] and one.leaves() == [one]
    assert Question(lambda alpha: replace(one, p=alpha), "t", size=True).ask(.1) == replace(one, p=.1, text="t", size=True)


def test_comparisons():
    import numpy as np
    from scipy import stats
    from sparsebook.evidence import Number, higher

    num = lambda *v, constant=False: Number(np.array(v if len(v) > 1 else v[0], float), constant)
    higher(num(85.5, 85.3, 85.6, 85.2, 85.7), num(85.1, 84.7, 85.4, 84.9, 85.0)).ask(.05)

    a, b = np.array([1., 3., 2., 5.]), np.array([2., 2.5, 4., 7.])
    e, ci = higher(num(*a), num(*b), -1).ask(.1), stats.ttest_rel(a, b).confidence_interval(.9)
    np.testing.assert_allclose([e.estimate, e.low, e.high, e.p, e.effect], [-1.125, *ci, stats.ttest_rel(a, b).pvalue, -1.125/np.std(a - b, ddof=1)])
    assert (e.form, e.n, e.level, e.direction) == ("difference", 4, .9, "right") and e.holds == (ci.high < 0)
    for q in higher(num(*a), num(.5)), higher(num(.5), num(*a), -1), higher(num(.5, constant=True), num(*a), -1):
        e = q.ask(.05); assert e.form == "mean" and np.allclose([e.estimate, e.low, e.high], [a.mean(), *stats.ttest_1samp(a, 0).confidence_interval()])
    for d, above, below in [([2.0, 2.1, 1.9], (True, "right"), (False, "contradicted")), ([3., -1., 1.], (False, "right"), (False, "wrong")),
                            ([0., 0.], (False, "flat"), (False, "flat")), ([1., 1.], (True, "right"), (False, "contradicted")), ([7.], (False, "right"), (False, "wrong"))]:
        x, y = Number(np.array(d) + 1), Number(np.ones(len(d)))
        for plus, minus in [(higher(x, y), higher(x, y, -1)), (higher(y, x, -1), higher(y, x))]:
            assert [((e := q.ask(.05)).holds, e.direction) for q in (plus, minus)] == [above, below]


def test_exact_comparisons():
    from dataclasses import replace
    import numpy as np
    from sparsebook.evidence import Number, exactly

    num = lambda *v: Number(np.array(v if len(v) > 1 else v[0], float))
    exactly(num(1e-16, 2e-12, 0.), "<=", Number(np.array(1e-12), constant=True)).ask(.05)

    for op, x, y, worst in [("<=", (1, 2), 2, 2), (">=", (2, 1), 1, 1), ("==", (1, 1), 1, 1), ("<", (1, 1.9), 2, 1.9), (">", (3, 2.1), 2, 2.1)]:
        e = exactly(num(*x), op, num(y)).ask(.05); assert e.holds and e.direction == "right" and e.estimate == worst and (e.low, e.high, e.n) == (min(x), max(x), 2), op
        flip = exactly(num(y), {"<": ">", ">": "<"}.get(op[0], "=") + op[1:], num(*x)).ask(.05); assert replace(flip, text=e.text) == e
        off = {"<": y + 1, ">": y - 1, "=": y + 1}[op[0]]
        e = exactly(num(*x, off), op, num(y)).ask(.05); assert not e.holds and e.direction == "wrong" and e.estimate == off and e.note == "false in 1 of 3 seeds"
        e = exactly(num(off), op, num(y)).ask(.05); assert not e.holds and e.direction == "contradicted" and e.note == "false in 1 of 1 seed"
    for op, x in [("<", 2), (">", 2), ("<=", np.nextafter(2, 3)), (">=", np.nextafter(2, 1)), ("==", np.nextafter(2, 3))]: assert not exactly(num(x), op, num(2)).ask(.05).holds, op
    e = exactly(num(1, 5), "<=", num(2, 5)).ask(.05); assert e.holds and (e.estimate, e.low, e.high) == (0, -1, 0)


def test_as_good_as():
    import numpy as np
    import pytest
    from scipy import stats
    from sparsebook.evidence import ClaimError, Number, equivalent, non_inferior, not_worse

    num = lambda *v: Number(np.array(v if len(v) > 1 else v[0], float))
    margin = lambda m: Number(np.array(m), constant=True, text=str(m))
    dense, sparse = num(91.2, 90.8, 91.0, 91.5), num(90.9, 90.6, 90.7, 91.1)
    {f.__name__: f(sparse, dense, *m).ask(.05).holds for f, *m in [(equivalent, margin(.5)), (equivalent, margin(.3)), (non_inferior, margin(.5)), (not_worse,)]}

    steady = lambda d: (Number(np.full(3, d)), num(0))    # a difference without spread: the boundary is exact
    tell = lambda q: ((e := q.ask(.05)).holds, e.direction)
    assert [tell(equivalent(*steady(d), margin(1.))) for d in (-1.5, -1., -.5, 1., 1.5)] == [(False, "contradicted"), (False, "wrong"), (True, "right"), (False, "wrong"), (False, "contradicted")]
    assert [tell(non_inferior(*steady(d), margin(1.))) for d in (-1.5, -1., -.5, 5.)] == [(False, "contradicted"), (False, "flat"), (True, "right"), (True, "right")]
    assert [tell(not_worse(*steady(d))) for d in (-1e-9, 0., 2.)] == [(False, "contradicted"), (True, "right"), (True, "right")]
    assert [tell(not_worse(num(d), num(0))) for d in (-1, 0, 1)] == [(False, "wrong"), (False, "flat"), (False, "right")] and not_worse(*steady(0.)).weak
    for f in equivalent, non_inferior:
        assert tell(f(num(0), num(0), margin(9.))) == (False, "right")
        for bad in (margin(0.), margin(-1.), num(1)):
            with pytest.raises(ClaimError, match="margin is a positive number"): f(dense, sparse, bad)
    e = equivalent(dense, sparse, margin(.5)).ask(.05); assert np.isclose(e.level, .9) and e.form == "difference" and "weak" in not_worse(*steady(1.)).ask(.05).note
    assert np.allclose([e.low, e.high], stats.ttest_rel(dense.values, sparse.values).confidence_interval(.9))


def test_signs():
    import numpy as np
    import pytest
    from sparsebook.evidence import ClaimError, Number, exactly, higher, sign

    num = lambda *v: Number(np.array(v, float))
    [sign(higher(num(*range(1, n + 1)), Number(np.array(0.)))).ask(.05).p for n in (3, 4, 5, 6)]

    tell = lambda *d, way=1, alpha=.05: ((e := sign(higher(num(*d), Number(np.array(0.)), way)).ask(alpha)).holds, e.direction)
    assert tell(1, 2, 3, 4, 5) == tell(-1, -2, -3, -4, -5, way=-1) == (True, "right") and tell(1, 2, 3, 4, 5, way=-1) == (False, "contradicted")
    assert tell(1, 2, 3, 4) == (False, "right") and tell(1, 2, 3, 4, 5, alpha=1/32) == (True, "right") and tell(1, 2, 3, 4, 5, alpha=.031) == (False, "right")
    assert tell(1, -1) == tell(0, 0) == (False, "flat") and tell(-1, -2, -3, -4, -5, alpha=1/32) == (False, "contradicted") and tell(1, -1, -2) == (False, "wrong") and tell(1, 1, 0, -1) == (False, "right")
    e = sign(higher(num(3, 2, 0, -1), Number(np.array(0.)))).ask(.05); assert (e.form, e.estimate, e.n, e.level) == ("share", 2/3, 3, .95)
    with pytest.raises(ClaimError, match="one comparison"): sign(exactly(num(1, 2), "<", num(3, 4)))


def test_combinations():
    from dataclasses import replace
    import numpy as np
    import pytest
    from sparsebook.evidence import ClaimError, Evidence, Number, Question, every, not_worse, size, some

    tells = {"hold": (True, "right"), "right": (False, "right"), "flat": (False, "flat"), "wrong": (False, "wrong"), "contra": (False, "contradicted")}
    made = lambda words: [Question(lambda alpha, w=w: Evidence(*tells[w], level=1 - alpha), w) for w in words.split()]
    every(*made("hold hold wrong")).ask(.05)

    tables = {every: {"hold": (True, "right"), "hold hold": (True, "right"), "hold right": (False, "right"), "right right": (False, "right"), "hold wrong": (False, "wrong"),
                      "hold hold wrong": (False, "right"), "hold hold flat": (False, "right"), "hold flat": (False, "wrong"), "flat flat": (False, "flat"), "flat wrong": (False, "wrong"),
                      "right wrong": (False, "wrong"), "right right wrong": (False, "wrong"), "hold hold hold contra": (False, "contradicted"), "wrong wrong": (False, "wrong")},
              some: {"hold": (True, "right"), "hold contra contra": (True, "right"), "right wrong": (False, "wrong"), "right right wrong": (False, "right"), "contra contra": (False, "contradicted"),
                     "wrong contra": (False, "wrong"), "flat flat": (False, "flat"), "flat right": (False, "wrong"), "right wrong wrong": (False, "wrong")}}
    for form, table in tables.items():
        for words, want in table.items():
            e = form(*made(words)).ask(.06)
            assert (e.holds, e.direction) == want and [m.text for m in e.members] == words.split(), (form, words)
            assert all(np.isclose(m.level, 1 - (.06/len(e.members) if form is some else .06)) for m in e.members)
    hold, right, wrong, contra = made("hold right wrong contra")
    tell = lambda q: ((e := q.ask(.05)).holds, e.direction)
    assert tell(every(hold, size(contra))) == tell(every(right, size(wrong))) == (False, "right") and tell(every(hold, size(hold))) == (True, "right")
    assert tell(every(contra, size(hold))) == (False, "contradicted") and tell(every(wrong, size(hold))) == (False, "wrong") and size(hold).ask(.05).size and not hold.ask(.05).size
    weak, harm = replace(hold, weak=True, mute=True), replace(contra, weak=True, mute=True)
    assert tell(every(wrong, weak, weak, weak)) == (False, "wrong") and tell(every(right, weak)) == (False, "right") and tell(every(hold, weak)) == tell(every(weak, weak)) == (True, "right")
    assert tell(every(hold, hold, harm)) == (False, "contradicted") and tell(every(wrong, every(weak, weak))) == (False, "wrong") and tell(every(wrong, every(hold, weak), hold)) == (False, "right")
    assert tell(every(hold, hold, wrong, size(wrong), size(wrong))) == (False, "right") and not_worse(Number(np.ones(2)), Number(np.ones(2))).mute
    assert every(weak, hold).weak and not every(hold, hold).weak and not some(hold).weak
    for bad in (weak, size(hold), every(hold, weak)):
        with pytest.raises(ClaimError, match="no place inside some"): some(hold, bad)
    with pytest.raises(ClaimError, match="beside it"): every(size(hold), size(right))


def test_trends_and_peaks():
    import numpy as np
    import pytest
    from scipy import stats
    from sparsebook.evidence import ClaimError, Number, decreasing, increasing, peak

    rng = np.random.default_rng(0)
    sweep = lambda *means: [Number(m + .1*rng.normal(size=5), text=f"x{i}") for i, m in enumerate(means)]
    increasing(*sweep(0, 2, 1, 3)).ask(.05).note

    tell = lambda q: ((e := q.ask(.05)).holds, e.direction)
    up, bent, hill = sweep(0, 1, 2, 3), sweep(0, 2, 1, 3), sweep(0, 3, 2, 1)
    assert tell(increasing(*up)) == tell(decreasing(*up[::-1])) == (True, "right") and tell(decreasing(*up)) == tell(increasing(*up[::-1])) == (False, "contradicted")
    assert tell(increasing(*bent)) == tell(decreasing(*bent[::-1])) == (False, "right") and decreasing(*bent[::-1]).ask(.05).note == "goes the other way from x2 to x1"
    x0, fall = Number(np.arange(5.)), np.array([1., .2, -.1, .8, .6])      # the last step falls with p = 0.06: asked at alpha/2 there
    x1, p = Number(x0.values + 9), stats.ttest_1samp(fall, 0).pvalue
    for alpha, back in (1.96*p, False), (2.04*p, True): assert bool(increasing(x0, x1, Number(x1.values - fall)).ask(alpha).note) == back
    e = increasing(*up).ask(.1); slopes = np.polyfit(range(4), np.stack([x.values for x in up]), 1)[0]
    np.testing.assert_allclose([e.estimate, e.low, e.high, e.level], [slopes.mean(), *stats.ttest_1samp(slopes, 0).confidence_interval(.9), .9])
    assert e.form == "slope" and tell(increasing(*[Number(np.array(1.))]*3)) == tell(decreasing(*[Number(np.ones(2))]*3)) == (False, "flat") and tell(increasing(*(Number(np.array(float(i))) for i in range(3)))) == (False, "right")

    assert tell(peak(*hill)) == (True, "right") and tell(peak(*hill[1:])) == tell(peak(*up)) == (False, "contradicted") and tell(peak(*[up[0]]*3)) == (False, "flat")
    e = peak(*hill).ask(.05); assert [leaf.text for leaf in e.leaves()] == ["x1 > x0", "x1 > x3", "x2 > x0", "x2 > x3"] and {leaf.level for leaf in e.leaves()} == {.975}
    end, noisy = Number(np.array([0., 1, 2])), lambda *v: Number(np.array(v, float))
    assert tell(peak(end, noisy(9, 1, 3), end)) == (False, "right") and tell(peak(end, noisy(-5, 1, 3), end)) == (False, "wrong")
    for f in increasing, decreasing, peak:
        with pytest.raises(ClaimError, match=f"{f.__name__} needs at least 3 conditions, got 2"): f(*up[:2])
