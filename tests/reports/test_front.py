"""The front page of each role: what it tells, where its numbers lead, and what it asks."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from html import unescape
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select, true

from crm.campaigns.models import Ask, Position
from crm.core import db
from crm.core.i18n import today
from crm.outreach.list_progress import moved, totals
from crm.outreach.queries import ActionFilter
from crm.reports import front_numbers, funnel
from crm.reports.rules import month_back
from crm.targets.models import Term
from crm.tasks.models import Task
from tests import make
from tests.reports.conftest import logged

SignIn = Callable[[object], FlaskClient]
ROLES = ("admin", "staff", "coordinator", "leader", "viewer")


def text_of(page: str) -> str:
    main = page[page.index("<main") :]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())


def fill(people: SimpleNamespace) -> SimpleNamespace:
    """30 cards of school A, an act of both schools, an answer, a task late, a target that moved."""
    day = today()
    campaign = make.campaign()
    ask = db.session.scalars(select(Ask.id)).one()
    ada, bea = make.legislator("Ada", "Brook"), make.legislator("Bea", "Crane", district="1")
    member = make.member("Ana", chapter=people.school_a)
    terms = dict(db.session.execute(select(Term.target_id, Term.id)).all())
    logged("postcard", campaign, targets={ada.id: 20, bea.id: 10}, pieces=30, on=day,
           members={member.id: 3}, chapters=[people.school_a.id],
           outcomes=[(ada.id, "form_reply", day)], terms=terms)  # fmt: skip
    logged("meeting", campaign, targets=[ada.id], on=day - timedelta(days=60),
           chapters=[people.school_a.id, people.school_b.id], terms=terms)  # fmt: skip
    make.kept(
        Position(target_id=ada.id, ask_id=ask, support=0, confidence="sure",
                 seen_on=day - timedelta(days=90)),
        Position(target_id=ada.id, ask_id=ask, support=1, confidence="sure",
                 seen_on=day - timedelta(days=10)),
    )  # fmt: skip
    make.kept(
        Task(
            title="Write 9 cards",
            chapter_id=people.school_a.id,
            campaign_id=campaign.id,
            member_id=member.id,
            leader_id=people.leader.id,
            channel="postcard",
            pieces=9,
            due_on=day - timedelta(days=2),
        )
    )
    return SimpleNamespace(campaign=campaign, ada=ada.id, slug=campaign.slug)


@pytest.fixture
def filled(app: Flask, people: SimpleNamespace) -> SimpleNamespace:
    return fill(people)


def test_it_works(filled: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    page = text_of(client.get("/").text)
    for words in (
        "This month so far: 30 postcards.", "Pieces and acts 30", "Targets reached 2",
        "Answers received 1", "Handed out: 9. Posted or done: 31.", "Moved: 1 target.",
        "The last 12 months",
    ):  # fmt: skip
        assert words in page, words


def test_the_steps_lead_to_the_same_numbers(
    filled: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.coordinator)
    page = client.get("/").text
    steps = page[page.index('class="funnel-steps"') :]
    links = re.findall(r'<a href="([^"]+)">([\d,]+)</a>', steps[:3000])
    found = {text: unescape(address) for address, text in links}
    assert set(found) == {"9", "31", "1"}
    behind = text_of(client.get(found["9"].partition("#")[0]).text)
    assert "Together 0 9 31 1" in behind
    assert "Who moved 1 target" in behind
    assert "Ada Brook" in behind
    report = client.get(found["31"]).text
    assert "31" in report[report.rindex("<tfoot") :].partition("</tfoot>")[0]
    since = month_back(today(), 11).isoformat()
    answers = client.get(f"/reports/answers?outcome=answered&since={since}").text
    assert "1 outcome was recorded." in text_of(answers)


def test_staff_see_the_whole(
    filled: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = sign_in(people.staff).get("/").text
    for words in (
        'aria-label="West Virginia: reached 31 times"', "What is stale", "Chapters that did most",
        "Outreach by channel over the last 12 months",
    ):  # fmt: skip
        assert words in page, words


def test_a_leader_sees_their_chapter_alone(
    filled: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = sign_in(people.leader).get("/")
    told = text_of(page.text)
    for words in (
        "Members who took part 1",
        "Tasks overdue 1",
        "What comes next All tasks Write 9 cards",
    ):
        assert words in told, words
    logged("postcard", filled.campaign, targets={filled.ada: 500}, pieces=500, on=today(),
           chapters=[people.school_b.id])  # fmt: skip
    told = text_of(sign_in(people.leader).get("/").text)
    assert "Pieces and acts 30 +30" in told


@pytest.mark.parametrize("role", ROLES)
def test_it_asks_at_most_sixteen_times_whatever_there_is(
    role: str, filled: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(getattr(people, role))
    asked: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    client.get("/")
    asked.clear()
    assert client.get("/").status_code == 200
    before = [each for each in asked if not each.startswith(("BEGIN", "PRAGMA"))]
    assert len(before) <= 16, before
    for number in range(3):
        logged("letter", filled.campaign, targets={filled.ada: number + 1}, pieces=number + 1,
               on=today() - timedelta(days=40 * number), chapters=[people.school_a.id])  # fmt: skip
    asked.clear()
    client.get("/")
    after = [each for each in asked if not each.startswith(("BEGIN", "PRAGMA"))]
    assert len(after) <= len(before)


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_database_is_a_beginning(
    role: str, app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = sign_in(getattr(people, role)).get("/")
    assert page.status_code == 200
    assert "Three steps, and the first report is there." in text_of(page.text)
    assert sign_in(people.viewer).get("/funnel").status_code == 200


def test_what_moved_is_what_a_list_says(any_app: Flask) -> None:
    people = make.people()
    scene = fill(people)
    day = today()
    first = month_back(day, 11)
    wanted = ActionFilter(since=first, until=day)
    rows = moved(wanted)
    count = db.session.scalar(select(func.count()).select_from(rows))
    assert count == totals(true(), wanted).moved == 1
    # Before anybody had contacted them it is nobody's move.
    recent = ActionFilter(since=day, until=day)
    assert db.session.scalar(select(func.count()).select_from(moved(recent))) == 0
    whole = front_numbers.whole(first, day)
    lines = funnel.by_campaign(first, day)
    assert whole.funnel(31) == funnel.of_lines(lines, 1)
    assert [(line.slug, *line[2:]) for line in lines] == [(scene.slug, 0, 9, 31, 1)]


def test_joint_work_of_several_chapters_counts_once(any_app: Flask) -> None:
    people = make.people()
    fill(people)
    first = month_back(today(), 11)
    for ids, pieces in (
        (None, 31), ([people.school_a.id], 31), ([people.school_b.id], 1),
        ([people.school_a.id, people.school_b.id], 31), ([], 0),
    ):  # fmt: skip
        assert sum(each.pieces for each in front_numbers.months(first, ids)) == pieces
    assert front_numbers.months(date.max, None) == []
