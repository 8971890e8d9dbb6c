"""Generated from nbs/shared_lib/58_sae_store.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_save_and_load():
    from pathlib import Path
    import torch
    import tempfile
    from sparsebook.sae import BatchTopKSAE, GatedSAE, JumpReLUSAE, L1SAE, MatryoshkaSAE, TopKSAE
    from sparsebook.sae_store import CFG, load, save

    def some(kind, **more):
        """An autoencoder of every kind with nothing at its initial value."""
        sae = kind(6, 12, **{'k': 3} if issubclass(kind, TopKSAE) else {}, **more)
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.2 * torch.randn(p.shape, generator=rng).abs()
        sae.loss(torch.randn(40, 6, generator=rng))
        return sae.eval()
    def scratch():
        return Path(tempfile.mkdtemp())
    folder = save(some(TopKSAE, seed=(0, 1)), scratch()/"sae")
    print((folder/CFG).read_text(), {p.name: p.stat().st_size for p in folder.iterdir()})

    for kind in (L1SAE, TopKSAE, BatchTopKSAE, MatryoshkaSAE, JumpReLUSAE, GatedSAE):
        for more in ({}, {"seed": (4, 5), "aux_k": 2}):
            for dtype in (torch.float32, torch.float64, torch.bfloat16):
                sae = some(kind, **more).to(dtype)
                back = load(save(sae, scratch()))
                assert type(back) is kind and back.config == sae.config and not back.training and back.W_dec.dtype == dtype
                assert all(torch.equal(v, back.state_dict()[k]) for k, v in sae.state_dict().items()) and back.state_dict().keys() == sae.state_dict().keys()
                x = torch.randn(7, 6).to(dtype)
                assert torch.equal(sae(x), back(x))


def test_the_published_layout():
    import json
    from pathlib import Path
    import torch
    import tempfile
    import numpy as np
    from safetensors.numpy import load_file, save_file
    from sparsebook.sae import BatchTopKSAE, GatedSAE, JumpReLUSAE, L1SAE, MatryoshkaSAE, TopKSAE
    from sparsebook.sae_store import CFG, StoreError, WEIGHTS, fold_norms_, load, publish

    def some(kind, **more):
        """An autoencoder of every kind with nothing at its initial value."""
        sae = kind(6, 12, **{'k': 3} if issubclass(kind, TopKSAE) else {}, **more)
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.2 * torch.randn(p.shape, generator=rng).abs()
        sae.loss(torch.randn(40, 6, generator=rng))
        return sae.eval()
    def scratch():
        return Path(tempfile.mkdtemp())
    folder = publish(some(JumpReLUSAE), scratch()/"published", model_name="tiny", hook_name="blocks.1.hook_resid_post")
    print(json.loads((folder/CFG).read_text()), {k: v.shape for k, v in load_file(folder/WEIGHTS).items()})

    def published_forward(folder, x):
        c, p = json.loads((folder/CFG).read_text()), {k: v.astype(np.float64) for k, v in load_file(folder/WEIGHTS).items()}
        u = (x - p["b_dec"]*c["apply_b_dec_to_input"]) @ p["W_enc"]
        if c["architecture"] == "gated": z = (u + p["b_gate"] > 0)*np.maximum(u*np.exp(p["r_mag"]) + p["b_mag"], 0)
        else:
            z = np.maximum(u + p["b_enc"], 0)
            if c["architecture"] == "jumprelu": z = z*(u + p["b_enc"] > p["threshold"])
            if c["architecture"] == "topk": z = z*(z >= np.sort(z, 1)[:, -c["k"], None])
        return z @ p["W_dec"] + p["b_dec"]

    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0))
    for kind, name in ((L1SAE, "standard"), (TopKSAE, "topk"), (BatchTopKSAE, "jumprelu"), (MatryoshkaSAE, "jumprelu"), (JumpReLUSAE, "jumprelu"), (GatedSAE, "gated")):
        for center in (True, False):
            sae = some(kind, center=center)
            folder = publish(sae, scratch())
            assert json.loads((folder/CFG).read_text())["architecture"] == name
            np.testing.assert_allclose(published_forward(folder, x.numpy()), sae(x).detach(), atol=1e-5)
            torch.testing.assert_close(load(folder)(x), sae(x))
    try: publish(some(TopKSAE, seed=(0, 1)), scratch())
    except StoreError as e: print(e)

    rng = np.random.default_rng(0)
    base = {"W_enc": rng.normal(size=(6, 12)), "W_dec": rng.normal(size=(12, 6)), "b_enc": rng.normal(size=12), "b_dec": rng.normal(size=6)}
    def written(cfg, **tensors):
        folder = scratch()
        save_file({k: np.asarray(v, np.float32) for k, v in tensors.items()}, folder/WEIGHTS)
        (folder/CFG).write_text(json.dumps({"d_in": 6, "d_sae": 12, "dtype": "float32"} | cfg))
        return folder
    x = torch.randn(20, 6)
    old = load(written({"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}, "hook_name": "blocks.3.hook_mlp_out"}, **base, scaling_factor=np.ones(12)))
    assert type(old) is TopKSAE and old.config.k == 4 and old.metadata["hook_name"] == "blocks.3.hook_mlp_out"
    assert type(load(written({}, **base))) is L1SAE
    jump = load(written({"architecture": "jumprelu"}, **base, log_threshold=np.log(np.full(12, .7))))
    torch.testing.assert_close(jump.threshold.data, torch.full((12,), .7))
    assert load(written({"architecture": "batchtopk", "k": 3.0}, **base, topk_threshold=.4)).threshold == torch.tensor(.4)
    pre = (x.double().numpy() - base["b_dec"]) @ base["W_enc"] + base["b_enc"]
    norms = np.linalg.norm(base["W_dec"], axis=1)
    score = np.maximum(pre, 0)*norms
    want = np.where(score >= np.sort(score, 1)[:, -4, None], score, 0)/norms @ base["W_dec"] + base["b_dec"]
    folded = load(written({"architecture": "topk", "k": 4, "rescale_acts_by_decoder_norm": True}, **base))
    np.testing.assert_allclose(folded(x).detach(), want, atol=1e-4)
    for kind in (L1SAE, JumpReLUSAE, GatedSAE):
        sae = some(kind)
        before, z = sae(x), sae.encode(x)
        torch.testing.assert_close(fold_norms_(sae)(x), before); assert (sae.W_dec.norm(dim=1) - 1).abs().max() < 1e-6 and not torch.allclose(sae.encode(x), z)


def test_hostile_files():
    import json
    from pathlib import Path
    import torch
    import tempfile
    import numpy as np
    from safetensors.numpy import load_file, save_file
    from sparsebook.sae import TopKSAE
    from sparsebook.sae_store import CFG, StoreError, WEIGHTS, load, save

    def some(kind, **more):
        """An autoencoder of every kind with nothing at its initial value."""
        sae = kind(6, 12, **{'k': 3} if issubclass(kind, TopKSAE) else {}, **more)
        rng = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for p in sae.parameters():
                p += 0.2 * torch.randn(p.shape, generator=rng).abs()
        sae.loss(torch.randn(40, 6, generator=rng))
        return sae.eval()
    def refuses(folder, *words):
        try:
            load(folder)
        except StoreError as e:
            assert all((w in str(e) for w in words)), e
            print(str(e).replace(str(folder), '...'))
        else:
            raise AssertionError(words)
    def scratch():
        return Path(tempfile.mkdtemp())
    def fresh(): return save(some(TopKSAE), scratch())
    def with_cfg(**changes):
        folder = fresh(); cfg = json.loads((folder/CFG).read_text())
        for k, v in changes.items(): (cfg["config"] if k in cfg["config"] else cfg)[k] = v
        (folder/CFG).write_text(json.dumps(cfg)); return folder
    def with_tensors(**changes):
        folder = fresh(); t = load_file(folder/WEIGHTS) | changes
        save_file({k: v for k, v in t.items() if v is not None}, folder/WEIGHTS); return folder
    def with_bytes(name, data):
        folder = fresh(); (folder/name).write_bytes(data((folder/name).read_bytes())); return folder

    refuses(scratch(), "cfg.json", "No such file")
    refuses(with_cfg(architecture="sparsebook.System"), "unknown architecture 'sparsebook.System'", "TopKSAE")
    refuses(with_cfg(architecture="os.system"), "unknown architecture")
    refuses(with_cfg(d_in=7), "W_dec must have shape (12, 7), got (12, 6)")
    refuses(with_cfg(d_sae=10**8), "the largest tensor has 72 entries")
    refuses(with_cfg(d_sae=-1), "d_sae must be an integer in 1..2**31-1, got -1")
    refuses(with_cfg(k=50), "k must be in 1..12, got 50")
    refuses(with_cfg(config=[1]), "`config` must be an object")
    refuses(with_tensors(W_enc=np.full((6, 12), np.nan, np.float32)), "W_enc holds 72 NaN or infinite of 72")
    refuses(with_tensors(b_enc=None), "no tensor 'b_enc'")
    refuses(with_tensors(payload=np.zeros(3, np.float32)), "unexpected tensor 'payload'")
    refuses(with_tensors(idle=np.zeros((3, 4), np.int64)), "idle must have shape (12,), got (3, 4)")
    refuses(with_bytes(WEIGHTS, lambda b: (10**12).to_bytes(8, "little") + b[8:]), "not a whole safetensors file")
    refuses(with_bytes(WEIGHTS, lambda b: b[:-8]), "not a whole safetensors file")
    refuses(with_bytes(WEIGHTS, lambda b: b""), "not a whole safetensors file")
    refuses(with_bytes(CFG, lambda b: b"[" * 200_000), "not JSON")
    refuses(with_bytes(CFG, lambda b: b + b" " * (1 << 20)), "at most 1,048,576 are read")
    refuses(with_bytes(CFG, lambda b: b"\xff\xfe"), "not JSON")
    refuses(with_bytes(CFG, lambda b: b'{"architecture": "topk", "d_in": 6, "d_sae": 12, "k": 2.5}'), "k must be a whole number for topk, got 2.5")
    refuses(with_bytes(CFG, lambda b: b'{"d_in": 6, "d_sae": 12, "normalize_activations": "layer_norm"}'), "normalize_activations='layer_norm'")
    bad = some(TopKSAE); bad.b_dec.data[0] = torch.inf
    try: save(bad, scratch())
    except StoreError as e: print(e)
