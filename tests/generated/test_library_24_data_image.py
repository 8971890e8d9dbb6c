"""Generated from nbs/shared_lib/24_data_image.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_read_a_picture():
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from PIL import Image
    from sparsebook.data_image import read_picture, shrink, to_grey

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    x = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    path = temp()/"a.png"
    Image.fromarray(x).save(path)
    to_grey(read_picture(path))

    np.testing.assert_array_equal(read_picture(path), x)
    np.testing.assert_allclose(to_grey(np.full((2, 2, 4), [255, 255, 255, 9], np.uint8)), 1, rtol=1e-6)
    assert to_grey(np.eye(3, dtype=np.uint8)[None]*255).round(4).tolist() == np.float32([[.2126, .7152, .0722]]).tolist()
    assert shrink(np.arange(12.).reshape(3, 4), 2).tolist() == [[2.5, 4.5]] and shrink(x, 2).shape == (2, 2, 3)
    with pytest.raises(ValueError, match="k must be in 1..4, got 5"): shrink(x, 5)
    for mode, channels in [("P", 3), ("LA", 4), ("1", 3)]:
        Image.fromarray(x).convert("L").convert(mode).save(path)
        assert read_picture(path).shape == (4, 5, channels)
    Image.fromarray(x[..., 0].astype(np.uint16)*257).save(path)
    with pytest.raises(DataError, match="8 bits a channel are allowed"): read_picture(path)
    Image.fromarray(x).save(path)
    with pytest.raises(DataError, match="more than 10 pixels"): read_picture(path, most=10)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="no whole PNG or JPEG"): read_picture(path)


def test_whiten():
    import numpy as np
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook.data_image import whiten

    rng = np.random.default_rng(0)
    rho = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128)[None])
    pink = np.fft.ifft2(np.fft.fft2(rng.normal(size=(128, 128)))/np.maximum(rho, 1/128)).real
    fig, ax = plt.subplots(figsize=(4, 2.2), dpi=72)
    for y, name in [(pink/pink.std(), "like nature"), (whiten(pink)/np.sqrt(.1), "whitened")]:
        power = np.abs(np.fft.fft2(y))**2
        ax.loglog(*zip(*[(r, power[np.abs(rho - r) < .01].mean()) for r in np.geomspace(.02, .45, 20)], strict=True), label=name)
    ax.set(xlabel="cycles per pixel", ylabel="power"); ax.legend();

    w = whiten(pink)
    assert abs(w.mean()) < 1e-6 and abs(w.var() - .1) < 1e-5
    power = np.abs(np.fft.fft2(w))**2
    low, high = power[(rho > .03) & (rho < .06)].mean(), power[(rho > .12) & (rho < .18)].mean()
    assert .6 < low/high < 1.7    # flat, where it was 1/rho^2 = a factor of ten
    with pytest.raises(ValueError, match="one colour"): whiten(np.ones((8, 8)))
    with pytest.raises(ValueError, match="cutoff must be in"): whiten(pink, cutoff=40)
    with pytest.raises(ValueError, match="must be finite"): whiten(np.full((8, 8), np.nan))
    np.testing.assert_allclose(whiten(3*pink[:97] + 5), whiten(pink[:97]), atol=1e-5)    # the camera's gain and offset do not matter; odd sizes work


def test_patches():
    import numpy as np
    import pytest
    from sparsebook.data_image import random_patches

    a, b = np.arange(30.).reshape(5, 6), np.full((3, 3), 100.)
    random_patches([a, b], 2, 3, np.random.default_rng(1), centre=False)

    p = random_patches([a, b], 2000, 3, np.random.default_rng(0), centre=False)
    assert abs((p == 100).all((1, 2)).mean() - 1/13) < .02                                # 12 places in a, one in b
    assert {float(q[0, 0]) for q in p} == {100., *(float(a[i, j]) for i in range(3) for j in range(4))}
    assert (p[p[:, 0, 0] < 100][:, 0, 1] - p[p[:, 0, 0] < 100][:, 0, 0] == 1).all()       # neighbours stay neighbours
    assert abs(random_patches([a], 9, 3, np.random.default_rng(0)).mean((1, 2))).max() < 1e-6
    np.testing.assert_array_equal(p, random_patches([a, b], 2000, 3, np.random.default_rng(0), centre=False))
    assert {float(q[0, 0]) for q in random_patches([a], 500, 2, np.random.default_rng(0), centre=False, margin=1)} == {7., 8., 9., 13., 14., 15.}
    with pytest.raises(ValueError, match="must fit into a picture"): random_patches([b], 1, 4, np.random.default_rng(0))
    with pytest.raises(ValueError, match="pictures must be grey"): random_patches([np.ones((9, 9, 3))], 1, 4, np.random.default_rng(0))


def test_photographs():
    from pathlib import Path
    import numpy as np
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    import matplotlib.pyplot as plt
    from PIL import Image
    from sparsebook.data_image import load_photograph

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    if cached("photograph"):
        fig, axes = plt.subplots(2, 5, figsize=(7.5, 3.2), dpi=60)
        for (name, picture), ax in zip(load_photograph().items(), axes.flat, strict=True): ax.imshow(picture, cmap="gray"); ax.set_title(name, fontsize=8); ax.axis("off")
    else: print("not in the cache yet: load_photograph() fetches 14 MB")

    folder = temp()
    for name in ("b.jpg", "a.png"): Image.fromarray(np.full((8, 9), 7, np.uint8)).save(folder/name)
    with mock.patch(f"{load_photograph.__module__}.fetch", lambda name: {p.name: p for p in folder.iterdir()}): d = load_photograph()
    assert list(d) == ["a", "b"] and d["a"].shape == (8, 9) and d["a"][0, 0] == 7


def test_emoji_one_concept_two_drawings():
    import json
    from pathlib import Path
    import numpy as np
    import tempfile
    from sparsebook.data_image import cut_sheet

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    sheet, path = np.zeros((132, 132, 4), np.uint8), temp()/"emoji.json"
    sheet[67:131, 1:65] = 9
    one = dict(has_img_google=True, has_img_twitter=True, sheet_x=0, sheet_y=1, name="DOG", short_name="dog", category="Animals", subcategory="mammal")
    path.write_text(json.dumps([one, {**one, "has_img_twitter": False}]))
    cut_sheet(sheet, path).name

    e = cut_sheet(sheet, path)
    assert e.x.shape == (1, 64, 64, 4) and (e.x == 9).all() and e.category == ["Animals"]


def test_pictures_from_a_folder_of_yours():
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.data_image import read_olshausen, read_van_hateren

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    folder = temp()
    picture = np.arange(512*512, dtype=np.float32).reshape(512, 512)
    (folder/"image0").write_bytes(picture.astype(">f4").tobytes())
    read_olshausen(folder)[0, :2, :3]

    np.testing.assert_array_equal(read_olshausen(folder)[0], picture)
    (folder/"imk00001.iml").write_bytes(np.full((1024, 1536), 513, ">u2").tobytes())
    assert next(read_van_hateren(folder)).max() == 513
    (folder/"image1").write_bytes(b"1234")
    with pytest.raises(DataError, match="expected 1,048,576 bytes, got 4"): read_olshausen(folder)
    with pytest.raises(DataError, match="no file whose name"): read_olshausen(temp())
