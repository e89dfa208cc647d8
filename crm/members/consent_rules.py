"""What was said for a member, to what purpose, and what that allows on a day. Pure.

For a minor the guardians decide, and of two who differ the stricter; a minor's own no counts too.
Somebody who is grown up decides alone: what guardians said before has lapsed.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from crm.members.rules import school_year


class Purpose(StrEnum):
    """What is asked for."""

    MEMBER = "member"
    CONTACT = "contact"
    FIRST_NAME = "first_name"
    FULL_NAME = "full_name"
    PHOTO = "photo"
    ARTWORK = "artwork"
    MEDIA = "media"
    OFFSITE = "offsite"
    ACCOUNT = "account"


#: What each is called, in a few words.
LABELS: Mapping[Purpose, Any] = {
    Purpose.MEMBER: _l("Be a member"),
    Purpose.CONTACT: _l("Be contacted directly"),
    Purpose.FIRST_NAME: _l("First name on letters"),
    Purpose.FULL_NAME: _l("Full name on letters"),
    Purpose.PHOTO: _l("Photos"),
    Purpose.ARTWORK: _l("Artwork shown"),
    Purpose.MEDIA: _l("Named to the media"),
    Purpose.OFFSITE: _l("Attend off-site"),
    Purpose.ACCOUNT: _l("Have an account"),
}

#: What a yes allows, in a sentence for whoever decides.
MEANINGS: Mapping[Purpose, Any] = {
    Purpose.MEMBER: _l("Take part, and be on the list of the chapter's members."),
    Purpose.CONTACT: _l(
        "Be written to or called directly. A guardian or the chapter's leader always gets a copy."
    ),
    Purpose.FIRST_NAME: _l("Sign letters and cards with the first name."),
    Purpose.FULL_NAME: _l(
        "Sign letters and cards with first and family name. Letters to officials can become public."
    ),
    Purpose.PHOTO: _l("Be recognised in pictures of what the chapter does."),
    Purpose.ARTWORK: _l("Have drawings and other works shown."),
    Purpose.MEDIA: _l("Be named to newspapers, radio and television, and on public pages."),
    Purpose.OFFSITE: _l("Come along to meetings and events away from the school."),
    Purpose.ACCOUNT: _l("Sign in and see their own tasks and hours."),
}

#: What somebody who is grown up allows by taking part, until they say no.
IMPLIED_BY_ADULTS = frozenset(
    {
        Purpose.MEMBER,
        Purpose.CONTACT,
        Purpose.FIRST_NAME,
        Purpose.OFFSITE,
        Purpose.ACCOUNT,
    }
)


class Answer(StrEnum):
    """What was said."""

    GIVEN = "given"
    REFUSED = "refused"


class How(StrEnum):
    """How it was said."""

    PAPER = "paper"
    LINK = "link"
    IN_PERSON = "in person"


class State(StrEnum):
    """Where a member stands to a purpose on a day."""

    GIVEN = "given"
    #: Nobody was asked, or nobody answered.
    MISSING = "missing"
    EXPIRED = "expired"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


#: Somebody said no: stricter than not having been asked.
SAID_NO = frozenset({State.REFUSED, State.WITHDRAWN})

STATE_LABELS: Mapping[State, Any] = {
    State.GIVEN: _l("Yes"),
    State.MISSING: _l("Not asked"),
    State.EXPIRED: _l("Expired"),
    State.REFUSED: _l("No"),
    State.WITHDRAWN: _l("Withdrawn"),
}


@dataclass(frozen=True)
class Statement:
    """What one person said to one purpose. `guardian_id` None: the member themself."""

    #: Tells which of two of the same day came later.
    id: int
    guardian_id: int | None
    answer: str
    starts_on: date
    ends_on: date | None = None
    withdrawn_on: date | None = None


def state_of(
    statements: Iterable[Statement],
    *,
    is_minor: bool,
    guardian_ids: Collection[int],
    today: date,
) -> State:
    """Where a member stands to the purpose these statements are about.

    Of each person the latest counts; who is no guardian of the member (any more) does not.
    """
    latest: dict[int | None, Statement] = {}
    for said in sorted(statements, key=lambda each: (each.starts_on, each.id)):
        if said.starts_on <= today:
            latest[said.guardian_id] = said
    said_by = {who: _standing(said, today) for who, said in latest.items()}
    own = said_by.pop(None, State.MISSING)
    if not is_minor:
        return own
    theirs = [state for who, state in said_by.items() if who in guardian_ids]
    if own in SAID_NO:
        theirs.append(own)
    for state in (State.REFUSED, State.WITHDRAWN, State.GIVEN, State.EXPIRED):
        if state in theirs:
            return state
    return State.MISSING


def _standing(said: Statement, today: date) -> State:
    if said.answer != Answer.GIVEN:
        return State.REFUSED
    if said.withdrawn_on is not None and said.withdrawn_on <= today:
        return State.WITHDRAWN
    if said.ends_on is not None and said.ends_on < today:
        return State.EXPIRED
    return State.GIVEN


def allows(state: State, purpose: Purpose, *, is_minor: bool) -> bool:
    """Whether what is asked for may be done."""
    if state is State.GIVEN:
        return True
    return state is State.MISSING and not is_minor and purpose in IMPLIED_BY_ADULTS


#: Days that must be left of a school year for a consent to end with it, and not with the next.
_LEAST_DAYS = 60


def usual_end(today: date) -> date:
    """Until when a yes holds unless somebody says otherwise: the end of the school year."""
    year = school_year(today)
    end = date(year, 6, 30)
    return end if (end - today).days >= _LEAST_DAYS else date(year + 1, 6, 30)


#: Which ways out a purpose is about: where it is withdrawn, what left by these is told.
EXITS: Mapping[Purpose, frozenset[str]] = {
    Purpose.MEMBER: frozenset({"export", "letter", "print", "mail", "calendar", "media"}),
    Purpose.CONTACT: frozenset({"mail", "export"}),
    Purpose.FIRST_NAME: frozenset({"letter"}),
    Purpose.FULL_NAME: frozenset({"letter"}),
    Purpose.PHOTO: frozenset({"media"}),
    Purpose.ARTWORK: frozenset({"media"}),
    Purpose.MEDIA: frozenset({"media"}),
    Purpose.OFFSITE: frozenset({"calendar"}),
    Purpose.ACCOUNT: frozenset(),
}
