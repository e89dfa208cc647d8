"""Meetings: planned, moved with their history kept, and who came."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from crm.core import db
from crm.core.errors import Refused
from crm.treaties import history, meeting_queries, meetings, operations
from crm.treaties.rules import Standing, Status

SignIn = Callable[[object], FlaskClient]
PLAN: dict[str, Any] = {
    "treaty": "CCM",
    "key": "2RevCon",
    "name": "Second Review Conference",
    "kind": "review conference",
    "starts_on": date(2020, 11, 23),
    "ends_on": date(2020, 11, 27),
    "place": "Lausanne",
    "source": "a letter",
}
MOVED: dict[str, Any] = {
    "starts_on": date(2020, 11, 25),
    "ends_on": date(2021, 2, 5),
    "place": "Lausanne",
    "mode": "hybrid",
    "note": "In two parts: 25–27 November 2020 and 4–5 February 2021",
    "source": "another letter",
}


def plan(**more: Any) -> int:
    with db.unit_of_work():
        return meetings.plan_meeting(**PLAN | more, by=None).id


def came(meeting_id: int) -> dict[str, str]:
    return {each.iso3: each.row.capacity for each in meeting_queries.attendance(meeting_id)}


def test_it_works(any_app: Flask) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)
    number = plan()
    with db.unit_of_work():
        meetings.move_meeting(meeting_queries.meeting(number), **MOVED, by=None)
    found = meeting_queries.meeting(number)
    assert [(row.starts_on, row.mode) for row in found.dates] == [
        (date(2020, 11, 23), "in person"),
        (date(2020, 11, 25), "hybrid"),
    ]
    [planned] = meeting_queries.meetings()
    assert (planned.dates.ends_on, planned.moved) == (date(2021, 2, 5), True)
    ids = {code: history.government(code).id for code in ("NIU", "UGA", "USA", "LTU")}
    with db.unit_of_work():
        meeting = meeting_queries.meeting(number)
        assert meetings.record_attendance(meeting, ids.values(), by=None) == 4
    # As each stood on its first day: Lithuania had not left yet.
    assert came(number) == {
        "NIU": "party", "UGA": "signatory", "USA": "observer", "LTU": "party",
    }  # fmt: skip
    with db.unit_of_work():
        meeting = meeting_queries.meeting(number)
        again = meetings.record_attendance(
            meeting, [ids["NIU"], ids["USA"]], capacity="party", source="a list", by=None
        )
        meetings.take_back_attendance(number, ids["UGA"], by=None)
    assert again == 1
    assert came(number) == {"NIU": "party", "USA": "party", "LTU": "party"}
    [(row, of)] = meeting_queries.attended_by(ids["NIU"])
    assert (row.capacity, of.meeting.key) == ("party", "2RevCon")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"treaty": "NPT"}, "treaty"),
        ({"kind": "party"}, "kind"),
        ({"key": "second one"}, "key"),
        ({"key": ""}, "key"),
        ({"mode": "by post"}, "mode"),
        ({"starts_on": date(1999, 1, 1)}, "starts_on"),
        ({"ends_on": date(2020, 11, 22)}, "ends_on"),
        ({"ends_on": date(2029, 11, 22)}, "ends_on"),
    ],
)
def test_what_cannot_be_planned(app: Flask, more: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        plan(**more)
    assert refused.value.field == field


def test_the_same_plan_twice_is_refused(app: Flask) -> None:
    number = plan()
    with pytest.raises(Refused, match="already"):
        plan()
    plan(treaty="MBT")
    dates = {name: PLAN[name] for name in ("starts_on", "ends_on", "place", "source")}
    with pytest.raises(Refused, match="planned like that already"), db.unit_of_work():
        meetings.move_meeting(meeting_queries.meeting(number), **dates, by=None)


def record(number: int, ids: list[int], capacity: str) -> None:
    with db.unit_of_work():
        meeting = meeting_queries.meeting(number)
        meetings.record_attendance(meeting, ids, capacity=capacity, by=None)


@pytest.mark.parametrize(("ids", "capacity"), [([], "party"), ([999], "party"), ([999], "guest")])
def test_nobody_and_what_is_no_state_cannot_come(app: Flask, ids: list[int], capacity: str) -> None:
    number = plan()
    with pytest.raises(Refused):
        record(number, ids, capacity)


@pytest.mark.parametrize(
    ("status", "capacity"),
    [
        (Status.PARTY, "party"),
        (Status.SIGNATORY, "signatory"),
        (Status.OUTSIDE, "observer"),
        (Status.WITHDRAWN, "observer"),
    ],
)
def test_capacity_follows_from_status(status: Status, capacity: str) -> None:
    assert meetings.capacity_of(Standing("NIU", status)) == capacity


def test_the_pages(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)
    client = sign_in(people.staff)
    assert "No meeting is entered yet" in client.get("/treaties/meetings").text
    sent = {name: str(value) for name, value in PLAN.items()} | {"mode": "in person"}
    assert client.post("/treaties/meetings/new", data=sent | {"key": "?"}).status_code == 422
    answer = client.post("/treaties/meetings/new", data=sent)
    assert answer.status_code == 303
    page = answer.location
    answer = client.post(f"{page}/move", data={name: str(value) for name, value in MOVED.items()})
    assert answer.location == page
    text = " ".join(client.get(page).text.split())
    assert "First planned" in text
    assert "<s>Nov 23, 2020 – Nov 27, 2020, Lausanne, in person</s>" in text
    assert "Nov 25, 2020 – Feb 5, 2021, Lausanne, hybrid" in text
    niue = history.government("NIU").id
    listed = {"state": str(niue), "names": "Uganda\nLITHUANIA\nKorea", "capacity": "status"}
    answer = client.post(f"{page}/attendance", data=listed)
    assert answer.status_code == 422
    assert "Some names are not clear" in answer.text
    answer = client.post(f"{page}/attendance", data=listed | {"choice:Korea": "skip"})
    assert answer.location == page
    text = " ".join(client.get(page).text.split())
    assert "2 State Party · 1 Signatory" in text
    assert client.post(f"{page}/attendance", data={"capacity": "party"}).status_code == 422
    assert "Second Review Conference" in client.get("/treaties/states/niu").text
    assert "Second Review Conference" in client.get("/treaties/cluster-munitions").text
    answer = client.post(f"{page}/attendance/{niue}/remove")
    assert answer.location == page
    assert "Niue" not in client.get(page).text
    assert client.get("/treaties/meetings/99").status_code == 404
    assert "Second Review Conference" in client.get("/treaties/meetings").text
