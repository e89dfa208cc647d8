"""What is said for a member to each purpose: recorded from paper or in person, and withdrawn.

What was said is never changed and never deleted; a new word by the same person takes the place of
the old one. `consent_rules` decides what follows from all of it, `disclosure` acts on that.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.members import guardians
from crm.members.consent_rules import (
    Answer,
    How,
    Purpose,
    State,
    Statement,
    allows,
    state_of,
)
from crm.members.models import Consent, Guardianship, Member
from crm.members.rules import is_minor

#: Years a paper may be old, and a consent may last.
_MOST_YEARS = 10


@dataclass(frozen=True)
class Word:
    """What one person said to a purpose, and where that stands."""

    who: guardians.Known | None
    state: State
    ends_on: date | None


@dataclass(frozen=True)
class Stand:
    """Where a member stands to a purpose, and why."""

    purpose: Purpose
    state: State
    is_allowed: bool
    #: The latest word of each guardian and of the member, those who said nothing left out.
    words: Sequence[Word]
    #: The last day it holds as it is.
    ends_on: date | None

    @property
    def is_implied(self) -> bool:
        """Allowed without a word: somebody grown up who takes part."""
        return self.is_allowed and self.state is State.MISSING

    @property
    def differ(self) -> bool:
        """Whether some say yes and others no: the stricter counts."""
        said = {word.state for word in self.words}
        return State.GIVEN in said and bool(said & {State.REFUSED, State.WITHDRAWN})


@dataclass(frozen=True)
class Paper:
    """What was said at once: by one person, on one paper, by one link."""

    first: Consent
    by: str | None
    #: Answer, last day and day of withdrawal, with the purposes they hold for.
    lines: Sequence[tuple[str, date | None, date | None, Sequence[Purpose]]]


#: Rooms above that act at once on what was said of a member: called with the member's id.
HEARD: list[Callable[[int], object]] = []


# Read


def papers(said: Sequence[tuple[Consent, str | None]]) -> list[Paper]:
    """A history (`history`) with what was said at once put together."""
    found = []
    for _same, several in groupby(said, key=lambda each: _paper_of(each[0])):
        rows = list(several)
        lines: dict[tuple[str, date | None, date | None], list[Purpose]] = {}
        for each, _by in rows:
            line = (each.answer, each.ends_on, each.withdrawn_on)
            lines.setdefault(line, []).append(Purpose(each.purpose))
        found.append(
            Paper(
                rows[0][0],
                rows[0][1],
                [
                    (*line, [each for each in Purpose if each in purposes])
                    for line, purposes in sorted(lines.items(), key=lambda item: item[0][0])
                ],
            )
        )
    return found


def _paper_of(record: Consent) -> tuple[Any, ...]:
    return (
        record.starts_on,
        record.guardian_id,
        record.how,
        record.scan,
        record.request_id,
        record.recorded_by_id,
        record.recorded_at.replace(microsecond=0),
    )


def history(member_id: int) -> Sequence[tuple[Consent, str | None]]:
    """All that was said, the newest first, each with who recorded it."""
    rows = db.session.execute(
        select(Consent, User.name)
        .outerjoin(User, User.id == Consent.recorded_by_id)
        .where(Consent.member_id == member_id)
        .options(joinedload(Consent.guardian))
        .order_by(Consent.starts_on.desc(), Consent.id.desc())
    )
    return [(consent, by) for consent, by in rows]


def stands(
    member: Member,
    of: Sequence[guardians.Known],
    said: Sequence[Consent],
    *,
    today: date,
    but: int | None = None,
) -> list[Stand]:
    """Where the member stands to every purpose; without the guardian `but`, to see what follows."""
    minor = is_minor(member.age_band)
    count = {each.guardian.id: each for each in of if each.guardian.id != but}
    found = []
    for purpose in Purpose:
        statements = [_statement(each) for each in said if each.purpose == purpose]
        state = state_of(statements, is_minor=minor, guardian_ids=count, today=today)
        words = _words(statements, count, minor, today)
        ends = [word.ends_on for word in words if word.state is State.GIVEN and word.ends_on]
        found.append(
            Stand(
                purpose,
                state,
                allows(state, purpose, is_minor=minor),
                words,
                min(ends) if ends and state is State.GIVEN else None,
            )
        )
    return found


def _words(
    statements: Sequence[Statement],
    count: Mapping[int, guardians.Known],
    minor: bool,
    today: date,
) -> list[Word]:
    """Each person's own word, as if nobody else had spoken."""
    people: list[int | None] = [*(count if minor else ()), None]
    found = []
    for who in people:
        theirs = [each for each in statements if each.guardian_id == who]
        state = state_of(
            theirs,
            is_minor=minor,
            guardian_ids=() if who is None else (who,),
            today=today,
        )
        if state is State.MISSING:
            continue
        latest = max(
            (each for each in theirs if each.starts_on <= today),
            key=lambda each: (each.starts_on, each.id),
        )
        found.append(Word(None if who is None else count[who], state, latest.ends_on))
    return found


def _statement(record: Consent) -> Statement:
    return Statement(
        record.id,
        record.guardian_id,
        record.answer,
        record.starts_on,
        record.ends_on,
        record.withdrawn_on,
    )


def consent_with_scan(member_id: int, consent_id: int) -> Consent:
    """The statement, if there is a scan of its paper; else NoResultFound."""
    return db.session.scalars(
        select(Consent).where(
            Consent.id == consent_id, Consent.member_id == member_id, Consent.scan.is_not(None)
        )
    ).one()


# Written


def record_consents(
    *,
    member_id: int,
    answers: Mapping[Purpose, Answer],
    given_by: int | None,
    how: How,
    starts_on: date,
    ends_on: date | None,
    by: User | None,
    today: date,
    scan: str | None = None,
) -> list[Consent]:
    """Keep what one person said to several purposes at once: one paper, one save.

    `given_by` is a guardian's id, or None for the member themself. A no holds until it is taken
    back and has no last day.
    """
    member = guardians.kept_member(member_id, by)
    if how is How.LINK:
        raise ValueError("what comes by link is kept by consent_requests")
    if not answers:
        raise Refused(_("Choose yes or no for at least one."), "answers")
    _check_speaker(member, given_by, answers.values(), by)
    _check_days(starts_on, ends_on, today)
    if scan is not None and how is not How.PAPER:
        raise Refused(_("A scan belongs to a signed paper."), "scan")
    added = say(
        member_id=member_id,
        answers=answers,
        given_by=given_by,
        how=how,
        starts_on=starts_on,
        ends_on=ends_on,
        scan=scan,
        by=by,
    )
    changes = {
        "answers": {purpose.value: answer.value for purpose, answer in answers.items()},
        "guardian_id": given_by,
        "how": how.value,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "with_scan": scan is not None,
    }
    audit.record("record_consents", "member", member_id, by=by, changes=changes)
    return added


def say(
    *,
    member_id: int,
    answers: Mapping[Purpose, Answer],
    given_by: int | None,
    how: How,
    starts_on: date,
    ends_on: date | None,
    by: User | None,
    scan: str | None = None,
    request_id: int | None = None,
) -> list[Consent]:
    """Write the statements; who calls this has asked whether they may be, and records it."""
    added = [
        Consent(
            member_id=member_id,
            purpose=purpose.value,
            guardian_id=given_by,
            answer=answer.value,
            how=how.value,
            starts_on=starts_on,
            ends_on=ends_on if answer is Answer.GIVEN else None,
            scan=scan,
            request_id=request_id,
            recorded_by_id=by.id if by is not None else None,
        )
        for purpose, answer in answers.items()
    ]
    db.session.add_all(added)
    db.session.flush()
    for told in HEARD:
        told(member_id)
    return added


def withdraw_consent(
    *,
    member_id: int,
    purposes: Collection[Purpose],
    withdrawn_by: int | None,
    withdrawn_on: date,
    how: How,
    by: User | None,
    today: date,
    reason: str | None = None,
) -> None:
    """Take a yes back from a day on; from today it holds at the next page that is shown.

    Somebody who never said yes (the other guardian did) says no by this: the stricter counts.
    """
    member = guardians.kept_member(member_id, by)
    if how is How.LINK:
        raise ValueError("what comes by link is kept by consent_requests")
    if not purposes:
        raise Refused(_("Choose at least one."), "purposes")
    _check_speaker(member, withdrawn_by, [Answer.REFUSED], by)
    if withdrawn_on.year < today.year - _MOST_YEARS or withdrawn_on.year > today.year + 1:
        raise Refused(_("Give a day of this year."), "withdrawn_on")
    said = db.session.scalars(
        select(Consent).where(
            Consent.member_id == member_id,
            Consent.purpose.in_([each.value for each in purposes]),
            Consent.guardian_id == withdrawn_by
            if withdrawn_by is not None
            else Consent.guardian_id.is_(None),
            Consent.answer == Answer.GIVEN.value,
        )
    ).all()
    taken_back: set[str] = set()
    for each in said:
        if each.withdrawn_on is None or each.withdrawn_on > withdrawn_on:
            each.withdrawn_on = withdrawn_on
        taken_back.add(each.purpose)
    refused = {each: Answer.REFUSED for each in purposes if each.value not in taken_back}
    db.session.flush()
    say(
        member_id=member_id,
        answers=refused,
        given_by=withdrawn_by,
        how=how,
        starts_on=withdrawn_on,
        ends_on=None,
        by=by,
    )
    changes: dict[str, Any] = {
        "purposes": sorted(each.value for each in purposes),
        "guardian_id": withdrawn_by,
        "how": how.value,
        "withdrawn_on": withdrawn_on,
    }
    audit.record("withdraw_consent", "member", member_id, by=by, changes=changes, reason=reason)


def _check_speaker(
    member: Member, who: int | None, answers: Collection[Answer], by: User | None
) -> None:
    """Who may speak for the member, and that nobody records what they said for their own child."""
    minor = is_minor(member.age_band)
    if who is None:
        if minor and Answer.GIVEN in answers:
            raise Refused(
                _("A guardian decides for a minor: a yes of their own does not count, a no does."),
                "given_by",
            )
        return
    if not minor:
        raise Refused(_("This member is grown up and decides alone."), "given_by")
    tie = db.session.scalars(
        select(Guardianship)
        .where(Guardianship.member_id == member.id, Guardianship.guardian_id == who)
        .options(joinedload(Guardianship.guardian))
    ).one_or_none()
    if tie is None:
        raise Refused(_("Choose one of the guardians."), "given_by")
    if by is not None and Answer.GIVEN in answers and (tie.guardian.email or "") == by.email:
        raise Refused(
            _("You are this guardian yourself. Somebody else has to record what you said."),
            "given_by",
        )
    if by is not None and Answer.GIVEN in answers and member.user_id == by.id:
        raise Refused(_("Somebody else has to record what is allowed to you."), "given_by")


def _check_days(starts_on: date, ends_on: date | None, today: date) -> None:
    if starts_on > today:
        raise Refused(_("This date is in the future."), "starts_on")
    if starts_on.year < today.year - _MOST_YEARS:
        raise Refused(_("This is too long ago."), "starts_on")
    if ends_on is not None and ends_on < starts_on:
        raise Refused(_("The last day is before the first."), "ends_on")
    if ends_on is not None and ends_on.year > today.year + _MOST_YEARS:
        raise Refused(
            _("At most %(years)s years. Leave it empty for “until withdrawn”.", years=_MOST_YEARS),
            "ends_on",
        )
