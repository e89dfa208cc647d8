"""The pages of lists by rule, of progress, and of a list handed on or frozen."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import db
from crm.core.access import Role
from crm.targets import list_operations, operations, queries
from crm.targets.models import Body, Target, TargetList
from tests import make

HERE = Path(__file__).parent / "data" / "congress"
SignIn = Callable[[object], FlaskClient]

HOUSE = {"rule-0-kind": "chamber", "rule-0-chamber": "us/house"}


@pytest.fixture
def congress(app: Flask) -> None:
    with db.unit_of_work():
        operations.import_congress(str(HERE), by=None, today=date(2026, 11, 23))
        operations.import_governments(by=None)


def rule_list(name: str = "House", as_of: date | None = None, **condition: Any) -> str:
    condition = condition or {"kind": "chamber", "chamber": "us/house"}
    with db.unit_of_work():
        return list_operations.keep_rule_list(
            name=name, as_of=as_of, rule={"kind": "all", "of": [condition]}, by=None
        ).slug


def test_it_works(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    new = "/targets/lists/new/rule"
    page = client.get(new).text
    assert "No condition yet" in page
    assert "Were not contacted for some days" in page
    # Conditions come one by one, by buttons that save nothing.
    answer = client.post(new, data={"name": "House", "add": "1", "kind": "chamber"})
    assert (answer.status_code, 'name="rule-0-chamber"' in answer.text) == (200, True)
    assert "fill this in" not in answer.text
    committee = db.session.scalars(select(Body.id).where(Body.name == "House Committee on Ink"))
    sent = {
        "name": "House, inked",
        **HOUSE,
        "rule-1-kind": "committee",
        "rule-1-committee": str(committee.first()),
        "rule-2-kind": "untouched",
        "rule-2-days": "90",
    }
    page = client.post(new, data=sent | {"show": "1"}).text
    assert "without contact in 90 days" in page
    assert "Ada Brook" in page
    page = client.post(new, data=sent | {"drop": "1"}).text
    assert "House Committee on Ink" not in page.split("Targets that")[0]
    assert 'name="rule-1-days"' in page
    answer = client.post(new, data=sent | {"save": "1"})
    assert (answer.status_code, answer.location) == (303, "/targets/lists/house-inked")
    page = client.get(answer.location).text
    assert "By rule" in page
    assert "on the House Committee on Ink, without contact in 90 days" in page
    assert "1–1 of 1" in page
    assert "looked after by Cory Coordinator" in page
    assert "untouched" in page
    listed = client.get("/targets/lists").text
    assert "each day" in listed
    assert "without contact in 90 days" in listed


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "A rule needs at least one condition."),
        ({"rule-0-kind": "chamber", "rule-0-chamber": ""}, "Chamber or body: fill this in."),
        ({"rule-0-kind": "chamber", "rule-0-chamber": "us/moon"}, "not there any more"),
        ({"rule-0-kind": "untouched", "rule-0-days": "²"}, "give a whole number"),
        ({"rule-0-kind": "list", "rule-0-is": "on", "rule-0-list": "1\x00"}, "cannot be kept"),
        ({**HOUSE, "name": ""}, "Fill this in."),
        ({**HOUSE, "as_of": "soon"}, "Not a valid date value."),
        ({**HOUSE, "name": "Taken"}, "of this name already"),
    ],
)
def test_a_rule_that_is_not_kept(
    people: SimpleNamespace,
    sign_in: SignIn,
    congress: None,
    more: dict[str, str],
    sentence: str,
) -> None:
    rule_list("Taken")
    answer = sign_in(people.coordinator).post(
        "/targets/lists/new/rule", data={"name": "Mine", "save": "1"} | more
    )
    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert db.session.query(TargetList).count() == 1


def test_a_filter_becomes_a_rule(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    fixed = client.get("/targets/lists/new?chamber=us/house&state=WV&party=Republican").text
    assert "/targets/lists/new/rule?chamber=us/house&amp;state=WV&amp;party=Republican" in fixed
    page = client.get("/targets/lists/new/rule?chamber=us/house&state=WV&party=Republican").text
    assert 'name="rule-2-party"' in page
    assert "for West Virginia, party Republican" in page
    assert client.get("/targets/lists/new/rule?committee=9999&list=77&kind=x").status_code == 200


def test_the_day_is_chosen_on_the_page(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    slug = rule_list()
    client = sign_in(people.member)
    assert "1–4 of 4" in client.get(f"/targets/lists/{slug}").text
    page = client.get(f"/targets/lists/{slug}?on=1990-01-01").text
    assert "Nobody fits the rule on this day" in page
    assert "on Jan 1, 1990" in page
    assert client.get(f"/targets/lists/{slug}?on=soon").status_code == 200
    assert client.get(f"/targets/lists/{slug}?campaign=none&since=x").status_code == 200


def test_a_rule_is_changed(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    slug = rule_list()
    client = sign_in(people.coordinator)
    where = f"/targets/lists/{slug}/rule"
    assert 'value="us/house" selected' in client.get(where).text
    sent = {"name": "Senate", "rule-0-kind": "chamber", "rule-0-chamber": "us/senate"}
    assert client.post(where, data=sent | {"save": "1"}).status_code == 303
    kept = queries.target_list(slug)
    assert (kept.name, kept.rule["of"]) == (
        "Senate",
        [{"kind": "chamber", "chamber": "us/senate"}],
    )
    assert sign_in(people.leader).get(where).status_code == 403
    with db.unit_of_work():
        ids = [db.session.scalars(select(Target.id)).first() or 0]
        fixed = list_operations.keep_list(name="Fixed", target_ids=ids, by=None).slug
    assert client.get(f"/targets/lists/{fixed}/rule").status_code == 409


def test_kept_as_it_is_on_a_day(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    slug = rule_list()
    client = sign_in(people.coordinator)
    page = client.get(f"/targets/lists/{slug}?on=2026-04-01").text
    assert 'value="House, Apr 1, 2026"' in page
    where = f"/targets/lists/{slug}/freeze"
    sent = {"name": "House, Apr 1, 2026", "on": "2026-04-01"}
    answer = client.post(where, data=sent)
    assert answer.location == "/targets/lists/house-apr-1-2026"
    page = client.get(answer.location).text
    assert "as of Apr 1, 2026" in page
    assert "Targets in the" in page
    assert "Put more on the list" in page
    for more, sentence in (
        ({}, "of this name already"),
        ({"on": "no day"}, "Not a valid date value."),
        ({"name": "Then", "on": "1990-01-01"}, "Nobody is on this list on that day."),
    ):
        answer = client.post(where, data=sent | more)
        assert (answer.status_code, sentence in answer.text) == (422, True)


def test_a_list_is_handed_on(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    slug = rule_list()
    client = sign_in(people.coordinator)
    form = client.get(f"/targets/lists/{slug}/edit").text
    assert "Lee Leader" in form
    assert "Sol Staff" in form
    # Whoever has no part in the coordinator's chapters is not named.
    assert "Otto Outsider" not in form
    sent = {"name": "House", "owner_id": str(people.leader.id), "as_of": "2026-04-01"}
    assert client.post(f"/targets/lists/{slug}/edit", data=sent).status_code == 303
    kept = queries.target_list(slug)
    assert (kept.owner_id, kept.as_of) == (people.leader.id, date(2026, 4, 1))
    sent["owner_id"] = str(people.outsider.id)
    assert client.post(f"/targets/lists/{slug}/edit", data=sent).status_code == 422


def test_a_rule_that_names_what_is_gone(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    first = rule_list("First")
    number = str(queries.target_list(first).id)
    second = rule_list("Second", kind="list", **{"is": "on", "list": number})
    assert client.post(f"/targets/lists/{first}/remove").status_code == 303
    page = client.get(f"/targets/lists/{second}")
    assert (page.status_code, "not there any more" in page.text) == (200, True)
    for address in ("/targets/lists", f"/targets/lists/{second}/rule",
                    f"/targets/lists/{second}.csv", "/outreach?list=second"):  # fmt: skip
        assert client.get(address).status_code == 200
    assert client.post(f"/targets/lists/{second}/freeze",
                       data={"name": "A", "on": "2026-01-01"}).status_code == 422  # fmt: skip


def test_the_file_of_a_list(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    slug = rule_list()
    client = sign_in(people.coordinator)
    answer = client.get(f"/targets/lists/{slug}.csv?on=2026-11-01")
    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0].endswith(
        "Target,Kind,Office,State or region,Party,Actions,Last contact,Answered on,Moved on"
    )
    assert len(lines) == 5
    assert any(line.startswith("Ada Brook,Legislator,") for line in lines)
    assert client.get(f"/targets/lists/{slug}.xlsx").status_code == 200
    assert client.get(f"/targets/lists/{slug}.pdf").status_code == 404
    assert sign_in(people.leader).get(f"/targets/lists/{slug}.csv").status_code == 403


def test_everything_that_takes_a_list_takes_one_by_rule(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    slug = rule_list()
    number = queries.target_list(slug).id
    campaign = make.campaign("Cards", chapters=(people.school_a,)).slug
    client = sign_in(people.coordinator)
    assert "1–4 of 4" in client.get(f"/targets?list={number}").text
    answer = client.post(f"/campaigns/{campaign}/targets?list={number}", data={"all": "1"})
    assert answer.status_code == 303
    page = client.get("/outreach/log/postcard").text
    assert "House (by rule)" in page
    sent = {
        "client_key": "a-key-of-its-own",
        "campaign": campaign,
        "happened_on": "2026-03-03",
        "chapters": str(people.school_a.id),
        "pieces": "30",
        "aim": "list",
        "target_list": slug,
        "spread": "evenly",
    }
    answer = client.post("/outreach/log/postcard", data=sent)
    assert answer.status_code == 303
    page = client.get(f"/targets/lists/{slug}?campaign={campaign}").text
    assert "4 of 4" in page
    assert "House" in client.get(f"/reports/activity-by-target?list={slug}").text
    governments = rule_list("All states", kind="kind", **{"is": "government"})
    report = client.get(f"/reports/activity-by-target.csv?list={governments}")
    assert len(report.get_data(as_text=True).splitlines()) == 1
    assert len(client.get(
        f"/reports/activity-by-target.csv?list={slug}"
    ).get_data(as_text=True).splitlines()) == 5  # fmt: skip


def test_pages_cost_few_statements(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    slugs = [rule_list(f"House {place}") for place in range(9)]
    client = sign_in(make.user(Role.STAFF, people.state))
    statements: list[str] = []
    engine = db.extension.engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for address in (
        "/targets/lists",
        f"/targets/lists/{slugs[0]}",
        f"/targets/lists/{slugs[0]}/rule",
        f"/targets/lists/{slugs[0]}/edit",
        f"/reports/activity-by-target?list={slugs[0]}",
    ):
        statements.clear()
        assert client.get(address).status_code == 200
        assert len(statements) <= 15, address + "\n".join(statements)


def test_who_may_not(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    slug = rule_list()
    leader = sign_in(people.leader)
    for address in (f"/targets/lists/{slug}/freeze", f"/targets/lists/{slug}/rule",
                    "/targets/lists/new/rule"):  # fmt: skip
        assert leader.post(address).status_code == 403
    page = leader.get(f"/targets/lists/{slug}").text
    assert "Keep it as it is on a day" not in page
    assert "Change the rule" not in page
    assert leader.get("/targets/lists/none.csv").status_code == 403
    assert sign_in(people.coordinator).get("/targets/lists/none.csv").status_code == 404
