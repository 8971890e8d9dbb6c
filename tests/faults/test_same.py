"""The same seed gives the same bytes; a copied repository runs nothing again; a changed bound is judged again, the paper's own numbers change nothing measured."""
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

STAGES = ("data", "train", "evaluate", "figures")


@pytest.mark.slow
def test_the_same_seed_twice_elsewhere(undisturbed, tmp_path):
    "Everything that is published, executed notebooks included, under another clock, language, place and number of threads."
    toy = undisturbed.copy(tmp_path/"another place").forget(*STAGES)
    other = {"TZ": "Pacific/Chatham", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "3", "MPLBACKEND": "svg", "COLUMNS": "40"}
    for stage in STAGES:
        done = toy.stage(stage, cwd=toy.paper, env=other)
        assert done.returncode == 0, done.stderr
    assert toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)


@pytest.mark.slow
def test_another_seed_is_another_result(toy, undisturbed):
    path = toy.paper/"params.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: 1"))
    assert toy.repro().returncode == 0
    changed = {k for k, v in toy.hashes(*STAGES).items() if v != undisturbed.hashes(*STAGES)[k]}
    assert {"out/toy/data/points.safetensors", "out/toy/train/weights.safetensors", "results/toy/evaluate/metrics.json", "results/toy/figures/loss.csv"} <= changed


def test_a_copy_without_git_runs_nothing_again(toy, undisturbed):
    shutil.rmtree(toy.root/".git")
    shutil.rmtree(toy.root/".dvc"/"tmp")
    shutil.rmtree(toy.root/".dvc"/"site", ignore_errors=True)
    done = toy.run(sys.executable, "tools/papers.py", "--papers", "toy", "--no-site")
    assert done.returncode == 0 and done.stdout.count("up to date") == len(STAGES), done.stdout + done.stderr
    assert toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)


@pytest.mark.slow
def test_a_shallow_clone_comes_to_the_same_results(toy, undisturbed, tmp_path):
    git = lambda *a, **kw: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *a], check=True, capture_output=True, text=True, **kw)
    git("add", ".", cwd=toy.root)
    git("commit", "-m", "toy", cwd=toy.root)
    git("clone", "--depth", "1", f"file://{toy.root}", str(tmp_path/"clone"))
    clone = type(toy)(tmp_path/"clone")
    done = clone.repro()
    assert done.returncode == 0, done.stdout + done.stderr
    assert clone.hashes(*STAGES) == undisturbed.hashes(*STAGES)
    assert git("status", "--porcelain", cwd=clone.root).stdout == "", "a run changes no tracked file"


@pytest.mark.slow
def test_results_can_be_recorded_without_git(toy, tmp_path):
    shutil.rmtree(toy.root/".git")
    (toy.root/"README.md").write_text("# toy\n" + "".join(f"<!-- {n}: written by tools/readme.py -->\n<!-- end of {n} -->\n" for n in ("verdicts", "downloads")))
    (tmp_path/"bin").mkdir()
    done = toy.run(sys.executable, "tools/record.py", "toy", env={"PATH": str(tmp_path/"bin")})
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (toy.root/"reports"/"recorded"/"toy"/"quick").iterdir()} == {"metrics.json", "verdict.json", "run.json", "figures"}
    assert "A straight line" in (toy.root/"README.md").read_text()


def edit_claims(toy, change) -> None:
    "Apply `change` to every claim of the toy paper."
    yaml = YAML()
    doc = yaml.load(toy.paper/"paper.yaml")
    for claim in doc["claims"]: change(claim)
    yaml.dump(doc, toy.paper/"paper.yaml")


def test_a_changed_bound_is_judged_again_and_paper_numbers_change_no_metric(toy, undisturbed):
    def change(claim):
        claim["test"] = claim["test"].replace("0.5", "1e-9")
        claim["paper"]["value"] = -12345.0
    edit_claims(toy, change)
    done = toy.repro("evaluate")
    assert done.returncode == 0 and "Running stage 'papers/toy/dvc.yaml:evaluate'" in done.stdout, done.stdout + done.stderr
    old, new = undisturbed.hashes("evaluate"), toy.hashes("evaluate")
    assert new["results/toy/evaluate/metrics.json"] == old["results/toy/evaluate/metrics.json"] and new["results/toy/evaluate/verdict.json"] != old["results/toy/evaluate/verdict.json"]
    assert '"not reproduced"' in (toy.output("evaluate")/"verdict.json").read_text() and '"not reproduced"' not in (undisturbed.output("evaluate")/"verdict.json").read_text()


