"""Every route and who may go there, compared with the kept table beside this file.

A route that appears, goes or changes its permission shows here. When that is meant:
`CRM_WRITE_ROUTES=1 python -m pytest tests/core/test_routes.py` writes it anew; read the diff.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import AnyConverter, BaseConverter, Rule
from werkzeug.routing.converters import NumberConverter

from crm.core.access import Can, Role, access_of, requires
from tests import make

TABLE = Path(__file__).with_name("routes.txt")


def pages(app: Flask) -> Iterator[Rule]:
    """Every route that is not a file of ours or of Bootstrap."""
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.endswith("static"):
            yield rule


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def table(app: Flask) -> list[str]:
    """The lines `METHODS path permission`, sorted by path."""
    lines = []
    for rule in pages(app):
        access = access_of(app, rule.endpoint)
        word = access.name if isinstance(access, Can) else access or "REFUSED"
        lines.append((rule.rule, f"{','.join(methods(rule))} {rule.rule} {word}"))
    return [line for _, line in sorted(lines)]


def address(rule: Rule) -> str:
    """An address of the route, its variables filled in."""
    values = {name: example(converter) for name, converter in rule._converters.items()}
    built = rule.build(values, append_unknown=False)
    assert built, rule
    return built[1]


def example(converter: BaseConverter) -> object:
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    return 1 if isinstance(converter, NumberConverter) else "x"


def test_the_table_is_true(app: Flask) -> None:
    found = table(app)
    if os.environ.get("CRM_WRITE_ROUTES") == "1":
        TABLE.write_text("\n".join(found) + "\n", encoding="utf-8")
    kept = TABLE.read_text(encoding="utf-8").split("\n")[:-1]
    assert kept == found, (
        "Routes or their permissions changed. If that is meant, run "
        "CRM_WRITE_ROUTES=1 python -m pytest tests/core/test_routes.py and read the diff of "
        f"{TABLE.name}."
    )


def test_every_view_says_who_may_see_it(app: Flask) -> None:
    silent = [rule.endpoint for rule in pages(app) if access_of(app, rule.endpoint) is None]
    assert silent == []


def test_a_view_that_says_nothing_is_refused_to_everybody(
    app: Flask, people: SimpleNamespace
) -> None:
    app.add_url_rule("/silent", "silent", lambda: "seen")
    client = app.test_client()
    assert client.get("/silent").location == "/sign-in?next=/silent"
    with client.session_transaction() as session:
        session["_user_id"] = people.admin.get_id()
    assert client.get("/silent").status_code == 403


def test_a_view_is_refused_to_those_without_the_permission(
    app: Flask, people: SimpleNamespace
) -> None:
    app.add_url_rule("/users", "users", requires(Can.MANAGE_USERS)(lambda: "seen"))
    asked = [(people.admin, 200), (people.staff, 403), (people.viewer, 403), (make.user(), 403)]
    for session_id, status in [(user.get_id(), status) for user, status in asked]:
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = session_id
        assert client.get("/users").status_code == status


def test_somebody_not_signed_in_is_sent_to_the_door(app: Flask, client: FlaskClient) -> None:
    closed = [rule for rule in pages(app) if access_of(app, rule.endpoint) != "public"]
    assert closed
    for rule in closed:
        place = address(rule)
        for method in methods(rule):
            answer = client.open(place, method=method)
            if method == "GET":
                assert answer.status_code == 303, place
                assert answer.location.startswith("/sign-in?next="), place
            else:
                assert answer.status_code == 403, place


def test_somebody_without_a_role_sees_their_own_account_alone(
    app: Flask, client: FlaskClient
) -> None:
    session_id = make.user().get_id()
    with client.session_transaction() as session:
        session["_user_id"] = session_id
    for rule in pages(app):
        if access_of(app, rule.endpoint) in ("public", Can.OWN_ACCOUNT):
            continue
        for method in methods(rule):
            assert client.open(address(rule), method=method).status_code == 403, rule


@pytest.mark.parametrize("role", list(Role))
def test_everybody_has_an_account_of_their_own(app: Flask, role: Role) -> None:
    client = app.test_client()
    session_id = make.user(role).get_id()
    with client.session_transaction() as session:
        session["_user_id"] = session_id
    assert client.get("/preferences").status_code == 200
