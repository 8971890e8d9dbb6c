"""What only its publisher has, from a server on this machine that speaks like the publishers' and serves their formats with made-up content."""
import gzip
import hashlib
import io
import json
import re
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.io import savemat
from sparsebook.archive import ChecksumError, DataError, UnreachableError, UnsafeError, sums
from sparsebook.data import catalogue, load
from sparsebook.data_benchmark import VOC_CLASSES, image_folder
from sparsebook.data_hub import Hub, hub_files, hub_model, hub_text, read_weights
from sparsebook.fetch import CATALOGUE, Https, cached, fetch, find, where

COMMIT, REPO = "1234567890abcdef1234567890abcdef12345678", "some/thing"
ONLINE = [e for e in catalogue(online=True) if e.online]
ROOT = Path(__file__).resolve().parents[2]


def sha256(data: bytes) -> str: return hashlib.sha256(data).hexdigest()


def git_blob(data: bytes) -> str: return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Site:
    "What the server does. `files`: plain ones by path. `hub`: those of a commit by path below `/resolve/<commit>/`, answered as the hub answers."
    def __init__(self):
        self.files, self.hub, self.asked = {}, {}, []   # asked: (method, host, path, token)
        self.cut = self.page = False                    # break in mid-transfer; answer everything with a login page
        self.commit, self.gated, self.renamed = COMMIT, False, ""
        self.identity = git_blob                        # of a small file: bytes -> ETag

    def answer(self, h: BaseHTTPRequestHandler):
        path, host, token = h.path.lstrip("/"), h.headers["Host"].split(":")[0], h.headers.get("Authorization", "")
        self.asked.append((h.command, host, path, token))
        if self.page: return self.send(h, 200, b"<!DOCTYPE html><html>Please log in</html>")
        if path.startswith("cdn/"): return self.send(h, 200, self.files.get(path, b"") or self.hub[path[4:]])
        if path in self.files: return self.send(h, 200, self.files[path])
        repository, _, rest = path.partition("/resolve/")
        commit, _, name = rest.partition("/")
        if self.gated and not token: return self.send(h, 401, b"gated")
        if self.renamed and repository.removeprefix("api/") != self.renamed: return self.send(h, 307, b"", Location=f"/{self.renamed}/resolve/{rest}")
        if not rest or commit != COMMIT or name not in self.hub: return self.send(h, 404, b"Entry not found")
        data, facts = self.hub[name], {"X-Repo-Commit": self.commit}
        if not name.endswith((".parquet", ".safetensors")):  # small files lie at another path of the same host, and the ETag is there
            if repository.startswith("api/"): return self.send(h, 200, data, **facts, ETag=f'W/"{self.identity(data)}"')
            return self.send(h, 307, b"", **facts, Location=f"/api/{repository}/resolve/{rest}")
        port = h.server.server_address[1]               # large files lie on another host
        return self.send(h, 302, b"", **facts, **{"X-Linked-Etag": f'"{sha256(data)}"', "X-Linked-Size": str(len(data)), "ETag": '"0"', "Location": f"http://localhost:{port}/cdn/{name}"})

    def send(self, h, status, data, **headers):
        h.send_response(status)
        for k, v in {"Content-Length": str(len(data)), **headers}.items(): h.send_header(k, v)
        h.end_headers()
        if h.command == "HEAD": return
        h.wfile.write(data[:len(data)//2] if self.cut and status == 200 else data)
        if self.cut and status == 200: h.close_connection = True


@pytest.fixture(scope="module")
def server():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self): self.server.site.answer(self)
        do_HEAD = do_GET
        def log_message(self, *_): pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.handle_error = True, lambda *_: None   # a client that hangs up is what is tested
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": .01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(server, monkeypatch, tmp_path):
    "A fresh site, an empty cache, and a hub that is this site."
    server.site = Site()
    server.site.url = f"http://127.0.0.1:{server.server_address[1]}"
    for name, value in {"SPARSEBOOK_DATA": str(tmp_path/"cache"), "HF_ENDPOINT": server.site.url, "NO_PROXY": "*", "no_proxy": "*"}.items(): monkeypatch.setenv(name, value)
    for name in ["HF_TOKEN", "SPARSEBOOK_MIRROR"]: monkeypatch.delenv(name, raising=False)
    return server.site


@pytest.fixture
def publish(site, monkeypatch):
    "Let the site be the publisher of a data set, with these files; their digests become the promised ones."
    def enter(name, **files):
        promised = sums("\n".join(f"{sha256(data)} {len(data)} {n}" for n, data in files.items()))
        monkeypatch.setitem(CATALOGUE, name, replace(find(name), files=promised, routes=(Https(f"{site.url}/{name}"),)))
        site.files |= {f"{name}/{n}": data for n, data in files.items()}
    return enter


def pack(members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def jpeg(height, width, colour):
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "JPEG", quality=95)
    return out.getvalue()


def xml(*objects): return ("<annotation><filename>x.jpg</filename>" + "".join(
    f"<object><name>{name}</name><pose>Left</pose><difficult>{hard}</difficult><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
    for name, hard, a, b, c, d in objects) + "</annotation>").encode()


def cifar_10(n=2):
    rows = np.random.default_rng(10).integers(0, 256, (6*n, 3073), dtype=np.uint8)
    rows[:, 0] %= 10
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    members = {f"cifar-10-batches-bin/{name}": rows[i*n:i*n + n].tobytes() for i, name in enumerate(names)}
    return rows, {"cifar-10-batches-bin/readme.html": b"<html>", **members, "cifar-10-batches-bin/batches.meta.txt": b"airplane\nautomobile\n"}


def house_digits(n=4):
    x, out = np.random.default_rng(11).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), io.BytesIO()
    savemat(out, {"X": x.transpose(1, 2, 3, 0), "y": np.uint8([[10], [1], [9], [10]])}, do_compression=True)
    return x, out.getvalue()


def voc(year, split, **changes):
    members = {f"ImageSets/Main/{split}.txt": b"000005\n2008_000007\n", f"ImageSets/Main/dog_{split}.txt": b"000005  1\n",
               "Annotations/000005.xml": xml(("dog", 0, 1, 1, 40, 30), ("person", 1, 3, 4, 3, 4)), "Annotations/2008_000007.xml": xml(("tvmonitor", 0, "45.70000076293945", 2, 60, 9)),
               "JPEGImages/000005.jpg": jpeg(30, 40, (200, 0, 0)), "JPEGImages/2008_000007.jpg": jpeg(50, 70, (0, 0, 200))} | changes
    return pack({"VOCdevkit/": b""} | {f"VOCdevkit/VOC{year}/{n}": data for n, data in members.items()})


# --- the entries ---

@pytest.mark.parametrize("entry", ONLINE, ids=[e.name for e in ONLINE])
def test_an_entry_is_complete_and_never_fetched_by_default(entry):
    assert not entry.quick and entry.name not in {e.name for e in catalogue()}
    assert len(entry.what) > 10 and entry.licence.strip() and re.search(r"\b(1[5-9]|20)\d\d\b", entry.citation)
    assert entry.loader.__doc__ and entry.loader.__name__ == f"load_{entry.name.replace('-', '_')}"
    for name, promised in entry.files.items():
        assert all(re.fullmatch("[0-9a-f]{64}", d.sha256) and d.size > 500 for d in promised), name
        for route in entry.routes: assert getattr(route, "member", str)(name) in route.at(name) and route.at(name).startswith("http")
    chosen = re.compile(rf"[:\s,\[\"']{entry.name}(?![\w-])")
    assert not [p for p in ROOT.glob("papers/*/params.yaml") if chosen.search(p.read_text(encoding="utf-8"))], "selected by a parameter, never by default"


def test_online_entries_are_distinct():
    names = [e.name for e in catalogue(online=True)]
    assert len(set(names)) == len(names) and {"cifar-10", "cifar-100", "svhn", "svhn-extra", "voc-2007", "voc-2012", "wikitext-2-raw", "wikitext-103-raw", "smollm2-135m-base"} <= {e.name for e in ONLINE}
    assert not {d for e in ONLINE for ds in e.files.values() for d in ds} & {d for e in catalogue() for ds in e.files.values() for d in ds}


def test_the_command_says_online_only(site):
    from sparsebook.command import app, chosen
    from typer.testing import CliRunner
    out = CliRunner().invoke(app, ["data", "list"]).stdout
    line = next(line for line in out.splitlines() if line.startswith("cifar-10 "))
    assert "online only" in line and "170 MB" in line and f"{len(ONLINE)} of them" in out.splitlines()[-1]
    assert not [e for e in [*chosen([], all_quick=True), *chosen([], everything=True)] if e.online] and [e.name for e in chosen(["voc-2007"])] == ["voc-2007"]
    assert not site.asked


# --- right values ---

def test_cifar_10(site, publish):
    rows, members = cifar_10()
    publish("cifar-10", **{"cifar-10-binary.tar.gz": pack(members, "w:gz")})
    d = load("cifar-10")
    for x, y, want in [(d.x_train, d.y_train, rows[:10]), (d.x_test, d.y_test, rows[10:])]:
        assert x.shape == (len(want), 32, 32, 3) and x.dtype == np.uint8 and x.flags.writeable and y.dtype == np.int64 and (y == want[:, 0]).all()
        for c in range(3): np.testing.assert_array_equal(x[..., c], want[:, 1 + 1024*c:1025 + 1024*c].reshape(-1, 32, 32))
    assert d.classes == ["airplane", "automobile"] and [p.name for p in find("cifar-10").folder.iterdir()] == ["cifar-10-binary.tar.gz"]
    asked = len(site.asked)
    assert asked == 1 and cached("cifar-10")
    np.testing.assert_array_equal(load("cifar-10").x_test, d.x_test)
    assert len(site.asked) == asked, "a full cache needs no server"


def test_cifar_100(publish):
    rows = np.random.default_rng(12).integers(0, 256, (5, 3074), dtype=np.uint8)
    rows[:, 0], rows[:, 1] = rows[:, 0] % 20, rows[:, 1] % 100
    members = {"train.bin": rows[:3].tobytes(), "test.bin": rows[3:].tobytes(), "fine_label_names.txt": b"apple\naquarium_fish\n", "coarse_label_names.txt": b"aquatic_mammals\n"}
    publish("cifar-100", **{"cifar-100-binary.tar.gz": pack({f"cifar-100-binary/{n}": data for n, data in members.items()}, "w:gz")})
    d = load("cifar-100")
    assert d.group_train.tolist() == rows[:3, 0].tolist() and d.y_train.tolist() == rows[:3, 1].tolist() and d.y_test.tolist() == rows[3:, 1].tolist() and d.group_test.max() < 20
    np.testing.assert_array_equal(d.x_test[..., 2], rows[3:, 2050:].reshape(-1, 32, 32))
    assert d.classes == ["apple", "aquarium_fish"] and d.groups == ["aquatic_mammals"]


def test_svhn(publish):
    x, mat = house_digits()
    publish("svhn", **{"train_32x32.mat": mat, "test_32x32.mat": mat})
    publish("svhn-extra", **{"extra_32x32.mat": mat})
    d, more = load("svhn"), load("svhn-extra")
    for got, y in [(d.x_train, d.y_train), (d.x_test, d.y_test), more]:
        np.testing.assert_array_equal(got, x)
        assert y.tolist() == [0, 1, 9, 0] and y.dtype == np.int64


def test_voc(publish):
    publish("voc-2007", **{"VOCtrainval_06-Nov-2007.tar": voc(2007, "trainval"), "VOCtest_06-Nov-2007.tar": voc(2007, "test")})
    publish("voc-2012", **{"VOCtrainval_11-May-2012.tar": voc(2012, "train")})
    for d in [load("voc-2007"), load("voc-2007", split="test"), load("voc-2012", split="train")]:
        first, second = d
        assert d.ids == ["000005", "2008_000007"] and first.picture.shape == (30, 40, 3) and second.picture.shape == (50, 70, 3)
        assert abs(first.picture.reshape(-1, 3).mean(0) - [200, 0, 0]).max() < 4, "red, green, blue"
        assert first.boxes.tolist() == [[0, 0, 40, 30], [2, 3, 3, 4]] and first.difficult.tolist() == [False, True], "1-based with the end inside -> 0-based, end outside"
        assert [VOC_CLASSES[i] for i in first.labels] == ["dog", "person"] and second.labels.tolist() == [19]
        np.testing.assert_allclose(second.boxes, [[44.70000076, 1, 60, 9]], rtol=1e-6)
    assert len({p.name for p in find("voc-2012").folder.iterdir()}) == 1, "nothing was extracted"


def test_image_folder(tmp_path):
    for name, colour in [("b/2.JPEG", (0, 0, 250)), ("b/10.png", (0, 250, 0)), ("a/x.jpg", (250, 0, 0))]:
        (tmp_path/name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10), colour).save(tmp_path/name)
    d = image_folder(tmp_path, size=8)
    assert d.classes == ["a", "b"] and d.labels.tolist() == [0, 1, 1] and [p.name for p in d.paths] == ["x.jpg", "10.png", "2.JPEG"]
    assert [d.read(i).mean((0, 1)).argmax() for i in range(3)] == [0, 1, 2] and d.read(0).shape == (8, 8, 3)
    (tmp_path/"a"/"x.jpg").write_bytes(b"\xff\xd8half")
    with pytest.raises(DataError, match="x.jpg: no whole PNG or JPEG"): d.read(0)
    (tmp_path/"a"/"x.jpg").unlink()
    for wrong, says in [(tmp_path/"a", "no folder in it"), (tmp_path, "a has no .jpg"), (tmp_path/"lost", "is no folder")]:
        with pytest.raises(DataError, match=says): image_folder(wrong)


# --- what may come instead ---

ARCHIVES = {"cifar-10": lambda: {"cifar-10-binary.tar.gz": pack(cifar_10()[1], "w:gz")},
            "svhn": lambda: dict.fromkeys(["train_32x32.mat", "test_32x32.mat"], house_digits()[1]),
            "voc-2012": lambda: {"VOCtrainval_11-May-2012.tar": voc(2012, "trainval")}}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("fault", ["cut", "other bytes", "longer", "page", "404", "closed"])
def test_what_is_not_the_promised_bytes_is_refused(site, publish, monkeypatch, name, fault):
    files = ARCHIVES[name]()
    publish(name, **files)
    first = next(iter(files))
    whole = files[first]
    if fault == "cut": site.cut = True
    if fault == "other bytes": site.files[f"{name}/{first}"] = whole[:-1] + bytes([whole[-1] ^ 1])
    if fault == "longer": site.files[f"{name}/{first}"] = whole + b"x"
    if fault == "page": site.page = True
    if fault == "404": del site.files[f"{name}/{first}"]
    if fault == "closed": monkeypatch.setitem(CATALOGUE, name, replace(find(name), routes=(Https("http://127.0.0.1:9"),)))
    says = {"cut": f"expected {len(whole):,} bytes.*the transfer broke", "other bytes": f"expected {len(whole):,} bytes with sha256 {sha256(whole)}", "longer": "stopped there",
            "page": "an HTML page: a login, a proxy or an error", "404": "404 Client Error", "closed": "Connection refused|Max retries"}[fault]
    with pytest.raises(UnreachableError if fault in ("404", "closed") else ChecksumError, match=says) as e: load(name)
    assert str(find(name).folder/first) in str(e.value) and sha256(whole) in str(e.value), "what to get by hand, and where to put it"
    assert first not in [p.name for p in find(name).folder.iterdir()] and not list(find(name).folder.glob(".fetch-*"))


def test_a_second_server_is_asked(site, publish, monkeypatch):
    publish("voc-2012", **ARCHIVES["voc-2012"]())
    monkeypatch.setitem(CATALOGUE, "voc-2012", replace(find("voc-2012"), routes=(Https(f"{site.url}/gone"), *find("voc-2012").routes)))
    assert len(load("voc-2012")) == 2 and [path.split("/")[0] for _, _, path, _ in site.asked] == ["gone", "voc-2012"]


@pytest.mark.parametrize("evil", ["../../evil", "/evil", "cifar-10-batches-bin/../../../evil"])
def test_a_hostile_name_in_a_tar(publish, tmp_path, evil):
    publish("cifar-10", **{"cifar-10-binary.tar.gz": pack({evil: b"x"} | cifar_10()[1], "w:gz")})
    publish("voc-2012", **{"VOCtrainval_11-May-2012.tar": pack({evil: b"x"})})
    for name in ["cifar-10", "voc-2012"]:
        with pytest.raises(UnsafeError, match="leads out of its folder"): load(name)
    assert not list(tmp_path.rglob("*evil*")) and {p.name for p in (tmp_path/"cache").iterdir()} == {"cifar-10", "voc-2012"}


def linked(members, name):
    "The archive with a link to a file of the machine in the place of a member."
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for n, data in members.items():
            info = tarfile.TarInfo(n)
            if n == name: info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            else: info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_a_link_in_the_place_of_a_member(publish):
    members = cifar_10()[1]
    publish("cifar-10", **{"cifar-10-binary.tar.gz": gzip.compress(linked(members, "cifar-10-batches-bin/test_batch.bin"))})
    publish("voc-2012", **{"VOCtrainval_11-May-2012.tar": linked({"VOCdevkit/VOC2012/ImageSets/Main/trainval.txt": b""}, "VOCdevkit/VOC2012/ImageSets/Main/trainval.txt")})
    for name in ["cifar-10", "voc-2012"]:
        with pytest.raises(UnsafeError, match="is no regular file"): load(name)


def test_content_that_the_format_does_not_allow(publish):
    rows, members = cifar_10()
    publish("cifar-10", **{"cifar-10-binary.tar.gz": pack(members | {"cifar-10-batches-bin/test_batch.bin": b"\x0b" + bytes(3072)}, "w:gz")})
    with pytest.raises(DataError, match="must be in 0..9, got 11"): load("cifar-10")
    (find("cifar-10").folder/"cifar-10-binary.tar.gz").unlink()
    publish("cifar-10", **{"cifar-10-binary.tar.gz": pack(members | {"cifar-10-batches-bin/test_batch.bin": bytes(3000)}, "w:gz")})
    with pytest.raises(DataError, match="records have 3,073 bytes"): load("cifar-10")
    publish("svhn-extra", **{"extra_32x32.mat": b"MATLAB 5.0 MAT-file, half"})
    with pytest.raises(DataError, match="no MATLAB file"): load("svhn-extra")


BILLION = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};"*10}">' for i in range(1, 12)) + "]><annotation>&a11;</annotation>"
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><object><name>&x;</name></object></annotation>'


@pytest.mark.parametrize("evil", [BILLION, OUTSIDE, '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><annotation/>'], ids=["bomb", "file", "dtd"])
def test_an_annotation_with_entities(site, publish, evil):
    publish("voc-2012", **{"VOCtrainval_11-May-2012.tar": voc(2012, "trainval", **{"Annotations/000005.xml": evil.encode()})})
    d = load("voc-2012")
    for use in [lambda: d[0], lambda: d.objects(0)]:
        with pytest.raises(UnsafeError, match="000005.xml: XML with a DOCTYPE"): use()
    assert d[1].labels.tolist() == [19] and len(site.asked) == 1


# --- the hub ---

def parquet(rows, **more):
    out = io.BytesIO()
    pq.write_table(pa.table({"text": rows} | more), out)
    return out.getvalue()


def weights(**tensors):
    from safetensors.torch import save
    return save(tensors)


def test_hub_text(site):
    site.hub = {"data/train-0.parquet": parquet(["one", ""]), "data/train-1.parquet": parquet(["two"])}
    assert hub_text(REPO, COMMIT, list(site.hub)) == ["one", "", "two"]
    assert all(path.startswith((f"datasets/{REPO}/resolve/{COMMIT}/data/", "cdn/")) for _, _, path, _ in site.asked)
    asked = len(site.asked)
    assert asked == 2*3 and hub_text(REPO, COMMIT, list(site.hub)) == ["one", "", "two"] and len(site.asked) == asked, "head, get, the other host; then nothing"
    with pytest.raises(DataError, match="no column 'body'; it has text"): hub_text(REPO, COMMIT, list(site.hub), "body")
    assert hub_text(REPO, COMMIT, list(site.hub), promised=next(where().glob("datasets-*/.promised")).read_text()) == ["one", "", "two"]


def test_wikitext_by_name(site, monkeypatch):
    lines = {"train-00000-of-00001": ["", " = A = \n"], "validation-00000-of-00001": [" v \n"], "test-00000-of-00001": [" t \n", ""]}
    site.hub = {f"wikitext-2-raw-v1/{n}.parquet": parquet(rows) for n, rows in lines.items()}
    promised = sums("\n".join(f"{sha256(data)} {len(data)} {n.split('/')[1]}" for n, data in site.hub.items()))
    monkeypatch.setitem(CATALOGUE, "wikitext-2-raw", replace(find("wikitext-2-raw"), files=promised, routes=(replace(find("wikitext-2-raw").routes[0], revision=COMMIT),)))
    assert load("wikitext-2-raw") == (" \n = A = \n", " v \n", " t \n \n")
    assert site.asked[0][2] == f"datasets/Salesforce/wikitext/resolve/{COMMIT}/wikitext-2-raw-v1/train-00000-of-00001.parquet"


def test_hub_model_becomes_a_model(site, tmp_path):
    "A tiny Llama as the hub would hold it, and the same outputs after the journey."
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.pretrained import byte_bpe, load_hf
    torch.manual_seed(0)
    model = TransformerLM(LMConfig(6, 16, 1, 2, 24, 1, 32, tie=True, norm_eps=1e-5)).eval()
    save_file({n: p.detach().clone() for n, p in model.named_parameters()}, tmp_path/"model.safetensors")
    config = {"model_type": "llama", "vocab_size": 6, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24,
              "max_position_embeddings": 32, "rope_theta": 1e4, "tie_word_embeddings": True, "rms_norm_eps": 1e-5}
    tokenizer = byte_bpe(["<s>", "<t>", "a", "b", "c", "ab"], ["a b"], ["<s>", "<t>"])
    site.hub = {"config.json": json.dumps(config).encode(), "tokenizer.json": json.dumps(tokenizer.to_json()["tokenizer"]).encode(), "model.safetensors": (tmp_path/"model.safetensors").read_bytes()}
    found = hub_model(REPO, COMMIT)
    ours = load_hf(found.folder)
    x = torch.randint(6, (2, 9))
    torch.testing.assert_close(ours.model(x), model(x))
    assert ours.tokenizer.encode("abc").tolist() == [5, 4] and found.config == config and set(read_weights(*found.weights)) == {n for n, _ in model.named_parameters()}


def test_a_token_goes_to_the_hub_only(site, monkeypatch):
    site.hub, site.gated = {"config.json": b"{}", "model.safetensors": weights(w=torch.ones(2))}, True
    with pytest.raises(UnreachableError, match="status 401: it is private or does not exist; set HF_TOKEN"): hub_files(REPO, COMMIT, ["config.json"])
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub_files(REPO, COMMIT, list(site.hub))
    tokens = {(host, token) for _, host, _, token in site.asked[1:]}
    assert tokens == {("127.0.0.1", "Bearer hf_secret"), ("localhost", "")}, "the host of the large files sees no token"


def test_a_repository_that_was_renamed(site):
    site.hub, site.renamed = {"config.json": b'{"a": 1}', "model.safetensors": weights(w=torch.ones(2))}, "new/name"
    assert hub_files("old/name", COMMIT, list(site.hub))["config.json"].read_bytes() == b'{"a": 1}'


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("fault", ["cut", "other bytes", "page", "404", "other commit"])
def test_what_the_hub_did_not_promise_is_refused(site, name, fault):
    site.hub = {"config.json": b'{"model_type": "toy"}', "model.safetensors": weights(w=torch.arange(64.))}
    if fault == "cut": site.cut = True
    if fault == "other bytes": site.identity = lambda data: git_blob(b"{}")
    if fault == "other bytes": site.files[f"cdn/{name}"] = site.hub[name][:-1] + b"\x01"
    if fault == "page": site.page = True
    if fault == "404": del site.hub[name]
    if fault == "other commit": site.commit = "f"*40
    says = {"cut": "the transfer broke", "other bytes": "expected the git identity" if name == "config.json" else "expected .* bytes with sha256", "page": "promises no checksum",
            "404": "status 404: there is no such file in this commit", "other commit": f"{COMMIT} was asked for, ffff"}[fault]
    with pytest.raises(UnreachableError if fault == "404" else ChecksumError, match=says): hub_files(REPO, COMMIT, [name])
    assert not [p for p in where().rglob("*") if p.is_file() and p.name != ".promised"]


def test_a_server_that_promises_nothing_is_no_hub(site):
    site.hub, site.identity = {"config.json": b"{}"}, lambda data: "5f3-1a2b"
    with pytest.raises(ChecksumError, match="promises no checksum .ETag '5f3-1a2b', 2 bytes.: is http://127.0.0.1"): hub_files(REPO, COMMIT, ["config.json"])


def test_a_damaged_file_is_fetched_again_and_a_changed_hub_is_noticed(site):
    site.hub = {"model.safetensors": weights(w=torch.ones(2))}
    path = hub_files(REPO, COMMIT, ["model.safetensors"])["model.safetensors"]
    path.write_bytes(b"half")
    with pytest.warns(UserWarning, match="was damaged and has been fetched again"): assert read_weights(hub_files(REPO, COMMIT, ["model.safetensors"])["model.safetensors"])["w"].tolist() == [1, 1]
    path.unlink()
    site.hub["model.safetensors"] = weights(w=torch.zeros(2))
    with pytest.raises(ChecksumError, match="expected"): hub_files(REPO, COMMIT, ["model.safetensors"])


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "x.pkl", "weights.npz", "consolidated.00.pth"])
def test_a_pickle_is_not_even_asked_for(site, name):
    site.hub = {name: b"\x80\x04."}
    with pytest.raises(UnsafeError, match="may hold a pickle, which can run code.*safetensors"): hub_files(REPO, COMMIT, [name])
    with pytest.raises(DataError, match="may hold a pickle"): fetch(replace(find("smollm2-135m-base"), files=sums(f"{'0'*64} 3 {name}"), routes=(Hub(REPO, COMMIT),)))
    assert not site.asked


@pytest.mark.parametrize("kind", ["torch.save", "raw pickle", "huge header", "half", "page"])
def test_a_file_that_is_no_safetensors(site, kind):
    out = io.BytesIO()
    torch.save({"w": torch.ones(2)}, out)
    data = {"torch.save": out.getvalue(), "raw pickle": b"\x80\x04K\x01.", "huge header": (1 << 50).to_bytes(8, "little") + b"{}", "half": weights(w=torch.ones(9))[:-5], "page": b"<html>no</html>"}[kind]
    site.hub = {"config.json": b"{}", "model.safetensors": data}
    found = hub_model(REPO, COMMIT, also=[])
    with pytest.raises(DataError, match="is a pickle under another name" if "pickle" in kind or "torch" in kind else "no whole safetensors file"): read_weights(*found.weights)


@pytest.mark.parametrize("revision", ["main", "", "1234567", COMMIT.upper(), COMMIT + "0"])
def test_a_branch_is_no_revision(site, revision):
    with pytest.raises(DataError, match="must be a commit, 40 hexadecimal digits"): hub_model(REPO, revision)
    assert not site.asked


@pytest.mark.parametrize("address", ["http://hub.example", "http://127.0.0.1.hub.example", "file:///etc", "hub.example"])
def test_an_endpoint_without_tls_is_refused(site, monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(UnsafeError, match="HF_ENDPOINT must begin with https"): hub_files(REPO, COMMIT, ["config.json"])


@pytest.mark.parametrize("data", [b"", b"PAR1 half PAR1", b"<html>no</html>", b"PAR1" + bytes(40) + (1 << 30).to_bytes(4, "little") + b"PAR1"], ids=["empty", "half", "page", "huge footer"])
def test_a_file_that_is_no_parquet(tmp_path, data):
    from sparsebook.data_hub import read_parquet
    (tmp_path/"a.parquet").write_bytes(data)
    with pytest.raises(DataError, match="no whole parquet file"): read_parquet(tmp_path/"a.parquet")


def test_importing_the_loaders_is_cheap():
    import subprocess
    import sys
    code = "import sys, sparsebook.data_benchmark, sparsebook.data_hub; print(*{'torch', 'requests', 'scipy', 'PIL', 'pyarrow', 'pandas', 'safetensors'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
