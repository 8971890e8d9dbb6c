"""Generated from nbs/kernels/23_block_attention_race.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_tasks():
    from sparsebook_kernels.block_attention_race import BENCH

    [t["kernel"] for t in BENCH]

    assert abs(BENCH[0]["flops"]/(4*32*32768**2*128) - .1) < .006 and len({(t["kernel"], t["shape"]) for t in BENCH}) == len(BENCH)
