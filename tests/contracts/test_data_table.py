"""The tables, streams and series: real bytes are what the loaders promise."""
import numpy as np
import pytest
from sparsebook.data import load

pytestmark = pytest.mark.slow


def acyclic(graph):
    power = np.eye(len(graph), dtype=np.int64)
    for _ in graph: power = (power @ graph > 0).astype(np.int64)
    return not power.any()


def test_adult(have):
    have("adult")
    d = load("adult")
    assert len(d) == 15 and {len(v) for v in d.values()} == {32561}
    assert [k for k, v in d.items() if v.dtype == np.int64] == ["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]
    assert (d["age"].min(), d["age"].max()) == (17, 90) and (d["income-per-year"] == ">50K").sum() == 7841 and len(np.unique(d["income-per-year"])) == 2
    assert (d["sex"] == "Male").sum() == 21790 and (d["race"] == "White").sum() == 27816 and (d["workclass"] == "?").sum() == 1836
    assert (d["age"][:3].tolist(), d["workclass"][:2].tolist()) == ([39, 50, 38], ["State-gov", "Self-emp-not-inc"])
    assert len(set(zip(d["education"], d["education-num"], strict=True))) == 16, "the number is a code of the name"


def test_compas(have):
    have("compas")
    d = load("compas")
    assert len(d) == 46 and {len(v) for v in d.values()} == {7214} and d["two_year_recid"].sum() == 3251
    assert not {"name", "first", "last", "dob"} & d.keys()
    assert (d["race"] == "African-American").sum() == 3696 and (d["race"] == "Caucasian").sum() == 2454
    np.testing.assert_array_equal(d["decile_score"], d["decile_score.1"])


def test_german(have):
    have("german")
    d = load("german")
    assert len(d) == 21 and {len(v) for v in d.values()} == {1000} and np.bincount(d["credit"]).tolist() == [0, 700, 300]


def test_medical_costs(have):
    have("medical-costs")
    d = load("medical-costs")
    assert list(d) == ["age", "sex", "bmi", "children", "smoker", "region", "charges"] and {len(v) for v in d.values()} == {1338}
    assert (d["sex"] == "male").sum() == 676 and (d["smoker"] == "yes").sum() == 274 and d["charges"].mean() == pytest.approx(13270.42, abs=0.01)
    assert (d["age"].min(), d["age"].max(), d["bmi"].min(), d["bmi"].max()) == (18, 64, 15.96, 53.13)
    assert np.corrcoef(d["smoker"] == "yes", d["charges"])[0, 1] == pytest.approx(0.787, abs=1e-3)


def test_sachs(have):
    have("sachs")
    d = load("sachs")
    assert d.x.shape == (7466, 11) and d.x.dtype == np.float64 and (d.x > 0).all() and d.x[0, :4].tolist() == [26.4, 13.2, 8.82, 18.3]
    assert d.graph.sum() == 18 and d.dag.sum() == 17 and acyclic(d.dag) and not acyclic(d.graph) and d.graph[d.name.index("praf"), d.name.index("pmek")]
    assert np.bincount(d.condition).tolist() == [853, 902, 911, 723, 810, 799, 848, 913, 707]
    assert acyclic(d.graph & (d.dag | ~d.dag.T)) and (d.graph & d.dag).sum() == 13, "the two lists agree on thirteen edges"
    logs, ends = np.log(d.x), np.flatnonzero(np.diff(d.condition)) + 1
    jump = lambda at: (np.abs(logs[at:at + 100].mean(0) - logs[at - 100:at].mean(0))/logs.std(0)).max()
    within = [jump(at) for at in range(100, len(logs) - 100, 20) if np.abs(ends - at).min() > 100]
    assert sum(jump(at) > max(within) for at in ends) == 7, "protein levels jump where a condition ends; only the first two are alike"


def test_golub(have):
    have("golub")
    d = load("golub")
    assert d.x.shape == (38, 3051) and d.y.tolist() == [0]*27 + [1]*11 and len(d.gene) == 3051 and d.outcome == ["ALL", "AML"]
    assert d.x[0, :2] == pytest.approx([-1.45769, -0.75161], abs=1e-5) and "M27891_at" in d.gene
    np.testing.assert_allclose(d.x.mean(1), 0, atol=1e-5)
    cystatin = d.x[:, d.gene.index("M27891_at")]
    assert cystatin[d.y == 1].min() > cystatin[d.y == 0].mean() + 1, "cystatin C, among the 50 genes of the paper, is high in AML"


def test_tissue(have):
    have("tissue")
    d = load("tissue")
    assert d.x.shape == (189, 500) and np.bincount(d.y).tolist() == [38, 34, 15, 31, 39, 26, 6]
    assert d.outcome == ["cerebellum", "colon", "endometrium", "hippocampus", "kidney", "liver", "placenta"]


def test_riboflavin(have):
    have("riboflavin")
    d = load("riboflavin")
    assert d.x.shape == (71, 4088) and d.y.shape == (71,) and d.y.min() > -10 and d.y.max() < -5 and d.gene[0] == "AADK_at" and "YXLD_at" in d.gene


def test_shuttle(have):
    have("shuttle")
    d = load("shuttle")
    assert d.x.shape == (49097, 9) and d.x[0].tolist() == [50, 21, 77, 0, 28, 0, 27, 48, 22] and np.bincount(d.y).tolist() == [45586, 3511]
    assert (d.x == d.x.round()).all()


def test_ridership(have):
    have("ridership")
    d = load("ridership")
    assert d.x.shape == (5698, 20) and d.other.shape == (5698, 28) and len(d.station) == 20 and len(d.what) == 28 and np.isfinite(d.x).all() and (d.x >= 0).all()
    assert str(d.date[0]) == "2001-01-22" and str(d.date[-1]) == "2016-08-28" and (np.diff(d.date) == np.timedelta64(1, "D")).all()
    np.testing.assert_array_equal(d.x[14:, d.station.index("Clark_Lake")], d.y[:-14], "the station's column is the target 14 days before")


def test_co2(have):
    have("co2")
    d = load("co2")
    assert d.value.shape == (2284,) and np.isnan(d.value).sum() == 59 and d.value[0] == 316.1 and (np.diff(d.date) == np.timedelta64(7, "D")).all()
    assert np.nanmean(d.value[-52:]) - np.nanmean(d.value[:52]) > 50


def test_brain(have):
    have("brain")
    d = load("brain")
    assert d.x.shape == (250, 31) and d.region[:4] == ["WM", "Vent", "Brain", "LCau"] and np.isfinite(d.x).all()
    left, right = d.x[:, d.region.index("LCau")], d.x[:, d.region.index("RCau")]
    assert np.corrcoef(left, right)[0, 1] > 0.4, "the two halves of the caudate move together"


def test_kernel_tables(have):
    have("kernel-tables")
    d = load("kernel-tables")
    assert {k: (len(s.y_train), s.x_train.shape[1], len(s.y_test)) for k, s in d.items()} == {
        "co2": (481, 1, 20), "airfoil": (600, 5, 30), "ale": (80, 4, 20), "cccp": (1000, 4, 250), "clay": (450, 1, 20), "concrete": (824, 8, 206),
        "electricity": (86, 1, 20), "hotel": (148, 1, 20), "passenger": (98, 1, 21), "toxicity": (436, 8, 110), "unemployment": (380, 1, 20), "wine": (1279, 11, 320)}
    assert all(len(s.x_test) == len(s.y_test) and np.isfinite(s.x_train).all() for s in d.values())
