"""The collections: counts, and that queries, documents and judgements belong together."""
import re

import numpy as np
import pytest
from sparsebook.data import load
from sparsebook.data_retrieval import load_cranfield, wordnet_retrieval


def overlap(d, pairs):
    "Mean share of a query's longer words that the document has."
    words = lambda t: set(re.findall("[a-z]{4,}", t))
    return np.mean([len(words(d.queries[q]) & words(d.docs[k]))/max(len(words(d.queries[q])), 1) for q, k in pairs])


def sound(d, docs, queries, judgements):
    assert (len(d.docs), len(d.queries), len(d.qrels)) == (docs, queries, judgements) and d.qrels.dtype == np.int64
    key = d.qrels[:, 0]*docs + d.qrels[:, 1]
    assert (np.diff(key) > 0).all() and len(np.unique(d.qrels[:, 0])) == queries and d.qrels.min() >= 0 and d.qrels[:, 1].max() < docs
    assert all(t == " ".join(t.split()) for t in d.docs + d.queries) and all(d.queries)


@pytest.mark.slow
def test_vaswani(have):
    have("vaswani")
    d = load("vaswani")
    sound(d, 11_429, 93, 2_083)
    assert set(d.qrels[:, 2]) == {1} and all(d.docs) and d.docs[0].startswith("compact memories have flexible capacities") and d.queries[92].startswith("high frequency oscillators")
    rng = np.random.default_rng(0)
    assert overlap(d, d.qrels[:, :2]) > 3*overlap(d, np.stack([rng.integers(0, 93, 500), rng.integers(0, 11_429, 500)], 1))


@pytest.mark.slow
def test_cranfield(have):
    have("cranfield")
    d, e = load("cranfield"), load_cranfield(unexplained=9)
    sound(d, 1_400, 225, 1_612)
    assert np.bincount(d.qrels[:, 2]).tolist() == [0, 363, 734, 387, 128] and [i + 1 for i, t in enumerate(d.docs) if not t] == [471, 995]
    assert np.bincount(e.qrels[e.qrels[:, 2] == 9, 0]).tolist() == [1]*225
    assert not re.search(r"(^| )\.[TABW]( |$)", " ".join(d.docs)) and "application to turbulent separations" in d.docs[239] and d.docs[577].startswith("dissociation scaling") and "compressor operation" in d.docs[577]
    share = [overlap(e, e.qrels[e.qrels[:, 2] == g, :2]) for g in (1, 2, 3, 4, 9)]
    assert share == sorted(share) and 0.28 < share[0] and 0.43 < share[-1], "better grades share more words"
    shifted = np.stack([(d.qrels[:, 0] + 100) % 225, d.qrels[:, 1]], 1)
    assert overlap(d, shifted) < 0.16 < 0.3 < overlap(d, d.qrels[:, :2]), "another numbering of the queries"


@pytest.mark.slow
def test_wordnet_retrieval(have):
    have("wordnet")
    d, again, other = wordnet_retrieval(), wordnet_retrieval(), wordnet_retrieval(seed=1)
    sound(d, 117_659, 1_000, len(d.qrels))
    assert d.queries == again.queries == sorted(set(d.queries)) and (d.qrels == again.qrels).all() and d.queries != other.queries and d.docs[0].startswith("that which is perceived")
    assert len(d.qrels) == JUDGEMENTS


JUDGEMENTS = 1_392
