"""Generated from nbs/shared_lib/27_data_retrieval.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_form_for_all():
    from sparsebook.archive import DataError
    import pytest
    from sparsebook.data_retrieval import collection

    collection(["a cat", "a dog"], ["pets", "cats"], [(1, 0, 2), (0, 1, 1), (0, 0, 1)])

    assert collection(["d"], ["q"], []).qrels.shape == (0, 3) and collection(["a", "b"], ["q"], [(0, 1, 1), (0, 0, 2)]).qrels.tolist() == [[0, 0, 2], [0, 1, 1]]
    for qrels, says in [([(0, 1, 1)], "names document 1, rows are 0..0"), ([(1, 0, 1)], "names query 1"), ([(0, 0, 1), (0, 0, 2)], "judged twice"), ([(0, 0, 0)], "at least 1, got 0")]:
        with pytest.raises(DataError, match=says): collection(["d"], ["q"], qrels)


def test_vaswani():
    from sparsebook.archive import DataError
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.data_retrieval import load_vaswani

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"doc-text.trec").write_text("<DOC>\n<DOCNO>1</DOCNO>\nradio  waves\nin air\n</DOC>\n<DOC>\n<DOCNO>2</DOCNO>\nvalves\n</DOC>\n")
    (folder/"query-text.trec").write_text("<top>\n<num>1</num><title>\nWAVES\n</title>\n</top>\n")
    (folder/"qrels").write_text("1 0 2 1\n1 0 1 1\n")
    with stand_in(load_vaswani, folder): d = load_vaswani()
    assert d.docs == ["radio waves in air", "valves"] and d.queries == ["waves"] and d.qrels.tolist() == [[0, 0, 1], [0, 1, 1]]

    (folder/"doc-text.trec").write_text("<DOC>\n<DOCNO>2</DOCNO>\nvalves\n</DOC>\n")
    with stand_in(load_vaswani, folder), pytest.raises(DataError, match="should run from 1 to 1"): load_vaswani()


def test_cranfield_and_its_traps():
    import re
    import numpy as np
    from sparsebook.fetch import cached, fetch
    import tempfile
    from pathlib import Path
    from unittest import mock
    from sparsebook.data_retrieval import load_cranfield

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"cran.all.1400").write_text(".I 1\n.T\nwings .\n.A\nnobody\n.B\n1958\n.W\nwings .\nlift\n.A\nand drag\n.I 2\n.T\n.A\n.B\n.W\n.I 3\n.T\nt\n.A\n.B\n.W\nheat  flow\n")
    (folder/"cran.qry").write_text(".I 001\n.W\nwhat is lift\n.I 004\n.W\nwhat is\nheat .\n")
    (folder/"cranqrel").write_text("1 1 1 \n2 3 4\n2 1 -1\n")
    with stand_in(load_cranfield, folder): d, e = load_cranfield(), load_cranfield(unexplained=4)
    d

    assert d.docs == ["wings . lift and drag", "", "heat flow"] and d.queries == ["what is lift", "what is heat ."]
    assert d.qrels.tolist() == [[0, 0, 4], [1, 2, 1]] and e.qrels.tolist() == [[0, 0, 4], [1, 0, 4], [1, 2, 1]]

    def overlap(query, doc):
        "Share of the query's longer words that the document has."
        q = set(re.findall("[a-z]{4,}", query))
        return len(q & set(re.findall("[a-z]{4,}", doc)))/max(len(q), 1)

    if cached("cranfield"):
        d, e = load_cranfield(), load_cranfield(unexplained=9)
        for gain, name in [(9, "-1"), (4, "1"), (3, "2"), (2, "3"), (1, "4")]: print(f"grade {name:>2}: {np.mean([overlap(e.queries[q], e.docs[k]) for q, k, g in e.qrels if g == gain]):.2f} of the query's words")
        number = [int(n) - 1 for n in re.findall(r"^\.I (\d+)$", fetch("cranfield")["cran.qry"].read_text(), flags=re.M)]
        print(f"numbers read literally: {np.mean([overlap(d.queries[number.index(q)], d.docs[k]) for q, k, g in d.qrels if q in number]):.2f}, any document: {np.mean([overlap(q, k) for q in d.queries[::5] for k in d.docs[::20]]):.2f}")


@pytest.mark.slow
def test_from_a_word_to_its_meanings():
    import re
    import numpy as np
    from sparsebook.archive import DataError
    from sparsebook.fetch import cached
    from unittest import mock
    import pytest
    from sparsebook.data_retrieval import wordnet_retrieval

    from sparsebook.data_text import WordNet
    tiny = WordNet([["bank", "shore"], ["bank"], ["Bank", "bank"]], ["land by water", "house of money", "to trust"], np.array([17, 14, 31]), np.zeros((0, 2), int), [])
    with mock.patch(f"{wordnet_retrieval.__module__}.load_wordnet", lambda: tiny):
        d = wordnet_retrieval(2)
        with pytest.raises(DataError, match="queries must be in 1..2, got 3"): wordnet_retrieval(3)
    assert d.queries == ["bank", "shore"] and d.qrels.tolist() == [[0, 0, 1], [0, 1, 1], [0, 2, 1], [1, 0, 1]] and d.docs == tiny.gloss

    if cached("wordnet"):
        d = wordnet_retrieval()
        print(len(d.docs), len(d.queries), len(d.qrels), d.queries[:5])
        said = np.mean([bool(re.search(rf"\b{re.escape(d.queries[q])}\b", d.docs[k].lower())) for q, k, _ in d.qrels])
        print(f"{said:.2f} of the glosses contain the word they explain")
