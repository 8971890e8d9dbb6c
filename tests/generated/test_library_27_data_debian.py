"""Generated from nbs/shared_lib/27_data_debian.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


@pytest.mark.slow
def test_the_packages():
    import lzma
    from sparsebook.archive import DataError
    from sparsebook.fetch import cached
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.data_debian import load_debian_descriptions, stanzas

    def stand_in(texts=None):
        """Lets the loader find two tiny files in place of its own."""
        index = 'Package: gedit\nDescription: text editor\nDescription-md5: aa\nTag: role::program, use::editing,\n works-with::text\nSection: gnome\n\nPackage: nano\nDescription: small editor for terminals\nDescription-md5: bb\nTag: use::editing, works-with::text, role::program\nSection: editors\n\nPackage: nano-tiny\nDescription: small editor for terminals - tiny build\nDescription-md5: bc\nSection: editors\n\nPackage: lost\nDescription: nobody described me\nDescription-md5: zz\nSection: misc\n'
        texts = texts or 'Package: gedit\nDescription-md5: aa\nDescription-en: text editor\n Writes files\n in windows.\n .\n A second paragraph.\n\nPackage: nano\nDescription-md5: bb\nDescription-en: small editor for terminals\n Writes files without windows.\n\nPackage: nano-tiny\nDescription-md5: bc\nDescription-en: small editor for terminals - tiny build\n Writes files\n  without windows.\n'
        folder = Path(tempfile.mkdtemp()).resolve()
        files = {'Packages.xz': index, 'Translation-en.xz': texts}
        for name, text in files.items():
            (folder / name).write_bytes(lzma.compress(text.encode()))
        return mock.patch(f'{load_debian_descriptions.__module__}.fetch', lambda name: {name: folder / name for name in files})
    assert stanzas("A: 1\n\nB: 2\n 3\n  4\n \n\nC:\n") == [{"A": "1"}, {"B": "2\n 3\n  4"}, {"C": ""}]
    with stand_in(): d = load_debian_descriptions()
    assert d.name == ["gedit", "nano", "nano-tiny"] and d.body == ["Writes files in windows. A second paragraph.", "Writes files without windows.", "Writes files without windows."]
    assert d.tags[0] == d.tags[1] == ["role::program", "use::editing", "works-with::text"] and d.tags[2] == [] and d.section == ["gnome", "editors", "editors"]
    with stand_in(texts="Package: x\nDescription-md5: q\nDescription-en: y\n"), pytest.raises(DataError, match="do not belong together"): load_debian_descriptions()

    if cached("debian-descriptions"):
        d = load_debian_descriptions()
        print(f"{len(d.name):,} packages, {sum(map(bool, d.tags)):,} with tags, {len(set(d.body)):,} different descriptions")
        print(d.name[1000], "|", d.synopsis[1000], "|", d.body[1000][:100], "|", d.tags[1000])
    else: print("not in the cache yet: load_debian_descriptions() fetches 15 MB")


@pytest.mark.slow
def test_find_the_package():
    import lzma
    import re
    import numpy as np
    from sparsebook.archive import DataError
    from sparsebook.fetch import cached
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.data_debian import debian_retrieval, load_debian_descriptions

    def stand_in(texts=None):
        """Lets the loader find two tiny files in place of its own."""
        index = 'Package: gedit\nDescription: text editor\nDescription-md5: aa\nTag: role::program, use::editing,\n works-with::text\nSection: gnome\n\nPackage: nano\nDescription: small editor for terminals\nDescription-md5: bb\nTag: use::editing, works-with::text, role::program\nSection: editors\n\nPackage: nano-tiny\nDescription: small editor for terminals - tiny build\nDescription-md5: bc\nSection: editors\n\nPackage: lost\nDescription: nobody described me\nDescription-md5: zz\nSection: misc\n'
        texts = texts or 'Package: gedit\nDescription-md5: aa\nDescription-en: text editor\n Writes files\n in windows.\n .\n A second paragraph.\n\nPackage: nano\nDescription-md5: bb\nDescription-en: small editor for terminals\n Writes files without windows.\n\nPackage: nano-tiny\nDescription-md5: bc\nDescription-en: small editor for terminals - tiny build\n Writes files\n  without windows.\n'
        folder = Path(tempfile.mkdtemp()).resolve()
        files = {'Packages.xz': index, 'Translation-en.xz': texts}
        for name, text in files.items():
            (folder / name).write_bytes(lzma.compress(text.encode()))
        return mock.patch(f'{load_debian_descriptions.__module__}.fetch', lambda name: {name: folder / name for name in files})
    with stand_in():
        d, tagged = debian_retrieval(3, 0), debian_retrieval(3, 0, shared=2)
        with pytest.raises(DataError, match="queries must be in 1..3, got 4"): debian_retrieval(4, 0)
        with pytest.raises(DataError, match="docs must be in 0..2, got 5"): debian_retrieval(1, 5)
    assert d.docs == ["Writes files in windows. A second paragraph.", "Writes files without windows."] and d.queries == ["small editor for terminals", "small editor for terminals - tiny build", "text editor"]
    assert d.qrels.tolist() == [[0, 1, 2], [1, 1, 2], [2, 0, 2]]
    assert tagged.qrels.tolist() == [[0, 0, 1], [0, 1, 2], [1, 1, 2], [2, 0, 2], [2, 1, 1]], "the first two editors share use::editing and works-with::text"

    if cached("debian-descriptions"):
        d = debian_retrieval(shared=3)
        words = lambda t: set(re.findall("[a-z]{4,}", t.lower()))
        own = [(q, k) for q, k, gain in d.qrels if gain == 2]
        said = np.mean([len(words(d.queries[q]) & words(d.docs[k]))/max(len(words(d.queries[q])), 1) for q, k in own])
        print(f"{len(d.docs):,} documents, {len(d.queries):,} queries, {len(own):,} own and {len(d.qrels) - len(own):,} alike; {said:.2f} of a summary's words stand in its description")
