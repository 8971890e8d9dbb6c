"""Generated from nbs/shared_lib/26_data_graph.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_read_an_old_pickle_without_unpickling():
    import numpy as np
    from sparsebook.archive import DataError
    from unittest import mock
    import pytest
    from sparsebook.data_graph import read_pickle_as_data

    array = (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01K\x02K\x03\x86q\x04cnumpy\ndtype\nq\x05U\x02i2K\x00K\x01\x87Rq\x06"
             b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x0c" + np.arange(6, dtype="<i2").tobytes() + b"tb.")
    read_pickle_as_data(array)

    np.testing.assert_array_equal(read_pickle_as_data(array), np.arange(6).reshape(2, 3))
    graph = b"\x80\x02ccollections\ndefaultdict\nc__builtin__\nlist\n\x85Rq\x01(K\x00]q\x02(K\x01M\x05\x02eK\x01]K\x00au."
    assert read_pickle_as_data(graph) == {0: [1, 517], 1: [0]}

    calls = []
    with mock.patch("os.system", calls.append), mock.patch("posix.system", calls.append):
        for attack, says in [(b"\x80\x02cposix\nsystem\nU\x04true\x85R.", "asks for posix.system"), (b"cos\nsystem\n(S'true'\ntR.", "asks for os.system"),
                             (b"\x80\x02c__builtin__\neval\nU\x011\x85R.", "asks for __builtin__.eval"), (b"(S'true'\nios\nsystem\n.", "an instruction STRING"),
                             (b"\x80\x02(U\x04trueios\nsystem\n.", "an instruction INST"), (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "SHORT_BINUNICODE"),
                             (b"\x80\x02Qx.", "BINPERSID"), (b"\x80\x02\x82\x01.", "EXT1"), (b"\x80\x02cnumpy\nndarray\nU\x01xq\x01cnumpy\nload\n.", "asks for numpy.load")]:
            with pytest.raises(DataError, match=says): read_pickle_as_data(attack)
    assert calls == []
    for broken in [b"", array[:50], array[:-1], b"\x80\x02a.", b"\x80\x02h\x05.", b"<html>", array.replace(b"i2", b"O8"), array.replace(b"K\x02K\x03\x86", b"K\x02K\x04\x86"), b"\x80\x02cnumpy\ndtype\n."]:
        with pytest.raises(DataError): read_pickle_as_data(broken)


def test_citation_graphs():
    from pathlib import Path
    import numpy as np
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data_graph import load_citeseer, planetoid, undirected

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    from scipy.sparse import csr_array
    labels = np.eye(2)[[0, 1, 1, 0]]
    parts = {"x": csr_array(np.eye(3)[:1]), "y": labels[:1], "allx": csr_array(np.eye(3)[:2]), "ally": labels[:2], "tx": csr_array(np.array([[0, 0, 5.], [7, 0, 0]])), "ty": labels[2:],
             "graph": {0: [1, 0, 4], 1: [0, 2], 4: [0], 2: [1, 1]}}
    folder = temp()
    for name in parts: (folder/f"ind.cora.{name}").write_bytes(name.encode())
    (folder/"ind.cora.test.index").write_text("4\n2\n")
    with mock.patch(f"{planetoid.__module__}.read_pickle_as_data", lambda data: parts[data.decode()]): d = planetoid({p.name: p for p in folder.iterdir()}, "cora")
    d.x.toarray(), d.y, d.edge

    np.testing.assert_array_equal(d.x.toarray(), [[1, 0, 0], [0, 1, 0], [7, 0, 0], [0, 0, 0], [0, 0, 5]])
    assert d.y.tolist() == [0, 1, 0, -1, 1] and d.edge.tolist() == [[0, 1], [0, 4], [1, 2]] and d.test.tolist() == [2, 4] and d.train.tolist() == [0] and d.x.dtype == np.float32
    assert undirected([]).shape == (0, 2) and undirected([(2, 1), (1, 2), (3, 3)]).tolist() == [[1, 2]]

    if cached("citeseer"):
        d = load_citeseer()
        degree = np.bincount(d.edge.ravel(), minlength=len(d.y))
        print(d.x.shape, d.x.nnz, len(d.edge), np.bincount(d.y + 1), "without class:", (d.y < 0).sum(), "without citations:", (degree == 0).sum(), "of them in the test:", (degree[d.test] == 0).sum())


@pytest.mark.slow
def test_wordnet_as_a_graph():
    import numpy as np
    from sparsebook.data_text import LEXICOGRAPHER
    from sparsebook.fetch import cached
    from unittest import mock
    from sparsebook.data_graph import wordnet_graph

    from sparsebook.data_text import WordNet
    tiny = WordNet([["cat"], ["animal"], ["purr"]], ["a small, small animal", "alive; a being", "what a cat does"], np.array([5, 3, 39]), np.array([[0, 1], [1, 0], [2, 0], [2, 2]]), ["@", "~", "+", "+"])
    with mock.patch(f"{wordnet_graph.__module__}.load_wordnet", lambda: tiny): d, e = wordnet_graph(1), wordnet_graph(2)
    assert d.x.shape == (3, 8) and d.x.sum(1).tolist() == [4, 3, 4] and d.x.max() == 2 and e.x.toarray().tolist() == [[1], [1], [1]]
    assert d.edge.tolist() == [[0, 1], [0, 2]] and sorted([*d.train, *d.valid, *d.test]) == [0, 1, 2] and LEXICOGRAPHER[d.y[0]] == "noun.animal"

    if cached("wordnet"):
        d = wordnet_graph()
        degree = np.bincount(d.edge.ravel(), minlength=len(d.y))
        print(f"{len(d.y):,} nodes, {len(d.edge):,} edges, {d.x.shape[1]:,} words, {d.x.nnz/d.x.shape[0]:.1f} different words per gloss, {(degree == 0).sum():,} isolated nodes, highest degree {degree.max()}")
        same = d.y[d.edge[:, 0]] == d.y[d.edge[:, 1]]
        print(f"{same.mean():.2f} of the edges join nodes of one class; largest class {LEXICOGRAPHER[np.bincount(d.y).argmax()]} with {np.bincount(d.y).max()/len(d.y):.3f} of the nodes")


def test_movielens():
    from pathlib import Path
    from sparsebook.archive import DataError
    import tempfile
    from unittest import mock
    import pytest
    from sparsebook.data_graph import load_movielens_100k

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"ml-100k.inter").write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\n2\t1\t5\t881250949\n")
    (folder/"ml-100k.user").write_text("user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n1\t24\tM\twriter\t85711\n2\t53\tF\tother\t94043\n")
    (folder/"ml-100k.item").write_text('item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n1\t"Toy" Story\t1995\tAnimation Comedy\n')
    with stand_in(load_movielens_100k, folder): d = load_movielens_100k()
    assert (d.user.tolist(), d.item.tolist(), d.rating.tolist(), d.age.tolist()) == ([1], [0], [5.0], [24, 53]) and d.title == ['"Toy" Story'] and d.genre == [["Animation", "Comedy"]]
    (folder/"ml-100k.user").write_text("user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n2\t53\tF\tother\t94043\n1\t24\tM\twriter\t85711\n")
    with stand_in(load_movielens_100k, folder), pytest.raises(DataError, match="numbered from 1 in order"): load_movielens_100k()
