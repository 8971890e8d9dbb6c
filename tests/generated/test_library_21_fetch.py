"""Generated from nbs/shared_lib/21_fetch.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_routes():
    import os
    import shutil
    import tempfile
    from pathlib import Path
    from sparsebook.archive import ChecksumError, DataError, UnreachableError, landing, sums
    import hashlib
    import zipfile
    from unittest import mock
    import pytest
    from sparsebook.fetch import Debian, PyPI, github

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    for route in [PyPI("toy", "1.0", "toy/data"), Debian("toy", "1.0-1", "usr/share/toy"), github("o/r", "f"*40, "data")]: print(route.at("x.gz"))

    links, shelf, data = temp(), temp(), b"seven"
    with zipfile.ZipFile(links/"toy_set-1.0-py3-none-any.whl", "w") as z:
        z.writestr("toy_set/data/a.bin", data)
        z.writestr("toy_set-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-set\nVersion: 1.0\n")
        z.writestr("toy_set-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("toy_set-1.0.dist-info/RECORD", "")
    put = lambda name: landing(shelf/name, sums(promise(a=data))["a"])
    with mock.patch.dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(links)):
        PyPI("toy-set", "1.0", "toy_set/data").collect(["a.bin"], put, shelf)
        assert [p.name for p in shelf.iterdir()] == ["a.bin"]
        with pytest.raises(ChecksumError, match="Expected sha256 0000"): PyPI("toy-set", "1.0", "toy_set/data", "0"*64).collect(["a.bin"], put, shelf)
    (shelf/"a.bin").unlink()
    shutil.copy(links/"toy_set-1.0-py3-none-any.whl", shelf)
    with mock.patch("subprocess.run", side_effect=AssertionError("pip was called")): PyPI("toy-set", "1.0", "toy_set/data").collect(["a.bin"], put, shelf)
    assert (shelf/"a.bin").read_bytes() == data

    with mock.patch("shutil.which", return_value=None), pytest.raises(UnreachableError, match="no apt-get"): Debian("toy", "1.0-1", "usr").collect(["a.bin"], put, shelf)
    with pytest.raises(DataError, match="runs an sdist's setup.py"): PyPI("toy", "1.0", "toy", sdist=True)
    with pytest.raises(DataError, match="40 hexadecimal"): github("o/r", "main")
    for package, version in [("--index-url=x", "1"), ("toy", "1.0 --hash"), ("toy; x", "1"), ("toy", ">=1")]:
        with pytest.raises(DataError, match="exact"): PyPI(package, version, "toy")


def test_the_catalogue():
    from dataclasses import replace
    from sparsebook.archive import DataError, sums
    import hashlib
    from unittest import mock
    import pytest
    from sparsebook.fetch import CATALOGUE, Entry, Folder, catalogue, dataset, find

    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    def facts():
        return dict(what='a toy', licence='CC0-1.0', citation='none', loader=lambda: None)
    with mock.patch.dict(CATALOGUE, clear=True), mock.patch(f"{find.__module__}.discover"):
        @dataset("toy-text", what="two words", files=sums(promise(words=b"a b")), routes=(Folder("/nowhere"),), licence="CC0-1.0", citation="none")
        def load_toy_text(): return "a b".split()
        assert [e.name for e in catalogue()] == ["toy-text"] and find("toy-text").size == 3
        with pytest.raises(DataError, match="did you mean 'toy-text'"): find("toy_text")
        with pytest.raises(DataError, match="two data sets"): dataset("toy-text", what="")(lambda: None)
        CATALOGUE["toy-far"] = replace(CATALOGUE["toy-text"], name="toy-far", quick=False, online=True)
        assert [e.name for e in catalogue()] == ["toy-text"] and [e.name for e in catalogue(online=True)] == ["toy-far", "toy-text"] and find("toy-far").online
    with pytest.raises(DataError, match="licence is missing"): Entry(**{**facts(), "name": "a", "licence": "", "files": sums(promise(a=b"a")), "routes": (1,)})
    with pytest.raises(DataError, match="small letters"): Entry(**facts(), name="../a", files={}, routes=())


def test_fetch():
    import os
    import tempfile
    from pathlib import Path
    from sparsebook.archive import ChecksumError, UnreachableError, sums
    import hashlib
    from concurrent.futures import ThreadPoolExecutor
    from unittest import mock
    import pytest
    from sparsebook.fetch import Entry, Folder, cached, fetch, github

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    def cache(folder, mirror='', **env):
        """An environment whose cache is `folder`."""
        return mock.patch.dict(os.environ, {'SPARSEBOOK_DATA': str(folder), 'SPARSEBOOK_MIRROR': str(mirror), **env})
    def facts():
        return dict(what='a toy', licence='CC0-1.0', citation='none', loader=lambda: None)
    def toy(files, *routes):
        return Entry(name='toy', files=sums(promise(**files)), routes=routes, **facts())
    home, mirror, data = temp(), temp(), {"a": b"first", "b": b"second"}
    place = mirror/"owner"/"repo"/("c"*40)/"data"
    place.mkdir(parents=True)
    for name, content in data.items(): (place/name).write_bytes(content)
    entry = toy(data, github("owner/repo", "c"*40, "data"))
    with cache(home, mirror):
        assert not cached(entry)
        found = fetch(entry)
        assert cached(entry)
    with cache(home), mock.patch("subprocess.run", side_effect=AssertionError), mock.patch("socket.socket", side_effect=AssertionError): assert fetch(entry) == found
    {name: path.relative_to(home).as_posix() for name, path in found.items()}

    for harm in [b"firsT", b"fir", b"<html>", b""]:
        found["a"].write_bytes(harm)
        with cache(home, mirror), pytest.warns(UserWarning, match="was damaged and has been fetched again"): fetch(entry)
        assert found["a"].read_bytes() == b"first"
    (place/"a").write_bytes(b"forged")
    found["a"].unlink()
    with cache(home, mirror), pytest.raises(ChecksumError, match="got 6 bytes"): fetch(toy(data, Folder(place)))
    good = temp()
    for name, content in data.items(): (good/name).write_bytes(content)
    with cache(home), pytest.warns(UserWarning, match="was not used: expected 5 bytes"): assert fetch(toy(data, Folder(place), Folder(good)))["a"].read_bytes() == b"first"
    assert sorted(p.name for p in home.rglob("*")) == ["a", "b", "toy"]

    home, good, data = temp(), temp(), {"a": bytes(range(256))*4096}
    (good/"a").write_bytes(data["a"])
    with cache(home), ThreadPoolExecutor(8) as pool: paths = list(pool.map(lambda _: fetch(toy(data, Folder(good)))["a"].read_bytes() == data["a"], range(8)))
    assert all(paths) and [p.name for p in (home/"toy").iterdir()] == ["a"]
    (home/"toy"/".fetch-killed").touch()
    (home/"toy"/".fetch-now").touch()
    os.utime(home/"toy"/".fetch-killed", (0, 0))
    (home/"toy"/"a").unlink()
    with cache(home): fetch(toy(data, Folder(good)))
    assert sorted(p.name for p in (home/"toy").iterdir()) == [".fetch-now", "a"]

    home, shelf = temp(), temp()
    (shelf/"one.rda").write_bytes(b"one")
    two = Entry(**{**facts(), "name": "two-forms", "files": sums(promise(**{"all.rdb": b"all"})), "routes": (Folder("/nowhere"),)}, instead=(sums(promise(**{"one.rda": b"one"})), (Folder(shelf),)))
    with cache(home):
        assert not cached(two) and list(fetch(two)) == ["one.rda"] and cached(two) and two.travels == 3
        (home/"two-forms"/"one.rda").unlink(); (shelf/"one.rda").unlink()
        with pytest.raises(UnreachableError, match="other form of it cannot be had either"): fetch(two)


def test_a_server_that_lies():
    import os
    import tempfile
    from pathlib import Path
    from sparsebook.archive import ChecksumError, UnreachableError, sums
    import hashlib
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from unittest import mock
    import pytest
    from sparsebook.fetch import Entry, Https, fetch

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    def cache(folder, mirror='', **env):
        """An environment whose cache is `folder`."""
        return mock.patch.dict(os.environ, {'SPARSEBOOK_DATA': str(folder), 'SPARSEBOOK_MIRROR': str(mirror), **env})
    def facts():
        return dict(what='a toy', licence='CC0-1.0', citation='none', loader=lambda: None)
    def toy(files, *routes):
        return Entry(name='toy', files=sums(promise(**files)), routes=routes, **facts())
    class Liar(BaseHTTPRequestHandler):
        def do_GET(self):
            kind = self.path.split("/")[1]
            if kind == "gone": return self.send_error(404)
            body = {"good": b"x"*1000, "wrong": b"y"*1000, "page": b"<!DOCTYPE html><title>Log in</title>", "half": b"x"*500, "endless": b"x"*10**6}[kind]
            self.send_response(200)
            self.send_header("Content-Length", str(1000 if kind == "half" else len(body)))
            self.end_headers()
            try: self.wfile.write(body)
            except OSError: pass

        def log_message(self, *args): pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base, home, data = f"http://127.0.0.1:{server.server_port}", temp(), {"a": b"x"*1000}
    kinds = {"wrong": "got 1,000 bytes with sha256", "page": "HTML page", "half": "the transfer broke.*500 bytes read", "endless": "stopped there"}
    with cache(home, NO_PROXY="127.0.0.1"):
        for kind, says in kinds.items():
            with pytest.raises(ChecksumError, match=f"expected 1,000 bytes with sha256 .*{says}") as error: fetch(toy(data, Https(f"{base}/{kind}")))
        with pytest.raises(UnreachableError, match="404"): fetch(toy(data, Https(f"{base}/gone")))
        assert list((home/"toy").iterdir()) == []
        with pytest.warns(UserWarning, match="was not used"): assert fetch(toy(data, Https(f"{base}/half"), Https(f"{base}/good")))["a"].read_bytes() == data["a"]
    server.shutdown()
    server.server_close()
    print(str(error.value).replace(base, "http://server").replace(str(home), "CACHE"))


def test_nothing_can_be_reached():
    import os
    import tempfile
    from pathlib import Path
    from sparsebook.archive import DataError, UnreachableError, sums
    import hashlib
    from unittest import mock
    import pytest
    from sparsebook.fetch import Entry, Folder, PyPI, fetch

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    def cache(folder, mirror='', **env):
        """An environment whose cache is `folder`."""
        return mock.patch.dict(os.environ, {'SPARSEBOOK_DATA': str(folder), 'SPARSEBOOK_MIRROR': str(mirror), **env})
    def facts():
        return dict(what='a toy', licence='CC0-1.0', citation='none', loader=lambda: None)
    def toy(files, *routes):
        return Entry(name='toy', files=sums(promise(**files)), routes=routes, **facts())
    home = temp()
    with cache(home, PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull, PIP_FIND_LINKS=""), pytest.raises(UnreachableError) as error:
        fetch(toy({f"part{i}": b"abc" for i in range(5)}, PyPI("no-such-toy", "1.0", "toy/data")))
    message = str(error.value).replace(str(home), "CACHE")
    print(message)

    for fact in ["toy: 5 of 5 files", "PyPI no-such-toy==1.0, member toy/data/part0", "No matching distribution", hashlib.sha256(b"abc").hexdigest(), "CACHE/toy/part0", "and 2 more"]:
        assert fact in message, fact
    blocked = temp()/"file"
    blocked.write_text("not a folder")
    with cache(blocked), pytest.raises(DataError, match="set SPARSEBOOK_DATA"): fetch(toy({"a": b"a"}, Folder(home)))


def test_load():
    from sparsebook.archive import DataError, sums
    import hashlib
    from unittest import mock
    import pytest
    from sparsebook.fetch import CATALOGUE, Folder, dataset, find, load

    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    with mock.patch.dict(CATALOGUE, clear=True), mock.patch(f"{find.__module__}.discover"):
        @dataset("toy-text", what="two words", files=sums(promise(words=b"a b")), routes=(Folder("/nowhere"),), licence="CC0-1.0", citation="none")
        def load_toy_text(times=1): return ["a", "b"]*times
        assert load("toy-text", times=2) == ["a", "b", "a", "b"]
        with pytest.raises(DataError, match="no data set 'imagenet'; known: toy-text"): load("imagenet")
