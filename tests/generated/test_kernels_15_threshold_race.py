"""Generated from nbs/kernels/15_threshold_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_tasks():
    import math
    import torch
    from sparsebook_kernels.column_prox import shrink_columns_ref
    from sparsebook_kernels.threshold import k_support
    from sparsebook_kernels.threshold_race import BENCH, column_task, k_support_task, keep_task, kth_task, l1_task

    [(t["kernel"], t["shape"]) for t in BENCH][::2]

    x = torch.randn(500, generator=torch.Generator().manual_seed(0))
    for task in (kth_task(500), keep_task(500), l1_task(500)):   # the peers compute the same thing, and the check can fail
        for name, make in task["providers"].items():
            if name != "sparsebook": assert task["check"](make()(x), x), (task["kernel"], name)
        assert not task["check"](2*x, x)
    task = k_support_task(500)
    assert task["check"](k_support(x, .5*math.sqrt(200), 50), x) and not task["check"](x, x)
    task = column_task()
    small = [torch.randn(6, 5, generator=torch.Generator().manual_seed(1)) for _ in range(120)]
    assert task["check"](None, *[shrink_columns_ref(t, 1e-2) for t in small], small) and not task["check"](None, *[2*t for t in small], small)
