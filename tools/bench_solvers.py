"""Race the CPU solvers against scikit-learn, celer and skglm: one thread, one instance each, CPU milliseconds at the same objective.

Every provider is first asked for its own loosest tolerance that reaches the best known objective to 1e-6, relative; only then it is timed,
in turns with the others, and the median of its runs is written. A provider that never gets there has a row without a time.
"""
import argparse
import csv
import datetime
import os
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT/"shared_lib"), str(ROOT/"tools")]
COLUMNS = ["kernel", "shape", "dtype", "provider", "median_us", "p20_us", "p80_us", "ratio_to_best_peer", "cpu", "versions", "commit", "date", "error"]
TOLERANCES = [10.**-e for e in range(2, 13)]


def design(n: int, p: int, nonzero: int, corr: float = .5, snr: float = 3., seed: int = 0):
    "Gaussian columns, neighbours correlated, `nonzero` planted coefficients of one size, noise by the signal-to-noise ratio: celer's and skglm's generator."
    import numpy as np
    from celer.datasets import make_correlated_data
    X, y, _ = make_correlated_data(n, p, corr=corr, snr=snr, density=nonzero/p, random_state=seed)
    return np.asfortranarray(X), y


def lasso_task(n: int, p: int, part: int, nonzero: int) -> dict:
    import celer
    import numpy as np
    import torch
    from skglm import GeneralizedLinearEstimator
    from skglm.datafits import Quadratic
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD
    from sklearn.linear_model import Lasso
    from sparsebook import coordinate, datafit, penalty
    X, y = design(n, p, nonzero)
    lam = np.abs(X.T @ y).max()/n/part
    tX, ty = torch.from_numpy(X), torch.from_numpy(y)
    return dict(task=f"lasso, lambda_max/{part}", shape=f"{n}x{p}", objective=lambda w: .5*((y - X @ w)**2).mean() + lam*np.abs(w).sum(), providers={
        "sparsebook": lambda tol: coordinate.cd(tX, ty, datafit.Quadratic(), penalty.L1(lam), tol=tol*lam).w.numpy(),
        "scikit-learn": lambda tol: Lasso(lam, fit_intercept=False, tol=tol, max_iter=100_000).fit(X, y).coef_,
        "celer": lambda tol: celer.Lasso(lam, fit_intercept=False, tol=tol, max_iter=200).fit(X, y).coef_,
        "skglm": lambda tol: GeneralizedLinearEstimator(Quadratic(), L1(lam), AndersonCD(tol=tol*lam, fit_intercept=False, max_iter=200)).fit(X, y).coef_.ravel()})


def group_task(n: int = 1000, p: int = 5000, size: int = 10) -> dict:
    import celer
    import numpy as np
    import torch
    from skglm import GroupLasso
    from sparsebook import block_coordinate, datafit, first_order, group_penalty
    X, y = design(n, p, 200)
    lam = np.linalg.norm((X.T @ y).reshape(-1, size), axis=1).max()/n/20
    pen = group_penalty.GroupL2(lam, size, weights=torch.ones(p//size, dtype=torch.float64))
    tX, ty = torch.from_numpy(X), torch.from_numpy(y)
    return dict(task=f"group lasso, groups of {size}, lambda_max/20", shape=f"{n}x{p}", objective=lambda w: .5*((y - X @ w)**2).mean() + lam*np.linalg.norm(w.reshape(-1, size), axis=1).sum(), providers={
        "sparsebook": lambda tol: block_coordinate.bcd(tX, ty, datafit.Quadratic(), pen, tol=tol*lam).w.numpy(),
        "sparsebook fista": lambda tol: first_order.fista(tX, ty, datafit.Quadratic(), pen, tol=tol*lam).w.numpy(),
        "celer": lambda tol: celer.GroupLasso(size, lam, fit_intercept=False, tol=tol, max_iter=200).fit(X, y).coef_,
        "skglm": lambda tol: GroupLasso(size, lam, fit_intercept=False, tol=tol*lam, max_iter=200).fit(X, y).coef_})


def logistic_task(n: int = 1000, p: int = 5000) -> dict:
    import celer
    import numpy as np
    import torch
    from skglm import SparseLogisticRegression
    from sklearn.linear_model import LogisticRegression
    from sparsebook import datafit, newton, penalty
    X, y = design(n, p, 100)
    y = np.where(y > 0, 1., -1.)
    lam = np.abs(X.T @ y).max()/(2*n)/20
    tX, ty = torch.from_numpy(X), torch.from_numpy(y)
    return dict(task="l1 logistic, lambda_max/20", shape=f"{n}x{p}", objective=lambda w: np.logaddexp(0, -y*(X @ w)).mean() + lam*np.abs(w).sum(), providers={
        "sparsebook": lambda tol: newton.prox_newton(tX, ty, datafit.Logistic(), penalty.L1(lam), tol=tol*lam).w.numpy(),
        "liblinear (scikit-learn)": lambda tol: LogisticRegression(penalty="l1", C=1/(n*lam), solver="liblinear", fit_intercept=False, tol=tol, max_iter=10_000, random_state=0).fit(X, y).coef_.ravel(),
        "celer": lambda tol: celer.LogisticRegression(C=1/(n*lam), solver="celer-pn", fit_intercept=False, tol=tol, max_iter=200).fit(X, y).coef_.ravel(),
        "skglm": lambda tol: SparseLogisticRegression(lam, fit_intercept=False, tol=tol*lam, max_iter=200).fit(X, y).coef_.ravel()})


def code_task(signals: int = 1000, d: int = 64, atoms: int = 288, lam: float = .1) -> dict:
    import numpy as np
    import torch
    from sklearn.decomposition import sparse_encode
    from sparsebook.sparse_code import encode
    rng = np.random.default_rng(0)
    D = rng.normal(size=(d, atoms)); D /= np.linalg.norm(D, axis=0)
    codes = np.where(rng.random((signals, atoms)) < 8/atoms, rng.normal(size=(signals, atoms)), 0)
    Y = codes @ D.T + .05*rng.normal(size=(signals, d))
    tY, tD = torch.from_numpy(Y), torch.from_numpy(D)
    return dict(task=f"sparse coding, {signals} signals, {atoms} atoms", shape=f"{d} dimensions", objective=lambda R: .5*((Y - R @ D.T)**2).sum() + lam*np.abs(R).sum(), providers={
        "sparsebook": lambda tol: encode(tY, tD, lam).numpy(),
        "scikit-learn lasso_cd": lambda tol: sparse_encode(Y, D.T, algorithm="lasso_cd", alpha=lam, max_iter=10_000),
        "scikit-learn lasso_lars": lambda tol: sparse_encode(Y, D.T, algorithm="lasso_lars", alpha=lam, max_iter=10_000)})


def slope_task(n: int = 1_000_000, last: float = 0., top: float = 2.) -> dict:
    import numpy as np
    import torch
    from skglm.utils.prox_funcs import prox_SLOPE
    from sparsebook.sorted_prox import sorted_l1
    x, u = np.random.default_rng(0).normal(size=n), np.linspace(top, last, n)
    tx, tu = torch.from_numpy(x), torch.from_numpy(u)
    def theirs(tol):
        order = np.argsort(np.abs(x))[::-1]
        out = np.empty(n)
        out[order] = prox_SLOPE(np.abs(x)[order], u)
        return out*np.sign(x)
    presorted = np.sort(np.abs(x))[::-1].copy()
    return dict(task=f"sorted-L1 prox, linear weights {top:g} to {last:g}", shape=f"{n}", objective=lambda w: .5*((w - x)**2).sum() + (np.sort(np.abs(w))[::-1]*u).sum(), providers={
        "sparsebook": lambda tol: sorted_l1(tx, tu).numpy(), "skglm with sort": theirs,
        "skglm alone, presorted (other task)": lambda tol: prox_SLOPE(presorted, u)})


def dag_task(d: int = 30, degree: int = 2, n: int = 1000) -> dict:
    "Its objective is 1 + wrong edges of a planted graph: only who finds as good a graph is timed. The peer does not read a tolerance, nor do we here."
    import contextlib
    import io

    import numpy as np
    from dagma.linear import DagmaLinear
    from sparsebook.dag import linear_sem, random_dag, random_weights, sample_cov
    from sparsebook.dag_metric import edge_counts
    from sparsebook.dag_solver import dagma
    rng = np.random.default_rng(0)
    W = random_weights(random_dag(d, degree*d, rng), rng)
    X = linear_sem(W, n, rng).X
    def theirs(T):
        with contextlib.redirect_stderr(io.StringIO()): return DagmaLinear("l2").fit(X.copy(), lambda1=.03, T=T)
    return dict(task=f"DAG, least squares, ER{degree}, n={n}", shape=f"d={d}", objective=lambda W_: 1 + int(edge_counts(W_, W).shd), providers={
        "sparsebook": lambda tol: dagma(sample_cov(X), .03).dag, "dagma": lambda tol: theirs(5), "dagma, 4 stages as here": lambda tol: theirs(4)})


TASKS = [lambda: lasso_task(1000, 5000, 20, 100), lambda: lasso_task(1000, 5000, 200, 100), lambda: lasso_task(500, 20000, 20, 100), group_task, logistic_task, code_task, slope_task, lambda: slope_task(top=1.), dag_task]


def race(task: dict, rounds: int, most: float) -> list[dict]:
    "Rows of one task: tolerances first, then the runs in turns."
    reached, errors, best = {}, {}, float("inf")
    values = {}
    for name, run in task["providers"].items():
        if "other task" in name: reached[name] = 0.; run(0.); continue
        values[name], began = [], time.monotonic()
        for tol in TOLERANCES:
            try: value = float(task["objective"](run(tol)))
            except Exception as e: errors[name] = f"{type(e).__name__}: {' '.join(str(e).split())[:120]}"; break
            values[name].append((tol, value))
            best = min(best, value)
            if time.monotonic() - began > most or tol < 1e-7 and abs(values[name][-2][1] - value) <= 1e-9*abs(value): break
    for name, tried in values.items():
        ok = [tol for tol, v in tried if v - best <= 1e-6*abs(best)]
        if ok: reached[name] = max(ok)
        elif name not in errors: errors[name] = f"objective {min((v for _, v in tried), default=float('nan'))/best - 1:.1e} above the best, wanted 1e-6: not timed"
    times = {name: [] for name in reached}
    for _ in range(rounds):
        for name in reached:
            began = time.process_time()
            task["providers"][name](reached[name])
            times[name].append(1e6*(time.process_time() - began))
    peers = [statistics.median(t) for name, t in times.items() if not name.startswith("sparsebook") and "other task" not in name]
    rows = []
    for name in task["providers"]:
        row = dict.fromkeys(COLUMNS, "") | dict(kernel=task["task"], shape=task["shape"], dtype="float64", provider=name, error=errors.get(name, ""))
        if t := sorted(times.get(name, [])):
            row |= dict(median_us=round(statistics.median(t)), p20_us=round(t[round(.2*(len(t) - 1))]), p80_us=round(t[round(.8*(len(t) - 1))]), ratio_to_best_peer=round(statistics.median(t)/min(peers), 3) if peers else "")
        rows.append(row)
    return rows


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--out", type=Path, default=ROOT/"reports"/"recorded"/"bench"/"solvers.csv")
    ap.add_argument("--only", default="", help="only tasks whose name and shape hold this text")
    ap.add_argument("--rounds", type=int, default=7, help="timed runs of every provider")
    ap.add_argument("--most", type=float, default=30., help="seconds a provider may use to find its tolerance")
    a = ap.parse_args()
    warnings.simplefilter("ignore")
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"): os.environ[f"{name}_NUM_THREADS"] = "1"  # before numpy is loaded
    import torch
    from bench_kernels import described
    from record import device
    torch.set_num_threads(1)
    same = dict(cpu=device()["cpu"], versions=", ".join(f"{p} {version(p)}" for p in ("scikit-learn", "celer", "skglm", "numba", "torch", "dagma")), commit=described(), date=datetime.date.today().isoformat())
    rows = []
    for make in TASKS:
        task = make()
        if a.only not in f"{task['task']} {task['shape']}": continue
        for row in race(task, a.rounds, a.most):
            rows.append(row | same)
            print(f"{row['kernel']:<48}{row['shape']:<14}{row['provider']:<38}" + (f"{row['median_us']/1e3:>9.1f} ms{row['ratio_to_best_peer']:>8}" if row["median_us"] != "" else row["error"]), flush=True)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    with open(a.out, "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, COLUMNS)
        writer.writeheader(); writer.writerows(rows)
    print(f"{len(rows)} rows in {a.out}")
    return 0


if __name__ == "__main__": sys.exit(main())
