"""The scans of reports whose answers of whole months are kept (`outreach.kept_months`).

Each says of a filter what its rows are, by a key; the reports put words to it. They are those that
made a person wait at a million actions and that no sum can keep.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import Flask
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.outreach import kept_months
from crm.outreach.channels import awaited_names, per_piece_names
from crm.outreach.kept_months import Monthly, Told, add, latest
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget
from crm.outreach.parts import Part, columns_of, told_apart
from crm.outreach.queries import ActionFilter, counted
from crm.reports.dimensions import ASK, REGION

#: The outreach that the reports of governments tell of.
GOVERNMENTS = ActionFilter(kind="government")


def day_of(text: str | None) -> date | None:
    """A day as it is kept."""
    return date.fromisoformat(text) if text else None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def of_reached(value: Any, wanted: ActionFilter, parts: Sequence[Part], *of: Any) -> Select[Any]:
    """A value of what reached targets, told apart by parts: these first, it last."""
    apart = columns_of(ActionTarget, parts)
    rows = select(*apart, value).select_from(ActionTarget).where(*of, *wanted.of_targets())
    rows = rows.group_by(*(each.name for each in apart))
    told: Select[Any] = told_apart(rows, ActionTarget, parts, wanted)
    return told


def _tally(wanted: ActionFilter) -> Told:
    once = counted(wanted)
    rows = db.session.execute(
        select(once.c.channel, func.sum(once.c.pieces), func.count()).group_by(once.c.channel)
    )
    return {(channel,): (int(pieces), actions) for channel, pieces, actions in rows}


#: Pieces and acts, each counted once, and actions; by channel.
TALLY = Monthly(name="tally", scan=_tally, joins=(add, add), kept_for=(GOVERNMENTS,))


def _acts_of_targets(wanted: ActionFilter) -> Told:
    several = (
        select((func.sum(ActionTarget.pieces) - func.max(ActionTarget.pieces)).label("more"))
        .where(ActionTarget.channel.not_in(per_piece_names()), *wanted.of_targets())
        .group_by(ActionTarget.action_id)
        .having(func.count() > 1)
        .subquery()
    )
    acts, more = db.session.execute(select(func.count(), func.sum(several.c.more))).one()
    return {(): (acts, int(more or 0))}


#: Acts that reached several of the targets asked for, and what they repeat.
ACTS_OF_TARGETS = Monthly(
    name="acts of targets", scan=_acts_of_targets, joins=(add, add), kept_for=(GOVERNMENTS,)
)


def _actions_of_regions(wanted: ActionFilter) -> Told:
    actions = func.count(ActionTarget.action_id.distinct())
    rows = db.session.execute(of_reached(actions, wanted, [REGION]))
    return {(key,): (many,) for key, many in rows}


#: Actions by the region of whom they reached, each once there.
ACTIONS_OF_REGIONS = Monthly(
    name="actions of regions", scan=_actions_of_regions, joins=(add,), kept_for=(GOVERNMENTS,)
)


def sums_of(part: Part, wanted: ActionFilter) -> Told:
    """Pieces and acts by a part, each counted once there, actions and their latest day."""
    once = counted(wanted, part)
    key = once.c[part.label]
    rows = db.session.execute(
        select(key, func.sum(once.c.pieces), func.count(), func.max(once.c.happened_on)).group_by(
            key
        )
    )
    return {(key,): (int(pieces), actions, _text(last)) for key, pieces, actions, last in rows}


SUMS_OF_ASKS = Monthly(name="sums of asks", scan=partial(sums_of, ASK), joins=(add, add, latest))


def _awaited_of_asks(wanted: ActionFilter) -> Told:
    is_awaited = ActionTarget.channel.in_(awaited_names())
    rows = db.session.execute(of_reached(func.sum(ActionTarget.pieces), wanted, [ASK], is_awaited))
    return {(key,): (int(pieces),) for key, pieces in rows}


#: The pieces that an answer is waited for, by ask.
AWAITED_OF_ASKS = Monthly(name="awaited of asks", scan=_awaited_of_asks, joins=(add,))


def _members(wanted: ActionFilter) -> Told:
    # By an expression: in the order of members' own index each would lead to actions all over the
    # table, which took five times as long at a million.
    of_each = ActionMember.member_id + literal_column("0")
    rows = db.session.execute(
        select(
            of_each,
            func.sum(ActionMember.pieces),
            func.count(),
            func.sum(ActionMember.minutes),
            func.max(Action.happened_on),
        )
        .join(Action, Action.id == ActionMember.action_id)
        .where(*wanted.of_actions(), *wanted.few(ActionMember.action_id))
        .group_by(of_each)
    )
    return {
        (member_id,): (int(pieces), actions, int(minutes) if minutes is not None else None,
                       _text(last))
        for member_id, pieces, actions, minutes, last in rows
    }  # fmt: skip


#: What each member took part in: pieces, actions, minutes and the latest day.
MEMBERS = Monthly(name="members", scan=_members, joins=(add, add, add, latest))


def _acts_of_members(wanted: ActionFilter) -> Told:
    several = (
        select(
            (func.sum(ActionMember.pieces) + Action.unnamed - Action.pieces).label("more"),
        )
        .select_from(ActionMember)
        .join(Action, Action.id == ActionMember.action_id)
        .where(
            Action.channel.not_in(per_piece_names()),
            *wanted.of_actions(),
            *wanted.few(ActionMember.action_id),
        )
        .group_by(Action.id, Action.unnamed, Action.pieces)
        .having(func.sum(ActionMember.pieces) + Action.unnamed > Action.pieces)
        .subquery()
    )
    acts, more = db.session.execute(select(func.count(), func.sum(several.c.more))).one()
    return {(): (acts, int(more or 0))}


#: Acts that several named members took part in, and what they repeat.
ACTS_OF_MEMBERS = Monthly(name="acts of members", scan=_acts_of_members, joins=(add, add))


def _contacts(wanted: ActionFilter) -> Told:
    reached = (
        select(
            ActionTarget.target_id,
            func.count().label("actions"),
            func.max(ActionTarget.happened_on).label("last"),
        )
        .where(*wanted.of_targets())
        .group_by(ActionTarget.target_id)
        .subquery()
    )
    that_day = aliased(ActionTarget)
    rows = db.session.execute(
        select(
            reached.c.target_id, reached.c.actions, reached.c.last, that_day.action_id,
            that_day.channel,
        )
        .join(
            that_day,
            (that_day.target_id == reached.c.target_id) & (that_day.happened_on == reached.c.last),
        )
        .where(*wanted.of_targets(that_day))
    )  # fmt: skip
    told: dict[tuple[Any, ...], Any] = {}
    for target_id, actions, last, action_id, channel in rows:
        newest = f"{last.isoformat()} {action_id:012} {channel}"
        before = told.get((target_id,))
        told[target_id,] = (actions, newest if before is None else max(before[1], newest))
    return told


#: By target how often it was reached, and its last contact: day, action and channel, as one text
#: that sorts so. Of several on that day the last logged.
CONTACTS = Monthly(name="contacts", scan=_contacts, joins=(add, latest))


def _chapters_of_targets(wanted: ActionFilter) -> Told:
    # An alias: the filter's own conditions speak of `ActionChapter` by themselves.
    did = aliased(ActionChapter)
    rows = db.session.execute(
        select(ActionTarget.target_id, did.chapter_id)
        .join(did, did.action_id == ActionTarget.action_id)
        .where(*wanted.of_targets())
        .distinct()
    )
    return dict.fromkeys(rows, ())


#: Targets with the chapters that acted towards them.
CHAPTERS_OF_TARGETS = Monthly(name="chapters of targets", scan=_chapters_of_targets, joins=())


def init_app(app: Flask) -> None:
    """Have their answers kept."""
    kept_months.offer(
        app, TALLY, ACTS_OF_TARGETS, ACTIONS_OF_REGIONS, SUMS_OF_ASKS, AWAITED_OF_ASKS, MEMBERS,
        ACTS_OF_MEMBERS, CONTACTS, CHAPTERS_OF_TARGETS,
    )  # fmt: skip
