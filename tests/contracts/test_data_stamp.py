"""(slow) Stamps and the scenes made of them: counts, captions, speech, exact boxes, and a split that leaks nothing."""
from importlib.util import find_spec

import numpy as np
import pytest
from sparsebook.data import load
from sparsebook.data_scene import detection_scenes, paste, scene_material
from sparsebook.data_stamp import decode_speech, load_spoken

pytestmark = pytest.mark.slow
CAPTIONS = {"animals/amphibians/frog-1": "A frog.", "animals/birds/blackbird": "A blackbird.", "clothes/t_glove": "A glove.",
            "hobbies/music/string/guitar_classical": "A classical guitar.", "symbols/alphabets/english/outlined/uppercase/A_outline": "The letter A.",
            "vehicles/ship/cartoon/bathyscape": "UB2006 \u201cPenguin II\u201d deep sea research vessel."}
CATEGORIES = dict(animals=146, clothes=19, food=67, hobbies=13, household=33, medical=5, military=8, naturalforces=3, people=6, plants=39, seasonal=59, space=16,
                  sports=12, symbols=247, town=78, vehicles=34)


@pytest.fixture(scope="module")
def stamps(have):
    have("tuxpaint-stamps")
    return load("tuxpaint-stamps")


@pytest.fixture(scope="module")
def materials(have):
    have("tuxpaint-stamps")
    have("nature")
    return scene_material("train"), scene_material("test")


def test_stamps(stamps):
    x = stamps.x
    assert len(x) == len(stamps.name) == len(set(stamps.name)) == len(stamps.caption) == len(stamps.translation) == 785 and stamps.name == sorted(stamps.name)
    assert all(p.ndim == 3 and p.shape[2] == 4 and p.dtype == np.uint8 and (p[..., 3] > 127).any() for p in x)
    assert stamps.pixels.flags.writeable and stamps.shape.min(0).tolist() == [7, 12] and stamps.shape.max(0).tolist() == [2348, 1226]
    assert {c: stamps.category.count(c) for c in sorted(set(stamps.category))} == CATEGORIES and stamps.symbol.sum() == 247
    assert [c == "symbols" for c in stamps.category] == stamps.symbol.tolist() and stamps.subcategory[stamps.name.index("animals/birds/duck")] == "birds"
    assert sum(p[..., 3].min() == 255 for p in x) < 10, "nearly all are cut out"


def test_captions(stamps):
    by_name = dict(zip(stamps.name, stamps.caption, strict=True))
    assert {n: by_name[n] for n in CAPTIONS} == CAPTIONS and all(stamps.caption)
    frog = stamps.name.index("animals/amphibians/frog-1")
    assert [stamps.captions(k)[frog] for k in ("en", "de", "fr", "ja", "pt_BR", "sr@latin", "cy")] == ["A frog.", "Ein Frosch.", "Une grenouille.", "\u30ab\u30a8\u30eb", "Um sapo.", "\u017daba.", ""]
    languages = stamps.languages()
    assert len(languages) == 78 and languages["en"] == languages["de"] == languages["fr"] == 785 and languages["sw"] == 183


def test_speech(have, stamps):
    have("tuxpaint-stamps")
    french = load_spoken("fr")
    assert len(french) == 928 and len(set(french) & set(stamps.name)) == 767 and all(data.startswith(b"OggS") for data in french.values())
    if not find_spec("soundfile"): pytest.skip("soundfile is not installed")
    samples, rate = decode_speech(french["animals/amphibians/frog-1"])
    assert samples.dtype == np.float32 and .3 < len(samples)/rate < 10 and .05 < np.abs(samples).max() < 1.5


def test_split_leaks_nothing(materials, stamps):
    train, test = materials
    caption = dict(zip(stamps.name, stamps.caption, strict=True))
    assert not {caption[n] for n in train.cutout_name} & {caption[n] for n in test.cutout_name}
    outlines = [{(c.shape, c[..., 3].tobytes()) for c in m.cutout if min(c.shape[:2]) > 20 and c[..., 3].min() < 255} for m in materials]
    assert not outlines[0] & outlines[1], "no recoloured stamp on both sides"
    assert not set(train.photo_name) & set(test.photo_name) and len(train.photo) == 9 and len(test.photo) == 3
    assert train.classes == test.classes and len(train.classes) == 15 and "symbols" not in train.classes and train.stream != test.stream
    assert 525 <= len(train.cutout) + len(test.cutout) <= 538 and .2 < len(test.cutout)/538 < .3
    for m in materials: assert (np.bincount(m.label, minlength=15) > 0).all() and all(n.startswith(m.classes[k]) for n, k in zip(m.cutout_name, m.label, strict=True))


@pytest.mark.parametrize("side", [0, 1])
def test_boxes_are_those_of_the_alpha(materials, side):
    "Repaint each object alone, from the cut-outs that were drawn, and look at its alpha."
    from sparsebook.data_scene import draw_scene
    m = materials[side]
    s = detection_scenes(40, m, seed=11)
    assert s.x.shape == (40, 128, 128, 3) and s.x.dtype == np.uint8 and s.box.shape == (len(s.scene), 4) and (np.diff(s.scene) >= 0).all() and len(s.scene) > 80
    assert (s.visible >= .5).all() and (s.visible <= 1).all() and (s.visible < 1).any() and (s.label == m.label[s.cutout]).all()
    for i in range(40):
        _, part, chosen, pictures, corners = draw_scene(np.random.default_rng([11, m.stream, i]), m)
        alpha = np.zeros((len(chosen), 128, 128), int)
        for j, (picture, (top, left)) in enumerate(zip(pictures, corners, strict=True)): alpha[j, top:top + picture.shape[0], left:left + picture.shape[1]] = picture[..., 3]
        there = alpha > 127
        seen = np.array([t & ~there[j + 1:].any(0) for j, t in enumerate(there)])
        rows = s.objects(i)
        np.testing.assert_array_equal(s.masks(i), seen)
        np.testing.assert_allclose(s.visible[rows], seen.sum((1, 2))/there.sum((1, 2)))
        for box, mask in zip(s.box[rows], seen, strict=True):
            y, x = np.nonzero(mask)
            assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1] and box.min() >= 0 and box.max() <= 128
        np.testing.assert_array_equal(s.x[i][~(alpha > 0).any(0)], part[~(alpha > 0).any(0)])
        np.testing.assert_array_equal(paste(part, pictures, corners)[0], s.x[i])


def test_scenes_do_not_depend_on_how_many_are_made(materials):
    a, b = detection_scenes(9, materials[0], seed=4), detection_scenes(2, materials[0], seed=4, first=6)
    for one, two in zip(a[:3], b[:3], strict=True): np.testing.assert_array_equal(one[6:8], two)
    for one, two in zip(a[4:], b[4:], strict=True): np.testing.assert_array_equal(one[a.objects(6).start:a.objects(7).stop], two)
    again = detection_scenes(9, scene_material("train"), seed=4)
    for one, two in zip(a, again, strict=True): np.testing.assert_array_equal(one, two)
    assert not (a.x == detection_scenes(9, materials[0], seed=5).x).all((1, 2, 3)).any()
