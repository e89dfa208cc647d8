"""Maps of equal squares, drawn on the server as SVG: a treaty counts Niue and Russia alike.

A tile has its code, a class of the style sheet, a mark that says the same without colour, and a
link. Layouts are data: `US` has the states, the district and the territories, `WORLD` the 197
states; neighbours stay near, continents are to be recognised, nothing more is claimed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from flask import Flask
from flask_babel import format_decimal
from flask_babel import gettext as _
from markupsafe import Markup, escape

#: Units of the drawing from tile to tile, and the gap between two.
_STEP, _GAP = 34, 3
#: Steps of a map of numbers, beside the one for nothing.
STEPS = 5


@dataclass(frozen=True)
class Layout:
    """Where each place's tile lies: code → (column, row), from the upper left."""

    name: str
    places: Mapping[str, tuple[int, int]]

    @property
    def columns(self) -> int:
        """Tiles from side to side."""
        return max(column for column, _row in self.places.values()) + 1

    @property
    def rows(self) -> int:
        """Tiles from top to bottom."""
        return max(row for _column, row in self.places.values()) + 1


@dataclass(frozen=True)
class Tile:
    """A place on a map. `told` is what is said of it: `Niue: joined on 6 August 2020`."""

    code: str
    told: str
    #: `Sort.key` of the legend.
    sort: str
    url: str | None = None
    #: Under the code, such as a number; at most five characters are read.
    note: str = ""


@dataclass(frozen=True)
class Sort:
    """A class of tiles, and how many there are (None: not told).

    `mark` is one of `none dot stripes strike`; the class is `tile-<key>`.
    """

    key: str
    label: Any
    mark: str = "none"
    count: int | None = None


def init_app(app: Flask) -> None:
    """Let templates draw: `{{ tile_map(...) }}`."""
    app.jinja_env.globals["tile_map"] = tile_map


def tile_map(
    name: str, title: Any, layout: Layout, tiles: Iterable[Tile], sorts: Sequence[Sort]
) -> Markup:
    """The map and its legend. `name` makes its ids its own on the page.

    Places of the layout without a tile stay blank; tiles without a place are left out: the table
    beside the map has all. It scrolls in its own box where it does not fit.
    """
    marks = {sort.key: sort.mark for sort in sorts}
    drawn = [
        _tile(each, layout.places[each.code], marks.get(each.sort, "none"))
        for each in tiles
        if each.code in layout.places
    ]
    width, height = layout.columns * _STEP - _GAP, layout.rows * _STEP - _GAP
    # What is put in has been escaped piece by piece.
    picture = Markup(  # noqa: S704
        f'<svg class="tile-map tile-map-{layout.name}" viewBox="-1 -1 {width + 2} {height + 2}" '
        f'role="group" aria-labelledby="{escape(name)}-title">'
        f'<title id="{escape(name)}-title">{escape(title)}</title>{"".join(drawn)}</svg>'
    )
    return Markup(
        '<div class="tile-box" id="{name}"><a class="tile-skip" href="#{name}-end">{skip}</a>'
        '{picture}</div><div id="{name}-end" tabindex="-1">{legend}</div>'
    ).format(name=name, skip=_("Skip the map"), picture=picture, legend=_legend(sorts))


def _tile(tile: Tile, place: tuple[int, int], mark: str) -> str:
    left, top = place[0] * _STEP, place[1] * _STEP
    size = _STEP - _GAP
    middle = left + size / 2
    # With something under it the code moves up.
    base = top + (15 if tile.note or mark in ("dot", "stripes") else 20)
    note = tile.note[:5]
    inside = (
        f"<title>{escape(tile.told)}</title>"
        f"{_square(left, top, size)}{_mark(mark, left, top, size)}"
        f'<text class="tile-code" x="{middle}" y="{base}" text-anchor="middle">'
        f"{escape(tile.code)}</text>"
    )
    if note:
        inside += (
            f'<text class="tile-note" x="{middle}" y="{top + 26}" text-anchor="middle">'
            f"{escape(note)}</text>"
        )
    kind = f"tile-{escape(tile.sort)}"
    if tile.url is None:
        return f'<g class="{kind}" role="img" aria-label="{escape(tile.told)}">{inside}</g>'
    return (
        f'<a class="{kind}" href="{escape(tile.url)}" aria-label="{escape(tile.told)}">{inside}</a>'
    )


def _square(left: float, top: float, size: float) -> str:
    return f'<rect x="{left}" y="{top}" width="{size}" height="{size}" rx="4"/>'


def _mark(mark: str, left: float, top: float, size: float) -> str:
    if mark == "dot":
        return f'<circle class="tile-mark" cx="{left + size / 2}" cy="{top + size - 8}" r="3"/>'
    if mark == "stripes":
        lines = " ".join(f"M{left + at} {top + size - 4}l4 -6" for at in range(4, int(size) - 7, 5))
        return f'<path class="tile-mark" d="{lines}"/>'
    if mark == "strike":
        low, right = top + size - 4, left + size - 4
        return f'<path class="tile-mark" d="M{left + 4} {low}L{right} {top + 4}"/>'
    return ""


def _legend(sorts: Sequence[Sort]) -> Markup:
    size = 18
    lines = [
        Markup(
            '<li><svg class="tile-key" width="{size}" height="{size}" aria-hidden="true">'
            '<g class="tile-{key}">{square}{mark}</g></svg> {label}{count}</li>'
        ).format(
            size=size,
            key=sort.key,
            square=Markup(_square(0.5, 0.5, size - 1)),  # noqa: S704 - numbers
            mark=Markup(_mark(sort.mark, 0.5, 0.5, size - 1)),  # noqa: S704 - numbers
            label=sort.label,
            count="" if sort.count is None else Markup(" <b>{}</b>").format(_number(sort.count)),
        )
        for sort in sorts
    ]
    return Markup('<ul class="tile-legend">{}</ul>').format(Markup("").join(lines))


def _number(value: float) -> str:
    return str(format_decimal(value))


def steps(values: Iterable[int]) -> list[int]:
    """Where the steps of a map of numbers begin: each holds about as many places as the next.

    `[3, 9, 40]` means 1–2, 3–8, 9–39, 40 and more: at most `STEPS` steps in all.
    """
    ranked = sorted(value for value in values if value > 0)
    if not ranked:
        return []
    cuts = {ranked[len(ranked) * step // STEPS] for step in range(1, STEPS)}
    return sorted(cut for cut in cuts if cut > ranked[0])


def step_of(value: int, begins: Sequence[int]) -> str:
    """The class of a number: `step-0` for none; the highest step is always the strongest."""
    if value <= 0:
        return "step-0"
    return f"step-{STEPS - len(begins) + sum(value >= begin for begin in begins)}"


def step_sorts(values: Iterable[int]) -> list[Sort]:
    """The legend of a map of numbers: nothing, then each step from … to …."""
    found = [value for value in values if value > 0]
    sorts = [Sort("step-0", _("Nothing"))]
    if not found:
        return sorts
    begins = [min(found), *steps(found)]
    lowest = STEPS + 1 - len(begins)
    for place, (first, after) in enumerate(pairwise([*begins, max(found) + 1]), start=lowest):
        last = after - 1
        label = _number(first) if first == last else f"{_number(first)}–{_number(last)}"
        sorts.append(Sort(f"step-{place}", label))
    return sorts


def _layout(name: str, drawing: str) -> Layout:
    """Read a drawing: codes where they lie, a dot where there is none."""
    rows = [line.split() for line in drawing.strip().splitlines()]
    return Layout(
        name,
        {
            code: (column, row)
            for row, codes in enumerate(rows)
            for column, code in enumerate(codes)
            if code != "."
        },
    )


US = _layout(
    "us",
    """
    AK .  .  .  .  .  .  .  .  .  ME
    .  .  .  .  .  WI .  .  .  VT NH
    WA ID MT ND MN IL MI .  NY MA .
    OR NV WY SD IA IN OH PA NJ CT RI
    CA UT CO NE MO KY WV VA MD DE .
    .  AZ NM KS AR TN NC SC DC .  .
    .  .  .  OK LA MS AL GA .  .  .
    HI .  .  TX .  .  .  .  FL .  .
    AS GU MP .  .  .  .  .  .  PR VI
    """,
)
WORLD = _layout(
    "world",
    """
    .   .   .   .   .   .   .   .   .   ISL .   .   NOR SWE FIN .   .   .   .   .   .   .   .   .   .   .   .   .   .
    .   .   .   .   .   .   .   .   .   IRL GBR .   DNK .   EST .   .   .   .   .   .   .   .   .   .   .   .   .   .
    .   .   .   .   .   .   .   .   .   .   .   NLD DEU POL LVA RUS .   .   .   .   .   .   .   .   .   .   .   .   .
    .   CAN .   .   .   .   .   .   .   .   BEL LUX CZE SVK LTU BLR .   .   .   .   .   .   .   .   .   .   .   .   .
    .   USA .   .   .   .   .   .   .   FRA CHE LIE AUT HUN ROU UKR .   .   .   KAZ .   .   .   .   .   .   .   .   .
    MEX .   .   .   .   .   .   .   .   AND MCO ITA SVN HRV SRB MDA .   .   .   UZB KGZ MNG .   .   .   .   .   .   .
    GTM BLZ .   CUB BHS .   .   .   PRT ESP SMR VAT BIH MNE MKD BGR .   GEO .   TKM TJK CHN PRK JPN .   .   .   .   .
    SLV HND .   JAM HTI DOM KNA .   .   .   .   MLT .   ALB GRC .   TUR ARM AZE AFG NPL BTN KOR .   .   .   .   .   .
    .   NIC .   .   .   .   ATG DMA .   .   .   .   .   .   CYP LBN SYR IRQ IRN PAK IND BGD MMR LAO VNM .   .   .   .
    .   CRI PAN .   TTO GRD VCT LCA BRB .   .   .   TUN .   PSE ISR JOR KWT BHR .   LKA .   THA KHM .   PHL .   .   .
    .   .   COL VEN GUY SUR .   .   .   .   MAR DZA LBY EGY .   .   SAU QAT ARE .   MDV .   MYS BRN .   PLW FSM MHL .
    .   ECU PER BRA .   .   .   CPV .   MRT MLI NER TCD SDN ERI .   .   YEM OMN .   .   .   SGP IDN TLS PNG NRU KIR .
    .   .   BOL PRY .   .   .   .   GMB SEN BFA BEN NGA CAF SSD ETH DJI .   .   .   .   .   .   .   .   SLB TUV WSM .
    .   .   CHL ARG URY .   .   .   GNB GIN GHA TGO CMR COG UGA KEN SOM .   .   .   .   .   .   .   AUS VUT FJI TON NIU
    .   .   .   .   .   .   .   .   SLE LBR CIV GNQ GAB COD RWA TZA .   SYC .   .   .   .   .   .   .   NZL .   .   COK
    .   .   .   .   .   .   .   .   .   .   .   STP .   AGO BDI MWI .   COM .   .   .   .   .   .   .   .   .   .   .
    .   .   .   .   .   .   .   .   .   .   .   .   .   NAM ZMB MOZ .   MDG MUS .   .   .   .   .   .   .   .   .   .
    .   .   .   .   .   .   .   .   .   .   .   .   .   BWA ZWE SWZ .   .   .   .   .   .   .   .   .   .   .   .   .
    .   .   .   .   .   .   .   .   .   .   .   .   .   .   ZAF LSO .   .   .   .   .   .   .   .   .   .   .   .   .
    """,  # noqa: E501
)
