"""Generated from nbs/shared_lib/11_divergence.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_two_masks():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.mask import nm_mask
    from sparsebook.divergence import flip_rate, jaccard, sad

    a = nm_mask(torch.tensor([[4., 3., 2., 1., 5., 6., 7., 8.]]), 2, 4)
    b = nm_mask(torch.tensor([[4., 1., 2., 3., 5., 6., 7., 8.]]), 2, 4)
    print(a.int().tolist(), b.int().tolist(), sep="\n")
    dict(sad=sad(a, b), flip_rate=flip_rate(a, b), jaccard=jaccard(a, b))

    bits = st.integers(1, 40).flatmap(lambda d: st.tuples(*[st.lists(st.booleans(), min_size=d, max_size=d)]*3))

    @given(bits)
    def a_metric(abc):
        a, b, c = map(torch.tensor, abc)
        assert sad(a, b) == sum(x != y for x, y in zip(*abc[:2], strict=True)) == sad(b, a)
        assert sad(a, a) == 0 and sad(a, ~a) == a.numel() and sad(a, c) <= sad(a, b) + sad(b, c)
        assert flip_rate(a, b)*a.numel() == sad(a, b) or abs(flip_rate(a, b)*a.numel() - sad(a, b)) < 1e-9
        assert abs((1 - jaccard(a, b))*int((a | b).sum()) - sad(a, b)) < 1e-9
    a_metric()
    w = torch.randn(2, 16, 32, generator=torch.Generator().manual_seed(0))
    assert sad(nm_mask(w[0], 2, 4), nm_mask(w[1], 2, 4)) % 2 == 0  # n:m: only swaps
    none = torch.zeros(3, dtype=torch.bool)
    assert jaccard(none, none) == 1 and sad(none, none) == 0

    for call, error, text in [(lambda: sad(none, torch.zeros(4).bool()), ValueError, "one shape, got (3,) and (4,)"), (lambda: sad(none, torch.zeros(3)), TypeError, "write w != 0"),
                              (lambda: flip_rate(torch.zeros(0).bool(), torch.zeros(0).bool()), ValueError, "at least one entry")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)


def test_ever_alive():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.mask import nm_mask
    from sparsebook.divergence import itop_rate

    rng = torch.Generator().manual_seed(0)
    w, masks = torch.randn(32, 32, generator=rng), []
    for _ in range(30): w += 0.3*torch.randn(32, 32, generator=rng); masks.append(nm_mask(w, 1, 8))
    fig, ax = plt.subplots(figsize=(4, 2), dpi=80)
    ax.plot([itop_rate(masks[:t]) for t in range(1, 31)], color="#0072B2"); ax.axhline(1/8, color="0.5", ls="--")
    ax.set_xlabel("refresh"); ax.set_ylabel("ever active"); ax.set_title("a random walk explores, its density stays 1/8")
    plt.close(fig); fig

    rates = [itop_rate(masks[:t]) for t in range(1, 31)]
    assert rates[0] == 1/8 and rates == sorted(rates) and rates[-1] <= 1
    assert rates[-1] == itop_rate(torch.stack(masks).any(0)) and itop_rate([masks[3]]*5) == 1/8
    before = masks[0].clone(); itop_rate(masks); assert torch.equal(masks[0], before)  # the history is left alone
    try: itop_rate([])
    except ValueError as e: print(e)


def test_a_whole_run():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.mask import nm_mask
    from sparsebook.divergence import MaskTracker, itop_rate, sad

    rng = torch.Generator().manual_seed(0)
    tracker, w = MaskTracker(replicas=3), torch.randn(3, 16, 32, generator=rng)
    for _ in range(40):
        tracker.step({"fc": nm_mask(w, 2, 4)})
        w += torch.tensor([0.02, 0.1, 0.3])[:, None, None]*torch.randn(3, 16, 32, generator=rng)
    fig, ax = plt.subplots(figsize=(4, 2), dpi=80)
    for r, (colour, size) in enumerate(zip(("#0072B2", "#E69F00", "#009E73"), (0.02, 0.1, 0.3), strict=True)): ax.plot(tracker.path("fc")[:, r].numpy(), color=colour, label=f"noise {size}")
    ax.set_xlabel("refresh"); ax.set_ylabel("flipped bits so far"); ax.legend(frameon=False)
    plt.close(fig); print(tracker, tracker.flips_per_weight, sep="\n"); fig

    rng = torch.Generator().manual_seed(1)
    history = [{"a": nm_mask(torch.randn(2, 8, 16, generator=rng), 1, 4), "b": nm_mask(torch.randn(2, 4, 8, generator=rng), 4, 8)} for _ in range(6)]
    tracker = MaskTracker(replicas=2)
    for masks in history: tracker.step(masks)
    for name, size in (("a", 128), ("b", 32)):
        for r in range(2):
            run = [m[name][r] for m in history]
            assert tracker.sad[name][r] == sum(map(sad, run, run[1:])) and abs(tracker.flips_per_weight[name][r] - tracker.sad[name][r]/size) < 1e-15
            assert tracker.itop[name][r] == itop_rate(run)
            assert tracker.path(name)[:, r].tolist() == [sum(map(sad, run[:t], run[1:t])) for t in range(1, 7)]
    single, reused = MaskTracker(interval=10), history[0]["a"].clone()
    for masks in history: reused.copy_(masks["a"]); single.step({"a": reused})  # refreshed in place
    assert single.sad["a"] == sum(tracker.sad["a"]) and single.refreshes == 6 and single.interval == 10 and single.path("a").dtype == torch.int64
    there, back = history[0]["b"], history[1]["b"]
    every, second = MaskTracker(1), MaskTracker(2)
    for t in range(5):
        every.step({"b": (there, back)[t % 2]})
        if t % 2 == 0: second.step({"b": (there, back)[t % 2]})
    assert every.sad["b"] == 4*sad(there, back) > 0 and second.sad["b"] == 0
    assert MaskTracker().sad == {}

    tracker = MaskTracker(replicas=2)
    good = torch.zeros(2, 4).bool()
    tracker.step({"fc": good})
    for call, error, text in [(lambda: tracker.step({"fd": good}), ValueError, "must hold the layers ['fc'], got ['fd']"), (lambda: tracker.step({"fc": torch.zeros(3, 4).bool()}), ValueError, "one shape"),
                              (lambda: MaskTracker(replicas=3).step({"fc": good}), ValueError, "must have 3 replicas in front, got shape (2, 4)"), (lambda: tracker.step({"fc": good.float()}), TypeError, "must be bool"),
                              (lambda: MaskTracker(interval=0), ValueError, "interval must be at least 1")]:
        try: call()
        except error as e: assert text in str(e), e; print(e)
        else: raise AssertionError(text)
    assert tracker.refreshes == 1  # a refused step leaves no trace
