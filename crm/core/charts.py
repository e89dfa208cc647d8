"""Small pictures of numbers, drawn on the server: the same in page, e-mail and PDF.

A chart is its title, what it shows in sentences, its numbers as a table, and a drawing of exactly
those numbers: `{{ chart }}` puts it into a page, `still` makes an SVG that stands alone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from babel.numbers import format_compact_decimal
from flask import Flask
from flask_babel import format_percent, get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from crm.core import drawing
from crm.core.drawing import (
    NARROW,
    Box,
    Key,
    Rule,
    Scene,
    Shape,
    Sign,
    Trail,
    Words,
    fitting,
    paint_of,
    wide,
)
from crm.core.shell import number

#: Colours there are; more series share the last.
SERIES = drawing.SERIES
_BAR, _PAIR, _STEP = 46, 58, 60
_PLOT, _TOP = 190, 14
#: Where the bars and points of an upright chart begin and end, in per cent.
_LEFT, _RIGHT = 8.0, 100.0
#: An upright bar is no thicker, in per cent.
_THICK = 14.0
#: Points of a line that are marked, at most; heads that are written, at most.
_MARKED, _HEADS = 24, 12


def init_app(app: Flask) -> None:
    """Let templates draw: `{{ chart.bars(...) }}`."""
    app.jinja_env.globals["chart"] = {
        "bars": bars,
        "funnel": funnel,
        "grouped": grouped,
        "key": drawing.key,
        "line": line,
        "lines": lines,
        "parts": parts,
        "progress": progress,
        "split": split,
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
        return self.note or number(self.value)


@dataclass(frozen=True)
class Chart:
    """A drawing of numbers, and everything it says in words and figures."""

    title: Any
    #: Sentences: what is most, least, all of it, which way it goes.
    summary: str
    #: Its table: the heads of the columns, and the numbers.
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    #: What is drawn in so many pixels of width, at least.
    scene: Callable[[float], Scene] = field(repr=False, compare=False)
    keys: tuple[Key, ...] = field(default=(), repr=False, compare=False)
    #: The legend of what a page has words of its own for, with links.
    keys_alone: tuple[Key, ...] = field(default=(), repr=False, compare=False)

    def __html__(self) -> Markup:
        """The drawing of a page, with its legend."""
        return drawing.in_page(self.scene(NARROW), self.title, self.summary, self.keys)

    def still(self, width: int, *, dark: bool = False) -> str:
        """The drawing alone: an SVG of so many pixels that needs nothing beside it."""
        keys = self.keys or self.keys_alone
        return drawing.alone(self.scene(width), self.title, self.summary, keys, width, dark=dark)


def _percent(part: float, whole: float) -> float:
    return max(100 * part / whole, 0.0) if whole else 0.0


def _share(part: float, whole: float) -> str:
    return str(format_percent(part / whole)) if whole else "–"


def _sentences(said: Iterable[str]) -> str:
    return " ".join(each for each in said if each)


def _label(label: Any, beside: str, top: float, width: float) -> Words:
    """What stands above a bar, as far as the number at the end leaves room."""
    room = max(100 * (1 - (wide(beside, 13) + 10) / width), 20)
    return Words(0, top + 15, fitting(str(label), 480, 13), "chart-label", room=room)


def _nothing() -> str:
    return _("Nothing to show.")


def _ends(values: Sequence[tuple[Any, float, str]]) -> list[str]:
    """What is most and what is least, of (label, value, the value as it is written)."""
    if not values:
        return [_nothing()]
    most, least = max(values, key=lambda each: each[1]), min(values, key=lambda each: each[1])
    if len(values) == 1:
        return [_("%(label)s: %(number)s.", label=most[0], number=most[2])]
    if most[1] == least[1]:
        return [_("All %(count)s are alike: %(number)s.", count=number(len(values)),
                  number=most[2])]  # fmt: skip
    return [
        _("Most: %(label)s, %(number)s.", label=most[0], number=most[2]),
        _("Least: %(label)s, %(number)s.", label=least[0], number=least[2]),
    ]


def bars(
    title: Any,
    values: Sequence[Bar],
    *,
    most: float | None = None,
    heads: tuple[str, str] | None = None,
    adds: bool = False,
) -> Chart:
    """Horizontal bars, each with its label above and its number at the end.

    `most` is the length that fills the width; without it the longest bar does. `adds`: the bars
    are parts of one sum, and the summary says it.
    """
    longest = most or max((bar.value for bar in values), default=0)

    def scene(width: float) -> Scene:
        drawn: list[Shape] = []
        for place, bar in enumerate(values):
            top = place * _BAR
            told = f"{bar.label}: {bar.said}"
            drawn += [
                _label(bar.label, bar.said, top, width),
                Words(100, top + 15, bar.said, "chart-number", "end"),
                Box(0, top + 22, 100, 10, "track", round=3),
                Box(0, top + 22, _percent(min(bar.value, longest), longest), 10, "s1", told, 3),
            ]
        return Scene(max(len(values) * _BAR - 8, 1), drawn)

    said = _ends([(bar.label, bar.value, bar.said) for bar in values])
    if adds and len(values) > 1:
        said.append(_("Together: %(number)s.", number=number(sum(bar.value for bar in values))))
    return Chart(
        title,
        _sentences(said),
        tuple(map(str, heads or (_("Name"), _("Number")))),
        tuple((str(bar.label), bar.note or bar.value) for bar in values),
        scene,
    )


def funnel(title: Any, values: Sequence[Bar]) -> Chart:
    """Steps, each a part of the one before: its number, and how much of that one it is.

    No part is told of a step that is more than the one before, or whose note says that it counts
    something else.
    """
    longest = max((bar.value for bar in values), default=0)
    shares = [
        _share(bar.value, values[place - 1].value)
        if place and not bar.note and bar.value <= values[place - 1].value > 0
        else ""
        for place, bar in enumerate(values)
    ]

    def scene(width: float) -> Scene:
        drawn: list[Shape] = []
        for place, (bar, share) in enumerate(zip(values, shares, strict=True)):
            top = place * _STEP
            part = _("%(share)s of the step before", share=share) if share else ""
            length = _percent(bar.value, longest)
            drawn += [
                _label(bar.label, bar.said, top, width),
                Words(100, top + 15, bar.said, "chart-number", "end"),
                Box(0, top + 22, 100, 16, "track", round=3),
                Box(0, top + 22, length, 16, "s1", f"{bar.label}: {bar.said}", 3),
            ]
            if part:
                drawn.append(Words(100, top + 52, part, "chart-part", "end"))
        return Scene(max(len(values) * _STEP - (4 if len(values) > 1 else 18), 1), drawn)

    said = [
        _("%(label)s: %(number)s, %(share)s of the step before.", label=bar.label,
          number=bar.said, share=share)
        if share else _("%(label)s: %(number)s.", label=bar.label, number=bar.said)
        for bar, share in zip(values, shares, strict=True)
    ]  # fmt: skip
    return Chart(
        title,
        _sentences(said or [_nothing()]),
        (str(_("Step")), str(_("Number")), str(_("Of the step before"))),
        tuple(
            (str(bar.label), bar.note or bar.value, share)
            for bar, share in zip(values, shares, strict=True)
        ),
        scene,
    )


def grouped(
    title: Any, values: Sequence[tuple[Any, float, float]], names: tuple[Any, Any]
) -> Chart:
    """Two numbers of each thing beside each other: now and before, called by `names`."""
    longest = max((max(now, before) for _label, now, before in values), default=0)
    called = (str(names[0]), str(names[1]))

    def scene(width: float) -> Scene:
        drawn: list[Shape] = []
        for place, (label, now, before) in enumerate(values):
            top = place * _PAIR
            end = f"{number(now)} | {number(before)}"
            drawn += [
                _label(label, end, top, width),
                Words(100, top + 15, end, "chart-number", "end"),
                Box(0, top + 22, 100, 22, "track", round=3),
                Box(0, top + 22, _percent(now, longest), 11, "s1",
                    f"{label}, {called[0]}: {number(now)}", 2),
                Box(0, top + 34, _percent(before, longest), 10, "before",
                    f"{label}, {called[1]}: {number(before)}", 2),
            ]  # fmt: skip
        return Scene(max(len(values) * _PAIR - 8, 1), drawn)

    return Chart(
        title,
        _sentences(_compared(values, called)),
        (str(_("Name")), *called),
        tuple((str(label), now, before) for label, now, before in values),
        scene,
        (Key("s1", called[0]), Key("before", called[1])) if values else (),
    )


def _compared(values: Sequence[tuple[Any, float, float]], names: tuple[str, str]) -> Iterable[str]:
    if not values:
        yield _nothing()
        return
    label, now, _before = max(values, key=lambda each: each[1])
    if now and not any(before for _label, _now, before in values):
        # All of it rose: that says nothing of any.
        yield _("Most: %(label)s, %(now)s.", label=label, now=number(now))
        yield _("%(before)s: nothing.", before=names[1])
        return
    label, now, before = max(values, key=lambda each: each[1] - each[2])
    if now > before:
        yield _("Rose most: %(label)s, to %(now)s from %(before)s.", label=label,
                now=number(now), before=number(before))  # fmt: skip
    label, now, before = min(values, key=lambda each: each[1] - each[2])
    if now < before:
        yield _("Fell most: %(label)s, to %(now)s from %(before)s.", label=label,
                now=number(now), before=number(before))  # fmt: skip
    if all(now == before for _label, now, before in values):
        yield _("Nothing changed between %(before)s and %(now)s.", now=names[0], before=names[1])


def stacked(
    title: Any,
    heads: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    head: str | None = None,
) -> Chart:
    """Upright bars, one a head (a month), each made of the series laid on each other.

    A legend names the series that have anything; the colour of a series is its place.
    """
    shown = [(place, name, numbers) for place, (name, numbers) in enumerate(series) if any(numbers)]
    totals = [sum(numbers[at] for _place, _name, numbers in shown) for at in range(len(heads))]
    top = _ceiling(max(totals, default=0))

    def scene(width: float) -> Scene:
        step = (_RIGHT - _LEFT) / max(len(heads), 1)
        thick = min(step * 0.7, _THICK)
        drawn: list[Shape] = list(_grid(top))
        for at, name_of_head in enumerate(heads):
            reached = 0.0
            for place, name, numbers in shown:
                if not numbers[at]:
                    continue
                height = _PLOT * numbers[at] / top
                reached += height
                # A hair of the ground between two, where there is room for one.
                drawn.append(Box(
                    _LEFT + (at + 0.5) * step - thick / 2, _TOP + _PLOT - reached, thick,
                    height - 1 if height > 3 else height, paint_of(place),
                    f"{name_of_head}, {name}: {number(numbers[at])}",
                ))  # fmt: skip
        return Scene(_PLOT + 36, [*drawn, *_under(heads, width)])

    table = len(shown) > 1
    return Chart(
        title,
        _sentences(_told_of_stack(heads, totals, shown)),
        (
            str(head or _("When")),
            *(str(name) for _place, name, _numbers in shown),
            *((str(_("Together")),) if table or not shown else ()),
        ),
        tuple(
            (
                str(each),
                *(numbers[at] for _place, _name, numbers in shown),
                *((totals[at],) if table or not shown else ()),
            )
            for at, each in enumerate(heads)
        ),
        scene,
        tuple(Key(paint_of(place), name) for place, name, _numbers in shown),
    )


def _told_of_stack(
    heads: Sequence[str],
    totals: Sequence[float],
    shown: Sequence[tuple[int, str, Sequence[float]]],
    *,
    in_time: bool = True,
) -> Iterable[str]:
    if not any(totals):
        yield _nothing()
        return
    yield from _ends(
        [(each, total, number(total)) for each, total in zip(heads, totals, strict=True)]
    )
    if len(shown) > 1:
        name, of_it = max(
            ((name, sum(numbers)) for _place, name, numbers in shown), key=lambda each: each[1]
        )
        yield _("Largest part: %(name)s, %(number)s.", name=name, number=number(of_it))
    if in_time:
        yield _course(totals)


def split(
    title: Any,
    heads: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    head: str | None = None,
) -> Chart:
    """Bars that lie, each with its name above and divided by series: things that are no times."""
    shown = [(at, name, numbers) for at, (name, numbers) in enumerate(series) if any(numbers)]
    totals = [sum(numbers[at] for _place, _name, numbers in shown) for at in range(len(heads))]
    longest = max(totals, default=0)

    def scene(width: float) -> Scene:
        drawn: list[Shape] = []
        for at, (name, total) in enumerate(zip(heads, totals, strict=True)):
            top, reached = at * _BAR, 0.0
            drawn += [
                _label(name, number(total), top, width),
                Words(100, top + 15, number(total), "chart-number", "end"),
                Box(0, top + 22, 100, 12, "track", round=3),
            ]
            for place, series_name, numbers in shown:
                length = _percent(numbers[at], longest)
                if not length:
                    continue
                # A hair of the ground between two, where there is room for one.
                drawn.append(Box(
                    reached, top + 22, length - 0.25 if length > 1 else length, 12,
                    paint_of(place), f"{name}, {series_name}: {number(numbers[at])}",
                ))  # fmt: skip
                reached += length
        return Scene(max(len(heads) * _BAR - 8, 1), drawn)

    return Chart(
        title,
        _sentences(_told_of_stack(heads, totals, shown, in_time=False)),
        (
            str(head or _("Name")),
            *(str(name) for _place, name, _numbers in shown),
            str(_("Together")),
        ),
        tuple(
            (str(each), *(numbers[at] for _place, _name, numbers in shown), totals[at])
            for at, each in enumerate(heads)
        ),
        scene,
        tuple(Key(paint_of(place), name) for place, name, _numbers in shown),
    )


def _course(values: Sequence[float]) -> str:
    """Which way it goes: the later half beside the earlier."""
    half = len(values) // 2
    if half < 2:
        return ""
    earlier, later = sum(values[:half]), sum(values[-half:])
    if later > earlier * 1.1:
        return _("Rising: the later half is above the earlier.")
    if later < earlier * 0.9:
        return _("Falling: the later half is below the earlier.")
    return _("Steady: the later half is like the earlier.")


def lines(
    title: Any,
    heads: Sequence[str],
    series: Sequence[tuple[str, Sequence[float | None]]],
    *,
    head: str | None = None,
) -> Chart:
    """Lines over heads (months), each with its own dash and sign. None is a gap."""
    known = [value for _name, values in series for value in values if value is not None]
    top = _ceiling(max(known, default=0))
    step = (_RIGHT - _LEFT - 8) / max(len(heads) - 1, 1)

    def at(place: int) -> float:
        return _LEFT + 2 + place * step

    def down(value: float) -> float:
        return _TOP + _PLOT * (1 - max(value, 0) / top)

    def scene(width: float) -> Scene:
        drawn: list[Shape] = list(_grid(top))
        ends: list[float] = []
        every = -(-len(heads) // _MARKED) or 1
        for place, (name, values) in enumerate(series):
            paint, look = paint_of(place), min(place, drawing.SERIES - 1)
            for run in _runs(values):
                drawn.append(Trail([(at(i), down(value)) for i, value in run], paint, look))
            told = [(i, value) for i, value in enumerate(values) if value is not None]
            for i, value in told:
                if i % every == 0 or i == told[-1][0]:
                    drawn.append(Sign(at(i), down(value), paint, look,
                                      f"{heads[i]}, {name}: {number(value)}"))  # fmt: skip
            if told:
                last, value = told[-1]
                # The last number stands at the end of its line, where no other one does.
                if all(abs(down(value) - other) > 11 for other in ends):
                    ends.append(down(value))
                    drawn.append(Words(at(last), down(value) + 4, _compact(value), "chart-head",
                                       off=8))  # fmt: skip
        return Scene(
            _PLOT + 36, [*drawn, *_under(heads, width, [at(i) for i in range(len(heads))])]
        )

    return Chart(
        title,
        _sentences(_told_of_lines(heads, series)),
        (str(head or _("When")), *(str(name) for name, _values in series)),
        tuple(
            (str(each), *(values[at] for _name, values in series)) for at, each in enumerate(heads)
        ),
        scene,
        tuple(
            Key(paint_of(place), name, min(place, drawing.SERIES - 1))
            for place, (name, _values) in enumerate(series)
        ),
    )


def _runs(values: Sequence[float | None]) -> Iterable[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for at, value in enumerate(values):
        if value is not None:
            run.append((at, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _told_of_lines(
    heads: Sequence[str], series: Sequence[tuple[str, Sequence[float | None]]]
) -> Iterable[str]:
    nothing = True
    for name, values in series:
        told = [(heads[at], value) for at, value in enumerate(values) if value is not None]
        if not told:
            continue
        nothing = False
        most, (last, value) = max(told, key=lambda each: each[1]), told[-1]
        yield _("%(name)s: %(number)s in %(last)s, at most %(most)s in %(when)s.", name=name,
                number=number(value), last=last, most=number(most[1]), when=most[0])  # fmt: skip
        if len(series) == 1:
            yield _course([each for _head, each in told])
    if nothing:
        yield _nothing()


def _under(
    heads: Sequence[str], width: float, middles: Sequence[float] | None = None
) -> Iterable[Words]:
    """The heads below, as many as have room; the bars and points keep their titles."""
    if not heads:
        return
    step = (_RIGHT - _LEFT) / len(heads)
    room = width * step / 100
    longest = min(max(wide(head) for head in heads) + 4, 96)
    every = max(-(-len(heads) // _HEADS), math.ceil(longest / room))
    for at in range(0, len(heads), every):
        middle = middles[at] if middles else _LEFT + (at + 0.5) * step
        text = fitting(heads[at], 90)
        # Words of the first and the last must not leave the picture.
        half = 100 * wide(text) / 2 / width
        anchor, x = "middle", middle
        if middle + half > 100:
            anchor, x = "end", 100.0
        elif middle < half:
            anchor, x = "start", 0.0
        yield Words(x, _PLOT + 30, text, "chart-head", anchor)


def _grid(top: float) -> Iterable[Shape]:
    for part in (0, 0.5, 1):
        level = _TOP + _PLOT * (1 - part)
        yield Rule(level)
        if part and (top < 2 or (top * part).is_integer()):
            yield Words(0, level - 3, _compact(top * part), "chart-tick")


def _compact(value: float) -> str:
    # Where a whole number has no room: 12K, 1.5M.
    if abs(value) < 10_000:
        return number(value)
    return str(format_compact_decimal(value, fraction_digits=1, locale=get_locale()))


def _ceiling(value: float) -> float:
    """The next number that is round, and so is its half: 1, 1.2, 1.6, 2 … times a power of ten."""
    if value <= 0:
        return 2.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 2, 4, 5, 6, 8, 10) if power <= 1 else (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
    return next((step * power for step in steps if value <= step * power), 20 * power)


def line(title: Any, values: Sequence[float], *, height: int = 40) -> Chart:
    """A line without words, for beside a number that has them."""
    top = max(values, default=0) or 1
    step = 96 / max(len(values) - 1, 1)

    def scene(_width: float) -> Scene:
        points = [
            (2 + at * step, height - 5 - (height - 10) * max(value, 0) / top)
            for at, value in enumerate(values)
        ]
        drawn: list[Shape] = [Trail(points, "s1")] if points else []
        if points:
            drawn.append(Sign(*points[-1], "s1", told=number(values[-1])))
        return Scene(height, drawn)

    ends = [_("From %(first)s to %(last)s.", first=number(values[0]), last=number(values[-1])),
            _course(values)] if values else [_nothing()]  # fmt: skip
    return Chart(
        title,
        _sentences(ends),
        (str(_("Place")), str(_("Number"))),
        tuple(enumerate(values, start=1)),
        scene,
    )


def progress(title: Any, done: float, goal: float) -> Chart:
    """How much of a goal is reached; full when it is passed."""
    said = _("%(done)s of %(goal)s.", done=number(done), goal=number(goal))
    if goal:
        said = _("%(done)s of %(goal)s, %(share)s.", done=number(done), goal=number(goal),
                 share=_share(done, goal))  # fmt: skip
    drawn = [
        Box(0, 0, 100, 10, "track", round=5),
        Box(0, 0, _percent(min(done, goal), goal), 10, "s1", round=5),
    ]
    return Chart(
        title,
        said,
        (str(_("Reached")), str(_("Goal"))),
        ((done, goal),),
        lambda _width: Scene(10, drawn),
    )


def parts(title: Any, counted: Sequence[tuple[str, Any, int]]) -> Chart:
    """How a whole divides, as one bar: (paint, label, number)."""
    whole = sum(count for _paint, _label, count in counted)

    def scene(_width: float) -> Scene:
        drawn, left = list[Shape](), 0
        for paint, label, count in counted:
            if count:
                drawn.append(Box(_percent(left, whole), 0, _percent(count, whole), 14, paint,
                                 f"{label}: {number(count)}"))  # fmt: skip
            left += count
        return Scene(14, drawn)

    said = [_nothing()]
    if whole:
        said = [
            _("%(label)s: %(number)s of %(whole)s, %(share)s.", label=label, number=number(count),
              whole=number(whole), share=_share(count, whole))
            for _paint, label, count in counted if count
        ]  # fmt: skip
    return Chart(
        title,
        _sentences(said),
        (str(_("Part")), str(_("Number"))),
        tuple((str(label), count) for _paint, label, count in counted),
        scene,
        keys_alone=tuple(
            Key(paint, f"{label} {number(count)}") for paint, label, count in counted if count
        ),
    )
