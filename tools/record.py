"""Copy a paper's last results into reports/recorded/<slug>/<profile>/, with what ran them, and renew the README's table.

`--judge` copies nothing and only judges the recorded metrics anew, after a change of paper.yaml.
These folders are the only results in git. They are written by this command, never by hand.
"""
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "triton", "numpy", "scipy", "pandas")


def device() -> dict:
    "What computed: the GPU if there is one, and the CPU."
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor()) \
        if Path("/proc/cpuinfo").exists() else platform.processor()
    import torch
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return {"device": name, "cpu": cpu, "cores": os.cpu_count()}


def versions() -> dict:
    out = {"python": platform.python_version()}
    for p in PACKAGES:
        try: out[p] = version(p)
        except PackageNotFoundError: pass
    return out


def commit() -> str:
    "The commit that ran, marked when the tree had changes."
    git = lambda *a: subprocess.run(["git", *a], cwd=ROOT, capture_output=True, text=True).stdout.strip() if shutil.which("git") else ""
    if given := os.environ.get("SPARSEBOOK_COMMIT"): return given
    return (git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain") else "")) or "unknown"


def record(house, slug: str) -> Path:
    "Record one paper; returns the folder."
    from sparsebook.artifact import seal, swap_into_place, verify, write_atomic
    again = f"run make paper PAPER={slug} first"
    evaluated, figures = house.output(slug, "evaluate"), house.output(slug, "figures")
    profile = verify(evaluated, again)["profile"]
    if verify(figures, again)["profile"] != profile: raise SystemExit(f"{slug}: evaluate and figures are of different profiles; {again}")
    clocks = {s: json.loads(p.read_text()) for s in house.stages if (p := house.artifacts/".time"/f"{slug}.{s}.json").exists()}
    parameters = {s: verify(house.output(slug, s), again)["parameters"] for s in house.stages}
    run = {"slug": slug, "profile": profile, "date": datetime.date.today().isoformat(), **device(), "versions": versions(),
           "command": f"make {'full' if profile == 'full' else 'paper'} PAPER={slug}", "commit": commit(),
           "seconds": {s: c["seconds"] for s, c in clocks.items() if c["profile"] == profile},
           "cpu_seconds": {s: c["cpu_seconds"] for s, c in clocks.items() if c["profile"] == profile},
           "peak_mb": max((c["peak_mb"] for c in clocks.values() if c["profile"] == profile), default=None), "params": parameters}
    new = house.artifacts/".tmp"/f"{slug}.record"
    shutil.rmtree(new, ignore_errors=True)
    (new/"figures").mkdir(parents=True)
    for name in ("metrics.json", "verdict.json"): shutil.copyfile(evaluated/name, new/name)
    for p in figures.iterdir():
        if p.name != "manifest.json": shutil.copyfile(p, new/"figures"/p.name)
    write_atomic(new/"run.json", (json.dumps(run, indent=1) + "\n").encode())
    seal(new/"figures", {"paper": slug, "profile": profile})
    target = house.recorded/slug/profile
    swap_into_place(new, target)
    return target


def rejudge(house, slug: str) -> None:
    "Judge the recorded metrics by the paper's card as it stands: a new explanation or a changed test shows at once."
    from sparsebook.artifact import save_artifact
    from sparsebook.claim import load_paper
    from sparsebook.judge import judge
    paper = load_paper(house.paper(slug)/"paper.yaml")
    for path in sorted((house.recorded/slug).glob("*/metrics.json")):
        save_artifact(path.parent, "verdict", judge(paper.claims, json.loads(path.read_text(encoding="utf-8"))["values"], path.parent.name))


def main() -> int:
    from sparsebook.artifact import ArtifactError
    from sparsebook.param import ParamError
    from sparsebook.run import House
    house = House(ROOT)
    only_judge = "--judge" in sys.argv
    slugs = [a for a in sys.argv[1:] if a != "--judge"] or sorted(p.parent.name for p in house.papers.glob("*/paper.yaml"))
    try:
        for slug in slugs:
            house.paper(slug)
            if not only_judge: print(f"recorded {record(house, slug).relative_to(ROOT)}")
            rejudge(house, slug)
    except (ArtifactError, ParamError) as e:
        print(e, file=sys.stderr)
        return 1
    return subprocess.run([sys.executable, "tools/readme.py"], cwd=ROOT).returncode


if __name__ == "__main__": sys.exit(main())
