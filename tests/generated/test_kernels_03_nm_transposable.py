"""Generated from nbs/kernels/03_nm_transposable.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_definition():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_transposable import patterns, transposable_mask_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes; `flat` is all equal; `bits` is zeros and ones."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'bits':
            w = (w > 0).float()
        return w.to(DEVICE, dtype)
    def tile_sums(x):
        """Sums over 4 x 4 tiles, in float64."""
        return x.double().unflatten(-1, (-1, 4)).unflatten(-3, (-1, 4)).sum((-3, -1))
    w = torch.tensor([[5., 5., 1., 1.], [5., 9., 1., 1.], [1., 1., 8., 8.], [6., 1., 1., 7.]])
    transposable_mask_ref(w).int()

    numbers = (patterns().int() << torch.arange(15, -1, -1)).sum(1).tolist()
    assert len(patterns()) == 90 and numbers == sorted(numbers, reverse=True)
    for kind in ("normal", "ties"):
        w = weights((12, 20), kind).cpu()
        E = transposable_mask_ref(w)
        assert (E.unflatten(-1, (-1, 4)).sum(-1) == 2).all() and (E.T.unflatten(-1, (-1, 4)).sum(-1) == 2).all()
        best = [max((w[i:i+4, j:j+4].abs().double().flatten()*p).sum().item() for p in patterns()) for i in range(0, 12, 4) for j in range(0, 20, 4)]
        torch.testing.assert_close(tile_sums(w.abs()*E).flatten(), torch.tensor(best, dtype=torch.float64))
    assert transposable_mask_ref(torch.ones(4, 4)).flatten().equal(patterns()[0])                                     # all equal: the first


def test_ninety_walks():
    import itertools
    import torch
    from sparsebook_kernels.nm_transposable import patterns

    def coordinates(t): a, b, c, d = t.unbind(-1); return torch.stack([a + b - c - d, a + c - b - d, a + d - b - c], -1)
    tiles = torch.randint(0, 100, (500, 4, 4), generator=torch.Generator().manual_seed(0)).double()
    x = coordinates(tiles)
    g = lambda i, j: (x[:, i] - x[:, j]).abs().amax(-1)
    walks = tiles.sum((1, 2))/2 + torch.stack([g(0, 1) + g(2, 3), g(0, 2) + g(1, 3), g(0, 3) + g(1, 2)]).amax(0)/2
    walks[:4], (tiles.flatten(1) @ patterns().double().T).amax(1)[:4]

    assert torch.equal(walks, (tiles.flatten(1) @ patterns().double().T).amax(1))
    steps = [tuple(s*(k == a) for k in range(3)) for a in range(3) for s in (1, -1)]
    closed = [w for w in itertools.product(steps, repeat=4) if not any(map(sum, zip(*w, strict=True)))]
    paired = [w for w in closed if any(all(w[i][k] == -w[j][k] and w[p][k] == -w[q][k] for k in range(3)) for i, j, p, q in [(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)])]
    assert len(closed) == len(paired) == 90


def test_the_kernel():
    import torch
    from sparsebook_kernels.nm import DTYPES
    from hypothesis import given, settings, strategies as st
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_transposable import supported, transposable_forward, transposable_mask, transposable_mask_ref

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes; `flat` is all equal; `bits` is zeros and ones."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'bits':
            w = (w > 0).float()
        return w.to(DEVICE, dtype)
    def tile_sums(x):
        """Sums over 4 x 4 tiles, in float64."""
        return x.double().unflatten(-1, (-1, 4)).unflatten(-3, (-1, 4)).sum((-3, -1))
    w = torch.tensor([[5., 5., 1., 1.], [5., 9., 1., 1.], [1., 1., 8., 8.], [6., 1., 1., 7.]], device=DEVICE)
    transposable_mask(w).int()

    @settings(max_examples=10)
    @given(st.integers(0, 5), st.integers(0, 9), st.sampled_from(["normal", "ties", "flat", "bits"]), st.sampled_from(DTYPES), st.sampled_from([None, True]), st.integers(0, 99))
    def agrees(bands, tiles, kind, dtype, wide, seed):
        w = weights((4*bands, 4*tiles), kind, dtype, seed)
        E, right = transposable_mask(w, wide), transposable_mask_ref(w)
        assert E.dtype == torch.bool and E.shape == w.shape and (E.view(torch.int8) < 2).all()
        if wide or dtype == torch.float32 or kind != "normal": assert torch.equal(E, right)
        else: torch.testing.assert_close(tile_sums(w.abs()*E), tile_sums(w.abs()*right), rtol=2**-20, atol=0)
        out, mask = transposable_forward(w, wide)
        assert torch.equal(mask, E) and torch.equal(out, torch.where(E, w, 0)) and out.dtype == dtype
        assert torch.equal(transposable_mask(w.mT, True).mT.unflatten(-1, (-1, 4)).sum(-1), E.unflatten(-1, (-1, 4)).sum(-1))
    agrees()

    for dtype in (torch.float32, torch.bfloat16):
        base = weights((36, 540), "ties", dtype)
        for view in (base, base.mT[:60, :32], base[1:5], base[:, 32:64], base.flatten()[3:3 + 96].view(4, 24), base[::3, ::5], base[:0], base[:, :0], base[:, :8].reshape(3, 12, 8), base[:24, :20].view(2, 12, 20).transpose(0, 1)[:12].reshape(12, 2, 20).mT[:, :20, :0], base[:1, :8].expand(8, 8)):
            assert torch.equal(transposable_mask(view), transposable_mask_ref(view)), view.shape
    kept, w = torch.empty, weights((36, 540), "ties")
    torch.empty = lambda *a, **k: kept(*a, **k).fill_(1)                                  # what is not written would show
    try: assert torch.equal(transposable_mask(w), transposable_mask_ref(w))
    finally: torch.empty = kept
    wild = torch.where(weights((40, 40)) > 1, torch.nan, weights((40, 40))).where(weights((40, 40), seed=1) < 1, torch.inf)
    assert all((tile.unflatten(-1, (-1, 4)).sum(-1) == 2).all() for E in (transposable_mask(wild),) for tile in (E, E.mT))
    torch.library.opcheck(torch.ops.sparsebook.transposable_mask.default, (w, True), test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(torch.ops.sparsebook.transposable_forward.default, (w, False), test_utils=("test_schema", "test_faketensor"))
    for call, error, text in [(lambda: transposable_mask(w[:, :6]), ValueError, "multiples of 4, got shape (36, 6)"), (lambda: transposable_mask(w[0]), ValueError, "got shape (540,)"), (lambda: transposable_mask(w.double()), TypeError, "got torch.float64")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    assert supported(w) and not any(map(supported, (w[0], w[:6], w[:, :6], w.double())))


@pytest.mark.slow
def test_every_tie():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_transposable import transposable_mask, transposable_mask_ref

    every = ((torch.arange(65536)[:, None] >> torch.arange(15, -1, -1)) & 1).view(256, 256, 4, 4).transpose(1, 2).reshape(1024, 1024).to(DEVICE)
    for dtype, wide in ((torch.float32, None), (torch.float16, None), (torch.float16, True)): assert torch.equal(transposable_mask(every.to(dtype), wide), transposable_mask_ref(every)), dtype


def test_what_exactness_buys():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.nm_transposable import transposable_mask

    def weights(shape, kind='normal', dtype=torch.float32, seed=0):
        """Weights to test with: `normal`; `ties` has three magnitudes; `flat` is all equal; `bits` is zeros and ones."""
        rng = torch.Generator().manual_seed(seed)
        w = torch.randn(shape, generator=rng)
        if kind == 'ties':
            w = torch.randint(-1, 2, shape, generator=rng) * torch.where(torch.rand(shape, generator=rng) < 0.5, 0.5, -0.25)
        if kind == 'flat':
            w = torch.ones(shape)
        if kind == 'bits':
            w = (w > 0).float()
        return w.to(DEVICE, dtype)
    def tile_sums(x):
        """Sums over 4 x 4 tiles, in float64."""
        return x.double().unflatten(-1, (-1, 4)).unflatten(-3, (-1, 4)).sum((-3, -1))
    def greedy(tile):
        keep = torch.zeros(4, 4, dtype=torch.bool)
        for i in tile.abs().flatten().argsort(descending=True, stable=True).tolist():
            r, c = divmod(i, 4)
            if keep[r].sum() < 2 and keep[:, c].sum() < 2: keep[r, c] = True
        return keep

    w = weights((48, 48), seed=3)
    E, tiles = transposable_mask(w).cpu(), [(i, j) for i in range(0, 48, 4) for j in range(0, 48, 4)]
    G = torch.zeros(48, 48, dtype=torch.bool)
    for i, j in tiles: G[i:i+4, j:j+4] = greedy(w[i:i+4, j:j+4].cpu())
    total = w.abs().sum().item()
    print(f"magnitude kept: exact {(w.abs().cpu()*E).sum()/total:.4f}, greedy {(w.abs().cpu()*G).sum()/total:.4f}; tiles where greedy keeps less than eight: {sum(G[i:i+4, j:j+4].sum().item() < 8 for i, j in tiles)} of {len(tiles)}")

    exact, greedily, full = tile_sums(w.abs().cpu()*E), tile_sums(w.abs().cpu()*G), tile_sums(G) == 8
    assert full.any() and (exact >= greedily - 1e-9)[full].all() and exact.sum() > greedily.sum()


@pytest.mark.slow
def test_on_a_hopper_gpu():
    from sparsebook_kernels.compiled import resources
    from sparsebook_kernels.nm_transposable import WARPS, geometry

    for b, wide in (("bf16", False), ("bf16", True), ("fp32", True)):
        for out in (None, "*" + b):
            r = resources("nm_transposable:transposable_kernel", dict(p_w="*" + b, p_mask="*i32", bands="i32", C="i32") | ({"p_out": out} if out else {}), dict(WIDE=wide, BR=1, BC=geometry(4096, 2 if b == "bf16" else 4)["BC"]) | ({} if out else {"p_out": None}), aligned=("C",), num_warps=WARPS)
            assert r is None or r["stack"] == 0, (b, wide, r)
