"""An autoencoder's training killed with -9, seen from outside: the next process ends with the very bytes of an undisturbed run."""
import hashlib
import subprocess
import sys
import time

CODE = """
import sys, time
import torch
torch.set_num_threads(1)
from pathlib import Path
from sparsebook.sae import TopKSAE
from sparsebook.sae_train import batch_index, fit

folder, pause = Path(sys.argv[1]), float(sys.argv[2])
x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))

def batch(step):
    time.sleep(pause)
    return x[batch_index(400, 50, step, 0)]

sae = TopKSAE(8, 16, 2)
fit(sae, batch, steps=60, every=2, save_every=2, folder=folder)
print(*(p.detach().numpy().tobytes().hex() for p in sae.parameters()))
"""


def start(folder, pause=0.):
    return subprocess.Popen([sys.executable, "-c", CODE, str(folder), str(pause)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(job):
    out, err = job.communicate(timeout=120)
    assert job.returncode == 0, err
    return hashlib.sha256(out.encode()).hexdigest()


def test_kill_9_and_go_on(tmp_path):
    whole = start(tmp_path/"whole")
    with start(tmp_path/"killed", .05) as job:
        end = time.time() + 60
        while not (tmp_path/"killed"/"state.json").exists() and time.time() < end: time.sleep(.02)
        time.sleep(.3)
        job.kill()
    assert job.returncode == -9 and (tmp_path/"killed"/"state.json").exists(), "killed after the first saved state, before the end"
    assert result(start(tmp_path/"killed")) == result(whole)
    assert sorted(p.name for p in (tmp_path/"killed").iterdir()) == ["state.json", "state_60.safetensors"]
