"""Generated from nbs/kernels/13_threshold.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_question():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.threshold import find_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    x = normal(1000)
    {kind: [round(t, 4) for t in find_ref(x.abs(), kind, 100, 1.)] for kind in ("kth", "l1", "sef", "k_support")}


def test_the_vector_shrunk():
    import math
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook import group_prox, projection, prox, sorted_prox
    from sparsebook_kernels.threshold import k_support, keep_largest, kth_largest, l1_ball, sef, shrink_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    x = normal(500)
    [int((f(x) != 0).sum()) for f in (lambda x: keep_largest(x, 50), lambda x: l1_ball(x, 75.), lambda x: sef(x, .5, 50), lambda x: k_support(x, 7., 50))]

    def agrees(x, k, sample=None):
        n, d, tol = x.numel(), x.double().cpu(), 3e-7 if x.dtype == torch.float32 else 6e-3
        assert kth_largest(x, k, sample).item() == d.abs().sort(descending=True).values[k - 1]
        assert torch.equal(keep_largest(x, k, sample).cpu(), prox.l0_ball(x.cpu(), k)) and torch.equal(shrink_ref(x, "kth", k).cpu(), prox.l0_ball(x.cpu(), k))
        r, u = d.abs().sum().item()*k/n/3, .6*d.abs().topk(k).values.norm().item()
        for y, right in ((l1_ball(x, r, sample), projection.l1_ball(d, r)), (sef(x, 1.7, k, sample), group_prox.sef(d, 1.7, k)), (k_support(x, u, k, sample), sorted_prox.k_support(d, u, k))):
            assert (y.double().cpu() - right).abs().max() <= tol*d.abs().max()
    same = normal(300)
    agrees(same, 30)
    x = normal(1, 2)[:, 1:]
    assert kth_largest(x, 1) == x.abs().max() and keep_largest(x, 0).abs().sum() == 0
    tiny = torch.tensor([3e-45, -1e-41, 0., -0., 1e-40], device=DEVICE)                              # denormals are told apart
    assert [kth_largest(tiny, k).item() for k in (1, 2, 3)] == [tiny[4].item(), -tiny[1].item(), tiny[0].item()]
    view = normal(40, 30).t()[:, 1:]
    torch.testing.assert_close(l1_ball(view, 50.), projection.l1_ball(view.reshape(-1).double(), 50.).float().view(view.shape))
    assert torch.equal(l1_ball(same, 1e6), same) and l1_ball(same, 0.).abs().max() == 0 and k_support(same, 1e6, 5).abs().max() == 0
    assert l1_ball(torch.tensor([1., torch.nan, 2.], device=DEVICE), 1.).isnan().all() and kth_largest(torch.tensor([1., torch.nan], device=DEVICE), 2) == 1

    x = normal(600)
    for call in (lambda: torch.library.opcheck(torch.ops.sparsebook.threshold.default, (x, "l1", 0, 30., 1 << 18)), lambda: torch.library.opcheck(torch.ops.sparsebook.kth_magnitude.default, (x, 7, 1 << 18))): call()
    for call, error, text in [(lambda: kth_largest(x, 0), ValueError, "k must be in 1..600"), (lambda: keep_largest(x, 601), ValueError, "k must be in 0..600"), (lambda: l1_ball(x, -1.), ValueError, "radius must be >= 0 and finite, got -1.0"),
                              (lambda: sef(x, math.inf, 3), ValueError, "u must be >= 0"), (lambda: kth_largest(x.int(), 1), TypeError, "real floating-point")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


@pytest.mark.slow
def test_a_long_vector():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook import group_prox, projection, prox, sorted_prox
    from sparsebook_kernels.threshold import k_support, keep_largest, kth_largest, l1_ball, sef, shrink_ref

    def normal(*shape, seed=0, dtype=torch.float32):
        return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE, dtype)
    from sparsebook_kernels.threshold import _find
    def agrees(x, k, sample=None):
        n, d, tol = x.numel(), x.double().cpu(), 3e-7 if x.dtype == torch.float32 else 6e-3
        assert kth_largest(x, k, sample).item() == d.abs().sort(descending=True).values[k - 1]
        assert torch.equal(keep_largest(x, k, sample).cpu(), prox.l0_ball(x.cpu(), k)) and torch.equal(shrink_ref(x, "kth", k).cpu(), prox.l0_ball(x.cpu(), k))
        r, u = d.abs().sum().item()*k/n/3, .6*d.abs().topk(k).values.norm().item()
        for y, right in ((l1_ball(x, r, sample), projection.l1_ball(d, r)), (sef(x, 1.7, k, sample), group_prox.sef(d, 1.7, k)), (k_support(x, u, k, sample), sorted_prox.k_support(d, u, k))):
            assert (y.double().cpu() - right).abs().max() <= tol*d.abs().max()
    same = normal(700)
    for x, k in ((same, 700), (torch.randint(-3, 4, (700,), generator=torch.Generator().manual_seed(1)).float().to(DEVICE), 1), (torch.full((700,), -.3, device=DEVICE), 9), (same*(same > 1.9), 50), (same.bfloat16(), 30)): agrees(x, k)
    for x in (normal(12000), normal(12000).bfloat16(), torch.randint(-3, 4, (12000,), generator=torch.Generator().manual_seed(2)).float().to(DEVICE)):
        v = x.abs().sort(descending=True).values
        out, state = _find(x, "kth", 900, 0., 3000)
        assert out[0] == v[899]
        assert torch.equal(keep_largest(x, 900, 3000), shrink_ref(x, "kth", 900))
    out, state = _find(normal(12000), "kth", 900, 0., 3000)
    assert state[7] == 1                 # the window held
    out, state = _find(torch.cat([torch.zeros(11000), normal(1000).cpu()]).to(DEVICE), "kth", 1, 0., 3000)
    assert out[0] == normal(1000).abs().max()
    two = [_find(normal(12000), "k_support", 900, 9., 3000)[0] for _ in range(2)]
    assert torch.equal(*two)             # the same bits at every call
