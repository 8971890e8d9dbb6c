"""Run one stage of one paper: its notebook, through papermill, under a lock, to a sealed folder.

DVC calls `python tools/stage.py SLUG STAGE --profile PROFILE`. The stage succeeds when its notebook has called `run.done`
and the sealed manifest is the one on disk; everything else is a failure with one line that names paper and stage.
"""
import atexit
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import typer

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class StageError(RuntimeError):
    "A stage that did not end with a seal."


def kill_children(grace: float) -> None:
    "End every process that this one started (the kernel has a session of its own)."
    import psutil
    children = psutil.Process().children(recursive=True)
    for p in children:
        try: p.terminate()
        except psutil.NoSuchProcess: pass
    for p in psutil.wait_procs(children, timeout=grace)[1]:
        try: p.kill()
        except psutil.NoSuchProcess: pass


def stop_with_parent(where: str, channel: Path) -> None:
    "Take the kernel and its channel along when a signal comes, or when the process that started this one is gone (a killed dvc)."
    import psutil
    above = psutil.Process().parents()[:5]
    drivers = [i for i, p in enumerate(above) if re.search(r"\bdvc\b|tools/papers\.py", " ".join(p.cmdline()))]
    above = above[:max(drivers, default=0) + 1]

    def leave(code: int, grace: float) -> None:
        kill_children(grace)
        shutil.rmtree(channel, ignore_errors=True)
        os._exit(code)

    def on_signal(number, frame):
        print(f"{where} FAILED: stopped by {signal.Signals(number).name}; nothing was published; run it again", file=sys.stderr, flush=True)
        leave(128 + number, grace=2.0)

    def watch():
        while all(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in above): time.sleep(0.5)
        leave(1, grace=0.5)

    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(s, on_signal)
    threading.Thread(target=watch, daemon=True).start()


def clean(nb, stage: str):
    "The executed notebook without what differs from run to run: clocks, ids, papermill's notes."
    nb.metadata.pop("papermill", None)
    for i, cell in enumerate(nb.cells):
        cell["id"] = f"{stage}-{i:02d}"
        cell.metadata = {"tags": cell.metadata.get("tags", [])} if cell.metadata.get("tags") else {}
        for output in cell.get("outputs", []): output.pop("metadata", None) if output.output_type == "stream" else None
    return nb


def private_channel(folder: Path):
    "Kernel messages over sockets in a private folder instead of TCP ports, where paths are short enough."
    from traitlets.config import Config
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder)
    if not sys.platform.startswith("linux") or len(str(folder)) > 80: return Config()
    sockets = {"transport": "ipc", "ip": str(folder/"kernel")}
    return Config({"KernelManager": sockets, "AsyncKernelManager": sockets})


def first_failure(nb) -> str:
    "Cell number and error of the cell that stopped the notebook."
    for i, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error": return f"cell {i}: {output.ename}: {ANSI.sub('', output.evalue)}"
    return "no cell reports an error"


def execute(house, slug: str, stage: str, params: dict, notebook: Path, channel: Path) -> None:
    "Run the notebook and put its cleaned copy into the results."
    import nbformat
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from sparsebook.artifact import MANIFEST, sha256_file, write_atomic

    work = house.artifacts/".tmp"
    work.mkdir(parents=True, exist_ok=True)
    token, draft = work/f"{slug}.{stage}.seal", work/f"{slug}.{stage}.ipynb"
    for leftover in (token, draft): leftover.unlink(missing_ok=True)
    os.environ |= {"SPARSEBOOK_STAGE": f"{slug}/{stage}", "SPARSEBOOK_SEAL": str(token), "PYTHONHASHSEED": "0"}
    if params.get("profile") == "quick": os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    kept = house.artifacts/".failed"/f"{slug}.{stage}.ipynb"
    try:
        papermill.execute_notebook(notebook, draft, parameters=params, kernel_name="python3", cwd=str(notebook.parent), progress_bar=False, log_output=False,
                                   config=private_channel(channel))
    except PapermillExecutionError:
        kept.parent.mkdir(exist_ok=True)
        os.replace(draft, kept)
        raise StageError(f"{first_failure(nbformat.read(kept, 4))} (the notebook as it stopped: {kept.relative_to(house.root)})") from None
    except DeadKernelError: raise StageError("its kernel died (killed, or out of memory); nothing was published; run it again") from None
    folder = house.output(slug, stage)
    if not token.exists(): raise StageError("the notebook ended without run.done(...): nothing is sealed")
    if not (folder/MANIFEST).exists() or sha256_file(folder/MANIFEST) != token.read_text(): raise StageError(f"{folder} is not what run.done sealed")
    token.unlink()
    nb = clean(nbformat.read(draft, 4), stage)
    target = house.results/slug/"notebooks"/notebook.name
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, nbformat.writes(nb).encode() + b"\n")
    draft.unlink()
    kept.unlink(missing_ok=True)


def main(slug: str, stage: str, profile: str = typer.Option("quick", help="quick or full")):
    "Run one stage; exit 0 only when it is sealed."
    from filelock import FileLock, Timeout
    from sparsebook.artifact import ArtifactError, write_atomic
    from sparsebook.param import ParamError, stage_parameters
    from sparsebook.run import House, check_profile
    where = f"{slug} / {stage}"
    began = time.monotonic()
    try:
        house = House(Path(__file__).parent)
        notebook = house.notebook(slug, stage)
        check_profile(house, slug, profile)
        params = stage_parameters(notebook.parent/"params.yaml", notebook, profile)
        for path in (house.output(slug, stage), house.artifacts/".tmp", house.artifacts/".failed", house.artifacts/".time", house.results/slug/"notebooks"): house.inside(path)
        channel = Path(tempfile.mkdtemp(prefix="sparsebook"))
        atexit.register(shutil.rmtree, channel, ignore_errors=True)
        stop_with_parent(where, channel)
        lock = FileLock(house.lock(slug, stage, "runner"))
        try: lock.acquire(timeout=0)
        except Timeout:
            print(f"{where}: another run of this stage is under way; waiting for it", flush=True)
            lock.acquire(timeout=1800)
        with lock: execute(house, slug, stage, params, notebook, channel)
    except (ParamError, ArtifactError, StageError, ImportError) as e:
        print(f"{where} FAILED: {e}", file=sys.stderr)
        raise SystemExit(2 if isinstance(e, ParamError) else 1) from None
    except OSError as e:
        print(f"{where} FAILED: {e} (a full disk?); make room and run it again", file=sys.stderr)
        raise SystemExit(1) from None
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    clock = house.artifacts/".time"
    clock.mkdir(exist_ok=True)
    path = clock/f"{slug}.{stage}.json"
    write_atomic(path, json.dumps({"profile": profile, "seconds": round(time.monotonic() - began, 1), "cpu_seconds": round(use.ru_utime + use.ru_stime, 1),
                                   "peak_mb": round(use.ru_maxrss / 1024)}).encode())
    print(f"{where} sealed")


if __name__ == "__main__": typer.run(main)
