"""Generated from nbs/shared_lib/49_solver.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_finding_them():
    from sparsebook.solver import all_penalties, all_solvers

    list(all_solvers()), sorted({type(pen).__name__ for pen in all_penalties()})

    assert {"ista", "fista", "nonconvex_ag", "prox_ncg", "admm", "frank_wolfe"} <= set(all_solvers())
    assert {"L1", "MCP", "GroupL2", "L21", "WGSEF", "SLOPE", "TV1D", "Nuclear", "Simplex"} <= {type(pen).__name__ for pen in all_penalties()}
    assert all(callable(f) and f.__doc__ for f in all_solvers().values())


def test_the_table():
    import numpy as np
    from sparsebook.solver import solver_table, solvers

    from IPython.display import Markdown
    Markdown(solver_table("Quadratic"))

    Markdown(solver_table("Logistic"))

    rows = solvers()
    sizes = [len({r[k] for r in rows}) for k in ("datafit", "penalty", "solver")]
    assert len(rows) == np.prod(sizes) and sizes[0] == 7 and sizes[1] >= 23 and sizes[2] >= 6
    assert all(r["status"] == "available" or (r["status"].startswith("not available: ") and len(r["status"]) > 25) for r in rows)
    possible = {(r["datafit"], r["penalty"]) for r in rows if r["status"] == "available"}
    pairs = {(r["datafit"], r["penalty"]) for r in rows} - possible
    assert all(any("(p, T)" in r["status"] for r in rows if (r["datafit"], r["penalty"]) == pair) for pair in pairs)  # only shapes rule a pair out for all solvers
    assert solver_table("Huber").count("\n| ") == sizes[1]

    try: solver_table("Quadratik")
    except ValueError as e: print(e); assert "got 'Quadratik'" in str(e)
    else: raise AssertionError("no such datafit")


def test_two_solvers_agree():
    import torch
    from sparsebook.datafit import Logistic, Quadratic
    from sparsebook.penalty import L1, MCP
    from sparsebook.solver import all_solvers

    def problem(datafit, n=90, p=12, seed=0):
        """A small regression with 3 non-zeros, its targets as the datafit wants them; some are wrong, so that no classes are separable."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        y = X[:, :3] @ torch.tensor([2.0, -1.5, 1.0], dtype=torch.float64) + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng)
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(n) % 5 == 0, y.flip(0), y)
        return (X, {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)())
    for d, pen in ((Quadratic(), L1(.1)), (Logistic(), L1(.02)), (Quadratic(), MCP(.1))):
        X, t = problem(d)
        ends = {}
        for name, solve in all_solvers().items():
            if not solve.refuses(d, pen): ends[name] = solve(X, t, d, pen)
        assert len(ends) >= 3
        for name, sol in ends.items():
            assert sol.history["distance"][-1] <= 1e-8, (name, d, pen)
            assert pen.subdiff_distance(sol.w, X.T @ d.raw_gradient(t, X @ sol.w)).max() <= 2e-8, (name, d, pen)  # asked of the class, not of the solver
        if pen.convex: assert len({round(float((d.value(t, X @ s.w) + pen.value(s.w))*1e9)) for s in ends.values()}) <= 2

    try: all_solvers()["fista"](X, t, Quadratic(), MCP(.1))
    except ValueError as e: print(e); assert "not available for MCP with Quadratic: no guarantee for a nonconvex penalty" in str(e)
    else: raise AssertionError("refused in the table, but not by the solver")


@pytest.mark.slow
def test_every_available_triple_reaches_the_condition():
    from sparsebook.datafit import datafits
    import warnings
    import torch
    from sparsebook.datafit import MultiTask, NotConverged, Quadratic
    from sparsebook.solver import all_penalties, all_solvers

    def problem(datafit, n=90, p=12, seed=0):
        """A small regression with 3 non-zeros, its targets as the datafit wants them; some are wrong, so that no classes are separable."""
        rng = torch.Generator().manual_seed(seed)
        X = torch.randn(n, p, dtype=torch.float64, generator=rng)
        y = X[:, :3] @ torch.tensor([2.0, -1.5, 1.0], dtype=torch.float64) + 0.3 * torch.randn(n, dtype=torch.float64, generator=rng)
        name = type(datafit).__name__
        if name not in ('Quadratic', 'Huber', 'MultiTask'):
            y = torch.where(torch.arange(n) % 5 == 0, y.flip(0), y)
        return (X, {'Logistic': lambda: torch.where(y > 0, 1.0, -1.0).double(), 'Poisson': lambda: (y / 3).exp().round(), 'Multinomial': lambda: (y > -1).double() + (y > 1), 'Cox': lambda: torch.stack([(-y / 2).exp(), (y > -2).double()], 1), 'MultiTask': lambda: torch.stack([y, -y.flip(0), y ** 2 / 4], 1)}.get(name, lambda: y)())
    count, missed = 0, []
    for d in datafits():
        for pen in all_penalties():
            X, t = problem(MultiTask() if pen.matrix and isinstance(d, Quadratic) else d)
            pen, ends = pen.with_weight(pen.lam/5), {}
            for name, solve in all_solvers().items():
                if solve.refuses(d, pen): continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", NotConverged)
                    sol = solve(X, t, d, pen)
                distance = float(pen.subdiff_distance(sol.w, X.T @ d.raw_gradient(t, X @ sol.w)).max())
                count += 1
                if not distance <= 2e-8: missed.append((name, type(d).__name__, repr(pen), distance))
                ends[name] = float(d.value(t, X @ sol.w) + pen.value(sol.w))
            if pen.convex and ends and max(ends.values()) - min(ends.values()) > 1e-9: missed.append((repr(d), repr(pen), ends))
    assert not missed, missed
    count
