"""How long an answer may take, and when somebody is asked whether it came. Pure.

A row that waits is asked about twice at most, a week apart, and is closed a week after that. A
person who answers “nothing yet” leaves that course as it is; one who says when to ask again begins
it anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l

WASHINGTON, DISTRICT, MISSION = "washington", "district", "mission"
GOVERNMENT, ONLINE, ANY = "government", "online", "any"

#: Kinds of address, in the order a page shows them.
ADDRESSES: Mapping[str, Any] = {
    WASHINGTON: _l("Office in Washington"),
    DISTRICT: _l("District or state office"),
    MISSION: _l("Embassy or mission"),
    GOVERNMENT: _l("Government or ministry"),
    ONLINE: _l("E-mail or web form"),
    ANY: _l("Any address"),
}
#: Days by channel and kind of address, where nobody has said otherwise.
#:
#: Mail to Congress in Washington is opened, tested and irradiated away from the Capitol since the
#: anthrax letters of 2001, which takes two to three weeks before an office has it; a district
#: office gets its mail from the carrier. Offices take about five weeks to answer. Ministries answer
#: through their embassy or by air mail. WriteToThem, which has asked about answers to e-mail since
#: 2005, asks after two weeks. A meeting is answered by a note within two.
DEFAULTS: Mapping[tuple[str, str], int] = {
    ("letter", WASHINGTON): 56,
    ("letter", DISTRICT): 35,
    ("letter", MISSION): 42,
    ("letter", GOVERNMENT): 56,
    ("letter", ANY): 42,
    ("postcard", WASHINGTON): 56,
    ("postcard", DISTRICT): 35,
    ("postcard", MISSION): 42,
    ("postcard", GOVERNMENT): 56,
    ("postcard", ANY): 42,
    ("email", ONLINE): 14,
    ("meeting", ANY): 14,
    ("petition", ANY): 42,
}
#: Of a channel that nobody has given days.
OTHERWISE = 42
#: Under what the days between two questions are kept, beside the windows.
AGAIN = ("again", ANY)
AGAIN_DAYS = 7
LEAST, MOST = 1, 365
#: How often one row is asked about.
ASKED_AT_MOST = 2

NO_ANSWER, LEFT_OFFICE = "no answer", "left office"
CLOSED: Mapping[str, Any] = {
    NO_ANSWER: _l("closed without answer"),
    LEFT_OFFICE: _l("closed: left office"),
}

#: Of what waited before there were windows: sittings one leader is asked about a day at least, and
#: over how many days all of it is spread.
OLD_A_DAY, OLD_OVER = 3, 60

_MISSION_WORDS = frozenset({"embassy", "mission", "consulate", "legation", "chancery"})
_WASHINGTON_WORDS = frozenset({"dc", "washington"})


def address_kind(kind: str, key: str | None, words: frozenset[str], *, is_capital: bool) -> str:
    """The kind of a postal address: of whom (`kind` of target), its key, the words of its label."""
    if words & _MISSION_WORDS:
        return MISSION
    if kind == "legislator":
        federal = (key or "").startswith("dc/") or bool(words & _WASHINGTON_WORDS)
        return WASHINGTON if is_capital and federal else DISTRICT
    if kind in ("government", "body"):
        return GOVERNMENT
    return ANY


@dataclass(frozen=True)
class Windows:
    """The days in force: what was said, else the defaults."""

    said: Mapping[tuple[str, str], int]

    def days(self, channel: str, address: str) -> int:
        """How long an answer by this channel from this kind of address may take."""
        for key in ((channel, address), (channel, ANY)):
            if key in self.said:
                return self.said[key]
            if key in DEFAULTS:
                return DEFAULTS[key]
        return OTHERWISE

    @property
    def again(self) -> int:
        """Days between two questions, and from the second to the end."""
        return self.said.get(AGAIN, AGAIN_DAYS)

    def told(self, channel: str) -> tuple[int, int]:
        """The shortest and the longest window of a channel."""
        found = [self.days(channel, address) for address in asked_of(channel)]
        return min(found), max(found)


def asked_of(channel: str) -> list[str]:
    """Kinds of address in which a channel's windows differ."""
    return [address for name, address in DEFAULTS if name == channel] or [ANY]


@dataclass(frozen=True)
class Wait:
    """Where one row stands that waits, or waited, for an answer."""

    ask_on: date | None
    asked: int = 0
    said_on: date | None = None
    closed_on: date | None = None
    closed_why: str | None = None
    #: The kind of address it went to, which stays as it was.
    went_to: str | None = None

    def is_due(self, today: date) -> bool:
        """Whether its leader has something to say about it: by the date, whoever has asked."""
        if self.closed_on is not None or self.ask_on is None:
            return False
        return self.ask_on <= today or (self.asked > 0 and self.said_on is None)


def by_the_clock(wait: Wait, today: date, again: int) -> Wait:
    """What the day brings: a question, the end, or nothing. Days that were missed bring one."""
    if wait.closed_on is not None or wait.ask_on is None or wait.ask_on > today:
        return wait
    if wait.asked >= ASKED_AT_MOST:
        return closed(wait, today, NO_ANSWER)
    return replace(wait, asked=wait.asked + 1, ask_on=today + timedelta(days=again), said_on=None)


def nothing_yet(wait: Wait, today: date, again: int) -> Wait:
    """Somebody said that nothing has come: the course goes on, and the page leaves them alone."""
    return replace(by_the_clock(wait, today, again), said_on=today)


def later(wait: Wait, today: date, days: int) -> Wait:
    """Somebody waits on and says when to ask: the course begins anew on that day."""
    return replace(wait, asked=0, ask_on=today + timedelta(days=days), said_on=today)


def closed(wait: Wait, today: date, why: str) -> Wait:
    """Nobody waits any longer."""
    return replace(wait, closed_on=today, closed_why=why)


def old_a_day(sittings: int) -> int:
    """Of so many old sittings of one leader, how many are asked about a day."""
    return max(OLD_A_DAY, -(-sittings // OLD_OVER))
