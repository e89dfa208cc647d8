"""What of a progress report's tables is drawn: the page and the paper have the same drawings."""

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core import charts, tiles
from crm.core.charts import Bar, Chart
from crm.core.shell import number
from crm.core.tables import Share
from crm.core.tiles import Tile, TileMap
from crm.outreach.channels import channels
from crm.reports.extracts import Extract
from crm.reports.rules import month_back, month_name, months_between

#: Bars one chart has, and months.
BARS, MONTHS = 10, 24
Picture = Chart | TileMap


def pictures(found: Extract) -> list[Picture]:
    """The drawings of a table; none of one that is told by its rows alone."""
    draw = _DRAWN.get(found.name)
    picture = draw(found) if draw and found.rows else None
    return [picture] if picture else []


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
