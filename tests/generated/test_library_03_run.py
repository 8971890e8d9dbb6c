"""Generated from nbs/shared_lib/03_run.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_where_am_i():
    import json
    from pathlib import Path
    from sparsebook.param import ParamError
    import tempfile
    from sparsebook.run import House

    def tiny_house(params='quick:\n  data: {seed: 0, n: 3}\n  train: {seed: 0, lr: 0.1}\nfull:\n  data: {seed: 0, n: 9}\n  train: {seed: 0, lr: 0.2}\n'):
        root = Path(tempfile.mkdtemp()).resolve()
        (root / 'settings.ini').write_text('[papers]\nfolder = papers\nstages = data train evaluate figures\nprofiles = quick full\nartifacts = out\nresults = results\nrecorded = reports/recorded\n')
        (root / 'params.yaml').write_text('profile: quick\n')
        paper = root / 'papers' / 'toy'
        paper.mkdir(parents=True)
        (paper / 'paper.yaml').write_text('slug: toy\nfull: {needs: gpu}\n')
        (paper / 'params.yaml').write_text(params)
        for name, source in [('1_data', 'profile = "quick"\nseed = 0\nn = 3'), ('2_train', 'profile = "quick"\nseed = 0\nlr = 0.1')]:
            cell = dict(cell_type='code', source=source, metadata=dict(tags=['parameters']), outputs=[])
            (paper / f'{name}.ipynb').write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
        return paper
    paper = tiny_house()
    House(paper).output("toy", "train").relative_to(House(paper).root)

    assert House(paper).notebook("toy", "train") == paper/"2_train.ipynb"
    assert House(paper).output("toy", "figures") == House(paper).root/"results/toy/figures"
    (House(paper).root/"out").mkdir()
    (House(paper).root/"out"/"toy").symlink_to(tempfile.mkdtemp())
    for call, says in [(lambda: House(paper).output("toy", "data"), "outside the repository"), (lambda: House(paper).paper("tooy"), "did you mean 'toy'?"), (lambda: House(paper).notebook("toy", "trian"), "did you mean 'train'?"),
                       (lambda: House(tempfile.mkdtemp()), "not inside")]:
        try: call()
        except ParamError as e: assert says in str(e), str(e)
        else: raise AssertionError(says)


def test_independent_random_streams():
    import numpy as np
    from sparsebook.run import stream

    np.random.default_rng(stream(0, "init")).normal(size=3), np.random.default_rng(stream(0, "batches")).normal(size=3)

    draw = lambda seed, name: np.random.default_rng(stream(seed, name)).integers(1 << 62, size=4).tolist()
    assert draw(0, "init") == draw(0, "init")
    assert len({tuple(draw(s, n)) for s in range(20) for n in ["init", "batches", "init "]}) == 60
    x, y = (np.random.default_rng(stream(0, n)).normal(size=20_000) for n in ["a", "b"])
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.03


def test_the_run():
    import json
    import os
    from pathlib import Path
    from sparsebook.artifact import ArtifactError, sha256_file
    from sparsebook.param import ParamError
    import tempfile
    import numpy as np
    import pytest
    from sparsebook.run import House, check_profile, start

    def tiny_house(params='quick:\n  data: {seed: 0, n: 3}\n  train: {seed: 0, lr: 0.1}\nfull:\n  data: {seed: 0, n: 9}\n  train: {seed: 0, lr: 0.2}\n'):
        root = Path(tempfile.mkdtemp()).resolve()
        (root / 'settings.ini').write_text('[papers]\nfolder = papers\nstages = data train evaluate figures\nprofiles = quick full\nartifacts = out\nresults = results\nrecorded = reports/recorded\n')
        (root / 'params.yaml').write_text('profile: quick\n')
        paper = root / 'papers' / 'toy'
        paper.mkdir(parents=True)
        (paper / 'paper.yaml').write_text('slug: toy\nfull: {needs: gpu}\n')
        (paper / 'params.yaml').write_text(params)
        for name, source in [('1_data', 'profile = "quick"\nseed = 0\nn = 3'), ('2_train', 'profile = "quick"\nseed = 0\nlr = 0.1')]:
            cell = dict(cell_type='code', source=source, metadata=dict(tags=['parameters']), outputs=[])
            (paper / f'{name}.ipynb').write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
        return paper
    import contextlib
    paper = tiny_house()
    with contextlib.chdir(paper):
        run = start("toy", "data", dict(profile="quick", seed=0, n=5))
        run.done(x=np.arange(run.params["n"]))
        run = start("toy", "train", dict(profile="quick", seed=0, lr=1))
        x = run.load("data")["x"]
        run.done(model={"w": np.asarray(x) * run.params["lr"]}, metrics={"acc": [0.5, 0.7], "size": 3})
        print(json.dumps(json.loads((run.folder/"metrics.json").read_text())))
    run

    from unittest import mock
    paper = tiny_house()
    with contextlib.chdir(paper):
        with pytest.raises(ParamError, match="did you mean 'lr'"): start("toy", "train", {"In": ["", "# Parameters\nlrr = 3\n"], "lrr": 3})
        with pytest.raises(ParamError, match="seed must be a int"): start("toy", "train", {"seed": True})
        with pytest.raises(ParamError, match="did you mean 'quick'"): start("toy", "train", {"profile": "qick"})
        with mock.patch.dict(check_profile.__globals__, has_gpu=lambda: False), pytest.raises(ParamError, match="needs an NVIDIA GPU"): start("toy", "train", {"profile": "full"})
        with mock.patch.dict(check_profile.__globals__, has_gpu=lambda: True):
            assert start("toy", "train", {"profile": "full", "seed": 0, "lr": 0.1}).params["lr"] == 0.2
            assert start("toy", "train", {"profile": "full", "seed": 0, "lr": 0.3}).params["lr"] == 0.3
        run = start("toy", "train", {})
        with pytest.raises(ArtifactError, match="has not run yet"): run.load("data")
        with pytest.raises(ArtifactError, match="not finite"): run.done(loss=[1.0, float("nan")])
        assert not run.folder.exists()
        with pytest.raises(ArtifactError, match="identifier"): run.done(metrics={"acc 1:4": 1.0})
        assert run.seeds(3) == run.seeds(5)[:3] and len(set(run.seeds(50))) == 50

    import matplotlib
    import matplotlib.pyplot as plt
    import pandas as pd
    paper = tiny_house()
    (paper/"paper.yaml").write_text("slug: toy\nclaims: [{id: C1}]\n")
    bytes_of = []
    with contextlib.chdir(paper), matplotlib.rc_context({"svg.hashsalt": "sparsebook"}):
        for _ in range(2):
            run = start("toy", "train", {})
            fig, ax = plt.subplots(figsize=(2, 1))
            ax.plot([0, 1], [0, 1])
            run.figure("line", fig, pd.DataFrame({"x": [0, 1]}), "a line", ["C1"])
            plt.close(fig)
            run.done()
            bytes_of.append({p.name: p.read_bytes() for p in run.folder.iterdir()})
        with pytest.raises(ParamError, match="C1"): run.figure("line", fig, pd.DataFrame({"x": [0]}), "a line", ["C2"])
    assert bytes_of[0] == bytes_of[1]
    sorted(bytes_of[0])

    paper = tiny_house()
    token = paper/"seal"
    with contextlib.chdir(paper), mock.patch.dict(os.environ, {"SPARSEBOOK_STAGE": "toy/data", "SPARSEBOOK_SEAL": str(token)}):
        run = start("toy", "data", {})
        run.done(x=[1, 2])
    assert run.folder == House(paper).output("toy", "data")
    assert token.read_text() == sha256_file(run.folder/"manifest.json")
    first = (run.folder/"manifest.json").read_bytes()
    with contextlib.chdir(paper), mock.patch.dict(os.environ, {"SPARSEBOOK_STAGE": "toy/data", "SPARSEBOOK_SEAL": str(token)}): start("toy", "data", {}).done(x=[1, 2])
    assert (run.folder/"manifest.json").read_bytes() == first
    (run.folder/"x.json").write_text("[1, 3]")
    with contextlib.chdir(paper), mock.patch.dict(os.environ, {"SPARSEBOOK_STAGE": "toy/train"}), pytest.raises(ArtifactError, match="run stage 'data'"):
        start("toy", "train", {}).load("data")
