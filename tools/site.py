"""Build the report site reports/html from what is there: papers, verdicts, figures, executed notebooks, the library.

usage: python tools/site.py [--root FOLDER]

Nothing that stands in a page is typed here: papers come from papers/*/paper.yaml and reports/planned.yaml, verdicts from
results/ or else reports/recorded/, library pages from nbs/. All of it counts as foreign: text is escaped, HTML outputs
pass an allow-list, and the finished pages are audited before they replace the old ones.
"""
import argparse
import base64
import configparser
import csv
import hashlib
import html
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jinja2
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

HERE = Path(__file__).resolve().parents[1]
STAGES = ["1_data", "2_train", "3_evaluate", "4_figures"]
VERDICTS = {"reproduced": "yes", "partly": "part", "not reproduced": "no", "not tested": "none"}  # word: css class
LIMIT = 2_000_000   # bytes of one page with its pictures
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class SiteError(RuntimeError):
    "The site cannot be built; the message says which file and what to do."


# Foreign text and pictures

class _Clean(HTMLParser):
    KEEP = set("table caption colgroup col thead tbody tfoot tr th td b i em strong small code pre span div sub sup p br ul ol li".split())
    DROP = set("script style head title iframe object embed template noscript svg math textarea select button form".split())
    VOID = {"br", "col"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.out, self.open, self.skip = [], [], []

    def handle_starttag(self, tag, attrs):
        if self.skip or tag in self.DROP:
            if tag not in {"embed"}: self.skip.append(tag)
        elif tag in self.KEEP:
            attrs = dict(attrs)
            kept = {"class": " ".join(re.findall(r"[A-Za-z][\w-]*", attrs.get("class") or ""))}
            if tag in {"td", "th"}: kept |= {k: attrs[k] for k in ("colspan", "rowspan") if re.fullmatch(r"[0-9]{1,3}", attrs.get(k) or "")}
            self.out.append(f"<{tag}" + "".join(f' {k}="{v}"' for k, v in kept.items() if v) + ">")
            if tag not in self.VOID: self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if not self.skip and tag in self.VOID: self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if self.skip:
            if tag in self.skip: del self.skip[len(self.skip) - 1 - self.skip[::-1].index(tag):]
        elif tag in self.open:
            while True:
                last = self.open.pop()
                self.out.append(f"</{last}>")
                if last == tag: break

    def handle_data(self, data):
        if not self.skip: self.out.append(html.escape(data))


def clean_html(text: str) -> str:
    "The part of an HTML fragment that is text and tables; no attribute but `class` and a cell's span, nothing active, all tags closed."
    parser = _Clean()
    parser.feed(text); parser.close()
    return "".join(parser.out) + "".join(f"</{t}>" for t in reversed(parser.open))


def safe_svg(data: str) -> bool:
    "Whether an SVG is a still picture: no scripts, handlers, entities, foreign objects or outside references."
    if "<!entity" in data.lower(): return False
    try: root = ElementTree.fromstring(data)
    except ElementTree.ParseError: return False
    for e in root.iter():
        tag = str(e.tag).rsplit("}", 1)[-1].lower()
        if tag in {"script", "foreignobject", "iframe", "object", "embed", "a", "set", "handler", "audio", "video"} or tag.startswith("animate"): return False
        for key, value in [*e.attrib.items(), ("style", e.text or "" if tag == "style" else "")]:
            key = key.rsplit("}", 1)[-1].lower()
            if key.startswith("on"): return False
            if key in {"href", "src"} and not re.match(r"#|data:image/(png|jpeg);", value.strip()): return False
            if key != "href" and re.search(r"@import|url\(\s*['\"]?(?!#)", value, re.I): return False
    return True


def _markdown() -> MarkdownIt:
    md = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")
    def math(s, o):
        start, stop = (r"\[", r"\]") if o["display_mode"] else (r"\(", r"\)")
        return f'<span class="math notranslate nohighlight">{start}{html.escape(s.strip())}{stop}</span>'
    return md.use(dollarmath_plugin, renderer=math, double_inline=True, allow_digits=False)


MD = _markdown()


def inline_md(text) -> str:
    "A foreign sentence as HTML: emphasis, code, links and $mathematics$, everything else escaped."
    return Markup(MD.renderInline(str(text))) if text not in (None, "") else ""


def block_md(text) -> str:
    "Foreign paragraphs and lists as HTML, with the same rules as `inline_md`."
    return Markup(MD.render(str(text))) if text not in (None, "") else ""


def escape_md(text: str) -> str:
    "A foreign string for a MyST heading: shown as it is, whatever it holds."
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(str(text).split()))


# Notebooks

DIRECTIVES = {"note", "tip", "warning", "important", "math", "admonition", "seealso"}
WIDGET = "[an interactive control: open this notebook in JupyterLab to move it]"


def clean_markdown(text: str, demote: bool) -> str:
    "A markdown cell without directives that reach outside; headings one level down where the cell joins a longer page."
    out, fence = [], None
    for line in text.splitlines():
        m = re.match(r"([\s>*+-]*(?:\d+[.)]\s+)?)(`{3,}|~{3,}|:{3,})(.*)", line)
        if m:
            if fence is None: fence = m[2]
            elif m[2].startswith(fence) and not m[3].strip(): fence = None
            name = re.match(r"\s*\{\s*([^}]*?)\s*\}", m[3])
            if name and name[1] not in DIRECTIVES: line = f"{m[1]}{m[2]}" + ("text" if m[2][0] != ":" else "{note}")
        elif demote and fence is None and re.match(r"#{1,5}\s", line): line = "#" + line
        out.append(line)
    return re.sub(r"\{(?:download|raw|eval|include|doc|any|ref|numref|term|nb-\w+)\}(?=`)", "", "\n".join(out))


def light_png(data: bytes, colours: int = 48) -> bytes:
    "The same picture in a few colours on white, where that is lighter: a plot looks the same and weighs a third."
    from PIL import Image
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as im: im = im.convert("RGBA")
    except (OSError, ValueError, SyntaxError): return data
    im = Image.alpha_composite(Image.new("RGBA", im.size, "white"), im).convert("RGB")
    im.quantize(colours, dither=Image.Dither.NONE).save(new := io.BytesIO(), "PNG", optimize=True)
    return min(data, new.getvalue(), key=len)


def clean_output(out: dict) -> dict|None:
    "One output with one harmless mime type: a picture, a table, or text."
    if out["output_type"] == "stream":
        text = "".join(out["text"])
        return {"output_type": "stream", "name": out.get("name", "stdout"), "text": _cut(text)} if text.strip() else None
    if out["output_type"] == "error":
        return {"output_type": "error", "ename": str(out["ename"]), "evalue": str(out["evalue"]), "traceback": [_cut("\n".join(out["traceback"]))]}
    data = {k: "".join(v) if isinstance(v, list) else v for k, v in out.get("data", {}).items()}
    if "image/svg+xml" in data and len(data["image/svg+xml"]) < 400_000 and safe_svg(data["image/svg+xml"]): kind = "image/svg+xml"
    elif "image/png" in data:
        kind = "image/png"
        try: data[kind] = base64.b64encode(light_png(base64.b64decode(data[kind]))).decode()
        except ValueError: pass
    elif "image/jpeg" in data: kind = "image/jpeg"
    elif "text/html" in data and re.sub(r"<[^>]*>", "", (table := clean_html(data["text/html"]))).strip() and len(table) < 300_000:
        kind, data = "text/html", {"text/html": f'<div class="sb-html">{table}</div>'}
    elif any("widget-view" in k for k in data): kind, data = "text/plain", {"text/plain": WIDGET}
    elif "text/plain" in data: kind, data = "text/plain", {"text/plain": _cut(data["text/plain"])}
    else: return None
    return {"output_type": "display_data", "data": {kind: data[kind]}, "metadata": {}}


def _cut(text: str, limit: int = 20_000) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n... {len(text) - limit:,} more characters in the notebook"


def clean_cells(nb: dict, fold: bool, demote: bool) -> list[dict]:
    "The cells of a notebook as a page shows them; `fold` hides code behind a button."
    cells = []
    for c in nb["cells"]:
        source = "".join(c["source"])
        if c["cell_type"] == "markdown": cells.append(markdown_cell(clean_markdown(source, demote)))
        if c["cell_type"] != "code": continue
        flags = set(re.findall(r"^#\|\s*(\w+)", source, re.M))
        source = re.sub(r"^#\|.*\n?", "", source, flags=re.M).strip("\n")
        outputs = [o for o in map(clean_output, c.get("outputs", [])) if o]
        if "hide" in flags or ("default_exp" in flags and not source) or not (source.strip() or outputs): continue
        tags = [t for t in ("export", "slow", "gpu") if t in flags] + (["hide-input"] if fold else [])
        cells.append({"cell_type": "code", "source": source, "outputs": outputs, "execution_count": None, "metadata": {"tags": tags}})
    return cells


def markdown_cell(text: str) -> dict: return {"cell_type": "markdown", "source": text, "metadata": {}}


def fragment(name: str) -> str: return f"```{{fragment}} {name}\n```\n"


def write_notebook(path: Path, cells: list[dict]) -> None:
    for i, c in enumerate(cells): c["id"] = f"c{i}"
    meta = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": meta, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")


# What is there

def read_json(path: Path):
    "A JSON file, or None where it is missing; NaN and damage are errors that name the file."
    def refuse(x): raise SiteError(f"{path} holds {x}: a result must be finite; rerun the stage that wrote it")
    if not path.is_file(): return None
    try: return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    except ValueError as e: raise SiteError(f"{path} is not JSON ({e}): rerun the stage that wrote it") from None


def read_yaml(path: Path, read=None) -> dict:
    "A YAML file; `read` checks more than its form."
    from sparsebook.param import load_yaml
    try: return (read or load_yaml)(path)
    except (ValueError, OSError) as e: raise SiteError(str(e)) from None


def seconds(times: dict|None) -> float|None:
    "The sum over stages of a {stage: seconds} table."
    values = [v for v in (times or {}).values() if isinstance(v, int|float) and not isinstance(v, bool)]
    return sum(values) if values else None


def clock(s: float|None) -> str:
    if s is None: return ""
    return f"{s:.0f} s" if s < 100 else f"{s/60:.0f} min" if s < 5400 else f"{s/3600:.1f} h"


def read_verdicts(path: Path, profile: str) -> dict|None:
    "{claim id: verdict} of one profile, or None where that profile has not run."
    found = read_json(path)
    if not found or found.get("profile", profile) != profile: return None
    for v in found["verdicts"]:
        if v.get("verdict") not in VERDICTS:
            raise SiteError(f"{path}: verdict of {v.get('id')} must be one of {', '.join(VERDICTS)}, got {v.get('verdict')!r}")
    return {str(v["id"]): v for v in found["verdicts"]}


def this_run(root: Path, cfg, slug: str) -> dict:
    "What is known of the run behind results/: stage clocks, parameters, and the machine, which is this one."
    from record import device, versions
    clocks = {s: read_json(root/cfg["artifacts"]/".time"/f"{slug}.{s}.json") or {} for s in cfg["stages"].split()}
    manifests = {s: read_json(root/cfg["artifacts"]/slug/s/"manifest.json") or read_json(root/cfg["results"]/slug/s/"manifest.json") or {} for s in clocks}
    return dict(command=f"make paper PAPER={slug}", **device(), versions=versions(), seconds={s: c["seconds"] for s, c in clocks.items() if c.get("profile") == "quick"},
                params={s: m["parameters"] for s, m in manifests.items() if m.get("parameters")})


def read_paper(root: Path, cfg, folder: Path) -> dict:
    "One paper: its yaml, the verdicts of both profiles, where the figures lie, times and machines."
    from sparsebook.claim import load_paper
    slug, meta = folder.name, read_yaml(folder/"paper.yaml", load_paper).model_dump()
    results, recorded = root/cfg["results"]/slug, root/cfg["recorded"]/slug
    runs = {}
    for profile in ("quick", "full"):
        run, figures = read_json(recorded/profile/"run.json") or {}, recorded/profile/"figures"
        verdicts = read_verdicts(recorded/profile/"verdict.json", profile)
        if profile == "quick" and (fresh := read_verdicts(results/"evaluate"/"verdict.json", "quick")):
            run, verdicts, figures = this_run(root, cfg, slug), fresh, results/"figures"
        runs[profile] = dict(run=run, verdicts=verdicts, figures=figures, seconds=seconds(run.get("seconds")))
    claims = []
    for c in meta["claims"]:
        row = dict(c, runs={})
        for profile, r in runs.items():
            row["runs"][profile] = v = dict((r["verdicts"] or {}).get(row["id"]) or {})
            if r["verdicts"] is not None and not v:
                v.update(verdict="not tested", reason="the recorded run is older than this claim" if profile in c["profiles"] else f"not part of the {profile} profile")
            v["said"] = c["explain"].get(profile)
        claims.append(row)
    count = {p: Counter(c["runs"][p].get("verdict") for c in claims if c["runs"][p].get("verdict")) for p in runs}
    notebooks = []
    for s in STAGES:
        for path, ran in [(results/"notebooks"/f"{s}.ipynb", True), (folder/f"{s}.ipynb", False)]:
            if path.is_file(): notebooks.append((path, ran)); break
    about = re.sub(r"^\s*(\d+\.|[-*])\s*", "", next(line for line in meta["summary"].splitlines() if line.strip()))
    return dict(meta, slug=slug, about=about, claims=claims, runs=runs, count=count, notebooks=notebooks, here=True, authors=", ".join(meta["authors"]))


def read_benches(folder: Path) -> list[dict]:
    "The recorded benchmark tables: what is the same in all rows as facts, the rest in groups of one task each."
    out = []
    for path in sorted(folder.glob("*.csv")):
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        if not rows: continue
        facts = {k: v for k, v in rows[0].items() if v and k not in ("kernel", "shape", "dtype", "provider") and len(rows) > 1 and all(r[k] == v for r in rows)}
        task = [k for k in ("kernel", "shape", "dtype", "floor_us") if k in rows[0]]
        head = [k for k in rows[0] if k not in task and k not in facts and k != "error"]
        groups = {}
        for r in rows: groups.setdefault(tuple(r[k] for k in task), []).append(dict(cells=[r[k] for k in head], error=r.get("error"), ours=r.get("provider") == "sparsebook"))
        out.append(dict(name=path.stem, facts=facts, head=[h.replace("_us", " [us]").replace("_", " ") for h in head],
                        groups=[dict(title=" \u00b7 ".join(f"floor {v} us" if k == "floor_us" else v for k, v in zip(task, key, strict=True) if v), rows=rows) for key, rows in groups.items()]))
    return out


# Pages

def grid(slug: str) -> list[list[bool]]:
    "A 2:4 mask from a name: four rows, two of four cells each."
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    return [[j in pairs[byte % 6] for j in range(4)] for byte in hashlib.sha256(slug.encode()).digest()[:4]]


def copy_figures(paper: dict, extra: Path) -> list[dict]:
    "Copy a paper's figures below the site; for each, captions and the files of the profiles that have it."
    shown = {}
    for profile, r in paper["runs"].items():
        for f in read_json(r["figures"]/"figures.json") or []:
            name = str(f["name"])
            if not SAFE.fullmatch(name): raise SiteError(f"{r['figures']/'figures.json'}: a figure's name is a plain file name, got {name!r}")
            to = extra/"figures"/paper["slug"]/profile
            files = {}
            for ext in ("png", "svg", "csv"):
                source = r["figures"]/f"{name}.{ext}"
                if not source.is_file(): continue
                lightest = max(20_000, min(120_000, (extra/files["png"]).stat().st_size)) if "png" in files else 120_000  # an SVG of many points gives way
                if ext == "svg" and (source.stat().st_size > lightest or not safe_svg(source.read_text(encoding="utf-8"))): continue
                to.mkdir(parents=True, exist_ok=True)
                if ext == "png": (to/source.name).write_bytes(light_png(source.read_bytes()))
                else: shutil.copyfile(source, to/source.name)
                files[ext] = f"figures/{paper['slug']}/{profile}/{source.name}"
            if "svg" in files or "png" in files:
                fig = shown.setdefault(name, dict(f, name=name, profiles={}))
                fig["profiles"][profile] = dict(files, caption=f.get("caption", ""), alt=f.get("alt") or f.get("caption") or name)
    return list(shown.values())


def thumbnail(paper: dict, figures: list[dict], extra: Path) -> str|None:
    "A small picture of the first figure, beside the table's row."
    from PIL import Image
    png = next((p["png"] for f in figures for p in f["profiles"].values() if "png" in p), None)
    if png is None: return None
    with Image.open(extra/png) as im:
        im = im.convert("RGBA")
        paper_white = Image.new("RGBA", im.size, "white")
        im = Image.alpha_composite(paper_white, im).convert("RGB")
        im.thumbnail((288, 192), Image.LANCZOS)
        path = extra/"figures"/paper["slug"]/"thumbnail.png"
        im.quantize(64).save(path, optimize=True)
    return path.relative_to(extra).as_posix()


def title_and_promise(nb: dict, name: str) -> tuple[str, str]:
    text = "\n".join("".join(c["source"]) for c in nb["cells"] if c["cell_type"] == "markdown")
    title, promise = re.search(r"^#\s+(.+)$", text, re.M), re.search(r"^>\s*(.+(?:\n>.*)*)", text, re.M)
    return (title[1].strip() if title else name), (re.sub(r"\s*\n>\s*", " ", promise[1]).strip() if promise else "")


def library_pages(root: Path, settings, src: Path) -> list[dict]:
    "The notebooks that are the library and the kernels, one page each, on the shelf that the first digit of its number names."
    pages, shelves = [], dict(settings["shelves"])
    for section, folder in (("library", "library"), ("kernels", "kernels")):
        for path in sorted((root/settings[section]["notebooks"]).glob("[0-9]*.ipynb")):
            nb = read_json(path)
            title, promise = title_and_promise(nb, path.stem)
            code = "\n".join("".join(c["source"]) for c in nb["cells"] if c["cell_type"] == "code")
            module = re.search(r"^#\|\s*default_exp\s+([\w.]+)", code, re.M)
            shelf = shelves.get(path.stem[0]) if section == "library" else "Triton kernels"
            if shelf is None: raise SiteError(f"{path.name}: settings.ini has no shelf {path.stem[0]}, only {', '.join(shelves)}")
            page = dict(section=section, shelf=shelf, doc=f"{folder}/{path.stem}", number=path.stem.split("_")[0], title=title, promise=promise, source=path.relative_to(root).as_posix(),
                        module=f"{settings[section]['import_name']}.{module[1]}" if module else path.stem, name=module[1] if module else path.stem)
            cells = clean_cells(nb, fold=False, demote=False)
            first = next((c for c in cells if c["cell_type"] == "markdown" and re.search(r"^#\s", c["source"], re.M)), None)
            if first is None: cells.insert(0, first := markdown_cell(f"# {escape_md(title)}"))
            cells.remove(first); cells.insert(0, first)
            before, heading, after = re.split(r"^(#\s.*)$", first["source"], maxsplit=1, flags=re.M)
            first["source"] = f"{before}{heading}\n\n{fragment(f'{section}-{path.stem}.html')}{after}"
            write_notebook(src/f"{page['doc']}.ipynb", cells)
            pages.append(page)
    return pages


TABLE = re.compile(r"^\|\s*operator\s*\|.*\n\|[-| :]+\|\n((?:\|.*\n?)+)", re.M)


def operators(root: Path, pages: list[dict], slugs: set[str]) -> list[dict]:
    "The operator tables with which notebooks open, page by page; a paper's slug becomes a link where its page exists."
    def cut(row): return [c.strip() for c in re.split(r"(?<!\\)\|", row.strip()[1:-1])]
    out = []
    for page in pages:
        rows = []
        text = "\n".join("".join(c["source"]) + "\n" for c in read_json(root/page["source"])["cells"] if c["cell_type"] == "markdown")
        for table in TABLE.finditer(text):
            head = cut(table[0].splitlines()[0])
            for row in table[1].splitlines():
                if len(cells := cut(row)) != len(head): raise SiteError(f"{page['source']}: this row has {len(cells)} cells, its table {len(head)}: {row[:80]}")
                cells = dict(zip(head, cells, strict=True))
                papers = [(s.strip(), s.strip() in slugs) for s in cells.get("papers", "").split(",") if s.strip() not in ("", "-")]
                rows.append(dict(papers=papers, **{k: "" if (v := cells.get(k, "")) == "-" else v for k in ("operator", "formula", "cost", "oracle")}))
        if rows: out.append(dict(page=page, rows=rows))
    return out


def paper_page(paper: dict, figures: list[dict], src: Path, show) -> None:
    "One paper's page: facts, claims, figures, the four notebooks, the run."
    slug, parts = paper["slug"], []
    def add(template, heading=None):
        show(f"paper_{template}.html", f"{slug}-{template}.html", paper=paper, figures=figures)
        parts.append((f"## {heading}\n\n" if heading else "") + fragment(f"{slug}-{template}.html"))
    parts.append(f"# {escape_md(paper['title'])}\n")
    add("head")
    add("method", "The method in five lines")
    if paper["scaled_down"]: add("scaled", "What is scaled down, and why")
    add("claims", "Claims")
    if figures: add("figures", "Figures")
    cells = [markdown_cell("\n".join(parts))]
    for path, ran in paper["notebooks"]:
        part = clean_cells(read_json(path), fold=True, demote=True)
        if not part or part[0]["cell_type"] != "markdown" or not part[0]["source"].lstrip().startswith("## "):
            part.insert(0, markdown_cell(f"## {escape_md(path.stem)}"))
        if not ran: part.insert(1, markdown_cell(f"*Not executed on this machine yet: `make paper PAPER={slug}` fills in the outputs.*"))
        cells += part
    parts.clear()
    add("run", "Run it")
    write_notebook(src/"papers"/f"{slug}.ipynb", [*cells, markdown_cell(parts[0])])


def toctree(caption: str, docs: list[tuple[str, str]]) -> str:
    rows = "\n".join(f"{label} <{doc}>" for label, doc in docs)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{rows}\n```\n" if docs else ""


def write_source(root: Path, src: Path) -> None:
    "The sphinx source tree of the whole site."
    settings = configparser.ConfigParser()
    if not settings.read(root/"settings.ini", encoding="utf-8"): raise SiteError(f"{root} holds no settings.ini: --root is the folder of the repository")
    cfg, extra, fragments = settings["papers"], src/"_extra", src/"_fragments"
    for folder in (extra, fragments, src/"papers"): folder.mkdir(parents=True)
    env = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE/"reports"/"_templates"/"fragments"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    env.filters |= dict(md=inline_md, mdblock=block_md, clock=clock, number=lambda x: f"{x:.3g}" if isinstance(x, int|float) else x or "")
    env.tests["match_arxiv"] = re.compile(r"\d{4}\.\d{4,5}(v\d+)?").fullmatch
    env.globals |= dict(VERDICTS=VERDICTS, grid=grid)
    def show(template, name, **values): (fragments/name).write_text(env.get_template(template).render(**values), encoding="utf-8")

    plan = read_yaml(root/"reports"/"planned.yaml")
    here = [read_paper(root, cfg, f.parent) for f in sorted((root/cfg["folder"]).glob("*/paper.yaml"))]
    papers = here + [dict(p, here=False) for p in plan["papers"]]
    for p in papers:
        p["family_name"] = p["family"].capitalize()
        if p.get("venue") and str(p["year"]) in p["venue"]: p["venue"] = " ".join(p["venue"].replace(str(p["year"]), "").split())
    for p in here:
        figures = copy_figures(p, extra)
        p["thumbnail"] = thumbnail(p, figures, extra)
        paper_page(p, figures, src, show)
    library = library_pages(root, settings, src)
    shelves = list(dict.fromkeys(p["shelf"] for p in library))
    for page in library: show("library_head.html", f"{page['section']}-{Path(page['doc']).name}.html", page=page)
    claims = [c for p in here for c in p["claims"]]
    totals = {profile: [(v, n) for v in VERDICTS if (n := sum(p["count"][profile][v] for p in here))] for profile in ("quick", "full")}
    judge = next((p["doc"] for name in ("judge", "claim") for p in library if p["name"] == name), None)
    benches = read_benches(root/cfg["recorded"]/"bench")
    table = operators(root, library, {p["slug"] for p in here})
    mark = (HERE/"reports"/"_templates"/"mark.html").read_text(encoding="utf-8")
    values = dict(mark=jinja2.Template(mark).render(), papers=papers, here=here, planned=settings["project"]["papers_planned"], foundations=settings["papers"].get("foundations", "").split(), claims=claims, totals=totals, library=library, judge=judge, benches=benches, operators=table, shelves=shelves,
                  families=[f.capitalize() for f in dict.fromkeys([*plan["families"], *(p["family"] for p in here)]) if any(p["family"] == f for p in papers)])
    for name in ("hero", "table", "start", "library"): show(f"{name}.html", f"{name}.html", **values)
    front = "---\nhtml_theme.sidebar_secondary.remove: true\n---\n"
    trees = (toctree("Papers", [(p["slug"], f"papers/{p['slug']}") for p in here])
             + toctree("Overview", [*([("operators", "operators")] if table else []), *([("benchmarks", "benchmarks")] if benches else [])])
             + "".join(toctree(s, [(p["name"], p["doc"]) for p in library if p["shelf"] == s]) for s in shelves))
    (src/"index.md").write_text(f"{front}# sparsebook\n\n{fragment('hero.html')}\n## The papers\n\n{fragment('table.html')}\n## Run it yourself\n\n{fragment('start.html')}\n"
                                f"## The library\n\n{fragment('library.html')}\n{trees}", encoding="utf-8")
    if table:
        show("operators.html", "operators.html", **values)
        (src/"operators.md").write_text(f"{front}# Operators\n\n{fragment('operators.html')}", encoding="utf-8")
    if benches:
        show("benchmarks.html", "benchmarks.html", **values)
        (src/"benchmarks.md").write_text(f"# Benchmarks\n\n{fragment('benchmarks.html')}", encoding="utf-8")


# The gate

class _Audit(HTMLParser):
    "Collects what a page loads, runs and links to."
    def __init__(self):
        super().__init__()
        self.loads, self.runs, self.links, self.bad, self._script = [], [], [], [], None

    def handle_starttag(self, tag, attrs):
        attrs = {k: v or "" for k, v in attrs}
        if tag in {"iframe", "object", "embed", "applet", "base", "frame"}: self.bad.append(f"<{tag}>")
        if tag == "script":
            if "src" in attrs:
                self.loads.append(attrs["src"])
                if not re.match(r"(\.\./)*(_static/|searchindex\.js)", attrs["src"]): self.bad.append(f"script {attrs['src'][:80]}")
            self._script = ""
        self.runs += [f"{k}={v}" for k, v in attrs.items() if k.startswith("on")]
        if attrs.get("http-equiv", "").lower() == "refresh": self.bad.append("meta refresh")
        if tag == "link" and attrs.get("rel") in {"stylesheet", "icon", "preload", "modulepreload", "prefetch"}: self.loads.append(attrs.get("href", ""))
        if tag != "script": self.loads += [attrs[k] for k in ("src", "poster", "data", "srcset", "background") if k in attrs]
        self.loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", attrs.get("style", ""))
        if tag in {"a", "area", "form", "button", "use", "image"}: self.links += [attrs[k] for k in ("href", "xlink:href", "action", "formaction") if k in attrs]

    handle_startendtag = handle_starttag

    def handle_data(self, data):
        if self._script is not None: self._script += data

    def handle_endtag(self, tag):
        if tag == "script" and self._script is not None:
            if self._script.strip(): self.runs.append(re.sub(r"(pagename = )'[^']*'", r"\1''", " ".join(self._script.split())))
            self._script = None


def audit(site: Path) -> list[str]:
    "What is wrong with a built site: outside loads, active content that the theme did not put there, heavy pages."
    def parse(path):
        page = _Audit(); page.feed(path.read_text(encoding="utf-8")); page.close()
        return page
    wrong, allowed = [], set(parse(site/"search.html").runs)  # a page without any data
    outside = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//|\s*(?!data:image/)[a-z][a-z0-9+.-]*:", re.I)
    for path in sorted(site.rglob("*.html")):
        page, name, weight = parse(path), path.relative_to(site).as_posix(), path.stat().st_size
        wrong += [f"{name}: {b}" for b in page.bad]
        wrong += [f"{name}: loads {u[:80]}" for u in page.loads if outside.match(u)]
        wrong += [f"{name}: links to {u[:80]}" for u in page.links if re.match(r"\s*(?!https?:|mailto:)[a-z][a-z0-9+.-]*:", u, re.I)]
        wrong += [f"{name}: runs {r[:80]}" for r in page.runs if r not in allowed and not re.fullmatch(r'window\.MathJax = [{}\[\]":, \w.-]*', r)]
        for u in set(page.loads):
            picture = (path.parent/u.split("?")[0]).resolve()
            if picture.suffix in {".png", ".svg", ".jpg", ".jpeg"} and picture.is_file(): weight += picture.stat().st_size
        if weight > LIMIT: wrong.append(f"{name}: {weight/1e6:.1f} MB with its pictures, allowed are {LIMIT/1e6:.0f}")
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8", errors="replace")
        wrong += [f"{path.relative_to(site)}: loads {u[:80]}" for u in re.findall(r"(?:@import|url\()\s*(?:url\()?['\"]?(?:https?:)?//[^)\s;]*", text)]
    return wrong


# Build

def build(root: Path) -> Path:
    "Build the site beside the old one, audit it, and swap; returns its folder."
    from sphinx.cmd.build import build_main
    target, work = root/"reports"/"html", root/"reports"/"_build"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as tmp:
        src, out = Path(tmp)/"src", Path(tmp)/"html"
        write_source(root, src)
        code = build_main(["-q", "-W", "--keep-going", "-b", "html", "-c", str(HERE/"reports"), "-d", str(Path(tmp)/"doctrees"), str(src), str(out)])
        if code: raise SiteError("sphinx found the problems above: mend them, or name a harmless kind in suppress_warnings of reports/conf.py")
        for p in [out/".buildinfo", out/"objects.inv", *(out/"_static").glob("*-macros.html")]: p.unlink(missing_ok=True)
        shutil.rmtree(out/"_sources", ignore_errors=True)
        if wrong := audit(out): raise SiteError("the pages are not fit to publish:\n  " + "\n  ".join(wrong[:20]))
        if target.exists(): os.rename(target, Path(tmp)/"old")
        os.rename(out, target)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", type=Path, default=HERE, help="the repository whose papers, results and notebooks are shown")
    try: print("built", build(parser.parse_args().root.resolve())/"index.html")
    except SiteError as e: sys.exit(f"site: {e}")


if __name__ == "__main__": main()
