"""The graphs: the counts that the literature knows, the split, and pickles that are read but never obeyed."""
import numpy as np
import pytest
from sparsebook.archive import DataError, UnsafeError
from sparsebook.data import load
from sparsebook.data_graph import read_pickle_as_data, wordnet_graph
from sparsebook.data_text import LEXICOGRAPHER


@pytest.mark.parametrize("attack", [b"\x80\x02cposix\nsystem\nU\x0ftouch /tmp/owned\x85R.", b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", b"\x80\x02c__builtin__\neval\nU\x011\x85R.",
                                    b"\x80\x02(U\x04trueios\nsystem\n.", b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."])
def test_a_pickle_that_calls_is_refused(attack, monkeypatch):
    calls = []
    for name in ("os.system", "posix.system", "builtins.eval"): monkeypatch.setattr(name, calls.append)
    with pytest.raises(UnsafeError): read_pickle_as_data(attack)
    assert calls == []


def sound(d, nodes, features, edges):
    assert d.x.shape == (nodes, features) and d.x.dtype == np.float32 and d.y.shape == (nodes,) and d.edge.shape == (edges, 2)
    assert (d.edge[:, 0] < d.edge[:, 1]).all() and d.edge.min() >= 0 and d.edge.max() < nodes and (np.diff(d.edge[:, 0]*nodes + d.edge[:, 1]) > 0).all()
    parts = np.concatenate([d.train, d.valid, d.test])
    assert len(np.unique(parts)) == len(parts) and (d.y[parts] >= 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name, nodes, features, edges, classes", [("cora", 2708, 1433, 5278, [351, 217, 418, 818, 426, 298, 180]), ("citeseer", 3327, 3703, 4552, [249, 590, 668, 701, 596, 508])])
def test_citations(have, name, nodes, features, edges, classes):
    have(name)
    d = load(name)
    sound(d, nodes, features, edges)
    assert np.bincount(d.y[d.y >= 0]).tolist() == classes and set(np.unique(d.x.data)) == {1.0}
    assert np.bincount(d.y[d.train]).tolist() == [20]*len(classes) and len(d.valid) == 500 and len(d.test) == 1000
    lost = np.flatnonzero(d.y < 0)
    assert len(lost) == {"cora": 0, "citeseer": 15}[name] and d.x[lost].nnz == 0
    same = (d.y[d.edge[:, 0]] == d.y[d.edge[:, 1]]).mean()
    assert same > 0.7, "papers cite papers of their field: features and labels stand in the right rows"
    from sklearn.linear_model import LogisticRegression
    model = LogisticRegression(max_iter=500).fit(d.x[d.train], d.y[d.train])
    assert model.score(d.x[d.test], d.y[d.test]) > 0.5, "words alone give 0.55 to 0.60 in the literature"


@pytest.mark.slow
def test_wordnet_graph(have):
    have("wordnet")
    d = wordnet_graph()
    sound(d, 117_659, d.x.shape[1], len(d.edge))
    assert len(d.edge) in (EDGES, EDGES + 1), "Princeton's files, or Debian's, which have one edge more"
    assert d.x.shape[1] == WORDS and d.x.data.min() == 1
    assert len(np.unique(d.y)) == len(LEXICOGRAPHER) == 45 and np.bincount(d.y)[[4, 5, 6, 16, 43]].tolist() == [6650, 7509, 11587, 42, 81]
    assert [len(d.train), len(d.valid), len(d.test)] == [70_595, 23_532, 23_532] and d.test[:3].tolist() == FIRST


EDGES, WORDS, FIRST = 183_788, 18_130, [1, 4, 10]


@pytest.mark.slow
def test_movielens(have):
    have("movielens-100k")
    d = load("movielens-100k")
    assert len(d.user) == 100_000 and d.user.max() == 942 and d.item.max() == 1681 and d.user.min() == d.item.min() == 0
    assert np.bincount(d.rating.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201] and len(np.unique(d.user*1682 + d.item)) == 100_000
    assert len(d.age) == len(d.gender) == len(d.occupation) == 943 and d.gender.count("M") == 670 and len(set(d.occupation)) == 21
    assert len(d.title) == len(d.genre) == 1682 and d.title[:2] == ["Toy Story", "GoldenEye"] and d.genre[0] == ["Animation", "Children's", "Comedy"]
    assert np.bincount(d.user).min() == 20, "everybody rated at least 20 films"


def test_a_broken_file_is_named():
    with pytest.raises(DataError, match="no whole pickle"): read_pickle_as_data(b"\x80\x02]")
