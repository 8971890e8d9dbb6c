"""Run papers through their pipelines, several at a time, and say where each one is.

Every paper is a DVC pipeline of its own (papers/<slug>/dvc.yaml); a paper that fails does not stop the others. Without DVC
(`--without-dvc`, for a GPU machine that has only papermill) the stages run one after the other, uncached.
"""
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

ROOT = Path(__file__).resolve().parent.parent
PROFILE_LINE = re.compile(r"^(profile:\s*)(\w+)", re.M)


class Board:
    "One line an event: elapsed time, which paper, which stage, how many papers are left."
    def __init__(self, slugs: list[str]):
        self.began, self.left, self.lock = time.monotonic(), len(slugs), threading.Lock()
        self.width = max(map(len, slugs), default=0)

    def say(self, slug: str, text: str, finished: bool = False) -> None:
        with self.lock:
            self.left -= finished
            s = int(time.monotonic() - self.began)
            print(f"[{s // 60:2d}:{s % 60:02d}] {slug:{self.width}}  {text}   ({self.left} paper{'s' * (self.left != 1)} to go)", flush=True)


def environment() -> dict:
    "What a child process runs under: this Python first; in a copy of the repository without git, DVC is told so."
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}
    if not any((p/".git").exists() for p in (ROOT, *ROOT.parents)):
        folder = ROOT/".dvc"/"tmp"/"without_git"
        folder.mkdir(parents=True, exist_ok=True)
        (folder/"config").write_text("[core]\n    no_scm = true\n")
        env["DVC_GLOBAL_CONFIG_DIR"] = str(folder)
    return env


def run_stages(slug: str, profile: str, without_dvc: bool, board: Board, stages: list[str]) -> list[str]:
    "Run one paper; the lines that explain a failure, or nothing."
    env = environment()
    if without_dvc: commands = [[sys.executable, "tools/stage.py", slug, s, "--profile", profile] for s in stages]
    else: commands = [[sys.executable, "-m", "dvc", "--wait-for-lock", "repro", f"papers/{slug}/dvc.yaml"]]
    for command in commands:
        if without_dvc: board.say(slug, f"stage {stages.index(command[3]) + 1}/{len(stages)} {command[3]}")
        job = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        tail = []
        for line in job.stdout:
            line = line.rstrip()
            tail = (tail + [line])[-30:] if line else tail
            if found := re.search(r"Running stage '(?:.*:)?(\w+)'", line): board.say(slug, f"stage {stages.index(found[1]) + 1}/{len(stages)} {found[1]}")
            elif found := re.search(r"Stage '(?:.*:)?(\w+)' (didn't change|is cached)", line): board.say(slug, f"stage {stages.index(found[1]) + 1}/{len(stages)} {found[1]}: up to date")
            elif "waiting for it" in line or "FAILED" in line: board.say(slug, line.strip())
        if job.wait(): return [t for t in tail if "FAILED" in t] or tail[-8:] or [f"exit {job.returncode}"]
    return []


@contextlib.contextmanager
def profile_in_file(profile: str):
    "params.yaml says `profile` while the pipelines run, and what it said before afterwards."
    from sparsebook.artifact import write_atomic
    path = ROOT/"params.yaml"
    before = path.read_text()
    if (now := PROFILE_LINE.search(before)) is None: raise SystemExit(f"{path}: no line `profile: ...`")
    if now[2] != profile: write_atomic(path, PROFILE_LINE.sub(rf"\g<1>{profile}", before, count=1).encode())
    try: yield
    finally:
        if now[2] != profile: write_atomic(path, before.encode())


def stop(number, frame) -> None:
    "End what runs, then leave the way an error leaves: params.yaml is put back."
    import psutil
    for p in psutil.Process().children(): p.terminate()
    raise SystemExit(128 + number)


def main(
    papers: str = typer.Option("", help="slugs, separated by spaces; default: all"),
    profile: str = typer.Option("", help="quick or full; default: what params.yaml says"),
    settings: str = typer.Option("", "--set", help='overrides such as "epochs=2 train.lr=0.05", written to the paper\'s params.yaml after a check'),
    jobs: int = typer.Option(0, help="papers at a time; default: one a core in quick, one in full"),
    without_dvc: bool = typer.Option(False, help="run the stages directly, uncached"),
    site: bool = typer.Option(True, help="build the report site afterwards"),
):
    "Run the papers' pipelines and build the site."
    from sparsebook.param import ParamError, load_yaml, set_parameters
    from sparsebook.run import House, check_profile
    try:
        house = House(ROOT)
        slugs = papers.split() or sorted(p.parent.name for p in house.papers.glob("*/paper.yaml"))
        profile = profile or load_yaml(ROOT/"params.yaml").get("profile")
        for slug in slugs:
            house.paper(slug)
            check_profile(house, slug, profile)
        if settings and len(slugs) != 1: raise ParamError("overrides need one paper: make paper PAPER=... SET=\"name=value\"")
        for change in set_parameters(house.paper(slugs[0])/"params.yaml", profile, settings.split()) if settings else []:
            print(f"papers/{slugs[0]}/params.yaml: {change}   (git restore brings the old value back)")
    except ParamError as e:
        print(e, file=sys.stderr)
        raise SystemExit(2) from None
    jobs = jobs or (1 if profile == "full" else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    board, failed = Board(slugs), {}

    def one(slug: str) -> None:
        board.say(slug, "begins")
        if why := run_stages(slug, profile, without_dvc, board, house.stages): failed[slug] = why
        board.say(slug, "FAILED" if why else "done", finished=True)

    for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, stop)
    with profile_in_file(profile), ThreadPoolExecutor(jobs) as pool: list(pool.map(one, slugs))
    built = 0
    if site:
        print("building the report site", flush=True)
        command = [sys.executable, "tools/site.py"] if without_dvc or papers or failed else [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "dvc.yaml", "--single-item"]
        built = subprocess.run(command, cwd=ROOT, env=environment()).returncode
    for slug in sorted(failed): print("\n".join([f"\n{slug} failed:"] + [f"    {line}" for line in failed[slug]]), file=sys.stderr)
    s = int(time.monotonic() - board.began)
    print(f"{len(slugs) - len(failed)} of {len(slugs)} papers done in {s // 60} min {s % 60} s, profile {profile}")
    if site and not built: print(f"the report: {ROOT/'reports'/'html'/'index.html'}")
    raise SystemExit(1 if failed or built else 0)


if __name__ == "__main__": typer.run(main)
