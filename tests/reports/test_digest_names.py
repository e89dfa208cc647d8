"""What somebody typed about an answer goes into mailboxes without the names of who took part."""

from datetime import date

from flask import Flask, g
from sqlalchemy import delete, select

from crm.core import audit, db
from crm.members.models import ChapterRole
from crm.outreach.models import ActionTarget
from crm.outreach.operations import log_action, record_outcome
from crm.reports import digest
from crm.tasks.models import Task
from tests import make

MONDAY = date(2026, 3, 2)
DAY = date(2026, 2, 24)


def test_a_promise_names_no_member(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Secretname", people.school_a).id
    target, campaign = make.target("Senator Rivera"), make.campaign()
    with db.unit_of_work():
        action = log_action(
            channel="postcard", happened_on=DAY, targets={target.id: 1}, campaign_id=campaign.id,
            chapter_ids=[people.school_a.id], members={ana: 1}, pieces=1, by=None, today=DAY,
            client_key="k",
        )  # fmt: skip
        action_id = action.id
    with db.unit_of_work():
        row = db.session.scalars(
            select(ActionTarget.id).where(ActionTarget.action_id == action_id)
        ).one()
        record_outcome(
            action_target_id=row, kind="commitment", received_on=DAY,
            summary="Promised Ana Secretname to sign", by=None, today=DAY,
        )  # fmt: skip
    said = " ".join(str(each.lines) for each in digest.of_staff(digest.Week(MONDAY)))
    assert "Promised a member to sign" in said
    assert "Secretname" not in said


def test_of_a_chapter_one_leads_no_more_nobody_is_named(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Secretname", people.school_a).id
    make.kept(
        Task(
            title="Write", chapter_id=people.school_a.id, member_id=ana,
            leader_id=people.leader.id, due_on=DAY,
        )
    )  # fmt: skip
    week = digest.Week(MONDAY)
    user = db.session.merge(people.leader)
    assert any(part.lines for part in digest.of_leader(user, week))
    with db.unit_of_work():
        theirs = ChapterRole.user_id == people.leader.id
        db.session.execute(delete(ChapterRole).where(theirs))
        audit.record("make", "test", None, by=None)
    make.kept(ChapterRole(user_id=user.id, role="leader", chapter_id=people.school_b.id))
    g.pop("grants", None)
    g.pop("known_members", None)
    user = db.session.merge(people.leader)
    assert not any(part.lines for part in digest.of_leader(user, week))
