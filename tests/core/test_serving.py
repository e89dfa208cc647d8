"""A real server that is told to stop: what was begun is answered, nothing new is taken."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
SLOW = """
import time
from crm import create_app
from crm.core import logs
from crm.core.access import public
from crm.core.serving import serve_until_stopped
from crm.core.settings import Settings
settings = Settings.from_environment()
logs.configure(settings)
app = create_app(settings)
@app.get("/slow/<int:seconds>")
@public
def slow(seconds):
    time.sleep(seconds)
    return "x" * 100000
with app.app_context():
    serve_until_stopped()
"""


@contextmanager
def server(folder: Path, **environ: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", SLOW],
        cwd=TREE,
        env={**kept, "CRM_INSTANCE": str(folder), "CRM_PORT": "0", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        for line in process.stdout:
            if found := re.search(r"Open http://127\.0\.0\.1:(\d+)", line):
                yield process, int(found[1])
                break
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_it_works(tmp_path: Path) -> None:
    with server(tmp_path) as (process, port), ThreadPoolExecutor(4) as pool:
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read() == b"ok\n"
        slow = [pool.submit(get, port, "/slow/3") for _ in range(4)]
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        # A connection that is kept is answered while the others are finished, and told of the end.
        kept.request("GET", "/readyz")
        answer = kept.getresponse()
        assert (answer.status, answer.read()) == (503, b"server stopping\n")
        assert answer.getheader("Connection") == "close"
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            get(port, "/healthz")
        assert [(status, len(body)) for status, body in (each.result() for each in slow)] == [
            (200, 100000)
        ] * 4
        assert process.wait(timeout=15) == 0
        assert process.stdout
        assert "Stopped." in process.stdout.read()


def test_an_idle_server_stops_at_once(tmp_path: Path) -> None:
    with server(tmp_path) as (process, port):
        assert get(port, "/healthz")[0] == 200
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - began < 10


def test_a_second_signal_ends_it(tmp_path: Path) -> None:
    with server(tmp_path) as (process, port), ThreadPoolExecutor(1) as pool:
        slow = pool.submit(get, port, "/slow/20")
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 1
        assert time.monotonic() - began < 15
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            slow.result()


def test_it_waits_no_longer_than_it_is_told_to(tmp_path: Path) -> None:
    with server(tmp_path, CRM_STOP_SECONDS="1") as (process, port), ThreadPoolExecutor(1) as pool:
        slow = pool.submit(get, port, "/slow/20")
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        assert time.monotonic() - began < 15
        assert process.stderr
        assert "CRM_STOP_SECONDS was not enough" in process.stderr.read()
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            slow.result()
