"""Generated from nbs/shared_lib/01_param.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_one_yaml_loader():
    from pathlib import Path
    import tempfile
    from sparsebook.param import ParamError, load_yaml

    folder = Path(tempfile.mkdtemp())
    (folder/"p.yaml").write_text("lr: 1e-3\nname: no\nwidths: [64, 128]\nseed: 0\n")
    load_yaml(folder/"p.yaml")

    p = load_yaml(folder/"p.yaml")
    assert p == {"lr": 0.001, "name": "no", "widths": [64, 128], "seed": 0} and type(p["lr"]) is float
    for text, says in [("a: 1\na: 2\n", "line 2"), ("a: [1, 2\nb: 3\n", "line 2"), ("<<<<<<< HEAD\na: 1\n", "line 1"), ("- 1\n", "mapping"),
                       ("a: !!python/name:os.system x\n", "line 1")]:
        (folder/"bad.yaml").write_text(text)
        try: load_yaml(folder/"bad.yaml")
        except ParamError as e: assert says in str(e) and "bad.yaml" in str(e), str(e)
        else: raise AssertionError(f"accepted {text!r}")


def test_what_a_notebook_declares():
    import json
    from pathlib import Path
    import tempfile
    from sparsebook.param import ParamError, Parameter, read_parameters

    def notebook(source, tags=("parameters",)):
        cell = dict(cell_type="code", source=source, metadata=dict(tags=list(tags)), outputs=[])
        path = Path(tempfile.mkdtemp())/"2_train.ipynb"
        path.write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
        return path

    train = notebook('lr = 0.1  # step size, > 0 (Section 3)\nepochs = 4\npatterns = ["2:4", "1:16"]  # n:m')
    read_parameters(train)

    assert read_parameters(train)["lr"] == Parameter("lr", 0.1, "step size, > 0 (Section 3)")
    assert list(read_parameters(train)) == ["lr", "epochs", "patterns"]
    for bad, says in [("lr = 1/3", "literal"), ("import os", "name = literal"), ("a = 1\na = 2", "twice"), ("a = [1, 'x']", "allowed are"), ("a = None", "allowed are")]:
        try: read_parameters(notebook(bad))
        except ParamError as e: assert says in str(e), str(e)
        else: raise AssertionError(bad)

    try: read_parameters(notebook("lr = 0.1", tags=()))
    except ParamError as e: print(e)


def test_checking_values():
    from sparsebook.param import ParamError, Parameter, check_parameters

    declared = {n: Parameter(n, d, "") for n, d in dict(lr=0.1, epochs=4, patterns=["2:4"], fast=True).items()}
    check_parameters({"lr": 1, "patterns": ["1:4", "1:8"]}, declared, "params.yaml, quick.train")

    assert check_parameters({"lr": 1}, declared, "t")["lr"] == 1.0 and type(check_parameters({"lr": 1}, declared, "t")["lr"]) is float
    for bad in [{"epochs": True}, {"epochs": 2.0}, {"lr": "1e-3"}, {"fast": 1}, {"patterns": "2:4"}, {"patterns": [["2:4"]]}, {"patterns": []},
                {"lr": float("nan")}, {"lr": None}, {"epocs": 2}]:
        try: check_parameters(bad, declared, "t")
        except ParamError: pass
        else: raise AssertionError(f"accepted {bad}")

    for bad in [{"epocs": 2}, {"epochs": True}]:
        try: check_parameters(bad, declared, "papers/sr_ste/params.yaml, quick.train")
        except ParamError as e: print(e)


def test_profiles_and_overrides():
    import json
    from pathlib import Path
    import tempfile
    from sparsebook.param import ParamError, set_parameters, stage_parameters

    paper = Path(tempfile.mkdtemp())
    def write_stage(name, source):
        cell = dict(cell_type="code", source=source, metadata=dict(tags=["parameters"]), outputs=[])
        (paper/name).write_text(json.dumps(dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)))
    write_stage("1_data.ipynb", 'profile = "quick"\nseed = 0')
    write_stage("2_train.ipynb", 'profile = "quick"\nseed = 0\nlr = 0.1\nepochs = 4')
    (paper/"params.yaml").write_text("quick:\n  data: {seed: 0}\n  train:\n    seed: 0\n    lr: 0.1  # step size\n    epochs: 4\n")
    print(set_parameters(paper/"params.yaml", "quick", ["epochs=2", "lr=1e-2"]))
    print((paper/"params.yaml").read_text())

    assert stage_parameters(paper/"params.yaml", paper/"2_train.ipynb", "quick") == dict(profile="quick", seed=0, lr=0.01, epochs=2)
    assert "# step size" in (paper/"params.yaml").read_text()
    assert set_parameters(paper/"params.yaml", "quick", ["seed=3"]) == ["quick.data.seed: 0 -> 3", "quick.train.seed: 0 -> 3"]
    before = (paper/"params.yaml").read_text()
    for bad in ["epocs=2", "epochs=true", "epochs", "trian.lr=1", "lr=fast", "epochs=2.5"]:
        try: set_parameters(paper/"params.yaml", "quick", ["lr=0.5", bad])
        except ParamError: assert (paper/"params.yaml").read_text() == before
        else: raise AssertionError(bad)
    try: stage_parameters(paper/"params.yaml", paper/"2_train.ipynb", "qick")
    except ParamError as e: assert "did you mean 'quick'?" in str(e)
    else: raise AssertionError("a misspelt profile was accepted")
