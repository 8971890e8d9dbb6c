"""A full disk, folders that lead elsewhere, odd names: one line that says what to do, nothing written outside, nothing half-done."""
import os
import re
import resource
import shutil
import subprocess
import sys

import pytest

LIMIT = 1_000_000


@pytest.fixture
def full_disk(toy, request):
    "Leaves `out` of the toy repository with room for 1 MB, or forbids files above 1 MB; ends the shortage when called."
    if request.param == "file limit":
        yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))}, lambda: None
        return
    if os.geteuid() != 0 or not sys.platform.startswith("linux"): pytest.skip("a small file system needs root")
    real, out = toy.root/"real", toy.root/"out"
    out.rename(real)
    out.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={LIMIT}", "tmpfs", str(out)], capture_output=True).returncode: pytest.skip("mount is not allowed here")
    shutil.copytree(real, out, dirs_exist_ok=True)
    mounted = [out]
    def more_room():
        subprocess.run(["mount", "-o", f"remount,size={100*LIMIT}", str(out)], check=True)
    yield {}, more_room
    for path in mounted: subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.parametrize("full_disk", ["file limit", pytest.param("small disk", marks=pytest.mark.slow)], indirect=True)
def test_a_full_disk_is_told_in_one_line_and_a_rerun_recovers(full_disk, toy, undisturbed):
    how, more_room = full_disk
    toy.forget("train")
    done = toy.stage("train", toy="train big", **how)
    line, = [x for x in done.stderr.splitlines() if "FAILED" in x]
    assert done.returncode == 1 and re.match(r"toy / train FAILED: .*ballast\.safetensors: .*needed 3,200,\d\d\d bytes, [\d,]+ were free; make room and run", line), done.stderr
    assert not toy.output("train").exists() and not toy.published("train").exists()
    more_room()
    assert toy.stage("train").returncode == 0 and toy.hashes("train") == undisturbed.hashes("train")


@pytest.mark.parametrize("folder", ["out", "out/toy", "out/.tmp", "out/.lock", "results/toy/notebooks"])
def test_a_folder_that_leads_outside_is_refused(folder, toy, tmp_path):
    outside = tmp_path/"outside"
    path = toy.root/folder
    shutil.move(path, outside) if path.exists() else outside.mkdir()
    path.symlink_to(outside, target_is_directory=True)
    before = {p: p.stat().st_mtime_ns for p in sorted(outside.rglob("*"))}
    done = toy.stage("train")
    assert done.returncode == 2 and re.match(rf"toy / train FAILED: {re.escape(str(toy.root))}/\S+ leads to {outside}\S*, outside the repository", done.stderr), done.stderr
    assert {p: p.stat().st_mtime_ns for p in sorted(outside.rglob("*"))} == before


@pytest.mark.parametrize("slug", ["../toy", "/tmp", "toy/../toy", "toy; rm -r out", ""])
def test_a_slug_is_a_name_and_no_path(slug, toy):
    toy.slug = slug
    done = toy.stage("data")
    assert done.returncode == 2 and "FAILED: no paper" in done.stderr, done.stderr


def test_odd_names_another_clock_another_language_another_place(undisturbed, tmp_path):
    "The repository's name, TZ, locale, thread count and working folder leave no trace in what a stage seals."
    toy = undisturbed.copy(tmp_path/"odd näme (1) 'q' $HOME; & #%20").forget("train")
    (tmp_path/"elsewhere").mkdir()
    other = {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    done = toy.stage("train", cwd=tmp_path/"elsewhere", env=other)
    assert done.returncode == 0, done.stderr
    assert toy.hashes("train") == undisturbed.hashes("train") and not list((tmp_path/"elsewhere").iterdir())
