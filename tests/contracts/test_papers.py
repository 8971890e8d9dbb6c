"""Every paper, found by its paper.yaml: four notebooks of one shape, two profiles that list the same, claims fixed beforehand, pipelines that say what they read."""
import ast
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("pydantic")
from sparsebook.claim import load_paper
from sparsebook.param import load_yaml, read_parameters, stage_parameters
from sparsebook.run import House

HOUSE = House(Path(__file__).parent)
SLUGS = sorted(p.parent.name for p in HOUSE.papers.glob("*/paper.yaml"))
BOOKS = [pytest.param(slug, stage, id=f"{slug}-{stage}") for slug in SLUGS for stage in HOUSE.stages]


def notebook(slug: str, stage: str) -> list[dict]: return json.loads(HOUSE.notebook(slug, stage).read_text(encoding="utf-8"))["cells"]
def text(cell: dict) -> str: return "".join(cell["source"])
def code(slug: str, stage: str) -> list[str]: return [text(c) for c in notebook(slug, stage) if c["cell_type"] == "code"]


def imported(source: str) -> set[str]:
    "The top-level packages that a piece of Python imports, anywhere in it."
    nodes = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Import | ast.ImportFrom)]
    return {name.split(".")[0] for n in nodes for name in ([a.name for a in n.names] if isinstance(n, ast.Import) else [n.module or ""])}


def test_there_is_a_paper(): assert SLUGS


@pytest.mark.parametrize("slug", SLUGS)
def test_a_paper_has_its_files_and_no_others(slug):
    folder = HOUSE.papers/slug
    wanted = {f"{i}_{s}.ipynb" for i, s in enumerate(HOUSE.stages, 1)} | {"paper.yaml", "params.yaml", "dvc.yaml"}
    here = {p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")}
    assert wanted <= here <= wanted | {"dvc.lock", "README.md"}, f"missing {wanted - here}, more {here - wanted}"


@pytest.mark.parametrize("slug, stage", BOOKS)
def test_a_notebook_opens_and_ends_like_all(slug, stage):
    cells = notebook(slug, stage)
    assert cells[0]["cell_type"] == "markdown" and re.match(rf"# {HOUSE.stages.index(stage) + 1} . {stage.capitalize()}\b.*\n> \S.*", text(cells[0])), "title and one-sentence role"
    tagged = [i for i, c in enumerate(cells) if "parameters" in c.get("metadata", {}).get("tags", [])]
    assert tagged == [1] and text(cells[1]).startswith("profile = "), "the second cell, and only it, is tagged `parameters` and begins with the profile"
    assert re.search(rf'^run = start\("{slug}", "{stage}", globals\(\)\)$', text(cells[2]), re.M), "the third cell starts the run"
    calls = [ast.unparse(n.func) for c in code(slug, stage) for n in ast.walk(ast.parse(c)) if isinstance(n, ast.Call)]
    assert calls.count("run.done") == 1 and "run.done(" in code(slug, stage)[-1], "the last cell, and only it, calls run.done"
    for name, p in read_parameters(HOUSE.notebook(slug, stage)).items(): assert p.comment, f"{name} needs a short comment"


@pytest.mark.parametrize("slug, stage", BOOKS)
def test_a_notebook_keeps_its_size_and_no_outputs(slug, stage):
    cells = notebook(slug, stage)
    lines = sum(len([x for x in c.splitlines() if x.strip()]) for c in code(slug, stage))
    assert len(cells) <= 25 and lines <= 150, f"{len(cells)} cells (at most 25), {lines} lines of code (at most 150): what two papers need moves to nbs/"
    assert not [c for c in cells if c.get("outputs") or c.get("execution_count")], "outputs are stripped; the report shows them"


@pytest.mark.parametrize("slug, stage", BOOKS)
def test_defaults_are_the_quick_profile_and_full_lists_the_same(slug, stage):
    path, book = HOUSE.papers/slug/"params.yaml", HOUSE.notebook(slug, stage)
    declared = {n: p.default for n, p in read_parameters(book).items()}
    assert stage_parameters(path, book, "quick") == declared
    sections = load_yaml(path)
    assert list(sections) == HOUSE.profiles and list(sections["full"]) == list(sections["quick"]) == HOUSE.stages
    assert list(sections["full"][stage]) == list(sections["quick"][stage]) == [n for n in declared if n != "profile"], "the same names in the order of the notebook"
    stage_parameters(path, book, "full")


@pytest.mark.parametrize("slug", SLUGS)
def test_each_stage_keeps_to_its_work(slug):
    source = {s: "\n\n".join(code(slug, s)) for s in HOUSE.stages}
    assert not imported(source["figures"]) & {"torch", "triton", "scipy", "sklearn"}, "4_figures draws and computes nothing"
    assert "sparsebook.judge" not in source["train"] and "run.paper" not in source["train"] + source["data"], "training does not know the claims"
    assert not re.search(r"\brun\.figure\(", source["data"] + source["train"] + source["evaluate"])
    for s in HOUSE.stages: assert not re.search(r"\bopen\(|\.write_text\(|\.to_csv\(|savefig\(|torch\.save\(|np\.save", source[s]), f"{s}: run.done is the only writer"


@pytest.mark.parametrize("slug", SLUGS)
def test_the_evaluation_hands_the_claims_to_the_judge_and_reads_nothing_else_of_the_paper(slug):
    "`run.paper` may only stand in judge(load_paper(run.paper).claims, ...): metrics cannot depend on the paper's numbers."
    tree = ast.parse("\n\n".join(code(slug, "evaluate")))
    uses = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n) == "run.paper"]
    judged = [a for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "judge" for a in n.args[:1]]
    assert len(uses) == len(judged) == 1 and ast.unparse(judged[0]) in ("load_paper(run.paper).claims", "load_paper(run.paper)")
    assert "load_yaml" not in ast.unparse(tree)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_paper_says_what_is_smaller_and_at_which_scale_it_tests(slug):
    paper = load_paper(HOUSE.papers/slug/"paper.yaml")
    assert paper.scaled_down and paper.data
    for claim in paper.claims:
        assert claim.scale, f"{claim.id} says at which scale it is tested"
        if claim.kind in ("comparison", "trend"): assert claim.over.seeds >= 3, f"{claim.id}: at least 3 paired seeds"


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("profile", HOUSE.profiles)
def test_recorded_figures_are_whole_and_name_claims_of_the_paper(slug, profile):
    folder = HOUSE.recorded/slug/profile/"figures"
    if not folder.exists(): pytest.skip(f"{slug} has no recorded {profile} run")
    known = {c.id for c in load_paper(HOUSE.papers/slug/"paper.yaml").claims}
    for figure in json.loads((folder/"figures.json").read_text(encoding="utf-8")):
        assert set(figure["claims"]) <= known and figure["caption"] and figure["alt"]
        for suffix in ("svg", "png", "csv"): assert (folder/f"{figure['name']}.{suffix}").stat().st_size


@pytest.mark.parametrize("slug", SLUGS)
def test_a_pipeline_says_what_it_reads_and_writes(slug):
    stages = load_yaml(HOUSE.papers/slug/"dvc.yaml")["stages"]
    assert list(stages) == HOUSE.stages
    for i, stage in enumerate(HOUSE.stages, 1):
        facts, book = stages[stage], f"{i}_{stage}.ipynb"
        folder = HOUSE.output(slug, stage).relative_to(HOUSE.root)
        assert facts["cmd"] == f"python ../../tools/stage.py {slug} {stage} --profile ${{profile}}"
        assert facts["outs"] == [f"../../{folder}", f"../../results/{slug}/notebooks/{book}"] and facts["params"] == [f"${{profile}}.{stage}"]
        deps, source = facts["deps"], "\n\n".join(code(slug, stage))
        assert {book, "../../tools/stage.py"} <= set(deps) and ("paper.yaml" in deps) == (stage == "evaluate" or "run.paper" in source)
        loaded = set(re.findall(r'run\.load\("(\w+)"\)', source))
        for s in loaded: assert f"../../{HOUSE.output(slug, s).relative_to(HOUSE.root)}" in deps, f"{stage} loads {s} and must depend on its folder"
        assert loaded <= set(HOUSE.stages[:i - 1]), f"{stage} may load earlier stages only"
