"""Race the kernels against their peers on this machine's GPU: every task in the `BENCH` of every kernel module, one CSV.

A result is checked before it is timed; a provider that fails gets a row with its error and the others go on. Inputs rotate past the
L2 cache, short calls run inside a CUDA graph, and the floor comes from the copy bandwidth measured in the same run.
`--tune` sweeps the launch sizes of the N:M kernels instead and prints what each gives.
"""
import argparse
import csv
import datetime
import importlib
import itertools
import math
import pkgutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT/"kernels"), str(ROOT/"shared_lib")]
COLUMNS = ["kernel", "shape", "dtype", "provider", "median_us", "p20_us", "p80_us", "floor_us", "ratio_to_floor", "ratio_to_best_peer", "gpu", "torch", "triton", "commit", "date", "error"]
SAMPLES = 25


def events(run, samples: int) -> list[float]:
    "Microseconds of each call of `run`, by CUDA events."
    import torch
    marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(samples)]
    for a, b in marks: a.record(); run(); b.record()
    torch.cuda.synchronize()
    return [1e3 * a.elapsed_time(b) for a, b in marks]


def measure(fn, sets: list) -> list[float]:
    "Microseconds a call of `fn`, over input sets that do not fit the L2 cache together."
    import torch
    turn = itertools.cycle(sets)
    for _ in sets: fn(*next(turn))
    torch.cuda.synchronize()
    once = statistics.median(events(lambda: fn(*next(turn)), 5))
    if once > 3000: return events(lambda: fn(*next(turn)), 7)
    calls = len(sets) * max(1, round(3000 / (once * len(sets))))
    def run():
        for _ in range(calls): fn(*next(turn))
    play = run
    if once < 500:
        try:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph): run()
            play = graph.replay
        except Exception: torch.cuda.synchronize()  # what synchronises cannot be captured
    play()
    return [t / calls for t in events(play, SAMPLES)]


def ceilings() -> tuple[float, float]:
    "Bytes and bf16 operations a second of this GPU: a large copy, a large product."
    import torch
    a = torch.empty(2**29, dtype=torch.bfloat16, device="cuda").normal_()
    b = torch.empty_like(a)
    copy = statistics.median(events(lambda: b.copy_(a), 15)[5:])
    x = a[:2**26].view(8192, 8192)
    product = statistics.median(events(lambda: x @ x, 15)[5:])
    return 2 * a.numel() * 2 / copy * 1e6, 2 * 8192**3 / product * 1e6


def one(task: dict, provider: str, l2: int) -> list[float]:
    "Check one provider on one task, then time it."
    import torch
    torch.manual_seed(0)
    sets = [task["make"]("cuda") for _ in range(min(16, max(2, math.ceil(3 * l2 / task["bytes"]))))]
    if "compile" in provider: torch._dynamo.reset()
    fn = task["providers"][provider]()
    before = ([x.clone() for x in sets[0]],) if task.get("in_place") else ()
    out = fn(*sets[0])
    if not task["check"](out, *sets[0], *before): raise AssertionError("wrong result: not timed")
    del out, before
    torch.cuda.empty_cache()
    return measure(fn, sets)


def quantile(x: list[float], q: float) -> float: return sorted(x)[round(q * (len(x) - 1))]


def described() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def tasks(only: str) -> list[dict]:
    "Every task of every kernel module whose text holds `only`."
    import sparsebook_kernels
    found = []
    for info in sorted(pkgutil.iter_modules(sparsebook_kernels.__path__), key=lambda i: i.name):
        if info.name.startswith("_"): continue
        found += getattr(importlib.import_module(f"sparsebook_kernels.{info.name}"), "BENCH", [])
    return [t for t in found if only in f"{t['kernel']} {t['shape']} {t['dtype']}"]


def race(a) -> list[dict]:
    "One row for every task and provider; compiled providers last, while there is time."
    import torch
    import triton
    torch._dynamo.config.cache_size_limit = 64
    bandwidth, rate = ceilings()
    print(f"{torch.cuda.get_device_name()}: copy {bandwidth/1e12:.2f} TB/s, bf16 product {rate/1e12:.0f} TFLOP/s", flush=True)
    l2, began = torch.cuda.get_device_properties(0).L2_cache_size, time.monotonic()
    same = dict(gpu=torch.cuda.get_device_name(), torch=torch.__version__, triton=triton.__version__, commit=a.commit or described(), date=datetime.date.today().isoformat())
    todo = [(t, p) for t in tasks(a.only) for p in t["providers"]]
    rows = {}
    for t, p in sorted(todo, key=lambda x: "compile" in x[1]):
        floor = 1e6 * max(t["bytes"] / bandwidth, t.get("flops", 0) / rate)
        row = rows[id(t), p] = dict.fromkeys(COLUMNS, "") | {k: t[k] for k in ("kernel", "shape", "dtype")} | dict(provider=p, floor_us=round(floor, 2)) | same
        if "compile" in p and time.monotonic() - began > a.budget: row["error"] = f"skipped: over the budget of {a.budget} s"; continue
        try: times = one(t, p, l2)
        except Exception as e: row["error"] = f"{type(e).__name__}: {' '.join(str(e).split())[:160]}"
        else: row |= dict(median_us=round(statistics.median(times), 2), p20_us=round(quantile(times, .2), 2), p80_us=round(quantile(times, .8), 2), ratio_to_floor=round(statistics.median(times) / floor, 3))
        torch.cuda.empty_cache()
    for t, p in todo:
        row = rows[id(t), p]
        peers = [rows[id(t), q]["median_us"] for q in t["providers"] if not q.startswith(t["ours"]) and "other task" not in q and "alone" not in q and rows[id(t), q]["median_us"]]
        if peers and row["median_us"]: row["ratio_to_best_peer"] = round(row["median_us"] / min(peers), 3)
    return [rows[id(t), p] for t, p in todo]


def show(rows: list[dict]) -> None:
    print(f"{'kernel':<30}{'shape':<16}{'dtype':<9}{'provider':<26}{'median us':>10}{'floor':>8}{'/floor':>8}{'/peer':>8}")
    for r in rows:
        line = f"{r['kernel']:<30}{r['shape']:<16}{r['dtype']:<9}{r['provider'][:25]:<26}"
        print(line + (f"{r['median_us']:>10}{r['floor_us']:>8.1f}{r['ratio_to_floor']:>8.2f}{r['ratio_to_best_peer']:>8}" if r["median_us"] != "" else f"  {r['error'][:60]}"))


def tune(only: str) -> None:
    "Sweep what `geometry` chooses, on the large bf16 shape and the stacked fp32 one."
    import torch
    from sparsebook_kernels import nm, nm_race, nm_step
    usual, l2 = nm.geometry, torch.cuda.get_device_properties(0).L2_cache_size
    picked = [nm_race.mask_task(nm_race.LARGE, torch.bfloat16, *p) for p in ((2, 4), (8, 16), (16, 32))]
    picked += [f(nm_race.LARGE, torch.bfloat16, *p) for f in (nm_race.grad_task, nm_race.forward_task) for p in ((2, 4), (16, 32))]
    picked += [nm_race.step_task(nm_race.LARGE, torch.bfloat16, 2, 4, f) for f in (False, True)] + [nm_race.forward_task(nm_race.STACK, torch.float32, 2, 4)]
    for t in picked:
        if only not in f"{t['kernel']} {t['shape']} {t['dtype']}": continue
        found = []
        for per, warps, wide in itertools.product((8, 16, 32, 64), (2, 4, 8), (False, True)):
            def sizes(m, item, mask_only, per=per, warps=warps, wide=wide):
                s = usual(m, item, mask_only)
                V = 16 if wide else 16 // item
                return s | dict(V=V, C=min(V, m), G=max(1, max(per, V, s["P"]) * 32 * warps // s["P"]), num_warps=warps)
            nm.geometry = nm_step.geometry = sizes
            try: found.append((statistics.median(one(t, "sparsebook", l2)), f"{per}/{warps}/{'16' if wide else '16B'}"))
            except Exception as e: found.append((math.inf, f"{per}/{warps}/{wide} {type(e).__name__}"))
        nm.geometry = nm_step.geometry = usual
        chosen = statistics.median(one(t, "sparsebook", l2))
        print(f"{t['kernel']} {t['shape']} {t['dtype']}: chosen {chosen:.1f}; weights a thread/warps/piece: " + ", ".join(f"{n} {us:.1f}" for us, n in sorted(found)[:8]), flush=True)


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--out", type=Path, default=ROOT/"reports"/"recorded"/"bench"/"kernels.csv")
    ap.add_argument("--only", default="", help="only tasks whose kernel, shape and dtype hold this text")
    ap.add_argument("--budget", type=float, default=170, help="seconds after which no further provider is compiled")
    ap.add_argument("--commit", help="what to write in the column `commit` where there is no git")
    ap.add_argument("--tune", action="store_true", help="sweep launch sizes and write no CSV")
    a = ap.parse_args()
    import torch

    if not torch.cuda.is_available(): print("no CUDA device: kernels are benchmarked on a GPU"); return 0
    if a.tune: tune(a.only); return 0
    rows = race(a)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    with open(a.out, "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    show(rows)
    print(f"{len(rows)} rows in {a.out}")
    return 0


if __name__ == "__main__": sys.exit(main())
