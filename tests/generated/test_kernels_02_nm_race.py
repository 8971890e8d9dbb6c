"""Generated from nbs/kernels/02_nm_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_peers_of_the_mask():
    import torch
    from sparsebook_kernels import nm
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_race import pairs_mask, same_magnitudes, sort_mask, topk_mask

    w = torch.randn(16, 64, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    {f.__name__: [same_magnitudes(f(w, n, m), w, n, m) for n, m in ((2, 4), (1, 8), (8, 16))] for f in (sort_mask, topk_mask, pairs_mask)}

    ties = (w*2).round()
    for n, m in ((2, 4), (1, 8), (8, 16), (4, 4)):
        for f in (sort_mask, topk_mask, pairs_mask, nm.nm_mask): assert same_magnitudes(f(ties, n, m), ties, n, m), (f, n, m)
        assert torch.equal(pairs_mask(ties, n, m), nm.nm_mask_ref(ties, n, m))
    assert not same_magnitudes(~nm.nm_mask(w, 2, 4), w, 2, 4)
    assert not same_magnitudes(nm.nm_mask(w, 1, 4), w, 2, 4)


def test_the_tasks():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_race import BENCH, forward_task, grad_task, mask_task, step_task

    print(f"{'task':<32} {'shape':<16} {'dtype':<9} MB to move")
    for t in BENCH: print(f"{t['kernel']:<32} {t['shape']:<16} {t['dtype']:<9} {t['bytes']/1e6:.0f}")

    shape = (8, 64)
    for t in (mask_task(shape, torch.float32, 2, 4), grad_task(shape, torch.float32, 1, 8), forward_task(shape, torch.float32, 2, 4), step_task(shape, torch.float32, 2, 4, False), step_task(shape, torch.float32, 2, 4, True)):
        for name, build in t["providers"].items():
            if "compile" in name or "tile" in name: continue
            inputs = t["make"](DEVICE)
            extra = ([x.clone() for x in inputs],) if t.get("in_place") else ()
            out = build()(*inputs)
            assert t["check"](out, *inputs, *extra), (t["kernel"], name)
            try: wrong = t["check"](~out if isinstance(out, torch.Tensor) else tuple(torch.zeros_like(x) for x in out), *inputs, *extra)
            except AssertionError: wrong = False
            assert not wrong, (t["kernel"], name)
