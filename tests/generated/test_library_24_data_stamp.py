"""Generated from nbs/shared_lib/24_data_stamp.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_sum_for_ten_thousand_files():
    import io
    import tarfile
    import tempfile
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError, UnsafeError, safe_name
    from sparsebook.fetch import fetch
    import shutil
    from unittest import mock
    import pytest
    from sparsebook.archive import archive_members
    from sparsebook.data_stamp import WholeDebian, deb_members

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def make_deb(path, files, link=''):
        """Write a Debian package with these files (bytes by name) and, perhaps, a symbolic link."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode='w:xz') as t:
            for name, content in files.items():
                entry = tarfile.TarInfo('./' + name)
                entry.size = len(content)
                t.addfile(entry, io.BytesIO(content))
            if link:
                entry = tarfile.TarInfo('./' + link)
                entry.type, entry.linkname = (tarfile.SYMTYPE, '/etc/passwd')
                t.addfile(entry)
        parts = {'debian-binary': b'2.0\n', 'control.tar.xz': b'odd', 'data.tar.xz': data.getvalue()}
        head = lambda name, size: f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n'.encode()
        path.write_bytes(b'!<arch>\n' + b''.join((head(k, len(v)) + v + b'\n' * (len(v) % 2) for k, v in parts.items())))
        return path
    deb = make_deb(temp()/"words_1.0-1_all.deb", {"usr/share/words/b": b"bee", "usr/share/words/a": b"", "usr/share/words/odd": b"1"*20_001})
    {name: len(content()) for name, content in deb_members(deb)}

    rng = np.random.default_rng(0)
    files = {f"usr/{i}/{'x'*int(rng.integers(1, 120))}": rng.bytes(int(rng.integers(0, 2000))) for i in range(40)}
    deb = make_deb(temp()/"random_1-1_all.deb", files)
    assert [(name, content()) for name, content in deb_members(deb)] == list(files.items())
    if shutil.which("dpkg-deb"):
        good = make_deb(temp()/"x_1-1_all.deb", files)
        assert [(safe_name(name), opened().read()) for name, regular, opened in archive_members(good, 1 << 20) if regular] == list(files.items())

    def walk(path, **options): return [content() for _, content in deb_members(path, **options)]

    broken = temp()/"broken.deb"
    broken.write_bytes(deb.read_bytes()[:-3000])
    with pytest.raises(DataError, match="no whole Debian package"): walk(broken)
    broken.write_bytes(deb.read_bytes()[:40])
    with pytest.raises(DataError, match="no part data.tar"): walk(broken)
    broken.write_bytes(deb.read_bytes().replace(b"data.tar.xz ", b"data.tar.zst"))
    with pytest.raises(DataError, match="must be packed as data.tar.xz, got data.tar.zst"): walk(broken)
    broken.write_bytes(b"PK")
    with pytest.raises(DataError, match="this is none"): walk(broken)
    with pytest.raises(UnsafeError, match="unpacks to more"): walk(deb, most=10_000)
    with pytest.raises(UnsafeError, match="no regular file"): walk(make_deb(broken, {}, link="usr/share/x"))
    with pytest.raises(UnsafeError, match="leads out"): walk(make_deb(broken, {"../../x": b"1"}))

    from sparsebook.archive import ChecksumError, Digest
    from sparsebook.artifact import sha256_file
    from sparsebook.fetch import Entry

    def entry(promised): return Entry(name="two-words", what="words", files={"words_1.0-1_all.deb": (promised,)}, routes=(route,), licence="CC0-1.0", citation="nobody (2026)", loader=None)

    class Apt(WholeDebian):
        def download(self, tmp): shutil.copy(deb, tmp)

    deb, route = make_deb(temp()/"words_1.0-1_all.deb", {"usr/a": b"1"}), Apt("words", "1.0-1", ".")
    with mock.patch.dict("os.environ", SPARSEBOOK_DATA=str(temp())):
        [path] = fetch(entry(Digest(sha256_file(deb), deb.stat().st_size))).values()
        assert path.name == deb.name and path.read_bytes() == deb.read_bytes() and len(list(path.parent.iterdir())) == 1
    with mock.patch.dict("os.environ", SPARSEBOOK_DATA=str(temp())), pytest.raises(ChecksumError, match="apt-get download words=1.0-1"):
        fetch(entry(Digest("0"*64, deb.stat().st_size)))


def test_pictures_and_captions():
    import io
    import tarfile
    import tempfile
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import pytest
    from PIL import Image
    from sparsebook.data_stamp import read_stamps

    def at(name):
        return 'usr/share/tuxpaint/stamps/' + name
    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def picture(rng, height, width):
        return rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    def png(x):
        """The bytes of a PNG file."""
        out = io.BytesIO()
        Image.fromarray(x).save(out, 'PNG')
        return out.getvalue()
    def make_deb(path, files, link=''):
        """Write a Debian package with these files (bytes by name) and, perhaps, a symbolic link."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode='w:xz') as t:
            for name, content in files.items():
                entry = tarfile.TarInfo('./' + name)
                entry.size = len(content)
                t.addfile(entry, io.BytesIO(content))
            if link:
                entry = tarfile.TarInfo('./' + link)
                entry.type, entry.linkname = (tarfile.SYMTYPE, '/etc/passwd')
                t.addfile(entry)
        parts = {'debian-binary': b'2.0\n', 'control.tar.xz': b'odd', 'data.tar.xz': data.getvalue()}
        head = lambda name, size: f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n'.encode()
        path.write_bytes(b'!<arch>\n' + b''.join((head(k, len(v)) + v + b'\n' * (len(v) % 2) for k, v in parts.items())))
        return path
    rng = np.random.default_rng(1)
    made = {at("animals/birds/duck.png"): png(picture(rng, 4, 6)), at("animals/birds/duck.txt"): b"A duck.\nde.utf8=Eine Ente.\nfr.utf8=Un canard.\n",
            at("symbols/a.png"): png(picture(rng, 3, 2)), at("symbols/a.txt"): b"The letter a.\n",
            at("symbols/a_mirror.png"): png(picture(rng, 3, 2)), at("town/bus.svg"): b"<svg/>", at("town/bus.txt"): b"A bus.\n"}
    stamps = read_stamps(make_deb(temp()/"stamps.deb", made))
    [(name, x.shape, caption, german) for name, x, caption, german in zip(stamps.name, stamps.x, stamps.caption, stamps.captions("de"), strict=True)]

    rng = np.random.default_rng(2)
    truth = {f"{'ab'[i%2]}/{i}": picture(rng, *rng.integers(1, 9, 2)) for i in range(12)}
    truth["a/0"][..., 3] = 255
    made = {at(f"{n}.txt"): f"{n}.\nes.utf8= uno {n} \nit.utf8=\n".encode() for n in truth} | {at(f"{n}.png"): png(x) for n, x in truth.items()}
    made[at("a/0.png")] = png(truth["a/0"][..., :3])
    grey = rng.integers(0, 256, (5, 3), dtype=np.uint8)
    made[at("b/1.png")], truth["b/1"] = png(grey), np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    one, two = [read_stamps(make_deb(temp()/"x.deb", {n: made[n] for n in rng.permutation(list(made))})) for _ in range(2)]
    assert one.name == two.name == sorted(truth) and one.caption == [f"{n}." for n in sorted(truth)] and one.captions("es") == [f"uno {n}" for n in one.name]
    assert one.languages() == {"en": 12, "es": 12}, "an empty translation is none"
    for n, x, y in zip(one.name, one.x, two.x, strict=True):
        np.testing.assert_array_equal(x, truth[n])
        np.testing.assert_array_equal(y, truth[n])
    assert all(np.shares_memory(x, one.pixels) for x in one.x)

    with pytest.raises(DataError, match="no captions in 'xx'; there are en, es"): one.captions("xx")
    with pytest.raises(DataError, match="no picture with a caption"): read_stamps(make_deb(temp()/"x.deb", {"usr/share/a.png": b""}))


def test_the_captions_read_aloud():
    import io
    import tarfile
    import tempfile
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    from unittest import mock
    import pytest
    from sparsebook.data_stamp import decode_speech, read_spoken

    def at(name):
        return 'usr/share/tuxpaint/stamps/' + name
    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def make_deb(path, files, link=''):
        """Write a Debian package with these files (bytes by name) and, perhaps, a symbolic link."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode='w:xz') as t:
            for name, content in files.items():
                entry = tarfile.TarInfo('./' + name)
                entry.size = len(content)
                t.addfile(entry, io.BytesIO(content))
            if link:
                entry = tarfile.TarInfo('./' + link)
                entry.type, entry.linkname = (tarfile.SYMTYPE, '/etc/passwd')
                t.addfile(entry)
        parts = {'debian-binary': b'2.0\n', 'control.tar.xz': b'odd', 'data.tar.xz': data.getvalue()}
        head = lambda name, size: f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{size:<10}`\n'.encode()
        path.write_bytes(b'!<arch>\n' + b''.join((head(k, len(v)) + v + b'\n' * (len(v) % 2) for k, v in parts.items())))
        return path
    deb = make_deb(temp()/"stamps.deb", {at(n): n.encode() for n in
        ["b/hen_desc_fr.ogg", "b/duck_desc_fr.ogg", "b/duck_desc_sr@latin.ogg", "b/duck_desc.ogg", "b/duck.ogg", "b/hen_desc_da.ogg.ogg", "b/duck.txt"]})
    read_spoken(deb, "fr")

    assert list(read_spoken(deb, "en").values()) == [b"b/duck_desc.ogg"] and list(read_spoken(deb, "fr")) == ["b/duck", "b/hen"]
    assert read_spoken(deb, "da") == {"b/hen": b"b/hen_desc_da.ogg.ogg"} and list(read_spoken(deb, "sr@latin")) == ["b/duck"]
    with pytest.raises(DataError, match="no spoken captions in 'de'; there are da, en, fr, sr@latin"): read_spoken(deb, "de")

    from importlib.util import find_spec
    if find_spec("soundfile"):
        import soundfile
        tone, out = np.sin(2*np.pi*440*np.arange(16000)/16000)/2, io.BytesIO()
        soundfile.write(out, tone, 16000, format="OGG", subtype="VORBIS")
        samples, rate = decode_speech(out.getvalue())
        assert rate == 16000 and samples.dtype == np.float32 and samples.shape == (16000,) and np.abs(np.fft.rfft(samples)).argmax() == 440
        with pytest.raises(DataError, match="no whole sound file"): decode_speech(b"quack")
    with mock.patch.dict("sys.modules", soundfile=None), pytest.raises(ImportError, match="pip install soundfile"): decode_speech(b"")


@pytest.mark.slow
def test_what_is_in_the_real_set():
    from collections import Counter
    from sparsebook.fetch import cached
    from sparsebook.data_stamp import load_tuxpaint_stamps

    if cached("tuxpaint-stamps"):
        stamps = load_tuxpaint_stamps()
        print(dict(Counter(stamps.category)))
        print(list(stamps.languages().items())[:4], len(stamps.languages()), "languages")
        for i in range(0, 785, 157): print(f"{stamps.name[i]:45}{stamps.x[i].shape[:2]!s:12}{stamps.caption[i]} | {stamps.captions('ja')[i]}")
    else: print("not in the cache yet: load_tuxpaint_stamps() fetches 161 MB")
