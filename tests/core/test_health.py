"""What starts the server and what sends people to it ask these two addresses."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from crm import create_app
from crm.core import db, health
from crm.core.health import Check
from tests.conftest import settings_for
from tests.members.test_queries import statements


def test_it_works(any_app: Flask) -> None:
    client = any_app.test_client()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.text.splitlines()[:2] == ["database ok", "disk ok"]
    assert answer.mimetype == "text/plain"


def test_asking_costs_nobody_a_thing(app: Flask, people: SimpleNamespace) -> None:
    client = app.test_client()
    app.config["THROTTLED"] = True
    with client.session_transaction() as session:
        session["_user_id"] = people.leader.get_id()
    with statements() as seen:
        answer = client.get("/healthz")
    assert [each for each in seen if "SELECT" in each] == []
    assert "Set-Cookie" not in answer.headers
    for _ in range(60):
        assert client.get("/readyz").status_code == 200
    assert "Set-Cookie" not in client.get("/readyz").headers


def test_another_version_is_not_ready(any_app: Flask) -> None:
    with db.extension.engine.begin() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        answer = any_app.test_client().get("/readyz")
        assert answer.status_code == 503
        assert "database other-version" in answer.text
    finally:
        with db.extension.engine.begin() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :old"), {"old": version}
            )


def test_no_tables_are_not_ready(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path))
    answer = app.test_client().get("/readyz")
    assert (answer.status_code, "database empty" in answer.text) == (503, True)


def test_a_database_that_is_away(tmp_path: Path) -> None:
    address = "postgresql://person:hunter2@127.0.0.1:1/crm"
    app = create_app(settings_for(tmp_path, database_url=address))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "database away" in answer.text
    for secret in ("hunter2", "127.0.0.1", "person"):
        assert secret not in answer.text


def test_what_is_lacking_is_a_word(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=10, used=9, free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)

    def raises() -> str | None:
        raise OSError("redis://:hunter2@host")

    health.add_check(app, Check("queue", raises))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert "disk full" in answer.text
    assert "queue failed" in answer.text
    assert "hunter2" not in answer.text


def test_while_stopping_nothing_is_sent_here(app: Flask, client: FlaskClient) -> None:
    health.stopping(app).set()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_page_without_database_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = "postgresql://person:hunter2@127.0.0.1:1/crm"
    client = create_app(settings_for(tmp_path, database_url=address)).test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "1.key"
    answer = client.get("/outreach")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "The database does not answer" in answer.text
    assert answer.text.count("<h1") == 1
    assert client.get("/outreach", headers={"Accept": "application/json"}).status_code == 503
    assert "Traceback" not in caplog.text
    assert "hunter2" not in answer.text + caplog.text
