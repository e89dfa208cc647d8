"""What can be frozen, saved and asked again: every report of the catalogue, and those of several
tables (the explorer, the progress report), which say here how they are asked by their address.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Flask, current_app, url_for

from crm.core.errors import Refused
from crm.core.tables import Row
from crm.members.disclosure import Exit, Viewer
from crm.reports import answering
from crm.reports.catalogue import Report, find_report, reports
from crm.reports.comparing import Compared
from crm.reports.drilling import Links, links_of
from crm.reports.extracts import Extract
from crm.reports.forms import Asked, parse

_KEY = "crm_report_sources"
#: In what is kept: the day that the name of a period belongs to.
_ON = "on"
#: From a table, a row's key and its cells to the page of its records.
Lead = Callable[[Extract, str, Row], str | None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an address asks for, once it has been read."""

    #: What asks the same for good: the days of a period that moves are written out.
    given: dict[str, str]
    #: The filters in words.
    facts: Sequence[tuple[str, str]]
    #: The day whose knowledge it tells.
    as_of: date
    #: Whether the answer tells of members, or is less for who sees fewer of them.
    tells_of_members: bool = False
    #: What asks the same with what is known now.
    now: dict[str, str]
    #: What is saved under a name: a period that moves stays one.
    moving: dict[str, str]


def _nowhere(*_row: Any) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A report as something that can be kept and asked again."""

    name: str
    title: Any
    icon: str
    #: One line of what it tells.
    told: Any
    #: Its page with these filters.
    address: Callable[[Mapping[str, str]], str]
    #: What an address asks for, for whose eyes, read on a day. Raises `Refused` with what cannot be
    #: meant.
    read: Callable[[Mapping[str, str], Viewer, date], Reading]
    #: Its tables, as a file for this viewer would have them: members are numbers.
    answer: Callable[[Flask, Mapping[str, str], Viewer], Sequence[Extract]]
    #: Where the records of its rows are, for who looks.
    leads: Callable[[Flask, Mapping[str, str], Viewer], Lead] = lambda *_asked: _nowhere


def init_app(app: Flask) -> None:
    """Begin with the catalogue alone."""
    app.extensions.setdefault(_KEY, {})


def add_source(app: Flask, source: Source) -> None:
    """Let a report that is not of the catalogue be kept."""
    app.extensions.setdefault(_KEY, {})[source.name] = source


def source(name: str) -> Source | None:
    """The report of this name, if there is one."""
    if (report := find_report(name)) is not None:
        return _of_catalogue(report)
    found: Source | None = current_app.extensions[_KEY].get(name)
    return found


def sources() -> list[Source]:
    """All of them, those of the catalogue first."""
    return [
        *(_of_catalogue(report) for report in reports().values()),
        *current_app.extensions[_KEY].values(),
    ]


def beside_catalogue() -> list[Source]:
    """Those that are not of the catalogue."""
    return list(current_app.extensions[_KEY].values())


def given_by(args: Mapping[str, str]) -> dict[str, str]:
    """What a sent address says of a report, to be put into others: without what is no word of a
    report and means something to whoever builds an address (`_external`, the report's `name`).
    """
    return {
        name: value
        for name, value in args.items()
        if value and name != "name" and not name.startswith("_")
    }


def _of_catalogue(report: Report) -> Source:
    return Source(
        name=report.name,
        title=report.title,
        icon=report.icon,
        told=report.description,
        address=lambda given: url_for("reports.page", name=report.name, **given),  # type: ignore[arg-type]
        read=lambda given, viewer, on: _read(report, given, viewer, on),
        answer=lambda app, given, viewer: [_answer(app, report, given, viewer)],
        leads=lambda _app, given, viewer: _leads(_asked(report, given, viewer)),
    )


def _asked(
    report: Report, given: Mapping[str, str], viewer: Viewer, on: date | None = None
) -> Asked:
    asked = parse(given, report, viewer, on=_day(given) or on)
    if asked.problems:
        raise Refused(" ".join(asked.problems))
    return asked


def _read(report: Report, given: Mapping[str, str], viewer: Viewer, on: date) -> Reading:
    asked = _asked(report, given, viewer, on)
    sort = {"sort": given["sort"]} if given.get("sort") else {}
    days = asked.fixed
    if asked.compare and (asked.period or asked.so_far):
        # The term before is no number of days: what a period is compared with needs its name, and
        # one that goes on the day up to which it is told.
        days = {**asked.address, _ON: asked.on.isoformat()}
    meant = {**days, **sort}
    shown = asked.shown
    return Reading(
        given=meant,
        facts=asked.told(Exit.EXPORT),
        as_of=asked.as_of or on,
        # Whoever a member is, is told by a number; but how many of them follows who looks.
        tells_of_members=shown.shows_people
        or shown.limits is not None
        or not meant.keys().isdisjoint({"member", "team"}),
        # What is known now, and not what was known on the day it was told of.
        now={name: value for name, value in meant.items() if name != "as_of"},
        moving={**asked.address, **sort},
    )


def _answer(app: Flask, report: Report, given: Mapping[str, str], viewer: Viewer) -> Extract:
    asked = _asked(report, given, viewer)
    question = asked.question(viewer, Exit.EXPORT)
    return answering.extract(app, asked.shown, question, given.get("sort"), _lasting(asked))


def _day(given: Mapping[str, str]) -> date | None:
    try:
        return date.fromisoformat(given.get(_ON, ""))
    except ValueError:
        return None


def _lasting(asked: Asked) -> list[tuple[str, str]]:
    """The facts that are the same whenever it is asked: neither the day nor notes about it."""
    told = asked.told(Exit.EXPORT)
    return told[: len(told) - len(asked.notes) - bool(asked.as_of)]


def _leads(asked: Asked) -> Lead:
    """The page of what a row is about, else the list behind it."""
    shown = asked.shown
    if isinstance(shown, Compared):
        return lambda _extract, key, row: _of_compared(shown, asked, key, row)
    links = links_of(asked)
    counted = shown.columns[shown.place(shown.counts)]

    def lead(_extract: Extract, key: str, row: Row) -> str | None:
        own = own_key(key)
        if shown.key is not None or own is None or len(row) != len(shown.columns):
            return None
        whole = (*row, own)
        return links.record(whole) or links.records(counted, whole)

    return lead


def _of_compared(report: Compared, asked: Asked, key: str, row: Row) -> str | None:
    own = own_key(str(own_key(key)))
    if report.base.key is not None or own is None:
        return None
    blank = (None,) * (len(report.base.columns) - 1)
    return Links(report.base, asked.written).record((row[0], *blank, own))


def own_key(key: str) -> Any:
    """What a row carried beside its cells, from the text it is told by; None of a sum of others."""
    try:
        own = json.loads(key.split("\x00", 1)[0])
    except ValueError:
        return None
    return None if isinstance(own, list) and own[:1] == [None] else own
