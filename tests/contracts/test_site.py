"""The report site: every paper is listed, nothing foreign runs or loads, a bad result never replaces a good page."""
import base64
import configparser
import importlib.util
import json
import re
import struct
import subprocess
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("myst_nb")
ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("site_builder", ROOT/"tools"/"site.py")
builder = importlib.util.module_from_spec(spec)
spec.loader.exec_module(builder)

EVIL = ('<script>alert(1)</script><img src=x onerror=alert(2)><iframe src=https://evil.example></iframe> '
        '[go](javascript:alert(3)) ![pic](https://evil.example/p.png) $\\href{javascript:alert(4)}{x}$ <b>bold</b>')
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>'


def png() -> bytes:
    def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\0" + b"\x80"*8)*0 + zlib.compress((b"\0" + b"\x80"*8)*8)) + chunk(b"IEND", b""))


def write(path: Path, data) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, bytes): path.write_bytes(data)
    else: path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")


def notebook(*cells) -> dict:
    made = [dict(cell_type="markdown", metadata={}, source=c, id=f"m{i}") if isinstance(c, str) else
            dict(cell_type="code", metadata={}, source=c[0], outputs=list(c[1:]), execution_count=None, id=f"c{i}") for i, c in enumerate(cells)]
    return dict(cells=made, metadata=dict(kernelspec=dict(name="python3", display_name="Python 3", language="python")), nbformat=4, nbformat_minor=5)


def shown(**data) -> dict: return dict(output_type="display_data", metadata={}, data={k.replace("__", "/"): v for k, v in data.items()})


def little_house(root: Path) -> Path:
    "One hostile paper with both profiles, one paper to come, one library notebook."
    write(root/"settings.ini", (ROOT/"settings.ini").read_text())
    write(root/"reports"/"planned.yaml", json.dumps(dict(families=["structured sparsity", "sparse autoencoders"], papers=[
        dict(slug="later", title=f"To come {EVIL}", authors=EVIL, year=2024, venue=EVIL, arxiv='2401.00001"><script>', family="sparse autoencoders", about=EVIL)])))
    claims = [dict(id=f"C{i}", says=says, where=EVIL, paper=dict(value=EVIL, unit="pt", setting=EVIL), kind="comparison", test="a < b", over=dict(seeds=5), scale=EVIL, explain=dict(full=EVIL),
                   changed=[dict(date="2026-01-01", what=EVIL, why=EVIL)])
              for i, says in enumerate(["plain", "with $x^2$", EVIL, "four"], 1)]
    paper = dict(slug="toy", title=f"Toy {EVIL}", authors=[EVIL, "A. Uthor"], year=2021, venue=EVIL, arxiv="2102.04010", code="https://e.example/'onclick=alert(5)",
                 family="structured sparsity", summary=f"1. one\n2. {EVIL}\n", scaled_down=[dict(what=EVIL, paper="big", here="small", why="time")],
                 data=[dict(name=EVIL, licence=EVIL)], full=dict(needs="gpu"), claims=claims)
    write(root/"papers"/"toy"/"paper.yaml", paper)  # JSON is YAML
    words = list(builder.VERDICTS)
    for profile in ("quick", "full"):
        folder = root/"reports"/"recorded"/"toy"/profile
        evidence = [dict(text=EVIL, estimate=0.4, low=0.1, high=0.7, n=5, p=0.01, effect=1.2, holds=True, direction=1)]
        write(folder/"verdict.json", dict(profile=profile, verdicts=[dict(id=f"C{i}", verdict=w, reason=EVIL, measured="+0.42 pt [0.11, 0.73]", evidence=evidence) for i, w in enumerate(words, 1)]))
        write(folder/"run.json", dict(slug="toy", profile=profile, device=EVIL, versions=dict(torch="2.11.0"), command=f"make {profile} {EVIL}", seconds=dict(train=12.5), params=dict(train=dict(lr=EVIL))))
        write(folder/"figures"/"figures.json", [dict(name="curve", caption=f"C1, reproduced. {EVIL}", claims=["C1"], alt='" onerror="alert(6)')])
        for ext, data in dict(svg=SVG if profile == "quick" else SVG.replace("<rect", "<script>alert(7)</script><rect"), png=png(), csv="x\n1\n").items(): write(folder/"figures"/f"curve.{ext}", data)
    table = '<style>@import url(https://evil.example/a.css)</style><table class="dataframe" onclick="alert(8)"><tr><td><a href="javascript:alert(9)">cell</a></td></tr></table><script>alert(10)</script>'
    executed = notebook(f"# 1 · Data\n> {EVIL}\n\n```{{raw}} html\n<script>alert(11)</script>\n```\n\n- ```{{raw}} html\n  <script>alert(11)</script>\n  ```\n\n~~~{{include}} /etc/hostname\n~~~",
                        ("#| export\nx = 1", shown(text__html=table, text__plain="t")), ("plot", shown(image__png=base64.b64encode(png()).decode())),
                        ("svg", {**shown(), "data": {"image/svg+xml": SVG.replace("<rect", '<image href="https://evil.example/x.png"/><rect'), "text/plain": "fallback text"}}),
                        ("widget", {**shown(), "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "Slider()"}}),
                        ("js", {**shown(), "data": {"application/javascript": "alert(12)", "text/plain": "js text"}}), ("md", {**shown(), "data": {"text/markdown": EVIL}}))
    for name in builder.STAGES: write(root/"results"/"toy"/"notebooks"/f"{name}.ipynb", executed)
    write(root/"nbs"/"shared_lib"/"05_claim.ipynb", notebook("# Judging\n> How a claim is judged.\n\nThe mask is $m$.", ("#| default_exp claim",), ("#| export\ndef judge(): pass",)))
    write(root/"reports"/"recorded"/"bench"/"speed.csv", f'device,us\nH100,"{EVIL}"\n')
    return root


def run(root: Path): return subprocess.run([sys.executable, str(ROOT/"tools"/"site.py"), "--root", str(root)], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    root = little_house(tmp_path_factory.mktemp("house"))
    done = run(root)
    assert done.returncode == 0, done.stdout + done.stderr
    return root/"reports"/"html"


class Page(HTMLParser):
    def __init__(self, path: Path):
        super().__init__()
        self.tags, self.text, self.scripts = [], "", []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script": self.scripts.append(data)
        else: self.text += data


def pages(site: Path) -> dict[str, Page]: return {p.relative_to(site).as_posix(): Page(p) for p in sorted(site.rglob("*.html")) if "_static" not in p.parts}


def test_pages_are_all_there(site):
    assert {"index.html", "papers/toy.html", "library/05_claim.html", "benchmarks.html", "search.html"} <= set(pages(site))
    assert not list(site.rglob("_sources")) and not [p for p in (site.parent/"_build").iterdir()], "build leftovers"


def test_nothing_is_loaded_from_outside(site):
    for name, page in pages(site).items():
        for tag, attrs in page.tags:
            loads = [attrs.get(k, "") for k in ("src", "srcset", "poster", "data")] + ([attrs.get("href", "")] if tag == "link" else [])
            assert not [u for u in loads if re.match(r"\s*(https?:)?//", u)], (name, tag, attrs)
            assert not re.search(r"url\(\s*['\"]?(https?:)?//", attrs.get("style", "")), (name, attrs)
            for u in loads:  # what it loads is there
                if u and tag in {"script", "img", "link"} and not u.startswith(("data:", "#")) and attrs.get("rel", "stylesheet") in ("stylesheet", "icon"):
                    assert (site/name).parent.joinpath(u.split("?")[0]).is_file(), (name, u)
    for css in site.rglob("*.css"):
        assert not re.search(r"@import\s+(url\()?['\"]?(https?:)?//|url\(\s*['\"]?(https?:)?//", css.read_text()), css


def test_nothing_foreign_runs(site):
    chrome = {t for s in Page(site/"search.html").scripts for t in [re.sub(r"'[^']*'", "", s).strip()]}
    for name, page in pages(site).items():
        for tag, attrs in page.tags:
            assert tag not in {"iframe", "object", "embed", "base"}, (name, tag)
            assert not [k for k in attrs if k.startswith("on")], (name, tag, attrs)
            assert not re.match(r"\s*(javascript|vbscript|data):", attrs.get("href", attrs.get("action", "")), re.I), (name, attrs)
        for script in page.scripts:
            assert "alert" not in script and (script.startswith("window.MathJax") or re.sub(r"'[^']*'", "", script).strip() in chrome), (name, script)
    for picture in site.rglob("*.svg"): assert "script" not in picture.read_text() and "evil" not in picture.read_text(), picture
    assert "innerHTML = _escapeHTML(title)" in (site/"_static"/"searchtools.js").read_text(), "titles in the search index are plain text: whoever shows them escapes"
    assert "alert(1)" in pages(site)["papers/toy.html"].text, "hostile text is shown as text, not dropped"


def test_index_lists_every_paper_with_badges_in_words(site):
    index = pages(site)["index.html"]
    rows = [a["data-slug"] for t, a in index.tags if t == "tr" and "data-slug" in a]
    assert rows == ["toy", "later"] and "to come" in index.text
    for word in builder.VERDICTS: assert f"1 {word}" in " ".join(index.text.split())
    assert "3 of 4 claims judged" in index.text and "1 of 38 papers here" in " ".join(index.text.split())
    hrefs = [a["href"] for t, a in index.tags if t == "a" and "href" in a]
    assert "library/05_claim.html" in hrefs and "How a claim is judged." in index.text
    assert [a for t, a in index.tags if t == "img"][0]["src"] == "figures/toy/thumbnail.png"


def test_paper_page_in_order_with_both_columns(site):
    page, html = pages(site)["papers/toy.html"], (site/"papers"/"toy.html").read_text()
    heads = re.findall(r'<h2>(.*?)<a class="headerlink"', html)
    assert heads == ["The method in five lines", "What is scaled down, and why", "Claims", "Figures", *["1 · Data"]*4, "Run it"]
    assert "We measured: quick" in page.text and "We measured: recorded full" in page.text
    for text in ("+0.42 pt [0.11, 0.73]", "fallback text", "open this notebook in JupyterLab", "js text", "torch\xa02.11.0", "make paper PAPER=toy"): assert text in page.text, text
    for word, kind in builder.VERDICTS.items(): assert re.search(rf'sb-{kind}"><svg class="sb-icon".*?</svg>{word}<', html, re.S), word
    assert html.count('class="dataframe"') == 4 and html.count('<details class="admonition hide above-input"') >= 4 and "tag_export" in html
    assert "figures/toy/quick/curve.svg" in html and "figures/toy/full/curve.png" in html, "an SVG with a script gives way to the PNG"
    assert "tex-svg" in html and "tex-svg" not in (site/"benchmarks.html").read_text(), "only pages with mathematics load MathJax"


def test_pages_are_light_and_searchable(site):
    for name, page in pages(site).items():
        weight = (site/name).stat().st_size + sum((site/name).parent.joinpath(a["src"]).stat().st_size for t, a in page.tags if t == "img" and not a["src"].startswith("data:"))
        assert weight < builder.LIMIT, (name, weight)
    assert "judg" in (site/"searchindex.js").read_text() and "evil.exampl" not in [*json.loads((site/"searchindex.js").read_text()[len("Search.setIndex("):-1])["titleterms"]]


@pytest.mark.parametrize("path, data, says", [
    ("results/toy/evaluate/verdict.json", '{"profile": "quick", "verdicts": [{"id": "C1", "verdict": "reproduced", "measured": NaN}]}', "verdict.json holds NaN"),
    ("results/toy/evaluate/verdict.json", '{"profile": "quick", "verdicts": [{"id": "C1", "verdict": "great"}]}', "must be one of reproduced"),
    ("reports/recorded/toy/full/verdict.json", '{"profile": "full", "verd', "verdict.json is not JSON"),
    ("reports/recorded/toy/full/figures/figures.json", '[{"name": "../../x", "caption": "c"}]', "plain file name, got '../../x'"),
    ("papers/toy/paper.yaml", "slug: toy\n<<<<<<< HEAD\n", "paper.yaml, line 2"),
])
def test_a_bad_result_stops_the_build_and_keeps_the_old_site(tmp_path, path, data, says):
    root = little_house(tmp_path)
    write(root/"reports"/"html"/"index.html", "old")
    write(root/path, data)
    with pytest.raises(builder.SiteError, match=re.escape(says)): builder.build(root)
    assert (root/"reports"/"html"/"index.html").read_text() == "old" and not list((root/"reports"/"_build").iterdir())


def test_the_command_says_what_is_wrong_in_one_line(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("site: ") and "Traceback" not in done.stderr, done.stderr


@pytest.mark.parametrize("dirty, clean", [
    ("<table onclick=x class='a b'><tr><td>1<td>2</table>", '<table class="a b"><tr><td>1<td>2</td></td></tr></table>'),
    ("<p>a<script>alert(1)</script>b", "<p>ab</p>"),
    ("<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"),
    ("<b>x</i></b><img src=x onerror=alert(1)>&lt;script&gt;", "<b>x</b>&lt;script&gt;"),
    ('<code class="x&quot; onload=&quot;y">1 < 2 & 3</code>', '<code class="x onload y">1 &lt; 2 &amp; 3</code>'),
    ("<style>td{}</style><svg><a href='javascript:x'>t</a></svg><div style='x'>d</div>", "<div>d</div>"),
    ("a<br/>b<embed src=x>c", "a<br>bc"),
    ('<th rowspan="2" colspan="9;x" style=x>h</th>', '<th rowspan="2">h</th>'),
])
def test_sanitizer(dirty, clean): assert builder.clean_html(dirty) == clean


@pytest.mark.parametrize("inside, safe", [("<rect/>", True), ("<style>*{stroke-linejoin:round}</style>", True), ('<image href="data:image/png;base64,AA=="/>', True), ('<use href="#a" clip-path="url(#b)"/>', True),
                                          ("<script/>", False), ('<rect onload="x"/>', False), ('<image href="https://e.example"/>', False), ("<style>@import 'x'</style>", False),
                                          ('<a href="#x"><rect/></a>', False), ("<foreignObject/>", False), ("<rect", False)])
def test_svg_gate(inside, safe): assert builder.safe_svg(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>') is safe


@pytest.mark.parametrize("body", ['<img src="https://e.example/x.png">', "<script>alert(1)</script>", '<p onclick="x">', '<a href="javascript:x">', "<iframe></iframe>",
                                  '<link rel="stylesheet" href="//e.example/x.css">', '<p style="background:url(http://e.example)">', '<svg><use href="data:x"/></svg>', "x"*2_100_000,
                                  '<script src="figures/toy/quick/curve.csv"></script>', "<script>window.MathJax = {}; alert(1)</script>"])
def test_audit_finds_what_slipped_through(tmp_path, body):
    write(tmp_path/"search.html", "<script>theme()</script>")
    write(tmp_path/"index.html", "<script>theme()</script><a href='https://arxiv.org'>fine</a><img src='data:image/png;base64,AA=='>")
    assert builder.audit(tmp_path) == []
    write(tmp_path/"bad.html", body)
    assert len(builder.audit(tmp_path)) == 1


def test_planned_and_existing_papers_make_the_whole_plan():
    settings = configparser.ConfigParser()
    settings.read(ROOT/"settings.ini")
    plan = builder.read_yaml(ROOT/"reports"/"planned.yaml")
    planned, here = [p["slug"] for p in plan["papers"]], [p.parent.name for p in (ROOT/"papers").glob("*/paper.yaml")]
    assert not set(planned) & set(here), "a paper with a folder is no longer planned: delete its entry in reports/planned.yaml"
    assert len(planned) == len(set(planned)) and len(planned) + len(set(here) - set(settings["papers"]["foundations"].split())) == int(settings["project"]["papers_planned"])
    for p in plan["papers"]:
        assert set(p) <= {"slug", "title", "authors", "year", "venue", "arxiv", "family", "about"} and {"slug", "title", "authors", "year", "family", "about"} <= set(p), p["slug"]
        assert p["family"] in plan["families"] and ("arxiv" not in p or re.fullmatch(r"\d{4}\.\d{5}", p["arxiv"])), p["slug"]
    for slug in here: assert builder.read_yaml(ROOT/"papers"/slug/"paper.yaml")["family"] in plan["families"], slug
