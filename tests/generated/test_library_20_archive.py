"""Generated from nbs/shared_lib/20_archive.ipynb by `make export`. Do not edit: edit the notebook."""
import pytest


def test_what_is_promised():
    import hashlib
    import pytest
    from sparsebook.archive import DataError, Digest, UnsafeError, differs, safe_name, sums

    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    files = sums(promise(a=b"hello") + "\n" + promise(a=b"hallo!", b=b"x"))
    {name: [d.size for d in ds] for name, ds in files.items()}

    assert differs(Digest(hashlib.sha256(b"hallo!").hexdigest(), 6), files["a"]) == ""
    text = differs(Digest("0"*64, 5), files["b"], b"<!DOCTYPE html><p>Please log in")
    assert "expected 1 bytes with sha256 2d711642" in text and "got 5 bytes with sha256 0000" in text and "HTML" in text
    assert safe_name("./usr/share/x.gz") == "usr/share/x.gz" and safe_name("./") == ""
    for name in ["/etc/passwd", "../x", "a/../../x", "..\\x", "C:/x", "\\\\host\\x", "a\0b"]:
        with pytest.raises(UnsafeError): safe_name(name)
    for line in ["abc 3 x", "0"*64 + " 0 x", "0"*64 + " 3 ../x", "0"*64 + " 3 a/b", "0"*64 + " 3 .x", "G"*64 + " 3 x"]:
        with pytest.raises(DataError, match="a promise must read"): sums(line)


def test_a_file_lands_whole_or_not_at_all():
    import errno
    import hashlib
    import tempfile
    from pathlib import Path
    from unittest import mock
    import pytest
    from sparsebook.archive import ChecksumError, DataError, landing, sums

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    folder, promised = temp(), sums(promise(a=b"hello"))["a"]
    with landing(folder/"a", promised) as sink:
        sink.write(b"hel")
        before = sorted(p.suffix or p.name[:7] for p in folder.iterdir())
        sink.write(b"lo")
    before, [p.name for p in folder.iterdir()]

    for wrong, says in [(b"hell", "got 4 bytes"), (b"jello", "got 5 bytes"), (b"x"*9, "stopped there"), (b"", "got 0 bytes")]:
        with pytest.raises(ChecksumError, match=says):
            with landing(folder/"a", promised) as sink: sink.write(wrong)
    with pytest.raises(ChecksumError, match="transfer broke: gone"):
        with landing(folder/"a", promised) as sink:
            sink.write(b"he")
            raise ConnectionError("gone")
    with pytest.raises(DataError, match="needed 5 bytes"), mock.patch("os.fsync", side_effect=OSError(errno.ENOSPC, "full")):
        with landing(folder/"a", promised) as sink: sink.write(b"hello")
    assert [p.name for p in folder.iterdir()] == ["a"] and (folder/"a").read_bytes() == b"hello"


def test_read_named_members_extract_nothing():
    import hashlib
    import shutil
    import stat
    import tarfile
    import tempfile
    import zipfile
    from pathlib import Path
    import io
    import pytest
    from sparsebook.archive import ChecksumError, UnreachableError, UnsafeError, landing, read_archive, sums

    def temp() -> Path:
        return Path(tempfile.mkdtemp()).resolve()
    def promise(**files) -> str:
        return '\n'.join((f'{hashlib.sha256(data).hexdigest()} {len(data)} {name}' for name, data in files.items()))
    folder, data = temp(), b"0123456789"*50
    with zipfile.ZipFile(folder/"toy-1.0-py3-none-any.whl", "w") as z:
        z.writestr("toy/__init__.py", "raise SystemExit('never run')")
        z.writestr("toy/digits.bin", data)
    promised = sums(promise(digits=data))
    put = lambda name: landing(folder/name, promised[name])
    read_archive(folder/"toy-1.0-py3-none-any.whl", {"toy/digits.bin": "digits"}, put)
    sorted(p.name for p in folder.iterdir())

    def tar(path, *members, mode="w:gz"):
        with tarfile.open(path, mode) as t:
            for name, content, kind in members:
                info = tarfile.TarInfo(name)
                info.type, info.size, info.linkname = kind, len(content) if kind == tarfile.REGTYPE else 0, "/etc/passwd"
                t.addfile(info, io.BytesIO(content))

    def deb(path, data_tar: bytes):
        "A Debian package is an ar archive of three files."
        control = io.BytesIO()
        tarfile.open(fileobj=control, mode="w:gz").close()
        with open(path, "wb") as f:
            f.write(b"!<arch>\n")
            for name, part in [("debian-binary", b"2.0\n"), ("control.tar.gz", control.getvalue()), ("data.tar.gz", data_tar)]:
                f.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(part):<10}`\n".encode() + part + b"\n"*(len(part) % 2))

    tar(folder/"good-1.tar.gz", ("good-1/digits.bin", data, tarfile.REGTYPE), ("good-1/link", b"", tarfile.SYMTYPE))
    deb(folder/"good_1_all.deb", (folder/"good-1.tar.gz").read_bytes())
    for name in ["good-1.tar.gz"] + ["good_1_all.deb"]*bool(shutil.which("dpkg-deb")):
        (folder/"digits").unlink()
        read_archive(folder/name, {"good-1/digits.bin": "digits"}, put)
        assert (folder/"digits").read_bytes() == data
        with pytest.raises(UnreachableError, match="has no member good-1/x"): read_archive(folder/name, {"good-1/x": "digits"}, put)
        with pytest.raises(UnsafeError, match="no regular file"): read_archive(folder/name, {"good-1/link": "digits"}, put)
        with pytest.raises(UnsafeError, match="unpacks to more"): read_archive(folder/name, {"good-1/digits.bin": "digits"}, put, most=9000)

    outside = folder.parent/"sparsebook-evil"
    for i, name in enumerate(["../sparsebook-evil", str(outside), "a/../../sparsebook-evil"]):
        with zipfile.ZipFile(folder/f"slip{i}.whl", "w") as z: z.writestr(name, b"evil"); z.writestr("digits.bin", data)
        tar(folder/f"slip{i}.tar.gz", (name, b"evil", tarfile.REGTYPE), ("digits.bin", data, tarfile.REGTYPE))
        for kind in ["whl", "tar.gz"]:
            with pytest.raises(UnsafeError, match="leads out of its folder"): read_archive(folder/f"slip{i}.{kind}", {"digits.bin": "digits"}, put)
    assert not outside.exists()
    with zipfile.ZipFile(folder/"bad.whl", "w", zipfile.ZIP_DEFLATED) as z:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        z.writestr(link, "/etc/passwd")
        z.writestr("bomb", bytes(1 << 26))
    assert (folder/"bad.whl").stat().st_size < 1 << 17
    with pytest.raises(UnsafeError, match="no regular file"): read_archive(folder/"bad.whl", {"link": "digits"}, put)
    with pytest.raises(ChecksumError, match="stopped there"): read_archive(folder/"bad.whl", {"bomb": "digits"}, put)
    for name in ["toy-1.0-py3-none-any.whl", "good-1.tar.gz"]:
        whole = (folder/name).read_bytes()
        (folder/f"half-{name}").write_bytes(whole[:len(whole)//2])
        (folder/f"page-{name}").write_bytes(b"<html>404")
        for kind in ["half", "page"]:
            with pytest.raises(UnreachableError, match="not a readable archive"): read_archive(folder/f"{kind}-{name}", {"x": "digits"}, put)
    assert not list(folder.glob(".fetch-*"))
