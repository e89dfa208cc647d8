"""Every page and every form is sent what no person types; none may answer with an error of ours.

A wrong value is told in a sentence (400, 404, 409, 422) or left out; it is never a 500. Runs as
administrator, whose requests reach furthest, on SQLite and PostgreSQL.
"""

from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.routing import Rule
from werkzeug.routing.converters import AnyConverter, NumberConverter

from crm.core import db
from crm.members.models import Membership
from crm.outreach.operations import log_action, record_outcome
from crm.targets.operations import add_contact_point, keep_list
from tests import make

#: No number, date, choice or text that can be kept.
HOSTILE = (
    "\x00",
    "²",
    "-1",
    "99999999999999999999",
    "9" * 5000,
    "0001-01-01",
    "9999-12-31",
    "%_'\"><script>alert(1)</script>{{7*7}}",
    "\u202e\U0001f4a3" * 5000,
)
#: What an address may be asked.
QUERY = (  # noqa: SIM905
    "q page sort since until campaign chapter channel kind area region party target outcome state "
    "chamber committee list like year standing next under back contacts show"
).split()
PATHS = ("\x00", "²", "99999999999999999999", "%FF%FE", "..", "a" * 3000, "' OR 1=1 --")


def scene() -> SimpleNamespace:
    """One of everything, so that each address leads somewhere. Values by route variable."""
    people = make.people()
    target = make.target("Niue", country="NU", region="Oceania", sub_region="Polynesia")
    other = make.legislator("Shelley", "Alder")
    member = make.member("Ana", "Brook", people.school_a)
    campaign = make.campaign(chapters=(people.state,), targets=(target, other))
    today = date(2026, 5, 1)
    with db.unit_of_work():
        action = log_action(
            channel="postcard",
            campaign_id=campaign.id,
            happened_on=date(2026, 3, 3),
            pieces=10,
            targets={target.id: 5, other.id: 5},
            members={member.id: 4},
            chapter_ids=[people.school_a.id],
            client_key="key-of-the-scene",
            by=None,
            today=today,
        )
        db.session.refresh(action, ["targets"])
        row = action.targets[0].id
        outcome = record_outcome(
            action_target_id=row, kind="refusal", received_on=today, by=None, today=today
        )
        point = add_contact_point(
            target, kind="phone", label="Office", value="1 234", by=None, today=today
        )
        kept = keep_list(name="The Pacific", target_ids=[target.id], by=None)
    values: dict[str, Any] = {
        "member_id": member.id,
        "membership_id": db.session.query(Membership).one().id,
        "target_id": target.id,
        "point_id": point.id,
        "action_id": action.id,
        "action_target_id": row,
        "outcome_id": outcome.id,
        "photo_id": 1,
        "user_id": people.viewer.id,
        "role_id": 1,
        "channel": "postcard",
        "name": "activity-by-target",
        "format": "csv",
        "token": "x",
    }
    slugs = {"campaigns": campaign.slug, "targets": kept.slug, "chapters": people.school_a.slug}
    return SimpleNamespace(admin=people.admin, values=values, slugs=slugs)


def routes(app: Flask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and not rule.endpoint.endswith("static"):
            yield rule


def address(rule: Rule, scene: SimpleNamespace) -> str:
    values = {**scene.values, "slug": scene.slugs.get(rule.rule.split("/")[1])}
    built = rule.build({name: values[name] for name in rule.arguments})
    assert built, rule
    return built[1]


def ill_addresses(rule: Rule, scene: SimpleNamespace) -> Iterator[str]:
    """The address with one of its variables put wrong."""
    good = {**scene.values, "slug": scene.slugs.get(rule.rule.split("/")[1])}
    for name, converter in rule._converters.items():
        if isinstance(converter, AnyConverter):
            continue
        for ill in PATHS:
            if isinstance(converter, NumberConverter) and not ill.isdigit():
                continue
            place = rule.rule
            for each, other in rule._converters.items():
                value = ill if each == name else str(good[each])
                written = next(
                    part for part in place.split("<") if part.split(">")[0].endswith(each)
                ).split(">")[0]
                del other
                place = place.replace(f"<{written}>", quote(value, safe="%"))
            yield place


class Fields(HTMLParser):
    """Name and value of each field of a page's forms, by the form's address."""

    def __init__(self, page: str):
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((at.get("action", "") if at.get("method") == "post" else "get", []))
        if not self.forms:
            return
        fields = self.forms[-1][1]
        if tag in ("input", "textarea") and at.get("name"):
            ticked = at.get("type") not in ("radio", "checkbox") or "checked" in at
            if ticked and at.get("type") != "file":
                fields.append((at["name"], at.get("value", "")))
        elif tag == "select":
            self.select = at.get("name", "")
            fields.append((self.select, ""))
        elif tag == "option" and "selected" in at and fields:
            fields[-1] = (self.select, at.get("value", ""))


@pytest.fixture
def place(any_app: Flask) -> SimpleNamespace:
    any_app.config["WTF_CSRF_ENABLED"] = False
    found = scene()
    client = any_app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = found.admin.get_id()
    return SimpleNamespace(app=any_app, client=client, scene=found)


def faults(answers: Iterator[tuple[str, Any]]) -> list[str]:
    return sorted({what for what, answer in answers if answer.status_code >= 500})


def test_addresses(place: SimpleNamespace) -> None:
    client: FlaskClient = place.client

    def asked() -> Iterator[tuple[str, Any]]:
        for method in ("GET", "POST"):
            for rule in routes(place.app, method):
                for ill in ill_addresses(rule, place.scene):
                    yield f"{method} {ill[:80]}", client.open(ill, method=method)

    assert faults(asked()) == []


def test_queries(place: SimpleNamespace) -> None:
    client: FlaskClient = place.client

    def asked() -> Iterator[tuple[str, Any]]:
        for rule in routes(place.app, "GET"):
            good = address(rule, place.scene)
            for ill in HOSTILE:
                answer = client.get(good, query_string=dict.fromkeys(QUERY, ill))
                yield f"{good}?*={ill[:20]!r}", answer

    assert faults(asked()) == []


def test_each_query(place: SimpleNamespace) -> None:
    client: FlaskClient = place.client
    lists = ("/", "/outreach", "/outreach/waiting", "/members", "/targets", "/campaigns",
             "/reports/activity-by-target", "/reports/activity-by-month.json", "/search",
             "/outreach/log/postcard", "/reports/activity-by-month", "/targets/find.json",
             "/reports/response-rate", "/reports/actions.csv")  # fmt: skip

    def asked() -> Iterator[tuple[str, Any]]:
        for good in lists:
            for name in QUERY:
                for ill in HOSTILE[:7]:
                    answer = client.get(good, query_string={name: ill})
                    yield f"{good}?{name}={ill[:20]!r}", answer

    assert faults(asked()) == []


def test_forms(place: SimpleNamespace) -> None:
    client: FlaskClient = place.client

    def asked() -> Iterator[tuple[str, Any]]:
        done = set()
        for rule in routes(place.app, "GET"):
            good = address(rule, place.scene)
            if rule.endpoint in ("accounts.sign_in",):
                continue
            page = client.get(good)
            if page.mimetype != "text/html":
                continue
            for action, fields in Fields(page.get_data(as_text=True)).forms:
                to = action or good
                if action == "get" or to == "/sign-out" or to in done:
                    continue
                done.add(to)
                for name in dict.fromkeys(name for name, _value in fields):
                    for ill in HOSTILE:
                        sent = MultiDict([(n, v) for n, v in fields if n != name])
                        sent.add(name, ill)
                        yield f"{to} {name}={ill[:20]!r}", client.post(to, data=sent)

    assert faults(asked()) == []
