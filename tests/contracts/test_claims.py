"""Every paper's claims: the file fits the schema, the tests are in the language, the judge is blind to what the paper measured."""
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparsebook.claim import Claim, ClaimError, check_test, load_paper
from sparsebook.judge import VERDICTS, judge

ROOT = Path(__file__).resolve().parents[2]
PAPERS = sorted((ROOT/"papers").glob("*/paper.yaml"))
RECORDED = sorted((ROOT/"reports"/"recorded").glob("*/*/metrics.json"))


def name(path: Path) -> str: return str(path.parent.relative_to(ROOT))


def perturbed(claim: Claim, x) -> Claim:
    "The claim of a paper that measured something else."
    return Claim.model_validate(claim.model_dump() | {"paper": {"value": x, "unit": str(x), "setting": str(x)}})


def core(judgement) -> str:
    "The verdicts, without what the paper says about itself."
    return json.dumps([{**v, "paper": None} for v in judgement.to_json()["verdicts"]])


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_claims_are_sound(path):
    paper = load_paper(path)
    assert paper.slug == path.parent.name, f"slug must be the folder's name {path.parent.name}, got {paper.slug}"
    assert len({c.id for c in paper.claims}) == len(paper.claims)
    for claim in paper.claims:
        assert claim.profiles and check_test(claim)
    assert any("quick" in c.profiles for c in paper.claims), "no claim is measured in quick"


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_judge_is_blind_to_the_paper(path):
    claims = load_paper(path).claims

    @settings(max_examples=5)
    @given(st.integers(0, 2**31), st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9))
    def check(seed, x):
        rng = np.random.default_rng(seed)
        metrics = {m: rng.normal(1, .1, max(c.over.seeds for c in claims)).tolist() for c in claims for m in sorted(check_test(c))}
        for profile in ("quick", "full"):
            seen = judge(claims, metrics, profile)
            assert core(judge([perturbed(c, x) for c in claims], metrics, profile)) == core(seen)
            assert sum(seen.counts().values()) == len(claims) and {v.verdict for v in seen.verdicts} <= set(VERDICTS)
            for c, v in zip(claims, seen.verdicts, strict=True): assert (v.verdict == "not tested") == (profile not in c.profiles)

    check()


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_no_verdict_from_nan(path):
    for claim in load_paper(path).claims:
        metrics = {m: [1.]*claim.over.seeds for m in check_test(claim)}
        for m in metrics:
            with pytest.raises(ClaimError, match=m): judge([claim], {**metrics, m: [float("nan")]*claim.over.seeds}, claim.profiles[0])


@pytest.mark.parametrize("path", PAPERS, ids=name)
def test_no_stage_reads_what_the_paper_measured(path):
    for notebook in sorted(path.parent.glob("*.ipynb")):
        code = "\n".join(c.source for c in nbformat.read(notebook, 4).cells if c.cell_type == "code")
        found = re.search(r"paper\.yaml|\.paper\.(value|unit|setting)|\[.paper.\]", code)
        assert not found, f"{notebook.name} reads {found[0]!r}: metrics are measured, the paper's numbers are for the reader"


@pytest.mark.parametrize("path", RECORDED, ids=name)
def test_recorded_verdicts_follow_from_recorded_metrics(path):
    claims, profile = load_paper(ROOT/"papers"/path.parts[-3]/"paper.yaml").claims, path.parts[-2]
    metrics = json.loads(path.read_text())["values"]
    again = judge(claims, metrics, profile)
    recorded = json.loads((path.parent/"verdict.json").read_text())
    assert json.loads(json.dumps(again.to_json())) == recorded, "paper.yaml or the judge has changed since: judge the recorded metrics again"
    assert core(judge([perturbed(c, 123.4) for c in claims], metrics, profile)) == core(again)


def test_a_change_of_the_paper_number_is_seen_and_changes_nothing():
    claim = Claim(id="C1", says="a is better", where="Table 1", kind="comparison", test="a > b", over={"seeds": 2}, paper={"value": 1.})
    metrics = {"a": [2., 3.], "b": [1., 2.]}
    before, after = judge([claim], metrics), judge([perturbed(claim, 99.)], metrics)
    assert before.to_json() != after.to_json() and core(before) == core(after)
