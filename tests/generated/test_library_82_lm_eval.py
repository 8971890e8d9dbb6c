"""Generated from nbs/shared_lib/82_lm_eval.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_loss_of_every_token():
    import math
    import torch
    from sparsebook.lm_train import BOS
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.lm_eval import eval_nll, masked_nll

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def toy(causal=True):
        return TransformerLM(LMConfig(20, 16, 2, 2, 24, max_seq_len=16, causal=causal), torch.Generator().manual_seed(0)).eval()
    def some_tokens(n, seed=0):
        return torch.randint(2, 20, (n,), generator=torch.Generator().manual_seed(seed))
    [round(eval_nll(toy(), some_tokens(40), 12, stride)[15].item(), 4) for stride in (12, 6, 1)]  # token 15 with a context of 3, 9 and 11 tokens

    model, x = toy(), some_tokens(29)
    with torch.no_grad():
        for p in model.parameters(): p += 0.3*torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
    def one_by_one(seqlen, stride):
        "The definition: each token from the first window that holds it."
        out, starts = [], [*range(0, len(x) - seqlen, stride), len(x) - seqlen]
        for i in range(len(x)):
            a = next(a for a in starts if a <= i < a + seqlen)
            given = torch.cat([torch.tensor([BOS]), x[a:i]])
            out.append(-model(given[None])[0, -1].log_softmax(-1)[x[i]].item())
        return torch.tensor(out, dtype=torch.float64)
    for seqlen, stride in [(12, 12), (12, 5), (12, 1), (16, 16), (7, 3)]:
        for batch in (1, 3): torch.testing.assert_close(eval_nll(model, x, seqlen, stride, batch), one_by_one(seqlen, stride), atol=1e-5, rtol=0)
    assert eval_nll(model, x[:5], 12).shape == (5,)
    class Named:
        def __init__(self, logits): self.logits = logits
    torch.testing.assert_close(eval_nll(lambda t: Named(model(t)), x, 12), eval_nll(model, x, 12))
    blind = lambda given: torch.zeros(*given.shape, 20)
    assert all(torch.allclose(v, torch.tensor(math.log(20)).double()) for v in masked_nll(blind, some_tokens(4000).view(20, 200), torch.Generator().manual_seed(0)).values())
    refused(ValueError, "stride must be in 1..seqlen=12, got 13", lambda: eval_nll(model, x, 12, 13))
    refused(ValueError, "tokens must hold at least one token", lambda: eval_nll(model, [], 12))


def test_bits_per_byte_perplexity():
    import math
    import torch
    from sparsebook.lm_eval import bits_per_byte, perplexity

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    bits_per_byte([math.log(256)]*10, 10), perplexity([math.log(256)]*10)

    nll = [math.log(4), math.log(16)]                                 # 2 and 4 bits, over 3 bytes
    assert abs(bits_per_byte(nll, 3) - 2) < 1e-12 and abs(perplexity(nll) - 8) < 1e-12
    assert bits_per_byte(torch.tensor(nll, dtype=torch.float64), 3) == bits_per_byte(nll, 3)
    refused(ValueError, "n_bytes must be at least 1, got 0", lambda: bits_per_byte(nll, 0))


def test_two_models_on_the_same_tokens():
    import math
    import numpy as np
    from sparsebook.lm_eval import paired_difference

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    rng = np.random.default_rng(0)
    base, shift = rng.gamma(2, 1.5, 4000), np.repeat(rng.normal(0.1, 0.1, 40), 100)   # 40 sequences, each with a difference of its own
    paired_difference(base + shift + rng.normal(0, 0.3, 4000), base, 100)

    rng, hit = np.random.default_rng(1), {50: 0, 1: 0}
    for _ in range(100):
        d = np.repeat(rng.normal(0.1, 0.2, 30), 50) + rng.normal(0, 0.2, 1500)
        for size in hit:
            e = paired_difference(d, np.zeros(1500), size, draws=200, seed=int(rng.integers(1 << 30)))
            hit[size] += e.low <= 0.1 <= e.high
    assert hit[50] >= 87 and hit[1] < 50, hit
    e = paired_difference([1, 2, 3, 10], [0, 0, 0, 0], ["a", "a", "a", "b"])
    assert e.estimate == 4 and e.n == 2 and (e.low, e.high) == (2, 10)           # the draws: aa, ab, bb
    assert paired_difference([1.0], [0.5], 1).low == -math.inf
    refused(ValueError, "a - b must be finite, got 1 NaN", lambda: paired_difference([math.nan, 1], [0, 0], 1))
    refused(ValueError, "sequence must name one for each of the 2 tokens, got 3", lambda: paired_difference([1, 1], [0, 0], [0, 1, 2]))


def test_what_counting_can_do():
    import math
    import numpy as np
    import matplotlib.pyplot as plt
    from sparsebook.lm_eval import NGram

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    text = (b"the cat sat on the mat. the rat sat on the cat. " * 8)
    fig, ax = plt.subplots(figsize=(5, 2))
    for order in (1, 2, 4): ax.plot(NGram(text[:200], order).nll(text[200:260])/math.log(2), label=f"order {order}")
    ax.set(xlabel="byte", ylabel="bits"); ax.legend();

    model = NGram(b"aab", 2)
    p1 = {"a": (2 - 1/3)/3 + (1/3)*2/3/256, "b": (1 - 1/3)/3 + (1/3)*2/3/256, "c": (1/3)*2/3/256}
    p = lambda text: np.exp(-model.nll(text.encode()))[-1]
    for w in "abc":
        assert abs(p("a" + w) - p1[w]) < 1e-12                             # after a: (1 - 1)/2 + 1*2/2 p1(w)
        assert abs(p("c" + w) - p1[w]) < 1e-12                             # an unknown context: the shorter one
        assert abs(p(w) - p1[w]) < 1e-12                                   # the beginning of a text
    rng = np.random.default_rng(0)
    data = bytes(rng.integers(97, 101, 500, dtype=np.uint8))
    for order in (1, 3, 5, 8):
        model = NGram(data, order)
        for context in (b"", b"ab", b"dcbadcba", b"zz"): assert abs(sum(np.exp(-model.nll(context + bytes([w])))[-1] for w in range(256)) - 1) < 1e-9
    counted = NGram(b"abcabdabc"*50, 3)
    assert counted.nll(b"abcabdabc"*3).mean() < 0.5*NGram(b"abcabdabc"*50, 1).nll(b"abcabdabc"*3).mean()
    assert np.isfinite(NGram(b"a", 4).nll(b"aab")).all()
    refused(ValueError, "order must be in 1..8, got 9", lambda: NGram(b"abc", 9))
