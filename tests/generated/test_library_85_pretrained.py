"""Generated from nbs/shared_lib/85_pretrained.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_two_orders_of_a_head_s_rows():
    import torch
    from sparsebook.lm import rotary
    import math
    import pytest
    from sparsebook.lm import rotate
    from sparsebook.pretrained import half_split

    half_split(torch.arange(12)[:, None], 2).flatten()

    def turn_halves(x, theta): return rotate(x, rotary(*x.shape, theta))

    def rotate_neighbours(x, theta):
        out = x.clone()
        for t in range(x.shape[0]):
            for j in range(x.shape[1]//2):
                a = t*theta**(-2*j/x.shape[1])
                out[t, 2*j], out[t, 2*j+1] = x[t, 2*j]*math.cos(a) - x[t, 2*j+1]*math.sin(a), x[t, 2*j+1]*math.cos(a) + x[t, 2*j]*math.sin(a)
        return out
    x, wq, wk = (torch.randn(n, 5) for n in (7, 16, 16))
    def scores(rotate, wq, wk): return [rotate(x @ a.T, 100.) @ rotate(x @ b.T, 100.).T for a, b in zip(wq.chunk(2), wk.chunk(2), strict=True)]
    for ours, theirs in zip(scores(turn_halves, half_split(wq, 2), half_split(wk, 2)), scores(rotate_neighbours, wq, wk), strict=True): torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(scores(turn_halves, wq, wk)[0], scores(rotate_neighbours, wq, wk)[0], atol=.1)

    with pytest.raises(ValueError, match="12 rows must be a multiple"): half_split(torch.zeros(12, 3), 5)


def test_the_tokenizer():
    from sparsebook.pretrained import byte_bpe

    tokens = ["<s>", "<t>", "a", "b", "c", "Ġ", "1", "2", "ab", "abc", "Ġab", "12"]
    t = byte_bpe(tokens, ["a b", "ab c", "Ġ ab", "1 2"], tokens[:2])
    [tokens[i] for i in t.encode("abc ab12")]

    tokens = ["<s>", "<t>", *"abcst<>", "Ġ", "1", "2", "ab", "abc", "Ġab", "12"]
    t = byte_bpe(tokens, ["a b", "ab c", "Ġ ab", "1 2"], tokens[:2])
    for text, want in [("abc ab12", ["abc", "Ġab", "1", "2"]), ("<s>ab", ["<", "s", ">", "ab"]), ("", [])]:
        ids = t.encode(text)
        assert [tokens[i] for i in ids] == want and t.decode(ids) == text and t.lengths()[ids].sum() == len(text)


def test_load_a_gguf_file():
    from pathlib import Path
    import torch
    from sparsebook.archive import DataError
    from sparsebook.lm import LMConfig
    import tempfile
    import numpy as np
    import pytest
    from sparsebook.pretrained import load_gguf

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny_gguf(path, seed=0, tie=True, **change):
        """A llama of 2 blocks with random weights, its q and k permuted as llama.cpp does; returns the unpermuted weights by Hugging Face's names."""
        import gguf
        tokens = ['<|end|>', *(c.replace(' ', 'Ġ').replace('\n', 'Ċ') for c in 'abcdefgh \n.,1234'), 'ab', 'Ġa', 'abc']
        d, h, kv, ff, v = (64, 4, 2, 96, len(tokens))
        rng = np.random.default_rng(seed)
        w = gguf.GGUFWriter(path, change.pop('arch', 'llama'))
        facts = {'embedding_length': d, 'block_count': 2, 'feed_forward_length': ff, 'head_count': h, 'head_count_kv': kv, 'context_length': 32, 'rope_freq_base': 10000.0, 'layer_norm_rms_eps': 1e-05} | change
        for k, x in facts.items():
            getattr(w, f'add_{k}')(x)
        w.add_tokenizer_model('gpt2')
        w.add_tokenizer_pre('smollm')
        w.add_token_list(tokens)
        w.add_token_types([3] + [1] * (v - 1))
        w.add_token_merges(['a b', 'Ġ a', 'ab c'])
        out = {}

        def add(ours, theirs, shape, heads=0):
            x = rng.normal(size=shape).astype(np.float32) * (0.3 if len(shape) == 2 else 0.1) + (len(shape) == 1)
            kind = gguf.GGMLQuantizationType.Q4_1 if len(shape) == 2 and shape[1] % 32 == 0 and ('embed' not in ours) else gguf.GGMLQuantizationType.F32

            def pack(x):
                return gguf.quantize(x, kind)
            x = gguf.dequantize(pack(x), kind).reshape(shape)
            out[ours] = torch.from_numpy(x.copy())
            if heads:
                x = x.reshape(heads, 2, shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(shape)
            w.add_tensor(theirs, pack(x), raw_dtype=kind)
        add('model.embed_tokens.weight', 'token_embd.weight', (v, d))
        add('model.norm.weight', 'output_norm.weight', (d,))
        if not tie:
            add('lm_head.weight', 'output.weight', (v, d))
        for i in range(2):
            ours, theirs = (f'model.layers.{i}.', f'blk.{i}.')
            add(ours + 'input_layernorm.weight', theirs + 'attn_norm.weight', (d,))
            add(ours + 'post_attention_layernorm.weight', theirs + 'ffn_norm.weight', (d,))
            add(ours + 'self_attn.q_proj.weight', theirs + 'attn_q.weight', (d, d), h)
            add(ours + 'self_attn.k_proj.weight', theirs + 'attn_k.weight', (d * kv // h, d), kv)
            add(ours + 'self_attn.v_proj.weight', theirs + 'attn_v.weight', (d * kv // h, d))
            add(ours + 'self_attn.o_proj.weight', theirs + 'attn_output.weight', (d, d))
            add(ours + 'mlp.gate_proj.weight', theirs + 'ffn_gate.weight', (ff, d))
            add(ours + 'mlp.up_proj.weight', theirs + 'ffn_up.weight', (ff, d))
            add(ours + 'mlp.down_proj.weight', theirs + 'ffn_down.weight', (d, ff))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        return out
    path = temp()/"tiny.gguf"
    tiny_gguf(path)
    model, tokenizer, meta = load_gguf(path)
    print(meta, tokenizer.encode("abc ab."))

    for tie in [True, False]:
        want = tiny_gguf(path, tie=tie)
        model, tokenizer, meta = load_gguf(path)
        got = dict(model.named_parameters())
        assert got.keys() == want.keys()
        for k, w in want.items(): torch.testing.assert_close(got[k].detach(), w, rtol=0, atol=1e-6, msg=k)
        assert (model.lm_head.weight is model.model.embed_tokens.weight) is tie and not model.training
        assert model.config == LMConfig(20, 64, 2, 4, 96, 2, 32, tie=tie, norm_eps=pytest.approx(1e-5))
    ids = tokenizer.encode("abc 12.\n").tolist()
    assert tokenizer.decode(ids) == "abc 12.\n" and model(torch.tensor([ids])).isfinite().all()
    assert load_gguf(path, torch.bfloat16).model.lm_head.weight.dtype == torch.bfloat16

    path = temp()/"bad.gguf"
    for change, says in [({"arch": "gptj"}, "got \\['gptj'"), ({"feed_forward_length": 90}, "must have shape \\(90, 64\\)"), ({"block_count": 3}, "model.layers.2.*is missing")]:
        tiny_gguf(path, **change)
        with pytest.raises(DataError, match=says): load_gguf(path)
    for content in [b"", b"GGUF", b"not a model" + bytes(100)]:
        path.write_bytes(content)
        with pytest.raises(DataError, match="no readable GGUF"): load_gguf(path)


def test_load_a_folder_of_the_hub():
    import json
    from pathlib import Path
    import torch
    from sparsebook.archive import DataError
    import tempfile
    import numpy as np
    import pytest
    from sparsebook.pretrained import load_gguf, load_hf

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny_gguf(path, seed=0, tie=True, **change):
        """A llama of 2 blocks with random weights, its q and k permuted as llama.cpp does; returns the unpermuted weights by Hugging Face's names."""
        import gguf
        tokens = ['<|end|>', *(c.replace(' ', 'Ġ').replace('\n', 'Ċ') for c in 'abcdefgh \n.,1234'), 'ab', 'Ġa', 'abc']
        d, h, kv, ff, v = (64, 4, 2, 96, len(tokens))
        rng = np.random.default_rng(seed)
        w = gguf.GGUFWriter(path, change.pop('arch', 'llama'))
        facts = {'embedding_length': d, 'block_count': 2, 'feed_forward_length': ff, 'head_count': h, 'head_count_kv': kv, 'context_length': 32, 'rope_freq_base': 10000.0, 'layer_norm_rms_eps': 1e-05} | change
        for k, x in facts.items():
            getattr(w, f'add_{k}')(x)
        w.add_tokenizer_model('gpt2')
        w.add_tokenizer_pre('smollm')
        w.add_token_list(tokens)
        w.add_token_types([3] + [1] * (v - 1))
        w.add_token_merges(['a b', 'Ġ a', 'ab c'])
        out = {}

        def add(ours, theirs, shape, heads=0):
            x = rng.normal(size=shape).astype(np.float32) * (0.3 if len(shape) == 2 else 0.1) + (len(shape) == 1)
            kind = gguf.GGMLQuantizationType.Q4_1 if len(shape) == 2 and shape[1] % 32 == 0 and ('embed' not in ours) else gguf.GGMLQuantizationType.F32

            def pack(x):
                return gguf.quantize(x, kind)
            x = gguf.dequantize(pack(x), kind).reshape(shape)
            out[ours] = torch.from_numpy(x.copy())
            if heads:
                x = x.reshape(heads, 2, shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(shape)
            w.add_tensor(theirs, pack(x), raw_dtype=kind)
        add('model.embed_tokens.weight', 'token_embd.weight', (v, d))
        add('model.norm.weight', 'output_norm.weight', (d,))
        if not tie:
            add('lm_head.weight', 'output.weight', (v, d))
        for i in range(2):
            ours, theirs = (f'model.layers.{i}.', f'blk.{i}.')
            add(ours + 'input_layernorm.weight', theirs + 'attn_norm.weight', (d,))
            add(ours + 'post_attention_layernorm.weight', theirs + 'ffn_norm.weight', (d,))
            add(ours + 'self_attn.q_proj.weight', theirs + 'attn_q.weight', (d, d), h)
            add(ours + 'self_attn.k_proj.weight', theirs + 'attn_k.weight', (d * kv // h, d), kv)
            add(ours + 'self_attn.v_proj.weight', theirs + 'attn_v.weight', (d * kv // h, d))
            add(ours + 'self_attn.o_proj.weight', theirs + 'attn_output.weight', (d, d))
            add(ours + 'mlp.gate_proj.weight', theirs + 'ffn_gate.weight', (ff, d))
            add(ours + 'mlp.up_proj.weight', theirs + 'ffn_up.weight', (ff, d))
            add(ours + 'mlp.down_proj.weight', theirs + 'ffn_down.weight', (d, ff))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        return out
    def publish(folder, tie=True):
        "What the hub would hold, from a tiny GGUF file."
        from safetensors.torch import save_file
        weights = tiny_gguf(folder/"tiny.gguf", tie=tie)
        save_file(weights, folder/"model.safetensors")
        (folder/"config.json").write_text(json.dumps({"model_type": "llama", "vocab_size": 20, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "intermediate_size": 96, "max_position_embeddings": 32, "rope_theta": 1e4, "tie_word_embeddings": tie, "rms_norm_eps": 1e-5}))
        (folder/"tokenizer.json").write_text(json.dumps(load_gguf(folder/"tiny.gguf").tokenizer.to_json()["tokenizer"]))
    folder, x = temp(), torch.randint(20, (2, 12))
    for tie in [True, False]:
        publish(folder, tie)
        one, two = load_gguf(folder/"tiny.gguf"), load_hf(folder)
        torch.testing.assert_close(one.model(x), two.model(x), rtol=1e-5, atol=1e-5)
        assert one.tokenizer.encode("abc a1").tolist() == two.tokenizer.encode("abc a1").tolist()

    (folder/"config.json").write_text('{"model_type": "opt"}')
    with pytest.raises(DataError, match="got model_type 'opt'"): load_hf(folder)
    with pytest.raises(DataError, match="must hold config.json"): load_hf(temp())


def test_smollm2():
    from pathlib import Path
    import torch
    import tempfile
    from unittest import mock
    import numpy as np
    import pytest
    from sparsebook.pretrained import load_smollm2

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny_gguf(path, seed=0, tie=True, **change):
        """A llama of 2 blocks with random weights, its q and k permuted as llama.cpp does; returns the unpermuted weights by Hugging Face's names."""
        import gguf
        tokens = ['<|end|>', *(c.replace(' ', 'Ġ').replace('\n', 'Ċ') for c in 'abcdefgh \n.,1234'), 'ab', 'Ġa', 'abc']
        d, h, kv, ff, v = (64, 4, 2, 96, len(tokens))
        rng = np.random.default_rng(seed)
        w = gguf.GGUFWriter(path, change.pop('arch', 'llama'))
        facts = {'embedding_length': d, 'block_count': 2, 'feed_forward_length': ff, 'head_count': h, 'head_count_kv': kv, 'context_length': 32, 'rope_freq_base': 10000.0, 'layer_norm_rms_eps': 1e-05} | change
        for k, x in facts.items():
            getattr(w, f'add_{k}')(x)
        w.add_tokenizer_model('gpt2')
        w.add_tokenizer_pre('smollm')
        w.add_token_list(tokens)
        w.add_token_types([3] + [1] * (v - 1))
        w.add_token_merges(['a b', 'Ġ a', 'ab c'])
        out = {}

        def add(ours, theirs, shape, heads=0):
            x = rng.normal(size=shape).astype(np.float32) * (0.3 if len(shape) == 2 else 0.1) + (len(shape) == 1)
            kind = gguf.GGMLQuantizationType.Q4_1 if len(shape) == 2 and shape[1] % 32 == 0 and ('embed' not in ours) else gguf.GGMLQuantizationType.F32

            def pack(x):
                return gguf.quantize(x, kind)
            x = gguf.dequantize(pack(x), kind).reshape(shape)
            out[ours] = torch.from_numpy(x.copy())
            if heads:
                x = x.reshape(heads, 2, shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(shape)
            w.add_tensor(theirs, pack(x), raw_dtype=kind)
        add('model.embed_tokens.weight', 'token_embd.weight', (v, d))
        add('model.norm.weight', 'output_norm.weight', (d,))
        if not tie:
            add('lm_head.weight', 'output.weight', (v, d))
        for i in range(2):
            ours, theirs = (f'model.layers.{i}.', f'blk.{i}.')
            add(ours + 'input_layernorm.weight', theirs + 'attn_norm.weight', (d,))
            add(ours + 'post_attention_layernorm.weight', theirs + 'ffn_norm.weight', (d,))
            add(ours + 'self_attn.q_proj.weight', theirs + 'attn_q.weight', (d, d), h)
            add(ours + 'self_attn.k_proj.weight', theirs + 'attn_k.weight', (d * kv // h, d), kv)
            add(ours + 'self_attn.v_proj.weight', theirs + 'attn_v.weight', (d * kv // h, d))
            add(ours + 'self_attn.o_proj.weight', theirs + 'attn_output.weight', (d, d))
            add(ours + 'mlp.gate_proj.weight', theirs + 'ffn_gate.weight', (ff, d))
            add(ours + 'mlp.up_proj.weight', theirs + 'ffn_up.weight', (ff, d))
            add(ours + 'mlp.down_proj.weight', theirs + 'ffn_down.weight', (d, ff))
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        return out
    folder = temp()
    publish_to = {"path": folder/"tiny.gguf"}
    tiny_gguf(publish_to["path"])
    with mock.patch(f"{load_smollm2.__module__}.load", lambda name: mock.Mock(**publish_to)): model, tokenizer, meta = load_smollm2(torch.float64)
    assert meta["source"] == "gguf" and meta["instruct"] and meta["name"] == "SmolLM2-135M-Instruct" and model.lm_head.weight.dtype == torch.float64
    with pytest.raises(ValueError, match="must be 'gguf' or 'hub', got 'auto'"): load_smollm2(source="auto")
    hub = mock.Mock(hf_hub_download=mock.Mock(side_effect=OSError("no network")))
    with mock.patch.dict("sys.modules", huggingface_hub=hub), pytest.raises(OSError): load_smollm2(source="hub")
    assert hub.hf_hub_download.call_args.args[0] == "HuggingFaceTB/SmolLM2-135M"
    with mock.patch.dict("sys.modules", huggingface_hub=None), pytest.raises(ImportError, match=r"sparsebook\[lm\]"): load_smollm2(source="hub")


@pytest.mark.slow
def test_what_it_knows():
    import torch
    import math
    import numpy as np
    from sparsebook.fetch import cached
    from sparsebook.lm import generate
    from sparsebook.pretrained import load_smollm2

    if cached("smollm2-135m"):
        model, tokenizer, meta = load_smollm2()
        print(meta)
        with torch.inference_mode(): p = model(torch.tensor([tokenizer.encode("The capital of France is").tolist()]))[0, -1].softmax(-1)
        print([(tokenizer.decode([i]), round(p[i].item(), 3)) for i in p.topk(4).indices.tolist()])
        start = torch.tensor([tokenizer.encode("The three states of matter are").tolist()])
        print(tokenizer.decode(generate(model, start, 8, temperature=0)[0].tolist()))
    else: print("not in the cache yet: load_smollm2() fetches 93 MB")

    if cached("smollm2-135m"):
        assert tokenizer.decode([int(p.argmax())]) == " Paris" and p.max() > .7
        words = "When the rain had stopped, the children ran out into the garden to look for snails under the wet leaves.".split()
        def nll(words):
            ids = torch.tensor(tokenizer.encode(" ".join(words)).astype("int64"))
            with torch.inference_mode(): return torch.nn.functional.cross_entropy(model(ids[None, :-1])[0], ids[1:]).item()
        order = np.random.default_rng(0).permutation(len(words))
        print(f"{math.exp(nll(words)):.0f} and, shuffled, {math.exp(nll([words[i] for i in order])):.0f}")
        assert nll(words) < math.log(60) < math.log(300) < nll([words[i] for i in order])
