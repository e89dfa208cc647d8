"""How outreach follows two that are made one, so that no piece is lost or counted twice."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, exists, select, update

from crm.core import db
from crm.core.merging import AFTERWARDS, EXACT, WAYS, Merging, lead_to
from crm.members import merging as members
from crm.outreach.channels import per_piece_names
from crm.outreach.models import Action, ActionTarget, Outcome


def _reached(work: Merging, column: Column[Any]) -> None:
    """What reached both in one action is one: pieces add up, an act is the same act.

    Answers go along; it waits on only while neither has answered. How far the asking is, and that
    it was closed, the kept one's row says.
    """
    table, journal = column.table, work.journal
    there = db.session.execute(
        table.select().where(
            column == work.kept_id,
            table.c.action_id.in_(
                table.select().with_only_columns(table.c.action_id).where(column == work.merged_id)
            ),
        )
    ).mappings()
    kept = {row["action_id"]: dict(row) for row in there}
    answered = set(
        db.session.scalars(
            select(ActionTarget.action_id)
            .join(Outcome, Outcome.action_target_id == ActionTarget.id)
            .where(ActionTarget.target_id == work.merged_id, ActionTarget.action_id.in_(list(kept)))
        )
    )
    for action_id, row in kept.items():
        other = journal.rows(table, action_id=action_id, target_id=work.merged_id)[0]
        pieces = max(row["pieces"], other["pieces"])
        if row["channel"] in per_piece_names():
            pieces = row["pieces"] + other["pieces"]
        lead_to(journal, table, other["id"], row["id"])
        journal.delete(table, other)
        journal.update(
            table,
            row,
            pieces=pieces,
            awaiting=row["awaiting"] and action_id not in answered,
            term_id=row["term_id"] or other["term_id"],
        )
    journal.move(column, work.merged_id, work.kept_id)


def _settle(kept_id: int, merged_id: int) -> None:
    """Nothing waits that was answered while the two were one."""
    answered = exists().where(Outcome.action_target_id == ActionTarget.id)
    db.session.execute(
        update(ActionTarget)
        .where(
            ActionTarget.target_id.in_((kept_id, merged_id)),
            ActionTarget.awaiting.is_(True),
            answered,
        )
        .values(awaiting=False),
        execution_options={"synchronize_session": False},
    )


def _took_part(work: Merging, column: Column[Any]) -> None:
    """Who took part twice in one action did both parts: pieces and minutes add up.

    In an act, of which there is one, both are the same part: the longer one counts.
    """
    table, journal = column.table, work.journal
    there = {row["action_id"]: row for row in journal.rows(table, member_id=work.kept_id)}
    both = [
        (there[other["action_id"]], other)
        for other in journal.rows(table, member_id=work.merged_id)
        if other["action_id"] in there
    ]
    of_action = select(Action.id, Action.channel).where(
        Action.id.in_([row["action_id"] for row, _other in both])
    )
    channels = {row.id: row.channel for row in db.session.execute(of_action)}
    for row, other in both:
        adds = channels[row["action_id"]] in per_piece_names()
        minutes = [each["minutes"] for each in (row, other) if each["minutes"] is not None]
        together = sum(minutes) if adds else max(minutes, default=0)
        journal.delete(table, other)
        journal.update(
            table,
            row,
            pieces=row["pieces"] + other["pieces"] if adds else max(row["pieces"], other["pieces"]),
            minutes=together if minutes else None,
            role=row["role"] or other["role"],
        )
    journal.move(column, work.merged_id, work.kept_id)


WAYS["action_target.target_id"] = _reached
WAYS["action_member.member_id"] = _took_part
EXACT["action_member"] = _l(
    "Outreach in which both took part was corrected or undone since, and cannot be parted."
)
members.MOVES["action_member.member_id"] = _l("Outreach they took part in")
members.MOVES["outcome.member_id"] = _l("Answers that came to them")
EXACT["action_target"] = _l(
    "Outreach that came together was corrected or undone since, and cannot be parted."
)
AFTERWARDS["target"].append(_settle)
