"""Generated from nbs/kernels/00_nm.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_definition():
    import math
    import torch
    import itertools
    from sparsebook_kernels.nm import DEVICE, nm_mask_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `flat` is all equal; `wild` has inf and NaN."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'wild':
            w = w.where(torch.rand(shape, generator=rng) < 0.7, torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0])[torch.randint(4, shape, generator=rng)])
        return w.to(DEVICE, dtype)
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0, 1.0, -1.0, 1.0, 1.0, 0.0, -0.0, torch.nan, 3.0]])
    nm_mask_ref(w, 2, 4).int()

    w = weights((40, 8), "ties")
    for n in range(5):
        for row, keep in zip(w.view(-1, 4).tolist(), nm_mask_ref(w, n, 4).view(-1, 4).tolist(), strict=True):
            best = sorted(range(4), key=lambda i: (-abs(row[i]), i))[:n]       # a stable sort
            assert keep == [i in best for i in range(4)]
            assert math.isclose(sum(x*x for x, k in zip(row, keep, strict=True) if k), max((sum(row[i]**2 for i in s) for s in itertools.combinations(range(4), n)), default=0))


def test_the_n_th_largest_of_a_group_in_registers():
    import itertools

    def operations(n, m):
        "Minima and maxima that lead to the n-th largest of m, counted on symbols."
        need, made = set(), {}
        def op(*args): made[len(made)] = args; return (len(made) - 1,)
        def merge(a, b):
            if len(a) == 1: return [op(a[0], b[0]), op(a[0], b[0])]
            e, o = merge(a[::2], b[::2]), merge(a[1::2], b[1::2])
            return [e[0], *itertools.chain(*[(op(x, y), op(x, y)) for x, y in zip(o, e[1:], strict=False)]), o[-1]]
        def order(c): return c if len(c) == 1 else merge(order(c[:len(c)//2]), order(c[len(c)//2:]))
        h = m//2
        a, b = order([("in", i) for i in range(h)]), order([("in", i) for i in range(h, m)])
        terms = [[s[k - 1] for s, k in ((a, i), (b, n - i)) if k] for i in range(max(0, n - h), min(n, h) + 1)]
        todo = [x for t in terms for x in t]
        while todo:
            x = todo.pop()
            if x[0] != "in" and x not in need: need.add(x); todo += made[x[0]]
        return len(need) + sum(len(t) - 1 for t in terms) + len(terms) - 1

    patterns = [(2, 4), (1, 4), (4, 8), (2, 8), (1, 8), (8, 16), (1, 16), (16, 32), (4, 32), (1, 32)]
    print("n:m    network  ranks by pairs (operations a weight)")
    for n, m in patterns: print(f"{f'{n}:{m}':<6} {operations(n, m)/m:<8.2f} {3*(m - 1)/2:.1f}")

    assert operations(1, 32) == 31 and operations(1, 4) == 3 and operations(2, 4) <= 7      # n = 1: a tree of maxima
    assert all(operations(n, m)/m < 10 for n, m in patterns)


def test_the_mask():
    import torch
    import itertools
    import os
    import subprocess
    import sys
    import textwrap
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE, DTYPES, nm_mask, nm_mask_ref, supported

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `flat` is all equal; `wild` has inf and NaN."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'wild':
            w = w.where(torch.rand(shape, generator=rng) < 0.7, torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0])[torch.randint(4, shape, generator=rng)])
        return w.to(DEVICE, dtype)
    class Poisoned:
        """While active, `torch.empty` and `torch.empty_like` hand out NaN (or True), so that an entry never written shows."""

        def __enter__(self):
            self.kept = (torch.empty, torch.empty_like)

            def spoil(make):

                def made(*a, **k):
                    t = make(*a, **k)
                    return t.fill_(torch.nan if t.is_floating_point() else 1)
                return made
            torch.empty, torch.empty_like = (spoil(f) for f in self.kept)

        def __exit__(self, *_):
            torch.empty, torch.empty_like = self.kept
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0, 1.0, -1.0, 1.0, 1.0, 0.0, -0.0, torch.nan, 3.0]], device=DEVICE)
    nm_mask(w, 2, 4).int()

    for m in range(1, 9):
        bits = torch.tensor(list(itertools.product([0.0, 1.0], repeat=m)), device=DEVICE)
        for n, dtype in itertools.product(range(m + 1), (torch.float32, torch.float16) if m in (4, 8) else (torch.float32,)): assert torch.equal(nm_mask(bits.to(dtype), n, m), nm_mask_ref(bits, n, m)), (n, m, dtype)

    pattern = st.integers(1, 32).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m)))

    @settings(max_examples=20)
    @given(pattern, st.integers(0, 7), st.integers(0, 5), st.sampled_from(["normal", "ties", "flat", "wild"]), st.sampled_from(DTYPES), st.integers(0, 99))
    def agrees(nm, rows, groups, kind, dtype, seed):
        n, m = nm
        w = weights((rows, groups*m), kind, dtype, seed)
        with Poisoned(): keep = nm_mask(w, n, m)
        assert torch.equal(keep, nm_mask_ref(w, n, m)) and keep.dtype == torch.bool
        assert keep.sum().item() == rows*groups*n
    agrees()

    for dtype in (torch.float32, torch.bfloat16):
        base = weights((33, 96), "ties", dtype)
        for view in (base.mT[:, :32], base[1:], base[:, 32:64], base.flatten()[3:3 + 96], base[::2, ::3], base[:0], base[:, :0], base[0], base.view(3, 11, 96).transpose(0, 1), base[:1, :8].expand(5, 8)):
            for n, m in ((2, 4), (3, 8), (16, 32)):
                if view.shape[-1] % m == 0: assert torch.equal(nm_mask(view, n, m), nm_mask_ref(view, n, m)), (view.shape, n, m)
        w = base.clone()
        nm_mask(w, 2, 4)
        assert torch.equal(w, base)                                                    # the weights are left alone

    w = weights((4, 8))
    for call, error, text in [(lambda: nm_mask(w, 5, 4), ValueError, "n must be in 0..m=4, got 5"), (lambda: nm_mask(w, 1, 64), ValueError, "m must be in 1..32, got 64"),
                              (lambda: nm_mask(w, 2, 3), ValueError, "must be a multiple of m=3, got shape (4, 8)"), (lambda: nm_mask(w.double(), 2, 4), TypeError, "got torch.float64")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    assert supported(w, 2, 4) and not any([supported(w, 5, 4), supported(w, 2, 3), supported(w.double(), 2, 4), supported(w.new_zeros(2, 64), 1, 64), supported(w.new_zeros(()), 1, 1)])

    code = textwrap.dedent("""
    import torch
    from sparsebook_kernels.nm import nm_mask, supported
    assert not supported(torch.ones(4, 4), 2, 4)
    try: nm_mask(torch.ones(4, 4), 2, 4)
    except RuntimeError as e: print(e)
    """)
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"TRITON_INTERPRET": "0"}, capture_output=True, text=True)
    assert "need a CUDA device, got a tensor on cpu" in done.stdout, done.stderr
    done.stdout


def test_the_forward():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE, DTYPES, sr_ste_forward, sr_ste_forward_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `flat` is all equal; `wild` has inf and NaN."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'wild':
            w = w.where(torch.rand(shape, generator=rng) < 0.7, torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0])[torch.randint(4, shape, generator=rng)])
        return w.to(DEVICE, dtype)
    class Poisoned:
        """While active, `torch.empty` and `torch.empty_like` hand out NaN (or True), so that an entry never written shows."""

        def __enter__(self):
            self.kept = (torch.empty, torch.empty_like)

            def spoil(make):

                def made(*a, **k):
                    t = make(*a, **k)
                    return t.fill_(torch.nan if t.is_floating_point() else 1)
                return made
            torch.empty, torch.empty_like = (spoil(f) for f in self.kept)

        def __exit__(self, *_):
            torch.empty, torch.empty_like = self.kept
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0], [3.0, 3.0, -3.0, 0.0]], device=DEVICE)
    sr_ste_forward(w, 2, 4)[0]

    @settings(max_examples=20)
    @given(st.integers(1, 32).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), st.integers(0, 5), st.integers(0, 4), st.sampled_from(["normal", "ties", "wild"]), st.sampled_from(DTYPES), st.booleans())
    def agrees(nm, rows, groups, kind, dtype, want):
        n, m = nm
        w = weights((rows, groups*m), kind, dtype)
        with Poisoned(): out, keep = sr_ste_forward(w, n, m, want)
        expected, mask = sr_ste_forward_ref(w, n, m)
        torch.testing.assert_close(out, expected, rtol=0, atol=0, equal_nan=True)
        assert torch.equal(keep, mask) if want else keep is None
    agrees()
    w = weights((6, 64)).mT.contiguous().mT
    assert torch.equal(sr_ste_forward(w, 2, 4)[0], sr_ste_forward_ref(w, 2, 4)[0])


def test_the_gradient():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE, DTYPES, sr_ste_forward, sr_ste_forward_grad, sr_ste_forward_ref, sr_ste_grad, sr_ste_grad_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `flat` is all equal; `wild` has inf and NaN."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'wild':
            w = w.where(torch.rand(shape, generator=rng) < 0.7, torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0])[torch.randint(4, shape, generator=rng)])
        return w.to(DEVICE, dtype)
    class Poisoned:
        """While active, `torch.empty` and `torch.empty_like` hand out NaN (or True), so that an entry never written shows."""

        def __enter__(self):
            self.kept = (torch.empty, torch.empty_like)

            def spoil(make):

                def made(*a, **k):
                    t = make(*a, **k)
                    return t.fill_(torch.nan if t.is_floating_point() else 1)
                return made
            torch.empty, torch.empty_like = (spoil(f) for f in self.kept)

        def __exit__(self, *_):
            torch.empty, torch.empty_like = self.kept
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0]], device=DEVICE)
    sr_ste_grad(w, torch.zeros_like(w), 2, 4, lam=0.1)      # the decay alone: only the pruned ones shrink

    @settings(max_examples=12)
    @given(st.integers(1, 32).flatmap(lambda m: st.tuples(st.integers(0, m), st.just(m))), st.integers(1, 2), st.integers(0, 3), st.sampled_from(["normal", "ties"]), st.sampled_from(DTYPES), st.booleans())
    def agrees(nm, rows, groups, kind, dtype, each):
        n, m = nm
        w, g = weights((rows, 3, groups*m), kind, dtype), weights((rows, 3, groups*m), dtype=dtype, seed=1)
        lam = weights((rows,), seed=2) if each else -0.3
        with Poisoned(): out, dw = sr_ste_forward_grad(w, g, n, m, lam)
        tol = dict(rtol=0, atol={torch.float32: 1e-6, torch.float16: 4e-3, torch.bfloat16: 4e-2}[dtype])      # one rounding of the result
        torch.testing.assert_close(dw, sr_ste_grad_ref(w, g, n, m, lam), **tol)
        assert torch.equal(out, sr_ste_forward_ref(w, n, m)[0]) and torch.equal(dw, sr_ste_grad(w, g, n, m, lam))
    agrees()

    w = weights((8, 32)).requires_grad_()
    target, lam = weights((8, 32), seed=3), 0.2
    sparse, mask = sr_ste_forward(w, 1, 8)
    g = 2*(sparse - target)                                                  # of |sparse - target|^2
    surrogate = (w*g).sum() + lam/2*(w*~mask).square().sum()
    torch.testing.assert_close(sr_ste_grad(w, g, 1, 8, lam), *torch.autograd.grad(surrogate, w))
    try: sr_ste_grad(w, g, 1, 8, torch.ones(3))
    except ValueError as e: assert "one value a replica, shape (8,), got (3,)" in str(e); print(e)


def test_inside_torch_compile():
    import torch
    from sparsebook_kernels.nm import DEVICE, nm_mask, nm_mask_ref, sr_ste_forward, sr_ste_forward_grad, sr_ste_grad_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `flat` is all equal; `wild` has inf and NaN."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'wild':
            w = w.where(torch.rand(shape, generator=rng) < 0.7, torch.tensor([torch.inf, -torch.inf, torch.nan, 0.0])[torch.randint(4, shape, generator=rng)])
        return w.to(DEVICE, dtype)
    w = torch.tensor([[0.5, -2.0, 0.1, 1.0]], device=DEVICE, requires_grad=True)
    out, _ = sr_ste_forward(w, 2, 4, lam=0.1)
    out.sum().backward()
    w.grad      # 1 everywhere, and 0.1 w more where w is pruned

    lams = torch.tensor([0.1, 0.2, -0.3], device=DEVICE)      # one a replica
    def layer(w, x, lam):
        sparse, mask = sr_ste_forward(w, 2, 8, lam=lam)
        return (x @ sparse.mT).square().sum() + nm_mask(w, 1, 4).sum() + mask.sum(), sr_ste_forward_grad(w, w, 3, 8, 0.5)

    for shape, lam in (((4, 16), 0.2), ((3, 2, 16), lams), ((3, 2, 16), lams[0])):
        w, x = weights(shape).requires_grad_(), weights((*shape[:-2], 5, 16), seed=1)
        loss, pair = layer(w, x, lam)
        loss.backward()
        keep = nm_mask_ref(w, 2, 8)
        leaf = (w.detach()*keep).requires_grad_()
        (x @ leaf.mT).square().sum().backward()
        torch.testing.assert_close(w.grad, sr_ste_grad_ref(w, leaf.grad, 2, 8, lam))
        again = w.detach().clone().requires_grad_()
        loss_c, pair_c = torch.compile(layer, fullgraph=True, backend="aot_eager")(again, x, lam)                # fullgraph: a break would raise
        loss_c.backward()
        torch.testing.assert_close((loss_c, *pair_c, again.grad), (loss, *pair, w.grad))
    assert not sr_ste_forward(w, 2, 8)[0].requires_grad and not sr_ste_forward(w.detach(), 2, 8, lam=0.1)[0].requires_grad

    w, g = weights((3, 2, 16)), weights((3, 2, 16), seed=1)
    checks = "test_schema", "test_faketensor", "test_autograd_registration"
    torch.library.opcheck(torch.ops.sparsebook.nm_mask.default, (w, 2, 4), test_utils=checks)
    torch.library.opcheck(torch.ops.sparsebook.sr_ste_grad.default, (w, g, 2, 4, 0.0, lams), test_utils=checks)
    for want in (True, False): torch.library.opcheck(torch.ops.sparsebook.sr_ste_forward.default, (w.clone().requires_grad_(), 2, 4, want, 0.1, None))


def test_compiled_for_hopper_without_a_gpu():
    import triton
    import json
    import os
    import subprocess
    import sys
    import tempfile
    import textwrap
    from pathlib import Path

    code = textwrap.dedent("""
    import json, re, subprocess, sys, triton
    from pathlib import Path
    from triton.compiler import ASTSource
    from triton.backends.compiler import GPUTarget
    from sparsebook_kernels.nm import geometry, nm_fwd_kernel as kernel

    tools = Path(triton.__file__).parent/"backends"/"nvidia"/"bin"
    for n, m, item, outs in json.loads(sys.argv[1]):
        sizes = geometry(m, item, outs == ["p_mask"])
        warps, kind = sizes.pop("num_warps"), {2: "*bf16", 4: "*fp32"}[item]
        types = {"p_w": kind, "size": "i64", "lam": "fp32"} | {p: "*i8" if p == "p_mask" else kind for p in outs} | ({"p_grad": kind} if "p_dw" in outs else {})
        values, names = sizes | {"N": n, "LAM_EACH": False}, kernel.arg_names
        source = ASTSource(kernel, {k: types.get(k, "constexpr") for k in names}, {(i,): values.get(k) for i, k in enumerate(names) if k not in types},
                           {(i,): [["tt.divisibility", 16]] for i, k in enumerate(names) if k == "size" or k in types and k != "lam"})
        path = Path(sys.argv[2])/"kernel.cubin"
        path.write_bytes(triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps}).asm["cubin"])
        usage = subprocess.run([tools/"cuobjdump", "--dump-resource-usage", path], capture_output=True, text=True, check=True).stdout
        sass = subprocess.run([tools/"nvdisasm", "-c", path], capture_output=True, text=True, check=True).stdout
        print(json.dumps({k.lower(): int(re.search(k + r":(\\d+)", usage)[1]) for k in ("REG", "STACK", "SHARED", "LOCAL")}
                         | {"memory": sorted(set(re.findall(r"\\b(?:LD|ST)[GSL]M?[.\\w]*|\\bSHFL[.\\w]*", sass))), "case": f"{n}:{m}, {item} bytes, {'+'.join(outs)}"}))
    """)

    def compiled(cases):
        "Resources of each (n, m, bytes a weight, outputs), or nothing where the tools are missing."
        if not (Path(triton.__file__).parent/"backends"/"nvidia"/"bin"/"cuobjdump").exists(): print("skipped: this triton ships no cuobjdump"); return []
        with tempfile.TemporaryDirectory() as tmp:
            env = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": tmp}
            done = subprocess.run([sys.executable, "-c", code, json.dumps(cases), tmp], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    found = compiled([(2, 4, 2, ["p_mask"]), (16, 32, 2, ["p_mask"]), (8, 16, 4, ["p_out", "p_dw"])])
    for row in found: print(f"{row['case']:<30} {row['reg']:>4} registers, {', '.join(row['memory'])}")

    for row in found:
        assert row["stack"] == row["local"] == row["shared"] == 0 and row["reg"] <= 128, row
        assert all(x.startswith(("LDG.E.128", "STG.E")) for x in row["memory"]) and "STG.E.128" in row["memory"], row
