"""Generated from nbs/shared_lib/25_data_text.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_jane_austen():
    from pathlib import Path
    import numpy as np
    from sparsebook.fetch import cached
    from unittest import mock
    from sparsebook.data_text import AUSTEN, load_austen

    if cached("austen"): print(dict(load_austen())["Persuasion"][100:620])
    else: print("not in the cache yet: load_austen() fetches 1.1 MB")

    made_up = {name: np.array([f"{title},", "", "a novel"]) for name, title in AUSTEN.items()}
    for names, reader, value in [([f"{n}.rda" for n in AUSTEN], "read_r", lambda path: {path.stem: made_up[path.stem]}), (["Rdata.rdx", "Rdata.rdb"], "read_lazy", lambda i, o, name: made_up[name])]:
        with mock.patch.multiple(load_austen.__module__, fetch=lambda name, names=names: {n: Path(n) for n in names}, **{reader: value}): d = load_austen()
        assert [title for title, _ in d] == sorted(AUSTEN.values()) and d[0] == ("Emma", "Emma,\n\na novel\n")


def test_wordnet():
    from pathlib import Path
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data_text import LEXICOGRAPHER, load_wordnet

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"data.noun").write_text("  1 licence\n00000010 05 n 02 cat 0 true_cat 0 003 @ 00000020 n 0000 + 00000010 v 0101 ~ 00000030 n 0000 | a feline; \"the cat sat\"  \n"
                                    "00000020 03 n 01 animal 0 001 ~ 00000010 n 0000 | alive  \n00000030 05 n 01 tabby 0 000 | a cat  \n")
    (folder/"data.verb").write_text("00000010 38 v 01 pounce 0 000 01 + 02 00 | spring; jump\n")
    (folder/"data.adj").write_text("00000010 00 s 01 catty(p) 0 001 & 00000040 a 0000 | malicious\n00000040 00 a 01 mean 0 000 | not kind\n")
    (folder/"data.adv").write_text("")
    with stand_in(load_wordnet, folder): d = load_wordnet()
    d

    assert d.words == [["cat", "true cat"], ["animal"], ["tabby"], ["pounce"], ["catty"], ["mean"]] and d.gloss[0] == 'a feline; "the cat sat"'
    assert [LEXICOGRAPHER[i] for i in d.file] == ["noun.animal", "noun.Tops", "noun.animal", "verb.motion", "adj.all", "adj.all"] and len(LEXICOGRAPHER) == 45
    assert d.relation.tolist() == [[0, 1], [0, 3], [0, 2], [1, 0], [4, 5]] and d.kind == ["@", "+", "~", "~", "&"]

    if cached("wordnet"):
        d = load_wordnet()
        i = d.words.index(["sparseness", "spareness", "sparsity", "thinness"])
        print(f"{len(d.gloss):,} synsets, {len(d.kind):,} relations;", d.words[i], d.gloss[i], [d.words[j] for j in d.relation[d.relation[:, 0] == i, 1]])
    else: print("not in the cache yet: load_wordnet() fetches 11 MB")


def test_wikitext_2():
    from pathlib import Path
    import tempfile
    from unittest import mock
    from sparsebook.data_text import load_wikitext_2

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    for split in ("valid", "test"): (folder/f"{split}.txt").write_text(f" = {split} = \n <unk> \u2013 ", encoding="utf-8")
    with stand_in(load_wikitext_2, folder): assert load_wikitext_2() == (" = valid = \n <unk> \u2013 ", " = test = \n <unk> \u2013 ")


def test_twenty_newsgroups():
    from pathlib import Path
    import tempfile
    from unittest import mock
    from sparsebook.data_text import load_newsgroups

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    for split, body in [("train", "sci.space\tre moon\nrec.autos\ta car"), ("test", "sci.space\tmars")]: (folder/f"20newsgroups-{split}.tab").write_text(f"Category\tText\nd\tstring\nclass\t\n\n{body}\n")
    with stand_in(load_newsgroups, folder): d = load_newsgroups()
    assert d.train == ["re moon", "a car"] and d.test == ["mars"] and d.groups == ["rec.autos", "sci.space"] and d.y_train.tolist() == [1, 0] and d.y_test.tolist() == [1]


def test_repeated_passages():
    import numpy as np
    from sparsebook.data_text import repeats, runs

    number, old = {}, ["It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife."]
    known = np.sort(runs(old, number)[0])
    new = ["They say it is a truth universally acknowledged that a SINGLE man in possession of much is rare, and so on.", "It is a truth universally acknowledged, that nobody has read every book in this library twice.",
           "Unquestionably incomprehensible internationalisation notwithstanding, characteristically.", old[0]]
    repeats(new, known, number)

    assert repeats(new, known, number).tolist() == [True, False, False, True] and len(known) == 23 - 12
    assert repeats(new[2:3], np.sort(runs(new[2:3], number)[0]), number).all(), "fewer than 13 words, all of them the same"
    assert not repeats(["To be, or not to be"], np.sort(runs(["To be, or not to be"], number)[0]), number).any() and repeats([], known, number).shape == (0,)
    rng = np.random.default_rng(0)
    text = [" ".join(map(str, rng.integers(10, 12, rng.integers(30, 60)))) for _ in range(40)]
    known = np.sort(runs(text[:20], number)[0])
    brute = [any(" ".join(w[i:i + 13]) in p for p in text[:20] for i in range(len(w) - 12)) for w in map(str.split, text[20:])]
    assert repeats(text[20:], known, number).tolist() == brute and 0 < sum(brute) < 20


def test_one_corpus_split_by_works():
    from sparsebook.archive import DataError
    from unittest import mock
    import pytest
    from sparsebook.data_text import cleaned, corpus

    long = "word " * 20
    works = {"austen/Emma": ["own one", f"{long}shared in train", "own one", f"x {long}", f"Y {long}"], "austen/Persuasion": [f"{long}shared", "own one"],
             "austen/Northanger Abbey": [f"{long}again", "fresh"], "wordnet/noun.act": ["act: deed " + " ".join(map(str, range(30)))]*2}
    cleaned.cache_clear()
    with mock.patch(f"{corpus.__module__}.collect", lambda: works): made_up = {split: corpus(split) for split in ("train", "valid", "test")}
    cleaned.cache_clear()
    made_up

    cleaned.cache_clear()
    works = {"austen/Emma": ["short", "short", "w " * 50 + "a", "w " * 50 + "b"], "austen/Persuasion": ["v " * 50], "wordnet/noun.act": ["Deed " + " ".join(map(str, range(30))), "deed " + " ".join(map(str, range(30)))]}
    with mock.patch(f"{corpus.__module__}.collect", lambda: works): a, b, c = corpus("train"), corpus("test"), corpus("train", "wordnet")
    cleaned.cache_clear()
    assert a.texts[0].split("\n\n") == ["short", "short", "w " * 50 + "a", "w " * 50 + "b\n"] and a.works == ["austen/Emma", "wordnet/noun.act"]
    assert a.texts[1].startswith("Deed") and a.texts[1].count("\n") == 1, "equal but for case: once"
    assert b.works == ["austen/Persuasion"] and b.bytes.tolist() == [101] and c.works == ["wordnet/noun.act"]
    for call, says in [(lambda: corpus("dev"), "must be train, valid or test, got 'dev'"), (lambda: corpus("train", ["austin"]), "did you mean 'austen'")]:
        with pytest.raises(DataError, match=says): call()


@pytest.mark.slow
def test_how_large_the_corpus_is():
    from sparsebook.fetch import cached
    from sparsebook.data_text import corpus

    if all(map(cached, ("austen", "anarchism", "shakespeare", "wordnet"))):
        print("bytes      train       valid        test")
        c = {s: corpus(s) for s in ("train", "valid", "test")}
        for source in ("austen", "anarchism", "shakespeare", "wordnet"):
            print(f"{source:12}", *(f"{sum(int(b) for w, b in zip(c[s].works, c[s].bytes, strict=True) if w.startswith(source)):>11,}" for s in c))
        print(f"{'all':12}", *(f"{c[s].bytes.sum():>11,}" for s in c))
    else: print("not in the cache yet: corpus() fetches 24 MB")
