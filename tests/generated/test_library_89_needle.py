"""Generated from nbs/shared_lib/89_needle.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_a_task_and_its_sequences():
    import numpy as np
    import torch
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.needle import KEYS, VALUES, needle_task, needles

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def prose(n=6000):
        """Words of the alphabet without digits, as a stand-in for a book."""
        rng = np.random.default_rng(0)
        return ByteTokenizer().encode(' '.join((['the', 'rain', 'of', 'a', 'long', 'year', 'fell', 'on', 'grey', 'stones', 'and', 'nobody', 'spoke'][i] for i in rng.integers(0, 13, n // 3))))[:n]
    tok = ByteTokenizer()
    task = needle_task(tok)
    d = needles(task, prose(), 240, 1, depth=0.3)
    print(tok.decode(d.rows[0]))
    print(f"answer at {d.start.item()}, needle's value at {d.place.item()}, depth {d.depth.item():.2f}, chance {task.chance}")

    tok = ByteTokenizer()
    for others, asks, depth in ((3, 1, None), (0, 1, 0.0), (5, 6, None), (2, 2, 1.0)):
        task = needle_task(tok, "\n<{key}:{value}>\n", others=others, asks=asks)
        d = needles(task, prose(), 300, 20, depth, seed=4)
        assert d.rows.shape == (20, 300) and d.size == 2 and d.start.shape == d.place.shape == d.depth.shape == (20, asks)
        for row, start, place, deep in zip(d.rows, d.start, d.place, d.depth, strict=True):
            text = tok.decode(row)
            for a, b, share in zip(start.tolist(), place.tolist(), deep.tolist(), strict=True):
                key, value = text[a - 4:a - 1], text[a:a + 2]
                assert key in KEYS and value in VALUES and text[b:b + 2] == value and text[b - 4:b - 1] == key and b < a
                assert [i for i in range(len(text)) if text.startswith(f"\n<{key}:", i)] == [b - 6, a - 6], "every key stands in one needle and one question"
                filler = (lambda t: len(t) - 10*t.count("\n<"))
                assert abs(filler(text[:b - 6])/filler(text[:text.rindex("\n<") - 10*(asks - 1)]) - share) < 1e-9
            assert text.count("\n<") == others + 1 + asks and text.endswith(value) and len({text[i + 6:i + 8] for i in range(len(text)) if text.startswith("\n<", i)}) == others + 1
        if depth is not None: assert (d.depth[:, 0] == depth).all()
    first, more, other = (needles(task, prose(), 300, n, seed=s) for n, s in ((3, 0), (8, 0), (3, 1)))
    assert torch.equal(first.rows, more.rows[:3]) and not torch.equal(first.rows, other.rows)
    class Pairs:
        "A tokenizer that merges some digits: the values then differ in length."
        def encode(self, text): return np.array([ord(c) for c in text.replace("11", "\u00ff").replace("37", "\u00fe")])
    merged = needle_task(Pairs())
    assert merged.size == 2 and len(merged.values) == 88

    task = needle_task(ByteTokenizer())
    refused(ValueError, "got 100, which leaves -18", lambda: needles(task, prose(), 100, 1))
    refused(ValueError, "depth must be in 0..1, got 50", lambda: needles(task, prose(), 300, 1, depth=50))
    refused(ValueError, "asks must be in 1..4 (the needles), got 5", lambda: needle_task(ByteTokenizer(), asks=5))
    refused(ValueError, "others must be less than the 2 keys, got 3", lambda: needle_task(ByteTokenizer(), keys=("a", "b")))
    refused(ValueError, "keys must differ", lambda: needle_task(ByteTokenizer(), keys=("a", "a"), others=0))


def test_a_mixture_to_train_on():
    import numpy as np
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.needle import mixture, needle_task

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def prose(n=6000):
        """Words of the alphabet without digits, as a stand-in for a book."""
        rng = np.random.default_rng(0)
        return ByteTokenizer().encode(' '.join((['the', 'rain', 'of', 'a', 'long', 'year', 'fell', 'on', 'grey', 'stones', 'and', 'nobody', 'spoke'][i] for i in rng.integers(0, 13, n // 3))))[:n]
    tok = ByteTokenizer()
    mixed = mixture(prose(), needle_task(tok, others=1, asks=2), 160, 0.1)
    print(tok.decode(next(r for r in mixed.reshape(-1, 160) if b"code" in r.astype("u1").tobytes())))

    text, task = prose(), needle_task(ByteTokenizer(), others=1)
    mixed = mixture(text, task, 150, 0.25, seed=2)
    changed = (mixed.reshape(-1, 150) != text[:6000].reshape(-1, 150)).any(1)
    assert mixed.dtype == text.dtype and mixed.shape == (6000,) and changed.sum() == 10
    assert all((b"\nThe code of " in row.astype("u1").tobytes()) == c for row, c in zip(mixed.reshape(-1, 150), changed, strict=True))
    assert (mixture(text, task, 150, 0) == text[:6000]).all() and (mixture(text, task, 150, 0.25, seed=3) != mixed).any()
    refused(ValueError, "share must be in 0..1, got 5", lambda: mixture(text, task, 150, 5))


def test_a_window_instead_of_all():
    import torch
    import matplotlib.pyplot as plt
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.needle import window_attention

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    one = torch.eye(9)[None, None]
    seen = {name: window_attention(3, 1)(0*one, 0*one, one, causal, 0)[0, 0] > 0 for name, causal in (("causal", True), ("both ways", False))}
    fig, axes = plt.subplots(1, 2, figsize=(4, 2))
    for ax, (name, s) in zip(axes, seen.items(), strict=True):
        ax.imshow(s.numpy(), cmap="Greys")
        ax.set(title=name, xlabel="key", ylabel="query", xticks=[], yticks=[])

    g = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 2, 11, 4, generator=g).unbind(0)
    for width, sinks, causal in ((3, 0, True), (1, 2, True), (4, 1, False), (11, 0, False)):
        out = window_attention(width, sinks)(q, k, v, causal, 0)
        for i in range(11):
            js = [j for j in range(11) if (abs(i - j) < width or j < sinks) and (j <= i or not causal)]
            p = (q[:, :, i:i + 1] @ k[:, :, js].mT/2).softmax(-1)
            torch.testing.assert_close(out[:, :, i:i + 1], p @ v[:, :, js])
    model = TransformerLM(LMConfig(256, 16, 2, 2, 24, max_seq_len=16), g)
    x = torch.randint(2, 256, (2, 16), generator=g)
    torch.testing.assert_close(model(x, window_attention(16)), model(x))
    assert (model(x, window_attention(4)) - model(x)).abs()[:, 4:].max() > 1e-4
    torch.testing.assert_close(model(x, window_attention(4))[:, :4], model(x)[:, :4])
    refused(ValueError, "width must be at least 1", lambda: window_attention(0))


def test_right_answers():
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
    from sparsebook.tokenizer import MASK
    import matplotlib.pyplot as plt
    from sparsebook.lm import LMConfig, TransformerLM, attend_all
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.needle import answers, needle_task, needles, window_attention

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def prose(n=6000):
        """Words of the alphabet without digits, as a stand-in for a book."""
        rng = np.random.default_rng(0)
        return ByteTokenizer().encode(' '.join((['the', 'rain', 'of', 'a', 'long', 'year', 'fell', 'on', 'grey', 'stones', 'and', 'nobody', 'spoke'][i] for i in rng.integers(0, 13, n // 3))))[:n]
    class Lookup(nn.Module):
        """Attention that looks for the same `c` <= 8 bytes before and says what followed: what an induction head learns. It answers every question that its attention can reach."""

        def __init__(self, c=8, causal=True):
            super().__init__()
            self.c, self.causal = (c, causal)

        def forward(self, tokens, attend=attend_all):
            B, T = tokens.shape
            grams = lambda first: sum((F.pad(tokens, (i, 0))[:, :T] << 8 * (i - first) for i in range(first, first + self.c)))
            kinds = torch.stack([grams(0) if self.causal else grams(1), grams(1)]).unique(return_inverse=True)[1]
            names = torch.randn(int(kinds.max()) + 1, 256, generator=torch.Generator().manual_seed(0)).sign()
            told = F.one_hot(tokens, 256).float() * (tokens != 1)[..., None]
            return attend(names[kinds[0]][:, None] * 1000.0, names[kinds[1]][:, None], told[:, None], self.causal, 0)[:, 0]
    task = needle_task(ByteTokenizer())
    d = needles(task, prose(), 400, 64)
    near = answers(Lookup().eval(), d, window_attention(128))
    fig, ax = plt.subplots(figsize=(5, 1.6))
    ax.scatter((d.start - d.place)[:, 0], near[:, 0], c=near[:, 0], cmap="coolwarm_r", s=12)
    ax.axvline(128, ls=":", color="k")
    ax.set(xlabel="distance from answer to needle [tokens]", yticks=[0, 1], yticklabels=["wrong", "right"], title="a lookup whose window has 128 tokens");

    full, d = Lookup().eval(), needles(needle_task(ByteTokenizer(), others=4, asks=3), prose(), 420, 40, seed=1)
    assert answers(full, d).all()
    for width in (60, 150, 260):
        reach = d.start - d.place <= width                    # the query stands before the answer's token, the key that it looks for on the needle's
        assert (answers(full, d, window_attention(width)) == reach).all() and 0 < reach.double().mean() < 1
        assert answers(full, d, window_attention(width, sinks=421)).all()
    # a model that knows nothing of the key, but all values: the last one it has seen
    class Last(nn.Module):
        def forward(self, x):
            end = (x == ord("\n")).int()
            return F.one_hot(x.roll(0), 256).float()*end[..., None]
    assert not answers(Last().eval(), d).any()
    letters = needle_task(ByteTokenizer(), values=tuple("0123456789"), others=4, asks=3)
    e = needles(letters, prose(), 420, 40, seed=1)
    both = Lookup(causal=False).eval()
    assert e.size == 1 and answers(both, e, masked=True).all() and not answers(both, e, window_attention(5), masked=True).any()
    random = TransformerLM(LMConfig(256, 16, 1, 2, 24, max_seq_len=421, causal=False)).eval()
    assert answers(random, e, batch=7).shape == (40, 3) and answers(random, e).float().mean() < 0.3
    class Spy(nn.Module):
        def forward(self, x):
            self.x = x
            return F.one_hot(x, 256).float()
    spy = Spy().eval()
    assert not answers(spy, e, masked=True, batch=40).any() and (spy.x[:, 0] == 0).all() and (spy.x == MASK).sum() == 120, "a bidirectional model cannot see the answers"
    assert (spy.x[:, 1:].gather(1, e.start) == MASK).all() and (spy.x[:, 1:].gather(1, e.place) != MASK).all()
    refused(ValueError, "call model.eval() first", lambda: answers(Lookup(), d))


def test_by_depth_and_length():
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
    import matplotlib.pyplot as plt
    from sparsebook.lm import attend_all
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.needle import needle_profile, needle_task, right_share, window_attention

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def prose(n=6000):
        """Words of the alphabet without digits, as a stand-in for a book."""
        rng = np.random.default_rng(0)
        return ByteTokenizer().encode(' '.join((['the', 'rain', 'of', 'a', 'long', 'year', 'fell', 'on', 'grey', 'stones', 'and', 'nobody', 'spoke'][i] for i in rng.integers(0, 13, n // 3))))[:n]
    class Lookup(nn.Module):
        """Attention that looks for the same `c` <= 8 bytes before and says what followed: what an induction head learns. It answers every question that its attention can reach."""

        def __init__(self, c=8, causal=True):
            super().__init__()
            self.c, self.causal = (c, causal)

        def forward(self, tokens, attend=attend_all):
            B, T = tokens.shape
            grams = lambda first: sum((F.pad(tokens, (i, 0))[:, :T] << 8 * (i - first) for i in range(first, first + self.c)))
            kinds = torch.stack([grams(0) if self.causal else grams(1), grams(1)]).unique(return_inverse=True)[1]
            names = torch.randn(int(kinds.max()) + 1, 256, generator=torch.Generator().manual_seed(0)).sign()
            told = F.one_hot(tokens, 256).float() * (tokens != 1)[..., None]
            return attend(names[kinds[0]][:, None] * 1000.0, names[kinds[1]][:, None], told[:, None], self.causal, 0)[:, 0]
    task, lengths, depths = needle_task(ByteTokenizer()), [200, 300, 400], [0, 0.25, 0.5, 0.75, 1]
    table = needle_profile(Lookup().eval(), task, prose(), lengths, depths, 8, attend=window_attention(150))
    fig, ax = plt.subplots(figsize=(4, 2.2))
    fig.colorbar(ax.imshow(np.array([c["right"] for c in table]).reshape(3, 5).T, vmin=0, vmax=1, cmap="viridis", aspect="auto"), label="right")
    ax.set(xticks=range(3), xticklabels=lengths, yticks=range(5), yticklabels=depths, xlabel="length [tokens]", ylabel="depth", title="a lookup with a window of 150");

    from scipy.stats import binomtest
    for k, n in ((0, 10), (3, 10), (10, 10), (17, 64)):
        e, ci = right_share(torch.arange(n) < k), binomtest(k, n).proportion_ci(method="exact")
        np.testing.assert_allclose([e.estimate, e.low, e.high], [k/n, ci.low, ci.high], rtol=1e-9)
    several = torch.tensor([[True, True], [True, False], [False, False]])
    assert right_share(several).estimate == 0.5 and right_share(several).n == 3 and right_share(several[:, :1]).estimate == 2/3
    table = needle_profile(Lookup().eval(), needle_task(ByteTokenizer()), prose(), [200, 360], [0, 1], 6)
    assert [(c["length"], c["depth"]) for c in table] == [(200, 0), (200, 1), (360, 0), (360, 1)] and all(c["right"] == c["high"] == 1 and c["n"] == 6 for c in table)
    refused(ValueError, "at least one sequence", lambda: right_share(torch.zeros(0, dtype=torch.bool)))


def test_the_gate():
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F
    from sparsebook.lm import attend_all
    from sparsebook.tokenizer import ByteTokenizer
    from sparsebook.needle import answers, needle_task, needles, window_attention, window_gate

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def prose(n=6000):
        """Words of the alphabet without digits, as a stand-in for a book."""
        rng = np.random.default_rng(0)
        return ByteTokenizer().encode(' '.join((['the', 'rain', 'of', 'a', 'long', 'year', 'fell', 'on', 'grey', 'stones', 'and', 'nobody', 'spoke'][i] for i in rng.integers(0, 13, n // 3))))[:n]
    class Lookup(nn.Module):
        """Attention that looks for the same `c` <= 8 bytes before and says what followed: what an induction head learns. It answers every question that its attention can reach."""

        def __init__(self, c=8, causal=True):
            super().__init__()
            self.c, self.causal = (c, causal)

        def forward(self, tokens, attend=attend_all):
            B, T = tokens.shape
            grams = lambda first: sum((F.pad(tokens, (i, 0))[:, :T] << 8 * (i - first) for i in range(first, first + self.c)))
            kinds = torch.stack([grams(0) if self.causal else grams(1), grams(1)]).unique(return_inverse=True)[1]
            names = torch.randn(int(kinds.max()) + 1, 256, generator=torch.Generator().manual_seed(0)).sign()
            told = F.one_hot(tokens, 256).float() * (tokens != 1)[..., None]
            return attend(names[kinds[0]][:, None] * 1000.0, names[kinds[1]][:, None], told[:, None], self.causal, 0)[:, 0]
    task = needle_task(ByteTokenizer())
    d, model = needles(task, prose(), 400, 64), Lookup().eval()
    window_gate(answers(model, d), answers(model, d, window_attention(128)), task.chance)

    yes, no = torch.ones(40, 1, dtype=torch.bool), torch.zeros(40, 1, dtype=torch.bool)
    half = torch.arange(40)[:, None] % 2 == 0
    assert window_gate(yes, no)["holds"] and window_gate(yes, no)["ratio"] == 0 and window_gate(yes, no)["margin"].estimate == 0.6
    gate = window_gate(yes, half)
    assert gate["ratio"] == 0.5 and abs(gate["margin"].estimate - 0.1) < 1e-12 and not gate["holds"], "0.5 is below 0.6, but not surely with 40 sequences"
    assert window_gate(yes.repeat(20, 1), half.repeat(20, 1))["holds"]
    assert not window_gate(no, no)["holds"] and not window_gate(half & (torch.arange(40)[:, None] < 12), no, chance=0.25)["holds"], "a model that guesses needs no window"
    refused(ValueError, "the same questions, got (40, 1) and (39, 1)", lambda: window_gate(yes, yes[1:]))
