"""Generated from nbs/shared_lib/29_command.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_sizes_for_people():
    from sparsebook.command import megabytes

    [megabytes(n) for n in (12, 1_500, 26_421_856, 145_000_000, 3_200_000_000)]

    assert [megabytes(n) for n in (999, 999_600, 9_960)] == ["999 B", "1.0 MB", "10 kB"]


def test_which_data_sets_are_meant():
    from sparsebook.archive import DataError
    import tempfile
    from dataclasses import replace
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.archive import Digest
    from sparsebook.artifact import sha256_file
    from sparsebook.fetch import CATALOGUE, Folder, dataset
    from sparsebook.command import chosen

    def shelf() -> Path:
        """A folder with two small files, and a catalogue that knows them."""
        home = Path(tempfile.mkdtemp()).resolve()
        for name in ('a.txt', 'b.txt'):
            (home / name).write_text(name * 3)
        for name, quick in [('toy-a', True), ('toy-b', False)]:
            file = f'{name[-1]}.txt'

            @dataset(name, what=f'the file {file}', files={file: (Digest(sha256_file(home / file), 15),)}, routes=(Folder(home),), licence='CC0-1.0', citation='none (2026)', quick=quick)
            def load():
                pass
        return home
    with mock.patch.dict(CATALOGUE, clear=True), mock.patch("sparsebook.fetch.discover"):
        shelf()
        print([e.name for e in chosen([], all_quick=True)], [e.name for e in chosen(["toy-b"])])

    with mock.patch.dict(CATALOGUE, clear=True), mock.patch("sparsebook.fetch.discover"):
        shelf()
        assert [e.name for e in chosen([], everything=True)] == ["toy-a", "toy-b"]
        CATALOGUE["toy-b"] = replace(CATALOGUE["toy-b"], online=True)
        assert [e.name for e in chosen([], everything=True)] == ["toy-a"] and [e.name for e in chosen([], everything=True, online=True)] == ["toy-a", "toy-b"]
        with pytest.raises(DataError, match="did you mean 'toy-a'"): chosen(["toy-b", "toya"])
        for wrong in [dict(names=[]), dict(names=["toy-a"], everything=True)]:
            with pytest.raises(DataError, match="give names, or --all-quick, or --all"): chosen(**wrong)


def test_the_commands():
    from sparsebook.fetch import cached, where
    import tempfile
    from dataclasses import replace
    from pathlib import Path
    from unittest import mock
    import pytest
    from typer.testing import CliRunner
    from sparsebook.archive import Digest
    from sparsebook.artifact import sha256_file
    from sparsebook.fetch import CATALOGUE, Folder, dataset
    from sparsebook.command import app, main

    def shelf() -> Path:
        """A folder with two small files, and a catalogue that knows them."""
        home = Path(tempfile.mkdtemp()).resolve()
        for name in ('a.txt', 'b.txt'):
            (home / name).write_text(name * 3)
        for name, quick in [('toy-a', True), ('toy-b', False)]:
            file = f'{name[-1]}.txt'

            @dataset(name, what=f'the file {file}', files={file: (Digest(sha256_file(home / file), 15),)}, routes=(Folder(home),), licence='CC0-1.0', citation='none (2026)', quick=quick)
            def load():
                pass
        return home
    def run(*words: str):
        """Run the command in a world with the two toys and an empty cache."""
        return CliRunner().invoke(app, words)
    with mock.patch.dict(CATALOGUE, clear=True), mock.patch("sparsebook.fetch.discover"), mock.patch.dict("os.environ", SPARSEBOOK_DATA=tempfile.mkdtemp()):
        shelf()
        print(run("data", "fetch", "--all-quick").stdout)
        print(run("data", "list").stdout.rsplit(";", 1)[0])

    with mock.patch.dict(CATALOGUE, clear=True), mock.patch("sparsebook.fetch.discover"), mock.patch.dict("os.environ", SPARSEBOOK_DATA=tempfile.mkdtemp()):
        home = shelf()
        assert run("data", "where").stdout.strip() == str(where())
        assert run("data", "verify").stdout == "0 data sets are whole\n"                 # nothing here is no fault
        assert run("data", "fetch", "toy-a", "toy-b").exit_code == 0 and run("data", "verify").stdout == "2 data sets are whole\n"
        (home/"a.txt").unlink()                                                          # the second fetch needs nobody
        assert "[1/1] toy-a: here" in run("data", "fetch", "toy-a").stdout
        (where()/"toy-b"/"b.txt").write_text("x"*15)                                     # same size, other bytes
        bad = run("data", "verify")
        assert bad.exit_code == 1 and "1 are not" in bad.stdout and "b.txt" in bad.stderr and "sha256" in bad.stderr
        (where()/"toy-b"/"b.txt").unlink()                                               # a data set in its second form
        CATALOGUE["toy-b"] = replace(CATALOGUE["toy-b"], files={"c.txt": CATALOGUE["toy-b"].files["b.txt"]}, instead=(CATALOGUE["toy-b"].files, (Folder(home),)))
        assert run("data", "fetch", "toy-b").exit_code == 0 and run("data", "verify").stdout == "2 data sets are whole\n"
        (where()/"toy-b"/"b.txt").write_text("half")
        assert run("data", "verify").exit_code == run("data", "verify", "toy-b").exit_code == 1
        CATALOGUE["toy-b"] = replace(CATALOGUE["toy-b"], online=True)                    # by name and for `verify` it is there, else it is not
        assert "online only" in run("data", "list").stdout and "toy-b" not in run("data", "list", "--quick").stdout
        assert "toy-b" not in run("data", "fetch", "--all").stdout and run("data", "verify").exit_code == 1
        (where()/"toy-b"/"b.txt").unlink()
        assert run("data", "fetch", "toy-b").exit_code == 0 and run("data", "verify").exit_code == 0 and "online only:" in run("data", "list").stdout

    with mock.patch.dict(CATALOGUE, clear=True), mock.patch("sparsebook.fetch.discover"), mock.patch.dict("os.environ", SPARSEBOOK_DATA=tempfile.mkdtemp()):
        home = shelf()
        (home/"a.txt").unlink()
        lost = run("data", "fetch", "--all")
        assert lost.exit_code == 1 and "1 of 2 data sets" in str(lost.exception) and cached("toy-b") and "no such file" in lost.stderr
        with mock.patch("sys.argv", ["sparsebook", "data", "fetch", "toyb"]), pytest.raises(SystemExit, match="did you mean 'toy-b'"): main()
