"""Generated from nbs/shared_lib/18_kernel.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_decision():
    import os
    import torch
    import subprocess
    import sys
    import textwrap
    import time
    from sparsebook.kernel import kernel, using

    w = torch.randn(4, 8)
    kernel("nm", w)      # a tensor on the CPU: the plain path

    w = torch.randn(4, 8)
    with using("off"): assert kernel("nm", w) is None and kernel("nm") is None
    assert kernel("nm", w) is None
    took = min((lambda t: [kernel("nm", w) for _ in range(2000)] and (time.perf_counter() - t)/2000)(time.perf_counter()) for _ in range(5))
    assert took < 1e-5
    for mode, error, text in [("fast", ValueError, "mode must be one of"), *([] if os.environ.get("TRITON_INTERPRET") == "1" else [("interpret", RuntimeError, "TRITON_INTERPRET=1")])]:
        try:
            with using(mode): pass
        except error as e: assert text in str(e); print(type(e).__name__)
        else: raise AssertionError(mode)

    code = textwrap.dedent("""
    import sys, warnings
    sys.modules["triton"] = None                                     # as if it were not installed
    from sparsebook import kernel
    kernel._STATE["mode"] = "interpret" if sys.argv[1] == "force" else kernel._STATE["mode"]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = [kernel.kernel(name) for name in ("nm", "nm_step", "multi_prox", "nm")]
    print(found.count(None), len(heard), kernel._STATE["mode"])
    """)
    def fresh(arg, **env): return subprocess.run([sys.executable, "-c", code, arg], env=os.environ | env, capture_output=True, text=True, check=True).stdout.split()
    assert fresh("force") == ["4", "1", "interpret"]                  # four calls, one warning
    assert fresh("leave", SPARSEBOOK_KERNELS="0") == ["4", "0", "off"]


def test_both_paths_give_one_result():
    import torch
    import sparsebook.kernel as library
    from sparsebook.estimator import sr_ste_sgd_
    from sparsebook.mask import nm_mask

    def interpreted():
        """Whether Triton decorated its kernels for the interpreter; without Triton there are none."""
        try:
            from sparsebook_kernels.nm import INTERPRETED
        except ImportError:
            return False
        return INTERPRETED
    def both(f, *args):
        "The result of the plain path, and the kernels', if they can run here."
        def run(): return f(*(a.clone() if isinstance(a, torch.Tensor) else a for a in args))
        with library.using("off"): plain = run()
        with library.using("interpret" if interpreted() else "auto"): return plain, run()

    rng = torch.Generator().manual_seed(0)
    device = "cuda" if torch.cuda.is_available() and not interpreted() else "cpu"
    w = torch.randn(3, 4, 32, generator=rng).to(device)
    for n, m, dim in ((2, 4, -1), (1, 8, -1), (3, 4, 1), (8, 16, 2)):
        plain, ours = both(nm_mask, w, n, m, dim)
        assert torch.equal(plain, ours) and ours.is_contiguous()
    ties = torch.randint(-1, 2, (5, 16), generator=rng).to(device, torch.float32)
    assert torch.equal(*both(nm_mask, ties, 2, 4))
    assert torch.equal(*both(nm_mask, w.double(), 2, 4))               # no kernel takes float64: the plain path, without a word

    def step(w, buf, g):
        r = torch.arange(1., 4., device=w.device)
        sr_ste_sgd_(w, buf, g, nm_mask(w, 2, 4), r*.1, .9, r*.01, r*.3)
        return w, buf
    for a, b in zip(*both(step, w, torch.zeros_like(w), w + 1), strict=True): torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    "kernels in the interpreter" if interpreted() else "kernels on CUDA" if device == "cuda" else "plain path only: set TRITON_INTERPRET=1 to see both"

    if interpreted():                                                    # the kernel is really called: its module is asked
        from sparsebook_kernels import nm
        called, real = [], nm.nm_mask
        nm.nm_mask = lambda *a: called.append(1) or real(*a)
        try:
            x = torch.ones(2, 8)
            nm_mask(x, 2, 4)
            with library.using("interpret"): nm_mask(x, 2, 4)
        finally: nm.nm_mask = real
        assert len(called) == 1
