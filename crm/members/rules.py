"""What is true of members, chapters and roles, without the database."""

import re
import unicodedata
from datetime import date
from enum import StrEnum

from flask_babel import gettext as _

from crm.core.access import Role
from crm.core.text import fold, one_line

#: Characters of one part of a name.
NAME_MOST = 100
#: Characters of the folded name that are kept: an index entry must stay small on every database.
_SEARCH_MOST = 200
#: Years of graduation that can be meant.
YEARS = range(1950, 2101)
#: The month a new school year is counted from: whoever graduates in 2026 is an alumnus in July.
_NEW_SCHOOL_YEAR = 7
#: Which way a line runs is no part of a name, beside what no line of text has (`one_line`).
_TURNING = re.compile("[\u200e\u200f]")


class Kind(StrEnum):
    """What a chapter is, from the widest down."""

    NETWORK = "network"
    NATIONAL = "national"
    STATE = "state"
    SCHOOL = "school"
    GROUP = "group"


_RANKS = {Kind.NETWORK: 0, Kind.NATIONAL: 1, Kind.STATE: 2, Kind.SCHOOL: 3, Kind.GROUP: 3}


class AgeBand(StrEnum):
    """How old a member is, as far as it matters. Whose age is unknown counts as a minor.

    Where one band ends and the next begins is a setting (`CRM_AGE_BOUNDS`): laws differ.
    """

    CHILD = "child"
    YOUNG_TEEN = "young_teen"
    OLDER_TEEN = "older_teen"
    ADULT = "adult"
    UNKNOWN = "unknown"


#: Years at which the second, third and last band begin, unless the setting says otherwise.
AGE_BOUNDS = (13, 16, 18)


def is_minor(age_band: str) -> bool:
    """Whether a guardian decides."""
    return age_band != AgeBand.ADULT


def band_of(years: int, bounds: tuple[int, int, int] = AGE_BOUNDS) -> AgeBand:
    """The band of an age in years."""
    bands = (AgeBand.CHILD, AgeBand.YOUNG_TEEN, AgeBand.OLDER_TEEN, AgeBand.ADULT)
    return bands[sum(years >= bound for bound in bounds)]


def band_name(age_band: str, bounds: tuple[int, int, int] = AGE_BOUNDS) -> str:
    """A band in the reader's words: `13–15`."""
    first, second, grown = bounds
    return {
        AgeBand.CHILD: _("under %(years)s", years=first),
        AgeBand.YOUNG_TEEN: f"{first}–{second - 1}" if second - 1 > first else f"{first}",
        AgeBand.OLDER_TEEN: f"{second}–{grown - 1}" if grown - 1 > second else f"{second}",
        AgeBand.ADULT: _("adult"),
        AgeBand.UNKNOWN: _("unknown"),
    }[AgeBand(age_band)]


class Standing(StrEnum):
    """Which members a list shows."""

    CURRENT = "current"
    ALUMNI = "alumni"
    ALL = "all"


def kind_name(kind: str) -> str:
    """A chapter's kind in the reader's words."""
    return {
        Kind.NETWORK: _("Network"),
        Kind.NATIONAL: _("National campaign"),
        Kind.STATE: _("State campaign"),
        Kind.SCHOOL: _("School"),
        Kind.GROUP: _("Group"),
    }[Kind(kind)]


def role_name(role: str) -> str:
    """A role in the reader's words."""
    return {
        Role.ADMINISTRATOR: _("Administrator"),
        Role.STAFF: _("Staff"),
        Role.COORDINATOR: _("Coordinator"),
        Role.LEADER: _("Leader"),
        Role.MEMBER: _("Member"),
        Role.VIEWER: _("Viewer"),
    }[Role(role)]


def role_meaning(role: str) -> str:
    """What somebody with the role can do, in one sentence."""
    return {
        Role.ADMINISTRATOR: _("Everything, and invites people and gives them roles."),
        Role.STAFF: _("All that coordinators can, chapters, and downloads that name members."),
        Role.COORDINATOR: _(
            "Logs and corrects outreach, keeps targets and campaigns, approves texts, signs hours, "
            "exports."
        ),
        Role.LEADER: _(
            "Keeps the members of the chapter, hands out tasks and packs, logs outreach and "
            "answers."
        ),
        Role.MEMBER: _("Sees targets, campaigns and outreach, and does their own tasks."),
        Role.VIEWER: _("Sees targets, campaigns, outreach and reports; changes nothing."),
    }[Role(role)]


def clean_name(text: str | None) -> str:
    """A name as it is kept: single blanks, nothing that cannot be seen."""
    if text and text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_TURNING.sub("", one_line(unicodedata.normalize("NFC", text or ""))).split())


def name_fault(name: str) -> str | None:
    """What is wrong with a cleaned name, in a sentence; None when it can be kept."""
    if not name.isprintable() and any(unicodedata.category(each) == "Cc" for each in name):
        return _("This holds a character that cannot be kept.")
    if len(name) > NAME_MOST:
        return _("Use at most %(most)s characters.", most=NAME_MOST)
    if not fold(name):
        return _("Write the name with at least one letter.")
    return None


def search_key(given_name: str, family_name: str | None) -> str:
    """Folded "family given": what the `search` column of a member holds."""
    # Apart, as each of them is found again in other names.
    return f"{fold(family_name or '')} {fold(given_name)}".strip()[:_SEARCH_MOST].rstrip()


def school_year(today: date) -> int:
    """The year in which the school year that `today` falls into ends: 2026 until June 2026."""
    return today.year + (today.month >= _NEW_SCHOOL_YEAR)


def school_year_starts(today: date) -> date:
    """The first day of the school year that `today` falls into."""
    return date(school_year(today) - 1, _NEW_SCHOOL_YEAR, 1)


def has_graduated(graduation_year: int | None, today: date) -> bool:
    """Whether the school year of graduation is over."""
    return graduation_year is not None and graduation_year < school_year(today)


def is_open(left_on: date | None, today: date) -> bool:
    """Whether a membership that ends on `left_on` still lasts."""
    return left_on is None or left_on > today


def fits_below(kind: str, parent_kind: str) -> bool:
    """Whether a chapter of this kind may hang under one of the parent's kind."""
    return _RANKS[Kind(parent_kind)] <= _RANKS[Kind(kind)]


#: What people read into a printed code that has neither of these letters.
_MISREAD = str.maketrans({"O": "0", "I": "1", "L": "1"})


def read_code(typed: str) -> str:
    """The printed code somebody typed, whatever the case, blanks, dashes, and O for 0, I for 1."""
    return "".join(filter(str.isalnum, typed.upper())).translate(_MISREAD)
