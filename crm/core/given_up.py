"""What waits, what was given up, and what is left of what was done: for whoever runs this.

A row that was given up is one a person must look at: it says why in words without names. It is
tried again, or put away; then what it said goes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, delete, func, or_, select, update

from crm.core import audit, db, history, outbox, schedule, staging
from crm.core.errors import Refused
from crm.core.mail_models import IncomingMail, WorkerSeen
from crm.core.outbox import PERHAPS, Never, Outgoing, State

#: Days a row that is over is kept, for figures and for the question whether it left.
KEPT = 90
#: Days a key is remembered after that.
KEYS_KEPT = 3 * 365
#: Days something that was given up waits for a person; then what it says goes.
UNDECIDED = 365
#: Minutes after which a worker that was not seen is taken for gone.
UNSEEN = 10
_OPEN = (State.WAITING, State.HELD, State.TAKEN, State.HANDED)
_QUIET: dict[str, Any] = {"synchronize_session": False}


def init_app(app: Flask) -> None:
    """Keep house by the clock, and say in the record what was decided."""
    daily = schedule.Schedule("keeping", _l("Forget what is over"), schedule.Daily(3, 40), keep)
    schedule.add(app, daily)
    verbs = {"retry_outbox": _l("Tried again"), "put_away_outbox": _l("Put away")}
    fields = {"rows": _l("Number"), "kinds": _l("Kinds")}
    history.add_kind(app, "outbox", history.Kind(_l("Jobs"), verbs=verbs, fields=fields))


@dataclass(frozen=True)
class Waiting:
    """How much of one kind is not over yet."""

    kind: str
    waits: int
    held: int
    in_hand: int
    oldest: datetime


@dataclass(frozen=True)
class Standing:
    """What an operator wants to know at a glance."""

    dead: int
    waits: int
    #: When the oldest row that is due was due; None when nothing is late.
    late_since: datetime | None
    #: When any worker was seen last.
    seen_at: datetime | None

    @property
    def is_nobody_there(self) -> bool:
        """Whether rows wait and nobody came for them."""
        long_ago = db.now() - timedelta(minutes=UNSEEN)
        is_gone = self.seen_at is None or self.seen_at < long_ago
        return self.late_since is not None and self.late_since < long_ago and is_gone


def standing() -> Standing:
    """How the outbox stands: one statement."""

    def number(state: State) -> Any:
        return select(func.count()).where(Outgoing.state == state).scalar_subquery()

    late = select(func.min(Outgoing.due_at)).where(
        Outgoing.state == State.WAITING, Outgoing.due_at <= db.now()
    )
    seen = select(func.max(WorkerSeen.seen_at)).where(WorkerSeen.stopped_at.is_(None))
    dead, waits, since, last = db.session.execute(
        select(
            number(State.DEAD),
            number(State.WAITING),
            late.scalar_subquery(),
            seen.scalar_subquery(),
        )
    ).one()
    return Standing(dead, waits, since, last)


def waiting() -> list[Waiting]:
    """What is not over, by kind: one statement."""
    kind = func.coalesce(Outgoing.about, Outgoing.job)
    found = select(kind, Outgoing.state, func.count(), func.min(Outgoing.made_at))
    found = found.where(Outgoing.state.in_(_OPEN)).group_by(kind, Outgoing.state)
    by_kind: dict[str, list[tuple[str, int, datetime]]] = {}
    for name, state, count, oldest in db.session.execute(found):
        by_kind.setdefault(name, []).append((state, count, oldest))
    return [
        Waiting(
            name,
            sum(count for state, count, _at in rows if state == State.WAITING),
            sum(count for state, count, _at in rows if state == State.HELD),
            sum(count for state, count, _at in rows if state in (State.TAKEN, State.HANDED)),
            min(at for _state, _count, at in rows),
        )
        for name, rows in sorted(by_kind.items())
    ]


def workers() -> list[WorkerSeen]:
    """Those seen within a day, the latest first."""
    lately = WorkerSeen.seen_at > db.now() - timedelta(days=1)
    found = select(WorkerSeen).where(lately).order_by(WorkerSeen.seen_at.desc()).limit(50)
    return list(db.session.scalars(found))


def dead() -> Select[Any]:
    """What was given up, the latest first."""
    found = select(Outgoing).where(Outgoing.state == State.DEAD)
    return found.order_by(Outgoing.ended_at.desc(), Outgoing.id.desc())


def is_perhaps(row: Outgoing) -> bool:
    """Whether it may have left: to try it again may be to write twice."""
    return row.fault == PERHAPS


def masked(row: Outgoing) -> str:
    """To whom, so that an administrator knows it and a glance over a shoulder does not."""
    if row.job != "mail":
        return ""
    try:
        address = parseaddr(str(outbox.unseal(row.payload).get("to", "")))[1]
    except Never:
        return ""
    name, _at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if name else ""


def retry(row_ids: Collection[int] | None, *, by: Any) -> int:
    """Let what was given up be tried again, from the start; None: all but what may have left."""
    values: dict[str, Any] = {
        "state": State.WAITING, "tries": 0, "due_at": db.now(), "taken_by": None,
        "lease_until": None, "ended_at": None,
    }  # fmt: skip
    which = Outgoing.id.in_(row_ids) if row_ids is not None else _certain()
    count = _decide(which, values, "retry_outbox", by=by)
    for lane in outbox.lanes():
        outbox.wake_after_commit(lane)
    return count


def put_away(row_ids: Collection[int] | None, *, by: Any) -> int:
    """Not want any more what was given up; None: all. What it said goes."""
    which = Outgoing.id.in_(row_ids) if row_ids is not None else Outgoing.id.is_not(None)
    values: dict[str, Any] = {
        "state": State.GONE,
        "payload": {},
        "taken_by": None,
        "lease_until": None,
    }
    return _decide(which, values, "put_away_outbox", by=by)


def _certain() -> Any:
    return or_(Outgoing.fault != PERHAPS, Outgoing.fault.is_(None))


def _decide(which: Any, values: Mapping[str, Any], verb: str, *, by: Any) -> int:
    of = (Outgoing.state == State.DEAD, which)
    kind = func.coalesce(Outgoing.about, Outgoing.job)
    found = select(kind, func.count(), func.min(Outgoing.id)).where(*of).group_by(kind)
    kinds = db.session.execute(found).all()
    if not kinds:
        raise Refused(_("That was decided already."))
    done = update(Outgoing).where(*of).values(**values)
    count = int(db.session.execute(done, execution_options=_QUIET).rowcount)  # type: ignore[attr-defined]
    only = kinds[0][2] if count == 1 else None
    changes = {"rows": count, "kinds": ", ".join(sorted(name for name, _count, _id in kinds))}
    audit.record(verb, "outbox", only, by=by, changes=changes)
    return count


def keep(_on: Any = None) -> None:
    """Forget rows that are over and files nobody came back for, in the present unit of work.

    A row with a `key` stays for years, as that and nothing else: keys name a day, a minute or a
    form, and none of those is asked for again after that.
    """
    now = db.now()
    old = (Outgoing.state == State.DEAD, Outgoing.ended_at < now - timedelta(days=UNDECIDED))
    gone = {"state": State.GONE, "payload": {}, "fault": "nobody decided about it for a year"}
    _do(update(Outgoing).where(*old).values(**gone))
    over = (
        Outgoing.state.in_((State.DONE, State.GONE)),
        Outgoing.ended_at < now - timedelta(days=KEPT),
    )
    long_over = Outgoing.ended_at < now - timedelta(days=KEYS_KEPT)
    _do(delete(Outgoing).where(*over, Outgoing.key.is_(None) | long_over))
    _do(update(Outgoing).where(*over, Outgoing.recipient.is_not(None)).values(recipient=None))
    _forget_incoming(now - timedelta(days=KEPT))
    _do(delete(WorkerSeen).where(WorkerSeen.seen_at < now - timedelta(days=7)))
    staging.sweep()


def _forget_incoming(before: datetime) -> None:
    """Bounces, complaints and strangers' mail, with who wrote it: no row that they could speak of
    is older. Replies are their room's.
    """
    ids = db.session.scalars(
        select(IncomingMail.id).where(
            IncomingMail.came_at < before,
            IncomingMail.state != "waiting",
            IncomingMail.kind.in_(("bounce", "complaint", "unknown")),
        )
    ).all()
    for some in db.batches(ids):
        _do(delete(IncomingMail).where(IncomingMail.id.in_(some)))
    if ids:
        changes = {"count": len(ids)}
        audit.record("forget_refused_mail", "incoming_mail", None, by=None, changes=changes)


def _do(statement: Any) -> None:
    db.session.execute(statement, execution_options=_QUIET)
