"""Generated from nbs/shared_lib/02_artifact.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_write_whole_or_not_at_all():
    import hashlib
    from pathlib import Path
    import tempfile
    from sparsebook.artifact import ArtifactError, sha256_file, write_atomic

    folder = Path(tempfile.mkdtemp())
    write_atomic(folder/"a.txt", b"first")
    write_atomic(folder/"a.txt", b"second")
    sorted(p.name for p in folder.iterdir()), (folder/"a.txt").read_bytes()

    from unittest import mock
    with mock.patch("os.fsync", side_effect=OSError(28, "No space left on device")):
        try: write_atomic(folder/"a.txt", b"x"*1000)
        except ArtifactError as e: assert "needed 1,000 bytes" in str(e)
        else: raise AssertionError("a full disk went unnoticed")
    assert (folder/"a.txt").read_bytes() == b"second" and [p.name for p in folder.iterdir()] == ["a.txt"]
    assert sha256_file(folder/"a.txt") == hashlib.sha256(b"second").hexdigest()


def test_no_nan_leaves_a_stage():
    import numpy as np
    import pandas as pd
    import torch
    from sparsebook.artifact import ArtifactError, require_finite

    require_finite("ok", {"w": torch.ones(3), "rows": [{"acc": 0.5, "name": "a", "n": None}]})
    try: require_finite("history", {"loss": torch.tensor([[1.0, float("nan")]])})
    except ArtifactError as e: print(e)

    for bad in [float("inf"), torch.tensor(float("nan")), np.array([0.0, np.inf]), [1.0, [float("nan")]], pd.DataFrame({"a": [1.0, np.nan]}), np.float64("nan"), {"x": (float("-inf"),)}]:
        try: require_finite("x", bad)
        except ArtifactError as e: assert "not finite" in str(e)
        else: raise AssertionError(repr(bad))


def test_kinds_of_files():
    import shutil
    from pathlib import Path
    import tempfile
    import numpy as np
    import pandas as pd
    import torch
    from sparsebook.artifact import load_artifact, save_artifact

    folder = Path(tempfile.mkdtemp())
    save_artifact(folder, "weight", {"layer": torch.eye(2), "mask": torch.eye(2).bool()})
    save_artifact(folder, "table", pd.DataFrame({"seed": [0, 1], "acc": [0.1, 1/3]}))
    save_artifact(folder, "metrics", {"acc": np.float64(0.5), "per_seed": torch.tensor([1, 2])})
    print((folder/"table.csv").read_text(), (folder/"metrics.json").read_text())
    load_artifact(folder/"weight.safetensors")

    from hypothesis import given, strategies as st
    finite = st.floats(allow_nan=False, allow_infinity=False)

    @given(st.lists(finite, min_size=1, max_size=20))
    def round_trip(xs):
        d = Path(tempfile.mkdtemp())
        a = np.array(xs)
        assert (load_artifact(save_artifact(d, "a", a), "numpy") == a).all()
        assert load_artifact(save_artifact(d, "j", xs)) == xs
        assert load_artifact(save_artifact(d, "t", pd.DataFrame({"x": xs})))["x"].tolist() == xs
        shutil.rmtree(d)
    round_trip()


def test_a_sealed_folder():
    import os
    from pathlib import Path
    import tempfile
    import torch
    from sparsebook.artifact import ArtifactError, save_artifact, seal, verify

    folder = Path(tempfile.mkdtemp())
    save_artifact(folder, "w", torch.arange(4.))
    seal(folder, {"paper": "sr_ste", "stage": "train"})

    verify(folder)
    data = bytearray((folder/"w.safetensors").read_bytes())
    data[-1] ^= 1
    when = (folder/"w.safetensors").stat()
    (folder/"w.safetensors").write_bytes(data)
    os.utime(folder/"w.safetensors", ns=(when.st_atime_ns, when.st_mtime_ns))
    try: verify(folder, "run stage train of sr_ste again")
    except ArtifactError as e: assert "w.safetensors" in str(e) and "stage train" in str(e); print(str(e).split("/")[-1])
    else: raise AssertionError("a flipped byte went unnoticed")
    for damage, says in [(lambda: (folder/"w.safetensors").unlink(), "missing"), (lambda: (folder/"new").touch(), "missing"),
                         (lambda: (folder/"manifest.json").write_text((folder/"manifest.json").read_text().replace("train", "brain")), "its bytes changed"),
                         (lambda: (folder/"manifest.json").write_text("{"), "damaged"), (lambda: (folder/"manifest.json").unlink(), "not finished")]:
        damage()
        try: verify(folder)
        except ArtifactError as e: assert says in str(e), str(e)
        else: raise AssertionError(says)


def test_swap_a_finished_folder_into_place():
    from pathlib import Path
    import tempfile
    from sparsebook.artifact import swap_into_place

    root = Path(tempfile.mkdtemp())
    for version in ["one", "two"]:
        (root/"new").mkdir()
        (root/"new"/version).touch()
        swap_into_place(root/"new", root/"deep"/"final")
        assert [p.name for p in (root/"deep"/"final").iterdir()] == [version]
    assert [p.name for p in root.iterdir()] == ["deep"]
