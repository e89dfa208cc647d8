"""Headers, cookies, forged requests, and what a person is told when something goes wrong."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crm import create_app
from crm.core import audit, db
from crm.core.access import public
from crm.core.errors import Refused
from tests import make
from tests.conftest import settings_for


@pytest.fixture
def troubled(app: Flask) -> FlaskClient:
    """A client of an application some of whose pages go wrong."""

    @app.get("/bug")
    @app.get("/bug.json")
    @public
    def bug() -> str:
        raise RuntimeError("the secret of Ada Brook")

    @app.get("/refused")
    @public
    def refused() -> str:
        raise Refused("This is <b>not</b> done.")

    @app.post("/half")
    @public
    def half() -> str:
        db.session.add(make.User(email="half@example.org", name="Half"))
        audit.record("make", "test", None, by=None)
        db.session.flush()
        raise RuntimeError

    return app.test_client()


def test_it_works(client: FlaskClient) -> None:
    headers = client.get("/sign-in").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in headers
    secure = client.get("/sign-in", base_url="https://localhost").headers
    assert "max-age" in secure["Strict-Transport-Security"]


def test_pages_that_go_wrong_have_the_headers_too(client: FlaskClient) -> None:
    for path in ("/no-such-page", "/reset/x"):
        assert "Content-Security-Policy" in client.get(path).headers


def test_a_static_file_may_be_kept(client: FlaskClient) -> None:
    assert "no-store" not in client.get("/static/crm.css").headers["Cache-Control"]


def test_pages_have_nothing_inline(client: FlaskClient) -> None:
    for path in ("/sign-in", "/forgot", "/no-such-page"):
        page = client.get(path).get_data(as_text=True)
        assert not re.search(
            r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", page
        )


@pytest.mark.parametrize("secure", ["0", "1"])
def test_the_cookie(tmp_path: Path, secure: str) -> None:
    app = create_app(settings_for(tmp_path, secure_cookies=secure))
    cookie = app.test_client().get("/sign-in").headers["Set-Cookie"]
    assert cookie.startswith("crm_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) is (secure == "1")
    assert "Domain" not in cookie
    with app.app_context():
        db.extension.engine.dispose()


def test_a_forged_request_is_refused(app: Flask, people: SimpleNamespace) -> None:
    user_id, session_id = people.leader.id, people.leader.get_id()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = session_id
    data = {"name": "Forged", "language": "", "timezone": "", "theme": ""}
    for path in ("/preferences", "/sign-in", "/sign-out", "/preferences/end-sessions"):
        answer = client.post(path, data=data)
        assert answer.status_code == 400, path
        assert b"reload the page" in answer.data
    user = db.session.get(make.User, user_id)
    assert (user.name, user.get_id()) == ("Lee Leader", session_id)


def test_a_request_from_the_page_is_taken(app: Flask, people: SimpleNamespace) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = people.leader.get_id()
    page = client.get("/preferences").get_data(as_text=True)
    tokens = set(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page))
    assert tokens
    data = {"name": "Lee", "language": "", "timezone": "", "theme": "", "csrf_token": tokens.pop()}
    assert client.post("/preferences", data=data).status_code == 303
    other = app.test_client()
    with other.session_transaction() as session:
        session["_user_id"] = people.coordinator.get_id()
    assert other.post("/preferences", data=data).status_code == 400


def test_nothing_here(client: FlaskClient) -> None:
    answer = client.get("/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert b"There is nothing here" in answer.data
    assert b"<script>alert" not in answer.data


def test_not_for_you(sign_in: Callable[[object], FlaskClient], app: Flask) -> None:
    app.add_url_rule("/silent", "silent", lambda: "seen")
    answer = sign_in(make.user()).get("/silent")
    assert answer.status_code == 403
    assert b"You may not see this" in answer.data


def test_not_this_way(client: FlaskClient) -> None:
    answer = client.get("/sign-out")
    assert answer.status_code == 405
    assert b"That cannot be done here" in answer.data


def test_too_large(app: Flask, client: FlaskClient, people: SimpleNamespace) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = client.post("/sign-in", data={"email": "a" * 2000})
    assert answer.status_code == 413
    assert b"That upload is too large" in answer.data


def test_a_refusal(troubled: FlaskClient) -> None:
    answer = troubled.get("/refused")
    assert answer.status_code == 409
    assert b"This is &lt;b&gt;not&lt;/b&gt; done." in answer.data


def test_a_bug_has_a_number_and_no_trace(
    troubled: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = troubled.get("/bug")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    [number] = re.findall(r"the number ([0-9a-f]{12})", page)
    assert f"error {number} at endpoint" in caplog.text
    assert "in bug" in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Ada Brook" not in caplog.text.replace('raise RuntimeError("the secret of Ada', "")
    for leak in ("Traceback", "RuntimeError", "Ada Brook", "crm/"):
        assert leak not in page.replace("/static/crm", "")


def test_the_log_names_nobody(
    any_app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.kept(make.User(email="ana.example@example.org", name="Ana"))

    def twice() -> str:
        db.session.add(make.User(email="ana.example@example.org", name="Ana"))
        return str(db.session.flush())

    def late() -> str:
        db.session.add(make.User(email="ana.example@example.org", name="Ana"))
        audit.record("make", "test", None, by=None)
        return "answered, and not yet kept"

    def wrong() -> str:
        return str(int("Ana Example"))

    for view in (twice, late, wrong):
        any_app.post(f"/{view.__name__}")(public(view))
    any_app.config.update(WTF_CSRF_ENABLED=False, PROPAGATE_EXCEPTIONS=False)
    for path in ("/twice", "/late", "/wrong"):
        answer = any_app.test_client().post(path)
        assert answer.status_code == 500
        assert "Tell whoever runs this the number" in answer.get_data(as_text=True)
    # The lines of this test are in its own trace.
    logged = [line for line in caplog.text.lower().splitlines() if "email=" not in line]
    assert [line for line in logged if "ana" in line and "int(" not in line] == []
    assert "IntegrityError" in caplog.text


def test_a_bug_keeps_nothing(troubled: FlaskClient, app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    assert troubled.post("/half").status_code == 500
    assert db.session.query(make.User).filter_by(email="half@example.org").count() == 0


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/bug.json", "*/*", 500),
        ("/bug", "application/json", 500),
        ("/no-such.json", "*/*", 404),
        ("/refused", "application/json", 409),
    ],
)
def test_a_program_is_answered_in_json(
    troubled: FlaskClient, path: str, accept: str, status: int
) -> None:
    answer = troubled.get(path, headers={"Accept": accept})
    assert answer.status_code == status
    assert set(answer.get_json()) == {"error"}
    assert "Ada Brook" not in answer.get_data(as_text=True)


def test_a_browser_is_answered_with_a_page(troubled: FlaskClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert troubled.get("/no-such-page", headers={"Accept": accept}).mimetype == "text/html"


def test_an_error_on_a_person_signed_in_has_the_frame(
    sign_in: Callable[[object], FlaskClient], people: SimpleNamespace
) -> None:
    page = sign_in(people.leader).get("/no-such-page").get_data(as_text=True)
    assert 'class="side"' in page
    assert page.count("<h1") == 1


def test_a_proxy_is_believed_only_where_one_is_named(tmp_path: Path) -> None:
    for number, secure in (("0", False), ("1", True)):
        app = create_app(settings_for(tmp_path, proxies=number))
        answer = app.test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
        assert ("Strict-Transport-Security" in answer.headers) is secure
        with app.app_context():
            db.extension.engine.dispose()
