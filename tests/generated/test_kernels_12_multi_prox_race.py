"""Generated from nbs/kernels/12_multi_prox_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_tasks():
    import torch
    from sparsebook_kernels.multi_prox import shrink_ref
    from sparsebook_kernels.multi_prox_race import BENCH, SHAPES, eager, prox_task

    [t["shape"] for t in BENCH][:1]

    assert len(SHAPES) == 144 and abs(BENCH[0]["bytes"]/8/1e6 - 151) < 5
    x = torch.randn(400, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)*.3
    for kind in ("soft", "mcp", "l_half", "l_two_thirds", "group"):                  # the peers compute the same thing, and the check can fail
        torch.testing.assert_close(eager(kind, x, .01), shrink_ref(x, kind, .01), atol=1e-9, rtol=1e-7)
    task = prox_task("soft")
    same = [x.float()]*144
    assert task["check"](None, *[shrink_ref(t, "soft", 1e-2) for t in same], same) and not task["check"](None, *same, same)
