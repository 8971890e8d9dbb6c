"""Generated from nbs/shared_lib/25_data_anarchism.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_from_a_web_page_to_paragraphs():
    from sparsebook.data_anarchism import prose

    page = """<html><head><title>not this</title></head><body><h1>Bread &amp;<br>butter</h1>
    <p>H<sub>2</sub>O   is
    wet.<p>Second <img src="x"> one.<div class="a menu"><div><a>next</a></div><br>up</div><script>if (1 < 2) {}</script>tail</body>"""
    prose(page, skip="menu")

    assert prose(page, skip="menu") == ["Bread & butter", "H2O is wet.", "Second one.", "tail"]
    assert "next" in prose(page) and prose("") == [] and prose("<p>&lt;b&gt; &#8217;</p>") == ["<b> \u2019"]
    assert prose("<div class=menu><p>open <b>bold</div>after") == ["open bold", "after"] and prose("<div class=menu><p>x<b>y</div>after", skip="menu") == ["after"]

    from hypothesis import given, strategies as st
    from html import escape

    @given(st.lists(st.text("ab<>&\"' \n", min_size=1).filter(str.strip), max_size=5))
    def round_trip(paragraphs): assert prose("".join(f"<p>{escape(p)}</p>" for p in paragraphs)) == [" ".join(p.split()) for p in paragraphs]
    round_trip()


def test_the_pages():
    from pathlib import Path
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data_anarchism import load_anarchism

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    if cached("anarchism"):
        pages = load_anarchism()
        print(len(pages), "pages,", f"{sum(len(text.encode()) for _, text in pages):,} bytes")
        print(dict(pages)["secJ1"][:300])
    else: print("not in the cache yet: load_anarchism() fetches 7 MB")

    folder = temp()
    (folder/"secB.html").write_text("<head><title>t</title></head><p>Two</p>")
    (folder/"secA.html").write_text('<p>One<p>1<div class="book-navigation"><p>up</div>')
    with mock.patch(f"{load_anarchism.__module__}.fetch", lambda name: {p.name: p for p in folder.iterdir()}):
        assert load_anarchism() == [("secA", "One\n\n1"), ("secB", "Two")]


def test_sections():
    from sparsebook.archive import DataError
    import pytest
    from sparsebook.data_anarchism import faq_section

    faq_section("secJ5"), faq_section("append1310"), faq_section("vol1intro")

    assert [faq_section(p) for p in ("secAint", "secI10", "append4", "10years")] == ["A", "I", "appendix 4", "introduction"]
    with pytest.raises(DataError, match="no page 'secK1'"): faq_section("secK1")
