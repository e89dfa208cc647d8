"""The front page: what each role looks at first. Numbers, drawings of them, and what waits.

Who coordinates sees this month, the way from handed out to moved, goals and what waits; staff see
the whole and what is stale; a leader their chapters and what comes next; others look on. Numbers
of outreach are nobody's secret; of people only a leader sees how many took part, in their chapters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core import access, shell
from crm.core.access import Can
from crm.core.charts import Bar, Chart, bars, line, lines, stacked
from crm.core.shell import number
from crm.core.tiles import US, WORLD, TileMap
from crm.members import queries as members
from crm.members.models import Chapter
from crm.outreach import maps
from crm.outreach.channels import channels
from crm.outreach.queries import ActionFilter
from crm.outreach.where import Place, where
from crm.reports import front_numbers as numbers
from crm.reports.front_numbers import MonthSum
from crm.reports.rules import Tally, month_back, month_name, month_of, months_between
from crm.tasks import panels as task_panels
from crm.tasks.queries import TaskFilter
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import ledger

#: Months in the charts.
MONTHS = 12
#: Campaigns and chapters shown, goals of a campaign, channels that get a line.
CAMPAIGNS, CHAPTERS, GOALS, LINES = 6, 8, 2, 5


class Page(StrEnum):
    """Whose front page it is."""

    STAFF = "staff"
    COORDINATOR = "coordinator"
    LEADER = "leader"
    VIEWER = "viewer"


def page_of(user: Any) -> Page:
    """By what somebody may do: administrators see what staff see."""
    for can, page in (
        (Can.EDIT_CHAPTERS, Page.STAFF),
        (Can.EDIT_CAMPAIGNS, Page.COORDINATOR),
        (Can.ASSIGN_TASKS, Page.LEADER),
    ):
        if access.may(user, can):
            return page
    return Page.VIEWER


@dataclass(frozen=True)
class Stat:
    """A number, what it is beside, and where it leads. `before` is the month before's."""

    label: str
    now: int
    before: int | None = None
    url: str | None = None
    trend: Chart | None = None
    note: str = ""
    is_late: bool = False

    @property
    def change(self) -> int:
        """How much more than in the month before."""
        return self.now - (self.before or 0)


def content(user: Any, today: date) -> dict[str, Any]:
    """What the template is given. `start` is None once something is logged."""
    page = page_of(user)
    first = month_back(today, MONTHS - 1)
    theirs = _chapters(user) if page is Page.LEADER else []
    ids = [each.id for each in theirs] if page is Page.LEADER else None
    sums = numbers.months(first, ids)
    # What was done this year answers it already that something is logged.
    start = None if sums else numbers.beginning()
    shown: dict[str, Any] = {
        "page": page.value,
        "start": start,
        "urgent": shell.panels("front-top", user),
        "told": _told(sums, today),
        "first": first,
        "chapters_named": _named(theirs),
    }
    if start is not None:
        return shown
    if page is Page.LEADER:
        return shown | _leader(theirs, sums, first, today)
    whole = numbers.whole(first, today)
    shown["stats"] = _stats(sums, whole, first, today)
    if page is not Page.VIEWER:
        found = whole.funnel(sum(each.pieces for each in sums))
        shown["funnel"] = None if found.is_empty else found
    if page is Page.STAFF:
        return shown | _staff(user, whole, sums, first, today)
    places = ("front", "front-plain") if page is Page.VIEWER else ("front",)
    return shown | {
        "year": by_channel(sums, today),
        "campaigns": _campaigns(today),
        "panels": [panel for place in places for panel in shell.panels(place, user)],
    }


def _stats(sums: Sequence[MonthSum], whole: numbers.Whole, first: date, today: date) -> list[Stat]:
    month, before = month_of(today), month_back(today, 1)
    came = numbers.answers(first)
    received = _by_month(came)
    since: dict[str, Any] = {"since": month.isoformat()}
    by_month = url_for("reports.page", name="activity-by-period", **since)
    pieces, actions = _totals(sums, "pieces"), _totals(sums, "actions")
    every = months_between(first, today)

    def trend(label: str, by_month: Mapping[date, int]) -> Chart:
        return line(_("%(what)s over 12 months", what=label),
                    [by_month.get(each, 0) for each in every], height=34)  # fmt: skip

    labels = (_("Pieces and acts"), _("Actions logged"), _("Answers received"))
    return [
        Stat(labels[0], pieces.get(month, 0), pieces.get(before, 0), by_month,
             trend(labels[0], pieces)),
        Stat(labels[1], actions.get(month, 0), actions.get(before, 0),
             url_for("outreach.index", **since),
             trend(labels[1], actions)),
        Stat(_("Targets reached"), whole.reached, whole.reached_before,
             url_for("reports.page", name="activity-by-target", **since)),
        Stat(labels[2], received.get(month, 0), received.get(before, 0),
             url_for("reports.page", name="answers", sort="-received"),
             trend(labels[2], received)),
    ]  # fmt: skip


def _totals(sums: Sequence[MonthSum], what: str) -> dict[date, int]:
    found: dict[date, int] = {}
    for each in sums:
        found[each.month] = found.get(each.month, 0) + getattr(each, what)
    return found


def _by_month(days: Mapping[date, int]) -> dict[date, int]:
    found: dict[date, int] = {}
    for day, count in days.items():
        found[month_of(day)] = found.get(month_of(day), 0) + count
    return found


def _told(sums: Sequence[MonthSum], today: date) -> str:
    """This month's pieces and acts in words: `120 postcards and 2 meetings`."""
    month = month_of(today)
    return Tally({each.channel: each.pieces for each in sums if each.month == month}, 0).told


def _series(sums: Sequence[MonthSum], every: Sequence[date]) -> list[tuple[str, list[int]]]:
    found = {(each.channel, each.month): each.pieces for each in sums}
    return [
        (str(channel.label), [found.get((name, month), 0) for month in every])
        for name, channel in channels().items()
    ]


def by_channel(sums: Sequence[MonthSum], today: date) -> Chart:
    """The last twelve months, stacked by channel."""
    every = months_between(month_back(today, MONTHS - 1), today)
    return stacked(
        _("Outreach over the last 12 months"),
        [month_name(month, short=True) for month in every],
        _series(sums, every),
        head=_("Month"),
    )


def trend_by_channel(sums: Sequence[MonthSum], today: date) -> Chart:
    """A line each of the channels that did most; the others are one."""
    every = months_between(month_back(today, MONTHS - 1), today)
    ranked = sorted(_series(sums, every), key=lambda each: -sum(each[1]))
    shown = [each for each in ranked if any(each[1])]
    if len(shown) > LINES:
        rest = [sum(column) for column in zip(*(each[1] for each in shown[LINES:]), strict=True)]
        shown = [*shown[:LINES], (str(_("All others")), rest)]
    return lines(
        _("Outreach by channel over the last 12 months"),
        [month_name(month, short=True) for month in every],
        shown,
        head=_("Month"),
    )


def _campaigns(today: date) -> list[dict[str, Any]]:
    return [
        {"campaign": campaign, "goals": goals[:GOALS]}
        for campaign, goals in numbers.campaigns(today, CAMPAIGNS)
    ]


# Staff


def _staff(
    user: Any, whole: numbers.Whole, sums: Sequence[MonthSum], first: date, today: date
) -> dict[str, Any]:
    most = numbers.chapters(first, CHAPTERS)
    known = ledger()
    us, world = _maps({state.iso3: state.name for state in known.states})
    return {
        "year": trend_by_channel(sums, today),
        "by_chapter": bars(
            _("Chapters that did most"),
            [Bar(name, pieces) for _slug, name, pieces in most],
            heads=(_("Chapter"), _("Pieces and acts")),
        ),
        "chapters": most,
        "us_map": us,
        "world_map": world,
        "treaties": [
            (treaty, known.counts(treaty.key, today)) for treaty in INSTRUMENTS.values()
        ] if known.events else [],
        "stale": _stale(whole),
        "panels": shell.panels("front-whole", user),
    }  # fmt: skip


def _maps(names: Mapping[str, str]) -> tuple[TileMap | None, TileMap | None]:
    found = where(ActionFilter())

    def address(place: Place) -> str:
        if place.target_id is None:
            return url_for("outreach.index", area=place.code)
        return url_for("outreach.index", target=place.target_id)

    us = maps.by_times("us", _("Times the targets of each state were reached"), US,
                       maps.area_names(), found.states, address)  # fmt: skip
    world = maps.by_times("world", _("Times each government was reached"), WORLD, names,
                          found.countries, address)  # fmt: skip
    return us if found.states else None, world if found.countries else None


def _stale(whole: numbers.Whole) -> list[tuple[str, str]]:
    """What nobody has looked after, each with its page; nothing where all is well."""
    many = number(min(whole.unanswered, numbers.COUNTED))
    told = [
        (
            whole.unanswered,
            _("More than %(number)s contacts have waited for an answer for 30 days or more.",
              number=many)
            if whole.unanswered > numbers.COUNTED
            else ngettext("%(many)s contact has waited for an answer for 30 days or more.",
                          "%(many)s contacts have waited for an answer for 30 days or more.",
                          whole.unanswered, many=many),
            url_for("outreach.waiting"),
        ),
        (
            whole.overdue,
            ngettext("%(many)s commitment is overdue.", "%(many)s commitments are overdue.",
                     whole.overdue, many=number(whole.overdue)),
            url_for("outreach.commitments", state="overdue"),
        ),
        (
            whole.quiet,
            ngettext("%(many)s campaign is on, and nothing was logged for it this month or the "
                     "last.", "%(many)s campaigns are on, and nothing was logged for them this "
                     "month or the last.", whole.quiet, many=number(whole.quiet)),
            url_for("campaigns.index"),
        ),
    ]  # fmt: skip
    return [(words, url) for count, words, url in told if count]


# A leader


def _chapters(user: Any) -> list[Chapter]:
    return members.chapters_in(access.scope(user, Can.ASSIGN_TASKS))


def _named(chapters: Sequence[Chapter]) -> str:
    """The chapter, or how many there are."""
    if len(chapters) == 1:
        return chapters[0].name
    return ngettext("%(num)s chapter", "%(num)s chapters", len(chapters)) if chapters else ""


def _leader(
    chapters: Sequence[Chapter], sums: Sequence[MonthSum], first: date, today: date
) -> dict[str, Any]:
    ids = [each.id for each in chapters]
    month, before = month_of(today), month_back(today, 1)
    theirs = numbers.theirs(ids, today)
    received = _by_month(numbers.answers(first, ids))
    pieces = _totals(sums, "pieces")
    every = months_between(first, today)
    # One address for all of them: the chapter above the others, where there is one.
    top = chapters[0].slug if _is_one_tree(chapters) else None
    told: dict[str, Any] = {"chapter": top} if top else {}
    since: dict[str, Any] = {"since": month.isoformat(), **told}
    return {
        "stats": [
            Stat(_("Pieces and acts"), pieces.get(month, 0), pieces.get(before, 0),
                 url_for("reports.page", name="activity-by-period", **since),
                 line(_("Pieces and acts over 12 months"),
                      [pieces.get(each, 0) for each in every], height=34)),
            Stat(_("Answers received"), received.get(month, 0), received.get(before, 0),
                 url_for("reports.page", name="answers", sort="-received", **told),
                 line(_("Answers received over 12 months"),
                      [received.get(each, 0) for each in every], height=34)),
            Stat(_("Members who took part"), theirs.took_part, None,
                 url_for("reports.page", name="activity-by-member", **since),
                 note=_("this month, by name")),
            Stat(_("Tasks overdue"), theirs.overdue, None,
                 url_for("tasks.index", due="overdue", view="list", **told),
                 note=_("all of %(chapters)s; %(open)s open, %(done)s done this month",
                        chapters=_named(chapters), open=number(theirs.open),
                        done=number(theirs.done)),
                 is_late=bool(theirs.overdue)),
        ],
        "year": by_channel(sums, today),
        "next": task_panels.open_tasks(TaskFilter()),
        "campaigns": _campaigns(today),
        "log_url": url_for("outreach.log_start"),
        "panels": [],
    }  # fmt: skip


def _is_one_tree(chapters: Sequence[Chapter]) -> bool:
    return bool(chapters) and all(each.path.startswith(chapters[0].path) for each in chapters)


def last_month(today: date) -> str:
    """The name of the month before."""
    return month_name(month_of(today) - timedelta(days=1), alone=True)
