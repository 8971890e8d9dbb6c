"""Generated from nbs/kernels/30_compiled.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_resources():
    from sparsebook_kernels.compiled import resources, tools

    GEMV = dict(p_x="*bf16", p_c="*fp32", p_wt="*bf16", p_y="*bf16", p_part="*fp32", p_idx="*i32", p_val="*fp32", p_count="*i32", p_thr="*fp32", K="i32", N="i32", s_x="i32", s_s="i32", s_b="i32", e_1="i32", e_2="i32")
    resources("sparse_gemv:sparse_gemv_kernel", GEMV, dict(p_cut=None, B=1, BR=1, SCALED=True, EXACT=False, PAIR=False, IEEE=False, KC=512, BN=128, BK=16, SPLIT=8), aligned=("K", "N"), num_warps=2)

    try: resources("bsr:bsr_kernel", {}, {})
    except RuntimeError as e: print(str(e)[:90])
    else: assert tools() is None
    r = resources("sparse_gemv:kth_kernel", dict(p_x="*bf16", p_c="*fp32", p_thr="*fp32", p_cut="*i32", K="i32", k="i32", s_x="i32"), dict(SCALED=True, BLOCK=1024), num_warps=4)
    assert r is None or r["stack"] == 0 and 16 <= r["reg"] <= 255 and r["shared"] > 0


@pytest.mark.slow
def test_the_tuned_kernels():
    from sparsebook_kernels.compiled import resources

    gemv = dict(p_x="*bf16", p_c="*fp32", p_wt="*bf16", p_y="*bf16", p_part="*fp32", p_idx="*i32", p_val="*fp32", p_count="*i32", p_thr="*fp32", K="i32", N="i32", s_x="i32", s_s="i32", s_b="i32", e_1="i32", e_2="i32")
    for B, pair in ((1, False), (1, True), (4, False)):
        r = resources("sparse_gemv:sparse_gemv_kernel", gemv, dict(p_cut=None, B=B, BR=1 if B == 1 else 16, SCALED=True, EXACT=False, PAIR=pair, IEEE=False, KC=512, BN=128, BK=16 if B == 1 else 32, SPLIT=8), aligned=("K", "N"), num_warps=2 if B == 1 else 4)
        assert r is None or r["stack"] == 0, (B, pair, r)
    r = resources("sparse_gemv:kth_kernel", dict(p_x="*bf16", p_c="*fp32", p_thr="*fp32", p_cut="*i32", K="i32", k="i32", s_x="i32"), dict(SCALED=True, BLOCK=4096), num_warps=16)
    assert r is None or r["stack"] == 0
    lists = dict(p_keys="*i32", p_order="*i32", p_ptr="*i32", p_cut="*i32", p_idx="*i32", L="i32", n="i32", s_z="i32", s_l="i32", scale="fp32", p_lse="*fp32")
    common = dict(D=128, DIM=128, CAUSAL=False, IEEE=False)
    r = resources("block_attention:block_attention_fwd_kernel", lists | dict.fromkeys(("p_q", "p_k", "p_v", "p_o"), "*bf16"), dict(BM=128, BN=64, R=2, FIXED=True) | common, aligned=("L", "s_z", "s_l"), num_warps=8, num_stages=2, maxnreg=128)
    assert r is None or r["stack"] <= 32, r
    r = resources("block_attention:block_attention_dq_kernel", lists | {"p_delta": "*fp32"} | dict.fromkeys(("p_q", "p_k", "p_v", "p_g", "p_dq"), "*bf16"), dict(BM=128, BN=32, R=4) | common, aligned=("L", "s_z", "s_l"), num_warps=8, num_stages=2)
    assert r is None or r["stack"] == 0, r
    r = resources("block_score:block_mean_kernel", {k: v for k, v in lists.items() if k in ("L", "n", "s_z", "s_l", "scale", "p_lse")} | dict(p_q="*bf16", p_k="*bf16", p_out="*fp32"), dict(B=128, BN=128, R=1, D=128, DIM=128, IEEE=False), aligned=("L", "s_z", "s_l"), num_warps=8, num_stages=3)
    assert r is None or r["stack"] == 0, r
