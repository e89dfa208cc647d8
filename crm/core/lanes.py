"""Lanes: what happened beside what, on one line of time, drawn on the server as SVG.

Lengths are per cent of the width, as in `charts`; a lane is a row of a grid, so that its label
keeps its size on a phone. The picture is for the eye: who listens reads the list beneath it, and
its links are not stops of the keyboard.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import format_date
from markupsafe import Markup, escape

#: Pixels between two steps of a stair, and round a lane.
_STEP, _PAD = 11, 9
_LOW = 26
#: Labels under the line of time, at most.
_TICKS = 5
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240)


@dataclass(frozen=True)
class Mark:
    """A dot on a day, or a band until another. `name` is a class of the style sheet."""

    on: date
    label: str
    name: str
    url: str | None = None
    until: date | None = None
    #: Of a stair: 0 is the top.
    level: int = 0
    #: Radius of a dot in pixels.
    size: float = 5
    is_hollow: bool = False
    is_diamond: bool = False


@dataclass(frozen=True)
class Lane:
    """A row of the picture. With `levels` its dots are a stair: each holds until the next."""

    label: str
    marks: Sequence[Mark]
    levels: int = 1
    bands: Sequence[Mark] = field(default=())


def draw(above: Sequence[Lane], below: Sequence[Lane], first: date, last: date) -> Markup:
    """What stands above the line of time and what below it."""
    scale = _Scale(first, last)
    rows = [*(_row(lane, scale) for lane in above), _axis(scale)]
    rows += [_row(lane, scale) for lane in below]
    return Markup('<div class="lanes" aria-hidden="true">{}</div>').format(Markup("").join(rows))


class _Scale:
    """From days to per cent of the width."""

    def __init__(self, first: date, last: date):
        self.first, self.last = first, last
        self.days = max((last - first).days, 1)
        self.ticks = list(_ticks(first, last))

    def at(self, day: date) -> str:
        part = 100 * (min(max(day, self.first), self.last) - self.first).days / self.days
        # A little off the edges, so that no dot leaves the picture.
        return f"{3 + 0.94 * part:.2f}%"


def _ticks(first: date, last: date) -> Iterable[date]:
    months = (last.year - first.year) * 12 + last.month - first.month
    step = next((each for each in _STEPS if months / each <= _TICKS), _STEPS[-1])
    at = first.year * 12 + first.month - 1
    at += -at % step
    while (day := date(at // 12, at % 12 + 1, 1)) <= last:
        if day >= first:
            yield day
        at += step


def _svg(height: int, inside: Iterable[str]) -> Markup:
    # What is put in has been escaped piece by piece.
    return Markup(  # noqa: S704
        f'<svg class="chart lane" width="100%" height="{height}">{"".join(inside)}</svg>'
    )


def _axis(scale: _Scale) -> Markup:
    drawn = ['<line class="lane-axis" x1="0" x2="100%" y1="1" y2="1"/>']
    for day in scale.ticks:
        words = str(day.year) if day.month == 1 else str(format_date(day, "MMM y"))
        drawn.append(f'<line class="lane-axis" x1="{scale.at(day)}" x2="{scale.at(day)}" y1="1" '
                     f'y2="6"/><text x="{scale.at(day)}" y="18" text-anchor="middle">'
                     f"{escape(words)}</text>")  # fmt: skip
    return Markup("<span></span>{}").format(_svg(24, drawn))


def _row(lane: Lane, scale: _Scale) -> Markup:
    height = _LOW if lane.levels == 1 else 2 * _PAD + (lane.levels - 1) * _STEP
    drawn = [
        f'<line class="lane-grid" x1="{scale.at(day)}" x2="{scale.at(day)}" y1="0" '
        f'y2="{height}"/>' for day in scale.ticks
    ]  # fmt: skip
    drawn += [_band(mark, scale) for mark in lane.bands]
    if lane.levels > 1:
        drawn += _stair(lane, scale)
    for mark in lane.marks:
        y = _PAD + mark.level * _STEP if lane.levels > 1 else _LOW / 2
        drawn.append(_linked(mark, _dot(mark, scale, y)))
    return Markup('<p class="lane-label">{}</p>{}').format(lane.label, _svg(height, drawn))


def _stair(lane: Lane, scale: _Scale) -> Iterable[str]:
    middle = _PAD + (lane.levels - 1) * _STEP / 2
    yield f'<line class="lane-middle" x1="0" x2="100%" y1="{middle}" y2="{middle}"/>'
    marks = sorted(lane.marks, key=lambda mark: mark.on)
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        y = _PAD + mark.level * _STEP
        until = scale.at(after.on if after else scale.last)
        yield (
            f'<line class="stair {mark.name}" x1="{scale.at(mark.on)}" x2="{until}" '
            f'y1="{y}" y2="{y}"/>'
        )
        if after and after.level != mark.level:
            down = _PAD + after.level * _STEP
            yield f'<line class="riser" x1="{until}" x2="{until}" y1="{y}" y2="{down}"/>'


def _dot(mark: Mark, scale: _Scale, y: float) -> str:
    kind = f"{mark.name}{' is-hollow' if mark.is_hollow else ''}"
    title = f"<title>{escape(mark.label)}</title>"
    if mark.is_diamond:
        # A drawing of its own, placed by per cent: a path knows pixels only.
        return (
            f'<svg x="{scale.at(mark.on)}" y="{y}" overflow="visible">'
            f'<path class="{kind}" d="M0-7 7 0 0 7-7 0Z">{title}</path></svg>'
        )
    return (
        f'<circle class="{kind}" cx="{scale.at(mark.on)}" cy="{y}" r="{mark.size:.1f}">'
        f"{title}</circle>"
    )


def _band(mark: Mark, scale: _Scale) -> str:
    left, right = (float(scale.at(day).rstrip("%")) for day in (mark.on, mark.until or scale.last))
    return (
        f'<svg x="{left:.2f}%" width="{max(right - left, 0.4):.2f}%" y="4" height="{_LOW - 8}">'
        f'<rect class="{mark.name}" width="100%" height="100%" rx="3">'
        f"<title>{escape(mark.label)}</title></rect></svg>"
    )


def _linked(mark: Mark, drawn: str) -> str:
    if mark.url is None:
        return drawn
    return f'<a href="{escape(mark.url)}" tabindex="-1">{drawn}</a>'


def binned(
    days: Iterable[tuple[date, int]], first: date, last: date, bins: int = 24
) -> list[tuple[date, date, int]]:
    """Sums of days that lie close, as (first day, last day, sum): a picture holds only so many."""
    width = max(((last - first).days + 1) // bins, 1)
    found: dict[int, tuple[date, date, int]] = {}
    for day, number in sorted(days):
        at = (day - first).days // width
        begun, _ended, before = found.get(at, (day, day, 0))
        found[at] = (begun, day, before + number)
    return list(found.values())


def months_before(day: date, months: int) -> date:
    """The first of the month so many months before."""
    at = day.year * 12 + day.month - 1 - months
    return date(at // 12, at % 12 + 1, 1)
