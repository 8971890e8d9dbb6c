"""Every data set of the catalogue: its entry is complete, and (slow) its real bytes are what the loader promises."""
import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest
from sparsebook.archive import UnreachableError, sums
from sparsebook.data import catalogue, fetch, load
from sparsebook.fetch import Debian, Entry, github

names = [e.name for e in catalogue()]


@pytest.mark.parametrize("entry", catalogue(), ids=names)
def test_entry_is_complete(entry):
    assert len(entry.what) > 10 and entry.licence.strip() and re.search(r"\b(1[5-9]|20)\d\d\b", entry.citation), "what, licence and a citation with a year"
    assert callable(entry.loader) and entry.loader.__doc__ and entry.loader.__name__ == f"load_{entry.name.replace('-', '_')}"
    assert 0 < entry.size < 200e6
    for name, promised in entry.files.items():
        assert promised, name
        for digest in promised: assert re.fullmatch("[0-9a-f]{64}", digest.sha256) and digest.size > 0, name
    assert any(not isinstance(route, Debian) for route in entry.routes), "a machine without apt needs another route"
    first = next(iter(entry.files))
    for route in entry.routes: assert getattr(route, "member", str)(first) in route.at(first), "a person must find the file by hand"


def test_names_are_unique():
    assert len(set(names)) == len(names) and names == sorted(names)
    assert len({d.sha256 for e in catalogue() for ds in e.files.values() for d in ds}) == sum(len(ds) for e in catalogue() for ds in e.files.values())


def test_import_is_cheap():
    code = "import sys, sparsebook.data; print(*{'torch', 'requests', 'matplotlib', 'pandas'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_a_missing_extra_is_named():
    code = "import sys; sys.modules['pooch'] = None; import sparsebook.data"
    assert "pip install 'sparsebook[data]'" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr


def same(one, two):
    "Equal arrays, sparse arrays, or lists of strings and of lists."
    if hasattr(one, "tocsr"): assert one.shape == two.shape and (one != two).nnz == 0
    elif isinstance(one, list) and {type(x) for x in one} <= {str, list}: assert one == two
    else: np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("name", names)
def test_cached_data_needs_no_network_and_is_deterministic(name, have, monkeypatch):
    have(name)
    platform.processor()  # asks `uname` once, and so does the import of h5py
    monkeypatch.setattr("socket.socket", None)
    monkeypatch.setattr("subprocess.run", None)
    monkeypatch.setattr("subprocess.Popen", None)
    entry = next(e for e in catalogue() if e.name == name)
    assert fetch(name).keys() in [form.keys() for form in (entry.files, *entry.instead[:1])]
    for one, two in zip(load(name), load(name), strict=True): same(one, two)


@pytest.mark.slow
def test_fashion_mnist(have):
    have("fashion-mnist")
    d = load("fashion-mnist")
    for x, y, n in [(d.x_train, d.y_train, 60000), (d.x_test, d.y_test, 10000)]:
        assert x.shape == (n, 28, 28) and x.dtype == np.uint8 and x.flags.writeable and (x.min(), x.max()) == (0, 255)
        assert y.shape == (n,) and y.dtype == np.int64 and np.bincount(y).tolist() == [n//10]*10
    assert d.y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5] and d.y_test[:5].tolist() == [9, 2, 1, 1, 6]
    assert d.x_train.mean()/255 == pytest.approx(0.2860, abs=1e-4) and d.x_train.std()/255 == pytest.approx(0.3530, abs=1e-4)


@pytest.mark.slow
def test_mnist_5k(have):
    have("mnist-5k")
    d = load("mnist-5k")
    assert d.x.shape == (5000, 28, 28) and d.x.dtype == np.uint8 and (d.x.min(), d.x.max()) == (0, 255)
    assert d.y.dtype == np.int64 and (d.y == np.repeat(np.arange(10), 500)).all()
    assert len(np.unique(d.x.reshape(5000, -1), axis=0)) == 5000
    assert (d.x[:, :1] == 0).all() and d.x[d.y == 1].mean() < d.x[d.y == 0].mean(), "a one has less ink than a zero"


@pytest.mark.slow
def test_shakespeare(have):
    have("shakespeare")
    texts = load("shakespeare")
    titles = [title for title, _ in texts]
    assert len(texts) == len(set(titles)) == 42 and titles[:2] == ["All's Well That Ends Well", "Antony and Cleopatra"] and titles[-1] == "The Winter's Tale"
    assert sum(len(text.encode()) for _, text in texts) == 5_057_198
    assert "To be, or not to be,--that is the question" in dict(texts)["Hamlet"]
    assert all(text.isascii() and "\r" not in text for _, text in texts)


@pytest.mark.slow
def test_mirror(monkeypatch, tmp_path):
    "A file of a public repository comes from the mirror folder, with the network closed."
    if not os.environ.get("SPARSEBOOK_MIRROR"): pytest.skip("SPARSEBOOK_MIRROR is not set")
    monkeypatch.setenv("SPARSEBOOK_DATA", str(tmp_path))
    monkeypatch.setattr("socket.socket", None)
    entry = Entry(name="wikitext-2-valid", what="validation text of WikiText-2", licence="CC BY-SA 3.0", citation="Merity et al. (2016)", loader=None,
                  files=sums("f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8 1121681 valid.txt"),
                  routes=(github("pytorch/examples", "77f55b912142e11fcfdf5b530231fb9c52f181e8", "word_language_model/data/wikitext-2"),))
    try: path = fetch(entry)["valid.txt"]
    except UnreachableError as e: pytest.skip(f"the mirror has no such file: {e}")
    assert path.read_text(encoding="utf-8").count("<unk>") > 0 and path.stat().st_size == 1121681
