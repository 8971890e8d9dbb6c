"""What every test runs under: one thread, no window, no network, the Triton interpreter where there is no GPU."""
import os
import socket
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"
if not Path("/dev/nvidiactl").exists(): os.environ.setdefault("TRITON_INTERPRET", "1")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("house", derandomize=True, deadline=None, max_examples=50, database=None, suppress_health_check=list(HealthCheck))
settings.load_profile("house")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/"tools"))


def pytest_addoption(parser): parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config, items):
    gpu = Path("/dev/nvidiactl").exists()
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"): item.add_marker(pytest.mark.skip(reason="slow: make test-slow"))
        if "gpu" in item.keywords and not gpu: item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    "A test that reaches for the network fails at once; the local machine is allowed."
    connect = socket.socket.connect
    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"): raise OSError(f"tests use no network, got {address}")
        return connect(self, address)
    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def root() -> Path: return Path(__file__).resolve().parent.parent
