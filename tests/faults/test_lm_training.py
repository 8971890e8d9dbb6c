"""A language model's training killed with -9, seen from outside: the next process ends with the very bytes of an undisturbed run, checkpoints and history included."""
import json
import subprocess
import sys
import time

CODE = """
import json, os, sys, time
from dataclasses import asdict
from pathlib import Path
import numpy as np
import torch
import sparsebook.lm_train as lm_train
from sparsebook.lm import LMConfig

torch.set_num_threads(1)
draw, fit, hang = lm_train.batches, lm_train.fit, int(sys.argv[2])

def slow(*args):
    for step, b in enumerate(draw(*args)):
        if step == hang: time.sleep(60)
        yield b

lm_train.batches, lm_train.fit = slow, lambda *args, **kw: fit(*args, every=5, **kw)
config = LMConfig(20, 16, 2, 2, 24, max_seq_len=16, dropout=.1)
recipe = lm_train.Recipe(tokens=60*96, batch=8, length=12, seed=2)

def result(folder):
    trained = lm_train.train_lm(asdict(config), asdict(recipe), 2 + np.arange(4000)*7 % 18, folder=folder)
    return json.dumps([trained.history, [(step, [(name, w.tobytes().hex()) for name, w in weights.items()]) for step, weights in trained.kept.items()]])
"""
ONE = CODE + "print('same' if result(Path(sys.argv[1])) == result(None) else 'other')"
MANY = CODE + """
whole, replace, folder = result(None), os.replace, Path(sys.argv[1])

def ends_at(n):
    "A process of its own that ends at its n-th rename, without a word."
    if (child := os.fork()) == 0:
        left = [1]*n
        def dies(*args):
            left.pop()
            if not left: os._exit(9)
            replace(*args)
        os.replace = dies
        result(folder)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

n, seen, torn = 1, set(), False
while ends_at(n) == 9:
    n, torn = n + 1, torn or any(folder.glob(".*.tmp"))
    seen.add(json.loads((folder/"state.json").read_text())["step"] if (folder/"state.json").exists() else 0)
assert n > 5 and len(seen) > 3, (n, seen)
assert result(folder) == whole and torn and not any(folder.glob(".*")), "what the dead had half written was there, and is gone"
print("same")
"""


def start(code, folder, hang=-1):
    return subprocess.Popen([sys.executable, "-c", code, str(folder), str(hang)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(job):
    out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    return out


def step(folder):
    return json.loads((folder/"state.json").read_text())["step"] if (folder/"state.json").exists() else 0


def test_kill_9_and_go_on(tmp_path):
    with start(ONE, tmp_path, hang=33) as job:
        end = time.time() + 50
        while step(tmp_path) < 30 and time.time() < end: time.sleep(.02)
        job.kill()
    assert job.returncode == -9 and step(tmp_path) == 30, "killed behind the state of step 30"
    assert result(start(ONE, tmp_path)) == "same\n"
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("kept-")) == ["state.json", "state_60.safetensors"]


def test_an_end_at_any_write(tmp_path):
    "Processes in a row end each one rename later than the one before: of a checkpoint, of the state's weights, of the file that names them. The next one goes on, and the bytes are those of a run in peace."
    assert result(start(MANY, tmp_path/"killed")) == "same\n"
