"""A line a request, and nobody's data in any of them."""

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crm.core import logs
from crm.core.access import public
from crm.core.settings import Settings

HOSTILE = "Secretname\nadmin\x1b[31m hunter2@example.org"


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[SimpleNamespace]:
    """What a process would write, as text or JSON, from the debug level on."""
    handler = logs.ErrorOutput()
    handler.setFormatter(logs.Text())
    root, ours = logging.getLogger(), logging.getLogger("crm")
    level = ours.level
    root.addHandler(handler)
    ours.setLevel("DEBUG")

    yield SimpleNamespace(read=lambda: capsys.readouterr().err, form=handler.setFormatter)
    ours.setLevel(level)
    root.removeHandler(handler)


def test_it_works(client: FlaskClient, log: SimpleNamespace) -> None:
    client.get("/sign-in?next=/members").get_data()
    [line] = log.read().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info request request=[0-9a-f]{12} method=GET "
        r"endpoint=accounts\.sign_in status=200 ms=[0-9.]+",
        line,
    )


def test_as_json(app: Flask, people: SimpleNamespace, log: SimpleNamespace) -> None:
    log.form(logs.Json())
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = people.leader.get_id()
    client.get("/preferences").get_data()
    told = json.loads(log.read().splitlines()[-1])
    assert told["endpoint"] == "accounts.preferences"
    assert (told["status"], told["level"], told["user"]) == (200, "info", people.leader.id)
    assert set(told) == {
        "time", "level", "logger", "message", "request", "method", "endpoint", "status", "ms",
        "user",
    }  # fmt: skip


def test_no_line_holds_what_people_are_or_typed(
    app: Flask, client: FlaskClient, people: SimpleNamespace, log: SimpleNamespace
) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = people.coordinator.get_id()
    headers = {"User-Agent": HOSTILE.replace("\n", " "), "X-Forwarded-For": "203.0.113.9"}
    paths = ("/members", "/search", "/outreach", "/reset/Secretname-token", "/Secretname")
    for path in paths:
        client.get(path, query_string={"q": HOSTILE}, headers=headers).get_data()
    client.post(
        "/sign-in", data={"email": HOSTILE, "password": HOSTILE}, headers=headers
    ).get_data()
    client.post("/outreach/log/postcard", data={"note": HOSTILE, "pieces": HOSTILE}).get_data()
    client.post("/members/new", data={"given_name": HOSTILE, "family_name": HOSTILE}).get_data()
    told = log.read()
    assert len(told.splitlines()) == len(paths) + 3
    for secret in ("Secretname", "hunter2", "203.0.113.9", "127.0.0.1", "\x1b", "/members", "q="):
        assert secret not in told, secret


def test_errors_are_told_by_where_and_with_the_number_on_the_page(
    app: Flask, log: SimpleNamespace
) -> None:
    def wrong() -> str:
        return str(int("Secret" + "name"))

    app.get("/wrong")(public(wrong))
    app.config["PROPAGATE_EXCEPTIONS"] = False
    page = app.test_client().get("/wrong").text
    [number] = re.findall(r"the number ([0-9a-f]{12})", page)
    told = log.read()
    assert f"error {number} at endpoint wrong" in told
    assert f"warning request request={number}" in told
    assert "ValueError" in told
    assert "Secretname" not in told


def test_other_loggers_tell_no_values_either(log: SimpleNamespace) -> None:
    logs_of_server = logging.getLogger("waitress")
    try:
        raise ValueError("Secret" + "name")
    except ValueError:
        logs_of_server.exception("Exception while serving /reset/Secretname")
        logging.getLogger("huey").exception("Unhandled exception in task %s.", "1a2b")
    told = log.read()
    assert "Exception while serving a request" in told
    assert "Unhandled exception in task 1a2b" in told
    assert "ValueError" in told
    assert "Secretname" not in told


def test_what_asks_all_the_time_is_told_at_debug(client: FlaskClient, log: SimpleNamespace) -> None:
    for path in ("/healthz", "/readyz", "/static/crm.css"):
        client.get(path).get_data()
    assert {line.split()[1] for line in log.read().splitlines()} == {"debug"}


def test_a_log_nobody_reads_stops_nothing(
    client: FlaskClient, log: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    assert client.get("/sign-in").status_code == 200


@pytest.mark.parametrize(("form", "kind"), [("text", logs.Text), ("json", logs.Json)])
def test_a_process_says_how_it_logs(form: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    root, ours = logging.getLogger(), logging.getLogger("crm")
    before, levels = root.handlers[:], (root.level, ours.level)
    try:
        logs.configure(Settings(log=form, log_level="error"))
        [handler] = root.handlers
        assert isinstance(handler.formatter, kind)
        assert ours.level == logging.ERROR
    finally:
        root.handlers[:] = before
        root.setLevel(levels[0])
        ours.setLevel(levels[1])
