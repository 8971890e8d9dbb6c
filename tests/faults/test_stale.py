"""A notebook that was not exported and a generated file edited by hand: `make check` fails, names them and the command, and writes nothing."""
import hashlib
import json
import re
import shutil
import subprocess
import sys

import pytest


@pytest.fixture
def copy(root, tmp_path):
    "The sources of this repository, as they are now, without git."
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, capture_output=True, text=True)
    if listed.returncode: pytest.skip("needs git to list the sources")
    for name in listed.stdout.splitlines():
        if not (root/name).is_file(): continue
        (tmp_path/"copy"/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root/name, tmp_path/"copy"/name)
    return tmp_path/"copy"


def tree(root) -> dict:
    "Every file and its hash."
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file() and "__pycache__" not in p.parts}


@pytest.mark.slow
def test_check_names_what_is_stale_and_the_command_and_writes_nothing(copy):
    def edit(name, change):
        path = copy/name
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before, name
    edit("nbs/shared_lib/01_param.ipynb", lambda s: s.replace('an unknown `name`', 'an UNKNOWN `name`', 1))
    edit("shared_lib/sparsebook/artifact.py", lambda s: s + "\nx = 1\n")
    kernel = next(p.name for p in sorted((copy/"kernels"/"sparsebook_kernels").glob("[a-z]*.py")))
    edit(f"kernels/sparsebook_kernels/{kernel}", lambda s: s + "\nx = 1\n")
    edit("tests/generated/test_library_02_artifact.py", lambda s: s + "\n\ndef test_more(): pass\n")
    edit("papers/sr_ste/dvc.yaml", lambda s: re.sub(r"      - \.\./\.\./shared_lib/sparsebook/run\.py\n", "", s, count=1))
    edit("papers/sr_ste/1_data.ipynb", lambda s: json.dumps(with_output(json.loads(s))))
    before = tree(copy)
    done = subprocess.run([sys.executable, "tools/check.py"], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 1 and tree(copy) == before
    for says in [r"shared_lib/sparsebook/param\.py is not what its notebook says .*run `make export`", r"shared_lib/sparsebook/artifact\.py is not what its notebook says .*run `make export`",
                 rf"kernels/sparsebook_kernels/{kernel} is not what its notebook says .*run `make export`", r"tests/generated/test_library_02_artifact\.py is not what its notebook says: run `make export`",
                 r"papers/sr_ste/dvc\.yaml: 1_data\.ipynb: dependency list is stale: run `make export`", r"papers/sr_ste/1_data\.ipynb, cell \d+: holds outputs"]:
        assert re.search(says, done.stdout), f"{says}\n{done.stdout}{done.stderr}"


def with_output(nb: dict) -> dict:
    "The notebook with an output left in its first code cell."
    cell = next(c for c in nb["cells"] if c["cell_type"] == "code")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["left\n"]}]
    return nb
