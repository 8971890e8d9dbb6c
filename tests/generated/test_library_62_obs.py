"""Generated from nbs/shared_lib/62_obs.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_error_of_a_layer():
    import torch
    from sparsebook.mask import nm_mask
    import math
    from sparsebook.obs import layer_error

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def planted(seed=0, out=4, d=8, tokens=64, rank=3):
        """Weights and inputs whose channels share a few causes: the case where a removed weight can be replaced by others."""
        rng = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)
        X = draw(tokens, rank) @ draw(rank, d) + 0.3 * draw(tokens, d)
        return (draw(out, d), X, X.T @ X)
    W, X, G = planted()
    layer_error(W, W*(W.abs() > 0.5), G)

    W, X, G = planted(1)
    new = W*nm_mask(W, 2, 4)
    exact = (X @ (W - new).T).square().sum()
    assert abs(layer_error(W, new, G, relative=False)/exact - 1) < 1e-12 and abs(layer_error(W, new, G)/(exact/(X @ W.T).square().sum()) - 1) < 1e-12
    assert layer_error(W, W, G) == 0 and abs(layer_error(W, 0*W, G) - 1) < 1e-12
    assert layer_error(W.view(4, 2, 2, 2), new.view(4, 2, 2, 2), G) == layer_error(W, new, G)
    refused(ValueError, "gram must be (8, 8) for w of shape (4, 8), got (4, 4)", lambda: layer_error(W, new, torch.eye(4)))
    refused(ValueError, "new must have the shape of w", lambda: layer_error(W, new[:2], G))
    refused(ValueError, "the outputs of w are all zero", lambda: layer_error(0*W, new, G))
    refused(ValueError, "gram must be finite", lambda: layer_error(W, new, G*math.nan))


def test_one_weight():
    import torch
    from hypothesis import given, strategies as st
    from sparsebook.obs import obs_remove

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def planted(seed=0, out=4, d=8, tokens=64, rank=3):
        """Weights and inputs whose channels share a few causes: the case where a removed weight can be replaced by others."""
        rng = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)
        X = draw(tokens, rank) @ draw(rank, d) + 0.3 * draw(tokens, d)
        return (draw(out, d), X, X.T @ X)
    W, X, G = planted()
    new, _, price = obs_remove(W[0], torch.linalg.inv(G), 2)
    {"before": W[0].round(decimals=2).tolist(), "after": new.round(decimals=2).tolist(), "error": round(price, 3), "without repair": round((W[0, 2]**2*G[2, 2]).item(), 3)}

    @given(st.integers(0, 10**6), st.integers(0, 7), st.integers(0, 7))
    def two_removals(seed, i, j):
        W, X, G = planted(seed)
        w, inverse, total = W[0], torch.linalg.inv(G), 0.0
        for gone in dict.fromkeys((i, j)):
            w, inverse, price = obs_remove(w, inverse, gone)
            total += price
        left = [k for k in range(8) if k not in (i, j)]
        best = torch.linalg.lstsq(X[:, left], X @ W[0]).solution                             # least squares on what is left
        torch.testing.assert_close(w[left], best, rtol=1e-7, atol=1e-8)
        torch.testing.assert_close(inverse[left][:, left], torch.linalg.inv(G[left][:, left]), rtol=1e-6, atol=1e-9)
        assert (w[[i, j]] == 0).all() and abs((X @ (W[0] - w)).square().sum() - total) < 1e-7*(1 + total)
    two_removals()
    w, diagonal = torch.tensor([1., -2, 3]).double(), torch.tensor([4., 1, 0.25]).double()
    assert [obs_remove(w, torch.diag(1/diagonal), j)[2] for j in range(3)] == (w**2*diagonal).tolist()   # uncorrelated: Wanda squared
    refused(ValueError, "weight 1 is gone already", lambda: obs_remove(w, obs_remove(w, torch.eye(3).double(), 1)[1], 1))
    refused(ValueError, "j must be in 0..2, got 3", lambda: obs_remove(w, torch.eye(3).double(), 3))


def test_the_exact_ones_for_small_layers():
    import torch
    from sparsebook.mask import topk_mask
    import itertools
    from hypothesis import given, strategies as st
    from sparsebook.score import wanda
    from sparsebook.obs import damped, layer_error, obs_prune, refit

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def planted(seed=0, out=4, d=8, tokens=64, rank=3):
        """Weights and inputs whose channels share a few causes: the case where a removed weight can be replaced by others."""
        rng = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)
        X = draw(tokens, rank) @ draw(rank, d) + 0.3 * draw(tokens, d)
        return (draw(out, d), X, X.T @ X)
    W, X, G = planted(d=8)
    by = {"magnitude": W*topk_mask(W.abs(), 4, 1), "wanda": W*topk_mask(wanda(W, X.norm(dim=0)), 4, 1)}
    by |= {"wanda, refit": refit(W, topk_mask(wanda(W, X.norm(dim=0)), 4, 1), G), "obs": obs_prune(W, G, 4)[0]}
    {name: round(layer_error(W, new, G), 4) for name, new in by.items()}

    met = []
    @given(st.integers(0, 10**6), st.integers(1, 5))
    def exact_on_its_mask(seed, k):
        W, X, G = planted(seed, out=1, d=6)
        new, mask = obs_prune(W, G, k)
        assert mask.sum() == k and torch.equal(new != 0, mask)
        torch.testing.assert_close(new, refit(W, mask, G), rtol=1e-6, atol=1e-7)
        every = [torch.tensor([[j in c for j in range(6)]]) for c in itertools.combinations(range(6), k)]
        best = min(layer_error(W, refit(W, m, G), G) for m in every)
        assert layer_error(W, new, G) >= best - 1e-12
        met.append(layer_error(W, new, G) < best + 1e-9)
    exact_on_its_mask()
    assert sum(met)/len(met) > 0.5
    W, X, G = planted()
    assert torch.equal(obs_prune(W, G, 8)[0], W) and obs_prune(W, G, 0)[0].abs().max() == 0
    singular = X[:3].T @ X[:3]                                                                      # 3 tokens, 8 inputs
    perfect = refit(W, topk_mask(W.abs(), 4, 1), singular)
    assert layer_error(W, perfect, singular) < 1e-12
    dead = damped(torch.diag(torch.tensor([0., 2.])), 0.5)
    assert dead.diagonal().tolist() == [1.5, 2.5] and torch.linalg.eigvalsh(damped(singular, 0.01)).min() > 0
    refused(ValueError, "k must be in 0..8, got 9", lambda: obs_prune(W, G, 9))
    refused(ValueError, "damping must be >= 0 and finite, got -1", lambda: damped(G, -1))
    refused(ValueError, "mask must be bool of shape (4, 8)", lambda: refit(W, torch.ones(4, 8), G))


def test_sparsegpt():
    import torch
    from sparsebook.mask import kept, nm_mask, topk_mask
    import math
    import matplotlib.pyplot as plt
    from hypothesis import given, strategies as st
    from sparsebook.score import keep_highest, wanda
    from sparsebook.obs import damped, layer_error, refit, sparsegpt

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def planted(seed=0, out=4, d=8, tokens=64, rank=3):
        """Weights and inputs whose channels share a few causes: the case where a removed weight can be replaced by others."""
        rng = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=rng, dtype=torch.float64)
        X = draw(tokens, rank) @ draw(rank, d) + 0.3 * draw(tokens, d)
        return (draw(out, d), X, X.T @ X)
    W, X, G = planted(0, out=32, d=64, tokens=512, rank=12)
    fig, ax = plt.subplots(figsize=(5, 2.2), dpi=80)
    levels = [0.3, 0.5, 0.7, 0.9]
    methods = {"magnitude": lambda s: W*topk_mask(W.abs(), kept(W.numel(), s)), "wanda": lambda s: W*keep_highest({"w": wanda(W, X.norm(dim=0))}, s, "row")["w"],
               "wanda + repair": lambda s: sparsegpt(W, G, mask=keep_highest({"w": wanda(W, X.norm(dim=0))}, s, "row")["w"])[0], "sparsegpt": lambda s: sparsegpt(W, G, s)[0]}
    for (name, prune), colour in zip(methods.items(), ("0.5", "#E69F00", "#56B4E9", "#0072B2"), strict=True): ax.semilogy(levels, [layer_error(W, prune(s), G) for s in levels], "o-", color=colour, label=name)
    ax.set_xlabel("sparsity"); ax.set_ylabel("relative error"); ax.legend(frameon=False)
    plt.close(fig); fig

    @given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0.0, 0.01, 0.5]))
    def column_by_column(seed, block, damping):
        W, X, G = planted(seed, out=3)
        mask = torch.rand(3, 8, generator=torch.Generator().manual_seed(seed)) < 0.5
        new, H = W.clone(), damped(G, damping)
        for j in range(8):
            inverse = torch.linalg.inv(H[j:, j:])
            for i in range(3):
                if not mask[i, j]: new[i, j:] -= new[i, j]/inverse[0, 0]*inverse[:, 0]
        got, same = sparsegpt(W, G, mask=mask, damping=damping, block=block)
        torch.testing.assert_close(got, new*mask, rtol=1e-7, atol=1e-8)
        assert torch.equal(same, mask) and torch.equal(got != 0, mask)
        if damping == 0: assert layer_error(W, refit(W, mask, G), G) <= layer_error(W, got, G) + 1e-12
    column_by_column()
    for seed in range(5):
        W, X, G = planted(seed, out=16, d=32, tokens=256, rank=6)
        norms = X.norm(dim=0)
        for s in (0.3, 0.5, 0.8):
            new, mask = sparsegpt(W, G, s, block=16)
            rows = sparsegpt(W, G, s, block=16, scope="row")[1]
            assert mask.sum() == kept(512, s) and (rows.sum(1) == kept(32, s)).all() and (new[~mask] == 0).all()
            assert layer_error(W, new, G) < min(layer_error(W, W*topk_mask(W.abs(), kept(512, s)), G), layer_error(W, W*keep_highest({"w": wanda(W, norms)}, s, "row")["w"], G))
        for n, m in ((2, 4), (4, 8), (1, 4)):
            new, mask = sparsegpt(W, G, nm=(n, m), block=16)
            assert (mask.unflatten(1, (-1, m)).sum(-1) == n).all()
            assert layer_error(W, new, G) < min(layer_error(W, W*nm_mask(score, n, m), G) for score in (W, wanda(W, norms)))

    W, _, _ = planted(3, out=4, d=8)
    norms = torch.rand(8, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.1
    new, mask = sparsegpt(W, torch.diag(norms**2), 0.5, damping=0, scope="row")
    assert torch.equal(mask, topk_mask(wanda(W, norms), 4, 1)) and torch.equal(new, W*mask)
    W, X, G = planted(4)
    assert torch.equal(sparsegpt(W, G, 0.0)[0], W) and sparsegpt(W, G, 1.0)[0].abs().max() == 0
    X[:, 5] = 0
    silent, mask = sparsegpt(W, X.T @ X, 1/8)
    assert not mask[:, 5].any() and mask.sum() == 28
    assert torch.equal(silent*mask, W*mask) and layer_error(W, silent, X.T @ X) == 0                  # its removal costs nothing and moves nothing
    conv = torch.randn(4, 2, 2, 2)
    new, mask = sparsegpt(conv, G, nm=(2, 4), block=4)
    assert new.dtype == torch.float32 and new.shape == mask.shape == conv.shape
    rounded, _ = sparsegpt(W, G, 0.0, quantise=lambda column, j: (4*column).round()/4)
    assert torch.equal(rounded*4, (rounded*4).round()) and layer_error(W, rounded, G) < layer_error(W, (4*W).round()/4, G)

    refused(ValueError, "give exactly one of sparsity, nm and mask", lambda: sparsegpt(W, G))
    refused(ValueError, "gram is singular at damping=0", lambda: sparsegpt(W, X[:2].T @ X[:2], 0.5, damping=0))
    refused(ValueError, "block must be at least 1 and a multiple of m, got 6", lambda: sparsegpt(W, G, nm=(2, 4), block=6))
    refused(ValueError, "dimension -1 must be a multiple of m=3, got size 8", lambda: sparsegpt(W, G, nm=(1, 3), block=6))
    refused(ValueError, "w must be finite", lambda: sparsegpt(W*math.nan, G, 0.5))
    refused(ValueError, "sparsity must be in 0..1", lambda: sparsegpt(W, G, 50))
