"""Sphinx configuration of the report site; tools/site.py writes the pages and calls sphinx with this folder as its configuration."""
import html
import importlib.util
import re
import shutil
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

project = "sparsebook"
extensions = ["myst_nb"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_extra_path = []  # set below: it lies in the source tree, not beside this file
exclude_patterns = ["_fragments", "_extra"]

nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_ipywidgets_js = {}
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_dmath_double_inline = True
myst_disable_syntax = ["html_block", "html_inline", "substitution"]
myst_url_schemes = ["http", "https", "mailto"]
myst_update_mathjax = False
myst_heading_anchors = 2
suppress_warnings = ["myst.header", "myst.xref_missing", "misc.highlighting_failure", "mystnb", "toc.not_included"]

# One file of MathJax, drawn as SVG: no fonts to fetch. No macros that link, load or style; only what sphinx marked is read.
mathjax_path = "tex-svg-full.js"
mathjax3_config = {
    "tex": {"packages": {"[-]": ["html", "require", "autoload", "action", "setoptions", "unicode"]}},
    "options": {"enableMenu": False},
    "startup": {"elements": [".math.notranslate"]},
}

html_theme = "sphinx_book_theme"
html_title = "sparsebook"
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
html_domain_indices = False
html_context = {"default_mode": "auto"}
html_use_index = False
html_sidebars = {"index": [], "**": ["wordmark.html", "search-button-field.html", "sbt-sidebar-nav.html"]}
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "home_page_in_toc": False,
    "article_header_start": ["toggle-primary-sidebar.html", "home.html"],
    "article_header_end": ["find.html", "article-header-buttons.html"],
    "footer_content_items": "",
    "search_bar_text": "Search claims, operators, papers",
    "pygments_light_style": "github-light",
    "pygments_dark_style": "github-dark",
}


class Fragment(Directive):
    "A piece of HTML that tools/site.py has written (and escaped)."
    required_arguments = 1

    def run(self):
        if not re.fullmatch(r"[\w.-]+", self.arguments[0]): raise self.error("no such fragment")
        env = self.state.document.settings.env
        return [nodes.raw("", (Path(env.srcdir)/"_fragments"/self.arguments[0]).read_text(encoding="utf-8"), format="html")]


class Refused(Directive):
    "A directive that reads files or passes HTML through: a notebook may not use it, its text is shown instead."
    optional_arguments, final_argument_whitespace, has_content, option_spec = 99, True, True, None

    def run(self): return [nodes.literal_block(self.block_text, self.block_text)]


def _settings(app, config):
    config.html_extra_path = [str(Path(app.srcdir)/"_extra")]


def _no_remote_images(app, doctree):
    "A picture that lies outside becomes its address as text."
    for image in list(doctree.findall(nodes.image)):
        uri = image.get("uri", "")
        if "//" in uri or uri.startswith(("data:", "/")): image.replace_self(nodes.inline("", f"[picture: {uri}]"))


def _math_in_fragments(app, pagename, templatename, context, doctree):
    if 'class="math' in context.get("body", ""): context["has_maths_elements"] = True


def _escape_print_title(app, pagename, templatename, context, doctree):
    "The theme's heading for print takes the title as it is."
    if "pagetitle" in context: context["pagetitle"] = html.escape(context["pagetitle"])


def _mathjax(app, exception):
    if exception is None:
        wheel = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
        shutil.copyfile(wheel/"static"/"mathjax"/mathjax_path, Path(app.outdir)/"_static"/mathjax_path)


def setup(app):
    app.add_directive("fragment", Fragment)
    for name in ("raw", "include", "literalinclude", "csv-table", "role"): app.add_directive(name, Refused, override=True)
    app.connect("config-inited", _settings)
    app.connect("doctree-read", _no_remote_images)
    app.connect("html-page-context", _math_in_fragments, priority=400)
    app.connect("html-page-context", _escape_print_title, priority=900)
    app.connect("build-finished", _mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
