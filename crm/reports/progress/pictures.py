"""What of a progress report's tables is drawn: the page and the paper have the same drawings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import charts, tiles
from crm.core.charts import Bar, Chart
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.core.tiles import Tile, TileMap
from crm.outreach.channels import channels
from crm.reports.extracts import Extract
from crm.reports.rules import month_back, month_name, months_between

#: Bars one chart has, and months.
BARS, MONTHS = 10, 24
#: Columns a reader has no room for; files keep them.
_LEFT_OUT = {
    "activity-by-target": ("office", "actions", "answers"),
    "activity-by-campaign": ("goal", "last", "actions"),
    "response-rate": ("days", "waiting", "closed", "returned", "answers"),
    "activity-by-channel": ("last", "actions"),
    "changes": ("campaign", "by", "last", "many"),
    "coverage": ("office", "actions", "many", "channel", "chapters"),
    "commitments": ("many", "next"),
    "outcomes": ("last",),
    "service-hours": ("minutes", "unsigned"),
    "by-state": ("code",),
    "by-country": ("code",),
}
Picture = Chart | TileMap


def pictures(found: Extract) -> list[Picture]:
    """The drawings of a table; none of one that is told by its rows alone."""
    found = found.more.get("long", found)
    draw = _DRAWN.get(found.name)
    picture = draw(found) if draw and found.rows else None
    return [picture] if picture else []


def across(found: Extract) -> Extract:
    """Months and channels as a line a month: the same sums, a column a channel."""
    if found.name != "activity-by-period" or not found.rows:
        return found
    names = list(dict.fromkeys(row[1] for row in found.rows))
    sums = {(row[0], row[1]): row[2] for row in found.rows}
    months = sorted({row[0] for row in found.rows}, reverse=True)
    rows = [
        (month, *(sums.get((month, name)) for name in names),
         sum(sums.get((month, name), 0) for name in names))
        for month in months
    ]  # fmt: skip
    totals = (None, *(sum(sums.get((month, name), 0) for month in months) for name in names),
              sum(sums.values()))  # fmt: skip
    return replace(
        found,
        columns=[found.columns[0], *(Column(name, name, Kind.NUMBER, 9) for name in names),
                 Column("all", _("All"), Kind.NUMBER, 9)],
        rows=rows,
        keys=[str(month) for month in months],
        totals=totals,
        more={**found.more, "long": found},
    )  # fmt: skip


def narrowed(found: Extract, *, whole: bool = False) -> Extract:
    """The table without what is left out and without columns that hold nothing; of a `whole` one
    only without those.
    """
    left_out = () if whole else _LEFT_OUT.get(found.name, ())
    places = [
        at
        for at, column in enumerate(found.columns)
        if column.key not in left_out
        and (column.kind is not Kind.TEXT or any(row[at] for row in found.rows))
    ]

    def cells(row: Row) -> Row:
        return tuple(row[at] for at in places)

    return replace(
        found,
        columns=[found.columns[at] for at in places],
        rows=[cells(row) for row in found.rows],
        totals=None if found.totals is None else cells(found.totals),
    )


def _at(found: Extract, key: str) -> int:
    return [column.key for column in found.columns].index(key)


def _bars(title: Any, key: str) -> Callable[[Extract], Picture | None]:
    def draw(found: Extract) -> Picture | None:
        at = _at(found, key)
        rows = [row for row in found.rows if row[at]][:BARS]
        return charts.bars(title, [Bar(str(row[0]), row[at]) for row in rows]) if rows else None

    return draw


def _outcomes(found: Extract) -> Picture | None:
    sums: dict[str, int] = {}
    at = _at(found, "many")
    for row in found.rows:
        sums[row[0]] = sums.get(row[0], 0) + row[at]
    ranked = sorted(sums.items(), key=lambda pair: -pair[1])[:BARS]
    return charts.bars(_("What came back"), [Bar(label, many) for label, many in ranked])


def _rates(found: Extract) -> Picture | None:
    at = _at(found, "rate")
    rows = [row for row in found.rows if isinstance(row[at], Share) and row[at].of]
    bars = [Bar(str(row[0]), row[at].ratio, str(row[at])) for row in rows]
    return charts.bars(_("Answer rate by channel"), bars, most=1.0) if bars else None


def _months(found: Extract) -> Picture | None:
    last = max(row[0] for row in found.rows)
    first = max(min(row[0] for row in found.rows), month_back(last, MONTHS - 1))
    months = months_between(first, last)
    sums = {(row[0], row[1]): row[2] for row in found.rows}
    names = [str(each.label) for each in channels().values()]
    return charts.stacked(
        _("Outreach by month"),
        [month_name(month, short=True) for month in months],
        [(name, [sums.get((month, name), 0) for month in months]) for name in names],
    )


def _map(found: Extract) -> Picture | None:
    layout = _LAYOUTS[str(found.more["map"])]
    times = {row[1]: row[3] for row in found.rows}
    names = {row[1]: row[0] for row in found.rows}
    begins = tiles.steps(times.values())
    shown = [
        Tile(
            code,
            _("%(place)s: reached %(times)s times", place=names[code], times=number(times[code]))
            if code in times
            else _("%(place)s: not reached", place=code),
            tiles.step_of(times.get(code, 0), begins),
            note=_short(times.get(code, 0)),
        )
        for code in layout.places
    ]
    sorts = tiles.step_sorts(times.values())
    return tiles.tile_map(f"map-{layout.name}", found.title, layout, shown, sorts)


def _short(times: int) -> str:
    if not times:
        return ""
    return f"{times // 1000}k" if times >= 10_000 else str(times)


_LAYOUTS = {"us": tiles.US, "world": tiles.WORLD}
_DRAWN: Mapping[str, Callable[[Extract], Picture | None]] = {
    "activity-by-campaign": _bars(_l("Outreach by campaign"), "pieces"),
    "activity-by-period": _months,
    "activity-by-target": _bars(_l("Targets reached most"), "pieces"),
    "activity-by-chapter": _bars(_l("Outreach by chapter"), "pieces"),
    "participation": _bars(_l("Members who took part"), "members"),
    "outcomes": _outcomes,
    "response-rate": _rates,
    "by-state": _map,
    "by-country": _map,
}
