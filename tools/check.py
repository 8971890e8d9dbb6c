"""Is everything that is generated up to date, are the notebooks clean, does the code pass the linter? Writes nothing.

Exports run in a copy of the sources, so that a stale or hand-edited file is reported and left as it is.
"""
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def call(*command, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    env = {k: v for k, v in os.environ.items() if k != "IN_TEST"}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def differing(a: Path, b: Path) -> list[Path]:
    "Files under `a` and `b` that are not the same, by relative path."
    files = lambda r: {p.relative_to(r) for p in r.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    return sorted(p for p in files(a) | files(b) if not ((a/p).exists() and (b/p).exists() and filecmp.cmp(a/p, b/p, shallow=False)))


def exports() -> list[str]:
    "Export and clean in a copy; what differs from the tree."
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/"copy"
        for name in ("nbs", "shared_lib", "kernels"): shutil.copytree(ROOT/name, copy/name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        shutil.copyfile(ROOT/"pyproject.toml", copy/"pyproject.toml")
        problems = []
        for folder in (copy, copy/"nbs"/"kernels"):
            for tool in ("nbdev-export", "nbdev-clean"):
                done = call(BIN/tool, cwd=folder)
                if done.returncode: problems.append(f"{tool} fails in {folder.relative_to(copy) if folder != copy else 'the root'}:\n{done.stdout}{done.stderr}")
        for name in ("shared_lib", "kernels"):
            problems += [f"{name}/{p} is not what its notebook says (edited by hand, or not exported): run `make export`" for p in differing(copy/name, ROOT/name)]
        problems += [f"nbs/{p} is not clean: run `nbdev-clean --fname nbs/{p}`" for p in differing(copy/"nbs", ROOT/"nbs") if p.suffix == ".ipynb"]
    return problems


def paper_notebooks() -> list[str]:
    "Papers keep no outputs, no stray metadata, and a kernel that papermill finds."
    problems = []
    for path in sorted([*ROOT.glob("papers/*/*.ipynb"), *ROOT.glob("bases/*/*.ipynb")]):
        nb, name = json.loads(path.read_text(encoding="utf-8")), path.relative_to(ROOT)
        if nb["metadata"].get("kernelspec", {}).get("name") != "python3": problems.append(f"{name}: needs the kernel python3 in its metadata")
        for i, cell in enumerate(nb["cells"]):
            if cell.get("outputs") or cell.get("execution_count"): problems.append(f"{name}, cell {i}: holds outputs; strip them (the report shows them)"); break
        if any(set(c.get("metadata", {})) - {"tags"} for c in nb["cells"]): problems.append(f"{name}: cell metadata other than tags; clear it")
    return problems


def main() -> int:
    python, problems = sys.executable, exports() + paper_notebooks()
    for tool in ("testgen.py", "deps.py", "readme.py"):
        done = call(python, f"tools/{tool}", "--check")
        if done.returncode: problems.append((done.stdout + done.stderr).strip())
    lint = call(python, "-m", "ruff", "check", "--no-cache", "shared_lib", "kernels", "tools", "tests", "papers", "nbs")
    if lint.returncode: problems.append(f"ruff:\n{lint.stdout}{lint.stderr}".strip())
    print("\n".join(problems) if problems else "check: exports, notebooks, tests, dependency lists, README and lint agree")
    return 1 if problems else 0


if __name__ == "__main__": sys.exit(main())
