"""Generated from nbs/kernels/01_nm_step.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_sgd_step():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE, DTYPES, nm_mask, nm_mask_ref, sr_ste_forward
    from sparsebook_kernels.nm_step import sr_ste_sgd_, sr_ste_sgd_ref, sr_ste_sgd_step_

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    w, buf = torch.tensor([[0.5, -2.0, 0.1, 1.0]], device=DEVICE), torch.zeros(1, 4, device=DEVICE)
    sr_ste_sgd_(w, buf, torch.zeros_like(w), nm_mask(w, 2, 4), lr=0.1, momentum=0.9, weight_decay=0.0, lam=1.0)
    w      # kept weights stay, pruned ones shrink by lr*lam

    @settings(max_examples=40)
    @given(st.tuples(st.integers(1, 3), st.integers(0, 4), st.sampled_from([1, 7, 16])), st.sampled_from(DTYPES), st.booleans(), st.booleans(), st.sampled_from([0.0, 0.9]))
    def one_step(shape, dtype, each, nesterov, momentum):
        w, buf, g = (weights(shape, dtype=dtype, seed=s) for s in range(3))
        mask = weights(shape, seed=3) > 0
        lr, wd, lam = (weights((shape[0],), seed=s).abs() if each else 0.1*s for s in (4, 5, 6))
        expected = sr_ste_sgd_ref(*(t.double() for t in (w, buf, g)), mask, lr, momentum, wd, lam, nesterov)
        sr_ste_sgd_(w, buf, g, mask, lr, momentum, wd, lam, nesterov)
        tol = {torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 8e-2}[dtype]
        for got, want in zip((w, buf), expected, strict=True): torch.testing.assert_close(got.double(), want, rtol=tol, atol=tol)
    one_step()

    for nesterov in (False, True):
        target, lam = weights((6, 32), seed=1), 0.3
        p = torch.nn.Parameter(weights((6, 32)))
        opt = torch.optim.SGD([p], lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=nesterov)
        w, buf = p.detach().clone(), torch.zeros(6, 32, device=DEVICE)
        sparse, mask = sr_ste_forward(w, 2, 8)
        for _ in range(10):
            keep = nm_mask_ref(p, 2, 8)
            g = 2*(p.detach()*keep - target)
            opt.zero_grad()
            ((p*g).sum() + lam/2*(p*~keep).square().sum()).backward()
            opt.step()
            sparse, mask = sr_ste_sgd_step_(w, buf, 2*(sparse - target), mask, 2, 8, 0.05, 0.9, 0.01, lam, nesterov, out=(sparse, mask))
        torch.testing.assert_close(w, p.detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(buf, opt.state[p]["momentum_buffer"], rtol=1e-5, atol=1e-5)
        assert torch.equal(mask, nm_mask_ref(w, 2, 8)) and torch.equal(sparse, w*mask)


def test_the_step_and_the_next_forward():
    import torch
    import itertools
    from sparsebook_kernels.nm import DEVICE, DTYPES, nm_mask, nm_mask_ref, sr_ste_forward_ref
    from sparsebook_kernels.nm_step import sr_ste_sgd_, sr_ste_sgd_step_

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    for (n, m), dtype, each in itertools.product(((2, 4), (1, 8), (3, 5), (8, 16), (4, 32)), DTYPES, (False, True)):
        shape = (3, 5, 2*m)
        w, buf, g = (weights((4, *shape[1:]), dtype=dtype, seed=s)[1:] for s in range(3))
        if not each: w = w.mT.contiguous().mT
        mask = nm_mask_ref(w, n, m)
        lr, lam = (weights((3,), seed=4).abs(), weights((3,), seed=5)) if each else (0.1, 0.2)
        twin_w, twin_buf = w.clone(), buf.clone()
        sr_ste_sgd_(twin_w, twin_buf, g, mask, lr, 0.9, 0.01, lam)
        out = torch.full(w.shape, torch.nan, dtype=dtype, device=DEVICE), torch.ones(w.shape, dtype=torch.bool, device=DEVICE)      # poisoned
        sparse, new = sr_ste_sgd_step_(w, buf, g, mask, n, m, lr, 0.9, 0.01, lam, out=out)
        assert torch.equal(w, twin_w) and torch.equal(buf, twin_buf)
        assert torch.equal(new, nm_mask_ref(w, n, m)) and torch.equal(sparse, sr_ste_forward_ref(w, n, m)[0])
    big, half = torch.full((1, 4), 6e4, dtype=torch.float16, device=DEVICE), torch.zeros(1, 4, dtype=torch.float16, device=DEVICE)
    sr_ste_sgd_(big, half, -big, half == 0, 1.0, 0.0, 0.0, 0.0)
    assert big.isinf().all()                                   # float16 overflows to infinity, as in torch
    sr_ste_sgd_(big[:0], None, big[:0], half[:0] == 0, 1.0, 0.0, 0.0, 0.0)

    w = weights((4, 8)); mask = nm_mask(w, 2, 4)
    for call, error, text in [(lambda: sr_ste_sgd_(w, None, w, mask, 0.1, 0.9, 0.0, 0.0), ValueError, "momentum 0.9 needs a buffer"),
                              (lambda: sr_ste_sgd_(w, w[:2], w, mask, 0.1, 0.9, 0.0, 0.0), ValueError, "buf must have the shape of w, (4, 8), got (2, 8)"),
                              (lambda: sr_ste_sgd_(w, w, w, mask, 0.1, 0.9, 0.0, float("nan")), ValueError, "lam must be finite, got nan"),
                              (lambda: sr_ste_sgd_(w, w, w, mask.int(), 0.1, 0.9, 0.0, 0.0), TypeError, "mask must be bool, got torch.int32"),
                              (lambda: sr_ste_sgd_step_(w, None, w, mask, 2, 3, 0.1, 0.0, 0.0, 0.0), ValueError, "a multiple of m=3")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_inside_torch_compile():
    import torch
    from sparsebook_kernels.nm import DEVICE, nm_mask, sr_ste_forward
    from sparsebook_kernels.nm_step import sr_ste_sgd_, sr_ste_sgd_step_

    def weights(shape, dtype=torch.float32, seed=0):
        return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    def training_step(w, buf, sparse, mask, x, lr, lam):
        g = x.mT @ (x @ sparse.mT - 1)                          # of |x sparse^T - 1|^2 / 2, transposed
        sr_ste_sgd_step_(w, buf, g.mT, mask, 2, 8, lr, 0.9, 0.01, lam, out=(sparse, mask))
        sr_ste_sgd_(w[:1], None, w[:1], mask[:1], lr if isinstance(lr, float) else lr[:1], 0.0, 0.0, 0.0)
        return sr_ste_sgd_step_(w, buf, g.mT, mask, 1, 4, lr, 0.9, 0.01, lam, True)

    compiled = torch.compile(training_step, fullgraph=True, backend="aot_eager")
    for lr, lam in ((0.1, 0.2), (weights((3,), seed=4).abs(), weights((3,), seed=5)), (0.1, torch.tensor(0.2, device=DEVICE))):
        now = [weights((3, 5, 16)), torch.zeros(3, 5, 16, device=DEVICE), *sr_ste_forward(weights((3, 5, 16)), 2, 8), weights((3, 7, 16), seed=1)]
        then = [t.clone() for t in now]
        got, want = compiled(*then, lr, lam), training_step(*now, lr, lam)
        for a, b in zip([*then, *got], [*now, *want], strict=True): torch.testing.assert_close(a, b)

    w, buf, g, mask = weights((2, 8)), weights((2, 8), seed=1), weights((2, 8), seed=2), nm_mask(weights((2, 8)), 2, 4)
    step = torch.ops.sparsebook.sr_ste_sgd_.default
    each = weights((2,), seed=3).abs()
    for args in ((w, buf, g, mask, None, None, 0, 1, 0.1, None, 0.9, 0.0, each, 0.2, None, False), (w, None, g, mask, torch.empty_like(w), torch.empty_like(mask), 2, 4, 0.0, each, 0.0, 0.0, None, 0.2, None, False)):
        torch.library.opcheck(step, args, test_utils=("test_schema", "test_faketensor", "test_autograd_registration"))
