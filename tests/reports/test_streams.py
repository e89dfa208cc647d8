"""Files over a real server: whole or visibly broken, read from one snapshot, holding no lock."""

import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from waitress.server import create_server

from crm.core import audit, db
from crm.core.tables import CHUNK, Row
from crm.outreach.models import Action
from crm.outreach.queries import ActionFilter
from crm.reports import catalogue
from crm.reports.answering import Order, file_of
from crm.reports.catalogue import Question, reports
from crm.reports.catalogue import actions as ledger
from tests import make
from tests.reports.conftest import ids, logged
from tests.reports.test_reports import EVERYWHERE


@pytest.fixture
def work(any_app: Flask) -> SimpleNamespace:
    targets = ids(make.legislator("Ann", "Alpha"))
    campaign = make.campaign().id
    with db.unit_of_work():
        db.session.execute(
            insert(Action),
            [
                {
                    "channel": "event",
                    "campaign_id": campaign,
                    "happened_on": date(2025, 10, 7),
                    "pieces": 1,
                    "unnamed": 1,
                    "details": {},
                    "client_key": f"event-{number}",
                }
                for number in range(3 * CHUNK)
            ],
        )
        audit.record("make", "test", None, by=None)
    return SimpleNamespace(campaign=campaign, target=targets[0])


def order(format: str = "csv", report: str = "actions") -> Order:
    return Order(
        report=reports()[report],
        question=Question(wanted=ActionFilter(), viewer=EVERYWHERE),
        format=format,
        made_at=db.now(),
        made_by="Ines Admin",
        locale="en",
    )


def test_it_works(any_app: Flask, work: SimpleNamespace) -> None:
    pieces = file_of(any_app, order())
    text = next(pieces) + next(pieces)
    assert text.startswith(b"\xef\xbb\xbf")
    # In the middle of the file somebody logs more: neither waits, and the file is of one moment.
    logged("letter", work.campaign, pieces=2, targets={work.target: 2})
    whole = (text + b"".join(pieces)).decode()
    assert len(whole.splitlines()) == 1 + 3 * CHUNK
    assert "Letters" not in whole
    assert "Letters" in b"".join(file_of(any_app, order())).decode()


def test_a_file_nobody_reads_to_the_end_lets_go(any_app: Flask, work: SimpleNamespace) -> None:
    pool: Any = db.extension.engine.pool
    db.session.remove()
    before = pool.checkedout()
    pieces = file_of(any_app, order())
    next(pieces)
    assert pool.checkedout() == before + 1
    pieces.close()  # type: ignore[attr-defined]
    assert pool.checkedout() == before


@pytest.fixture
def served(app: Flask, sign_in: Callable[[object], Any], people: SimpleNamespace) -> Iterator[Any]:
    targets = ids(make.legislator("Ann", "Alpha"))
    logged("postcard", make.campaign(), pieces=30, targets={targets[0]: 30})
    client = sign_in(people.admin)
    client.get("/reports")
    cookie = client.get_cookie("crm_session")
    server = create_server(app, host="127.0.0.1", port=0, threads=2)
    stopped = threading.Event()

    def run() -> None:
        # `server.run` has no way to be told to stop.
        while not stopped.is_set():
            server.asyncore.loop(timeout=0.1, map=server._map, count=1)

    thread = threading.Thread(target=run)
    thread.start()

    def get(address: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=20)
        connection.request("GET", address, headers={"Cookie": f"crm_session={cookie.value}"})
        return connection.getresponse()

    yield get
    stopped.set()
    thread.join(5)
    server.task_dispatcher.shutdown()
    server.close()


def test_a_file_comes_over_a_real_server(served: Callable[[str], Any]) -> None:
    for format in ("csv", "xlsx", "json"):
        answer = served(f"/reports/actions.{format}")
        assert answer.status == 200
        assert len(answer.read()) > 100


def test_a_file_that_breaks_does_not_look_whole(
    served: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaking(question: Question) -> Iterator[Row]:
        for row in ledger.rows(question):
            for _again in range(20_000):
                yield row
            raise LookupError("the disk went away")

    kept = catalogue.reports()["actions"]
    broken = replace(kept, rows=breaking)
    monkeypatch.setattr("crm.reports.views.find_report", lambda _name: broken)
    answer = served("/reports/actions.csv")
    assert answer.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        answer.read()
    answer = served("/reports/actions.xlsx")
    assert answer.status == 500


#: Serves a report of endless lines, until it is killed.
_ENDLESS = """
import sys
from dataclasses import replace
from itertools import cycle

import waitress

from crm import create_app
from crm.core.settings import Settings
from crm.reports import catalogue, views

app = create_app(Settings(instance=sys.argv[1], secret_key="test", testing="1", timezone="UTC"))
kept = catalogue.reports()["actions"]
endless = replace(kept, rows=lambda asked: cycle(list(kept.rows(asked))))
views.find_report = lambda name: endless
server = waitress.create_server(app, host="127.0.0.1", port=0, threads=2)
print(server.effective_port, flush=True)
server.run()
"""


def test_a_server_killed_in_the_middle_leaves_no_file_that_looks_whole(
    app: Flask, sign_in: Callable[[object], Any], people: SimpleNamespace, tmp_path: Path
) -> None:
    targets = ids(make.legislator("Ann", "Alpha"))
    logged("postcard", make.campaign(), pieces=30, targets={targets[0]: 30})
    client = sign_in(people.admin)
    client.get("/reports")
    cookie = client.get_cookie("crm_session")
    with subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(tmp_path / "instance")],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    ) as server:  # fmt: skip
        assert server.stdout is not None
        port = int(server.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "GET", "/reports/actions.csv", headers={"Cookie": f"crm_session={cookie.value}"}
        )
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read(1_000).startswith(b"\xef\xbb\xbf")
        server.kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
