"""The pages: signing in and out, links, preferences."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crm.accounts import operations, queries, rules
from crm.accounts.models import User
from crm.accounts.views import KEPT, NOT_KEPT
from crm.core import db, links
from tests import make
from tests.accounts.conftest import PASSWORD, with_password

NEW = "two herons at the weir"
WRONG = b"The e-mail address or the password is wrong."


def enter(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    query = {"next": more.pop("next")} if "next" in more else None
    data = {"email": email, "password": password, **more}
    return client.post("/sign-in", data=data, query_string=query)


def is_in(client: FlaskClient) -> bool:
    return client.get("/preferences").status_code == 200


def reset_path(user: User) -> str:
    token = links.sign(rules.RESET.purpose, [user.id, rules.digest(user.session_key)])
    return f"/reset/{token}"


def test_it_works(client: FlaskClient, ada: User) -> None:
    assert b"Sign in" in client.get("/sign-in").data
    answer = enter(client, ada.email)
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_in(client)
    assert client.post("/sign-out").location == "/sign-in"
    assert b"You have signed out." in client.get("/sign-in").data
    assert not is_in(client)


def test_what_was_typed_is_kept_but_the_password(client: FlaskClient, ada: User) -> None:
    answer = enter(client, ada.email, "a wrong password", keep="y")
    assert answer.status_code == 422
    assert WRONG in answer.data
    assert f'value="{ada.email}"'.encode() in answer.data
    assert b"checked" in answer.data
    assert b"a wrong password" not in answer.data


def test_the_same_page_whoever_it_is(client: FlaskClient, people: SimpleNamespace) -> None:
    with_password(people.leader)
    idle = with_password(people.viewer)
    with db.unit_of_work():
        operations.deactivate(idle, by=None)
    emails = [people.leader.email, people.viewer.email, people.member.email, "no@example.org"]
    pages = {
        enter(client, email, "wrong one").data.replace(email.encode(), b"") for email in emails
    }
    assert len(pages) == 1
    assert WRONG in pages.pop()
    assert WRONG in enter(client, emails[1]).data


@pytest.mark.parametrize("data", [{}, {"email": ""}, {"email": "a" * 300, "password": "b" * 300}])
def test_a_form_of_the_wrong_shape(client: FlaskClient, data: dict[str, str]) -> None:
    assert client.post("/sign-in", data=data).status_code == 422


@pytest.mark.parametrize("typed", ["\x00", "a\x00@example.org", "<script>", "a\r\nb@example.org"])
def test_hostile_text(client: FlaskClient, typed: str) -> None:
    answer = client.post("/sign-in", data={"email": typed, "password": typed + "\x00"})
    assert answer.status_code == 422
    assert b"<script>" not in answer.data.replace(b"<script src", b"").replace(b"<script type", b"")


@pytest.mark.parametrize(
    ("onward", "location"),
    [
        ("/preferences?a=1&b=2", "/preferences?a=1&b=2"),
        ("//there.example", "/"),
        ("/\\there.example", "/"),
        ("https://there.example/", "/"),
        ("/\t/there.example", "/"),
    ],
)
def test_where_signing_in_leads(client: FlaskClient, ada: User, onward: str, location: str) -> None:
    assert enter(client, ada.email, next=onward).location == location
    again = client.get("/sign-in", query_string={"next": onward})
    assert (again.status_code, again.location) == (303, location)


def test_the_way_back_to_the_page_that_was_asked_for(client: FlaskClient, ada: User) -> None:
    door = client.get("/preferences?from=here").location
    assert door == "/sign-in?next=/preferences?from%3Dhere"
    answer = client.post(door, data={"email": ada.email, "password": PASSWORD})
    assert answer.location == "/preferences?from=here"


def test_a_session_begun_before_does_not_go_on(client: FlaskClient, ada: User) -> None:
    email = ada.email
    with client.session_transaction() as session:
        session["planted"] = "by somebody else"
    enter(client, email)
    with client.session_transaction() as session:
        assert "planted" not in session


def test_how_long_a_session_lasts(client: FlaskClient, ada: User) -> None:
    email = ada.email
    for keep, lasts in (("y", KEPT), ("", NOT_KEPT)):
        answer = enter(client, email, keep=keep)
        assert ("Expires" in answer.headers["Set-Cookie"]) is bool(keep)
        with client.session_transaction() as session:
            session["until"] -= int((lasts - timedelta(minutes=1)).total_seconds())
        assert is_in(client)
        with client.session_transaction() as session:
            session["until"] -= 61
        assert not is_in(client)


def test_a_page_does_not_set_the_cookie_again(client: FlaskClient, ada: User) -> None:
    enter(client, ada.email, keep="y")
    client.get("/preferences")
    assert "Set-Cookie" not in client.get("/preferences").headers


def test_a_forgotten_password_without_mail(client: FlaskClient, ada: User) -> None:
    page = client.get("/forgot")
    assert b"Ask an administrator" in page.data
    assert b"<input" not in page.data
    email = ada.email
    known, unknown = (client.post("/forgot", data={"email": e}) for e in (email, "no@example.org"))
    assert known.data == unknown.data


def test_a_new_password_by_link(app: Flask, client: FlaskClient, ada: User) -> None:
    path, email = reset_path(ada), ada.email
    elsewhere = app.test_client()
    enter(elsewhere, email)
    page = client.get(path)
    assert page.status_code == 200
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "no-store"
    refused = client.post(path, data={"password": NEW, "again": "another one here"})
    assert refused.status_code == 422
    assert b"This is not the same as above." in refused.data
    answer = client.post(path, data={"password": NEW, "again": NEW})
    assert (answer.status_code, answer.location) == (303, "/")
    assert is_in(client)
    assert not is_in(elsewhere)
    used = app.test_client().get(path)
    assert used.status_code == 410
    assert b"This link works no more" in used.data
    assert client.post(path, data={"password": PASSWORD, "again": PASSWORD}).status_code == 410


def test_a_link_is_used_over_https(app: Flask, ada: User) -> None:
    """The check for forged requests wants a Referer there, and the page's policy must send one."""
    app.config["WTF_CSRF_ENABLED"] = True
    client = app.test_client()
    path, origin = reset_path(ada), "https://localhost"
    page = client.get(path, base_url=origin).get_data(as_text=True)
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    data = {"csrf_token": token, "password": NEW, "again": NEW}
    answer = client.post(path, base_url=origin, data=data, headers={"Referer": f"{origin}/"})
    assert answer.status_code == 303


def test_an_invitation(client: FlaskClient) -> None:
    with db.unit_of_work():
        user = operations.create_user(email="ada@example.org", name="Ada", by=None)
        path = operations.invitation_link(user).removeprefix("http://127.0.0.1:8000")
    page = client.get(path)
    assert b'value="Ada"' in page.data
    assert page.headers["Referrer-Policy"] == "strict-origin"
    refused = client.post(path, data={"name": "Ada <b>", "password": "short", "again": "short"})
    assert refused.status_code == 422
    assert b"Use at least 10 characters." in refused.data
    assert b"Ada &lt;b&gt;" in refused.data
    answer = client.post(path, data={"name": "Ada\nB.", "password": NEW, "again": NEW})
    assert answer.status_code == 303
    assert is_in(client)
    assert queries.find_user("ada@example.org").name == "Ada B."
    assert client.get(path).status_code == 410


@pytest.mark.parametrize(
    "path", ["/reset/x", "/welcome/x", "/reset/a.b.c", "/welcome/" + "x" * 3000]
)
def test_a_link_that_is_none(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 410
    assert client.post(path, data={"password": NEW, "again": NEW}).status_code == 410


def test_preferences(sign_in: Callable[[object], FlaskClient], people: SimpleNamespace) -> None:
    client, user_id, other_id = sign_in(people.leader), people.leader.id, people.outsider.id
    other = db.session.get(User, other_id).name
    page = client.get("/preferences").get_data(as_text=True)
    assert "Pacific/Tarawa" in page
    assert 'data-theme="system"' in page
    data = {"name": "Lee L.", "language": "en", "timezone": "Pacific/Tarawa", "theme": "dark"}
    assert client.post("/preferences", data=data).status_code == 303
    page = client.get("/preferences").get_data(as_text=True)
    assert 'data-bs-theme="dark"' in page
    assert '<option selected value="Pacific/Tarawa">' in page
    client.post(
        "/preferences", data={"name": "Lee L.", "language": "", "timezone": "", "theme": ""}
    )
    user = db.session.get(User, user_id)
    assert (user.name, user.language, user.timezone, user.theme) == ("Lee L.", None, None, None)
    assert db.session.get(User, other_id).name == other


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"timezone": "Mars/Olympus"},
        {"theme": "neon"},
        {"language": "x"},
    ],
)
def test_preferences_that_are_none(
    sign_in: Callable[[object], FlaskClient], people: SimpleNamespace, wrong: dict[str, str]
) -> None:
    client = sign_in(people.leader)
    data = {"name": "<i>Lee", "language": "", "timezone": "", "theme": "", **wrong}
    answer = client.post("/preferences", data=data)
    assert answer.status_code == 422
    assert b"<i>Lee" not in answer.data


def test_a_change_of_password(app: Flask, client: FlaskClient, ada: User) -> None:
    email = ada.email
    elsewhere = app.test_client()
    for each in (client, elsewhere):
        enter(each, email, keep="y")
    wrong = {"present": "not it at all", "password": NEW, "again": NEW}
    answer = client.post("/preferences/password", data=wrong)
    assert answer.status_code == 422
    assert b"This is not your present password." in answer.data
    assert is_in(elsewhere)
    answer = client.post("/preferences/password", data={**wrong, "present": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/preferences")
    assert is_in(client)
    assert not is_in(elsewhere)
    assert enter(elsewhere, email, NEW).status_code == 303


def test_ending_the_other_sessions(app: Flask, client: FlaskClient, ada: User) -> None:
    email = ada.email
    elsewhere = app.test_client()
    for each in (client, elsewhere):
        enter(each, email)
    assert client.post("/preferences/end-sessions").status_code == 303
    assert is_in(client)
    assert not is_in(elsewhere)


def test_a_deactivated_person_is_out_at_once(client: FlaskClient, ada: User) -> None:
    email = ada.email
    enter(client, email)
    with db.unit_of_work():
        operations.deactivate(queries.find_user(email), by=None)
    assert not is_in(client)
    assert enter(client, email).status_code == 422


def test_signing_out_with_a_session_that_has_ended(client: FlaskClient) -> None:
    assert client.post("/sign-out").status_code == 303


def test_somebody_without_a_role_has_preferences(
    app: Flask, sign_in: Callable[[object], FlaskClient]
) -> None:
    assert is_in(sign_in(make.user()))
