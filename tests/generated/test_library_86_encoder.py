"""Generated from nbs/shared_lib/86_encoder.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_the_forward_pass():
    import torch
    from sparsebook.archive import DataError
    import pytest
    from sparsebook.encoder import Bert, BertConfig

    net = Bert(BertConfig(10, 8, 1, 2, 12, 6))
    for name, p in net.named_parameters(): print(f"{name:52} {tuple(p.shape)}")

    torch.manual_seed(0)
    net = Bert(BertConfig(20, 8, 2, 2, 12, 9)).double()
    x = torch.randint(20, (3, 6))
    full = net(x, torch.ones(3, 6, dtype=torch.bool))
    padded = net(torch.cat([x, torch.randint(20, (3, 3))], 1), torch.arange(9).expand(3, 9) < 6)
    torch.testing.assert_close(padded[:, :6], full)
    assert not torch.allclose(net(x.flip(1), torch.ones(3, 6, dtype=torch.bool)).flip(1), full, atol=1e-3)

    b, h, m = net.encoder.layer[0], torch.randn(1, 5, 8, dtype=torch.float64), torch.tensor([[1., 1, 1, 0, 1]], dtype=torch.float64)
    def by_hand(x):
        q, k, v = (getattr(b.attention.self, n)(x)[0] for n in ("query", "key", "value"))
        heads = [((q[:, s] @ k[:, s].T/2 + m.log()).softmax(-1) @ v[:, s]) for s in (slice(0, 4), slice(4, 8))]
        def norm(z, ln): return (z - z.mean(-1, keepdim=True))/z.var(-1, keepdim=True, unbiased=False).sqrt()*ln.weight + ln.bias
        y = norm(x[0] + b.attention.output.dense(torch.cat(heads, -1)), b.attention.output.LayerNorm)
        u = b.intermediate.dense(y)
        return norm(y + b.output.dense(u*(1 + torch.erf(u/2**.5))/2), b.output.LayerNorm)
    torch.testing.assert_close(b(h, m.bool())[0], by_hand(h))

    with pytest.raises(ValueError, match="at most 4 tokens, got 5"): Bert(BertConfig(9, 8, 1, 2, 12, 4))(torch.zeros(1, 5, dtype=torch.long), torch.ones(1, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match="must divide d_model=9"): BertConfig(9, 9, 1, 2, 12)
    with pytest.raises(DataError, match="got \\('roberta', 'gelu', 'absolute'\\)"): BertConfig.from_hf({"model_type": "roberta", "hidden_act": "gelu"})


def test_one_vector_for_a_sentence():
    import torch
    from sparsebook.encoder import mean_pool

    mean_pool(torch.tensor([[[3., 0], [0, 4], [9, 9]]]), torch.tensor([[True, True, False]]))

    x, m = torch.randn(4, 6, 5, dtype=torch.float64), torch.rand(4, 6) < .6
    m[:, 0] = True
    for row, states, keep in zip(mean_pool(x, m), x, m, strict=True):
        mean = states[keep].mean(0)
        torch.testing.assert_close(row, mean/mean.norm())


def test_load_and_embed():
    import json
    import zipfile
    from pathlib import Path
    import torch
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.encoder import Bert, BertConfig, load_encoder

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny_zip(path, seed=0, drop=None, **change):
        """What the wheel holds, small: returns the weights."""
        from safetensors.torch import save
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
        words = '[PAD] [UNK] [CLS] [SEP] the cat dog sat ran a ##s , .'.split()
        config = {'model_type': 'bert', 'vocab_size': len(words), 'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'intermediate_size': 24, 'max_position_embeddings': 12, 'type_vocab_size': 2, 'layer_norm_eps': 1e-12, 'hidden_act': 'gelu'}
        torch.manual_seed(seed)
        weights = {k: v + 0.3 * torch.randn_like(v) for k, v in Bert(BertConfig.from_hf(config)).state_dict().items() if k != drop}
        t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token='[UNK]'))
        t.normalizer, t.pre_tokenizer = (normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer())
        t.post_processor = processors.BertProcessing(('[SEP]', 3), ('[CLS]', 2))
        t.enable_padding(length=10)
        with zipfile.ZipFile(path, 'w') as z:
            z.writestr('config.json', json.dumps(config | change))
            z.writestr('model.safetensors', save(weights | {'embeddings.position_ids': torch.arange(12)[None]}))
            z.writestr('tokenizer.json', t.to_str())
        return weights
    path = temp()/"model.zip"
    tiny_zip(path)
    e = load_encoder(path)
    e.embed(["the cat sat", "the dogs ran, ran, ran."])[:, :5]

    weights = tiny_zip(path)
    e = load_encoder(path, torch.float64)
    for k, p in e.model.named_parameters(): torch.testing.assert_close(p.detach().float(), weights[k])
    texts = ["the cat sat on a dog", "a", "", "dogs, cats.", "a zebra ran " * 9]
    out = e.embed(texts, batch=2)
    assert out.shape == (5, 16) and not e.model.training and len(e.tokenizer.encode(texts[-1]).ids) == 12
    torch.testing.assert_close(out.norm(dim=1), torch.ones(5, dtype=torch.float64))
    for text, row in zip(texts, out, strict=True): torch.testing.assert_close(e.embed([text])[0], row)
    torch.testing.assert_close(e.embed(["The CAT"]), e.embed(["the cat"]))
    assert e.embed([]).shape == (0, 16)

    with pytest.raises(TypeError, match=r"embed\(\[text\]\)"): e.embed("a cat")
    tiny_zip(path, drop="encoder.layer.1.output.dense.bias")
    with pytest.raises(DataError, match="'encoder.layer.1.output.dense.bias' is missing"): load_encoder(path)
    tiny_zip(path, vocab_size=99)
    with pytest.raises(DataError, match="must have shape \\(99, 16\\), got \\(13, 16\\)"): load_encoder(path)
    path.write_bytes(b"<html>")
    with pytest.raises(DataError, match="must be a zip file"): load_encoder(path)


def test_minilm():
    import json
    import zipfile
    from pathlib import Path
    import torch
    import tempfile
    from unittest import mock
    from sparsebook.encoder import Bert, BertConfig, load_minilm

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny_zip(path, seed=0, drop=None, **change):
        """What the wheel holds, small: returns the weights."""
        from safetensors.torch import save
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
        words = '[PAD] [UNK] [CLS] [SEP] the cat dog sat ran a ##s , .'.split()
        config = {'model_type': 'bert', 'vocab_size': len(words), 'hidden_size': 16, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'intermediate_size': 24, 'max_position_embeddings': 12, 'type_vocab_size': 2, 'layer_norm_eps': 1e-12, 'hidden_act': 'gelu'}
        torch.manual_seed(seed)
        weights = {k: v + 0.3 * torch.randn_like(v) for k, v in Bert(BertConfig.from_hf(config)).state_dict().items() if k != drop}
        t = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token='[UNK]'))
        t.normalizer, t.pre_tokenizer = (normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer())
        t.post_processor = processors.BertProcessing(('[SEP]', 3), ('[CLS]', 2))
        t.enable_padding(length=10)
        with zipfile.ZipFile(path, 'w') as z:
            z.writestr('config.json', json.dumps(config | change))
            z.writestr('model.safetensors', save(weights | {'embeddings.position_ids': torch.arange(12)[None]}))
            z.writestr('tokenizer.json', t.to_str())
        return weights
    path = temp()/"model.zip"
    tiny_zip(path)
    with mock.patch(f"{load_minilm.__module__}.load", lambda name: mock.Mock(path=path)): assert load_minilm(torch.bfloat16).embed(["a cat"]).dtype == torch.bfloat16


@pytest.mark.slow
def test_what_it_knows():
    import numpy as np
    from sparsebook.fetch import cached
    from sparsebook.encoder import load_minilm

    if cached("all-minilm-l6-v2"):
        e = load_minilm()
        texts = ["A cat sleeps on the sofa.", "The kitten is taking a nap on the couch.", "A dog runs across the field.", "The central bank raised interest rates."]
        s = e.embed(texts) @ e.embed(texts).T
        print(np.round(s.numpy(), 2))
    else: print("not in the cache yet: load_minilm() fetches 83 MB")

    if cached("all-minilm-l6-v2"):
        assert s[0, 1] > .5 and s[0, 1] > s[0, 2] + .2 and s[0, 2] > s[0, 3] and s[:3, 3].max() < .15
        question = e.embed(["How do I bake bread?"])
        answers = ["Mix flour, water, salt and yeast, let it rise, put it into a hot oven.", "Water the plants in the morning.", "The train leaves at nine."]
        assert (question @ e.embed(answers).T).argmax() == 0
