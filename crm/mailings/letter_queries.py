"""Letters to members, asked of the database: which there are, how far one is, and its rows.

How far a row is is asked of the outbox too: what has left shows as sent at once, and not only when
the next step writes it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import joinedload

from crm.core import db
from crm.core.access import Scope
from crm.core.outbox import Outgoing, State
from crm.mailings import letters
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.mailings.rules import RowState
from crm.members.queries import in_scope


@dataclass(frozen=True)
class Progress:
    """How many of a letter's rows stand where; all of them together are its rows."""

    counts: dict[str, int] = field(default_factory=dict)
    #: Of those withheld or failed, how many for which reason.
    whys: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, state: str) -> int:
        """How many stand there."""
        return self.counts.get(state, 0)

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.counts.values())

    @property
    def going(self) -> int:
        """Those it is or was for: whoever may not be written to is not waited for."""
        return self.total - self.of(RowState.WITHHELD)

    @property
    def sent(self) -> int:
        """Those the mail server took."""
        return self.of(RowState.SENT)

    @property
    def open(self) -> int:
        """Those that are still to come."""
        return self.of(RowState.TO_SEND) + self.of(RowState.QUEUED)


def letter(code: str, scope: Scope) -> MemberLetter:
    """One of the chapters of the scope. Raises `NoResultFound`."""
    return db.session.scalars(
        _whole().where(MemberLetter.code == code, in_scope(MemberLetter.chapter_id, scope))
    ).one()


def sent(scope: Scope, *, text_id: int | None = None) -> Select[MemberLetter]:
    """Letters, the newest first."""
    found = _whole().where(in_scope(MemberLetter.chapter_id, scope))
    if text_id is not None:
        found = found.where(MemberLetter.text_id == text_id)
    return found.order_by(MemberLetter.id.desc())


def _whole() -> Select[MemberLetter]:
    return select(MemberLetter).options(
        joinedload(MemberLetter.chapter),
        joinedload(MemberLetter.text),
        joinedload(MemberLetter.made_by),
    )


def _state() -> ColumnElement[str]:
    """Where a row stands, with what the outbox knows since."""
    row, out = MemberLetterRow.state, Outgoing.state
    follows = row.in_((RowState.QUEUED, RowState.FAILED))
    return case(
        (and_(follows, out == State.DONE), str(RowState.SENT)),
        (and_(follows, out == State.DEAD), str(RowState.FAILED)),
        (and_(follows, out == State.GONE), str(RowState.WITHHELD)),
        (and_(follows, out.is_not(None)), str(RowState.QUEUED)),
        else_=row,
    )


def _why() -> ColumnElement[Any]:
    follows = MemberLetterRow.state.in_((RowState.QUEUED, RowState.FAILED))
    return case(
        (and_(follows, Outgoing.state == State.DEAD), Outgoing.fault),
        (and_(follows, Outgoing.state == State.GONE), letters.WITHDRAWN),
        (and_(follows, Outgoing.state.is_not(None)), None),
        else_=MemberLetterRow.why,
    )


def progress(letter_ids: Sequence[int]) -> dict[int, Progress]:
    """How far letters are: one statement."""
    found = {number: Progress() for number in letter_ids}
    state, why = _state(), _why()
    rows = db.session.execute(
        select(MemberLetterRow.letter_id, state, why, func.count())
        .outerjoin(Outgoing, Outgoing.id == MemberLetterRow.outgoing_id)
        .where(MemberLetterRow.letter_id.in_(letter_ids))
        .group_by(MemberLetterRow.letter_id, state, why)
    )
    for number, stands, reason, count in rows:
        theirs = found[number]
        theirs.counts[stands] = theirs.counts.get(stands, 0) + count
        if stands in (RowState.WITHHELD, RowState.FAILED):
            key = (stands, reason or "")
            theirs.whys[key] = theirs.whys.get(key, 0) + count
    return found


def rows(letter_id: int, *, state: str | None = None) -> Select[Any]:
    """A letter's rows: member, state and why; those with a reason first."""
    stands, why = _state(), _why()
    found = (
        select(MemberLetterRow.member_id, stands.label("state"), why.label("why"))
        .outerjoin(Outgoing, Outgoing.id == MemberLetterRow.outgoing_id)
        .where(MemberLetterRow.letter_id == letter_id)
    )
    if state is not None:
        found = found.where(stands == state)
    return found.order_by(why.is_(None), MemberLetterRow.id)
