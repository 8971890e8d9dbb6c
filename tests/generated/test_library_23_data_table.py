"""Generated from nbs/shared_lib/23_data_table.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_columns_of_a_text_file():
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    import tempfile
    import pytest
    from sparsebook.data_table import as_column, read_columns

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    path = temp()/"t.csv"
    path.write_text('age,pay,who,note,code,age\n30,1.5,"Doe, J.",,1_0,5\n41,,Roe,x,2,6\n')
    d = read_columns(path)
    d

    assert d["age"].dtype == np.int64 and d["who"].tolist() == ["Doe, J.", "Roe"] and d["note"].tolist() == ["", "x"] and d["code"].tolist() == ["1_0", "2"]
    assert list(d) == ["age", "pay", "who", "note", "code", "age.1"] and d["age.1"].tolist() == [5, 6]
    np.testing.assert_array_equal(d["pay"], [1.5, np.nan])
    assert as_column(["9"*30, "1"]).dtype == np.float64, "a number too large for int64 is a float"

    for text, says in [("a,b\n1,2\n3\n", "must have 2 cells, row 2 has 1"), ("", "must name the columns")]:
        path.write_text(text)
        with pytest.raises(DataError, match=says): read_columns(path)


def test_files_of_r():
    import bz2
    import lzma
    import struct
    import zlib
    from pathlib import Path
    from sparsebook.archive import DataError
    import gzip
    import tempfile
    import pytest
    from sparsebook.data_table import gunzip, read_lazy

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    word = lambda *n: struct.pack(f">{len(n)}i", *n)
    char = lambda s: word(0x40009, len(s)) + s.encode()
    names = lambda *s: word(1026, 1) + char("names") + word(16, len(s)) + b"".join(map(char, s)) + word(254)
    head = b"X\n" + word(2, 0x30600, 0x20300)
    numbers = head + word(14, 2) + struct.pack(">2d", 1.5, 2)
    folder = temp()
    for letter, pack in [(b"", zlib.compress), (b"2", bz2.compress), (b"0", bytes), (b"Z", lambda b: lzma.compress(b, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}]))]:
        block = word(len(numbers)) + letter + pack(numbers)
        (folder/"a.rdb").write_bytes(b"junk" + block)
        places = word(0x213, 1) + word(13, 2, 4, len(block)) + names("x")
        (folder/"a.rdx").write_bytes(gzip.compress(head + word(0x213, 1) + places + names("variables")))
        x = read_lazy(folder/"a.rdx", folder/"a.rdb", "x")
        assert x.tolist() == [1.5, 2]
    x

    with pytest.raises(DataError, match="no object 'y'; there are x"): read_lazy(folder/"a.rdx", folder/"a.rdb", "y")
    (folder/"a.rdb").write_bytes(b"junk" + block[:-1])
    with pytest.raises(DataError, match="the file ends before"): read_lazy(folder/"a.rdx", folder/"a.rdb", "x")
    (folder/"a.rdb").write_bytes(b"junk" + word(7) + block[4:])
    with pytest.raises(DataError, match="should unpack to 7 bytes"): read_lazy(folder/"a.rdx", folder/"a.rdb", "x")
    with pytest.raises(DataError, match="no whole zlib"): gunzip(b"text")


def test_adult_compas_german_credit():
    from pathlib import Path
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data_table import load_adult, load_compas

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"propublica-recidivism.csv").write_text("id,name,first,last,dob,sex,c_case_number,two_year_recid\n1,a b,a,b,1947-04-18,Male,7,0\n")
    with stand_in(load_compas, folder): assert list(load_compas()) == ["id", "sex", "two_year_recid"]
    if cached("adult"): print({k: v[:2].tolist() for k, v in load_adult().items()})
    else: print("not in the cache yet: load_adult() fetches 14 MB")


def test_medical_costs():
    from pathlib import Path
    import numpy as np
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    from sparsebook.data_table import load_medical_costs

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    for name, age in [("train.csv", 18), ("test.csv", 52)]: (folder/name).write_text(f"age,sex,charges\n{age},male,9.5\n")
    with stand_in(load_medical_costs, folder): d = load_medical_costs()
    assert d["age"].tolist() == [18, 52] and d["sex"].tolist() == ["male"]*2 and d["charges"].dtype == np.float64
    if cached("medical-costs"): print({k: v[:2].tolist() for k, v in load_medical_costs().items()})


def test_sachs_which_protein_acts_on_which():
    from pathlib import Path
    import numpy as np
    from sparsebook.archive import DataError
    from sparsebook.fetch import cached
    import tempfile
    from unittest import mock
    import pytest
    from sparsebook.data_table import load_sachs

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def stand_in(loader, folder):
        """Lets a loader find the files of `folder` in place of its own."""
        return mock.patch(f'{loader.__module__}.fetch', lambda name: {p.name: p for p in folder.iterdir()})
    folder = temp()
    (folder/"cyto_full_data.csv").write_text("praf,PIP2\n1.5,2\n3,4\n5,6\n")
    (folder/"cyto_full_target.csv").write_text('"Cause","Effect"\n"PIP2","praf"\n')
    with stand_in(load_sachs, folder):
        d = load_sachs(cells=(2, 1))
        with pytest.raises(DataError, match="must have 3 cells together, got 2"): load_sachs(cells=(2,))
    assert d.graph.tolist() == [[False, False], [True, False]] and not d.dag.any() and d.condition.tolist() == [0, 0, 1] and d.x[2].tolist() == [5, 6]
    if cached("sachs"):
        d = load_sachs()
        for g in (d.graph, d.dag): print([f"{d.name[i]} -> {d.name[j]}" for i, j in np.argwhere(g)])


def test_more_genes_than_samples():
    import numpy as np
    from sparsebook.fetch import cached
    from unittest import mock
    from sparsebook.data_table import load_golub, load_riboflavin, load_tissue

    class Named(np.ndarray):
        "A matrix with names, as rdata gives it."
        coords = {"dim_1": np.array(["g1", "g2", "g3"])}

    x = np.arange(6.).reshape(2, 3)
    made_up = {"golub": x.T, "golub.cl": np.array([0., 1.]), "golub.gnames": np.array(["1", "2", "3", "a", "b", "c", "A_at", "B_at", "C_at"]),
               "tissue_gene_expression": {"x": x.view(Named), "y": np.array(["liver", "brain"])}, "riboflavin": {"x": x.view(Named), "y": np.array([-6.6, -7])}}
    for loader in (load_golub, load_tissue, load_riboflavin):
        with mock.patch.multiple(loader.__module__, fetch=lambda name: dict.fromkeys(["golub.RData", "tissue_gene_expression.rda", "riboflavin.RData"]), read_r=lambda path: made_up):
            d = loader()
        np.testing.assert_array_equal(d.x, x)
        print(loader.__name__, d.y, d.gene, d.outcome)

    if cached("golub"):
        import matplotlib.pyplot as plt
        d = load_golub()
        difference = d.x[d.y == 1].mean(0) - d.x[d.y == 0].mean(0)
        strongest = np.argsort(-np.abs(difference))[:30]
        fig, ax = plt.subplots(figsize=(6, 2.4), dpi=72)
        ax.imshow(d.x[:, strongest].T, cmap="RdBu_r", aspect="auto", vmin=-3, vmax=3)
        ax.set(xlabel="patient (27 ALL, 11 AML)", ylabel="30 genes")
