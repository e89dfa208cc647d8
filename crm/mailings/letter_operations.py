"""What is done with a letter to members: sent, paused, resumed and stopped."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import insert, select, update

from crm.accounts.models import User
from crm.core import access, audit, db, mail, outbox
from crm.core.errors import Refused
from crm.core.outbox import Outgoing
from crm.mailings import letters
from crm.mailings.letters import Look, Wanted, look
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.mailings.rules import LetterState, RowState
from crm.members.consent_rules import Purpose
from crm.members.disclosure import allowed
from crm.members.reach import Bar

#: Rows of one statement.
_AT_ONCE = 1_000


class Changed(Refused):
    """What was shown is not what would be sent now; what would be is shown instead."""


def find_sent(client_key: str) -> MemberLetter | None:
    """What was sent with this form already."""
    if "\x00" in client_key:
        # No key of ours, and PostgreSQL takes none of it.
        return None
    return db.session.scalars(
        select(MemberLetter).where(MemberLetter.client_key == client_key)
    ).one_or_none()


def send_letter(
    *,
    wanted: Wanted,
    client_key: str,
    shown: str | None = None,
    name: str | None = None,
    rate: int = letters.USUAL_RATE,
    answers_to_me: bool = False,
    by: User | None,
    today: date,
) -> MemberLetter:
    """Make a letter of everybody on the list as it is now, and begin to send it.

    Who is added to the list later does not get it. A repeat of `client_key` returns what the first
    one made. `shown` is the digest of what its sender has seen: where that changed since, `Changed`
    is raised and nothing is sent.
    """
    db.take_turn(client_key)
    if already := find_sent(client_key):
        return already
    check(rate)
    found = look(wanted, by=by, today=today)
    if shown is not None and shown != found.digest:
        raise Changed(_("Something has changed since this was shown. Look again, then send it."))
    if not found.going:
        raise Refused(_("Nobody on this list can get it."))
    letter = MemberLetter(
        name=(name or "").strip()[: letters.MOST_NAME] or found.text.name,
        chapter_id=wanted.chapter_id,
        campaign_id=wanted.campaign_id,
        text_id=wanted.text_id,
        version_id=found.default.id,
        chosen={
            "filter": {key: list(value) for key, value in wanted.given.items()},
            "facts": [list(each) for each in found.facts],
            "versions": {language: each.id for language, each in found.versions.items()},
            "answers_to_me": answers_to_me and by is not None,
        },
        values=dict(wanted.values),
        rate=rate,
        client_key=client_key,
        made_by_id=by.id if by else None,
    )
    db.session.add(letter)
    db.session.flush()
    _add_rows(letter.id, found)
    audit.record(
        "send_letter",
        "member_letter",
        letter.id,
        by=by,
        changes={
            "name": letter.name,
            "chapter_id": letter.chapter_id,
            "campaign_id": letter.campaign_id,
            "text_id": letter.text_id,
            "rate": rate,
            "members": len(found.lines),
            "to_send": found.going,
            "why_not": dict(found.whys),
        },
    )
    ask_for_step(letter)
    return letter


def check(rate: int) -> None:
    """Refuse what cannot be sent at all, before anybody is looked at."""
    if not mail.is_configured():
        raise Refused(_("Mail is not set up here, so no letter can be sent."))
    if not 1 <= rate <= letters.MOST_RATE:
        raise Refused(
            _("Send from 1 to %(most)s messages a minute.", most=letters.MOST_RATE), "rate"
        )


def _add_rows(letter_id: int, found: Look) -> None:
    rows = [
        {
            "letter_id": letter_id,
            "member_id": line.member_id,
            "state": RowState.WITHHELD if line.why else RowState.TO_SEND,
            "why": line.why,
        }
        for line in found.lines
    ]
    for some in db.batches(rows, _AT_ONCE):
        db.session.execute(insert(MemberLetterRow), some)


def ask_for_step(letter: MemberLetter, *, in_seconds: int = 0) -> None:
    """Let the next ones be queued: one step a minute for each letter, however often it is asked.

    The minute is the key, so that two who resume a letter do not send twice as fast.
    """
    due = db.now() + timedelta(seconds=in_seconds)
    minute = int(due.timestamp()) // 60
    payload = {"code": letter.code}
    put = outbox.put(
        "letter", payload, key=f"letter-step:{letter.code}:{minute}", due=due, about="letter"
    )
    if put is None and not in_seconds:
        # This minute had its step.
        later = db.now() + timedelta(seconds=60)
        key = f"letter-step:{letter.code}:{minute + 1}"
        outbox.put("letter", payload, key=key, due=later, about="letter")


def held(letter_id: int) -> MemberLetter:
    """The letter as it is now; nobody else changes it meanwhile."""
    db.take_turn(f"letter-{letter_id}")
    return db.session.scalars(
        select(MemberLetter)
        .where(MemberLetter.id == letter_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def pause(letter_id: int, *, by: User | None, reason: str | None = None) -> MemberLetter:
    """Send nothing more for now: what is queued and not yet taken waits too."""
    letter = _mine(letter_id, by)
    if letter.state != LetterState.SENDING:
        raise Refused(_("This letter is not being sent."))
    outbox.pause(letter.code)
    _turn(letter, LetterState.PAUSED, "pause_letter", by, reason)
    return letter


def resume(letter_id: int, *, by: User | None) -> MemberLetter:
    """Go on where it was paused."""
    letter = _mine(letter_id, by)
    if letter.state != LetterState.PAUSED:
        raise Refused(_("This letter is not paused."))
    released = outbox.resume(letter.code)
    _turn(letter, LetterState.SENDING, "resume_letter", by)
    # What was held is this minute's share.
    ask_for_step(letter, in_seconds=60 if released else 0)
    return letter


def stop(letter_id: int, *, by: User | None, reason: str | None = None) -> MemberLetter:
    """Send nothing more, for good. What has left, left."""
    letter = _mine(letter_id, by)
    if letter.state not in (LetterState.SENDING, LetterState.PAUSED):
        raise Refused(_("This letter has ended already."))
    outbox.withdraw(Outgoing.batch == letter.code)
    _set(
        MemberLetterRow.letter_id == letter.id,
        MemberLetterRow.state.in_((RowState.TO_SEND, RowState.QUEUED)),
        # What a worker has in hand at this moment may leave: its own end is waited for.
        MemberLetterRow.outgoing_id.is_(None)
        | MemberLetterRow.outgoing_id.in_(
            select(Outgoing.id).where(
                Outgoing.batch == letter.code, Outgoing.state == outbox.State.GONE
            )
        ),
        state=RowState.WITHHELD,
        why=letters.STOPPED,
    )
    _turn(letter, LetterState.STOPPED, "stop_letter", by, reason)
    letter.ended_at = db.now()
    db.session.flush()
    ask_for_step(letter)
    return letter


def change_rate(letter_id: int, *, rate: int, by: User | None) -> MemberLetter:
    """Send faster or slower from the next minute on."""
    letter = _mine(letter_id, by)
    check(rate)
    if changes := audit.difference(letter, {"rate": rate}):
        letter.rate = rate
        db.session.flush()
        audit.record("change_letter", "member_letter", letter.id, by=by, changes=changes)
    return letter


def _mine(letter_id: int, by: User | None) -> MemberLetter:
    letter = held(letter_id)
    if by is not None and not access.may(by, letters.RIGHT, letter.chapter_id):
        raise Refused(_("You do not keep the members of this chapter."))
    return letter


def _turn(
    letter: MemberLetter,
    state: LetterState,
    verb: str,
    by: User | None,
    reason: str | None = None,
) -> None:
    was, letter.state = letter.state, state
    db.session.flush()
    audit.record(
        verb,
        "member_letter",
        letter.id,
        by=by,
        changes={"state": [was, str(state)]},
        reason=(reason or "").strip()[:300] or None,
    )


def _set(*which: Any, **values: Any) -> None:
    db.session.execute(
        update(MemberLetterRow).where(*which).values(**values),
        execution_options={"synchronize_session": False},
    )


# What others decide while it is being sent


def heard(member_id: int) -> None:
    """What was said of a member holds at once: what waits for them and may not leave goes."""
    if member_id not in allowed([member_id], Purpose.CONTACT):
        take_away([member_id], why=Bar.CONTACT)


def take_away(member_ids: Sequence[int], *, why: str) -> None:
    """Want what waits for some members no more, copies with it; what a worker has may leave."""
    rows = db.session.execute(
        select(MemberLetterRow.id, MemberLetterRow.outgoing_id, MemberLetter.code)
        .join(MemberLetter, MemberLetter.id == MemberLetterRow.letter_id)
        .where(
            MemberLetterRow.member_id.in_(member_ids),
            MemberLetterRow.state.in_((RowState.TO_SEND, RowState.QUEUED)),
        )
    ).all()
    if not rows:
        return
    for row_id, outgoing_id, code in rows:
        if outgoing_id is not None:
            key = key_of(code, row_id)
            outbox.withdraw(
                (Outgoing.id == outgoing_id)
                | Outgoing.key.startswith(f"{key}:copy:", autoescape=True)
            )
    gone = select(Outgoing.id).where(
        Outgoing.id.in_([each.outgoing_id for each in rows if each.outgoing_id is not None]),
        Outgoing.state == outbox.State.GONE,
    )
    _set(
        MemberLetterRow.id.in_([each.id for each in rows]),
        MemberLetterRow.outgoing_id.is_(None) | MemberLetterRow.outgoing_id.in_(gone),
        state=RowState.WITHHELD,
        why=str(why),
    )


def key_of(code: str, row_id: int) -> str:
    """What a row is called in the outbox: a second message with it does not leave."""
    return f"letter:{code}:{row_id}"
