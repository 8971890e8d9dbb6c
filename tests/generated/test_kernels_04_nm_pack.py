"""Generated from nbs/kernels/04_nm_pack.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_format():
    import torch
    from sparsebook_kernels.nm import nm_mask_ref
    import itertools
    from torch.sparse._semi_structured_conversions import sparse_semi_structured_from_dense_cutlass as torch_pack, sparse_semi_structured_to_dense_cutlass as torch_unpack
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_pack import meta_offsets, pack_ref, unpack_ref

    def weights(shape, kind='normal', dtype=torch.bfloat16, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `sparse` is mostly zero."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'sparse':
            w = w * (torch.rand(shape, generator=rng) < 0.3)
        return w.to(DEVICE, dtype)
    def same_bits(got, want):
        return all((a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.contiguous().view(torch.int16), b.contiguous().view(torch.int16)) for a, b in zip(got, want, strict=True)))
    w = torch.zeros(32, 32, dtype=torch.half)
    w[0, :16] = torch.tensor([1, 2, 0, 0, 3, 0, 4, 0, 0, 5, 0, 6, 0, 0, 0, 7.])
    values, meta = pack_ref(w)
    values[0, :8].tolist(), f"{meta.flatten()[0].item() & 0xffff:04x}"

    for dtype, kind in itertools.product((torch.half, torch.bfloat16), ("normal", "ties", "sparse")):
        for R, K in ((32, 32), (64, 96), (96, 64)):
            w = weights((R, K), kind, dtype).cpu()
            kept = torch.where(nm_mask_ref(w, 2, 4), w, 0)
            assert same_bits(pack_ref(w), torch_pack(kept))
            assert torch.equal(unpack_ref(*pack_ref(w)), kept) and torch.equal(torch_unpack(*pack_ref(w)), kept)
    assert torch.equal(meta_offsets(64, 6).flatten().sort().values, torch.arange(384))                              # a permutation


def test_the_kernel():
    import torch
    from sparsebook_kernels.nm import nm_mask_ref
    from hypothesis import given, settings, strategies as st
    from torch.sparse._semi_structured_conversions import sparse_semi_structured_from_dense_cutlass as torch_pack
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_pack import pack, pack_ref, semi_structured, supported, unpack, unpack_ref

    def weights(shape, kind='normal', dtype=torch.bfloat16, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes and both zeros; `sparse` is mostly zero."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'sparse':
            w = w * (torch.rand(shape, generator=rng) < 0.3)
        return w.to(DEVICE, dtype)
    def same_bits(got, want):
        return all((a.dtype == b.dtype and a.shape == b.shape and torch.equal(a.contiguous().view(torch.int16), b.contiguous().view(torch.int16)) for a, b in zip(got, want, strict=True)))
    w = torch.zeros(32, 32, dtype=torch.half, device=DEVICE)
    w[0, :16] = torch.tensor([1, 2, 0, 0, 3, 0, 4, 0, 0, 5, 0, 6, 0, 0, 0, 7.])
    values, meta = pack(w)
    values[0, :8].tolist(), f"{meta.flatten()[0].item() & 0xffff:04x}"

    group = ((torch.arange(16)[:, None] >> torch.arange(4)) & 1).half()*torch.tensor([1., 2., 3., 4.])
    few = group[group.count_nonzero(1) <= 2].repeat(187, 1)[:2048].reshape(64, 128).half().to(DEVICE)
    assert same_bits(pack(few), torch_pack(few)) and torch.equal(unpack(*pack(few)), few)
    everything = group.repeat(128, 1).reshape(64, 128).half().to(DEVICE)
    assert same_bits(pack(everything, torch.ones_like(everything, dtype=torch.bool)), torch_pack(everything))           # too many: as torch does, two of them stay

    @settings(max_examples=10)
    @given(st.integers(1, 2), st.integers(1, 4), st.sampled_from(["normal", "ties", "sparse"]), st.sampled_from([torch.half, torch.bfloat16]), st.sampled_from([None, "given", "one"]), st.integers(0, 99))
    def agrees(rows, columns, kind, dtype, which, seed):
        w = weights((32*rows, 32*columns), kind, dtype, seed)
        mask = None if which is None else nm_mask_ref(weights(w.shape, "normal", torch.float32, seed + 1), 2 if which == "given" else 1, 4)
        kept = torch.where(nm_mask_ref(w, 2, 4) if mask is None else mask, w, 0)
        packed = pack(w, mask)
        assert same_bits(packed, torch_pack(kept)) and same_bits(packed, pack_ref(w, mask))
        assert torch.equal(unpack(*packed), kept) and torch.equal(unpack(*packed), unpack_ref(*packed))
    agrees()

    base = weights((96, 160), "ties")
    for view in (base.mT[:, :32][:64], base[32:], base[:, 32:96], base.flatten()[3:3 + 64*32].view(64, 32), base[:, :64][:0], base[:, :0], base[:1, :64].expand(32, 64)): assert same_bits(pack(view), pack_ref(view)), view.shape
    w = weights((64, 96))
    torch.library.opcheck(torch.ops.sparsebook.nm_pack.default, (w, None), test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(torch.ops.sparsebook.nm_pack.default, (w, nm_mask_ref(w, 2, 4)), test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(torch.ops.sparsebook.nm_unpack.default, pack(w), test_utils=("test_schema", "test_faketensor"))
    for call, error, text in [(lambda: pack(w.float()), TypeError, "float16 or bfloat16, got torch.float32"), (lambda: pack(w[:, :80]), ValueError, "multiples of 32, got shape (64, 80)"), (lambda: pack(w, w), ValueError, "mask must be bool"),
                              (lambda: unpack(pack(w)[0], pack(w)[0]), ValueError, "meta must be int16")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    assert supported(w) and not any(map(supported, (w[:16], w[:, :16], w.float(), w[None])))

    def check_on_a_gpu():
        w, x = weights((256, 512)), weights((128, 512), seed=1)
        sparse = semi_structured(w)
        torch.testing.assert_close(torch.nn.functional.linear(x, sparse), torch.nn.functional.linear(x, unpack(sparse.packed, sparse.meta)), atol=.1, rtol=2e-2)
    if DEVICE == "cuda" and torch.cuda.get_device_capability()[0] == 8: check_on_a_gpu()                # torch's product of this form exists there only
    assert isinstance(semi_structured(weights((64, 128))), torch.sparse.SparseSemiStructuredTensorCUTLASS)


@pytest.mark.slow
def test_on_a_hopper_gpu():
    from sparsebook_kernels.compiled import resources
    from sparsebook_kernels.nm_pack import TILE, candidates

    for mask in ({"p_on": None}, {}):
        types = dict(p_w="*bf16", p_values="*bf16", p_meta="*i16", R="i32", K="i32") | ({} if mask else {"p_on": "*i8"})
        for tile in (TILE, *candidates()[:2]):
            sizes = {k: tile[k] for k in ("BR", "BC")}
            r = resources("nm_pack:nm_pack_kernel", types, mask | sizes, aligned=("R", "K"), num_warps=tile["num_warps"])
            assert r is None or r["stack"] == 0, (mask, tile, r)
    r = resources("nm_pack:nm_unpack_kernel", dict(p_w="*bf16", p_values="*bf16", p_meta="*i16", R="i32", K="i32"), {k: TILE[k] for k in ("BR", "BC")}, aligned=("R", "K"), num_warps=TILE["num_warps"])
    assert r is None or r["stack"] == 0, r
