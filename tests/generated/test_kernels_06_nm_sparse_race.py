"""Generated from nbs/kernels/06_nm_sparse_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_tasks():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_sparse_race import BENCH, pack_task, transposable_task

    for t in BENCH: print(f"{t['kernel']:<24} {t['shape']:<12} {t['dtype']:<9} {t['bytes']/1e6:.0f} MB to move")

    for t in (transposable_task((64, 64), torch.float32), pack_task((64, 64), torch.bfloat16)):
        inputs = t["make"](DEVICE)
        for name, build in t["providers"].items():
            if "compile" in name or "torch" in name: continue
            assert t["check"](build()(*inputs), *inputs), (t["kernel"], name)
        wrong = t["providers"]["sparsebook"]()(*inputs)
        assert not t["check"](~wrong if isinstance(wrong, torch.Tensor) else (wrong[0] + 1, wrong[1]), *inputs)
