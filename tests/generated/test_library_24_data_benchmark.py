"""Generated from nbs/shared_lib/24_data_benchmark.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_cifar():
    import io
    import tarfile
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError, UnsafeError, sums
    import hashlib
    import os
    import tempfile
    from contextlib import contextmanager
    from dataclasses import replace
    from unittest import mock
    import pytest
    from sparsebook.archive import ChecksumError
    from sparsebook.fetch import CATALOGUE, Folder, find
    from sparsebook.data_benchmark import load_cifar_10, load_cifar_100, read_cifar

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def pack(members: dict, mode: str='w') -> bytes:
        """A tar of made-up members."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as t:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return out.getvalue()
    @contextmanager
    def published(name: str, files: dict):
        """A world in which the publisher of a data set has these files, and the cache is empty."""
        home = temp()
        for n, data in files.items():
            (home / n).write_bytes(data)
        promised = sums('\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {n}' for n, data in files.items())))
        with mock.patch.dict(CATALOGUE, {name: replace(find(name), files=promised, routes=(Folder(home),))}), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp())):
            yield home
    record = bytes([7]) + bytes(range(256))*4 + bytes(1024) + bytes([255])*1024
    x, y = read_cifar(record, 10)
    x.shape, y.tolist(), x[0, 1, :3].tolist()

    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (12, 3074), dtype=np.uint8)
    rows[:, 0], rows[:, 1] = rng.integers(0, 20, 12), rng.integers(0, 10, 12)
    batches = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]
    ten = {f"cifar-10-batches-bin/{n}": rows[2*i:2*i + 2, 1:].tobytes() for i, n in enumerate(batches)} | {"cifar-10-batches-bin/batches.meta.txt": b"airplane\ncat\n\n"}
    with published("cifar-10", {"cifar-10-binary.tar.gz": pack(ten, "w:gz")}):
        d = load_cifar_10()
        assert [p.name for p in find("cifar-10").folder.iterdir()] == ["cifar-10-binary.tar.gz"]
    assert d.x_train.shape == (10, 32, 32, 3) and d.x_test.shape == (2, 32, 32, 3) and d.classes == ["airplane", "cat"]
    assert (np.r_[d.y_train, d.y_test] == rows[:, 1]).all() and d.y_train.dtype == np.int64
    np.testing.assert_array_equal(np.r_[d.x_train, d.x_test].transpose(0, 3, 1, 2).reshape(12, 3072), rows[:, 2:])
    assert d.x_train[3, 5, 9].tolist() == [rows[3, 2 + 1024*c + 32*5 + 9] for c in range(3)]           # row 5, column 9
    hundred = {"cifar-100-binary/train.bin": rows[:10].tobytes(), "cifar-100-binary/test.bin": rows[10:].tobytes(), "cifar-100-binary/fine_label_names.txt": b"apple\nbear\n",
               "cifar-100-binary/coarse_label_names.txt": b"fish\n"}
    with published("cifar-100", {"cifar-100-binary.tar.gz": pack(hundred, "w:gz")}): h = load_cifar_100()
    assert (h.group_train == rows[:10, 0]).all() and (h.y_train == rows[:10, 1]).all() and (h.x_test == d.x_test).all() and h.classes == ["apple", "bear"] and h.groups == ["fish"]

    with pytest.raises(DataError, match="records have 3,073 bytes, got 3,072"): read_cifar(bytes(3072), 10)
    with pytest.raises(DataError, match="must be in 0..9, got 10 in record 1"): read_cifar(bytes(3073) + bytes([10]) + bytes(3072), 10)
    with published("cifar-10", {"cifar-10-binary.tar.gz": b"promised"}) as home:
        (home/"cifar-10-binary.tar.gz").write_bytes(b"<html>moved</html>")
        with pytest.raises(ChecksumError, match="an HTML page"): load_cifar_10()
    with published("cifar-10", {"cifar-10-binary.tar.gz": pack({"../../evil": b"x"}, "w:gz")}):
        with pytest.raises(UnsafeError, match="leads out of its folder"): load_cifar_10()


def test_svhn():
    import io
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError, sums
    import hashlib
    import os
    import tempfile
    from contextlib import contextmanager
    from dataclasses import replace
    from unittest import mock
    import pytest
    from scipy.io import savemat
    from sparsebook.fetch import CATALOGUE, Folder, find
    from sparsebook.data_benchmark import load_svhn, load_svhn_extra, read_svhn

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    @contextmanager
    def published(name: str, files: dict):
        """A world in which the publisher of a data set has these files, and the cache is empty."""
        home = temp()
        for n, data in files.items():
            (home / n).write_bytes(data)
        promised = sums('\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {n}' for n, data in files.items())))
        with mock.patch.dict(CATALOGUE, {name: replace(find(name), files=promised, routes=(Folder(home),))}), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp())):
            yield home
    path = temp()/"toy.mat"
    savemat(path, {"X": np.arange(32*32*3*2).reshape(32, 32, 3, 2).astype(np.uint8), "y": np.uint8([[10], [3]])}, do_compression=True)
    x, y = read_svhn(path)
    x.shape, y.tolist()

    files, want = {}, np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    for split in ["train", "test"]:
        out = io.BytesIO()
        savemat(out, {"X": want.transpose(1, 2, 3, 0), "y": np.uint8([[1], [10], [9], [10], [2]])}, do_compression=True)
        files[f"{split}_32x32.mat"] = out.getvalue()
    with published("svhn", files): d = load_svhn()
    np.testing.assert_array_equal(d.x_train, want)
    assert d.y_test.tolist() == [1, 0, 9, 0, 2] and d.y_test.dtype == np.int64 and d.x_test.flags.c_contiguous
    with published("svhn-extra", {"extra_32x32.mat": files["test_32x32.mat"]}): assert load_svhn_extra().y.tolist() == [1, 0, 9, 0, 2]
    path = temp()/"a.mat"
    for wrong, says in [({"X": want, "y": [1]*5}, "must be uint8 of shape"), ({"X": want.transpose(1, 2, 3, 0), "y": [1]*4}, "and 4"), ({"X": want.transpose(1, 2, 3, 0), "y": [1, 2, 0, 4, 5]}, "1..10, got 0"), ({"X": want}, "no MATLAB file with X and y")]:
        savemat(path, wrong)
        with pytest.raises(DataError, match=says): read_svhn(path)
    for data in [b"", b"<html>404</html>", files["test_32x32.mat"][:3000]]:
        path.write_bytes(data)
        with pytest.raises(DataError, match="no MATLAB file"): read_svhn(path)


def test_members_of_a_tar_where_they_lie():
    import io
    import tarfile
    from pathlib import Path
    from sparsebook.archive import DataError, UnsafeError
    import tempfile
    import pytest
    from sparsebook.data_benchmark import Tar

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def pack(members: dict, mode: str='w') -> bytes:
        """A tar of made-up members."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as t:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return out.getvalue()
    path = temp()/"a.tar"
    path.write_bytes(pack({"./a/one": b"1", "a/two": b"22"}))
    Tar(path).places, Tar(path).read("a/two")

    with pytest.raises(DataError, match="has no member a/three"): Tar(path).read("a/three")
    with pytest.raises(UnsafeError, match="2 bytes, allowed are 1"): Tar(path).read("a/two", most=1)
    assert Tar(path).read("a/two", most=2) == b"22"
    with tarfile.open(path, "w") as t:
        link = tarfile.TarInfo("a/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        t.addfile(link)
        sparse = tarfile.TarInfo("a/sparse")                                        # its bytes in the tar are not its content
        sparse.size, sparse.pax_headers = 517, {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a/sparse", "GNU.sparse.realsize": "5"}
        t.addfile(sparse, io.BytesIO(b"1\n0\n5\n".ljust(512, b"\0") + b"hello"))
    for name in ["a/link", "a/sparse"]:
        with pytest.raises(UnsafeError, match="no regular file"): Tar(path).read(name)
    for name in ["../evil", "/evil", "a/../../evil"]:
        path.write_bytes(pack({name: b"x"}))
        with pytest.raises(UnsafeError, match="leads out"): Tar(path)
    for data in [b"<html>404</html>", b"", pack({"a": bytes(9000)})[:3000]]:
        path.write_bytes(data)
        with pytest.raises(DataError, match="no readable tar"): Tar(path)


def test_pascal_voc():
    import numpy as np
    from sparsebook.archive import DataError, UnsafeError
    import pytest
    from sparsebook.data_benchmark import read_voc, read_xml

    xml = b"""<annotation><size><width>40</width><height>30</height></size><object><name>dog</name><difficult>1</difficult>
    <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object></annotation>"""
    read_voc(xml)

    person = b"""<annotation><object><part><name>head</name><bndbox><xmin>5</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part><name>person</name>
    <bndbox><xmax>20.5</xmax><xmin>3.25</xmin><ymax>8</ymax><ymin>8</ymin></bndbox></object></annotation>"""
    dot = b"<annotation><object><name>cow</name><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>"
    b = read_voc(person)
    assert b.boxes.tolist() == [[2.25, 7, 20.5, 8]] and b.labels.tolist() == [14] and not b.difficult.any() and b.boxes.dtype == np.float32      # the person, not its head; one pixel high
    assert read_voc(dot).boxes.tolist() == [[2, 3, 3, 4]]                               # one pixel
    empty = read_voc(b"<annotation></annotation>")
    assert empty.boxes.shape == (0, 4) and empty.labels.dtype == np.int64 and empty.difficult.dtype == bool
    bomb = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><annotation>&b;</annotation>'
    for evil in [bomb, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation>&e;</annotation>']:
        with pytest.raises(UnsafeError, match="has no place in a data set"): read_voc(evil)
    for wrong, says in [(person[:80], "no whole XML"), (person.replace(b"person", b"ghost"), "'ghost' is none"), (person.replace(b"20.5", b"x"), "no box of four numbers"),
                        (person.replace(b"20.5", b"nan"), "not finite"), (person.replace(b"20.5", b"2"), "reversed"), (b"&x;", "no whole XML"), (b"", "no whole XML")]:
        with pytest.raises(DataError, match=says): read_voc(wrong, "000005.xml")
    with pytest.raises(UnsafeError, match="bytes of XML"): read_xml(b"<a>" + bytes(1 << 20))


def test_the_two_years():
    import io
    import tarfile
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError, sums
    import hashlib
    import os
    import tempfile
    from contextlib import contextmanager
    from dataclasses import replace
    from unittest import mock
    import matplotlib.pyplot as plt
    import pytest
    from PIL import Image
    from sparsebook.fetch import CATALOGUE, Folder, find
    from sparsebook.data_benchmark import VOC_CLASSES, load_voc_2007, load_voc_2012

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def pack(members: dict, mode: str='w') -> bytes:
        """A tar of made-up members."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode=mode) as t:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return out.getvalue()
    @contextmanager
    def published(name: str, files: dict):
        """A world in which the publisher of a data set has these files, and the cache is empty."""
        home = temp()
        for n, data in files.items():
            (home / n).write_bytes(data)
        promised = sums('\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {n}' for n, data in files.items())))
        with mock.patch.dict(CATALOGUE, {name: replace(find(name), files=promised, routes=(Folder(home),))}), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp())):
            yield home
    def picture(kind: str='JPEG', height: int=30, width: int=40) -> bytes:
        """A smooth colour picture in a file."""
        y, x = np.mgrid[:height, :width]
        out = io.BytesIO()
        Image.fromarray(np.stack([6 * x, 8 * y, 128 + 0 * x], -1).astype(np.uint8)).save(out, kind, quality=95)
        return out.getvalue()
    xml = b"<annotation><object><name>%s</name><bndbox><xmin>5</xmin><ymin>3</ymin><xmax>24</xmax><ymax>22</ymax></bndbox></object></annotation>"
    made = {"ImageSets/Main/trainval.txt": b"000005\n000007\n", "Annotations/000005.xml": xml % b"dog", "Annotations/000007.xml": xml % b"sofa",
            "JPEGImages/000005.jpg": picture(), "JPEGImages/000007.jpg": picture(height=24)}
    with published("voc-2012", {"VOCtrainval_11-May-2012.tar": pack({f"VOCdevkit/VOC2012/{n}": data for n, data in made.items()})}): d = load_voc_2012()
    scene = d[0]
    fig, ax = plt.subplots(figsize=(3, 2), dpi=60)
    ax.imshow(scene.picture)
    x0, y0, x1, y1 = scene.boxes[0]
    ax.add_patch(plt.Rectangle((x0 - .5, y0 - .5), x1 - x0, y1 - y0, fill=False, color="w"))
    ax.set_title(f"{VOC_CLASSES[scene.labels[0]]} {scene.boxes[0].tolist()}", fontsize=7);

    assert len(d) == 2 and d.ids == ["000005", "000007"] and [s.picture.shape for s in d] == [(30, 40, 3), (24, 40, 3)]
    assert [VOC_CLASSES[i] for s in d for i in s.labels] == ["dog", "sofa"] and d[-1].boxes.tolist() == [[4, 2, 24, 22]]
    np.testing.assert_allclose(scene.picture[2:22, 4:24].mean((0, 1)), [6*13.5, 8*11.5, 128], atol=2)          # the pixels that the box means
    seven = {f"VOCdevkit/VOC2007/{n}": data for n, data in made.items()}
    halves = {"VOCtrainval_06-Nov-2007.tar": pack(seven), "VOCtest_06-Nov-2007.tar": pack({n.replace("trainval", "test"): data for n, data in seven.items()})}
    with published("voc-2007", halves):
        assert load_voc_2007("test").objects(1).labels.tolist() == [VOC_CLASSES.index("sofa")]
        with pytest.raises(DataError, match="has no member VOCdevkit/VOC2007/ImageSets/Main/val.txt"): load_voc_2007("val")
        with pytest.raises(ValueError, match="one of train, val, trainval, test, got 'all'"): load_voc_2007("all")
    with pytest.raises(ValueError, match="got 'test'"): load_voc_2012("test")                                  # nobody has these boxes
    cut = seven | {"VOCdevkit/VOC2007/JPEGImages/000005.jpg": picture()[:300]}
    with published("voc-2007", halves | {"VOCtrainval_06-Nov-2007.tar": pack(cut)}), pytest.raises(DataError, match="JPEGImages/000005.jpg: no whole PNG or JPEG"): load_voc_2007()[0]


def test_a_folder_of_yours():
    import io
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from PIL import Image
    from sparsebook.data_benchmark import image_folder, square

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def picture(kind: str='JPEG', height: int=30, width: int=40) -> bytes:
        """A smooth colour picture in a file."""
        y, x = np.mgrid[:height, :width]
        out = io.BytesIO()
        Image.fromarray(np.stack([6 * x, 8 * y, 128 + 0 * x], -1).astype(np.uint8)).save(out, kind, quality=95)
        return out.getvalue()
    root = temp()
    for name in ["n01440764/b.JPEG", "n01440764/a.png", "n01443537/z.jpg"]:
        (root/name).parent.mkdir(exist_ok=True)
        (root/name).write_bytes(picture("PNG" if name.endswith("png") else "JPEG"))
    d = image_folder(root, size=12)
    [(d.classes[y], p.name, d.read(i).shape) for i, (y, p) in enumerate(zip(d.labels, d.paths, strict=True))]

    assert d.labels.tolist() == [0, 0, 1] and d.labels.dtype == np.int64 and image_folder(root).read(0).shape == (30, 40, 3)
    x = np.zeros((4, 8, 3), np.uint8)
    x[:, 2:6] = 200
    assert (square(x, 4) == 200).all() and (square(x, 2) == 200).all() and square(x[:, :2], 7).shape == (7, 7, 3)           # the middle, nothing of the sides
    np.testing.assert_allclose(d.read(0).mean((0, 1)), [6*19.5, 8*14.5, 128], atol=1)
    Image.fromarray(np.full((5, 5), 9, np.uint8)).save(root/"n01443537"/"grey.png")
    Image.new("CMYK", (5, 5)).save(root/"n01443537"/"cmyk.jpg")                                                            # 22 of ImageNet's pictures are
    assert (image_folder(root).read(3) == 9).all() and image_folder(root).read(2).shape == (5, 5, 3)
    (root/"n01440764"/"a.png").write_bytes(picture("PNG")[:-40])
    with pytest.raises(DataError, match="a.png: no whole PNG or JPEG"): image_folder(root).read(0)
    (root/"n01440764"/"note.txt").write_text("no picture")
    (root/".cache").mkdir()
    assert len(image_folder(root).paths) == 5
    (root/"n02").mkdir()
    with pytest.raises(DataError, match=r"n02 has no .jpg, .jpeg or .png in it \(1 of 3"): image_folder(root)
    with pytest.raises(DataError, match="has no folder in it"): image_folder(temp())
    with pytest.raises(DataError, match="is no folder"): image_folder(root/"lost")
    with pytest.raises(ValueError, match="at least 1 pixel"): image_folder(root, 0)


def test_online_only():
    from pathlib import Path
    from sparsebook.archive import DataError, sums
    import hashlib
    import os
    import tempfile
    from contextlib import contextmanager
    from dataclasses import replace
    from unittest import mock
    import pytest
    from sparsebook.fetch import CATALOGUE, Folder, catalogue, find
    from sparsebook.data_benchmark import load_svhn

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    @contextmanager
    def published(name: str, files: dict):
        """A world in which the publisher of a data set has these files, and the cache is empty."""
        home = temp()
        for n, data in files.items():
            (home / n).write_bytes(data)
        promised = sums('\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {n}' for n, data in files.items())))
        with mock.patch.dict(CATALOGUE, {name: replace(find(name), files=promised, routes=(Folder(home),))}), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp())):
            yield home
    mine = {"cifar-10", "cifar-100", "svhn", "svhn-extra", "voc-2007", "voc-2012"}
    for e in catalogue(online=True):
        if e.name in mine: print(f"{e.name:12} {e.size/1e6:7.0f} MB  {e.routes[0].at(next(iter(e.files)))}")

    assert not mine & {e.name for e in catalogue()} and mine < {e.name for e in catalogue(online=True)}
    assert all(find(name).online and not find(name).quick for name in mine)
    with published("svhn", {"train_32x32.mat": b"a", "test_32x32.mat": b"b"}) as home:
        (home/"train_32x32.mat").unlink()
        with pytest.raises(DataError, match="train_32x32.mat.*no such file"): load_svhn()
