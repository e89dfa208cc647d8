"""How a letter to members leaves: every minute the next ones are put into the outbox.

A step is a job of the outbox: what it queues, what it withholds and that it was done are one
commit, so that a worker killed in the middle leaves nothing half done. Consent and addresses are
asked anew for each member at that moment, and by the outbox once more when the message leaves.
Where the words cannot go out to anybody any more, the letter is paused and nobody is lost.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import audit, db, mail, outbox, restoring
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.core.outbox import Job, Later, Outgoing, State
from crm.core.schedule import Daily, Schedule
from crm.core.schedule import add as add_schedule
from crm.mailings import letters
from crm.mailings.letter_operations import ask_for_step, held, key_of
from crm.mailings.letters import Wanted
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.mailings.rules import LetterState, RowState
from crm.members.chaperone import send_to_member
from crm.members.models import Chapter, Member
from crm.members.reach import Bar, reaches
from crm.texts.models import TextVersion

# What a letter sent after the backup was made, nobody knows any more: its next step would send it
# once more.
restoring.STOPPED |= {
    "member_letter": f"UPDATE member_letter SET state = '{LetterState.PAUSED}'"  # noqa: S608
    f" WHERE state = '{LetterState.SENDING}'"
}

log = logging.getLogger(__name__)
#: Messages of one step.
AT_ONCE = 25
#: States of the outbox in which something is still to come.
_OPEN = (State.WAITING, State.HELD, State.TAKEN, State.HANDED)


def init_app(app: Flask) -> None:
    """Say what can be done, and what readers may choose about it."""
    mail.add_kind(
        app,
        mail.Kind(
            letters.KIND,
            _l("Letters of the campaign to its members"),
            why=_l("you are a member of the campaign"),
        ),
    )
    outbox.job(app, Job("letter", _l("The next messages of a letter to members"), _step, most=60))
    add_schedule(
        app,
        Schedule("letters", _l("What became of letters to members"), Daily(3, 40), settle_all),
    )


def _step(payload: Mapping[str, Any]) -> None:
    letter_id = db.session.scalar(
        select(MemberLetter.id).where(MemberLetter.code == str(payload["code"]))
    )
    if letter_id is None:
        raise outbox.Unwanted("the letter is not there")
    step(letter_id, left=payload.get("left"))


def step(letter_id: int, *, left: int | None = None) -> None:
    """Settle what has left, queue the next ones, and ask for the next step.

    A minute's share is queued a few at a time, so that nobody else waits long to write; `left` is
    what is left of it.
    """
    letter = held(letter_id)
    settle(letter)
    if letter.state == LetterState.PAUSED:
        # What a worker had in hand when it was paused may have come back to the queue.
        outbox.pause(letter.code)
        counts = outbox.counts(letter.code)
        if counts.get(State.TAKEN) or counts.get(State.HANDED):
            ask_for_step(letter, in_seconds=60)
        return
    if letter.state == LetterState.SENDING:
        left = _queue(letter, left)
        if left:
            outbox.put("letter", {"code": letter.code, "left": left}, about="letter")
            return
    if _open_rows(letter):
        ask_for_step(letter, in_seconds=60)
    elif letter.state == LetterState.SENDING:
        _end(letter)


def _queue(letter: MemberLetter, left: int | None) -> int:
    """Put the next few into the outbox; what is then left of this minute's share.

    That is the rate, less what still waits: a mail server that was away is not met by everybody at
    once when it is back.
    """
    if left is None:
        waiting = outbox.counts(letter.code)
        left = letter.rate - waiting.get(State.WAITING, 0) - waiting.get(State.TAKEN, 0)
    some = min(max(0, left), AT_ONCE)
    rows = db.session.scalars(
        select(MemberLetterRow)
        .where(MemberLetterRow.letter_id == letter.id, MemberLetterRow.state == RowState.TO_SEND)
        .order_by(MemberLetterRow.id)
        .limit(some)
        .execution_options(populate_existing=True)
    ).all()
    if not rows:
        return 0
    if not mail.is_configured():
        raise Later("mail is not set up")
    try:
        sending = _Sending(letter, rows)
    except Refused as refusal:
        _pause_all(letter, str(refusal.message))
        return 0
    for row in rows:
        sending.queue(row)
    db.session.flush()
    _note_outgoing(letter, [row for row in rows if row.state == RowState.QUEUED])
    return left - len(rows) if len(rows) == some else 0


class _Sending:
    """The words of some rows, read at once."""

    def __init__(self, letter: MemberLetter, rows: Sequence[MemberLetterRow]):
        on = today()
        chapter = db.session.get_one(Chapter, letter.chapter_id)
        campaign = (
            db.session.get(Campaign, letter.campaign_id) if letter.campaign_id is not None else None
        )
        sender = db.session.get(User, letter.made_by_id) if letter.made_by_id else None
        self.letter = letter
        self.chapter = chapter
        self.sender = sender
        self.versions = versions_of(letter)
        wanted = Wanted(
            text_id=letter.text_id,
            chapter_id=chapter.id,
            campaign_id=letter.campaign_id,
            values=letter.values,
        )
        for version in self.versions.values():
            letters.refuse_hindered(version, wanted, campaign, chapter, on)
        ids = [row.member_id for row in rows]
        self.members = {
            each.id: each for each in db.session.scalars(select(Member).where(Member.id.in_(ids)))
        }
        self.reached = reaches(ids, letters.KIND)
        spoken = {
            number: letters.language_for(self.reached[number].language, self.versions)
            for number in ids
        }
        self.pieces = letters.merged(spoken, self.versions, letter.values, campaign, chapter, on)

    def queue(self, row: MemberLetterRow) -> None:
        """Put one into the outbox, or say why not."""
        piece, bar = self.pieces[row.member_id], self.reached[row.member_id].bar
        if bar is not None:
            row.state, row.why = RowState.WITHHELD, str(bar)
            return
        if piece.hindrances:
            row.state, row.why = RowState.WITHHELD, letters.why_of(piece.hindrances[0])
            return
        answers = self.letter.chosen.get("answers_to_me") and self.sender and self.sender.active
        sent = send_to_member(
            self.members[row.member_id],
            "member_letter",
            subject=str(piece.subject),
            kind=letters.KIND,
            key=key_of(self.letter.code, row.id),
            batch=self.letter.code,
            reply_to=self.sender.email if answers and self.sender else None,
            words=str(piece.body),
            sender=self.sender.name if self.sender else "",
            chapter=self.chapter.name,
        )
        row.state = RowState.QUEUED if sent else RowState.WITHHELD
        row.why = None if sent else _why(sent)


def _why(sent: mail.Sent) -> str:
    """Why a message was not taken, where `reaches` had nothing against it."""
    if sent.is_bad:
        return Bar.BAD_ADDRESS
    return Bar.STOPPED if sent.is_declined else letters.REFUSED


def versions_of(letter: MemberLetter) -> dict[str, TextVersion]:
    """The words as they were shown when it was sent, by language. Raises `Refused` if gone."""
    ids = [int(each) for each in letter.chosen.get("versions", {}).values()]
    found = {
        each.id: each
        for each in db.session.scalars(select(TextVersion).where(TextVersion.id.in_(ids)))
    }
    return {language: found[int(number)] for language, number in letter.chosen["versions"].items()}


def _note_outgoing(letter: MemberLetter, rows: Sequence[MemberLetterRow]) -> None:
    by_key = {key_of(letter.code, row.id): row for row in rows}
    for some in db.batches(sorted(by_key)):
        for number, key in db.session.execute(
            select(Outgoing.id, Outgoing.key).where(Outgoing.key.in_(some))
        ):
            by_key[str(key)].outgoing_id = number
    for row in rows:
        if row.outgoing_id is None:
            # Kept back by what a reader chose since: nothing waits for it.
            row.state, row.why = RowState.WITHHELD, str(Bar.STOPPED)
    db.session.flush()


def _pause_all(letter: MemberLetter, why: str) -> None:
    """The words may not go out any more: a person looks at it, and nobody is lost."""
    outbox.pause(letter.code)
    letter.state = LetterState.PAUSED
    db.session.flush()
    audit.record(
        "pause_letter",
        "member_letter",
        letter.id,
        by=None,
        changes={"state": [str(LetterState.SENDING), str(LetterState.PAUSED)]},
        reason=_("Paused by itself: %(why)s", why=why),
    )


def _open_rows(letter: MemberLetter) -> int:
    return (
        db.session.scalar(
            select(func.count()).where(
                MemberLetterRow.letter_id == letter.id,
                MemberLetterRow.state.in_((RowState.TO_SEND, RowState.QUEUED)),
            )
        )
        or 0
    )


def _end(letter: MemberLetter) -> None:
    letter.state, letter.ended_at = LetterState.DONE, db.now()
    db.session.flush()
    rows = db.session.execute(
        select(MemberLetterRow.state, func.count())
        .where(MemberLetterRow.letter_id == letter.id)
        .group_by(MemberLetterRow.state)
    )
    told = {state: count for state, count in rows}  # noqa: C416
    audit.record("end_letter", "member_letter", letter.id, by=None, changes=told)


def settle(letter: MemberLetter) -> None:
    """Write into the rows what became of their messages: four statements, however many."""
    of_outbox = select(Outgoing.id).where(Outgoing.batch == letter.code)
    fault = (
        select(Outgoing.fault).where(Outgoing.id == MemberLetterRow.outgoing_id).scalar_subquery()
    )
    # One that failed may have been let go again by a person.
    open_ = MemberLetterRow.state.in_((RowState.QUEUED, RowState.FAILED))
    ends: tuple[tuple[Sequence[State], RowState, Any], ...] = (
        ((State.DONE,), RowState.SENT, None),
        ((State.DEAD,), RowState.FAILED, fault),
        ((State.GONE,), RowState.WITHHELD, letters.WITHDRAWN),
        (_OPEN, RowState.QUEUED, None),
    )
    for states, state, why in ends:
        db.session.execute(
            update(MemberLetterRow)
            .where(
                MemberLetterRow.letter_id == letter.id,
                open_,
                MemberLetterRow.state != state,
                MemberLetterRow.outgoing_id.in_(of_outbox.where(Outgoing.state.in_(states))),
            )
            .values(state=state, why=why),
            execution_options={"synchronize_session": False},
        )


def settle_all(_on: date) -> None:
    """Of letters that have ended: what a person let go again, or not, since."""
    failed = select(MemberLetterRow.letter_id).where(
        MemberLetterRow.state.in_((RowState.FAILED, RowState.QUEUED))
    )
    for letter in db.session.scalars(
        select(MemberLetter).where(
            MemberLetter.id.in_(failed),
            MemberLetter.state.in_((LetterState.DONE, LetterState.STOPPED)),
        )
    ):
        settle(letter)
    # One whose steps were given up goes on.
    for letter in db.session.scalars(
        select(MemberLetter).where(MemberLetter.state == LetterState.SENDING)
    ):
        ask_for_step(letter)
