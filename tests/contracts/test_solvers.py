"""Every solver of the library, found by scanning: what it can do it does to the optimality condition, what it cannot it says in words."""
import itertools

import pytest
import torch
from sparsebook.datafit import Quadratic, Solution
from sparsebook.penalty import L1
from sparsebook.solver import all_solvers, solvers

SOLVERS = all_solvers()
G = torch.Generator().manual_seed(0)
X = torch.randn(40, 12, generator=G, dtype=torch.float64)
Y = X[:, :3].sum(1) + .1*torch.randn(40, generator=G, dtype=torch.float64)


def test_the_scan_finds_them(): assert set(SOLVERS) >= {"ista", "fista", "nonconvex_ag", "prox_ncg", "admm", "frank_wolfe", "cd", "bcd", "prox_newton"}


def test_the_table_has_no_holes():
    rows = solvers()
    assert len({(r["datafit"], r["penalty"], r["solver"]) for r in rows}) == len(rows)
    full = [set(r[k] for r in rows) for k in ("datafit", "penalty", "solver")]
    assert {(r["datafit"], r["penalty"], r["solver"]) for r in rows} == set(itertools.product(*full))
    for r in rows: assert r["status"] == "available" or len(r["status"].removeprefix("not available: ")) > 8, r
    for name in SOLVERS: assert any(r["solver"] == name and r["status"] == "available" for r in rows), f"{name} can do nothing"


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_keeps_the_contract(name):
    solve = SOLVERS[name]
    if solve.refuses(Quadratic(), L1(.1)):
        with pytest.raises(ValueError, match="not available"): solve(X, Y, Quadratic(), L1(.1))
        return
    before, s = (X.clone(), Y.clone()), solve(X, Y, Quadratic(), L1(.1))
    assert isinstance(s, Solution) and s.w.shape == (12,) and s.w.dtype == X.dtype and {"objective", "distance"} <= set(s.history)
    assert L1(.1).subdiff_distance(s.w, X.T @ Quadratic().raw_gradient(Y, X @ s.w)).max() <= 1e-8 and -1e-12 <= s.gap < 1e-8
    assert torch.equal(X, before[0]) and torch.equal(Y, before[1])
    again = solve(X.numpy(), Y.numpy(), Quadratic(), L1(.1), w0=s.w)
    torch.testing.assert_close(again.w, s.w, atol=1e-8, rtol=0)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(ValueError, match="finite"): solve(X.index_fill(0, torch.tensor([1]), bad), Y, Quadratic(), L1(.1))
    with pytest.raises(ValueError, match="rows"): solve(X, Y[:5], Quadratic(), L1(.1))
