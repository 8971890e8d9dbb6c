"""The texts: counts, first words, and a corpus whose held-out works no training paragraph repeats."""
import re
from collections import Counter

import numpy as np
import pytest
from sparsebook.data import load
from sparsebook.data_text import HELD_OUT, LEXICOGRAPHER, corpus

CORPORA = ("austen", "anarchism", "shakespeare", "wordnet")


@pytest.mark.slow
def test_austen(have):
    have("austen")
    novels = dict(load("austen"))
    assert {title: len(text.encode()) for title, text in novels.items()} == {
        "Emma": 883028, "Mansfield Park": 883280, "Northanger Abbey": 433411, "Persuasion": 466854, "Pride and Prejudice": 684768, "Sense and Sensibility": 673688}
    assert novels["Pride and Prejudice"].split("\n")[9].startswith("It is a truth universally acknowledged")


@pytest.mark.slow
def test_anarchism(have):
    have("anarchism")
    pages = load("anarchism")
    size = sum(len(text.encode()) for _, text in pages)
    assert len(pages) == 120 and size in (11_150_208, 11_150_208 + 6), "Debian's text, or the upstream one with its eight misprints"
    text = "\n\n".join(text for _, text in pages)
    assert not re.search(r"</?[a-z]+>|&(amp|quot|nbsp);|\xa0|\xad", text) and "Go to next page" not in text and "‹" not in text
    assert dict(pages)["secA1"].startswith("Anarchism is a political theory which aims to create anarchy")
    assert all(p == " ".join(p.split()) and p for p in text.split("\n\n"))


@pytest.mark.slow
def test_wordnet(have):
    have("wordnet")
    d = load("wordnet")
    assert len(d.words) == len(d.gloss) == len(d.file) == 117_659 and all(d.gloss) and all(map(all, d.words))
    assert Counter(LEXICOGRAPHER[i].split(".")[0] for i in d.file) == {"noun": 82115, "verb": 13767, "adj": 18156, "adv": 3621}, "the counts of wnstats(7WN)"
    assert len(np.unique(d.file)) == 45 and sum(map(len, d.words)) == 206_978
    assert d.relation.shape == (len(d.kind), 2) and len(d.kind) == 377_592 and d.relation.min() >= 0 and d.relation.max() < 117_659
    assert d.words[0] == ["entity"] and d.gloss[0].startswith("that which is perceived or known")
    up = {tuple(r) for r, k in zip(d.relation.tolist(), d.kind, strict=True) if k == "@"}
    down = {(b, a) for (a, b), k in zip(d.relation.tolist(), d.kind, strict=True) if k == "~"}
    assert up == down, "hypernyms and hyponyms mirror each other"


@pytest.mark.slow
def test_wikitext_2(have):
    have("wikitext-2")
    d = load("wikitext-2")
    assert [len(t.split()) + t.count("\n") for t in d] == [217_646, 245_569], "the published token counts, an end of line being a token"


@pytest.mark.slow
def test_newsgroups(have):
    have("newsgroups")
    d = load("newsgroups")
    assert (len(d.train), len(d.test), len(d.groups)) == (11_293, 7_528, 20) and d.groups == sorted(d.groups)
    assert np.bincount(d.y_train)[:3].tolist() == [480, 584, 572] and np.bincount(d.y_test)[-3:].tolist() == [376, 310, 251]
    assert all(re.fullmatch("[a-z ]*", t) for t in d.train + d.test)


@pytest.fixture(scope="module")
def splits(have):
    for name in CORPORA: have(name)
    return {s: corpus(s) for s in ("train", "valid", "test")}


@pytest.mark.slow
def test_corpus_sizes_and_works(splits):
    for split, c in splits.items():
        assert len(c.texts) == len(c.works) == len(c.bytes) == len(set(c.works)) and c.bytes.tolist() == [len(t.encode()) for t in c.texts]
        if split != "train": assert set(c.works) == set(HELD_OUT[split])
    assert [len(c.works) for c in splits.values()] == [96, 6, 6]
    for split, size in SIZES.items():
        got = [sum(int(b) for w, b in zip(splits[split].works, splits[split].bytes, strict=True) if w.startswith(s)) for s in CORPORA]
        np.testing.assert_allclose(got, size, atol=50)


SIZES = {"train": (3_119_721, 9_297_342, 4_593_800, 11_393_845), "valid": (433_230, 584_692, 240_673, 149_748), "test": (464_350, 842_746, 201_664, 68_100)}


@pytest.mark.slow
def test_no_held_out_paragraph_is_trained_on(splits):
    parts = {s: [p for t in c.texts for p in t.strip().split("\n\n")] for s, c in splits.items()}
    train, test = set(parts["train"]), set(parts["test"])
    held = [p for s in ("valid", "test") for p in parts[s] if len(p) > 80]
    assert len(held) > 5000 and not train & set(held) and not test & {p for p in parts["valid"] if len(p) > 80}
    text = "\n\n".join(splits["train"].texts)
    assert not [p for p in held[::60] if p in text], "nor inside a longer paragraph"
    assert not [n for n, k in Counter(p for p in parts["train"] if len(p) > 80).items() if k > 1]


@pytest.mark.slow
def test_no_run_of_13_words_is_shared(splits):
    "An independent count, with strings instead of hashes; paragraphs of at most 80 characters may repeat."
    def runs(p): return (" ".join(w[i:i + 13]) for w in [re.findall(r"\w+", p.lower())] for i in range(len(w) - 12))
    held = {s: {r for t in splits[s].texts for p in t.strip().split("\n\n") for r in runs(p)} for s in ("valid", "test")}
    assert len(held["valid"]) > 180_000 and len(held["test"]) > 210_000 and not held["valid"] & held["test"]
    either = held["valid"] | held["test"]
    assert not [p for t in splits["train"].texts for p in t.strip().split("\n\n") if len(p) > 80 and any(r in either for r in runs(p))]
