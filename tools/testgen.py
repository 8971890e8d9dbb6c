"""Generate tests/generated from the notebooks: one file a notebook, one pytest function a `##` section.

A function holds the section's lesson and assertion cells, the names it uses imported from the EXPORTED package, and what it
uses of the notebook's imports and of the functions defined before the first `##`. `--check` writes nothing and fails when a file would differ.
"""
import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

from nbdev.test import nb_test_cells

ROOT = Path(__file__).resolve().parent.parent
HEADER = '"""Generated from {notebook} by `make export`. Do not edit: edit the notebook."""\nimport pytest\n'


def directive(cell, name: str) -> bool: return name in (getattr(cell, "directives_", None) or {})


def bound(node: ast.stmt) -> list[str]:
    "The names that an import binds."
    return [(a.asname or a.name).split(".")[0] for a in node.names]


def names(source: str) -> set[str]: return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}


def exported_names(path: Path) -> list[str]:
    "`__all__` of an exported module, and its public constants."
    tree, out = ast.parse(path.read_text()), []
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__": out += ast.literal_eval(node.value)
        elif isinstance(node, ast.Assign): out += [t.id for t in node.targets if isinstance(t, ast.Name) and not t.id.startswith("_")]
    return out


def slug(text: str) -> str: return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60]


def render(notebook: Path, package: str, exported: Path) -> str | None:
    "The test file of one notebook, or None when it has no module or nothing to run."
    import nbformat
    cells = {c.id: c for c in nb_test_cells(notebook, skip_flags=["widget"])}
    module, section, imports, helpers, sections = None, None, [], {}, []
    for raw in nbformat.read(notebook, 4).cells:
        if raw.cell_type == "markdown":
            if heading := re.match(r"##\s+(.+)", raw.source): sections.append((heading[1].splitlines()[0], [], set())); section = sections[-1]
            continue
        if found := re.search(r"#\|\s*default_exp\s+(\w+)", raw.source): module = found[1]; continue
        if raw.cell_type != "code" or raw.id not in cells: continue
        cell, exports = cells[raw.id], bool(re.search(r"^\s*#\|\s*export", raw.source, re.M))
        source = re.sub(r"^\s*#\|.*\n?", "", raw.source, flags=re.M).strip("\n")
        if exports or section is None: imports += [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
        if section is None and not exports: helpers |= {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        if exports or section is None: continue
        section[1].append(source)
        section[2].update(m for m in ("slow", "gpu") if directive(cell, m))
    if module is None: return None
    public, out, used = exported_names(exported/f"{module}.py"), [], set()
    for title, sources, marks in sections:
        if not any(sources): continue
        body = "\n\n".join(sources)
        wanted, lines, own = names(body), [], []
        while new := [n for n in helpers if n in wanted and n not in own]:
            own += new
            for n in new: wanted |= names(ast.unparse(helpers[n]))
        for node in imports:
            keep = [a for a in node.names if (a.asname or a.name).split(".")[0] in wanted]
            if keep: line = ast.unparse(type(node)(**{**dict(ast.iter_fields(node)), "names": keep})); lines += [line] if line not in lines else []
        if mine := sorted(n for n in set(public) & wanted): lines.append(f"from {package}.{module} import {', '.join(mine)}")
        name = base = f"test_{slug(title)}"
        while name in used: name = f"{base}_{len(used)}"
        used.add(name)
        text = "\n".join(lines + [""] + [ast.unparse(helpers[n]) for n in helpers if n in own] + [body]).replace("\n", "\n    ")
        out.append("".join(f"@pytest.mark.{m}\n" for m in sorted(marks)) + f"def {name}():\n    {text}\n")
    if not out: return None
    text = HEADER.format(notebook=notebook.relative_to(ROOT)) + "\n\n" + "\n\n".join(out)
    return re.sub(r"[ \t]+$", "", text, flags=re.M)


def wanted_files() -> dict[Path, str]:
    "Every generated test file and its text."
    facts = configparser.ConfigParser()
    facts.read(ROOT/"settings.ini", encoding="utf-8")
    out = {}
    for part in ("library", "kernels"):
        f = facts[part]
        for notebook in sorted((ROOT/f["notebooks"]).glob("*.ipynb")):
            text = render(notebook, f["import_name"], ROOT/f["exported"])
            if text: out[ROOT/"tests"/"generated"/f"test_{part}_{notebook.stem}.py"] = text
    return out


def main() -> int:
    check, files = "--check" in sys.argv, wanted_files()
    folder = ROOT/"tests"/"generated"
    folder.mkdir(parents=True, exist_ok=True)
    stale = [p for p in folder.glob("test_*.py") if p not in files]
    wrong = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    if check:
        for p in stale + wrong: print(f"{p.relative_to(ROOT)} is not what its notebook says: run `make export`")
    else:
        for p in stale: p.unlink()
        for p in wrong: p.write_text(files[p])
        print(f"tests/generated: {len(files)} files, {len(wrong)} written, {len(stale)} removed")
    borrowed = subprocess.run([sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821", "--quiet", str(folder)], capture_output=True, text=True)
    if borrowed.returncode: print(f"A `##` section uses a name from another section; every section must stand by itself:\n{borrowed.stdout}{borrowed.stderr}")
    return 1 if borrowed.returncode or (check and stale + wrong) else 0


if __name__ == "__main__": sys.exit(main())
