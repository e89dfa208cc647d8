"""The demo: loads on both databases, once, the same each time, and names nobody who exists."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.campaigns import queries as campaigns
from crm.campaigns.models import Position
from crm.core import db, i18n, mail, outbox
from crm.core.access import Can, Role, may
from crm.core.errors import Refused
from crm.core.mail_models import IncomingMail
from crm.core.outbox import Outgoing, State
from crm.core.settings import in_force
from crm.demo import Demo, load_demo
from crm.demo_data import council, people, year
from crm.demo_mail import add_mail
from crm.mailings.models import Mailing, MemberLetter, MemberLetterRow, Posting
from crm.members.disclosure import Viewer
from crm.members.models import Chapter, Member, Membership
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionMember, ActionTarget, Outcome
from crm.outreach.queries import ActionFilter, total
from crm.reports.answering import answer
from crm.reports.catalogue import Question, reports
from crm.targets.models import Target, TargetIdentifier
from tests import make

TODAY = date(2026, 11, 23)
PASSWORD = "three old lanterns"
#: The last is what a pack logged.
ACTIONS = len(year.DEEDS) + len(council.STEPS) + 1


def load(today: date = TODAY) -> Demo:
    with db.unit_of_work():
        return load_demo(password=PASSWORD, today=today)


def told() -> list[Any]:
    """What two loads must agree on."""
    actions = db.session.execute(
        select(
            Action.client_key, Action.happened_on, Action.pieces, Action.unnamed, Action.note
        ).order_by(Action.client_key)
    ).all()
    outcomes = db.session.execute(
        select(Action.client_key, Target.name, Outcome.kind, Outcome.received_on)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .join(Action, Action.id == ActionTarget.action_id)
        .join(Target, Target.id == ActionTarget.target_id)
        .order_by(Action.client_key, Target.name)
    ).all()
    parts = db.session.execute(
        select(Action.client_key, Member.search, ActionMember.pieces)
        .join(Action, Action.id == ActionMember.action_id)
        .join(Member, Member.id == ActionMember.member_id)
        .order_by(Action.client_key, Member.search, Member.id)
    ).all()
    return [tuple(row) for rows in (actions, outcomes, parts) for row in rows]


def test_it_works(any_app: Flask) -> None:
    demo = load()
    assert [email for email, _role in demo.people] == [
        "admin@example.org", "staff@example.org", "coordinator@example.org",
        "leader@example.org", "member@example.org", "viewer@example.org",
    ]  # fmt: skip
    assert (demo.members, demo.actions) == (len(people.MEMBERS), ACTIONS)
    assert 38 <= demo.members <= 45
    assert 60 <= demo.actions <= 80
    assert demo.outcomes == db.session.scalar(select(func.count(Outcome.id)))
    assert demo.outcomes > 30
    with db.unit_of_work():
        user = accounts.sign_in(email="leader@example.org", password=PASSWORD)
        hollow = db.session.scalars(
            select(Chapter.id).where(Chapter.name == "Hollowbrook High School")
        ).one()
        assert may(user, Can.LOG_OUTREACH, hollow)


def test_it_is_alive(any_app: Flask) -> None:
    load()
    mines, cluster = (
        db.session.scalars(campaigns.campaigns().where(campaigns.Campaign.name == name)).one()
        for name in (year.MINES, year.CLUSTER)
    )
    assert len(campaigns.target_ids(mines.id)) == 4
    names = db.session.scalars(
        select(TargetIdentifier.identifier).where(
            TargetIdentifier.target_id.in_(campaigns.target_ids(cluster.id)),
            TargetIdentifier.scheme == "iso3166",
        )
    )
    assert sorted(names) == sorted(year.PACIFIC_OUTSIDE)
    cards = total(ActionFilter(campaign_id=mines.id, channel="postcard"))
    meetings = total(ActionFilter(campaign_id=mines.id, channel="meeting"))
    letters = total(ActionFilter(campaign_id=cluster.id, channel="letter"))
    assert 100 < cards < 150
    assert meetings == 3
    assert 60 < letters < 120
    used = set(db.session.scalars(select(Action.channel).distinct()))
    assert used == set(channels())
    waiting = select(func.count(ActionTarget.id)).where(ActionTarget.awaiting)
    assert (db.session.scalar(waiting) or 0) > 20
    assert db.session.scalar(select(func.count(Action.id)).where(Action.unnamed > 0))


def test_it_refuses_a_database_with_data(any_app: Flask) -> None:
    load()
    before = told()
    with pytest.raises(Refused, match="holds data already"):
        load()
    assert told() == before


def test_one_row_is_data(any_app: Flask) -> None:
    make.user(Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="holds data already"):
        load()


def test_targets_alone_are_no_data(any_app: Flask) -> None:
    make.target("Atlantis")
    assert load().actions == ACTIONS


def test_a_bad_password_keeps_nothing(any_app: Flask) -> None:
    with pytest.raises(Refused), db.unit_of_work():
        load_demo(password="short", today=TODAY)
    assert db.session.scalar(select(func.count(User.id))) == 0


def test_it_is_the_same_each_time(app: Flask, tmp_path: Any, sqlite_template: Any) -> None:
    load()
    first = told()
    again = tmp_path / "again"
    again.mkdir()
    with make_another(again, sqlite_template).app_context():
        load()
        assert told() == first
        db.session.remove()
        db.extension.engine.dispose()


def make_another(folder: Any, template: Any) -> Flask:
    import shutil

    from crm import create_app
    from tests.conftest import settings_for

    shutil.copy(template, folder / "crm.sqlite3")
    return create_app(settings_for(folder))


def test_nobody_outside(any_app: Flask) -> None:
    load()
    for column in (User.email, Member.email):
        addresses = db.session.scalars(select(column).where(column.is_not(None)))
        assert all(address.endswith("@example.org") for address in addresses)
    # What a pack logs says so by its campaign: nobody types a note for it.
    notes = select(Action.note).where(Action.origin != "pack")
    for texts in (notes, select(Outcome.summary)):
        assert all(str(each).startswith("Demo data") for each in db.session.scalars(texts))
    real = (
        select(Outcome.kind)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(Target.name != council.COUNCIL)
    )
    kinds = set(db.session.scalars(real.distinct()))
    stands = select(Target.name).join(Position, Position.target_id == Target.id).distinct()
    # What would put a position or a promise into a real official's mouth.
    assert db.session.scalars(stands).all() == [council.COUNCIL]
    assert not kinds & {"commitment", "position_change", "public_statement", "refusal",
                        "substantive_reply", "treaty_step"}  # fmt: skip


ODD_DAYS = [
    date(2027, 1, 1),
    date(2027, 7, 4),
    date(2028, 2, 29),
    date(2026, 8, 1),
    date(2027, 8, 20),
    date(2026, 12, 31),
]


@pytest.mark.parametrize("today", [TODAY, *ODD_DAYS])
def test_the_days_are_fresh_and_leave_the_holidays_out(today: date) -> None:
    days = year.days_for(len(year.DEEDS), today)
    assert len(days) == len(year.DEEDS)
    assert days == sorted(days)
    assert days[-1] == today
    assert days[0] >= today - timedelta(days=364)
    fresh = [day for day in days if day > today - timedelta(days=10)]
    assert len(fresh) >= 5
    assert all(year.is_school_day(day) for day in days if day not in fresh)


def test_a_campaign_says_how_far_it_is(app: Flask, sign_in: Callable[[Any], FlaskClient]) -> None:
    load(i18n.today())
    user = db.session.scalars(select(User).where(User.email == "coordinator@example.org")).one()
    page = sign_in(user).get("/campaigns/mine-ban-treaty-postcards-to-congress").text
    assert "148 of 150 by " in page
    assert ": 2 to go, " in page
    assert "3 of 4 by " in page


def test_every_report_has_something_to_say(app: Flask) -> None:
    load()
    admin = db.session.scalars(select(User).where(User.email == "admin@example.org")).one()
    for report in reports().values():
        question = Question(wanted=ActionFilter(), viewer=Viewer.of(admin))
        told = answer(app, report, question)
        assert told.rows, report.name
        assert told.reckoning.sums.holds, report.name


@pytest.mark.parametrize("today", ODD_DAYS[2:4])
def test_it_loads_on_any_day(app: Flask, today: date) -> None:
    load(today)
    assert db.session.scalar(select(func.max(Action.happened_on))) == today
    assert db.session.scalar(select(func.max(Outcome.received_on))) <= today
    early = select(ActionMember.id).join(Action, Action.id == ActionMember.action_id)
    early = early.join(Membership, Membership.member_id == ActionMember.member_id)
    gone = (Membership.joined_on > Action.happened_on) | (Membership.left_on < Action.happened_on)
    assert not db.session.scalars(early.where(gone)).all()


def test_progress_is_told(app: Flask) -> None:
    seen: list[tuple[int, int]] = []
    with db.unit_of_work():
        load_demo(password=PASSWORD, today=TODAY, progress=lambda *at: seen.append(at))
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _of in seen] == sorted(done for done, _of in seen)


def test_mail_of_the_demo_is_read_and_never_sent(any_app: Flask) -> None:
    with mail.quiet():
        load()
    with db.unit_of_work():
        add_mail(today=TODAY)
    assert db.session.scalar(select(func.count()).select_from(MemberLetter)) == 0

    any_app.extensions["crm_settings"] = replace(in_force(), mail="preview")
    with db.unit_of_work():
        add_mail(today=TODAY)
    letter = db.session.scalars(select(MemberLetter)).one()
    reply = db.session.scalars(select(IncomingMail)).one()
    assert (reply.kind, reply.state, reply.told) == ("reply", "waiting", None)
    posted = select(Mailing.code).join(Posting, Posting.mailing_id == Mailing.id)
    assert reply.code.replace("-", "") in db.session.scalars(posted).all()
    outbox.drain()
    left = db.session.scalars(select(Outgoing).where(Outgoing.job == "mail")).all()
    assert {each.state for each in left} == {State.DONE}
    assert {"digest", "letter", "reply_came"} <= {each.about for each in left}
    rows = db.session.scalars(
        select(MemberLetterRow.state).where(MemberLetterRow.letter_id == letter.id)
    ).all()
    # Two a minute; what became of them is looked at with the next step.
    assert set(rows) == {"to-send", "queued", "withheld"}
