"""A damaged input, a NaN, a notebook that leaves early: the stage fails, says why in one line, and what stood before still stands."""
import os
import re

import pytest

STAGES = ("data", "train", "evaluate", "figures")


def failure(done) -> str:
    "The one line that explains a failed stage."
    line, = [x for x in done.stderr.splitlines() if "FAILED" in x]
    assert done.returncode == 1, done.stderr
    return line


def flip(path, at: int = -1) -> None:
    "Flip one bit; size and mtime stay."
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[at] ^= 1
    with open(path, "r+b") as f: f.write(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_flipped_bit_stops_the_next_stage_and_its_advice_helps(toy, undisturbed):
    flip(toy.output("data")/"points.safetensors")
    line = failure(toy.stage("train"))
    assert re.match(r"toy / train FAILED: .*out/toy/data/points\.safetensors: its bytes changed.*delete out/toy/data and run stage 'data' of toy again: make paper PAPER=toy", line)
    assert toy.hashes("train") == undisturbed.hashes("train")
    for p in toy.output("data").iterdir(): p.unlink()
    toy.output("data").rmdir()
    done = toy.repro()
    assert done.returncode == 0 and "Running" not in done.stdout and toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)


@pytest.mark.slow
@pytest.mark.parametrize("harm, says", [(lambda d: (d/"weights.safetensors").unlink(), r"weights\.safetensors: missing"), (lambda d: (d/"manifest.json").unlink(), r"manifest\.json"),
                                        (lambda d: (d/"manifest.json").write_text('{"files": {'), r"manifest\.json"), (lambda d: (d/"more.csv").write_text("a\n1\n"), r"more\.csv: not in"),
                                        (lambda d: flip(d/"manifest.json", (d/"manifest.json").read_text().index("30")), r"manifest\.json: its bytes changed")])
def test_any_damage_to_a_sealed_folder_is_refused(harm, says, toy):
    harm(toy.output("train"))
    line = failure(toy.stage("evaluate"))
    assert re.search(says, line) and "run stage 'train' of toy again" in line


NAN = [("train", r"history is not finite: a value at \(10, 1\); nothing was written"), pytest.param("evaluate", "err_slope.*(nan|not finite)", marks=pytest.mark.slow),
       pytest.param("data", "points.*'x'.* is not finite", marks=pytest.mark.slow)]


@pytest.mark.parametrize("stage, says", NAN)
def test_a_nan_stops_the_stage(stage, says, toy, undisturbed):
    assert re.search(f"^toy / {stage} FAILED: .*{says}", failure(toy.stage(stage, toy=f"{stage} has a NaN")))
    assert toy.hashes(*STAGES) == undisturbed.hashes(*STAGES), "what an earlier run published still stands, whole"


@pytest.mark.parametrize("how, says", [("exits", "ended without run.done"), pytest.param("ends without done", "ended without run.done", marks=pytest.mark.slow),
                                       pytest.param("is empty", "nothing to seal", marks=pytest.mark.slow)])
def test_a_notebook_that_leaves_nothing_fails(how, says, toy):
    toy.forget("train")
    assert re.search(f"^toy / train FAILED: .*{says}", failure(toy.stage("train", toy=f"train {how}")))
    assert not toy.output("train").exists() and not toy.published("train").exists()
