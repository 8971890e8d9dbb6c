"""Generated from nbs/shared_lib/28_data_hub.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_address_of_a_file():
    import os
    from sparsebook.archive import DataError, UnsafeError
    from unittest import mock
    import pytest
    from sparsebook.data_hub import Hub, endpoint, readable

    [Hub("openai-community/gpt2", "c"*40).at("model.safetensors"), Hub("Salesforce/wikitext", "c"*40, "wikitext-2-raw-v1", "datasets").at("test-00000-of-00001.parquet")]

    with mock.patch.dict(os.environ, HF_ENDPOINT="https://hub.example/"): assert Hub("a/b", "f"*40).at("x y.json") == f"https://hub.example/a/b/resolve/{'f'*40}/x%20y.json"
    for bad in ["http://hub.example", "ftp://hub.example", "hub.example", "http://127.0.0.1.example"]:
        with mock.patch.dict(os.environ, HF_ENDPOINT=bad), pytest.raises(UnsafeError, match="must begin with https"): endpoint()
    for args, says in [(("gpt2", "f"*40), "owner/name, got 'gpt2'"), (("a/b", "main"), "must be a commit, 40 hexadecimal digits, got 'main'"), (("../b", "f"*40), "owner/name"),
                       (("a/b", "f"*40, "../c"), "leads out"), (("a/b", "f"*40, "", "spaces"), "'models' or 'datasets'"), (("a/b?x", "f"*40), "owner/name")]:
        with pytest.raises(DataError, match=says): Hub(*args)
    for path in ["pytorch_model.bin", "a/model.PT", "weights.pkl", "x.npy", "model.ckpt"]:
        with pytest.raises(UnsafeError, match="may hold a pickle"): readable(path)
    for path in ["modeling.py", "x", "a.tar.gz"]:
        with pytest.raises(DataError, match="read are .safetensors"): readable(path)
    for path in ["../model.safetensors", "/etc/x.json", "a//b.json", "./a.json", "", "a b.json", ".json"]:
        with pytest.raises(UnsafeError): readable(path)


def test_what_the_hub_promises():
    import hashlib
    import os
    from pathlib import Path
    from sparsebook.archive import ChecksumError, Digest, UnreachableError, UnsafeError
    import io
    import tempfile
    from contextlib import contextmanager
    from unittest import mock
    import pytest
    import requests
    from sparsebook.data_hub import Hub, promise

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def blob(data: bytes) -> str:
        return hashlib.sha1(b'blob %d\x00' % len(data) + data).hexdigest()
    @contextmanager
    def hub_with(files: dict, large: tuple=('.parquet', '.safetensors'), **changes):
        """A hub with these files and an empty cache: `requests` answers from a dictionary. tests/contracts/test_data_online.py has a real server."""
        asked, commit = ([], 'c' * 40)

        def answer(method, url, **_):
            asked.append((method, url))
            path, r = (url.split(f'/resolve/{commit}/')[-1], requests.Response())
            r.status_code, r.url, r.reason = (200, url, 'OK') if path in files else (404, url, 'Not Found')
            data = files.get(path, b'Entry not found')
            etag = hashlib.sha256(data).hexdigest() if path.endswith(large) else blob(data)
            r.headers.update({'ETag': f'"{etag}"', 'Content-Length': str(len(data)), 'X-Repo-Commit': commit} | changes)
            r.raw = io.BytesIO(data)
            return r
        with mock.patch('requests.request', answer), mock.patch('requests.get', lambda url, **kw: answer('get', url, **kw)), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp()), HF_ENDPOINT='http://127.0.0.1:9'):
            yield asked
    with hub_with({"config.json": b'{"a": 1}', "model.safetensors": b"seven"}) as asked:
        print(promise(Hub("a/b", "c"*40), "config.json"), promise(Hub("a/b", "c"*40), "model.safetensors"), [method for method, _ in asked], sep="\n")

    files = {"config.json": b"{}", "m.safetensors": b"weights"}
    with hub_with(files):
        assert promise(Hub("a/b", "c"*40), "m.safetensors") == (Digest(hashlib.sha256(b"weights").hexdigest(), 7), None)
        assert promise(Hub("a/b", "c"*40), "config.json") == (Digest(hashlib.sha256(b"{}").hexdigest(), 2), b"{}")
        with pytest.raises(UnreachableError, match="status 404: there is no such file"): promise(Hub("a/b", "c"*40), "lost.json")
        with pytest.raises(UnsafeError, match="more than 1 bytes"): promise(Hub("a/b", "c"*40), "config.json", most=1)
    for changes, says in [({"X-Repo-Commit": "f"*40}, "was asked for, ffff"), ({"ETag": '"abc"'}, "promises no checksum"), ({"ETag": f'"{blob(b"other")}"'}, "expected the git identity")]:
        with hub_with(files, **changes), pytest.raises(ChecksumError, match=says): promise(Hub("a/b", "c"*40), "config.json")
    with hub_with(files, **{"X-Linked-Etag": f'W/"{"0"*64}"', "X-Linked-Size": "9"}): assert promise(Hub("a/b", "c"*40), "m.safetensors")[0] == Digest("0"*64, 9)


def test_files_of_a_commit():
    import hashlib
    import os
    from pathlib import Path
    from sparsebook.archive import ChecksumError, DataError, UnsafeError
    import io
    import tempfile
    from contextlib import contextmanager
    from unittest import mock
    import pytest
    import requests
    from sparsebook.data_hub import hub_files

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def blob(data: bytes) -> str:
        return hashlib.sha1(b'blob %d\x00' % len(data) + data).hexdigest()
    @contextmanager
    def hub_with(files: dict, large: tuple=('.parquet', '.safetensors'), **changes):
        """A hub with these files and an empty cache: `requests` answers from a dictionary. tests/contracts/test_data_online.py has a real server."""
        asked, commit = ([], 'c' * 40)

        def answer(method, url, **_):
            asked.append((method, url))
            path, r = (url.split(f'/resolve/{commit}/')[-1], requests.Response())
            r.status_code, r.url, r.reason = (200, url, 'OK') if path in files else (404, url, 'Not Found')
            data = files.get(path, b'Entry not found')
            etag = hashlib.sha256(data).hexdigest() if path.endswith(large) else blob(data)
            r.headers.update({'ETag': f'"{etag}"', 'Content-Length': str(len(data)), 'X-Repo-Commit': commit} | changes)
            r.raw = io.BytesIO(data)
            return r
        with mock.patch('requests.request', answer), mock.patch('requests.get', lambda url, **kw: answer('get', url, **kw)), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp()), HF_ENDPOINT='http://127.0.0.1:9'):
            yield asked
    with hub_with({"config.json": b"{}", "data/train.parquet": b"pretend"}) as asked:
        f = hub_files("a/b", "c"*40, ["config.json", "data/train.parquet"], "datasets")
        again = hub_files("a/b", "c"*40, ["data/train.parquet"], "datasets")
        print([p.name for p in f.values()], len(asked), "requests in all")
        print((f["config.json"].parent/".promised").read_text())

    files = {"config.json": b"{}", "data/train.parquet": b"pretend"}
    with hub_with(files) as asked:
        f = hub_files("A/b.c", "c"*40, list(files))
        assert {p: q.read_bytes() for p, q in f.items()} == files and [m for m, _ in asked] == ["head", "get", "head", "get"]
        files.clear()                                                                                     # the hub is gone
        assert hub_files("A/b.c", "c"*40, ["config.json"])["config.json"].read_bytes() == b"{}" and len(asked) == 4
        f["config.json"].write_bytes(b"[]")                                                               # damaged, and nowhere to be had
        with pytest.raises(ChecksumError, match="expected 2 bytes with sha256 44136fa3"): hub_files("A/b.c", "c"*40, ["config.json"])
        for wrong in [[], ["a/b.json", "a--b.json"], ["a.json", "a.json"]]:
            with pytest.raises(DataError, match="one or more different files"): hub_files("A/b.c", "c"*40, wrong)
    with hub_with({"config.json": b"{}"}) as asked:
        line = f"{hashlib.sha256(b'{ }').hexdigest()} 3 config.json"
        with pytest.raises(ChecksumError, match="got 2 bytes"): hub_files("a/b", "c"*40, ["config.json"], promised=line)      # written down beats what the hub says now
        assert hub_files("a/b", "c"*40, ["config.json"], promised=f"{hashlib.sha256(b'{}').hexdigest()} 2 config.json")["config.json"].read_bytes() == b"{}"
        assert all(m == "get" for m, _ in asked)
        hub_files("a/b", "c"*40, ["config.json"])                                                         # and what it said before
        with pytest.raises(ChecksumError, match="got 2 bytes"): hub_files("a/b", "c"*40, ["config.json"], promised=line)
        with pytest.raises(UnsafeError, match="may hold a pickle"): hub_files("a/b", "c"*40, ["pytorch_model.bin"])


def test_text_in_parquet():
    import hashlib
    import os
    from pathlib import Path
    from sparsebook.archive import DataError, UnsafeError, sums
    from sparsebook.fetch import Entry
    import io
    import tempfile
    from contextlib import contextmanager
    from unittest import mock
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pytest
    import requests
    from sparsebook.fetch import CATALOGUE, Folder, find
    from sparsebook.data_hub import hub_text, load_wikitext_103_raw, read_parquet, read_wikitext

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def blob(data: bytes) -> str:
        return hashlib.sha1(b'blob %d\x00' % len(data) + data).hexdigest()
    @contextmanager
    def hub_with(files: dict, large: tuple=('.parquet', '.safetensors'), **changes):
        """A hub with these files and an empty cache: `requests` answers from a dictionary. tests/contracts/test_data_online.py has a real server."""
        asked, commit = ([], 'c' * 40)

        def answer(method, url, **_):
            asked.append((method, url))
            path, r = (url.split(f'/resolve/{commit}/')[-1], requests.Response())
            r.status_code, r.url, r.reason = (200, url, 'OK') if path in files else (404, url, 'Not Found')
            data = files.get(path, b'Entry not found')
            etag = hashlib.sha256(data).hexdigest() if path.endswith(large) else blob(data)
            r.headers.update({'ETag': f'"{etag}"', 'Content-Length': str(len(data)), 'X-Repo-Commit': commit} | changes)
            r.raw = io.BytesIO(data)
            return r
        with mock.patch('requests.request', answer), mock.patch('requests.get', lambda url, **kw: answer('get', url, **kw)), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp()), HF_ENDPOINT='http://127.0.0.1:9'):
            yield asked
    path = temp()/"a.parquet"
    pq.write_table(pa.table({"text": ["", " = Valkyria = \n", "", " It is . \n"]}), path)
    read_wikitext(path)

    files, world = {}, {"train-00000-of-00002": ["a\n", ""], "train-00001-of-00002": ["b\n"], "validation-00000-of-00001": ["v\n"], "test-00000-of-00001": ["", "t\n"]}
    for name, rows in world.items():
        pq.write_table(pa.table({"id": range(len(rows)), "text": rows}), path := temp()/f"{name}.parquet")
        files[f"x/{name}.parquet"] = path.read_bytes()
    with hub_with(files):
        assert hub_text("a/b", "c"*40, list(files)[:2]) == ["a\n", "", "b\n"]
        with pytest.raises(DataError, match="no column 'body'; it has id, text"): hub_text("a/b", "c"*40, list(files)[:1], "body")
        with pytest.raises(DataError, match="holds int64, not strings"): hub_text("a/b", "c"*40, list(files)[:1], "id")
    home = temp()
    for n, data in files.items(): (home/n[2:]).write_bytes(data)
    promised = sums("\n".join(f"{hashlib.sha256(data).hexdigest()} {len(data)} {n[2:]}" for n, data in reversed(files.items())))
    entry = Entry(**{**vars(find("wikitext-103-raw")), "files": promised, "routes": (Folder(home),)})
    with mock.patch.dict(CATALOGUE, {"wikitext-103-raw": entry}), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp())): assert load_wikitext_103_raw() == ("a\n \nb\n", "v\n", " \nt\n")
    with pytest.raises(UnsafeError, match="when unpacked, allowed are 10"): read_parquet(path, most=10)
    for data in [b"", b"PAR1", b"<html>404</html>", path.read_bytes()[:-9]]:
        (home/"half.parquet").write_bytes(data)
        with pytest.raises(DataError, match="no whole parquet file"): read_parquet(home/"half.parquet")


def test_models():
    import hashlib
    import json
    import os
    from pathlib import Path
    from sparsebook.archive import DataError, UnreachableError, UnsafeError
    import io
    import tempfile
    from contextlib import contextmanager
    from unittest import mock
    import pytest
    import requests
    import torch
    from safetensors.torch import save_file
    from sparsebook.data_hub import hub_model, read_weights

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def blob(data: bytes) -> str:
        return hashlib.sha1(b'blob %d\x00' % len(data) + data).hexdigest()
    @contextmanager
    def hub_with(files: dict, large: tuple=('.parquet', '.safetensors'), **changes):
        """A hub with these files and an empty cache: `requests` answers from a dictionary. tests/contracts/test_data_online.py has a real server."""
        asked, commit = ([], 'c' * 40)

        def answer(method, url, **_):
            asked.append((method, url))
            path, r = (url.split(f'/resolve/{commit}/')[-1], requests.Response())
            r.status_code, r.url, r.reason = (200, url, 'OK') if path in files else (404, url, 'Not Found')
            data = files.get(path, b'Entry not found')
            etag = hashlib.sha256(data).hexdigest() if path.endswith(large) else blob(data)
            r.headers.update({'ETag': f'"{etag}"', 'Content-Length': str(len(data)), 'X-Repo-Commit': commit} | changes)
            r.raw = io.BytesIO(data)
            return r
        with mock.patch('requests.request', answer), mock.patch('requests.get', lambda url, **kw: answer('get', url, **kw)), mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp()), HF_ENDPOINT='http://127.0.0.1:9'):
            yield asked
    save_file({"w": torch.arange(4, dtype=torch.bfloat16).reshape(2, 2)}, path := temp()/"a.safetensors")
    with hub_with({"config.json": b'{"model_type": "toy"}', "tokenizer.json": b"{}", "model.safetensors": path.read_bytes()}):
        m = hub_model("a/b", "c"*40)
        print(m.config, sorted(p.name for p in m.folder.iterdir()), read_weights(*m.weights), sep="\n")

    save_file({"v": torch.ones(3)}, other := temp()/"b.safetensors")
    save_file({"u": torch.zeros(2, dtype=torch.float16)}, third := temp()/"c.safetensors")
    index = json.dumps({"weight_map": {"v": "one.safetensors", "u": "two.safetensors"}}).encode()
    world = {"config.json": b"{}", "one.safetensors": other.read_bytes(), "model.safetensors.index.json": index}
    with hub_with(world | {"two.safetensors": third.read_bytes()}):
        m = hub_model("a/b", "c"*40, also=[], parts=True)
        assert {k: (v.dtype, v.tolist()) for k, v in read_weights(*m.weights).items()} == {"v": (torch.float32, [1, 1, 1]), "u": (torch.float16, [0, 0])} and m.weights[0].parent == m.folder
        with pytest.raises(DataError, match="weight 'v' is in two files"): read_weights(m.weights[0], m.weights[0])
        with pytest.raises(UnreachableError, match="model.safetensors: status 404"): hub_model("a/b", "c"*40, also=[])
    for evil in ["pytorch_model.bin", "../x.safetensors", 7]:
        with hub_with(world | {"model.safetensors.index.json": json.dumps({"weight_map": {"v": evil}}).encode()}), pytest.raises(UnsafeError, match="a part must be"): hub_model("a/b", "c"*40, [], True)
    with hub_with(world | {"model.safetensors.index.json": b"[]"}), pytest.raises(DataError, match="no index of weights"): hub_model("a/b", "c"*40, [], True)
    torch.save({"v": torch.ones(3)}, fake := temp()/"model.safetensors")
    with pytest.raises(UnsafeError, match="is a pickle under another name"): read_weights(fake)
    for data in [b"", other.read_bytes()[:-4], (1 << 40).to_bytes(8, "little") + b"{}", b"<html>404</html>"]:
        fake.write_bytes(data)
        with pytest.raises(DataError, match="no whole safetensors file"): read_weights(fake)


def test_online_only():
    import os
    from pathlib import Path
    from sparsebook.archive import UnreachableError
    import tempfile
    from unittest import mock
    import pytest
    from sparsebook.fetch import catalogue, find
    from sparsebook.data_hub import load_smollm2_135m_base

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    for name in ["wikitext-2-raw", "wikitext-103-raw", "smollm2-135m-base"]: print(f"{name:18} {find(name).size/1e6:5.0f} MB  {find(name).routes[0].at(next(iter(find(name).files)))}")

    mine = {"wikitext-2-raw", "wikitext-103-raw", "smollm2-135m-base"}
    assert not mine & {e.name for e in catalogue()} and mine < {e.name for e in catalogue(online=True)}
    with mock.patch.dict(os.environ, SPARSEBOOK_DATA=str(temp()), HF_ENDPOINT="http://127.0.0.1:9"), pytest.raises(UnreachableError, match="2,104,556 bytes with sha256 9ca9acdd"): load_smollm2_135m_base()
