"""Answers of a whole class ticked on one screen, saved at once; and what to do about the rest.

Every answer is an outcome of its own, with the member it came to: 6 of 20 letters answered are six.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flask_babel import gettext as _
from sqlalchemy import exists, insert, select, update

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.outreach import rules, waits, window_rules
from crm.outreach.channels import awaited_names, channels
from crm.outreach.models import Action, ActionTarget, Outcome
from crm.outreach.operations import drop_outcomes, refuse_recorder, refuse_unknown_senders
from crm.outreach.outcome_kinds import OutcomeKind, outcome_kinds
from crm.outreach.windows import windows

#: Answers one save may record.
MOST = 2_000


class Rest(StrEnum):
    """What becomes of the targets nobody ticked."""

    #: Nothing yet: the asking goes its course.
    NOTHING_YET = "nothing-yet"
    #: Still waiting: ask again in so many days.
    LATER = "later"
    #: Nothing, and nobody waits any longer.
    CLOSE = "close"


@dataclass(frozen=True)
class Reply:
    """Something that came from one target: to a member, or to so many nobody is named for."""

    action_target_id: int
    kind: str
    received_on: date
    member_id: int | None = None
    count: int = 1


def tickable_kinds() -> list[OutcomeKind]:
    """Kinds a tick may be. Of what came back undeliverable the address is asked, on its own page.

    The form reply first: it is what most ticks are.
    """
    found = [kind for kind in outcome_kinds().values() if not kind.fails_address]
    return sorted(found, key=lambda kind: kind.name != "form_reply")


def record_replies(
    *,
    action_id: int,
    replies: Sequence[Reply],
    shown: Collection[int],
    rest: Rest,
    days: int | None = None,
    key: str,
    by: User | None,
    today: date,
) -> int:
    """Keep what came, and say what is done about the others of `shown` (rows); how many were kept.

    Sent again with the same `key`, nothing is kept again. What somebody else has ticked already,
    to the same member, of the same kind and day, is there once.
    """
    db.take_turn(key)
    action, rows = _locked(action_id, {*shown, *(each.action_target_id for each in replies)})
    refuse_recorder(action_id, by)
    if rest is Rest.LATER and (days is None or not 1 <= days <= window_rules.MOST):
        raise Refused(_("Give days from 1 to %(most)s.", most=window_rules.MOST), "days")
    _check(action, rows, replies, today)
    new = _unknown(replies, rows, key)
    if new:
        refuse_unknown_senders({each.member_id for each, _k in new if each.member_id is not None})
        _insert(new, by)
    answered = {each.action_target_id for each in replies}
    for row_id in answered:
        rows[row_id].awaiting = False
    left = [row for row in rows.values() if row.id not in answered and row.awaiting]
    if left:
        again = windows().again
        for row in left:
            waits.take(row, _then(waits.wait_of(row), rest, today, again, days))
    db.session.flush()
    kept = [each for each, _key in new]
    audit.record(
        "record_replies",
        "action",
        action_id,
        by=by,
        changes={
            "targets": _counted((rows[each.action_target_id].target_id, each) for each in kept),
            "members": _counted(
                (each.member_id, each) for each in kept if each.member_id is not None
            ),
            "kinds": _counted((each.kind, each) for each in kept),
            "received_on": sorted({each.received_on.isoformat() for each in kept}),
            "rest": rest.value if left else None,
            "silent": sorted(row.target_id for row in left),
        },
    )
    return sum(each.count for each in kept)


def withdraw_replies(*, action_id: int, key: str, by: User | None) -> int:
    """Take back what one save recorded; how many. What has no other answer waits again."""
    db.take_turn(key)
    _action, rows = _locked(action_id, None)
    refuse_recorder(action_id, by)
    found = db.session.execute(
        select(Outcome.id, Outcome.action_target_id).where(
            Outcome.action_target_id.in_(rows), Outcome.client_key.startswith(f"{key}:")
        )
    ).all()
    if not found:
        return 0
    ids = [row.id for row in found]
    targets = {row_id: str(row.target_id) for row_id, row in rows.items()}
    touched = {row.action_target_id for row in found}
    drop_outcomes(ids)
    db.session.execute(
        update(ActionTarget)
        .where(
            ActionTarget.id.in_(touched),
            ActionTarget.closed_on.is_(None),
            ActionTarget.channel.in_(awaited_names()),
            ~exists().where(Outcome.action_target_id == ActionTarget.id),
        )
        .values(awaiting=True),
        execution_options={"synchronize_session": False},
    )
    db.session.flush()
    db.session.expire_all()
    gone = Counter(targets[row.action_target_id] for row in found)
    audit.record("withdraw_replies", "action", action_id, by=by, changes={"targets": dict(gone)})
    return len(ids)


def _locked(
    action_id: int, row_ids: Collection[int] | None
) -> tuple[Action, dict[int, ActionTarget]]:
    """The action, kept from others until the end, and its rows by id (all of them without ids)."""
    found = select(Action).where(Action.id == action_id).with_for_update()
    action = db.session.scalars(found.execution_options(populate_existing=True)).one()
    wanted = select(ActionTarget).where(ActionTarget.action_id == action_id)
    rows = {
        row.id: row
        for row in db.session.scalars(wanted.execution_options(populate_existing=True))
        if row_ids is None or row.id in row_ids
    }
    if row_ids is not None and set(row_ids) - set(rows):
        raise Refused(_("This was corrected or undone meanwhile. Open the page anew."))
    return action, rows


def _then(
    wait: window_rules.Wait, rest: Rest, today: date, again: int, days: int | None
) -> window_rules.Wait:
    if rest is Rest.CLOSE:
        return window_rules.closed(wait, today, window_rules.NO_ANSWER)
    if rest is Rest.LATER:
        return window_rules.later(wait, today, days or again)
    return window_rules.nothing_yet(wait, today, again)


def _check(
    action: Action, rows: Mapping[int, ActionTarget], replies: Sequence[Reply], today: date
) -> None:
    """Refuse what cannot have come: of a kind or day there is not, or more than was sent."""
    known = {kind.name for kind in tickable_kinds()}
    many: Counter[int] = Counter()
    for each in replies:
        row = rows[each.action_target_id]
        if each.kind not in known:
            raise Refused(_("Choose what came back."), "kind")
        if each.count < 1:
            raise Refused(_("Give a whole number."), "count")
        rules.check_answer_day(each.received_on, row.happened_on, today)
        many[row.id] += each.count
    per_piece = channels()[action.channel].per_piece
    for row_id, count in many.items():
        if per_piece and count > rows[row_id].pieces:
            raise Refused(
                _(
                    "%(count)s answers are given where %(pieces)s were sent.",
                    count=count,
                    pieces=rows[row_id].pieces,
                ),
                "count",
            )
    if sum(many.values()) > MOST:
        raise Refused(_("Save at most %(most)s answers at once.", most=MOST), "count")


def _unknown(
    replies: Sequence[Reply], rows: Mapping[int, ActionTarget], key: str
) -> list[tuple[Reply, str]]:
    """The replies that are not kept yet, each with its key: one statement."""
    there = db.session.execute(
        select(
            Outcome.action_target_id,
            Outcome.member_id,
            Outcome.kind,
            Outcome.received_on,
            Outcome.client_key,
        ).where(Outcome.action_target_id.in_(rows))
    ).all()
    keys = {row.client_key for row in there}
    ticked = {tuple(row[:4]) for row in there if row.member_id is not None}
    found = []
    for each in replies:
        own = f"{key}:{each.action_target_id}:{each.member_id or 0}"
        same = (each.action_target_id, each.member_id, each.kind, each.received_on)
        if f"{own}:0" not in keys and same not in ticked:
            found.append((each, own))
    return found


def _insert(new: Iterable[tuple[Reply, str]], by: User | None) -> None:
    now = db.now()
    values = [
        {
            "action_target_id": each.action_target_id,
            "kind": each.kind,
            "received_on": each.received_on,
            "member_id": each.member_id,
            "client_key": f"{own}:{place}",
            "recorded_by_id": by.id if by else None,
            "recorded_at": now,
        }
        for each, own in new
        for place in range(each.count)
    ]
    db.session.execute(insert(Outcome), values)


def _counted(pairs: Iterable[tuple[int | str | None, Reply]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for what, each in pairs:
        found[str(what)] += each.count
    return dict(found)
