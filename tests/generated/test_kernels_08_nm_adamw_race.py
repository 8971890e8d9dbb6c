"""Generated from nbs/kernels/08_nm_adamw_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_tasks():
    import torch
    from sparsebook_kernels.nm_adamw_race import BENCH, adamw_task

    for t in BENCH: print(f"{t['kernel']:<26}{t['shape']:<14}{t['dtype']:<9}{t['bytes']/1e6:>7.0f} MB  {', '.join(t['providers'])}")

    from sparsebook_kernels.nm import DEVICE

    for dtype, forward in ((torch.float32, True), (torch.float32, False), (torch.bfloat16, True)):
        task = adamw_task((4, 6, 32), dtype, 2, 8, forward)
        for name, provider in task["providers"].items():
            if "compile" in name: continue
            sets = task["make"](DEVICE)
            before = [t.clone() for t in sets]
            assert task["check"](provider()(*sets), *sets, before), (name, dtype)
    sets = task["make"](DEVICE)
    before = [t.clone() for t in sets]
    out = task["providers"]["sparsebook"]()(*sets)
    try: task["check"]((out[0] + .1, *out[1:]), *sets, before)                  # a wrong result is found
    except AssertionError: pass
    else: raise AssertionError("a wrong weight must not pass")
