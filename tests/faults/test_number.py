"""Bad numbers reach no mask, no training run and no verdict: one clear error each; the edges work exactly."""
import math

import numpy as np
import pytest
import torch
from sparsebook import mask, stat
from sparsebook.artifact import ArtifactError, require_finite
from sparsebook.evidence import ClaimError
from sparsebook.run import with_summary
from sparsebook.train import SGD, Diverged, accuracy, batches, cosine, cross_entropy, fit

W = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
BY_SPARSITY = {"unstructured": mask.unstructured_mask, "rows": lambda w, s: mask.unstructured_mask(w, s, -1), "global": lambda w, s: mask.global_mask({"w": w}, s)["w"],
               "block": lambda w, s: mask.block_mask(w, (2, 4), s), "group": lambda w, s: mask.group_mask(w, 4, s), "filter": mask.filter_mask, "channel": mask.channel_mask}
ANY = BY_SPARSITY | {"nm": lambda w, s: mask.nm_mask(w, round(4*(1 - s)), 4), "topk": lambda w, s: mask.topk_mask(w, round((1 - s)*w.numel())),
                     "transposable": lambda w, s: mask.transposable_nm_mask(torch.cat([w, w])[:8], round(4*(1 - s)))}


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan, math.inf])
@pytest.mark.parametrize("name", BY_SPARSITY)
def test_a_sparsity_outside_0_to_1_is_refused(name, bad):
    with pytest.raises(ValueError, match=r"sparsity must be in 0\.\.1 .*got (-0\.1|1\.1|nan|inf)"): BY_SPARSITY[name](W, bad)


@pytest.mark.parametrize("name", ANY)
def test_the_edges_0_and_1_are_exact(name):
    assert ANY[name](W, 0.0).all() and not ANY[name](W, 1.0).any()


@pytest.mark.parametrize("name", ANY)
def test_equal_weights_give_the_exact_count_at_the_lowest_index(name):
    ones = torch.ones(8, 8)
    first = ANY[name](ones, 0.5)
    assert first.sum() == 32 and torch.equal(first, ANY[name](ones, 0.5)) and torch.equal(first, ANY[name](-ones, 0.5) if name != "topk" else first)
    if name == "nm": assert torch.equal(first, torch.tensor([1, 1, 0, 0]).bool().repeat(8, 2))
    if name in ("unstructured", "global", "topk", "filter"): assert first[:4].all() and not first[4:].any()
    if name in ("rows", "channel"): assert first[:, :4].all() and not first[:, 4:].any()


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ANY)
def test_one_bad_weight_is_refused(name, poison):
    w = W.clone()
    w[2, 3] = poison
    with pytest.raises(ValueError, match="must be finite, got [1-9]"): ANY[name](w, 0.5)


@pytest.mark.parametrize("call, says", [
    (lambda: mask.nm_mask(W, 5, 4), r"n must be in 0\.\.m=4, got 5"), (lambda: mask.nm_mask(W, -1, 4), r"n must be in 0\.\.m=4, got -1"), (lambda: mask.nm_mask(W, 0, 0), "m must be at least 1, got 0"),
    (lambda: mask.nm_mask(W, 2, 3), "multiple of m=3, got size 8"), (lambda: mask.nm_mask(W, 2, 4, dim=0), "multiple of m=4, got size 6"), (lambda: mask.nm_mask(W, 2, 4, dim=2), r"dim must be in -2\.\.1"),
    (lambda: mask.check_nm(W, 2, 3), "multiple of m=3"), (lambda: mask.transposable_nm_mask(W), "multiple of m=4, got size 6"), (lambda: mask.transposable_nm_mask(W, 2, 8), "m must be 4"),
    (lambda: mask.topk_mask(W, -1), r"k must be in 0\.\.48, got -1"), (lambda: mask.topk_mask(W, 49), r"k must be in 0\.\.48, got 49"), (lambda: mask.topk_mask(W, 9, -1), r"k must be in 0\.\.8, got 9"),
    (lambda: mask.block_mask(W, (4, 4), 0.5), r"block must divide \(6, 8\), got \(4, 4\)"), (lambda: mask.block_mask(W, (0, 4), 0.5), "block must divide"), (lambda: mask.filter_mask(W[0], 0.5), "at least 2 dimensions"),
    (lambda: mask.global_mask({}, 0.5), "at least one layer"), (lambda: mask.sparsity(torch.zeros(0)), "at least one entry"), (lambda: mask.prune(torch.nn.Linear(3, 3), "*.weigth", mask.nm_mask), "no parameter matches"),
    (lambda: next(batches(10, 0, 1, [0])), r"batch must be in 1\.\.n=10, got 0"), (lambda: next(batches(10, 11, 1, [0])), r"batch must be in 1\.\.n=10, got 11"), (lambda: next(batches(0, 1, 1, [0])), r"batch must be in 1\.\.n=0"),
    (lambda: cosine(5, 5), r"step must be in 0\.\.4, got 5"), (lambda: fit(None, {}, [], 0, None), "steps must be >= 1, got 0"),
    (lambda: accuracy(None, {"w": W}, torch.zeros(0, 3), torch.zeros(0)), "empty set"),
    (lambda: stat.mean_ci([]), "one number a seed, got shape"), (lambda: stat.mean_ci([1., math.nan]), r"a\[1\] is nan: every seed must be finite"), (lambda: stat.mean_ci([1., 2.], 0.), r"alpha must be in \(0, 1\)"),
    (lambda: stat.paired_mean_ci([1., 2.], [1.]), "same seeds"), (lambda: stat.trend([[1.], [2.]]), "at least 3 ordered"), (lambda: stat.tost([1.], [1.], -1.), "margin must be a positive")])
def test_a_bad_argument_is_named_with_what_is_allowed(call, says):
    with pytest.raises(ValueError, match=says): call()


def test_one_of_everything():
    "One feature, one row, one seed, one example, an empty layer: defined, without a warning."
    assert mask.nm_mask(torch.tensor([[3.0]]), 1, 1).item() and mask.topk_mask(torch.tensor([2.0]), 1).item() and mask.filter_mask(torch.tensor([[1.0]]), 0.0).item()
    assert mask.nm_mask(torch.zeros(0, 4), 2, 4).shape == (0, 4) and mask.topk_mask(torch.zeros(0), 0).shape == (0,) and mask.nm_mask(torch.zeros(3, 0), 2, 4).shape == (3, 0)
    one = stat.mean_ci([3.0])
    assert (one.estimate, one.low, one.high, one.n) == (3.0, -math.inf, math.inf, 1)
    assert next(batches(1, 1, 1, [0])).tolist() == [[0]]


class Line:
    "Two replicas of logistic regression on one feature."
    def forward(self, p, x, training=True): return torch.stack([x * p["w"][:, None], -x * p["w"][:, None]], -1)


def test_a_loss_made_nan_at_step_10_stops_and_names_the_last_finite_step():
    def draw():
        for step in range(100):
            x = torch.ones(2, 4)
            if step == 10: x[1] = math.nan
            yield x, torch.zeros(2, 4, dtype=torch.long)
    with pytest.raises(Diverged, match="second: the loss is nan at step 10; the last finite step was 9"):
        fit(Line(), {"w": torch.ones(2)}, draw(), 100, SGD(torch.full((2,), 0.1), torch.zeros(2)), names=["first", "second"])
    assert cross_entropy(torch.full((1, 4, 2), math.nan), torch.zeros(1, 4, dtype=torch.long)).isnan().all(), "and the loss itself hides nothing"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_verdict_from_a_number_that_is_none(bad):
    from sparsebook.claim import Claim
    from sparsebook.judge import judge
    claim = Claim(id="C1", says="less", where="here", kind="comparison", test="a < b", over={"seeds": 3})
    with pytest.raises((ClaimError, ValueError), match="finite"): judge([claim], {"a": [1.0, 2.0, 3.0], "b": [2.0, bad, 4.0]})
    for value in (bad, [1.0, bad], np.array([1.0, bad]), torch.tensor([1.0, bad]), {"x": [bad]}):
        with pytest.raises(ArtifactError, match="metrics.* is not finite"): require_finite("metrics", value)
    with pytest.raises(ArtifactError, match="identifier"): with_summary({"a b": 1.0})
