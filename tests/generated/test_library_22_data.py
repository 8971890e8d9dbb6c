"""Generated from nbs/shared_lib/22_data.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_read_an_idx_file():
    import gzip
    import struct
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.data import read_idx

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def write_idx(path: Path, a: np.ndarray) -> Path:
        path.write_bytes(gzip.compress(bytes([0, 0, 8, a.ndim]) + struct.pack(f'>{a.ndim}I', *a.shape) + a.astype(np.uint8).tobytes()))
        return path
    a = np.arange(2*3*4).reshape(2, 3, 4)
    read_idx(write_idx(temp()/"a.gz", a))[1]

    from hypothesis import given
    from hypothesis.extra import numpy as hnp
    folder = temp()

    @given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4, max_side=5)))
    def round_trip(x):
        y = read_idx(write_idx(folder/"x.gz", x))
        assert y.dtype == np.uint8 and y.flags.writeable
        np.testing.assert_array_equal(x, y)
    round_trip()

    good = gzip.decompress(write_idx(folder/"a.gz", a).read_bytes())
    for content, says in [(b"\0\0\x0d\1" + good[4:], "got 00 00 0d 01"), (b"PK\3\4", "got 50 4b 03 04"), (b"", "got nothing"), (good[:-1], "needs 24 bytes, got 23"),
                          (good + b"x", "got more"), (good[:9], "no whole"), (b"\0\0\x08\4" + b"\xff"*16, "allowed are 1,073,741,824"), (b"\0\0\x08\xff", "1..4 axes")]:
        (folder/"b.gz").write_bytes(gzip.compress(content))
        with pytest.raises(DataError, match=says): read_idx(folder/"b.gz")
    for content in [b"<html>", (folder/"a.gz").read_bytes()[:-12]]:
        (folder/"b.gz").write_bytes(content)
        with pytest.raises(DataError, match="no whole gzip"): read_idx(folder/"b.gz")


def test_fashion_mnist():
    import gzip
    import struct
    from pathlib import Path
    import numpy as np
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data import FASHION_CLASSES, cached, load_fashion_mnist

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def write_idx(path: Path, a: np.ndarray) -> Path:
        path.write_bytes(gzip.compress(bytes([0, 0, 8, a.ndim]) + struct.pack(f'>{a.ndim}I', *a.shape) + a.astype(np.uint8).tobytes()))
        return path
    if cached("fashion-mnist"):
        import matplotlib.pyplot as plt
        d = load_fashion_mnist()
        fig, axes = plt.subplots(1, 10, figsize=(10, 1.3), dpi=72)
        for c, ax in enumerate(axes):
            ax.imshow(d.x_train[d.y_train == c][0], cmap="gray_r")
            ax.set_title(FASHION_CLASSES[c], fontsize=8)
            ax.axis("off")
    else: print("not in the cache yet: load_fashion_mnist() fetches 31 MB")

    folder, rng = temp(), np.random.default_rng(0)
    tiny = {part: rng.integers(0, 10, shape) for part, shape in [("train-images-idx3", (6, 28, 28)), ("train-labels-idx1", 6), ("t10k-images-idx3", (2, 28, 28)), ("t10k-labels-idx1", 2)]}
    paths = {f"{part}-ubyte.gz": write_idx(folder/part, np.atleast_1d(a)) for part, a in tiny.items()}
    with mock.patch(f"{load_fashion_mnist.__module__}.fetch", lambda name: paths): d = load_fashion_mnist()
    for got, want in zip(d, tiny.values(), strict=True): np.testing.assert_array_equal(got, want)
    assert [a.dtype.name for a in d] == ["uint8", "int64"]*2 and len(FASHION_CLASSES) == 10


def test_mnist_5_000_digits():
    import gzip
    from pathlib import Path
    import numpy as np
    import tempfile
    from unittest import mock
    from sparsebook.data import load_mnist_5k

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    path, row = temp()/"tiny.csv.gz", np.arange(785) % 256
    path.write_bytes(gzip.compress("\n".join(",".join(map(str, [*row[:784], label])) for label in (3, 7)).encode()))
    with mock.patch(f"{load_mnist_5k.__module__}.fetch", lambda name: {"mnist_5k.csv.gz": path}): d = load_mnist_5k()
    assert d.x.shape == (2, 28, 28) and d.x.dtype == np.uint8 and d.y.tolist() == [3, 7]
    np.testing.assert_array_equal(d.x[1].ravel(), row[:784])


def test_shakespeare():
    from pathlib import Path
    import tempfile
    from unittest import mock
    from sparsebook.data import load_shakespeare

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    folder = temp()
    for name, text in [("b_gut.txt", "Wherefore?"), ("a_gut.txt", "To be"), ("metadata.txt", "[a_gut]\ntitle = A 100% Play\n[b_gut]\ntitle = Sonnets\n")]: (folder/name).write_text(text)
    with mock.patch(f"{load_shakespeare.__module__}.fetch", lambda name: {p.name: p for p in folder.iterdir()}): texts = load_shakespeare()
    assert texts == [("A 100% Play", "To be"), ("Sonnets", "Wherefore?")]


def test_which_one_do_i_want():
    from sparsebook.archive import DataError
    from sparsebook.fetch import catalogue, load, where
    import pytest
    from sparsebook.data import catalogue, load, where

    for e in catalogue(): print(f"{e.name:14} {e.size/1e6:5.1f} MB  {len(e.files):2} files  {e.licence}\n    {e.what}\n    {e.citation}")

    assert {"fashion-mnist", "mnist-5k", "shakespeare"} <= {e.name for e in catalogue()}
    assert all(e.folder.parent == where() and where().is_absolute() for e in catalogue())
    with pytest.raises(DataError, match="did you mean 'fashion-mnist'"): load("fashion_mnist")
