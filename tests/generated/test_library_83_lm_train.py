"""Generated from nbs/shared_lib/83_lm_train.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_windows_and_losses():
    import math
    import torch
    from torch import nn
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.tokenizer import BOS, MASK
    from sparsebook.lm_train import behind_bos, hide, masked_loss, next_token_loss, windows

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=20, d_model=16, n_layers=2, n_heads=2, d_ff=24, max_seq_len=16) | change)
    def cyclic(n=4000):
        """A text that a model can learn: 2, 3, ..., 19, 2, 3, ... with a jump every 97 tokens."""
        i = torch.arange(n)
        return (2 + (i + 5 * (i // 97)) % 18).to(torch.int32)
    rows = windows(cyclic(), 8)[:2].long()
    hide(rows, torch.tensor([0.25, 0.75]), torch.Generator().manual_seed(0))[0]

    rows = windows(cyclic(100), 8).long()
    assert rows.shape == (12, 8) and (rows.flatten() == cyclic(100)[:96]).all()
    assert behind_bos(rows)[3].tolist() == [BOS, *rows[3, :-1].tolist()]
    model = TransformerLM(small(causal=False))
    by_hand = -torch.stack([model(behind_bos(rows[i:i + 1]))[0].log_softmax(-1)[torch.arange(8), rows[i]].mean() for i in range(12)]).mean()
    torch.testing.assert_close(next_token_loss(model, rows), by_hand)
    given, hidden = hide(rows, torch.linspace(0.05, 1, 12), torch.Generator().manual_seed(0))
    assert (given[:, 0] == BOS).all() and (given[:, 1:][hidden] == MASK).all() and (given[:, 1:][~hidden] == rows[~hidden]).all() and hidden[-1].all()
    # a model that knows nothing: every logit 0. The bound is then log V in expectation, whatever t
    class Blind(nn.Module):
        def forward(self, x): return torch.zeros(*x.shape, 20)
    many = torch.stack([masked_loss(Blind(), rows, torch.Generator().manual_seed(s)) for s in range(100)])
    assert abs(many.mean() - math.log(20)) < 4*many.std()/10 and many.std() < 1
    refused(ValueError, "length must be in 1..100", lambda: windows(cyclic(100), 101))


def test_rates_and_checkpoints():
    import matplotlib.pyplot as plt
    from sparsebook.lm_train import Recipe, checkpoint_steps, rate

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    r = Recipe(tokens=100*2048)
    fig, ax = plt.subplots(figsize=(5, 2))
    ax.plot([rate(t, r) for t in range(100)])
    ax.set(xlabel="step", ylabel="factor")
    checkpoint_steps(100)

    r = Recipe(tokens=100*2048)
    assert r.steps == 100 and rate(0, r) == 0.25 and rate(4, r) == 1 and 0.1 < rate(99, r) < 0.102 and all(rate(t, r) > rate(t + 1, r) for t in range(4, 99))
    assert rate(0, Recipe(tokens=2048)) == 1
    assert checkpoint_steps(1) == [0, 1] and checkpoint_steps(20) == [0, 1, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    refused(ValueError, "tokens must be at least batch x length = 2048, got 2000", lambda: Recipe(tokens=2000))
    refused(ValueError, "objective must be one of next, masked", lambda: Recipe(tokens=4096, objective="last"))


def test_the_loop():
    import math
    from pathlib import Path
    import torch
    from sparsebook.lm import LMConfig, TransformerLM
    from sparsebook.train import Diverged
    import tempfile
    from dataclasses import replace
    import matplotlib.pyplot as plt
    from sparsebook.lm_train import Recipe, checkpoint_steps, fit

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=20, d_model=16, n_layers=2, n_heads=2, d_ff=24, max_seq_len=16) | change)
    def cyclic(n=4000):
        """A text that a model can learn: 2, 3, ..., 19, 2, 3, ... with a jump every 97 tokens."""
        i = torch.arange(n)
        return (2 + (i + 5 * (i // 97)) % 18).to(torch.int32)
    config, r = small(), Recipe(tokens=150*8*12, batch=8, length=12, lr=1e-2)
    model = TransformerLM(config, torch.Generator().manual_seed(0))
    history = fit(model, cyclic(), r)
    fig, ax = plt.subplots(figsize=(5, 2.2))
    ax.plot([h["step"] for h in history], [h["loss"] for h in history])
    ax.axhline(math.log(18), ls=":", color="k")
    ax.set(xlabel="step", ylabel="loss [nats]", title="a text with one rule; dotted: guessing");

    def interrupted(config, r):
        "A run that is killed and goes on ends with the bits of one that is not."
        fresh = lambda: TransformerLM(config, torch.Generator().manual_seed(0))
        whole, part, other, seen = fresh(), fresh(), TransformerLM(config, torch.Generator().manual_seed(9)), []
        told = fit(whole, cyclic(), r, keep=seen.append)
        assert seen == checkpoint_steps(40) and [h["step"] for h in told] == list(range(1, 41)) and told[-1]["loss"] < told[0]["loss"]
        class Killed(Exception): pass
        def kill(step):
            if step == 28: raise Killed
        with tempfile.TemporaryDirectory() as tmp:
            here = Path(tmp)/"run"
            try: fit(part, cyclic(), r, keep=kill, folder=here, every=10)                       # the state is that of step 20
            except Killed: pass
            assert sorted(p.name for p in here.iterdir()) == ["state.json", "state_20.safetensors"]
            later = []
            assert fit(other, cyclic(), r, later.append, folder=here, every=10) == told and later == [s for s in seen if s > 20]
            assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), other.parameters(), strict=True))
            again = TransformerLM(config)
            assert fit(again, cyclic(), r, folder=here) == told and not again.training and torch.equal(again.lm_head.weight, whole.lm_head.weight)   # a finished run is read
            refused(ValueError, "holds a run with another recipe", lambda: fit(fresh(), cyclic(), replace(r, lr=1e-3), folder=here))
            refused(ValueError, "holds a run with another tokens", lambda: fit(fresh(), cyclic() + (cyclic() == 2).int(), r, folder=here))
            file = here/"state_40.safetensors"
            data = bytearray(file.read_bytes())
            data[-1] ^= 1
            file.write_bytes(data)
            refused(ValueError, "its bytes changed", lambda: fit(fresh(), cyclic(), r, folder=here))
            (here/"state.json").write_text("{")
            refused(ValueError, "damaged", lambda: fit(fresh(), cyclic(), r, folder=here))

    interrupted(small(dropout=0.1), Recipe(tokens=40*8*12, batch=8, length=12, lr=1e-2, seed=3))
    interrupted(small(causal=False), Recipe(tokens=40*8*12, batch=8, length=12, lr=1e-2, seed=3, objective="masked"))
    no_rate = TransformerLM(small())
    before = [p.clone() for p in no_rate.parameters()]
    fit(no_rate, cyclic(), Recipe(tokens=96*3, batch=8, length=12, lr=0.0))
    assert all(torch.equal(a, b) for a, b in zip(before, no_rate.parameters(), strict=True)) and not no_rate.training

    broken = TransformerLM(small())
    with torch.no_grad(): broken.lm_head.weight[0, 0] = math.inf
    refused(Diverged, "not finite at step 1", lambda: fit(broken, cyclic(), Recipe(tokens=96*3, batch=8, length=12)))


def test_several_models_in_processes_of_their_own():
    from dataclasses import asdict
    from pathlib import Path
    import torch
    from sparsebook.artifact import save_artifact
    from sparsebook.lm import LMConfig
    import tempfile
    from sparsebook.lm_train import Recipe, checkpoint_steps, train_all, train_lm

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    def small(**change):
        return LMConfig(**dict(vocab_size=20, d_model=16, n_layers=2, n_heads=2, d_ff=24, max_seq_len=16) | change)
    def cyclic(n=4000):
        """A text that a model can learn: 2, 3, ..., 19, 2, 3, ... with a jump every 97 tokens."""
        i = torch.arange(n)
        return (2 + (i + 5 * (i // 97)) % 18).to(torch.int32)
    job = asdict(small()), asdict(Recipe(tokens=5*96, batch=8, length=12)), cyclic().numpy()
    list(train_all({"a": job})["a"].kept)

    job = asdict(small()), asdict(Recipe(tokens=5*96, batch=8, length=12)), cyclic().numpy()
    one, last = train_all({"a": job})["a"], train_lm(*job, steps="last")
    assert list(one.kept) == checkpoint_steps(5) and list(last.kept) == [5] and len(one.history) == 5
    assert (one.kept[5]["lm_head.weight"] == last.kept[5]["lm_head.weight"]).all() and (one.kept[0]["lm_head.weight"] != one.kept[5]["lm_head.weight"]).any()
    refused(ValueError, "steps must be 'all' or 'last', got 'first'", lambda: train_lm(*job, steps="first"))

    from unittest import mock

    class Killed(Exception): pass

    def dies_after(n):
        "Stands in for `save_artifact`: the process ends when it wants to keep checkpoint number n + 1."
        todo, real = [1]*n, save_artifact
        def save(*args):
            if not todo: raise Killed
            todo.pop()
            return real(*args)
        return mock.patch(f"{train_lm.__module__}.save_artifact", save)

    job = asdict(small()), asdict(Recipe(tokens=120*96, batch=8, length=12)), cyclic().numpy()
    whole, wanted = train_lm(*job), checkpoint_steps(120)
    with tempfile.TemporaryDirectory() as tmp:
        for n in (3, 16):                            # before the state of step 100, and behind it
            try:
                with dies_after(n): train_all({"a": job}, folder=tmp)
                raise AssertionError("it should have died")
            except Killed: pass
        assert (Path(tmp)/"a"/"state_100.safetensors").exists()
        whole_again, read = train_all({"a": job}, folder=tmp)["a"], train_all({"a": job}, folder=tmp)["a"]
    for other in (whole_again, read):
        assert list(other.kept) == wanted and other.history == whole.history
        assert all(list(other.kept[s]) == list(whole.kept[s]) and all((other.kept[s][n] == w).all() for n, w in whole.kept[s].items()) for s in wanted)


def test_a_model_of_the_pipeline():
    from dataclasses import asdict
    from pathlib import Path
    import torch
    from sparsebook.artifact import ArtifactError, save_artifact
    from sparsebook.lm import LMConfig
    import tempfile
    from sparsebook.lm_train import Recipe, load_base_lm, train_lm

    def refused(error, text, call):
        try:
            call()
        except error as e:
            assert text in str(e), e
            print(e)
        else:
            raise AssertionError(text)
    from sparsebook.artifact import seal
    from sparsebook.tokenizer import ByteTokenizer

    config, r = LMConfig(256, 16, 1, 2, 24, max_seq_len=16), Recipe(tokens=3*96, batch=8, length=12)
    text = torch.as_tensor(ByteTokenizer().encode("all that is gold does not glitter, "*40).astype("int32"))
    trained = train_lm(asdict(config), asdict(r), text)
    with tempfile.TemporaryDirectory() as tmp:
        for step, weights in trained.kept.items(): save_artifact(tmp, f"toy-0-{step:06d}", weights)
        save_artifact(tmp, "bytes", ByteTokenizer().to_json())
        save_artifact(tmp, "models", {"toy-0": {"tokenizer": "bytes", "config": asdict(config), "recipe": asdict(r), "steps": list(trained.kept)}})
        seal(tmp, {"profile": "quick"})
        model, tok, meta = load_base_lm("toy", folder=tmp)
        assert meta["step"] == 3 and meta["steps"] == [0, 1, 2, 3] and not model.training and tok.decode(tok.encode("gold")) == "gold"
        assert (model.lm_head.weight.detach().numpy() == trained.kept[3]["lm_head.weight"]).all()
        assert (load_base_lm("toy", step=1, folder=tmp).model.lm_head.weight.detach().numpy() == trained.kept[1]["lm_head.weight"]).all()
        refused(ValueError, "step must be 'last' or one of [0, 1, 2, 3], got 7", lambda: load_base_lm("toy", step=7, folder=tmp))
        refused(ValueError, "no model 'tiny' with seed 0", lambda: load_base_lm("tiny", folder=tmp))
        refused(ArtifactError, "train the base models first: make full PAPER=base_lm", lambda: load_base_lm("toy", profile="full", folder=tmp))
    refused(ArtifactError, "make paper PAPER=base_lm", lambda: load_base_lm("toy", folder=Path("nowhere")))
