"""Every sparse autoencoder of the library, found by scanning: encode, decode, loss, unit directions, and the way to disk and back."""
import pytest
import torch
from sparsebook.sae_store import kinds, load, save
from sparsebook.sae_variant import GroupSparseSAE

KINDS = kinds()


def made(name): return KINDS[name](d_in=10, d_sae=16, **({"k": 3} if "k" in KINDS[name].Config.__dataclass_fields__ else {}))


def sample(sae, n=20):
    x = torch.randn(n, 2, 10, generator=torch.Generator().manual_seed(0))
    return x if isinstance(sae, GroupSparseSAE) else x[:, 0]


def test_the_scan_finds_them(): assert len(KINDS) >= 8


@pytest.mark.parametrize("name", KINDS)
def test_a_member_keeps_the_contract(name):
    sae = made(name)
    x = sample(sae)
    terms = sae.loss(x)
    assert terms and all(t.shape == () and t.isfinite() for t in terms.values())
    sum(terms.values()).backward()
    sae.before_step()
    with torch.no_grad():
        for p in sae.parameters():
            if p.grad is not None: p -= .1*p.grad
    sae.after_step()
    torch.testing.assert_close(sae.W_dec.norm(dim=-1), torch.ones(16))
    sae.eval()
    z = sae.encode(x)
    assert z.shape == (*x.shape[:-1], 16) and (z >= 0).all() and sae.decode(z).shape == x.shape and torch.equal(sae(x), sae.decode(z))
    with pytest.raises(ValueError, match="10"): sae.encode(x[..., :7])


@pytest.mark.parametrize("name", KINDS)
def test_a_member_survives_the_disk(name, tmp_path):
    sae = made(name)
    sae.loss(sample(sae))
    save(sae, tmp_path/"model")
    again = load(tmp_path/"model")
    assert type(again) is type(sae) and again.config == sae.config
    for (n, a), (m, b) in zip(sae.state_dict().items(), again.state_dict().items(), strict=True): assert n == m and torch.equal(a, b)
