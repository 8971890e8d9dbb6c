"""The pretrained models and the question sets: the real files against other people's readers, and gates that a wrongly read model fails."""
import copy
import math

import numpy as np
import pytest
import torch
from sparsebook.data import load

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2(have):
    have("smollm2-135m")
    from sparsebook.pretrained import load_smollm2
    return load_smollm2()


def test_smollm2_is_what_its_entry_says(smollm2):
    model, tokenizer, meta = smollm2
    assert meta["parameters"] == 134_515_008 and meta["weights"] == {"Q8_0": 1, "F32": 61, "Q4_1": 210} and meta["source"] == "gguf" and meta["instruct"]
    c = model.config
    assert (c.vocab_size, c.d_model, c.n_layers, c.n_heads, c.kv_heads, c.d_ff, c.rope_theta, c.tie, round(c.norm_eps, 9)) == (49152, 576, 30, 9, 3, 1536, 1e5, True, 1e-5)
    names = {n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)}
    assert names == {f"model.layers.{i}.{n}" for i in range(30) for n in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")} | {"lm_head"}
    assert model.lm_head.weight is model.model.embed_tokens.weight
    w = model.model.layers[7].mlp.up_proj.weight.detach().view(-1, 32)
    assert max(len(block.unique()) for block in w) <= 16, "4 bits: at most 16 values in a block of 32"
    assert (w == 0).float().mean() < .01


def test_smollm2_agrees_with_transformers(smollm2):
    "Its own reader of the same file: names, order of rows, rotation, norm, tokenizer."
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate", reason="transformers reads GGUF through accelerate")
    path = load("smollm2-135m").path
    theirs = transformers.AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    names = dict(theirs.named_parameters())
    for n, p in smollm2.model.named_parameters(): torch.testing.assert_close(p, names[n], rtol=0, atol=1e-6, msg=n)
    encode = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    text = "The cat sat on the mat in 1984, didn't it?  Two spaces\n\tand a tab: na\u00efve caf\u00e9 \U0001f600 12345."
    ids = smollm2.tokenizer.encode(text)
    assert ids.tolist() == encode(text, add_special_tokens=False)["input_ids"] and smollm2.tokenizer.decode(ids) == text
    assert smollm2.tokenizer.lengths()[ids].sum() == len(text.encode())
    x = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.inference_mode(): torch.testing.assert_close(smollm2.model(x), theirs(x).logits, rtol=0, atol=1e-4)


def test_smollm2_reads_prose(smollm2, have):
    "The first passages of BoolQ (Wikipedia), in windows of 256 tokens: perplexity 24; a model with one thing wrong has hundreds."
    have("lm-questions")
    from sparsebook.zero_shot import read_arrow
    ids = smollm2.tokenizer.encode("\n\n".join(read_arrow(load("lm-questions").boolq)["passage"][:20]))[:1536].astype(np.int64)
    with torch.inference_mode(): nll = [torch.nn.functional.cross_entropy(smollm2.model(w[None, :-1])[0], w[1:]).item() for w in torch.from_numpy(ids).view(-1, 256)]
    assert math.exp(np.mean(nll)) == pytest.approx(24.01, rel=.01)


def test_smollm2_knows_a_capital(smollm2):
    with torch.inference_mode(): p = smollm2.model(torch.from_numpy(smollm2.tokenizer.encode("The capital of France is").astype(np.int64))[None])[0, -1].softmax(-1)
    assert smollm2.tokenizer.decode([int(p.argmax())]) == " Paris" and p.max() > .7


@pytest.fixture(scope="module")
def minilm(have):
    have("all-minilm-l6-v2")
    from sparsebook.encoder import load_minilm
    return load_minilm()


SENTENCES = ["A cat sleeps on the sofa.", "The kitten is taking a nap on the couch.", "A dog runs across the field.", "The central bank raised interest rates.", "na\u00efve caf\u00e9, 1984!", "word " * 300]


def test_minilm_agrees_with_transformers(minilm):
    transformers = pytest.importorskip("transformers")
    ours = copy.deepcopy(minilm.model).double()
    config = transformers.BertConfig(vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, layer_norm_eps=1e-12, attn_implementation="eager")
    theirs = transformers.BertModel(config, add_pooling_layer=False).eval().double()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    for text in SENTENCES:
        ids = torch.tensor([minilm.tokenizer.encode(text).ids])
        mask = torch.ones_like(ids)
        mask[:, -2:] = 0
        with torch.inference_mode():
            want = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
            torch.testing.assert_close(ours(ids, mask.bool()), want, rtol=0, atol=1e-10)


def test_minilm_knows_what_is_alike(minilm):
    v = minilm.embed(SENTENCES)
    assert v.shape == (6, 384) and sum(p.numel() for p in minilm.model.parameters()) == 22_565_376
    torch.testing.assert_close(v.norm(dim=1), torch.ones(6))
    s = v @ v.T
    assert s[0, 1] > s[0, 2] + .2 > s[0, 3] + .2 and s[0, 1] > .5 and s[0, 3].abs() < .15
    torch.testing.assert_close(minilm.embed(SENTENCES[::-1], batch=1).flip(0), v, rtol=0, atol=1e-5)


def test_lite0_sees_what_is_on_a_photograph(have):
    for name in ("efficientnet-lite0", "photograph", "imagenet-names"): have(name)
    from sparsebook.vision import classify, load_lite0
    net, pictures, names = load_lite0(), load("photograph"), load("imagenet-names")
    assert sum(p.numel() for p in net.parameters()) == 4_652_008 and len(set(names)) > 990 and names[967] == "espresso"
    assert all(v.isfinite().all() for v in net.state_dict().values())
    name, p = classify(net, pictures["coffee"], names)[0]
    assert name == "espresso" and p == pytest.approx(.95, abs=.02)
    cats = {281, 282, 285}
    assert sum(p for i, p in classify(net, pictures["chelsea"]) if int(i) in cats) > .85
    assert classify(net, np.zeros((300, 300, 3), np.uint8))[0][1] < .5, "no picture, no certainty"


def test_the_questions(have):
    have("lm-questions")
    from sparsebook.zero_shot import questions
    for name, n, options, share in [("piqa", 1838, {2}, .5049), ("arc_easy", 570, {3, 4, 5}, None), ("boolq", 3270, {2}, .6217), ("sciq", 1000, {4}, .25), ("winogrande", 1267, {2}, .5043)]:
        some = questions(name)
        assert len(some) == n and {len(q.options) for q in some} <= options, name
        assert all(0 <= q.right < len(q.options) and all(before and scored.strip() for before, scored in q.options) for q in some)
        if name == "winogrande": assert all(len({scored for _, scored in q.options}) == 1 and len({before for before, _ in q.options}) == 2 for q in some)
        else: assert all(len({before for before, _ in q.options}) == 1 for q in some)
        if share: assert np.mean([q.right == (1 if name in ("piqa", "boolq", "winogrande") else 0) for q in some]) == pytest.approx(share, abs=1e-3), name


def test_smollm2_answers_more_than_chance(smollm2, have):
    have("lm-questions")
    from sparsebook.zero_shot import accuracy, questions, right_answers, score_options
    some = questions("sciq", 16)
    e = accuracy(right_answers(score_options(smollm2.model, smollm2.tokenizer, some), some), .25)
    assert e.low > .35, e
