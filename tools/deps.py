"""Keep the pipelines' dependency lists true: a stage depends on every library module that its notebook imports, directly or not, and the site on every paper's card.

`--check` writes nothing and fails when a list in a dvc.yaml is stale.
"""
import ast
import configparser
import io
import json
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent


def packages() -> dict[str, Path]:
    "Import name and folder of each exported package."
    facts = configparser.ConfigParser()
    facts.read(ROOT/"settings.ini", encoding="utf-8")
    return {facts[k]["import_name"]: ROOT/facts[k]["exported"] for k in ("library", "kernels")}


def imported(source: str, where: dict[str, Path], own: str = "") -> set[Path]:
    "The exported modules that a piece of Python (in the package `own`) imports, anywhere in it."
    out = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import): names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, [own if node.level else "", node.module]))
            names = [module] + [f"{module}.{a.name}" for a in node.names]
        for name in names:
            package, _, module = name.partition(".")
            if package in where and (path := where[package]/f"{module.split('.')[0] or '__init__'}.py").exists(): out.add(path)
    return out


def notebook_source(path: Path) -> str:
    return "\n".join("".join(c["source"]) for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code")


def library_modules(notebook: Path) -> list[Path]:
    "All exported modules behind a notebook."
    where, seen, todo = packages(), set(), []
    todo = list(imported(notebook_source(notebook), where))
    while todo:
        path = todo.pop()
        if path in seen: continue
        seen.add(path)
        todo += imported(path.read_text(encoding="utf-8"), where, next(k for k, v in where.items() if v == path.parent))
    return sorted(seen)


def main() -> int:
    check, yaml, stale = "--check" in sys.argv, YAML(), []
    yaml.width = 200
    yaml.indent(mapping=2, sequence=4, offset=2)
    for path in sorted([*ROOT.glob("papers/*/dvc.yaml"), *ROOT.glob("bases/*/dvc.yaml")]):
        doc = yaml.load(path.read_text(encoding="utf-8"))
        for stage in doc["stages"].values():
            notebook = next((path.parent/d for d in stage["deps"] if str(d).endswith(".ipynb")), None)
            if notebook is None or not notebook.exists(): continue
            up = "../" * len(path.parent.relative_to(ROOT).parts)
            kept = [d for d in stage["deps"] if not str(d).startswith(tuple(f"{up}{p.relative_to(ROOT)}/" for p in packages().values()))]
            wanted = kept + [f"{up}{m.relative_to(ROOT)}" for m in library_modules(notebook)]
            if list(stage["deps"]) != wanted: stage["deps"], stale = wanted, stale + [f"{path.relative_to(ROOT)}: {notebook.name}"]
        out = io.StringIO()
        yaml.dump(doc, out)
        if stale and not check: path.write_text(out.getvalue(), encoding="utf-8")
    path = ROOT/"dvc.yaml"
    doc = yaml.load(path.read_text(encoding="utf-8"))
    deps = doc["stages"]["site"]["deps"]
    cards = [str(p.relative_to(ROOT)) for p in sorted(ROOT.glob("papers/*/paper.yaml"))]
    wanted = cards + [d for d in deps if not str(d).startswith("papers/")]
    if list(deps) != wanted:
        doc["stages"]["site"]["deps"], stale = wanted, [*stale, "dvc.yaml: site"]
        out = io.StringIO()
        yaml.dump(doc, out)
        if not check: path.write_text(out.getvalue(), encoding="utf-8")
    for s in stale: print(f"{s}: dependency list {'is stale: run `make export`' if check else 'rewritten'}")
    return 1 if check and stale else 0


if __name__ == "__main__": sys.exit(main())
