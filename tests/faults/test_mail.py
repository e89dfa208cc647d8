"""Ten thousand messages, workers that are killed, a server that refuses, hangs up and dies.

Whatever happens, a row's message was accepted exactly once, or the row is on the list of what was
given up, where it was accepted once at most. Nothing else is left.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm import create_app
from crm.core import db, mail
from crm.core.outbox import PERHAPS, Outgoing, State
from crm.core.settings import Settings
from tests.conftest import empty
from tests.faults.figures import IN_FULL, tell
from tests.servers import Redis, free_port, wait_for

pytestmark = pytest.mark.fault

ROOT = Path(__file__).resolve().parents[2]
#: Messages of one run. `.ci/run` takes some thousand, for time; `CRM_FAULTS=full` ten thousand.
WHOLE = os.environ.get("CRM_FAULTS") == "full"
MESSAGES = {
    "sqlite": 10_000 if WHOLE else 4_000 if IN_FULL else 1_000,
    "postgresql+redis": 10_000 if WHOLE else 1_500 if IN_FULL else 1_000,
}
WORKERS = 4
#: `crm worker` as it is, save that it takes whoever is silent for killed after seconds and not
#: minutes: a test waits for that.
PROGRAM = """
import dataclasses
import crm.cli
from crm.core import outbox, worker
worker._MINUTE = 2
made = crm.cli.create_app
def create_app(*given):
    app = made(*given)
    outbox.job(app, dataclasses.replace(app.extensions["crm_jobs"]["mail"], patience=8))
    return app
crm.cli.create_app = create_app
crm.cli.main()
"""


class Scene:
    """The processes of one run, and what the server wrote down."""

    def __init__(self, folder: Path, app: Flask, environment: dict[str, str], port: int):
        self.log, self.port, self.app = folder / "accepted", port, app
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        self.environment.pop("CRM_TESTING", None)
        self.chance = random.Random(7)
        self.begun = 0
        self.running: list[subprocess.Popen[bytes]] = []
        self.server: subprocess.Popen[bytes] | None = None
        self.out = (folder / "workers.log").open("ab")

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *command], env=self.environment, cwd=ROOT,
            stdout=self.out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def serve(self) -> None:
        """Start the mail server, and wait until it listens."""
        self.begun += 1
        arguments = ("tests.faults.mail_server", str(self.port), str(self.log), str(self.begun))
        self.server = self._start("-m", *arguments)
        wait_for(self.port)

    def work(self) -> None:
        """Start the workers."""
        self.running = [self._start("-c", PROGRAM, "worker") for _ in range(WORKERS)]

    def kill(self, processes: list[subprocess.Popen[bytes]]) -> None:
        """At once, with all they began."""
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """Leave nothing running."""
        self.kill(self.running + ([self.server] if self.server else []))
        self.out.close()

    def counts(self) -> Counter[str]:
        """How many rows stand where."""
        db.rollback()
        found = select(Outgoing.state, func.count()).group_by(Outgoing.state)
        return Counter(dict(db.session.execute(found).all()))  # type: ignore[arg-type]

    def noted(self) -> list[list[str]]:
        """What the server wrote down: `[what, row]`."""
        return [line.split() for line in self.log.read_text().splitlines()]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The address of a Redis of this run's own."""
    server = Redis(tmp_path)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql+redis"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[Scene]:
    """The application as it runs outside of tests, on each kind of installation."""
    folder, port = tmp_path / "instance", free_port()
    folder.mkdir()
    values = {
        "instance": str(folder), "secret_key": "test", "timezone": "UTC", "workers": "2",
        "mail_server": "127.0.0.1", "mail_port": str(port), "retry_seconds": "1",
        "mail_sender": "outreach@example.org", "base_url": "https://outreach.example.org",
    }  # fmt: skip
    if request.param == "sqlite":
        shutil.copy(sqlite_template, folder / "crm.sqlite3")
    else:
        values["database_url"] = request.getfixturevalue("postgres")
        values["queue_url"] = request.getfixturevalue("redis")
        empty(values["database_url"])
    app = create_app(Settings(**values))
    with app.app_context():
        environment = {f"CRM_{name.upper()}": value for name, value in values.items()}
        scene = Scene(tmp_path, app, environment, port)
        try:
            yield scene
        finally:
            scene.close()
            db.session.remove()
            db.extension.engine.dispose()
            if request.param != "sqlite":
                empty(values["database_url"])


def put(first: int, count: int) -> None:
    """Ask for messages, in one commit."""
    with db.unit_of_work():
        for number in range(first, first + count):
            values: dict[str, Any] = {"name": "Ada", "hours": 24}
            values["link"] = f"https://outreach.example.org/reset/{number}"
            to = f"reader{number}@example.org"
            assert mail.send("reset", to=to, subject="New password", kind="reset", **values)


def test_every_message_once_or_on_the_list(scene: Scene, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["scene"]
    messages = MESSAGES[kind]
    scene.serve()
    scene.work()
    start = time.monotonic()
    # At which share of the rows something happens, at random within a band.
    bands = {
        "workers": [(0.05, 0.25), (0.35, 0.55), (0.65, 0.85)],
        "server": [(0.15, 0.45), (0.5, 0.8)],
    }
    plan = sorted(
        (scene.chance.uniform(*band), who) for who, between in bands.items() for band in between
    )
    killed = deaths = asked = 0
    while True:
        if asked < messages:
            put(asked, 100)
            asked += 100
        counts = scene.counts()
        ended = counts[State.DONE] + counts[State.DEAD]
        if plan and ended >= plan[0][0] * messages:
            _share, who = plan.pop(0)
            time.sleep(scene.chance.uniform(0, 0.2))
            if who == "workers":
                scene.kill(scene.running)
                killed += WORKERS
                scene.work()
            else:
                assert scene.server
                scene.kill([scene.server])
                deaths += 1
                time.sleep(1)
                scene.serve()
        if asked >= messages and ended == messages:
            break
        assert time.monotonic() < start + 900, (counts, plan)
        time.sleep(0.05 if asked >= messages else 0)
    seconds = time.monotonic() - start
    for process in scene.running:
        process.send_signal(signal.SIGTERM)
    assert [process.wait(timeout=30) for process in scene.running] == [0] * WORKERS

    noted = scene.noted()
    accepted = Counter(int(row) for what, row in noted if what == "accepted")
    refused = Counter(what.partition("-")[0] for what, _row in noted)
    rows = {row.id: row for row in db.session.scalars(select(Outgoing))}
    dead = {id for id, row in rows.items() if row.state == State.DEAD}
    perhaps = {id for id in dead if rows[id].fault == PERHAPS}
    reasons = Counter(str(rows[id].fault) for id in dead)
    tell(
        f"mail on {kind}",
        messages=len(rows),
        seconds=round(seconds, 1),
        a_second=round(messages / seconds),
        workers_killed=killed,
        server_died=deaths,
        cut_after_the_words=refused["cut"],
        refused_for_now=refused["now"],
        refused_for_good=refused["good"],
        accepted=len(accepted),
        accepted_twice=sum(1 for count in accepted.values() if count > 1),
        given_up=len(dead),
        may_have_left=len(perhaps),
        of_these_accepted=len(perhaps & set(accepted)),
    )
    assert (len(rows), asked, deaths, killed) == (messages, messages, 2, 3 * WORKERS)
    assert {row.state for row in rows.values()} <= {State.DONE, State.DEAD}
    assert max(accepted.values()) == 1
    # Done is accepted, once each; what was accepted and is not done stands where a person sees it.
    done = set(rows) - dead
    assert done <= set(accepted)
    assert set(accepted) - done <= perhaps
    assert reasons[PERHAPS] < 3 * WORKERS * 2 + 2 * WORKERS * 2 + messages * 0.02
    assert set(reasons) <= {PERHAPS, "the mail server refused it for good (550)"}
    # What is over says no more to whom or what.
    assert {str(rows[id].payload) for id in done} == {"{}"}
