"""Maps of equal squares, drawn on the server as SVG: a treaty counts Niue and Russia alike.

A tile has its code, a class of the style sheet, a mark that says the same without colour, and a
link. Like a chart, a map is its title, sentences, a table and one drawing, in a page or alone.
Layouts are data: `US` has the states, the district and the territories, `WORLD` the 197 states;
neighbours stay near, continents are to be recognised, nothing more is claimed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from markupsafe import Markup, escape

from crm.core import drawing
from crm.core.shell import number

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


@dataclass(frozen=True)
class TileMap:
    """A drawn map, and everything it says in words: as a `Chart`."""

    title: Any
    #: How many places are of each sort, in sentences.
    summary: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    name: str = field(repr=False)
    layout: Layout = field(repr=False)
    tiles: tuple[Tile, ...] = field(repr=False)
    sorts: tuple[Sort, ...] = field(repr=False)

    def _placed(self) -> Iterable[tuple[Tile, float, float, str]]:
        """Tiles with the upper left corner of each, and the mark of its sort."""
        marks = {sort.key: sort.mark for sort in self.sorts}
        for tile in self.tiles:
            if place := self.layout.places.get(tile.code):
                yield tile, place[0] * _STEP, place[1] * _STEP, marks.get(tile.sort, "none")

    @property
    def _size(self) -> tuple[int, int]:
        return self.layout.columns * _STEP - _GAP, self.layout.rows * _STEP - _GAP

    def __html__(self) -> Markup:
        """The map and its legend. It scrolls in its own box where it does not fit."""
        width, height = self._size
        drawn = "".join(_tile(*each) for each in self._placed())
        # What is put in has been escaped piece by piece.
        picture = Markup(  # noqa: S704
            f'<svg class="tile-map tile-map-{self.layout.name}" '
            f'viewBox="-1 -1 {width + 2} {height + 2}" '
            f'role="group" aria-labelledby="{escape(self.name)}-title">'
            f'<title id="{escape(self.name)}-title">{escape(self.title)}</title>{drawn}</svg>'
        )
        return Markup(
            '<div class="tile-box" id="{name}"><a class="tile-skip" href="#{name}-end">{skip}</a>'
            '{picture}</div><div id="{name}-end" tabindex="-1">{legend}</div>'
        ).format(name=self.name, skip=_("Skip the map"), picture=picture,
                 legend=_legend(self.sorts))  # fmt: skip

    def still(self, width: int, *, dark: bool = False) -> str:
        """The map alone with its legend: an SVG of so many pixels that needs nothing beside it."""
        own_width, own_height = self._size
        scale = (width - 2) / own_width
        looks = _looks(dark)
        drawn = "".join(_tile_alone(*each, looks) for each in self._placed())
        legend, height = _legend_alone(self.sorts, width, own_height * scale + 2, looks)
        inside = f'<g transform="translate(1 1) scale({scale:.4f})">{drawn}</g>{legend}'
        return drawing.wrapped(self.title, self.summary, width, height, dark, "", inside)


def tile_map(
    name: str, title: Any, layout: Layout, tiles: Iterable[Tile], sorts: Sequence[Sort]
) -> TileMap:
    """A map. `name` makes its ids its own on the page.

    Places of the layout without a tile stay blank; tiles without a place are left out of the
    drawing: the table has all.
    """
    listed = tuple(tiles)
    labels = {sort.key: str(sort.label) for sort in sorts}
    counts: dict[str, int] = {}
    for tile in listed:
        counts[tile.sort] = counts.get(tile.sort, 0) + 1
    said = [
        _("%(label)s: %(number)s.", label=label, number=number(counts[key]))
        for key, label in labels.items()
        if key in counts
    ]
    return TileMap(
        title,
        " ".join(said) or _("Nothing to show."),
        (str(_("Place")), str(_("On the map")), str(_("What is told"))),
        tuple((each.code, labels.get(each.sort, ""), each.told) for each in listed),
        name,
        layout,
        listed,
        tuple(sorts),
    )


def _base(tile: Tile, top: float, mark: str) -> float:
    # With something under it the code moves up.
    return top + (15 if tile.note or mark in ("dot", "stripes") else 20)


def _tile(tile: Tile, left: float, top: float, mark: str) -> str:
    size = _STEP - _GAP
    middle, base, note = left + size / 2, _base(tile, top, mark), tile.note[:5]
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
            count="" if sort.count is None else Markup(" <b>{}</b>").format(number(sort.count)),
        )
        for sort in sorts
    ]
    return Markup('<ul class="tile-legend">{}</ul>').format(Markup("").join(lines))


# Alone


@dataclass(frozen=True)
class _Look:
    """A class of tiles without the style sheet: fill and edge, letters, mark."""

    fill: str
    edge: str
    ink: str
    mark: str


def _looks(dark: bool) -> Mapping[str, _Look]:
    """The same colours as the style sheet's, by sort; `tile-<key>` there."""
    if dark:
        card, ink, soft, on = "#1a2324", "#e6ebea", "#a3b0b0", "#0d2526"
        party, joining, signed, line = "#6cc3c1", "#1f4a4b", "#e8b15d", "#5f6e6f"
        warm, bad, red = "#3a2c14", "#3c2122", "#f0908f"
        ramp = ("#1d3435", "#255254", "#4aa3a2", "#6cc3c1", "#a9e4e0")
    else:
        card, ink, soft, on = "#ffffff", "#1d2a2b", "#566364", "#ffffff"
        party, joining, signed, line = "#0f5f63", "#b9dad8", "#b06a00", "#9aa6a6"
        warm, bad, red = "#fbeed8", "#fbe5e4", "#a3282b"
        ramp = ("#d8ebe9", "#a5d0cd", "#2f7f82", "#1b6064", "#0b4246")
    empty = _Look(card, line, soft, soft)
    return {
        "party": _Look(party, party, on, on),
        "joining": _Look(joining, party, ink, party),
        "signatory": _Look(warm, signed, ink, signed),
        "withdrawn": _Look(bad, red, ink, red),
        "outside": empty,
        "step-0": empty,
        **{
            f"step-{place}": _Look(fill, fill, ink if place < 3 else on, ink if place < 3 else on)
            for place, fill in enumerate(ramp, start=1)
        },
    }


def _tile_alone(tile: Tile, left: float, top: float, mark: str, looks: Mapping[str, _Look]) -> str:
    size, look = _STEP - _GAP, looks.get(tile.sort, looks["outside"])
    middle = left + size / 2
    drawn = (
        f'<rect x="{left}" y="{top}" width="{size}" height="{size}" rx="4" fill="{look.fill}" '
        f'stroke="{look.edge}"/>{_mark_alone(mark, left, top, size, look)}'
        f'<text x="{middle}" y="{_base(tile, top, mark)}" text-anchor="middle" font-size="10.5" '
        f'font-weight="600" fill="{look.ink}">{drawing.clean(tile.code)}</text>'
    )
    if note := tile.note[:5]:
        drawn += (
            f'<text x="{middle}" y="{top + 26}" text-anchor="middle" font-size="9.5" '
            f'fill="{look.ink}">{drawing.clean(note)}</text>'
        )
    return drawn


def _mark_alone(mark: str, left: float, top: float, size: float, look: _Look) -> str:
    drawn = _mark(mark, left, top, size)
    filled = look.mark if mark == "dot" else "none"
    return drawn.replace(
        'class="tile-mark"', f'fill="{filled}" stroke="{look.mark}" stroke-width="1.5"'
    )


def _legend_alone(
    sorts: Sequence[Sort], width: float, top: float, looks: Mapping[str, _Look]
) -> tuple[str, float]:
    """The legend below so many pixels, in as many lines as it takes, and where it ends."""
    drawn, x, y, size = [], 0.0, top + 12, 18
    for sort in sorts:
        look = looks.get(sort.key, looks["outside"])
        label = str(sort.label) if sort.count is None else f"{sort.label} {number(sort.count)}"
        label = drawing.fitting(label, width - size - 8, 12)
        takes = size + 6 + drawing.wide(label, 12)
        if x and x + takes > width:
            x, y = 0.0, y + 25
        drawn.append(
            f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{size - 1}" height="{size - 1}" '
            f'rx="4" fill="{look.fill}" stroke="{look.edge}"/>'
            f"{_mark_alone(sort.mark, round(x, 1), round(y, 1), size - 1, look)}"
            f'<text x="{x + size + 6:.1f}" y="{y + 13:.1f}" font-size="12" '
            f'fill="{looks["outside"].ink}">{drawing.clean(label)}</text>'
        )
        x += takes + 14
    return "".join(drawn), (y + size + 6 if sorts else top)


# Numbers


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
        label = number(first) if first == last else f"{number(first)}–{number(last)}"
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
