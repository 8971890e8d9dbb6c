"""Generated from nbs/shared_lib/87_vision.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_padding():
    import torch
    import math
    from sparsebook.vision import same_pad

    same_pad(torch.ones(4, 5, dtype=torch.int64), 3, 2)

    for n in range(1, 20):
        for k in (1, 3, 5):
            for s in (1, 2, 3):
                y = same_pad(torch.ones(1, n, n), k, s)
                left, total = int((y[0, y.shape[1]//2] != 0).long().argmax()), y.shape[-1] - n
                assert left == total//2 and y.sum() == n*n
                if k >= s: assert (y.shape[-1] - k)//s + 1 == math.ceil(n/s) and (y.shape[-1] - k) % s == 0


def test_the_block():
    import torch
    from sparsebook.vision import InvertedResidual

    b = InvertedResidual(3, 3, 3).eval()
    x = torch.randn(2, 3, 7, 7)
    b(x).shape, sum(p.numel() for p in b.parameters())

    torch.manual_seed(0)
    b, x = InvertedResidual(3, 3, 3).double().eval(), torch.randn(2, 3, 5, 5, dtype=torch.float64)
    with torch.no_grad(): b.depthwise_conv.weight.zero_()[:, :, 1, 1] = 1
    w1, w2, c = b.expand_conv.weight[..., 0, 0], b.project_conv.weight[..., 0, 0], 1.001**-.5
    pixel = x[0, :, 2, 3]
    torch.testing.assert_close(b(x)[0, :, 2, 3], pixel + c*w2 @ (c*(c*w1 @ pixel).clamp(0, 6)).clamp(0, 6))
    assert InvertedResidual(3, 3, 5, stride=2)(x.float()).shape == (2, 3, 3, 3) and not InvertedResidual(3, 4, 3).skip


def test_the_network():
    import torch
    from sparsebook.vision import EfficientNetLite, Stage

    def tiny():
        return EfficientNetLite(stages=[Stage(3, 1, 1, 4, 1), Stage(5, 2, 6, 6, 2)], stem=8, head=16, classes=5)
    with torch.device("meta"): net = EfficientNetLite()
    print(f"{sum(p.numel() for p in net.parameters()):,} weights, {len(net.blocks)} blocks")

    assert sum(p.numel() for p in net.parameters()) == 4_652_008 and len(net.blocks) == 16
    with torch.device("meta"): assert net(torch.zeros(2, 3, 224, 224)).shape == (2, 1000)
    torch.manual_seed(0)
    net, x = tiny().eval(), torch.randn(3, 3, 32, 32)
    torch.testing.assert_close(net(x)[1:2], net(x[1:2]), msg="pictures do not see each other")
    f = net.features(x)
    assert f.shape == (3, 16) and (f >= 0).all() and (f <= 6).all()


def test_open_a_state_dict():
    from pathlib import Path
    import torch
    from sparsebook.archive import DataError
    import tempfile
    import zipfile
    import pytest
    from sparsebook.vision import read_state_dict

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    path = temp()/"net.pth"
    torch.save({"a": torch.arange(3.), "b": torch.eye(2)}, path)
    read_state_dict(path)

    folder = temp()
    marker, path = folder/"marker", folder/"bad.pth"
    def program(name, text): module, _, function = name.rpartition("."); return f"c{module}\n{function}\n(V{text}\ntR.".encode()
    def as_zip(data):
        with zipfile.ZipFile(path, "w") as z:
            for n, content in [("data.pkl", data), ("version", b"3\n"), ("byteorder", b"little")]: z.writestr(f"archive/{n}", content)
    attacks = [program("os.system", f"touch {marker}"), program("posix.system", f"touch {marker}"), program("builtins.exec", f"open({str(marker)!r}, 'w')"), program("builtins.open", str(marker)),
               program("pathlib.Path", str(marker)), program("torch.hub.load_state_dict_from_url", "file:///x"), program("torch.jit.load", str(marker))]
    for data in attacks:
        for write in (as_zip, path.write_bytes):
            write(data)
            with pytest.raises(DataError, match="nothing in it was run"): read_state_dict(path)
            assert not marker.exists()
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(DataError, match="nothing in it was run"): read_state_dict(path)
    for thing in ([torch.ones(2)], {"a": {"b": torch.ones(1)}}, {1: torch.ones(1)}, torch.ones(3)):
        torch.save(thing, path)
        with pytest.raises(DataError, match="flat dictionary"): read_state_dict(path)
    for data in (b"", b"<html>", b"PK\3\4"):
        path.write_bytes(data)
        with pytest.raises(DataError, match="not a state dict"): read_state_dict(path)


def test_prepare_a_picture():
    import numpy as np
    import torch
    import pytest
    from sparsebook.vision import prepare

    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None], (256, 300, 3)).copy()
    x = prepare(ramp)
    x.shape, x[0, ::56, 0]*128 + 127

    for value in (0, 127, 255): torch.testing.assert_close(prepare(np.full((50, 70, 3), value, np.uint8), 32), torch.full((3, 32, 32), (value - 127)/128))
    torch.testing.assert_close(x[0, :, 0]*128 + 127, torch.arange(16., 240.), msg="224 of 256 rows, one to one")
    assert torch.equal(x, prepare(torch.from_numpy(ramp)))
    for bad in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))):
        with pytest.raises(ValueError, match="must be \\(H, W, 3\\) uint8, got"): prepare(bad)


def test_load_and_classify():
    import re
    from pathlib import Path
    import numpy as np
    import torch
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.vision import EfficientNetLite, Stage, classify, load_lite0

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def tiny():
        return EfficientNetLite(stages=[Stage(3, 1, 1, 4, 1), Stage(5, 2, 6, 6, 2)], stem=8, head=16, classes=5)
    net = tiny().eval()
    classify(net, np.zeros((64, 64, 3), np.uint8), ["a", "b", "c", "d", "e"], 2)

    got = classify(net, np.zeros((64, 64, 3), np.uint8), top=5)
    p = net(torch.full((1, 3, 224, 224), -127/128)).softmax(-1)[0]
    assert [int(n) for n, _ in got] == p.argsort(descending=True).tolist() and [q for _, q in got] == pytest.approx(p.sort(descending=True).values.tolist(), abs=1e-4)

    path, state = temp()/"net.pth", {re.sub(r"(^|\.)(?=[a-z])", r"\1_", k, count=1): v for k, v in EfficientNetLite().state_dict().items()}
    torch.save(state, path)
    net = load_lite0(path)
    assert not net.training and torch.equal(net.fc.bias, state["_fc.bias"]) and all(p.requires_grad for p in net.parameters())
    for change, says in [({"_fc.bias": torch.zeros(9)}, "fc.bias must have shape \\(1000,\\), got \\(9,\\)"), ({"_extra": torch.zeros(1)}, "'extra' is not known")]:
        torch.save(state | change, path)
        with pytest.raises(DataError, match=says): load_lite0(path)


@pytest.mark.slow
def test_what_it_sees():
    from sparsebook.fetch import load
    from sparsebook.fetch import cached
    from sparsebook.vision import classify, load_lite0

    if cached("efficientnet-lite0") and cached("photograph") and cached("imagenet-names"):
        import matplotlib.pyplot as plt
        net, names, pictures = load_lite0(), [n.split(",")[0] for n in load("imagenet-names")], load("photograph")
        seen = {k: classify(net, pictures[k], names, 3) for k in ("coffee", "chelsea", "rocket")}
        fig, axes = plt.subplots(1, 3, figsize=(7, 2.4), dpi=72)
        for ax, (k, found) in zip(axes, seen.items(), strict=True):
            ax.imshow(pictures[k])
            ax.set_title("\n".join(f"{n} {p:.2f}" for n, p in found), fontsize=8)
            ax.axis("off")
    else: print("not in the cache yet: load_lite0() fetches 19 MB")

    if cached("efficientnet-lite0") and cached("photograph") and cached("imagenet-names"):
        assert seen["coffee"][0][0] == "espresso" and seen["coffee"][0][1] > .85
        assert seen["chelsea"][0][0] in ("tabby", "tiger cat", "Egyptian cat")
