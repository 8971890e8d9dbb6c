"""Generated from nbs/kernels/07_nm_adamw.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_adamw_step():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE, DTYPES, nm_mask, nm_mask_ref
    from sparsebook_kernels.nm_adamw import sr_ste_adamw_, sr_ste_adamw_ref

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0]], device=DEVICE)
    first, second = torch.zeros(1, 4, device=DEVICE), torch.zeros(1, 4, device=DEVICE)
    sr_ste_adamw_(w, first, second, torch.zeros_like(w), nm_mask(w, 2, 4), lr=0.1, count=1, weight_decay=0.0, lam=1.0)
    w      # kept weights stay; Adam's first step has the size lr whatever the decay's, so both pruned ones move by 0.1

    @settings(max_examples=40)
    @given(st.tuples(st.integers(1, 3), st.integers(0, 4), st.sampled_from([1, 7, 16])), st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.booleans(), st.sampled_from([1, 2, 1000]), st.sampled_from([(.9, .999), (0., .95), (.9, 0.)]))
    def one_step(shape, dtype, grad_dtype, each, count, betas):
        w, g, first = (weights(shape, dtype=d, seed=s) for s, d in enumerate((dtype, grad_dtype, torch.float32)))
        second, mask = weights(shape, seed=3).square(), weights(shape, seed=4) > 0
        lr, wd, lam = (weights((shape[0],), seed=s).abs() if each else 0.1*s for s in (4, 5, 6))
        expected = sr_ste_adamw_ref(*(t.double() for t in (w, first, second, g)), mask, lr, count, betas, 1e-6, wd, lam)
        sr_ste_adamw_(w, first, second, g, mask, lr, count, betas, 1e-6, wd, lam)
        tol = {torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 8e-2}[dtype]
        for got, want, t in zip((w, first, second), expected, (tol, 1e-5, 1e-5), strict=True): torch.testing.assert_close(got.double(), want, rtol=t, atol=t)
    one_step()

    for lam, betas, wd in ((0.0, (.9, .999), 1e-2), (0.0, (.8, .95), 0.0), (0.3, (.9, .999), 0.1)):
        target, keep = weights((6, 32), seed=1), nm_mask_ref(weights((6, 32), seed=2), 2, 8)
        p = torch.nn.Parameter(weights((6, 32)))
        opt = torch.optim.AdamW([p], lr=0.02, betas=betas, weight_decay=wd)
        w, first, second = p.detach().clone(), torch.zeros(6, 32, device=DEVICE), torch.zeros(6, 32, device=DEVICE)
        for t in range(30):
            opt.zero_grad()
            ((p*2*(p.detach() - target)).sum() + lam/2*(p*~keep).square().sum()).backward()
            opt.step()
            sr_ste_adamw_(w, first, second, 2*(w - target), keep, 0.02, t + 1, betas, weight_decay=wd, lam=lam)
        torch.testing.assert_close(w, p.detach(), rtol=1e-5, atol=2e-6)
        torch.testing.assert_close((first, second), (opt.state[p]["exp_avg"], opt.state[p]["exp_avg_sq"]), rtol=1e-4, atol=1e-5)

    w, g = weights((4, 3, 8)), weights((4, 3, 8), seed=1)
    first, second, mask = torch.zeros_like(w), torch.zeros_like(w), nm_mask(w, 2, 4)
    lr, wd, lam = (weights((4,), seed=s).abs() for s in (2, 3, 4))
    g[1, 2, 3] = torch.nan
    alone = [t.clone() for t in (w, first, second)]
    sr_ste_adamw_(w, first, second, g, mask, lr, 3, weight_decay=wd, lam=lam)
    for r in range(4): sr_ste_adamw_(*(t[r] for t in alone), g[r], mask[r], float(lr[r]), 3, weight_decay=float(wd[r]), lam=float(lam[r]))
    for a, b in zip((w, first, second), alone, strict=True): torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    assert w.isnan().sum() == first.isnan().sum() == 1 and w[1, 2, 3].isnan()


def test_the_step_and_the_next_forward():
    import torch
    from sparsebook_kernels.nm import sr_ste_forward
    import itertools
    from sparsebook_kernels.nm import DEVICE, DTYPES, nm_mask, nm_mask_ref, sr_ste_forward, sr_ste_forward_ref
    from sparsebook_kernels.nm_adamw import sr_ste_adamw_, sr_ste_adamw_step_

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    for (n, m), dtype, each in itertools.product(((2, 4), (1, 8), (3, 5), (4, 32)), DTYPES, (False, True)):
        shape = (3, 5, 2*m)
        w = weights((4, *shape[1:]), dtype=dtype)[1:]
        g, first, second = weights(shape, dtype, 1), weights((4, *shape[1:]), seed=2)[1:], weights(shape, seed=3).square()
        if not each: w, first = w.mT.contiguous().mT, first.mT.contiguous().mT
        mask = nm_mask_ref(w, n, m)
        lr, lam = (weights((3,), seed=4).abs(), weights((3,), seed=5)) if each else (0.1, 0.2)
        twins = [t.clone() for t in (w, first, second)]
        sr_ste_adamw_(*twins, g, mask, lr, 2, lam=lam)
        out = torch.full(w.shape, torch.nan, dtype=dtype, device=DEVICE), torch.ones(w.shape, dtype=torch.bool, device=DEVICE)      # poisoned
        sparse, new = sr_ste_adamw_step_(w, first, second, g, mask, n, m, lr, 2, lam=lam, out=out)
        for a, b in zip((w, first, second), twins, strict=True): assert torch.equal(a, b) if DEVICE == "cpu" else torch.testing.assert_close(a, b) is None   # a GPU's compiler may fuse otherwise
        assert torch.equal(new, nm_mask_ref(w, n, m)) and torch.equal(sparse, sr_ste_forward_ref(w, n, m)[0])
    empty = weights((0, 8))
    assert sr_ste_adamw_step_(empty, empty.clone(), empty.clone(), empty, empty > 0, 2, 4, 0.1, 1)[0].shape == (0, 8)

    def regression(lam, steps=60):
        x, true = weights((64, 32)), weights((4, 32), seed=1)
        true, w = true*nm_mask_ref(true, 2, 8), weights((4, 32), seed=2)*.1
        first, second = torch.zeros_like(w), torch.zeros_like(w)
        (sparse, mask), losses, flips = sr_ste_forward(w, 2, 8), [], []
        for t in range(steps):
            error = x @ (sparse - true).mT
            losses.append(error.square().mean().item())
            before = mask.clone()
            sparse, mask = sr_ste_adamw_step_(w, first, second, error.mT @ x/len(x), mask, 2, 8, 0.2*(1 - t/steps), t + 1, weight_decay=0.0, lam=lam, out=(sparse, mask))
            flips.append((before ^ mask).sum().item())
        return losses[0], losses[-1], sum(flips[-15:])

    found = {lam: regression(lam) for lam in (0.0, 0.1)}
    assert found[0.1][1] < 1e-2*found[0.1][0] < found[0.0][1] and found[0.1][2] < found[0.0][2]
    for lam, (start, end, flips) in found.items(): print(f"lam {lam}: loss {start:.1f} -> {end:.4f}, {flips} mask bits flipped in the last 15 steps")

    w = weights((4, 8)); mask, zero = nm_mask(w, 2, 4), torch.zeros(4, 8, device=DEVICE)
    for call, error, text in [(lambda: sr_ste_adamw_(w, zero, zero.half(), w, mask, 0.1, 1), TypeError, "the moments must be float32, got torch.float32 and torch.float16"),
                              (lambda: sr_ste_adamw_(w, zero, zero, w, mask, 0.1, 0), ValueError, "count must be >= 1"),
                              (lambda: sr_ste_adamw_(w, zero, zero, w, mask, 0.1, 1, (.9, 1.)), ValueError, "betas must be in 0..1, 1 excluded"),
                              (lambda: sr_ste_adamw_(w, zero[:2], zero, w, mask, 0.1, 1), ValueError, "first must have the shape of w, (4, 8), got (2, 8)"),
                              (lambda: sr_ste_adamw_(w, zero, zero, w, mask, 0.1, 1, lam=float("nan")), ValueError, "lam must be finite, got nan"),
                              (lambda: sr_ste_adamw_step_(w, zero, zero, w, mask, 2, 3, 0.1, 1), ValueError, "a multiple of m=3")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_inside_torch_compile():
    import torch
    from sparsebook_kernels.nm import sr_ste_forward
    from sparsebook_kernels.nm import DEVICE, nm_mask, sr_ste_forward
    from sparsebook_kernels.nm_adamw import sr_ste_adamw_, sr_ste_adamw_step_

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    def training_step(w, first, second, sparse, mask, g, lr, lam, count: int):
        sr_ste_adamw_step_(w, first, second, g*sparse, mask, 2, 8, lr, count, lam=lam, out=(sparse, mask))
        sr_ste_adamw_(w, first, second, g, mask, lr, count + 1, weight_decay=0.0)
        return sparse.sum()

    torch._dynamo.utils.counters.clear()
    compiled = torch.compile(training_step, fullgraph=True, backend="aot_eager")
    now = [weights((3, 5, 16)), *(torch.zeros(3, 5, 16, device=DEVICE) for _ in range(2)), *sr_ste_forward(weights((3, 5, 16)), 2, 8), weights((3, 5, 16), seed=1)]
    then = [t.clone() for t in now]
    for count in range(1, 6):
        for args in ((0.1, 0.2), (torch.tensor([.1, .2, .3], device=DEVICE), 0.2)): torch.testing.assert_close(compiled(*then, *args, count), training_step(*now, *args, count))
    for a, b in zip(then, now, strict=True): torch.testing.assert_close(a, b)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] <= 4

    w, g, mask, second = weights((2, 8)), weights((2, 8), seed=1), nm_mask(weights((2, 8)), 2, 4), weights((2, 8), seed=2).square()
    for outs, n, m in (((None, None), 0, 1), ((torch.empty_like(w), torch.empty_like(mask)), 2, 4)):
        torch.library.opcheck(torch.ops.sparsebook.sr_ste_adamw_.default, (w, g.clone(), second, g, mask, *outs, n, m, 0.1, None, 2, .9, .99, 1e-8, 0.0, weights((2,)).abs(), 0.2, None),
                              test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))


@pytest.mark.slow
def test_compiled_for_hopper_without_a_gpu():
    from sparsebook_kernels.nm import geometry
    from sparsebook_kernels.compiled import resources

    tensors = dict.fromkeys(("p_first", "p_second"), "*fp32") | {"p_mask": "*i8", "p_new": "*i8", "size": "i64"} | dict.fromkeys(("lr", "weight_decay", "lam", "one", "rest_one", "two", "rest_two", "eps", "scale", "root"), "fp32")
    for kind, n, m in (("*bf16", 2, 4), ("*fp32", 2, 4), ("*bf16", 8, 16), ("*fp32", 16, 32), ("*bf16", 16, 32), (None, 0, 1)):
        sizes = geometry(m, 4, False)
        warps = sizes.pop("num_warps")
        outs = {k: v for k, v in tensors.items() if k != "p_new" or n}
        r = resources("nm_adamw:sr_ste_adamw_kernel", outs | dict.fromkeys(("p_w", "p_grad") + (("p_out",) if n else ()), kind or "*fp32"),
                      sizes | dict(N=n, LR_EACH=False, WD_EACH=False, LAM_EACH=False) | ({} if n else {"p_out": None, "p_new": None}), aligned=("size",), num_warps=warps)
        print(f"{kind or '*fp32'} {f'{n}:{m}' if n else 'no forward'}: {r}")
        assert r is None or r["stack"] == 0, (kind, n, m, r)
