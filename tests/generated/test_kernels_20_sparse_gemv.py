"""Generated from nbs/kernels/20_sparse_gemv.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_which_inputs_count():
    import torch
    from sparsebook_kernels.sparse_gemv import keep

    x = torch.tensor([[3., -1., 1., 0., -2.]])
    keep(x, threshold=2.).int(), keep(x, k=3).int(), keep(x, torch.tensor([1., 9., 1., 1., 1.]), k=2).int()

    assert keep(x, threshold=2.).tolist() == [[True, False, False, False, True]]
    assert keep(x, k=3).tolist() == [[True, True, False, False, True]]             # |-1| = |1|: the lower index
    assert keep(torch.tensor([[torch.nan, 5., 1.]]), threshold=2.).tolist() == [[True, True, False]]
    assert keep(x, k=0).sum() == 0 and keep(x, k=5).all()


def test_the_k_th_largest_without_a_sort():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.sparse_gemv import keep, kth_largest

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    kth_largest(torch.tensor([[3., -1., 1., 0., -2.]], device=DEVICE), 3)

    @settings(max_examples=40)
    @given(st.integers(1, 70), st.integers(1, 3), st.sampled_from([1, 2, 5, 1000]), st.booleans(), st.data())
    def exact(K, B, values, scaled, data):
        k = data.draw(st.integers(1, K))
        x = (torch.randint(-values, values + 1, (B, K), generator=torch.Generator().manual_seed(K))/values*10.**torch.arange(B)[:, None]).to(DEVICE)
        norms = normal(2, K, seed=1).abs() if scaled else None
        thr, cut = kth_largest(x, k, norms)
        for s in range(len(thr)):
            scores, o_k = x.abs()*(norms[s] if scaled else 1), torch.arange(K, device=DEVICE)
            ours = (scores > thr[s][:, None]) | (scores == thr[s][:, None]) & (o_k <= cut[s][:, None])
            assert torch.equal(ours, keep(x, norms[s] if scaled else None, k=k))
    exact()
    try: kth_largest(normal(1, 8), 9)
    except ValueError as e: assert "k must be in 1..K=8" in str(e); print(e)
    else: raise AssertionError


def test_weights_that_can_be_read_by_column():
    import torch
    from sparsebook_kernels.sparse_gemv import WIDTH, pack

    p = pack(torch.eye(3, 5), torch.ones(2, 5), norms="columns")
    p.wt.shape, p.sizes, p.norms

    assert torch.equal(p.wt[:, :3], torch.eye(5, 3)) and not p.wt[:, 3:WIDTH].any() and torch.equal(p.wt[:, WIDTH:WIDTH + 2], torch.ones(5, 2))
    for call, text in [(lambda: pack(*[torch.ones(2, 2)]*4), "one to three weights, got 4"), (lambda: pack(torch.ones(2, 3), torch.ones(2, 4)), "same K"), (lambda: pack(torch.ones(2, 3), silu=True), "gate and up"),
                       (lambda: pack(torch.ones(2, 3), norms=(torch.ones(3), torch.ones(3))), "one (K,) tensor a weight")]:
        try: call()
        except ValueError as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_the_definition():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.sparse_gemv import keep, pack, sparse_gemv_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    sparse_gemv_ref(torch.tensor([[3., -1., 1., 0., -2.]]), pack(torch.ones(2, 5), threshold=2.))

    x, gate, up = normal(2, 40), normal(7, 40, seed=1), normal(7, 40, seed=2)
    c = gate.norm(dim=0), up.norm(dim=0)
    on = [keep(x, n, k=11) for n in c]
    torch.testing.assert_close(sparse_gemv_ref(x, pack(gate, up, norms="columns", silu=True), 11)[0], torch.nn.functional.silu((x*on[0]) @ gate.t())*((x*on[1]) @ up.t()))
    assert sparse_gemv_ref(x, pack(gate), 40)[0].allclose(x @ gate.t(), atol=1e-5)


def test_the_kernel():
    import torch
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.sparse_gemv import pack, sparse_gemv, sparse_gemv_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    q, kv = torch.ones(3, 300, device=DEVICE), 2*torch.ones(2, 300, device=DEVICE)
    sparse_gemv(torch.arange(300., device=DEVICE), pack(q, kv, threshold=298.))

    @settings(max_examples=25)
    @given(st.integers(1, 3), st.integers(1, 700), st.integers(1, 4), st.booleans(), st.sampled_from([None, .3, 1.]), st.booleans(), st.integers(0, 99))
    def agrees(S, K, B, scaled, share, silu, seed):
        if silu: S = 2
        weights = [normal(150 if silu else 3 + 140*i, K, seed=seed + i) for i in range(S)]
        x, k = normal(B, K, seed=seed + 9), None if share is None else round(share*K)
        packed = pack(*weights, norms="columns" if scaled else None, threshold=.7 if k is None else None, silu=silu)
        for ours, right in zip(sparse_gemv(x, packed, k), sparse_gemv_ref(x, packed, k), strict=True):
            assert ours.shape == right.shape and ours.dtype == x.dtype
            torch.testing.assert_close(ours, right, atol=1e-4*K**.5, rtol=1e-4)
        assert not packed.count.any()
    agrees()
    x, packed = normal(2, 300), pack(normal(130, 300, seed=1), norms="columns", threshold=6.)
    for _ in range(2): assert torch.equal(sparse_gemv(x, packed)[0], sparse_gemv(x, packed)[0])
    wide = normal(300, 2); torch.testing.assert_close(sparse_gemv(wide.t(), packed)[0], sparse_gemv(wide.t().contiguous(), packed)[0])     # a transposed view
    half = pack(normal(130, 300, seed=1).half(), threshold=.5)
    torch.testing.assert_close(sparse_gemv(x.half(), half)[0], sparse_gemv_ref(x.half(), half)[0], atol=.1, rtol=1e-2)
    assert sparse_gemv(torch.full((300,), torch.nan, device=DEVICE), packed)[0].isnan().all()                                              # a NaN does not vanish
    assert sparse_gemv(x[:0], packed)[0].shape == (0, 130) and sparse_gemv(normal(20, 300), packed)[0].shape == (20, 130)                   # none, too many: the twin
    for call, error, text in [(lambda: sparse_gemv(x[:, :9], packed), ValueError, "x must have shape (300,) or (B, 300), got (2, 9)"), (lambda: sparse_gemv(x.half(), packed), TypeError, "share dtype and device"),
                              (lambda: sparse_gemv(x, packed, 3), ValueError, "got both"), (lambda: sparse_gemv(x, pack(normal(3, 300))), ValueError, "got neither"), (lambda: sparse_gemv(x, pack(normal(3, 300)), 301), ValueError, "k must be in 0..K=300")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)

    x, packed = normal(2, 300), pack(normal(130, 300, seed=1), norms="columns", threshold=6.)
    torch.library.opcheck(torch.ops.sparsebook.sparse_gemv.default, (x, packed.wt, packed.norms, packed.threshold[:, None].expand(-1, 2), None, packed.count, [1, 1], False), test_utils=("test_schema", "test_faketensor"))

    def check_on_a_gpu():
        for B, K, sizes, silu in [(1, 4096, (14336,), False), (1, 1000, (300, 40, 40), False), (8, 2048, (1024, 1024), True), (3, 14336, (4096,), False), (1, 576, (1536, 1536), True)]:
            weights, x = [normal(n, K, seed=n + i, dtype=torch.bfloat16)/K**.5 for i, n in enumerate(sizes)], normal(B, K, dtype=torch.bfloat16)
            for norms, k in [(None, None), ("columns", K//3), ("columns", None)]:
                packed = pack(*weights, norms=norms, threshold=.7 if k is None else None, silu=silu)
                for ours, right in zip(sparse_gemv(x, packed, k), sparse_gemv_ref(x.double(), packed._replace(wt=packed.wt.double()), k), strict=True):
                    assert ((ours.double() - right).abs().max()/right.abs().max()).item() < 8e-3, (B, K, sizes, norms, k)
                first = sparse_gemv(x, packed, k)[0]
                assert all(torch.equal(first, sparse_gemv(x, packed, k)[0]) for _ in range(20)) and not packed.count.any()
        compiled = torch.compile(lambda x: sparse_gemv(x, packed)[0]*2, fullgraph=True)
        torch.testing.assert_close(compiled(x), sparse_gemv(x, packed)[0]*2)
    if DEVICE == "cuda": check_on_a_gpu()


@pytest.mark.slow
def test_launch_sizes_that_were_measured():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.sparse_gemv import SIZES, pack, sparse_gemv, sparse_gemv_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    import os
    import tempfile
    from sparsebook_kernels.tuned import forget, stored, tune

    x, packed = normal(1, 300), pack(normal(9, 300, seed=1), norms="columns", threshold=2.)
    before, clock = os.environ.get("SPARSEBOOK_TUNED"), iter(range(100, 0, -1))        # every candidate is faster than the last
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPARSEBOOK_TUNED"] = f"{folder}/tuned.json"
        try:
            forget()
            with tune(lambda run: float(next(clock))): y = sparse_gemv(x, packed)[0]
            (entry, found), = stored().items()
            assert torch.equal(y, sparse_gemv(x, packed)[0]) and not packed.count.any()
        finally: os.environ.pop("SPARSEBOOK_TUNED") if before is None else os.environ.update(SPARSEBOOK_TUNED=before); forget()
    torch.testing.assert_close(y, sparse_gemv_ref(x, packed)[0], atol=2e-3, rtol=1e-4)
    assert found["choice"] == SIZES[-1], found                                         # all 18 passed
    entry.split(" | triton")[0]


def test_the_race():
    from sparsebook_kernels.sparse_gemv import BENCH, normal_quantile

    [(t["kernel"], t["shape"]) for t in BENCH][:4]

    assert len({(t["kernel"], t["shape"]) for t in BENCH}) == len(BENCH) and BENCH[0]["bytes"] == 14336*4096
    assert abs(normal_quantile(.5) - .6745) < 5e-3                                       # the quartile of a normal
