"""Generated from nbs/kernels/13_threshold_search.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_search():
    import torch
    from sparsebook_kernels.nm import DEVICE
    from sparsebook_kernels.threshold_search import narrow_kernel

    x = torch.randn(3000, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    f64 = dict(dtype=torch.float64, device=DEVICE)
    state, count, G = torch.zeros(32, **f64), torch.zeros(2, dtype=torch.int32, device=DEVICE), 3
    state[:2] = torch.tensor([-1., 2147483647.])
    tables = torch.zeros(1, device=DEVICE), torch.zeros(2*G, dtype=torch.int32, device=DEVICE), state, torch.zeros(16, dtype=torch.int32, device=DEVICE), torch.zeros(48, **f64), torch.zeros(G*48, **f64), count
    width = []
    for _ in range(8):
        narrow_kernel[G, 1](x, *tables, len(x), 1, 100., 0., 0., 0., KIND=0, PHASE=0, CLOSED=False, Z=0., T=512, P=16, MANY=64, num_warps=8)
        width.append(int(state[1] - state[0]))
    assert state[1].to(torch.int32).view(torch.float32) == x.abs().sort(descending=True).values[99]
    assert width[-1] == 1 and state[2] == 100 and not count.any()
    width


@pytest.mark.slow
def test_compiled():
    from sparsebook_kernels.compiled import resources

    numbers = dict(n="i32", cap="i32", k_a="fp32", k_b="fp32", level_a="fp32", level_b="fp32")
    tables = dict(p_x="*fp32", p_buf="*fp32", p_len="*i32", p_st="*fp64", p_part="*fp64", p_count="*i32")
    for kind, phase in ((0, 0), (1, 0), (3, 0), (3, 1)):
        r = resources("threshold_search:narrow_kernel", tables | numbers | dict(p_pivot="*i32", p_moment="*fp64"), dict(KIND=kind, PHASE=phase, CLOSED=False, Z=4.5, T=512, P=16, MANY=64), aligned=("n", "cap"), num_warps=8)
        assert r is None or r["stack"] == 0, (kind, phase, r)
    for kind in range(4):   # four programs a multiprocessor must fit; three for k-support
        r = resources("threshold_search:read_kernel", tables | numbers | dict(p_ends="*fp64"), dict(KIND=kind, Z=4.5, T=512 if kind else 1024, MANY=64), aligned=("n", "cap"), num_warps=4, **{} if kind == 3 else dict(maxnreg=128))
        assert r is None or r["stack"] == 0 and r["reg"]*128*(3 if kind == 3 else 4) <= 65536, (kind, r)
