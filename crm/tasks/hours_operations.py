"""Signing for hours of service, and taking a signature back.

A supervisor signs for the minutes they saw: whoever changed them meanwhile makes them look again.
Nobody signs for their own.
"""

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import NoResultFound

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members import keys
from crm.members.models import Member
from crm.members.queries import visible_members
from crm.tasks.hours import Line, State, Year, key_of, lines_of, sums
from crm.tasks.models import HoursSigned

#: Members one form signs for.
MOST_MEMBERS = 500


def sign_hours(
    *, member_id: int, seen: Mapping[str, int] | None = None, year: Year, by: User | None
) -> int:
    """Sign for lines of a member's school year; returns for how many.

    `seen` maps the keys of lines to the minutes that were read there; None signs for all that
    nobody has signed for. What is signed already, as it is, stays as it was signed.
    """
    _lock([member_id], by)
    lines = {each.key: each for each in lines_of([member_id], year)[member_id]}
    if seen is None:
        wanted = [each for each in lines.values() if each.minutes]
    else:
        if not seen:
            raise Refused(_("Tick the lines you sign for."))
        if any(key not in lines or lines[key].minutes != seen[key] for key in seen):
            raise Refused(_changed_meanwhile())
        wanted = [lines[key] for key in seen]
    return _sign({member_id: wanted}, year, by)


def sign_all(
    *, seen: Mapping[int, int], chapter_ids: Collection[int], year: Year, by: User | None
) -> int:
    """Sign for all that nobody signed for of several members in the work of some chapters.

    `seen` maps each member to the minutes that stood there as unsigned. Returns for how many lines.
    """
    if not seen:
        raise Refused(_("Tick whom you sign for."))
    if len(seen) > MOST_MEMBERS:
        raise Refused(_("At most %(most)s at once: tick fewer.", most=MOST_MEMBERS))
    _lock(seen, by)
    found = lines_of(seen, year, chapter_ids=chapter_ids)
    if any(sums(found[member]).unsigned != minutes for member, minutes in seen.items()):
        raise Refused(_changed_meanwhile())
    return _sign(
        {member: [each for each in lines if each.minutes] for member, lines in found.items()},
        year,
        by,
    )


def unsign_hours(
    *, member_id: int, keys: Collection[str], year: Year, reason: str | None, by: User | None
) -> int:
    """Take signatures back, for a reason that is kept; returns how many."""
    _lock([member_id], by)
    if not (reason or "").strip():
        raise Refused(_("Say why the signature is taken back."), "reason")
    rows = db.session.scalars(select(HoursSigned).where(HoursSigned.member_id == member_id))
    gone = {key_of(row): row for row in rows if key_of(row) in keys}
    if not gone:
        raise Refused(_("Tick the lines whose signature you take back."))
    db.session.execute(
        delete(HoursSigned).where(HoursSigned.id.in_([row.id for row in gone.values()]))
    )
    audit.record(
        "unsign_hours",
        "member",
        member_id,
        by=by,
        changes=_told(year, {key: row.minutes for key, row in gone.items()}),
        reason=(reason or "").strip(),
    )
    return len(gone)


def may_sign(member_id: int, by: Any) -> bool:
    """Whether somebody may sign for a member they see: of their chapters, and not themselves."""
    mine = keys.of_user(by.id)
    if mine is not None and mine.id == member_id:
        return False
    found = visible_members(access.scope(by, Can.SIGN_HOURS)).where(Member.id == member_id)
    return db.session.scalar(found.with_only_columns(Member.id)) is not None


def _lock(member_ids: Collection[int], by: User | None) -> None:
    """Let nobody else sign for these meanwhile. Raises NoResultFound outside of the scope."""
    found = select(Member).where(Member.forgotten_at.is_(None), Member.merged_into_id.is_(None))
    if by is not None:
        found = visible_members(access.scope(by, Can.SIGN_HOURS))
    locked = db.session.scalars(
        found.where(Member.id.in_(member_ids))
        .with_only_columns(Member.id)
        .order_by(Member.id)
        .with_for_update(of=Member)
    ).all()
    if len(locked) < len(set(member_ids)):
        raise NoResultFound
    mine = keys.of_user(by.id) if by is not None else None
    if mine is not None and mine.id in locked:
        raise Refused(_("Nobody signs for their own hours. Ask another supervisor."))


def _sign(wanted: Mapping[int, Collection[Line]], year: Year, by: User | None) -> int:
    by_id, now = (by.id if by is not None else None), db.now()
    new: list[dict[str, Any]] = []
    told: dict[int, dict[str, Any]] = {}
    for member_id, lines in wanted.items():
        unsigned = {each.key: each for each in lines if not each.is_signed}
        if any(each.state is State.GONE for each in unsigned.values()):
            raise Refused(_changed_meanwhile())
        for key, line in unsigned.items():
            if line.state is State.CHANGED:
                _sign_anew(member_id, key, line.minutes, by_id, now)
                continue
            new.append(
                {
                    "member_id": member_id,
                    **_of_key(key),
                    "minutes": line.minutes,
                    "signed_by_id": by_id,
                    "signed_at": now,
                }
            )
        if unsigned:
            told[member_id] = _told(year, {key: line.minutes for key, line in unsigned.items()})
    if new:
        db.session.execute(insert(HoursSigned), new)
    audit.record_each("sign_hours", "member", told, by=by)
    return sum(each["lines"] for each in told.values())


def _sign_anew(member_id: int, key: str, minutes: int, by_id: int | None, now: Any) -> None:
    of_line = _of_key(key)
    db.session.execute(
        update(HoursSigned)
        .where(
            HoursSigned.member_id == member_id,
            *(getattr(HoursSigned, name) == value for name, value in of_line.items() if value),
        )
        .values(minutes=minutes, signed_by_id=by_id, signed_at=now),
        execution_options={"synchronize_session": False},
    )


def _of_key(key: str) -> dict[str, int | None]:
    number = int(key[1:])
    return {
        "action_id": number if key[0] == "a" else None,
        "task_id": number if key[0] == "t" else None,
    }


def _told(year: Year, minutes: Mapping[str, int]) -> dict[str, Any]:
    """What the record says: which year, how many lines, and how many minutes of each kind."""
    return {
        "school_year": year.words,
        "lines": len(minutes),
        "minutes": sum(minutes.values()),
        "action_id": sorted(int(key[1:]) for key in minutes if key[0] == "a"),
        "task_id": sorted(int(key[1:]) for key in minutes if key[0] == "t"),
    }


def _changed_meanwhile() -> str:
    return _("Some of these hours changed after you opened the page. Look at them again, and sign.")
