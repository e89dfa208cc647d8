"""A forwarded reply becomes an answer when a person says so, or is put away with a reason.

What it said goes with that: an answer keeps what the person writes and the papers they keep, and
the message keeps nothing but that it was there, so that the same one is not taken twice.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.exc import NoResultFound

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.files import forget_document
from crm.core.mail_models import IncomingMail
from crm.core.text import fold
from crm.mailings.reply_mail import (
    DONE,
    KIND,
    PUT_AWAY,
    REFUSED,
    WAITING,
    Answers,
    answers_in,
    answers_of,
)
from crm.outreach.models import ActionTarget, Outcome, OutcomeFile
from crm.outreach.operations import record_outcome
from crm.targets.models import ContactPoint, Target

#: Messages that wait which are looked through for those somebody may see.
MOST = 500
#: Days a refused message is told of.
KEPT = 30


def waiting_for(user: User) -> list[tuple[IncomingMail, Answers]]:
    """Messages this user may say something about, the newest first: four statements."""
    rows = db.session.scalars(
        select(IncomingMail)
        .where(IncomingMail.state == WAITING, IncomingMail.kind == KIND)
        .order_by(IncomingMail.id.desc())
        .limit(MOST)
    ).all()
    known = answers_of({row.code for row in rows if row.code})
    found = [(row, known.get(row.code or "", Answers())) for row in rows]
    return [(row, answers) for row, answers in found if may_see(row, answers, user)]


def may_see(row: IncomingMail, answers: Answers, user: User) -> bool:
    """Whoever may record answers in its chapter; without a code, whoever forwarded it."""
    scope = access.scope(user, Can.RECORD_OUTCOMES)
    if answers.chapter_ids:
        return scope.includes(*answers.chapter_ids)
    return bool(scope) and (row.sender or "").lower() == user.email.lower()


def message(row_id: int, user: User) -> tuple[IncomingMail, Answers]:
    """One that waits and this user may see. Raises `NoResultFound`."""
    row = db.session.scalars(
        select(IncomingMail).where(
            IncomingMail.id == row_id, IncomingMail.kind == KIND, IncomingMail.state == WAITING
        )
    ).one()
    answers = answers_in(row.code or "")
    if not may_see(row, answers, user):
        raise NoResultFound
    return row, answers


def refused() -> Sequence[IncomingMail]:
    """What was not taken lately, for administrators: from whom, and why."""
    return db.session.scalars(
        select(IncomingMail)
        .where(IncomingMail.kind == KIND, IncomingMail.state == REFUSED)
        .order_by(IncomingMail.id.desc())
        .limit(50)
    ).all()


# What it may answer


@dataclass(frozen=True)
class Guess:
    """A row it may answer, with its words, and whether the message speaks of this target."""

    row_id: int
    action_id: int
    target: str
    happened_on: date
    channel: str
    pieces: int
    is_likely: bool


def guesses(answers: Answers, words: str) -> list[Guess]:
    """The targets of the actions its code leads to, the likely one first: two statements."""
    rows = db.session.execute(
        select(
            ActionTarget.id,
            ActionTarget.action_id,
            ActionTarget.target_id,
            Target.name,
            Target.family_name,
            ActionTarget.happened_on,
            ActionTarget.channel,
            ActionTarget.pieces,
        )
        .join(Target, Target.id == ActionTarget.target_id)
        .where(ActionTarget.action_id.in_(answers.action_ids))
        .order_by(Target.sort_name, ActionTarget.id)
        .limit(MOST)
    ).all()
    addresses: dict[int, list[str]] = {}
    for target_id, value in db.session.execute(
        select(ContactPoint.target_id, ContactPoint.value).where(
            ContactPoint.target_id.in_({row.target_id for row in rows}),
            ContactPoint.kind == "email",
        )
    ):
        addresses.setdefault(target_id or 0, []).append(value.lower())
    said, plain = words.lower(), f" {fold(words)} "
    found = []
    for row in rows:
        score = _score(row.name, row.family_name, addresses.get(row.target_id, ()), said, plain)
        found.append((score, row))
    best = max((score for score, _row in found), default=0)
    likely = [row for score, row in found if score == best and best]
    return [
        Guess(row.id, row.action_id, row.name, row.happened_on, row.channel, row.pieces,
              row in likely and len(likely) == 1)
        for _score_, row in sorted(found, key=lambda pair: -pair[0])
    ]  # fmt: skip


def _score(name: str, family: str | None, addresses: Iterable[str], said: str, plain: str) -> int:
    """How sure it is that a message comes from a target: by address, by name, by family name."""
    if any(re.search(rf"(?<![\w.]){re.escape(each)}(?!\w)", said) for each in addresses):
        return 3
    if f" {fold(name)} " in plain:
        return 2
    return 1 if family and f" {fold(family)} " in plain else 0


# What becomes of it


def confirm_reply(
    row: IncomingMail,
    *,
    action_target_id: int,
    kind: str,
    received_on: date,
    member_id: int | None = None,
    summary: str | None = None,
    files: Collection[str],
    by: User,
    today: date,
) -> Outcome:
    """Record what came as an answer, with those of its papers that are kept (`files`)."""
    _hold(row)
    papers = {part["file"]: part["name"] for part in row.parts if "file" in part}
    if set(files) - set(papers):
        raise Refused(_("One of these papers did not come with it."))
    outcome = record_outcome(
        action_target_id=action_target_id,
        kind=kind,
        received_on=received_on,
        summary=summary,
        member_id=member_id,
        files=[(file, name) for file, name in papers.items() if file in files],
        by=by,
        today=today,
    )
    # Of an answer that was recorded already the papers are those that it has.
    kept = db.session.scalars(
        select(OutcomeFile.file).where(OutcomeFile.outcome_id == outcome.id)
    ).all()
    _let_go(row, DONE, None, kept)
    audit.record(
        "confirm_reply",
        "incoming_mail",
        row.id,
        by=by,
        changes={"outcome_id": outcome.id, "papers": len(files)},
    )
    return outcome


def put_away(row: IncomingMail, *, reason: str | None, by: User) -> IncomingMail:
    """It answers nothing of ours: what it said goes."""
    _hold(row)
    if not reason:
        raise Refused(_("Say why, in a word or two."), "reason")
    _let_go(row, PUT_AWAY, reason, set())
    audit.record("put_away_reply", "incoming_mail", row.id, by=by, reason=reason)
    return row


def set_code(row: IncomingMail, *, code: str, by: User) -> IncomingMail:
    """Say by its code what a message without one answers."""
    _hold(row)
    answers = answers_in(code)
    if answers.code is None:
        raise Refused(_("There is no outreach and no pack with this code."), "code")
    if not access.may(by, Can.RECORD_OUTCOMES, *answers.chapter_ids):
        raise Refused(_("There is no outreach and no pack with this code."), "code")
    row.code = answers.code
    audit.record("set_reply_code", "incoming_mail", row.id, by=by, changes={"code": row.code})
    return row


def forget_refused(_on: date) -> int:
    """Delete what was refused a month ago; how many."""
    before = db.now() - timedelta(days=KEPT)
    ids = db.session.scalars(
        select(IncomingMail.id).where(
            IncomingMail.kind == KIND,
            IncomingMail.state == REFUSED,
            IncomingMail.came_at < before,
        )
    ).all()
    for some in db.batches(ids):
        db.session.execute(delete(IncomingMail).where(IncomingMail.id.in_(some)))
    if ids:
        changes = {"count": len(ids)}
        audit.record("forget_refused_mail", "incoming_mail", None, by=None, changes=changes)
    return len(ids)


def _hold(row: IncomingMail) -> None:
    """Keep others from it until the end, and refuse where somebody was quicker."""
    held = select(IncomingMail.state).where(IncomingMail.id == row.id).with_for_update()
    if db.session.scalar(held) != WAITING:
        raise Refused(_("Somebody has said already what this is."))


def _let_go(row: IncomingMail, state: str, told: str | None, kept: Collection[str]) -> None:
    """What the message said goes, and its papers but those an answer keeps."""
    gone = [part["file"] for part in row.parts if "file" in part and part["file"] not in kept]
    row.state, row.told = state, told
    row.text = row.subject = row.sender = None
    row.parts = []
    db.session.flush()
    for file in gone:
        db.after_commit(lambda name=file: forget_document(name))  # type: ignore[misc]
