"""What outreach can be told apart by in a report: each a part of the counting rule, and its words.

One table, `DIMENSIONS`. A dimension knows the column that tells, how its values are called, and
what narrows the list of outreach to one of them, so that every number leads to its records. Single
members are none: who did what is told by reports that ask who looks.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Integer, case, cast, extract, func, literal_column, select
from sqlalchemy.orm import aliased

from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.members.disclosure import Viewer
from crm.members.models import Chapter, Team
from crm.members.queries import in_scope
from crm.members.rules import school_year, school_year_starts
from crm.outreach.channels import channels
from crm.outreach.filters import NONE
from crm.outreach.models import Outcome
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.parts import (
    DONE,
    REACH,
    Part,
    action_id,
    of_ask,
    of_chapter,
    of_post,
    of_seat,
    of_target,
    of_team,
    of_term,
)
from crm.outreach.window_rules import ADDRESSES
from crm.reports.rules import channel_label, month_back, month_name
from crm.targets.models import Body, Post, Target
from crm.targets.rules import KINDS, area_name

#: The key of teams a viewer may not see, together.
UNSEEN = -1
#: The Monday that weeks are counted from, as seconds since 1970.
_FIRST_MONDAY, _WEEK = 4 * 86_400, 7 * 86_400


@dataclass(frozen=True)
class Told:
    """One value of a dimension: what it is called, and what narrows the list to it."""

    label: str
    #: None: there is no list of it this viewer may have.
    narrow: Mapping[str, str] | None
    #: What it is sorted by where its size does not sort it.
    place: Any = None


Telling = Callable[[Collection[Any], Viewer], dict[Any, Told]]


@dataclass(frozen=True, kw_only=True)
class Dimension:
    """What lines or columns of a report may be."""

    name: str
    label: Any
    part: Part
    #: The values with their words: one statement at most.
    told: Telling
    is_time: bool = False
    #: Of outcomes: told apart is what came back, and not what it came to.
    of_outcomes: bool = False
    #: Why its lines add up to more than the whole, where they may.
    why_more: Any = ""
    #: What belongs to no line of it at all.
    why_less: Any = ""
    #: All that is in a line of it, as one line; None: everything is.
    covered: Part | None = None
    #: The part as a viewer may know it, where that differs.
    seen: Callable[[Viewer], Part] | None = None

    def part_for(self, viewer: Viewer) -> Part:
        """What tells apart, for the eyes of the viewer."""
        return self.seen(viewer) if self.seen else self.part


# Words


def _plain(name: str, word: Callable[[Any], str], none: Any = "") -> Telling:
    """Values that are their own address."""

    def told(keys: Collection[Any], _viewer: Viewer) -> dict[Any, Told]:
        return {
            key: Told(word(key), {name: str(key)}) if key else Told(str(none), {name: NONE})
            for key in keys
        }

    return told


def _of_rows(name: str, statement: Callable[[], Any], none: Any) -> Telling:
    """Records: a statement of (id, what an address calls it, label)."""

    def told(keys: Collection[Any], _viewer: Viewer) -> dict[Any, Told]:
        found: dict[Any, Told] = {0: Told(str(none), {name: NONE})} if 0 in keys else {}
        wanted = statement()
        ids = wanted.selected_columns[0]
        for some in db.batches(sorted(key for key in keys if key and key > 0), 500):
            for key, address, label in db.session.execute(wanted.where(ids.in_(some))):
                found[key] = Told(label, {name: str(address)})
        return found

    return told


def _asks() -> Any:
    return select(Ask.id, Ask.id, Campaign.name + ": " + Ask.text).join(
        Campaign, Campaign.id == Ask.campaign_id
    )


def _bodies() -> Any:
    above = aliased(Body)
    named = case(
        (
            (Body.classification == "subcommittee") & above.name.is_not(None),
            above.name + ": " + Body.name,
        ),
        else_=Body.name,
    )
    return select(Body.id, Body.id, named).outerjoin(above, above.id == Body.parent_id)


def _teams(keys: Collection[Any], viewer: Viewer) -> dict[Any, Told]:
    rows = db.session.execute(
        select(Team.id, Team.name, Chapter.name)
        .join(Chapter, Chapter.id == Team.chapter_id)
        .where(in_scope(Team.chapter_id, viewer.sees))
    )
    found = {number: Told(f"{chapter}: {name}", {"team": str(number)})
             for number, name, chapter in rows if number in keys}  # fmt: skip
    if 0 in keys:
        found[0] = Told(_("In no team"), {"team": NONE})
    if UNSEEN in keys:
        found[UNSEEN] = Told(_("Teams of other chapters"), None)
    return found


# Periods: a number that sorts, and its first and last day


def _span(first: date, last: date) -> dict[str, str]:
    return {"since": first.isoformat(), "until": last.isoformat()}


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def _days_of_week(number: int) -> tuple[date, date]:
    monday = date(1970, 1, 5) + timedelta(weeks=number)
    return monday, monday + timedelta(days=6)


def _days_of_months(first: date, months: int) -> tuple[date, date]:
    return first, month_back(first, -months) - timedelta(days=1)


#: Of each period: from its number to its first and last day.
DAYS: Mapping[str, Callable[[int], tuple[date, date]]] = {
    "week": _days_of_week,
    "month": lambda number: _days_of_months(date(number // 100, number % 100, 1), 1),
    "quarter": lambda number: _days_of_months(date(number // 10, number % 10 * 3 - 2, 1), 3),
    "school-year": lambda year: (
        school_year_starts(date(year, 1, 1)),
        school_year_starts(date(year + 1, 1, 1)) - timedelta(days=1),
    ),
    "year": lambda year: _days_of_months(date(year, 1, 1), 12),
}
#: Of each period: the number of the one a day lies in.
NUMBERS: Mapping[str, Callable[[date], int]] = {
    "week": lambda day: (week_of(day) - date(1970, 1, 5)).days // 7,
    "month": lambda day: day.year * 100 + day.month,
    "quarter": lambda day: day.year * 10 + (day.month + 2) // 3,
    "school-year": school_year,
    "year": lambda day: day.year,
}


def period_name(kind: str, number: int, *, short: bool = False) -> str:
    """`Week of 5 Oct 2026`, `October 2026`, `2026, quarter 4`, `2026–27`, `2026`."""
    first, _last = DAYS[kind](number)
    if kind == "week":
        written = str(format_date(first, "medium", locale=get_locale() or "en"))
        return written if short else _("Week of %(day)s", day=written)
    if kind == "month":
        return month_name(first, short=short)
    if kind == "quarter":
        return _("%(year)s, quarter %(number)s", year=first.year, number=number % 10)
    if kind == "school-year":
        return f"{number - 1}–{number % 100:02}"
    return str(number)


def _periods(kind: str) -> Telling:
    def told(keys: Collection[Any], _viewer: Viewer) -> dict[Any, Told]:
        return {
            key: Told(period_name(kind, key), _span(*DAYS[kind](key)), place=key) for key in keys
        }

    return told


_OF_REACH, _OF_DONE = frozenset({REACH}), frozenset({DONE})


def _year(table: Any) -> Any:
    return cast(extract("year", table.happened_on), Integer)


def _month(table: Any) -> Any:
    return cast(extract("month", table.happened_on), Integer)


#: The same numbers as `NUMBERS`, reckoned by the database, whichever it is.
_COLUMNS: Mapping[str, Callable[[Any], Any]] = {
    "week": lambda table: (
        (cast(extract("epoch", table.happened_on), Integer) - _FIRST_MONDAY) // _WEEK
    ),
    "month": lambda table: _year(table) * 100 + _month(table),
    "quarter": lambda table: _year(table) * 10 + (_month(table) + 2) // 3,
    "school-year": lambda table: _year(table) + case((_month(table) >= _begins(), 1), else_=0),
    "year": _year,
}


def _begins() -> int:
    return school_year_starts(date(2026, 1, 1)).month


def _period(name: str, label: Any) -> Dimension:
    return Dimension(
        name=name,
        label=label,
        # Kept sums know months: a week is in none.
        part=Part(
            name=name, column=_COLUMNS[name], sums=frozenset() if name == "week" else _OF_DONE
        ),
        told=_periods(name),
        is_time=True,
    )


# Parts


def team_seen(team_id: Any, viewer: Viewer) -> Any:
    """A column of teams' ids as a viewer may know it: those they do not see are one."""
    if viewer.sees.everywhere:
        return team_id
    theirs = select(Team.id).where(in_scope(Team.chapter_id, viewer.sees))
    mine = team_id.in_(theirs) | (team_id == 0)
    return case((mine, team_id), else_=UNSEEN)


def _seen_teams(viewer: Viewer) -> Part:
    if viewer.sees.everywhere:
        return TEAM
    # Several that are told as one are one beside an action.
    told = (
        select(of_team.c.action_id, team_seen(of_team.c.team_id, viewer).label("team_id"))
        .distinct()
        .subquery("seen_team")
    )
    return replace(
        TEAM,
        column=lambda _of: told.c.team_id,
        joins=(lambda rows, of: rows.join(told, told.c.action_id == action_id(of)),),
        only=lambda wanted: [] if wanted.team_id is None else [told.c.team_id == wanted.team_id],
    )


CAMPAIGN = Part(name="campaign", column=lambda of: of.campaign_id, sums=_OF_REACH | _OF_DONE)
CHANNEL = Part(name="channel", column=lambda of: of.channel, sums=_OF_REACH | _OF_DONE)
ASK = Part(
    name="ask",
    column=lambda _of: func.coalesce(of_ask.c.ask_id, 0),
    joins=("ask",),
    only=lambda wanted: [of_ask.c.ask_id == wanted.ask_id] if wanted.ask_id else [],
    repeats=True,
)
CHAPTER = Part(
    name="chapter",
    column=lambda _of: func.coalesce(of_chapter.chapter_id, 0),
    joins=("chapter",),
    only=lambda wanted: (
        [of_chapter.chapter_id.in_(wanted.chapter_ids)] if wanted.chapter_ids else []
    ),
    repeats=True,
    sums=_OF_DONE,
)
TEAM = Part(
    name="team",
    column=lambda _of: of_team.c.team_id,
    joins=("team",),
    only=lambda wanted: [] if wanted.team_id is None else [of_team.c.team_id == wanted.team_id],
    repeats=True,
)
TARGET = Part(name="target", column=lambda of: of.target_id, of_targets=True, sums=_OF_REACH)
KIND = Part(
    name="kind",
    column=lambda _of: of_target.kind,
    of_targets=True,
    joins=("target",),
    sums=_OF_REACH,
)
REGION = Part(
    name="region",
    column=lambda _of: func.coalesce(of_target.region, ""),
    of_targets=True,
    joins=("target",),
    sums=_OF_REACH,
)
AREA = Part(
    name="state",
    column=lambda _of: func.coalesce(of_post.area, ""),
    of_targets=True,
    joins=("term", "post"),
    sums=_OF_REACH,
)
PARTY = Part(
    name="party",
    column=lambda _of: func.coalesce(of_term.party, ""),
    of_targets=True,
    joins=("term",),
    sums=_OF_REACH,
)
COMMITTEE = Part(
    name="committee",
    column=lambda _of: func.coalesce(of_seat.body_id, 0),
    of_targets=True,
    joins=("seat",),
    only=lambda wanted: [of_seat.body_id == wanted.committee_id] if wanted.committee_id else [],
    repeats=True,
    sums=_OF_REACH,
)
BODY = Part(
    name="body",
    column=lambda _of: func.coalesce(of_post.body_id, 0),
    of_targets=True,
    joins=("term", "post"),
    sums=_OF_REACH,
)
POST = Part(
    name="post",
    column=lambda _of: func.coalesce(of_term.post_id, 0),
    of_targets=True,
    joins=("term",),
    sums=_OF_REACH,
)
WENT = Part(
    name="went", column=lambda of: func.coalesce(of.went_to, ""), of_targets=True, sums=_OF_REACH
)
#: What came back, by a name of its own: a filter speaks of outcomes too.
of_outcome = aliased(Outcome)
OUTCOME = Part(name="outcome", column=lambda _of: of_outcome.kind, of_targets=True)

_PUBLIC = _l("What reached the public and no target by name is in no line.")
_REACHED = Part(
    name="reached", column=lambda _of: literal_column("1"), of_targets=True, sums=_OF_REACH
)
_NAMED = Part(name="named", column=lambda _of: literal_column("1"), joins=("named",))

DIMENSIONS: Mapping[str, Dimension] = {
    each.name: each
    for each in (
        Dimension(
            name="target", label=_l("Target"), part=TARGET, why_less=_PUBLIC, covered=_REACHED,
            told=_of_rows("target", lambda: select(Target.id, Target.id, Target.name), ""),
        ),
        Dimension(
            name="kind", label=_l("Kind of target"), part=KIND, why_less=_PUBLIC, covered=_REACHED,
            told=_plain("kind", lambda key: str(KINDS.get(key, key))),
        ),
        Dimension(
            name="state", label=_l("State"), part=AREA, why_less=_PUBLIC, covered=_REACHED,
            told=_plain("area", area_name, _l("No state")),
        ),
        Dimension(
            name="region", label=_l("Region"), part=REGION, why_less=_PUBLIC, covered=_REACHED,
            told=_plain("region", str, _l("No region")),
        ),
        Dimension(
            name="party", label=_l("Party"), part=PARTY, why_less=_PUBLIC, covered=_REACHED,
            told=_plain("party", str, _l("No party")),
        ),
        Dimension(
            name="committee", label=_l("Committee"), part=COMMITTEE,
            why_less=_PUBLIC, covered=_REACHED,
            told=_of_rows("committee", _bodies, _l("On no committee")),
            why_more=_l("A target on several committees counts in the line of each."),
        ),
        Dimension(
            name="body", label=_l("Body"), part=BODY, why_less=_PUBLIC, covered=_REACHED,
            told=_of_rows("body", _bodies, _l("No post")),
        ),
        Dimension(
            name="post", label=_l("Post"), part=POST, why_less=_PUBLIC, covered=_REACHED,
            told=_of_rows("post", lambda: select(Post.id, Post.id, Post.label), _l("No post")),
        ),
        Dimension(
            name="campaign", label=_l("Campaign"), part=CAMPAIGN,
            told=_of_rows(
                "campaign", lambda: select(Campaign.id, Campaign.slug, Campaign.name), ""
            ),
        ),
        Dimension(
            name="ask", label=_l("Ask"), part=ASK,
            told=_of_rows("ask", _asks, _l("Without an ask")),
            why_more=_l("An action with several asks counts in the line of each."),
        ),
        Dimension(
            name="channel", label=_l("Channel"), part=CHANNEL,
            told=_plain("channel", channel_label),
        ),
        Dimension(
            name="chapter", label=_l("Chapter"), part=CHAPTER,
            told=_of_rows(
                "chapter_itself", lambda: select(Chapter.id, Chapter.slug, Chapter.name),
                _l("Without a chapter"),
            ),
            why_more=_l("A joint action counts in the line of each of its chapters."),
        ),
        Dimension(
            name="team", label=_l("Team"), part=TEAM, told=_teams, seen=_seen_teams, covered=_NAMED,
            why_more=_l("An action counts in the line of every team that somebody of it is in."),
            why_less=_l("What nobody is named for is in no line."),
        ),
        _period("week", _l("Week")),
        _period("month", _l("Month")),
        _period("quarter", _l("Quarter")),
        _period("school-year", _l("School year")),
        _period("year", _l("Year")),
        Dimension(
            name="went", label=_l("Kind of address"), part=WENT, why_less=_PUBLIC, covered=_REACHED,
            told=_plain("went", lambda key: str(ADDRESSES.get(key, key)), _l("Not known")),
        ),
        Dimension(
            name="outcome", label=_l("What came back"), part=OUTCOME, of_outcomes=True,
            told=_plain(
                "outcome",
                lambda key: str(outcome_kinds()[key].label) if key in outcome_kinds() else key,
            ),
        ),
    )
}  # fmt: skip


def channel_place(name: str) -> int:
    """Where a channel stands among all."""
    known = list(channels())
    return known.index(name) if name in known else len(known)
