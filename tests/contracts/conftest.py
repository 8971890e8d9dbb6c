"""What several contract tests share."""
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def have():
    "Bring a data set into the cache in a process that may use the network, or skip with the reason."
    def bring(name):
        from sparsebook.fetch import cached
        if cached(name): return
        done = subprocess.run([sys.executable, "-c", f"from sparsebook.fetch import fetch; fetch({name!r})"], capture_output=True, text=True)
        if "UnreachableError" in done.stderr: pytest.skip(f"neither cached nor reachable: {done.stderr[done.stderr.index('UnreachableError'):]}")
        assert done.returncode == 0, done.stderr
    return bring
