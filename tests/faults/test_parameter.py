"""Wrong names, types, profiles and torn files: one line, exit 2, nothing written; what YAML may mean in two ways is read in one."""
import json
import re
import sys

import pytest
from ruamel.yaml import YAML

PARAMS = [
    ("steps: 30", "stepz: 30", r"params\.yaml, quick\.train: unknown parameter 'stepz'; did you mean 'steps'\?"),
    ("steps: 30", "steps: 30\n    momentum: 0.9", "unknown parameter 'momentum'; (known|did you mean)"),
    ("    steps: 30\n", "", "steps not set; every profile lists every parameter"),
    ("steps: 30", "steps: 1.5", r"steps must be a int \(like 30\), got 1.5 \(float\)"),
    ("seed: 0\n    steps", "seed: true\n    steps", r"seed must be a int \(like 0\), got True \(bool\)"),
    ("lr: 5e-2", "lr: no", r"lr must be a float \(like 0.05\), got 'no' \(str\)"),
    ("lr: 5e-2", "lr: '5e-2'", r"lr must be a float \(like 0.05\), got '5e-2' \(str\)"),
    ("lr: 5e-2", "lr: .nan", "lr must be finite, got nan"),
    ("lr: 5e-2", "lr: 5e-2\n    lr: 1.0", r"params\.yaml, line \d+: found duplicate key .lr"),
    ("widths: [4, 8]", "widths: [[4], [8]]", "widths = .*allowed are"),
    ("widths: [4, 8]", "widths: []", "widths = .*allowed are"),
    ("widths: [4, 8]", "widths: 4", r"widths must be a list of int \(like \[4, 8\]\), got 4"),
    ("name: a", "name: a\n    profile: full", "'profile' is set by the top-level params.yaml"),
    ("  train:", "  trian:", r"quick\.trian is no stage; did you mean 'train'\?"),
    ("quick:", "quik:", r"no profile 'quick'; did you mean 'quik'\?"),
    ("widths: [4, 8]", "widths: [4, 8", r"params\.yaml, line \d+: "),
    ("    lr: 5e-2\n", "<<<<<<< HEAD\n    lr: 5e-2\n=======\n    lr: 6e-2\n>>>>>>> other\n", r"params\.yaml, line 8: a merge conflict is left here"),
]


def refused(done, says: str, where: str = "toy / train FAILED: ") -> None:
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stdout + done.stderr
    assert re.match(f"{where}.*{says}", done.stderr), done.stderr


@pytest.fixture(scope="module")
def house(undisturbed, tmp_path_factory): return undisturbed.copy(tmp_path_factory.mktemp("parameter")/"repository")


@pytest.fixture
def unchanged(house):
    "Fails when a test leaves any file other than it was; a changed file of the paper is put back."
    kept = {p: p.read_bytes() for p in house.paper.iterdir() if p.is_file()}
    look = lambda: {p: p.stat().st_mtime_ns for p in house.root.rglob("*") if p.is_file() and ".dvc" not in p.parts and p.parent != house.paper}
    before = look()
    yield house
    for p, data in kept.items(): p.write_bytes(data)
    assert look() == before


@pytest.mark.parametrize("old, new, says", PARAMS, ids=[new.split("\n")[-1].strip() or old.strip() for old, new, _ in PARAMS])
def test_a_bad_params_yaml(old, new, says, unchanged):
    path = unchanged.paper/"params.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    refused(unchanged.stage("train"), says)


def test_a_bad_stage_paper_or_profile(unchanged):
    refused(unchanged.stage("trian"), r"no stage 'trian'; did you mean 'train'\?", "toy / trian FAILED: ")
    refused(unchanged.stage("train", "qick"), r"no profile 'qick'; did you mean 'quick'\? \(allowed: quick, full\)")
    unknown = type(unchanged)(unchanged.root, "toi")
    refused(unknown.stage("train"), r"no paper 'toi'; did you mean 'toy'\?", "toi / train FAILED: ")


def test_full_without_a_gpu(unchanged):
    from sparsebook.run import has_gpu
    if has_gpu(): pytest.skip("a GPU is here")
    refused(unchanged.stage("train", "full"), "profile 'full' needs an NVIDIA GPU and no driver is here; use profile 'quick'")


@pytest.mark.parametrize("arguments, says", [(["--profile", "qick"], "no profile 'qick'; .*allowed: quick, full"), (["--set", "stepz=3"], "unknown parameter 'stepz'; did you mean 'steps'"),
                                             (["--set", "lr=no"], "lr must be a float"), (["--set", "trian.lr=1"], "no stage 'trian'; did you mean 'train'"),
                                             (["--set", "lr"], "cannot read the setting 'lr'"), (["--set", "lr=[1"], "lr"), (["--papers", "toi"], "no paper 'toi'; did you mean 'toy'")])
def test_a_bad_order_to_the_driver(arguments, says, unchanged):
    before = (unchanged.paper/"params.yaml").read_bytes()
    refused(unchanged.run(sys.executable, "tools/papers.py", "--papers", "toy", "--no-site", *arguments), says, "")
    assert (unchanged.paper/"params.yaml").read_bytes() == before


def test_papermill_with_an_unknown_parameter_fails(toy):
    "papermill's own command line only warns and would run the defaults."
    done = toy.run(sys.executable, "-m", "papermill", "2_train.ipynb", "/dev/null", "-p", "stepz", "3", cwd=toy.paper)
    assert done.returncode != 0 and "ParamError: 2_train.ipynb: unknown parameter 'stepz'; did you mean 'steps'?" in done.stderr
    assert not (toy.root/"out"/"play").exists()


def test_dvc_and_the_notebook_read_the_same_values(undisturbed):
    "params.yaml writes 5e-2, a string to YAML 1.1 and a float to YAML 1.2."
    assert "lr: 5e-2" in (undisturbed.paper/"params.yaml").read_text()
    for stage in ("data", "train"):
        seen = YAML(typ="safe").load(undisturbed.paper/"dvc.lock")["stages"][stage]["params"]["params.yaml"][f"quick.{stage}"]
        assert json.loads(json.dumps(seen)) == {k: v for k, v in undisturbed.manifest(stage)["parameters"].items() if k != "profile"}
    assert seen["lr"] == 0.05 and seen["widths"] == [4, 8] and type(seen["seed"]) is int


@pytest.mark.parametrize("name", ["dvc.lock", pytest.param("dvc.yaml", marks=pytest.mark.slow)])
@pytest.mark.parametrize("torn", ["conflict", pytest.param("truncated", marks=pytest.mark.slow)])
def test_a_torn_pipeline_file(name, torn, unchanged):
    path = unchanged.paper/name
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], "<<<<<<< HEAD", lines[3], "=======", lines[3], ">>>>>>> other", *lines[4:]] if torn == "conflict" else [*lines[:3], lines[3][:4]]) + "\n")
    done = unchanged.repro()
    assert done.returncode != 0 and f"toy/{name}" in done.stderr and "Running" not in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("torn, says", [("    says: the slope\n<<<<<<< HEAD\n", r"paper\.yaml, line 1\d: a merge conflict"), ("    says: [the slope", r"paper\.yaml, line \d+: ")])
def test_a_torn_paper_yaml(torn, says, toy):
    path = toy.paper/"paper.yaml"
    path.write_text(path.read_text().replace("    says: the slope is found\n", torn))
    before = toy.hashes("evaluate")
    done = toy.stage("evaluate")
    assert done.returncode == 1 and re.search(f"^toy / evaluate FAILED: .*{says}", done.stderr, re.M), done.stderr
    assert toy.hashes("evaluate") == before
