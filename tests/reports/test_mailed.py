"""Reports by mail: what was asked, reckoned with the reader's rights, of days that move."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import delete, select

from crm.core import audit, db, outbox
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members.models import ChapterRole
from crm.outreach.models import Action
from crm.outreach.operations import log_action
from crm.reports import mailed
from crm.reports.catalogue import reports
from crm.reports.models import ReportSubscription
from crm.reports.subscriptions import Every, Period, days_of, subscribe, unsubscribe
from tests import make
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("period", "on", "since", "until"),
    [
        ("week", date(2026, 3, 2), "2026-02-23", "2026-03-01"),
        ("week", date(2026, 3, 5), "2026-02-23", "2026-03-01"),
        ("month", date(2026, 3, 1), "2026-02-01", "2026-02-28"),
        ("month", date(2026, 1, 31), "2025-12-01", "2025-12-31"),
        ("school-year", date(2026, 3, 1), "2025-07-01", "2026-02-28"),
        ("school-year", date(2026, 7, 1), "2025-07-01", "2026-06-30"),
        ("school-year", date(2026, 7, 2), "2026-07-01", "2026-07-01"),
        ("last-term", date(2026, 3, 2), "2025-07-01", "2025-12-31"),
        ("this-term", date(2026, 3, 2), "2026-01-01", "2026-03-01"),
        ("last-quarter", date(2026, 4, 1), "2026-01-01", "2026-03-31"),
    ],
)
def test_periods_move(period: str, on: date, since: str, until: str) -> None:
    assert days_of(period, on) == {"since": since, "until": until}
    assert days_of("all", on) == {"until": days_of("school-year", on)["until"]}


def ask(by: Any, report: str = "activity-by-target", **more: Any) -> ReportSubscription:
    given = {"given": {}, "every": "month", "period": "month"} | more
    with db.unit_of_work():
        return subscribe(report=report, by=by, **given)


def test_asked_once_for_each_filter_and_period(any_app: Flask) -> None:
    people = make.people()
    first = ask(people.leader).id
    assert ask(people.leader, every="week").id == first
    assert ask(people.leader, period="week").id != first
    assert ask(people.leader, given={"since": "2026-01-01", "channel": "letter"}).query == (
        "channel=letter&period=month"
    )
    with pytest.raises(Refused):
        ask(people.leader, given={"campaign": "nowhere"})
    with pytest.raises(Refused):
        ask(make.user(), period="week")
    with db.unit_of_work():
        unsubscribe(first, by=db.session.merge(people.leader))
    assert first not in db.session.scalars(select(ReportSubscription.id)).all()


@pytest.fixture
def there(mailing_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.target = make.legislator("Shelley", "Alder").id
    people.ana = make.member("Ana", "Secretname", people.school_a).id
    people.campaign = make.campaign("Postcards", chapters=(people.state,)).id
    with db.unit_of_work():
        log_action(
            channel="postcard", campaign_id=people.campaign, happened_on=date(2026, 2, 10),
            targets={people.target: 155}, chapter_ids=[people.school_a.id],
            members={people.ana: 155}, pieces=155, client_key="mailed-1", by=None, today=MONDAY,
        )  # fmt: skip
    assert db.session.query(Action).count() == 1
    return people


def tell(every: str, on: date) -> None:
    with db.unit_of_work():
        mailed.ask(every, on)
    g.pop("grants", None)


def test_it_says_what_the_page_says(there: SimpleNamespace, letterbox: SimpleNamespace) -> None:
    ask(there.leader, given={"channel": "postcard"})
    tell(Every.WEEK, MONDAY)
    tell(Every.MONTH, MONDAY)
    _sender, [to], message = letterbox.next()
    assert to == there.leader.email
    text = message.get_body(("plain",)).get_content()
    assert "Postcard" in text
    assert "Feb 1, 2026" in text
    assert "Shelley Alder" in text
    assert "155" in text
    assert "since=2026-02-01" in text.replace("=\n", "")
    assert message["Subject"] == f"{reports()['activity-by-target'].title}: last month"
    # The same occurrence once more says nothing.
    tell(Every.MONTH, MONDAY)
    outbox.drain()
    assert letterbox.box.received.empty()
    assert db.session.scalar(select(ReportSubscription.last_on)) == MONDAY


def test_a_term_that_goes_on_is_compared_as_on_its_page(there: SimpleNamespace) -> None:
    """Up to the day before, with the same days of the term before and not the days just before."""
    kept = ask(there.leader, given={"compare": "before"}, period="this-term")
    told = mailed.message_of(reports()["activity-by-target"], kept, there.leader, MONDAY)
    assert (
        "Note",
        "This period is not over: Jan 1, 2026 – Mar 1, 2026 is compared with the same days of the "
        "term before, Jul 1, 2025 – Aug 29, 2025.",
    ) in told["facts"]
    assert "period=this-term" in told["link"]


@pytest.mark.parametrize("name", sorted(reports()))
def test_no_report_names_a_member(
    there: SimpleNamespace, letterbox: SimpleNamespace, name: str
) -> None:
    ask(there.staff, report=name)
    tell(Every.MONTH, MONDAY)
    _sender, _to, message = letterbox.next()
    assert "Secretname" not in str(message)
    assert "Ana" not in message.get_body(("plain",)).get_content()


def test_who_lost_the_right_gets_nothing(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    ask(there.leader)
    with db.unit_of_work():
        db.session.execute(delete(ChapterRole).where(ChapterRole.user_id == there.leader.id))
        audit.record("make", "test", None, by=None)
    tell(Every.MONTH, MONDAY)
    outbox.drain()
    assert letterbox.box.received.empty()
    assert db.session.scalars(select(ReportSubscription)).all() == []
    ended = db.session.scalars(
        select(AuditEntry).where(AuditEntry.verb == "stop_report_mail")
    ).one()
    assert ended.reason


def test_a_filter_that_is_gone_is_said(there: SimpleNamespace, letterbox: SimpleNamespace) -> None:
    ask(there.leader, given={"campaign": "postcards"})
    with db.unit_of_work():
        db.session.scalars(select(ReportSubscription)).one().query = "campaign=gone&period=month"
        audit.record("make", "test", None, by=None)
    tell(Every.MONTH, MONDAY)
    text = letterbox.next()[2].get_body(("plain",)).get_content()
    assert "could not be reckoned" in text


def test_the_rate_is_in_a_mailed_response_rate(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    ask(there.leader, "response-rate")
    tell(Every.MONTH, MONDAY)
    text = letterbox.next()[2].get_body(("plain",)).get_content()
    assert "Answer rate" in text


def test_what_its_reader_does_not_see_is_said(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    ask(there.leader, "service-hours")
    tell(Every.MONTH, MONDAY)
    text = letterbox.next()[2].get_body(("plain",)).get_content()
    assert "one chapter whose members you see" in " ".join(text.split())


def test_pages(app: Flask, people: SimpleNamespace, sign_in: Any) -> None:
    browser = sign_in(people.leader)
    page = browser.get("/reports/activity-by-target?channel=letter").get_data(as_text=True)
    assert "Mail it to me" in page
    sent = browser.post(
        "/reports/activity-by-target/mail?channel=letter",
        data={"every": "week", "period": "week"},
        follow_redirects=True,
    ).get_data(as_text=True)
    assert "will be mailed to you" in sent
    assert "Every Monday" in sent
    kept = db.session.scalars(select(ReportSubscription)).one()
    assert (kept.query, kept.every) == ("channel=letter&period=week", Period.WEEK)
    assert "Mailed to you" in browser.get("/reports").get_data(as_text=True)
    assert sign_in(people.staff).post(f"/reports/mailed/{kept.id}/stop").status_code == 404
    stopped = browser.post(f"/reports/mailed/{kept.id}/stop", follow_redirects=True)
    assert "mailed to you no more" in stopped.get_data(as_text=True)
    bad = browser.post("/reports/activity-by-target/mail", data={}, follow_redirects=True)
    assert "Choose how often" in bad.get_data(as_text=True)
