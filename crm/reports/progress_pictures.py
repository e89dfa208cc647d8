"""What of a progress report is drawn, as plain values: the page and the paper draw the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from crm.core import charts, tiles
from crm.core.charts import Bar
from crm.core.shell import number
from crm.core.tables import Share
from crm.outreach.channels import channels
from crm.reports.extracts import Extract
from crm.reports.rules import month_back, month_name, months_between

#: Bars one chart has, and months.
BARS, MONTHS = 10, 24


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawing as its numbers: bars, months stacked by channel, or a map of tiles."""

    kind: str
    title: str
    #: Of bars: label, length, what is written.
    bars: Sequence[tuple[str, float, str]] = ()
    #: The length that fills the width; None: the longest.
    most: float | None = None
    #: Of months.
    heads: Sequence[str] = ()
    series: Sequence[tuple[str, Sequence[float]]] = ()
    #: Of a map: its layout's name, and by code how often.
    layout: str = ""
    places: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What it shows, in words."""
        if self.kind == "bars":
            return "; ".join(f"{label}: {said}" for label, _length, said in self.bars)
        if self.kind == "months":
            return "; ".join(
                f"{head}: {number(sum(values[at] for _name, values in self.series))}"
                for at, head in enumerate(self.heads)
            )
        return "; ".join(f"{self.names[code]}: {number(n)}" for code, n in self.places.items())


def pictures(found: Extract) -> list[Picture]:
    """The drawings of a table; none of one that is told by its rows alone."""
    draw = _DRAWN.get(found.name)
    return draw(found) if draw and found.rows else []


def _at(found: Extract, key: str) -> int:
    return [column.key for column in found.columns].index(key)


def _bars(title: Any, key: str, label: int = 0) -> Callable[[Extract], list[Picture]]:
    def draw(found: Extract) -> list[Picture]:
        at = _at(found, key)
        rows = [row for row in found.rows if row[at]][:BARS]
        if len(rows) < 2:
            return []
        shown = [(str(row[label]), float(row[at]), number(row[at])) for row in rows]
        return [Picture(kind="bars", title=str(title), bars=shown)]

    return draw


def _outcomes(found: Extract) -> list[Picture]:
    sums: dict[str, int] = {}
    at = _at(found, "many")
    for row in found.rows:
        sums[row[0]] = sums.get(row[0], 0) + row[at]
    ranked = sorted(sums.items(), key=lambda pair: -pair[1])[:BARS]
    shown = [(label, float(many), number(many)) for label, many in ranked]
    return [Picture(kind="bars", title=_("What came back"), bars=shown)] if len(shown) > 1 else []


def _rates(found: Extract) -> list[Picture]:
    at = _at(found, "rate")
    shown = [
        (str(row[0]), row[at].ratio, str(row[at]))
        for row in found.rows
        if isinstance(row[at], Share) and row[at].of
    ]
    if not shown:
        return []
    return [Picture(kind="bars", title=_("Answer rate by channel"), bars=shown, most=1.0)]


def _months(found: Extract) -> list[Picture]:
    last = max(row[0] for row in found.rows)
    first = max(min(row[0] for row in found.rows), month_back(last, MONTHS - 1))
    months = months_between(first, last)
    sums = {(row[0], row[1]): row[2] for row in found.rows}
    names = [str(each.label) for each in channels().values()]
    series = [(name, [float(sums.get((month, name), 0)) for month in months]) for name in names]
    return [
        Picture(
            kind="months",
            title=_("Outreach by month"),
            heads=[month_name(month, short=True) for month in months],
            series=[(name, values) for name, values in series if any(values)],
        )
    ]


def _map(found: Extract) -> list[Picture]:
    return [
        Picture(
            kind="map",
            title=found.title,
            layout=str(found.more["map"]),
            places={row[1]: row[3] for row in found.rows},
            names={row[1]: row[0] for row in found.rows},
        )
    ]


_DRAWN: Mapping[str, Callable[[Extract], list[Picture]]] = {
    "activity-by-campaign": _bars(_l("Outreach by campaign"), "pieces"),
    "activity-by-channel-and-month": _months,
    "activity-by-target": _bars(_l("Targets reached most"), "pieces"),
    "activity-by-chapter": _bars(_l("Outreach by chapter"), "pieces"),
    "participation": _bars(_l("Members who took part"), "members"),
    "outcomes": _outcomes,
    "response-rate": _rates,
    "by-state": _map,
    "by-country": _map,
}
_LAYOUTS = {"us": tiles.US, "world": tiles.WORLD}


def drawn(picture: Picture) -> Markup:
    """The picture for a page."""
    if picture.kind == "bars":
        bars = [Bar(label, length, said) for label, length, said in picture.bars]
        return charts.bars(picture.title, bars, most=picture.most)
    if picture.kind == "months":
        return charts.stacked(picture.title, picture.heads, picture.series)
    layout = _LAYOUTS[picture.layout]
    begins = tiles.steps(picture.places.values())
    shown = [
        tiles.Tile(
            code,
            _("%(place)s: reached %(told)s times", place=picture.names.get(code, code),
              told=number(picture.places[code]))
            if code in picture.places
            else _("%(place)s: not reached", place=code),
            tiles.step_of(picture.places.get(code, 0), begins),
            note=_short(picture.places.get(code, 0)),
        )
        for code in layout.places
    ]  # fmt: skip
    name = f"map-{picture.layout}"
    return tiles.tile_map(name, picture.title, layout, shown,
                          tiles.step_sorts(picture.places.values()))  # fmt: skip


def as_data(picture: Picture) -> dict[str, Any]:
    """The same for the paper: numbers and texts."""
    data: dict[str, Any] = {
        "kind": picture.kind, "title": picture.title, "alt": f"{picture.title}. {picture.summary}",
        "bars": [list(each) for each in picture.bars],
        "most": picture.most or max((each[1] for each in picture.bars), default=0) or 1,
        "heads": list(picture.heads),
        "series": [[name, list(values)] for name, values in picture.series],
        "tiles": [], "legend": [], "across": 1, "down": 1,
    }  # fmt: skip
    if picture.kind == "months":
        sums = [sum(v[at] for _n, v in picture.series) for at in range(len(picture.heads))]
        data["most"] = max(sums, default=0) or 1
        data["most_said"] = number(data["most"])
        # Series keep their colours by the order of the channels.
        order = [str(each.label) for each in channels().values()]
        data["colours"] = [order.index(name) for name, _values in picture.series]
    if picture.kind == "map":
        layout, begins = _LAYOUTS[picture.layout], tiles.steps(picture.places.values())
        data |= {
            "across": layout.columns,
            "down": layout.rows,
            "tiles": [
                [code, place[0], place[1],
                 int(tiles.step_of(picture.places.get(code, 0), begins).removeprefix("step-")),
                 _short(picture.places.get(code, 0))]
                for code, place in layout.places.items()
            ],
            "legend": [
                [int(sort.key.removeprefix("step-")), str(sort.label)]
                for sort in tiles.step_sorts(picture.places.values())
            ],
        }  # fmt: skip
    return data


def _short(times: int) -> str:
    if not times:
        return ""
    return f"{times // 1000}k" if times >= 10_000 else str(times)
