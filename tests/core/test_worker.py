"""A worker as a process of its own: woken, stopped, and without its queue."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from crm import create_app
from crm.core import db, outbox, worker
from crm.core.mail_models import WorkerSeen
from crm.core.outbox import Outgoing, State
from crm.core.settings import Settings
from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
#: A worker that knows one more job, whose rows say how long they take.
PROGRAM = """
import time, sys, crm.cli
from crm.core import outbox
made = crm.cli.create_app
def create_app(*given):
    app = made(*given)
    outbox.job(app, outbox.Job("nap", "Nap", lambda told: time.sleep(told["seconds"])))
    return app
crm.cli.create_app = create_app
crm.cli.main()
"""


@pytest.fixture
def real(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    """The application as it runs outside of tests, with a job that sleeps."""
    folder = tmp_path / "instance"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    app = create_app(Settings(instance=str(folder), secret_key="test", timezone="UTC"))
    outbox.job(app, outbox.Job("nap", "Nap", lambda told: time.sleep(told["seconds"])))
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


@pytest.fixture
def begin(real: Flask) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `crm worker`, or another command, and wait until it works."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *(arguments or ("worker",))],
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "CRM_SECRET_KEY": "test",
                "CRM_INSTANCE": real.instance_path, "CRM_TIMEZONE": "UTC", **environment,
            },
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        begun.append(process)
        assert process.stdout
        while "C stops the" not in (line := process.stdout.readline()):
            assert line or process.poll() is None
        return process

    yield begin
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def put(*seconds: float) -> list[int | None]:
    """Ask for naps, in one commit."""
    with db.unit_of_work():
        return [outbox.put("nap", {"seconds": each}) for each in seconds]


def states() -> list[str]:
    """Where the rows stand."""
    db.rollback()
    return list(db.session.scalars(select(Outgoing.state).order_by(Outgoing.id)))


def until(holds: Callable[[], bool], seconds: float = 20) -> float:
    """Wait for it; how long it took."""
    start = time.monotonic()
    while not holds():
        assert time.monotonic() < start + seconds, states()
        time.sleep(0.02)
    return time.monotonic() - start


def test_it_works(begin: Callable[..., subprocess.Popen[str]]) -> None:
    process = begin()
    put(0)
    assert until(lambda: states() == [State.DONE]) < 1.5
    [seen] = db.session.scalars(select(WorkerSeen))
    assert seen.name.endswith(f":{process.pid}")
    assert seen.stopped_at is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    db.session.expire_all()
    db.rollback()
    assert db.session.scalars(select(WorkerSeen)).one().stopped_at


def test_who_is_stopped_finishes_what_is_in_hand(
    begin: Callable[..., subprocess.Popen[str]],
) -> None:
    process = begin(CRM_WORKERS="1")
    put(2, 0, 0)
    until(lambda: states()[0] == State.TAKEN)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0
    assert states() == [State.DONE, State.WAITING, State.WAITING]
    db.rollback()
    assert list(db.session.scalars(select(Outgoing.tries))) == [1, 0, 0]


def test_a_second_signal_stops_at_once(begin: Callable[..., subprocess.Popen[str]]) -> None:
    process = begin()
    put(30)
    until(lambda: states() == [State.TAKEN])
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=3) != 0
    assert states() == [State.TAKEN]


def test_what_waits_is_found_without_a_queue(
    begin: Callable[..., subprocess.Popen[str]],
) -> None:
    put(0, 0)
    process = begin(CRM_QUEUE_URL="redis://127.0.0.1:1/0")
    until(lambda: states() == [State.DONE, State.DONE])
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=15)
    assert process.returncode == 0
    assert told.count("the queue is away") == 1
    assert "Traceback" not in told


def test_the_server_has_a_worker_within(begin: Callable[..., subprocess.Popen[str]]) -> None:
    process = begin("serve", "--with-worker", CRM_PORT=str(free_port()))
    put(0)
    assert until(lambda: states() == [State.DONE]) < 1.5
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    db.rollback()
    assert db.session.scalars(select(WorkerSeen)).one().stopped_at


def test_a_queue_that_is_away_stops_nobody(
    real: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("redis://user:secret@host")

    monkeypatch.setattr(worker, "_made", away)
    put(0)
    put(0)
    assert states() == [State.WAITING] * 2
    assert caplog.text.count("the queue is away (ConnectionError)") == 1
    assert "secret" not in caplog.text


def test_nobody_is_woken_in_a_test(app: Flask) -> None:
    with db.unit_of_work():
        outbox.put("schedule", {"name": "none", "on": "2026-01-01"})
    assert not (Path(app.instance_path) / "queue.sqlite3").exists()


def test_wakings_do_not_pile_up(real: Flask) -> None:
    for _ in range(10):
        put(0)
    huey, _ = worker._queue("work")
    assert huey.storage.queue_size() == 4
    # What somebody else wrote into the queue is not run.
    huey.storage.flush_queue()
    huey.storage.enqueue(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match="not found"):
        huey.dequeue()
