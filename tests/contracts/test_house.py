"""The house keeps its own rules: two configurations agree, every floor is there, nothing unsafe is called, notebooks keep their size."""
import ast
import configparser
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FACTS = configparser.ConfigParser()
FACTS.read(ROOT/"settings.ini", encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT/"pyproject.toml").read_text(encoding="utf-8"))
LIBRARY = sorted(ROOT.glob("nbs/*/*.ipynb"))


def cells(path: Path, kind: str = "code") -> list[str]: return ["".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind]


@pytest.mark.parametrize("part, where", [("library", "."), ("kernels", "nbs/kernels")])
def test_settings_and_nbdev_agree(part, where):
    nbdev = tomllib.loads((ROOT/where/"pyproject.toml").read_text(encoding="utf-8"))["tool"]["nbdev"]
    assert (ROOT/where/nbdev["nbs_path"]).resolve() == ROOT/FACTS[part]["notebooks"] and (ROOT/where/nbdev["lib_path"]).resolve() == ROOT/FACTS[part]["exported"]
    assert Path(FACTS[part]["exported"]).name == FACTS[part]["import_name"]
    assert nbdev["update_pyproject"] is False and nbdev["allowed_cell_metadata_keys"] == ["tags"], "or nbdev-clean deletes the `parameters` tag"
    assert FACTS[part]["exported"] in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_settings_and_the_package_agree():
    assert FACTS["project"]["name"] == PYPROJECT["project"]["name"]
    assert (ROOT/PYPROJECT["tool"]["hatch"]["version"]["path"]).is_file()
    assert {str(Path(FACTS[p]["exported"]).parent) for p in ("library", "kernels")} == set(PYPROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"])


FLOORS = """README.md Makefile LICENSE settings.ini pyproject.toml constraints/cpu.txt params.yaml dvc.yaml nbs/shared_lib nbs/kernels/pyproject.toml shared_lib/sparsebook/__init__.py
kernels/sparsebook_kernels/__init__.py papers tests/generated tests/contracts tests/faults tools reports .dvc/config .dvcignore .gitignore""".split()


@pytest.mark.parametrize("name", FLOORS)
def test_every_floor_is_there(name): assert (ROOT/name).exists()


def sources() -> list[Path]:
    "Python files and notebooks in git, or, without git, all below the source folders."
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.py", "*.ipynb"], cwd=ROOT, capture_output=True, text=True)
    if not listed.returncode: return [p for n in listed.stdout.splitlines() if (p := ROOT/n).is_file()]
    return [p for f in ("nbs", "shared_lib", "kernels", "papers", "bases", "tools", "tests", "reports") for e in ("py", "ipynb") for p in (ROOT/f).rglob(f"*.{e}") if "html" not in p.parts]


def test_no_folder_or_module_without_a_meaning():
    bad = {"utils", "util", "misc", "common", "helpers", "helper", "v2"}
    assert not [p for p in sources() if bad & {re.sub(r"^\d+_", "", part) for part in p.relative_to(ROOT).with_suffix("").parts}]


def unsafe(source: str) -> list[str]:
    "Calls by which data becomes code, by their syntax: comments and prose do not count."
    source, out = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.M), []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            out += [f"import {m}" for m in modules if m.split(".")[0] in ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve")]
        if not isinstance(node, ast.Call): continue
        name = ast.unparse(node.func)
        if name == "torch.load" and "weights_only=True" in map(ast.unparse, node.keywords): name = "torch.load weights_only"
        if name in ("eval", "exec", "os.system", "os.popen") or name in ("torch.load", "torch.load weights_only", "yaml.load", "yaml.unsafe_load", "yaml.full_load") or name.endswith(("read_pickle", "to_pickle")): out.append(f"{name}(")
        out += [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords if k.arg in ("allow_pickle", "shell", "trust_remote_code") and ast.unparse(k.value) != "False"]
    return out


def test_the_search_for_unsafe_calls_finds_them():
    assert unsafe("import torch, pickle\ntorch.load(p)\nnp.load(p, allow_pickle=True)\neval('1')\nrun(c, shell=True)\nm(trust_remote_code=x)\nos.system(c)\nfrom joblib import load\ntorch.load(p, weights_only=1)\ntorch.load(p, weights_only=True)") == \
        ["import pickle", "import joblib", "torch.load(", "allow_pickle=True", "eval(", "shell=True", "trust_remote_code=x", "os.system(", "torch.load(", "torch.load weights_only("]
    assert unsafe("model.eval()\ntorch.load_state(1)  # torch.load(\nnp.load(p, allow_pickle=False)\nexecute('eval(1)')\n%pip list") == []


# The two uses that are meant: ruamel.yaml's safe loader in a variable called `yaml`, and torch's restricted unpickler behind a sha256 in `read_state_dict`, whose notebook attacks it.
MEANT = {("nbs/shared_lib/01_param.ipynb", "yaml.load("), ("shared_lib/sparsebook/param.py", "yaml.load("), ("tools/deps.py", "yaml.load("),
         ("nbs/shared_lib/87_vision.ipynb", "torch.load weights_only("), ("shared_lib/sparsebook/vision.py", "torch.load weights_only(")}


def test_nothing_turns_data_into_code():
    found = {(str(p.relative_to(ROOT)), call) for p in sources() for call in unsafe(p.read_text(encoding="utf-8") if p.suffix == ".py" else "\n\n".join(cells(p)))}
    assert {(p, c) for p, c in found - MEANT if not p.startswith("tests/")} == set()
    assert {(p, c) for p, c in found if p.startswith("tests/")} <= {("tests/faults/test_same.py", "yaml.load(")}, "a round trip through ruamel.yaml, which builds no objects"
    for p in [ROOT/p for p, call in MEANT if call == "yaml.load("]: assert "ruamel" in p.read_text(encoding="utf-8")


def test_what_is_recorded_is_in_the_repository():
    recorded = [str(p.relative_to(ROOT)) for p in (ROOT/"reports"/"recorded").rglob("*") if p.is_file()]
    done = subprocess.run(["git", "check-ignore", "--no-index", "--stdin"], cwd=ROOT, input="\n".join(recorded), capture_output=True, text=True)
    if done.returncode == 128: pytest.skip("no git here")
    assert recorded and not done.stdout, f"ignored by .gitignore: {done.stdout}"


def test_no_address_of_a_machine():
    "No path of the machine where this was written, no host but public ones."
    for p in sources():
        text = p.read_text(encoding="utf-8")
        for bad in (str(ROOT) + "/", "/site-" + "packages/", "/root/" + ".", "/home/" + "user"): assert bad not in text, f"{p.relative_to(ROOT)} names {bad}"


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.stem)
def test_a_library_notebook_keeps_its_size_and_shape(path):
    code, prose = cells(path), cells(path, "markdown")
    exported = sum(len([line for line in c.splitlines() if line.strip() and not line.startswith("#|")]) for c in code if re.search(r"^#\|\s*export", c, re.M))
    assert len(code) + len(prose) <= 60 and exported <= 250, f"{len(code) + len(prose)} cells (at most 60), {exported} exported lines (at most 250): split it"
    assert re.search(r"^#\|\s*default_exp\s+[a-z_]+$", code[0], re.M), "the first code cell says which module this is"
    title = next(p for p in prose if p.startswith("# "))
    assert re.search(r"^> \S", title, re.M), "a one-line promise stands under the title"
    headings = [h for p in prose for h in re.findall(r"^## (.+)$", p, re.M)]
    assert headings and re.search(r"which .*want", headings[-1], re.I), f"the last section helps to choose, got {headings[-1:]}"


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.stem)
def test_an_exported_module_imports_only_downwards(path):
    "kernels know nothing of the library; neither knows the papers."
    text = "\n".join(c for c in cells(path) if re.search(r"^#\|\s*export", c, re.M))
    above = {"kernels": ("sparsebook", "papers", "tools"), "shared_lib": ("papers", "tools")}[path.parent.name]
    imported = {m.split(".")[0] for m in re.findall(r"^\s*(?:from|import)\s+([\w.]+)", text, re.M)}
    assert not imported & set(above)
