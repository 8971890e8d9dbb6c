"""Generated from nbs/shared_lib/24_data_scene.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_paste_cut_outs_one_over_another():
    import numpy as np
    import matplotlib.pyplot as plt
    import pytest
    from hypothesis import given, settings, strategies as st
    from sparsebook.data_scene import paste

    def disc(side, colour):
        """A round cut-out with a soft edge."""
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        out = np.empty((side, side, 4), np.uint8)
        out[..., :3], out[..., 3] = (colour, np.clip(255 * (side / 2 - np.hypot(x, y)), 0, 255))
        return out
    def star(side, colour):
        """A cut-out in the form of an astroid."""
        y, x = np.abs(np.mgrid[:side, :side] / (side - 1) * 2 - 1)
        out = np.empty((side, side, 4), np.uint8)
        out[..., :3], out[..., 3] = (colour, 255 * (np.sqrt(x) + np.sqrt(y) < 1.05))
        return out
    def bar(height, width, colour):
        """An opaque rectangle."""
        out = np.full((height, width, 4), 255, np.uint8)
        out[..., :3] = colour
        return out
    def field(rng, height, width):
        """A made-up landscape: a gradient with waves."""
        y, x = np.mgrid[:height, :width] / max(height, width)
        waves = np.sin(rng.uniform(4, 20) * x + rng.uniform(4, 20) * y) + np.sin(rng.uniform(20, 60) * (x - y * y))
        return np.clip(np.stack([90 + 60 * y + 12 * waves, 120 + 50 * x + 12 * waves, 150 - 70 * y + 6 * waves], -1), 0, 255).astype(np.uint8)
    photo = field(np.random.default_rng(0), 96, 128)
    x, instance, box, visible = paste(photo, [disc(50, (220, 60, 40)), star(60, (250, 210, 60)), bar(20, 44, (40, 70, 160))], [(10, 12), (26, 34), (60, 20)])
    fig, axes = plt.subplots(1, 2, figsize=(6, 2.4), dpi=70, layout="constrained")
    axes[0].imshow(x)
    axes[1].imshow(instance, cmap="tab10", vmax=9)
    for (x0, y0, x1, y1), v in zip(box, visible, strict=True):
        axes[0].add_patch(plt.Rectangle((x0 - .5, y0 - .5), x1 - x0, y1 - y0, fill=False, color="white", lw=1.2))
        axes[0].text(x1, y0 - 2, f"{v:.0%}", color="white", fontsize=8, ha="right")
    for ax, title in zip(axes, ["boxes, and how much is seen", "instance"], strict=True): ax.set_title(title, fontsize=9); ax.axis("off")

    from fractions import Fraction

    def slowly(photo, cutouts, corners):
        "The same by the definition."
        height, width = photo.shape[:2]
        x, instance, there = np.empty_like(photo), np.zeros((height, width), int), np.zeros(len(cutouts), int)
        for r in range(height):
            for c in range(width):
                colour = [Fraction(int(v)) for v in photo[r, c]]
                for j, (cut, (top, left)) in enumerate(zip(cutouts, corners, strict=True)):
                    if not (top <= r < top + cut.shape[0] and left <= c < left + cut.shape[1]): continue
                    *paint, alpha = map(int, cut[r - top, c - left])
                    colour = [v + Fraction(alpha, 255)*(p - v) for v, p in zip(colour, paint, strict=True)]
                    if alpha > 127: instance[r, c], there[j] = j + 1, there[j] + 1
                x[r, c] = [round(v) for v in colour]
        box, seen = [], []
        for j in range(len(cutouts)):
            where = [(r, c) for r in range(height) for c in range(width) if instance[r, c] == j + 1]
            rows, columns = [r for r, _ in where], [c for _, c in where]
            box.append([min(columns), min(rows), max(columns) + 1, max(rows) + 1] if where else [0]*4)
            seen.append(len(where)/max(there[j], 1))
        return x, instance, box, seen

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10**6), st.integers(0, 5))
    def agrees(seed, k):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(3, 9, 2)
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        cutouts = [rng.integers(0, 256, (*rng.integers(1, [height + 1, width + 1]), 4), dtype=np.uint8) for _ in range(k)]
        corners = [tuple(rng.integers(0, [height - c.shape[0] + 1, width - c.shape[1] + 1])) for c in cutouts]
        (x, instance, box, visible), (x0, instance0, box0, visible0) = paste(photo, cutouts, corners), slowly(photo, cutouts, corners)
        np.testing.assert_array_equal(instance, instance0)
        np.testing.assert_array_equal(box, np.reshape(box0, (k, 4)))
        np.testing.assert_allclose(visible, visible0)
        assert np.abs(x.astype(int) - x0).max() <= (x != x0).any() and (x == x0).mean() > .95, "halves may round either way"

    agrees()

    photo, square = np.zeros((8, 8, 3), np.uint8), bar(4, 4, (9, 9, 9))
    with pytest.raises(ValueError, match=r"cut-out 1 of 4 x 4 at \(top, left\) = \(5, 0\) leaves the picture of 8 x 8"): paste(photo, [square]*2, [(0, 0), (5, 0)])
    with pytest.raises(ValueError, match="at most 255"): paste(photo, [square]*256, [(0, 0)]*256)
    _, _, box, visible = paste(photo, [square]*2, [(1, 1)]*2)
    assert box.tolist() == [[0]*4, [1, 1, 5, 5]] and visible.tolist() == [0, 1], "an object that is covered has no box"


def test_cut_outs_of_any_size():
    import numpy as np
    import pytest
    from sparsebook.data_scene import at_most, resized, scaled, trim

    hidden = np.zeros((40, 60, 4), np.uint8)
    hidden[..., 1] = 255                                # green, and transparent
    hidden[10:30, 7:50] = 200, 0, 0, 255                # but for a red bar
    [trim(hidden).shape, scaled(trim(hidden), 20).shape, scaled(hidden, 15)[..., :3].max((0, 1)).tolist()]

    for side in (7, 15, 33, 90):
        small = scaled(hidden, side)
        assert max(small.shape[:2]) == side and small[small[..., 3] > 0][:, 1].max() == 0, "no green shines through"
        assert abs((small[..., 3]/255).mean() - (hidden[..., 3]/255).mean()) < .03, "the covered share stays"
    assert at_most(hidden, 60) is hidden and at_most(hidden, 30).shape == (20, 30, 4)
    np.testing.assert_array_equal(resized(hidden, (10, 20), box=(10, 12, 30, 22)), hidden[12:22, 10:30])
    with pytest.raises(ValueError, match="alpha above 127; the largest is 0"): trim(np.zeros((3, 3, 4), np.uint8))


def test_scenes_that_depend_on_their_number_alone():
    import numpy as np
    from sparsebook.archive import DataError
    import matplotlib.pyplot as plt
    import pytest
    from sparsebook.data_scene import Material, detection_scenes

    def disc(side, colour):
        """A round cut-out with a soft edge."""
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        out = np.empty((side, side, 4), np.uint8)
        out[..., :3], out[..., 3] = (colour, np.clip(255 * (side / 2 - np.hypot(x, y)), 0, 255))
        return out
    def star(side, colour):
        """A cut-out in the form of an astroid."""
        y, x = np.abs(np.mgrid[:side, :side] / (side - 1) * 2 - 1)
        out = np.empty((side, side, 4), np.uint8)
        out[..., :3], out[..., 3] = (colour, 255 * (np.sqrt(x) + np.sqrt(y) < 1.05))
        return out
    def bar(height, width, colour):
        """An opaque rectangle."""
        out = np.full((height, width, 4), 255, np.uint8)
        out[..., :3] = colour
        return out
    def field(rng, height, width):
        """A made-up landscape: a gradient with waves."""
        y, x = np.mgrid[:height, :width] / max(height, width)
        waves = np.sin(rng.uniform(4, 20) * x + rng.uniform(4, 20) * y) + np.sin(rng.uniform(20, 60) * (x - y * y))
        return np.clip(np.stack([90 + 60 * y + 12 * waves, 120 + 50 * x + 12 * waves, 150 - 70 * y + 6 * waves], -1), 0, 255).astype(np.uint8)
    rng = np.random.default_rng(0)
    colours = [(220, 60, 40), (250, 210, 60), (40, 70, 160), (240, 240, 240)]
    made = Material([field(rng, 200, 300) for _ in range(3)], [f(60, c) for c in colours for f in (disc, star)], np.array([0, 1]*4), ["disc", "star"])
    scenes = detection_scenes(4, made, seed=3, objects=(3, 6))
    fig, axes = plt.subplots(1, 4, figsize=(7.5, 2), dpi=70, layout="constrained")
    for i, ax in enumerate(axes):
        ax.imshow(scenes.x[i]); ax.axis("off")
        for (x0, y0, x1, y1), k in zip(scenes.box[scenes.objects(i)], scenes.label[scenes.objects(i)], strict=True):
            ax.add_patch(plt.Rectangle((x0 - .5, y0 - .5), x1 - x0, y1 - y0, fill=False, color=["white", "black"][k], lw=1))
            ax.text(x0, y0 - 2, made.classes[k], color=["white", "black"][k], fontsize=6)

    colours = [(r, g, b) for r in (60, 250) for g in (60, 250) for b in (60, 250)]
    bars = Material([np.zeros((90, 120, 3), np.uint8)], [bar(h, w, c) for c, (h, w) in zip(colours, [(20, 20), (8, 40), (40, 8), (20, 30)]*2, strict=True)],
                    np.arange(8), [str(c) for c in colours])
    count = 0
    for least in (.3, .7, 1):
        s = detection_scenes(12, bars, seed=1, size=(64, 80), objects=(0, 7), least_visible=least)
        for i in range(12):
            rows, masks = s.objects(i), s.masks(i)
            found = {}
            for k, box, visible, mask in zip(s.cutout[rows], s.box[rows], s.visible[rows], masks, strict=True):
                assert visible >= least and 0 <= box[0] < box[2] <= 80 and 0 <= box[1] < box[3] <= 64 and (s.x[i][mask] == colours[k]).all()
                y, x = np.nonzero(mask)
                assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
                found[k] = found.get(k, 0) + int(mask.sum())
                count += 1
            assert all(found.get(k, 0) == (s.x[i] == c).all(-1).sum() for k, c in enumerate(colours)), "every pixel of that colour belongs to such an object"
            assert (s.instance[i] == 0).sum() == (s.x[i] == 0).all(-1).sum()
        if least == 1: assert (s.visible == 1).all()
    assert count > 60 and (s.label == s.cutout).all()

    made = Material([field(np.random.default_rng(9), 100, 100)], [disc(30, (200, 0, 0)), star(30, (0, 0, 200))], np.array([0, 1]), ["disc", "star"])
    all_six = detection_scenes(6, made, seed=5, size=(48, 64))
    for i in (4, 0, 5):
        one = detection_scenes(1, made, seed=5, first=i, size=(48, 64))
        np.testing.assert_array_equal(one.x[0], all_six.x[i])
        np.testing.assert_array_equal(one.instance[0], all_six.instance[i])
        for a, b in zip(one[4:], all_six[4:], strict=True): np.testing.assert_array_equal(a, b[all_six.objects(i)])
    for other in (detection_scenes(6, made, seed=6, size=(48, 64)), detection_scenes(6, made._replace(stream=1), seed=5, size=(48, 64))):
        assert not (other.x == all_six.x).all((1, 2, 3)).any()
    assert detection_scenes(0, made).box.shape == (0, 4) and (all_six.photo == 0).all() and len(np.unique(all_six.x.reshape(6, -1), axis=0)) == 6

    for wrong, words in [(dict(objects=(3, 2)), "objects must be"), (dict(scale=(0, .5)), "scale must be"), (dict(least_visible=0), r"least_visible must be in \(0, 1\], got 0"),
                         (dict(seed=-1), ">= 0, got 1, -1 and 0")]:
        with pytest.raises(ValueError, match=words): detection_scenes(1, made, **wrong)
    with pytest.raises(ValueError, match="1, 2 cut-outs, 1 labels"): detection_scenes(1, made._replace(label=np.array([0])))
    with pytest.raises(DataError, match="make `scale` or `size` larger"): detection_scenes(1, made, size=(8, 8))


def test_train_and_test_that_share_nothing():
    import numpy as np
    import pytest
    from hypothesis import given, settings, strategies as st
    from sparsebook.data_scene import held_out, linked, scene_material

    caption, outline = ["frog", "frog", "red", "amber", "green", "cow"], ["a", "b", "c", "c", "c", "a"]
    linked(caption, outline)

    assert linked(caption, outline).tolist() == [0, 0, 2, 2, 2, 0], "the cow has the outline of a frog"

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
    def is_the_closure(pairs):
        group = linked([a for a, _ in pairs], [b for _, b in pairs])
        n = len(pairs)
        reach = np.array([[a == c or b == d for c, d in pairs] for a, b in pairs])
        for _ in range(4): reach = reach@reach
        assert [int(np.flatnonzero(reach[i])[0]) for i in range(n)] == group.tolist()

    is_the_closure()

    rng = np.random.default_rng(0)
    name, group, stratum = [f"s{i}" for i in range(200)], rng.integers(0, 70, 200), rng.choice(list("abc"), 200)
    test = held_out(name, group, stratum)
    assert not set(group[test]) & set(group[~test]) and .15 < test.mean() < .35
    assert all(test[stratum == s].any() and not test[stratum == s].all() for s in "abc")
    order = rng.permutation(200)
    alone = held_out(name, range(200), stratum)
    np.testing.assert_array_equal(held_out([name[i] for i in order], range(200), stratum[order]), alone[order])
    assert held_out(["one"], [0], "a").tolist() == [False] and held_out(["one", "two"], [0, 1], "aa", .01).sum() == 1
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\), got 1"): held_out(["one"], [0], "a", 1)
    with pytest.raises(ValueError, match="split must be train or test, got 'dev'"): scene_material("dev")


@pytest.mark.slow
def test_what_the_real_material_holds():
    import numpy as np
    from sparsebook.fetch import cached
    from sparsebook.data_scene import scene_material

    if cached("tuxpaint-stamps") and cached("nature"):
        train, test = scene_material("train"), scene_material("test")
        for m in (train, test): print(len(m.cutout), "cut-outs,", len(m.photo), "photographs", dict(zip(m.classes, np.bincount(m.label, minlength=len(m.classes)).tolist(), strict=True)))
        assert not set(train.cutout_name) & set(test.cutout_name) and not set(train.photo_name) & set(test.photo_name) and train.classes == test.classes
    else: print("not in the cache yet: scene_material() fetches 208 MB")
