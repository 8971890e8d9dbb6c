"""Generated from nbs/shared_lib/46_block_coordinate.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_groups_bcd():
    import math
    import numpy as np
    import torch
    from sparsebook.datafit import Quadratic
    from sparsebook.group_penalty import L21, GroupL2, GroupMCP, SparseGroupL1L2
    from hypothesis import given, settings, strategies as st
    from sparsebook.datafit import Logistic, MultiTask
    from sparsebook.first_order import fista
    from sparsebook.penalty import L1
    from sparsebook.block_coordinate import bcd

    def problem(n=60, p=100, k=8, seed=0, rho=0.3):
        """Correlated design, k planted coefficients, a little noise."""
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, p))
        for j in range(1, p):
            X[:, j] = rho * X[:, j - 1] + math.sqrt(1 - rho ** 2) * X[:, j]
        w = np.zeros(p)
        w[rng.choice(p, min(k, p), replace=False)] = rng.normal(size=min(k, p)) + 1
        return (torch.as_tensor(np.asfortranarray(X)), torch.as_tensor(X @ w + 0.3 * rng.normal(size=n)))
    X, y = problem(80, 120)
    pen = GroupL2(.2, 5)
    s = bcd(X, y, Quadratic(), pen)
    int((s.w.view(-1, 5).norm(dim=1) > 0).sum()), f"gap {s.gap:.1e}"

    labels = torch.arange(120) % 37
    for p in (GroupL2(.1, 5), GroupL2(.1, labels), SparseGroupL1L2(.1, 5, l1_ratio=.4), SparseGroupL1L2(.15, labels)):
        ours, slow = bcd(X, y, Quadratic(), p), fista(X, y, Quadratic(), p)
        assert ours.history["distance"][-1] <= 1e-8 and abs(ours.history["objective"][-1] - slow.history["objective"][-1]) < 1e-9, p
    ours = bcd(X, y, Quadratic(), GroupMCP(.1, 5, gamma=3.))
    assert GroupMCP(.1, 5, gamma=3.).subdiff_distance(ours.w, -X.T @ (y - X @ ours.w)/len(y)).max() <= 1e-8
    empty = torch.cat([torch.zeros(len(X), 5, dtype=X.dtype), X[:, 5:]], 1)
    assert not bcd(empty, y, Quadratic(), GroupL2(.1, 5), w0=torch.ones(120, dtype=X.dtype)).w[:5].any()
    Y = torch.stack([y, y.flip(0), y + 1], 1)
    ours, slow = bcd(X, Y, MultiTask(), L21(.2)), fista(X, Y, MultiTask(), L21(.2))
    assert abs(ours.history["objective"][-1] - slow.history["objective"][-1]) < 1e-9
    from sklearn.linear_model import MultiTaskLasso
    np.testing.assert_allclose(ours.w.numpy(), MultiTaskLasso(.2, fit_intercept=False, tol=1e-14, max_iter=100000).fit(X.numpy(), Y.numpy()).coef_.T, atol=1e-6)

    @settings(max_examples=15)
    @given(st.integers(1, 8), st.sampled_from([1, 2, 3, 6]), st.sampled_from([0., .5, 1.5]), st.integers(0, 99))
    def edges(n, size, share, seed):
        rng = np.random.default_rng(seed)
        X, y = rng.normal(size=(n, 6)), rng.normal(size=n)
        X[:, 1], X[:, 5] = X[:, 0], 0.                                                                      # a duplicate, an empty column
        X, y = torch.as_tensor(X), torch.as_tensor(y)
        top = GroupL2(1., size).alpha_max(-X.T @ y/n)
        w = bcd(X, y, Quadratic(), GroupL2(share*top, size)).w
        assert GroupL2(share*top, size).subdiff_distance(w, -X.T @ (y - X @ w)/n).max() <= 1e-8
        if share > 1: assert not w.any()
    edges()
    for call, text in [(lambda: bcd(X, y, Quadratic(), L1(.1)), "needs groups"), (lambda: bcd(X, y.sign(), Logistic(), GroupL2(.1, 5)), "needs least squares"), (lambda: bcd(X/0, y, Quadratic(), GroupL2(.1, 5)), "finite")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
