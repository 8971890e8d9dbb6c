"""A small repository with one toy paper, run and disturbed from outside; what the notebooks do wrong is told by the variable TOY."""
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
STAGES = ("data", "train", "evaluate", "figures")

FAULTS = """
import os, sys, time
from pathlib import Path
fault = os.environ.get("TOY", "").removeprefix(run.stage + " ")
def hang():
    Path(os.environ["TOY_MARK"]).write_text(str(os.getpid()))
    time.sleep(60)
class Hang:
    def to_json(self): hang()
if fault == "hangs": hang()
if fault == "exits": sys.exit(0)
"""
BODY = {
    "data": ["""
import numpy as np
x = run.rng("x").normal(size=n)
y = 2 * x + 0.1 * run.rng("noise").normal(size=n)
if fault == "has a NaN": x[3] = np.nan
""", "run.done(points=dict(x=x, y=y))"],
    "train": ["""
import numpy as np
points = run.load("data")["points"]
x, y = points["x"], points["y"]
w, history = np.stack([np.random.default_rng(s).normal(size=1) for s in run.seeds(3)]), []
for step in range(steps):
    if fault == "hangs at step 10" and step == 10: hang()
    losses = ((w * x - y) ** 2).mean(1)
    if fault == "has a NaN" and step == 10: losses[1] = np.nan
    history.append(losses)
    w -= lr * (2 * x * (w * x - y)).mean(1, keepdims=True)
more = {"big": dict(ballast=np.zeros(400_000)), "hangs while it writes": dict(z=Hang())}.get(fault, {})
""", """
if fault != "ends without done": run.done(**{} if fault == "is empty" else dict(weights=dict(w=w), history=np.stack(history)) | more)
"""],
    "evaluate": ["""
from sparsebook.claim import load_paper
from sparsebook.judge import judge
trained = run.load("train")
metrics = dict(err_slope=float(abs(trained["weights"]["w"] - 2).max()), loss_first=trained["history"][0].tolist(), loss_last=trained["history"][-1].tolist())
if fault == "has a NaN": metrics["err_slope"] = float("nan")
verdict = judge(load_paper(run.paper).claims, metrics, profile)
verdict
""", "run.done(metrics=metrics, verdict=verdict)"],
    "figures": ["""
import matplotlib.pyplot as plt
import pandas as pd
history = run.load("train")["history"]
drawn = pd.DataFrame([dict(step=t, loss=h.mean()) for t, h in enumerate(history)])
fig, ax = plt.subplots(figsize=(2, 2))
ax.plot(drawn.step, drawn.loss)
run.figure("loss", fig, drawn, "C2: the loss falls.", ["C2"]);
""", "run.done()"]}
PARAMETERS = {"data": 'profile = "quick"  # or full\nseed = 0  # root of the streams\nn = 40  # points',
              "train": 'profile = "quick"  # or full\nseed = 0  # root of the streams\nsteps = 30  # of gradient descent\nlr = 0.05  # its rate\n'
                       'widths = [4, 8]  # unused\nname = "a"  # unused',
              "evaluate": 'profile = "quick"  # or full\nseed = 0  # root of the streams', "figures": 'profile = "quick"  # or full'}
SECTION = "{p}:\n  data:\n    seed: 0\n    n: 40\n  train:\n    seed: 0\n    steps: 30\n    lr: 5e-2\n    widths: [4, 8]\n    name: a\n  evaluate:\n    seed: 0\n  figures: {{}}\n"
PAPER = """slug: {slug}
title: A straight line
authors: [A. Toy]
year: 2020
arxiv: null
venue: none
family: regression
summary: A slope is learned.
data: [{{name: random numbers, licence: none}}]
full: {{needs: gpu}}
claims:
  - id: C1
    says: the slope is found
    where: nowhere
    paper: {{value: 0.01, unit: "", setting: toy}}
    kind: bound
    test: "err_slope <= 0.5"
  - id: C2
    says: the loss falls
    where: nowhere
    paper: {{value: 3.5, unit: "", setting: toy}}
    kind: comparison
    test: "loss_last < loss_first"
    over: {{seeds: 3, alpha: 0.05}}
"""
PIPELINE = {"data": [], "train": ["../../out/{slug}/data"], "evaluate": ["paper.yaml", "../../out/{slug}/train"], "figures": ["../../out/{slug}/train", "../../results/{slug}/evaluate"]}


def notebook(slug: str, stage: str):
    "One toy notebook: title, parameters, start, its faults, its work, done."
    code = nbformat.v4.new_code_cell
    cells = [nbformat.v4.new_markdown_cell(f"# {stage}"), code(PARAMETERS[stage], metadata={"tags": ["parameters"]}),
             code(f'from sparsebook.run import start\nrun = start("{slug}", "{stage}", globals())\nrun'), code(FAULTS.strip()), *(code(c.strip()) for c in BODY[stage])]
    for i, c in enumerate(cells): c["id"] = f"c{i}"
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})


def write_paper(root: Path, slug: str) -> None:
    "Write the four notebooks and the three files of a toy paper."
    folder = root/"papers"/slug
    folder.mkdir(parents=True)
    for i, stage in enumerate(STAGES, 1): nbformat.write(notebook(slug, stage), folder/f"{i}_{stage}.ipynb")
    (folder/"params.yaml").write_text(SECTION.format(p="quick") + SECTION.format(p="full"))
    (folder/"paper.yaml").write_text(PAPER.format(slug=slug))
    text = "vars:\n  - ../../params.yaml:profile\nstages:\n"
    for i, stage in enumerate(STAGES, 1):
        deps = [f"{i}_{stage}.ipynb", "../../tools/stage.py", *(d.format(slug=slug) for d in PIPELINE[stage])]
        outs = [f"../../{'out' if i < 3 else 'results'}/{slug}/{stage}", f"../../results/{slug}/notebooks/{i}_{stage}.ipynb"]
        text += f"  {stage}:\n    cmd: python ../../tools/stage.py {slug} {stage} --profile ${{profile}}\n    deps:\n"
        text += "".join(f"      - {d}\n" for d in deps) + f"    params:\n      - ${{profile}}.{stage}\n    outs:\n" + "".join(f"      - {o}\n" for o in outs)
    (folder/"dvc.yaml").write_text(text)


@dataclasses.dataclass
class Toy:
    "A repository with a toy paper, and the hands that disturb it."
    root: Path
    slug: str = "toy"

    @property
    def paper(self) -> Path: return self.root/"papers"/self.slug

    @property
    def mark(self) -> Path: return self.root/"out"/"mark"

    def env(self, toy: str = "", **more) -> dict:
        "A clean environment: the tests' own Python first, DVC's state inside the repository."
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DVC_", "SPARSEBOOK_", "TOY", "PYTEST"))}
        return kept | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "TOY": toy, "TOY_MARK": str(self.mark),
                       "DVC_SITE_CACHE_DIR": str(self.root/".dvc"/"site"), "DVC_GLOBAL_CONFIG_DIR": str(self.root/".dvc"/"global"), **more}

    def start(self, *command, toy: str = "", cwd: Path | None = None, **kw) -> subprocess.Popen:
        env = self.env(toy, **kw.pop("env", {}))
        return subprocess.Popen(command, cwd=cwd or self.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", **kw)

    def run(self, *command, timeout: float = 120, **kw) -> subprocess.CompletedProcess:
        with self.start(*command, **kw) as p:
            try: out, err = p.communicate(timeout=timeout)
            except BaseException: p.kill(); raise
        return subprocess.CompletedProcess(command, p.returncode, out, err)

    def stage_command(self, stage: str, profile: str = "quick") -> list[str]:
        return [sys.executable, str(self.root/"tools"/"stage.py"), self.slug, stage, "--profile", profile]

    def repro_command(self, stage: str = "") -> list[str]:
        target = f"papers/{self.slug}/dvc.yaml{':' if stage else ''}{stage}"
        return [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *(["--single-item"] if stage else []), target]

    def stage(self, stage: str, profile: str = "quick", **kw): return self.run(*self.stage_command(stage, profile), **kw)
    def repro(self, stage: str = "", **kw): return self.run(*self.repro_command(stage), **kw)

    def output(self, stage: str) -> Path: return self.root/("out" if stage in STAGES[:2] else "results")/self.slug/stage
    def published(self, stage: str) -> Path: return self.root/"results"/self.slug/"notebooks"/f"{STAGES.index(stage) + 1}_{stage}.ipynb"
    def manifest(self, stage: str) -> dict: return json.loads((self.output(stage)/"manifest.json").read_text())

    def forget(self, *stages: str) -> "Toy":
        "Remove what these stages published, and DVC's memory of it."
        for s in stages:
            shutil.rmtree(self.output(s))
            self.published(s).unlink()
        for p in (self.paper/"dvc.lock", self.root/".dvc"/"cache"): shutil.rmtree(p, ignore_errors=True) if p.is_dir() else p.unlink(missing_ok=True)
        return self

    def copy(self, to: Path) -> "Toy":
        shutil.copytree(self.root, to, symlinks=True)
        return Toy(to, self.slug)

    def hashes(self, *stages: str) -> dict[str, str]:
        "The sha256 of everything that these stages published."
        files = [p for s in stages for p in [*self.output(s).iterdir(), self.published(s)]]
        return {str(p.relative_to(self.root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)}

    def processes(self) -> list[psutil.Process]:
        "Every process that works in this repository."
        found = []
        for p in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if p.status() != psutil.STATUS_ZOMBIE and (Path(p.cwd()).is_relative_to(self.root) or any(str(self.root) in a for a in p.cmdline())): found.append(p)
        return found

    def alone_within(self, seconds: float) -> bool:
        "Whether no process of this repository is left after at most `seconds`."
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end: time.sleep(0.1)
        return not left

    def hanging(self, job: subprocess.Popen, seconds: float = 60) -> int:
        "Wait for the notebook's mark; the kernel's process id."
        end = time.monotonic() + seconds
        while not (self.mark.exists() and self.mark.read_text()):
            assert job.poll() is None, f"ended before it hung: {job.communicate()}"
            assert time.monotonic() < end, "did not begin to hang"
            time.sleep(0.05)
        pid = int(self.mark.read_text())
        self.mark.unlink()
        return pid


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Toy:
    "The toy repository after one `dvc repro` in peace, made once for all workers; copy it, do not touch it."
    from filelock import FileLock
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"): shared = shared.parent
    toy = Toy(shared/"undisturbed")
    with FileLock(shared/"undisturbed.lock"):
        if not (shared/"undisturbed.made").exists():
            toy.root.mkdir()
            for name in ("settings.ini", ".dvcignore", ".gitignore"): shutil.copyfile(ROOT/name, toy.root/name)
            (toy.root/"params.yaml").write_text("profile: quick  # or full\n")
            shutil.copytree(ROOT/"tools", toy.root/"tools", ignore=shutil.ignore_patterns("__pycache__"))
            (toy.root/".dvc").mkdir()
            for name in ("config", ".gitignore"): shutil.copyfile(ROOT/".dvc"/name, toy.root/".dvc"/name)
            with open(toy.root/".dvc"/".gitignore", "a") as f: f.write("\n/site\n/global\n")
            write_paper(toy.root, "toy")
            subprocess.run(["git", "init", "--quiet"], cwd=toy.root, check=True)
            done = toy.repro()
            assert done.returncode == 0, done.stdout + done.stderr
            (shared/"undisturbed.made").touch()
    return toy


@pytest.fixture
def toy(undisturbed, tmp_path) -> Toy:
    "A copy of the undisturbed repository; whatever a test leaves running is ended."
    copy = undisturbed.copy(tmp_path/"repository")
    yield copy
    for p in copy.processes():
        with contextlib.suppress(psutil.Error): p.send_signal(signal.SIGKILL)


@pytest.fixture
def add_paper():
    "Adds a second toy paper to a repository."
    return lambda toy, slug: write_paper(toy.root, slug)
