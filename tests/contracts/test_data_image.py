"""(slow) The pictures are what their loaders promise, and whitening flattens the spectrum of real photographs."""
import numpy as np
import pytest
from sparsebook.data import load
from sparsebook.data_image import random_patches, shrink, to_grey, whiten

pytestmark = pytest.mark.slow
PHOTOGRAPHS = {
    "astronaut": (512, 512, 3), "brick": (512, 512), "camera": (512, 512), "chelsea": (300, 451, 3), "coffee": (400, 600, 3), "coins": (303, 384),
    "grass": (512, 512), "gravel": (512, 512), "hubble_deep_field": (872, 1000, 3), "rocket": (427, 640, 3)}
MEAN = {"photograph": {"astronaut": 114.60, "camera": 129.06, "rocket": 65.28}, "nature": {"Aqua": 151.92, "Dune": 135.29, "Wood": 201.51}}


def slope(x):
    "Exponent of the power spectrum between 0.03 and 0.15 cycles per pixel."
    window = np.hanning(x.shape[0])[:, None]*np.hanning(x.shape[1])
    power = np.abs(np.fft.fft2((x - x.mean())*window))**2
    rho = np.hypot(np.fft.fftfreq(x.shape[0])[:, None], np.fft.fftfreq(x.shape[1]))
    edges = np.geomspace(.03, .15, 9)
    return np.polyfit(np.log(edges[:-1]), [np.log(power[(rho >= lo) & (rho < hi)].mean()) for lo, hi in zip(edges[:-1], edges[1:], strict=True)], 1)[0]


@pytest.mark.parametrize("name", ["photograph", "nature"])
def test_photographs(have, name):
    have(name)
    pictures = load(name)
    assert list(pictures) == sorted(pictures) and all(p.dtype == np.uint8 and p.flags.writeable and np.ptp(p) > 100 for p in pictures.values())
    for key, mean in MEAN[name].items(): assert pictures[key].mean() == pytest.approx(mean, abs=.01), key
    if name == "photograph": assert {k: p.shape for k, p in pictures.items()} == PHOTOGRAPHS
    else: assert len(pictures) == 12 and all(p.ndim == 3 and 1.2e6 < p.shape[0]*p.shape[1] < 5e6 for p in pictures.values())


def test_two_vendors_drew_the_same_concepts(have):
    have("emoji-google")
    have("emoji-twitter")
    a, b = load("emoji-google"), load("emoji-twitter")
    assert a[1:] == b[1:] and len(a.name) == len(a.category) == len(a.subcategory) == 1911
    assert len(set(a.category)) == 10 and len(set(a.subcategory)) == 99 and a.name[:2] == ["HASH KEY", "KEYCAP: *"]
    for d in (a, b): assert d.x.shape == (1911, 64, 64, 4) and d.x.dtype == np.uint8 and (d.x[..., 3] > 0).any((1, 2)).all()
    assert len(np.unique(a.x.reshape(1911, -1), axis=0)) > 1890
    grey = [np.stack([np.where(p[..., 3] > 0, to_grey(p), 1)[::4, ::4].ravel() for p in d.x[::7]]) for d in (a, b)]
    unit = [(g - g.mean(0))/np.linalg.norm(g - g.mean(0), axis=1, keepdims=True) for g in grey]
    cosine = unit[0]@unit[1].T
    assert (cosine < cosine.diagonal()[:, None]).mean() > .85, "a concept's two drawings look more alike than two concepts"


def test_whitening_flattens_real_photographs(have):
    have("photograph")
    pictures = [to_grey(p) for name, p in load("photograph").items() if name != "hubble_deep_field"]
    before, after = np.mean([slope(p) for p in pictures]), np.mean([slope(whiten(p)) for p in pictures])
    assert before < -1.8 and abs(after) < .6
    patches = random_patches([whiten(p) for p in pictures], 4000, 12, np.random.default_rng(0), margin=4)
    assert patches.shape == (4000, 12, 12) and .06 < patches.var() < .12 and np.abs(patches.mean((1, 2))).max() < 1e-6
    np.testing.assert_array_equal(patches, random_patches([whiten(p) for p in pictures], 4000, 12, np.random.default_rng(0), margin=4))
    x = patches.reshape(4000, -1)/patches.std((1, 2)).reshape(-1, 1)
    assert np.mean((x - x.mean())**4)/np.mean((x - x.mean())**2)**2 > 3.5, "whitened nature has heavy tails"


def test_shrink_keeps_the_mean(have):
    have("photograph")
    astronaut = load("photograph")["astronaut"]
    np.testing.assert_allclose(shrink(astronaut, 4).mean((0, 1)), astronaut.mean((0, 1)), rtol=1e-5)
