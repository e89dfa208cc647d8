"""Small pictures of numbers, drawn on the server as SVG: the same in page, e-mail and PDF.

Lengths are per cent of the width and pixels of the height, so that a chart fills a phone and a
desk alike and its words keep their size. Colours are classes of the style sheet (`s1` … `s9`).
Every chart says in words what it shows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_babel import format_decimal
from markupsafe import Markup, escape

#: Colours there are; more series share the last.
SERIES = 9
_BAR = 46
_PLOT = 190
_LEFT, _WIDTH = 7.0, 93.0


def init_app(app: Flask) -> None:
    """Let templates draw: `{{ chart.bars(...) }}`."""
    app.jinja_env.globals["chart"] = {
        "bars": bars,
        "line": line,
        "parts": parts,
        "progress": progress,
        "stacked": stacked,
    }


@dataclass(frozen=True)
class Bar:
    """One labelled number; `note` is what is written at its end instead of the number."""

    label: str
    value: float
    note: str = ""

    @property
    def said(self) -> str:
        """The number as it is written."""
        return self.note or _number(self.value)


def _number(value: float) -> str:
    return str(format_decimal(value))


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.2f}".rstrip("0").rstrip(".")


def _colour(place: int) -> str:
    return f"s{min(place + 1, SERIES)}"


def _drawing(height: int, title: Any, summary: str, inside: Iterable[str]) -> Markup:
    # What is put in has been escaped piece by piece.
    return Markup(  # noqa: S704
        f'<svg class="chart" width="100%" height="{height}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(summary)}</desc>{''.join(inside)}</svg>"
    )


def _said(pairs: Iterable[tuple[Any, str]]) -> str:
    return "; ".join(f"{label}: {said}" for label, said in pairs)


def bars(title: Any, values: Sequence[Bar], *, most: float | None = None) -> Markup:
    """Horizontal bars, each with its label above and its number at the end.

    `most` is the length that fills the width; without it the longest bar does.
    """
    longest = most or max((bar.value for bar in values), default=0)
    drawn = []
    for place, bar in enumerate(values):
        top = place * _BAR
        drawn.append(
            f'<text class="chart-label" x="0" y="{top + 15}">{escape(_short(bar.label))}</text>'
            f'<text class="chart-number" x="100%" y="{top + 15}" text-anchor="end">'
            f"{escape(bar.said)}</text>"
            f'<rect class="track" x="0" y="{top + 22}" width="100%" height="10" rx="3"/>'
            f'<rect class="s1" x="0" y="{top + 22}" width="{_percent(bar.value, longest)}%" '
            f'height="10" rx="3"><title>{escape(bar.label)}: {escape(bar.said)}</title></rect>'
        )
    summary = _said((bar.label, bar.said) for bar in values)
    return _drawing(max(len(values) * _BAR - 8, 1), title, summary, drawn)


def _short(label: str, most: int = 44) -> str:
    return label if len(label) <= most else label[: most - 1].rstrip() + "…"


def stacked(
    title: Any, heads: Sequence[str], series: Sequence[tuple[str, Sequence[float]]]
) -> Markup:
    """Upright bars, one a head (a month), each made of the series laid on each other.

    A legend names the series that have anything; the colour of a series is its place.
    """
    shown = [(place, name, numbers) for place, (name, numbers) in enumerate(series) if any(numbers)]
    totals = [sum(numbers[at] for _place, _name, numbers in shown) for at in range(len(heads))]
    top = _ceiling(max(totals, default=0))
    drawn = list(_grid(top))
    step = _WIDTH / max(len(heads), 1)
    for at, head in enumerate(heads):
        left, width = _LEFT + at * step + step * 0.15, step * 0.7
        reached = 0.0
        for place, name, numbers in shown:
            if not numbers[at]:
                continue
            height = _PLOT * numbers[at] / top
            reached += height
            drawn.append(
                f'<rect class="{_colour(place)}" x="{left:.2f}%" width="{width:.2f}%" '
                f'y="{12 + _PLOT - reached:.1f}" height="{height:.1f}">'
                f"<title>{escape(head)}, {escape(name)}: {_number(numbers[at])}</title></rect>"
            )
        drawn.append(_under(at, head, left + width / 2, len(heads)))
    summary = _said((head, _number(total)) for head, total in zip(heads, totals, strict=True))
    picture = _drawing(_PLOT + 36, title, summary, drawn)
    named = Markup("").join(
        Markup('<li><svg class="chart-key" aria-hidden="true" width="10" height="10">'
               '<rect class="{}" width="10" height="10" rx="2"/></svg> {}</li>').format(
            _colour(place), name
        )
        for place, name, _numbers in shown
    )  # fmt: skip
    legend = Markup('<ul class="chart-legend">{}</ul>').format(named) if named else Markup("")
    return Markup('<div class="chart-box">{}{}</div>').format(picture, legend)


def _under(at: int, head: str, middle: float, heads: int) -> str:
    # Beyond a year of months every second or third head is written; the bars keep their titles.
    if at % -(-heads // 12):
        return ""
    return (
        f'<text class="chart-head" x="{middle:.2f}%" y="{_PLOT + 28}" '
        f'text-anchor="middle">{escape(head)}</text>'
    )


def _grid(top: float) -> Iterable[str]:
    for part in (0, 0.5, 1):
        level = 12 + _PLOT * (1 - part)
        yield f'<line class="axis" x1="0" x2="100%" y1="{level:.1f}" y2="{level:.1f}"/>'
        if part and (top * part).is_integer():
            yield f'<text x="0" y="{level - 3:.1f}">{_number(top * part)}</text>'


def _ceiling(value: float) -> float:
    """The next round number: 1, 2, 4, 5, 6, 8 or 10 times a power of ten."""
    if value <= 0:
        return 2.0
    power = 10.0 ** (len(str(int(value))) - 1)
    return next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if value <= step * power)


def line(title: Any, values: Sequence[float], *, height: int = 40) -> Markup:
    """A line without words, for beside a number that has them."""
    top = max(values, default=0) or 1
    step = 100 / max(len(values) - 1, 1)
    points = " ".join(
        f"{at * step:.2f},{height - 2 - (height - 4) * value / top:.1f}"
        for at, value in enumerate(values)
    )
    return Markup(  # noqa: S704 - numbers, and a title and a summary that are escaped
        f'<svg class="chart" viewBox="0 0 100 {height}" height="{height}" width="100%" role="img" '
        f'preserveAspectRatio="none"><title>{escape(title)}</title>'
        f"<desc>{', '.join(_number(value) for value in values)}</desc>"
        f'<polyline class="line" vector-effect="non-scaling-stroke" points="{points}"/></svg>'
    )


def progress(title: Any, done: float, goal: float) -> Markup:
    """How much of a goal is reached; full when it is passed."""
    return _drawing(
        10,
        title,
        f"{_number(done)} / {_number(goal)}",
        (
            '<rect class="track" width="100%" height="10" rx="5"/>',
            f'<rect class="s1" width="{_percent(min(done, goal), goal)}%" height="10" rx="5"/>',
        ),
    )


def parts(title: Any, counted: Sequence[tuple[str, Any, int]]) -> Markup:
    """How a whole divides, as one bar: (class of the style sheet, label, number)."""
    whole = sum(number for _name, _label, number in counted)
    drawn, left = [], 0
    for name, label, number in counted:
        if number:
            drawn.append(
                f'<rect class="{name}" x="{_percent(left, whole)}%" height="14" '
                f'width="{_percent(number, whole)}%">'
                f"<title>{escape(label)}: {_number(number)}</title></rect>"
            )
        left += number
    return _drawing(14, title, _said((label, _number(n)) for _name, label, n in counted), drawn)
