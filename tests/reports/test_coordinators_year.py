"""A coordinator's year is reported, frozen, changed and compared, on both databases."""

import json
from datetime import date
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Scope
from crm.members.disclosure import Viewer
from crm.members.models import Chapter, Member
from crm.outreach import kept
from crm.outreach import operations as outreach
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.queries import ActionFilter
from crm.reports.answering import answer
from crm.reports.catalogue import Question, reports
from crm.targets.models import Target
from tests.reports.coordinators_year import (
    ACTIONS,
    MEMBERS,
    TARGETS,
    Year,
    correct_pieces,
    make_year,
)
from tests.reports.test_any_campaign import every_report

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=False)
FROZEN = ("activity-by-target", "activity-by-campaign", "activity-by-chapter")


@pytest.fixture
def year(any_app: Flask) -> Year:
    return make_year()


def many(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def total(app: Flask, as_of: date | None = None) -> int:
    asked = Question(wanted=ActionFilter(), viewer=EVERYWHERE, as_of=as_of)
    return answer(app, reports()["activity-by-target"], asked).reckoning.sums.total


def test_it_works(any_app: Flask, year: Year) -> None:
    """Every report, by all it can be counted by; then changed, and told as of the last day."""
    assert (many(Action), many(Member), many(Target)) == (ACTIONS, MEMBERS, TARGETS)
    assert many(Chapter) == 4
    assert len(year.corrected) == len(year.undone) == 10
    assert kept.wrong() == {}
    db.rollback()
    totals = set()
    for report in every_report():
        asked = Question(wanted=ActionFilter(), viewer=EVERYWHERE)
        with any_app.test_request_context():
            found = answer(any_app, report, asked)
        assert found.rows or report.name == "data-quality", report.name
        assert found.reckoning.sums.holds, (report.name, str(found.reckoning))
        if report.name in ("actions", "activity-by-campaign", "activity-by-chapter"):
            totals.add(found.reckoning.sums.total)
    assert totals == {total(any_app)}
    # What was corrected and undone since is as it was on the day.
    undone = db.session.scalar(select(func.sum(Action.pieces)).where(Action.id.in_(year.undone)))
    before = totals.pop() - 10 * len(year.corrected) + (undone or 0)
    db.rollback()
    assert total(any_app, as_of=year.last) == before
    _frozen_and_compared(any_app, year)


def _frozen_and_compared(app: Flask, year: Year) -> None:
    frozen = pytest.importorskip("crm.reports.frozen")
    compare_all = pytest.importorskip("crm.reports.differences").compare_all
    admin = year.users["admin"]
    codes = []
    for name in FROZEN:
        with db.unit_of_work():
            g.pop("grants", None)
            by = db.session.get_one(User, admin)
            asked = frozen.ask(name, {}, viewer=Viewer.of(by))
            codes.append(frozen.freeze(asked, reason="For the board", by=by).code)
    targets, campaigns, chapters = _changed(year)
    for code, meant in zip(codes, (targets, campaigns, chapters), strict=True):
        g.pop("grants", None)
        found = frozen.frozen(code, to=db.session.get_one(User, admin))
        assert found.is_whole
        now, _reading, _at = frozen.ask_now(found)
        [difference], *_others = compare_all(found.extracts, now)
        changed = {each.key for each in difference.changed} | {key for key, _ in difference.added}
        # A key says too which of several rows of that name it is.
        assert {json.loads(key.partition("\0")[0]) for key in changed} == meant
        assert not difference.gone
        db.rollback()
    assert list(frozen.faults()) == []


def _changed(year: Year) -> tuple[set[int], set[str], set[str]]:
    """One action is corrected, one undone, one logged: the keys of lines that are others now."""
    answered = select(ActionTarget.action_id).join(Outcome)
    one, other = db.session.scalars(
        select(Action.id)
        .where(
            Action.channel == "letter",
            Action.undone_at.is_(None),
            Action.id.not_in(answered),
            Action.id.not_in(year.corrected),
            Action.id.in_(select(ActionChapter.action_id)),
        )
        .order_by(Action.id)
        .limit(2)
    )
    reached = dict(
        db.session.execute(
            select(ActionTarget.target_id, ActionTarget.action_id).where(
                ActionTarget.action_id.in_((one, other))
            )
        ).all()
    )
    first = min(target for target, action in reached.items() if action == one)
    slugs = {row.id: row.slug for row in db.session.execute(select(Chapter.id, Chapter.slug))}
    worked = db.session.execute(
        select(ActionChapter.chapter_id).where(ActionChapter.action_id.in_((one, other)))
    )
    chapters = {slugs[row[0]] for row in worked} | {slugs[year.chapters[0]]}
    campaigns = {
        action.campaign.slug
        for action in db.session.scalars(
            select(Action).where(Action.id.in_((one, other))).join(Action.campaign)
        )
        if db.session.refresh(action, ["campaign"]) is None
    }
    with db.unit_of_work():
        correct_pieces(db.session.get_one(Action, one), by=None, today=year.last, more=10)
    with db.unit_of_work():
        outreach.undo_action(db.session.get_one(Action, other), reason="Twice", by=None)
    with db.unit_of_work():
        outreach.log_action(
            channel="postcard", client_key="one-more", by=None, today=year.last,
            campaign_id=year.campaigns[0], happened_on=year.last, pieces=7,
            targets={first: 7}, members={}, chapter_ids=[year.chapters[0]],
        )  # fmt: skip
    targets = {first} | {target for target, action in reached.items() if action == other}
    return targets, campaigns | {"treaty-postcards"}, chapters
