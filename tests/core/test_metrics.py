"""What Prometheus is told, to whom, and that it names nobody."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crm import create_app
from crm.core import db, metrics
from crm.core.access import public
from crm.core.metrics import Gauge
from crm.core.settings import BadSetting
from tests import make
from tests.conftest import settings_for

TOKEN = "a-token-of-many-letters"
ASKED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def scraped(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    (tmp_path / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    app = create_app(settings_for(tmp_path, metrics_token=TOKEN))
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


def told(app: Flask) -> str:
    answer = app.test_client().get("/metrics", headers=ASKED)
    assert answer.status_code == 200
    return answer.text


def test_it_works(scraped: Flask) -> None:
    client = scraped.test_client()
    client.get("/sign-in").get_data()
    client.get("/sign-in").get_data()
    client.get("/wp-login.php?password=hunter2").get_data()
    client.open("/sign-in", method="BREW").get_data()
    text = told(scraped)
    line = 'crm_requests_total{endpoint="accounts.sign_in",method="GET",status="2xx"} 2.0'
    assert line in text
    assert 'endpoint="none",method="GET",status="4xx"} 1.0' in text
    assert 'crm_request_seconds_count{endpoint="accounts.sign_in"}' in text
    assert "crm_database_up 1.0" in text
    assert "crm_build_info{" in text
    assert "BREW" not in text
    assert "hunter2" not in text
    assert "wp-login" not in text


def test_only_for_whom_it_is(scraped: Flask, app: Flask) -> None:
    client = scraped.test_client()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}x"}):
        assert client.get("/metrics", headers=headers).status_code == 401
    # Without the setting there is no such page.
    assert app.test_client().get("/metrics", headers=ASKED).status_code == 404
    assert (
        app.test_client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    )
    assert "Set-Cookie" not in client.get("/metrics", headers=ASKED).headers


def test_a_token_is_no_word_to_guess() -> None:
    with pytest.raises(BadSetting, match="CRM_METRICS_TOKEN") as refused:
        settings_for(Path("/tmp"), metrics_token="hunter2")  # noqa: S108
    assert "hunter2" not in str(refused.value)


def test_what_was_done_is_counted_once_it_is_kept(scraped: Flask) -> None:
    make.people()
    with pytest.raises(LookupError), db.unit_of_work():  # noqa: PT012
        make.audit.record("undone", "test", None, by=None)
        raise LookupError
    text = told(scraped)
    [number] = re.findall(r'crm_operations_total\{kind="test",verb="make"\} ([0-9.]+)', text)
    assert float(number) > 5
    assert "undone" not in text


def test_figures_of_rooms_are_read_when_asked_for(scraped: Flask) -> None:
    def broken() -> dict[tuple[str, ...], float]:
        raise RuntimeError("Ada Brook")

    metrics.add_gauge(scraped, Gauge("crm_broken", "Breaks.", broken))
    metrics.add_gauge(
        scraped, Gauge("crm_waiting", "Waits.", lambda: {("DEAD",): 3.0}, labels=("state",))
    )
    text = told(scraped)
    assert 'crm_waiting{state="DEAD"} 3.0' in text
    assert "crm_broken" not in text


def test_without_database_the_counts_are_still_told(tmp_path: Path) -> None:
    address = "postgresql://127.0.0.1:1/crm"
    app = create_app(settings_for(tmp_path, database_url=address, metrics_token=TOKEN))
    with app.app_context():
        text = told(app)
    assert "crm_database_up 0.0" in text


def test_a_file_that_breaks_off_is_counted_as_broken(scraped: Flask) -> None:
    @scraped.get("/breaks")
    @public
    def breaks() -> Iterator[bytes]:
        yield b"the beginning"
        raise RuntimeError("the end")

    with pytest.raises(RuntimeError):
        scraped.test_client().get("/breaks", buffered=True).get_data()
    assert 'endpoint="breaks",method="GET",status="broken"} 1.0' in told(scraped)


def test_no_label_is_a_number_of_a_record(
    app: Flask, sign_in: Callable[[object], FlaskClient], people: SimpleNamespace
) -> None:
    member = make.member("Ana", "Secretname", people.school_a)
    sign_in(people.leader).get(f"/members/{member.id}?q=Secretname").get_data()
    registry = app.extensions["crm_metrics"].registry
    text = metrics.generate_latest(registry).decode()
    assert 'endpoint="members.' in text
    assert "Secretname" not in text
    assert "/members" not in text
