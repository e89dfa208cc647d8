"""Charts: the numbers given are those of the table and of the drawing, in page and alone; text in
them stays text; and colours are told apart by everybody."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from xml.etree import ElementTree

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.core import PACKAGE, charts, drawing
from crm.core.charts import Bar, Chart, bars, funnel, grouped, line, lines, parts, progress, stacked

HOSTILE = "<script>alert('x')</script>\"&"
SVG = "{http://www.w3.org/2000/svg}"
NUMBERS = st.integers(0, 1_000_000)
pure = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def _language(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def drawn(picture: Chart) -> ElementTree.Element:
    """As in a page. Well-formed, or this raises."""
    return ElementTree.fromstring(f"<div>{picture.__html__()}</div>")  # noqa: S314 - ours


def alone(picture: Chart, width: int = 600) -> ElementTree.Element:
    return ElementTree.fromstring(picture.still(width))  # noqa: S314 - ours


def boxes(picture: Chart, paint: str) -> list[ElementTree.Element]:
    return list(drawn(picture).findall(f".//rect[@class='{paint}']"))


def test_it_works() -> None:
    picture = bars("Most reached", [Bar("Ann Alpha", 32), Bar("Niue", 16)], adds=True)
    svg = drawn(picture).find("svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert svg.findtext("title") == "Most reached"
    assert svg.findtext("desc") == "Most: Ann Alpha, 32. Least: Niue, 16. Together: 48."
    assert [box.get("width") for box in boxes(picture, "s1")] == ["100%", "50%"]
    assert picture.rows == (("Ann Alpha", 32), ("Niue", 16))
    still = alone(picture)
    assert (still.get("width"), still.findtext(f"{SVG}title")) == ("600", "Most reached")


EVERY = {
    "bars": lambda text: bars(text, [Bar(text, 1, text)]),
    "stacked": lambda text: stacked(text, [text], [(text, [1]), (text, [2])]),
    "line": lambda text: line(text, [1, 2]),
    "lines": lambda text: lines(text, [text, text], [(text, [1, None]), (text, [1, 2])]),
    "grouped": lambda text: grouped(text, [(text, 2, 1)], (text, text)),
    "funnel": lambda text: funnel(text, [Bar(text, 2), Bar(text, 1)]),
    "progress": lambda text: progress(text, 1, 2),
    "parts": lambda text: parts(text, [("stand-2", text, 1)]),
}


@pytest.mark.parametrize("kind", EVERY)
def test_hostile_text_stays_text_and_nothing_outside_is_asked_for(kind: str) -> None:
    picture = EVERY[kind](HOSTILE)
    page, still = str(picture.__html__()), picture.still(400)
    for written in (page, still):
        assert "<script" not in written
        assert "style=" not in written
        assert "href" not in written
    assert HOSTILE in "".join(drawn(picture).itertext())
    assert HOSTILE in "".join(alone(picture).itertext())
    assert "class=" not in still
    assert set(re.findall(r'"(https?://[^"]*)"', still)) == {"http://www.w3.org/2000/svg"}
    alone(EVERY[kind]("a\x00\x0b\ufffe\uffffb"))


def test_nothing_to_draw_is_no_error() -> None:
    for picture in (
        bars("", []), stacked("", [], []), stacked("", ["a"], []), line("", []), progress("", 0, 0),
        lines("", [], []), lines("", ["a"], [("b", [None])]), grouped("", [], ("", "")),
        funnel("", []), funnel("", [Bar("a", 0), Bar("b", 0)]), parts("", []),
    ):  # fmt: skip
        drawn(picture)
        alone(picture, 1)
        assert picture.summary


@pure
@given(st.lists(NUMBERS, min_size=1, max_size=12), st.integers(200, 1200))
def test_bars_are_as_long_as_their_numbers(app: Flask, numbers: list[int], width: int) -> None:
    with app.test_request_context():
        picture = bars("Bars", [Bar(str(at), number) for at, number in enumerate(numbers)])
        assert [row[1] for row in picture.rows] == numbers
        longest = max(numbers) or 1
        ratios = [float(str(box.get("width")).rstrip("%")) / 100 for box in boxes(picture, "s1")]
        assert ratios == pytest.approx([number / longest for number in numbers], abs=0.0001)
        assert _still_widths(picture, width) == pytest.approx(
            [width * number / longest for number in numbers], abs=0.01
        )


def _still_widths(picture: Chart, width: int) -> list[float]:
    found = alone(picture, width).findall(f"{SVG}rect[@fill='{drawing.LIGHT['s1']}']")
    return [float(str(box.get("width"))) for box in found]


@pure
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=14))
def test_a_stack_adds_up_in_its_table_and_its_drawing(
    app: Flask, columns: list[tuple[int, int, int]]
) -> None:
    with app.test_request_context():
        heads = [f"h{at}" for at in range(len(columns))]
        series = list(zip(*columns, strict=True))
        picture = stacked("S", heads, [(f"n{at}", each) for at, each in enumerate(series)])
        totals = [sum(column) for column in columns]
        assert [row[-1] for row in picture.rows] == totals
        top = charts._ceiling(max(totals))
        heights = sum(
            float(str(box.get("height"))) + (float(str(box.get("height"))) > 2)
            for box in drawn(picture).iter("rect")
            if re.fullmatch(r"s\d", box.get("class") or "") and box.get("x")
        )
        assert heights == pytest.approx(190 * sum(totals) / top, abs=1 + len(heads) * 5)


@pure
@given(st.lists(st.none() | NUMBERS, min_size=1, max_size=24))
def test_points_lie_where_their_numbers_say(app: Flask, numbers: list[int | None]) -> None:
    with app.test_request_context():
        picture = lines("L", [str(at) for at in range(len(numbers))], [("n", numbers)])
        assert [row[1] for row in picture.rows] == numbers
        known = [number for number in numbers if number is not None]
        top = charts._ceiling(max(known, default=0))
        signs = [svg for svg in drawn(picture).iter("svg") if svg.find("path[@class='sign s1']")
                 is not None]  # fmt: skip
        assert [float(str(sign.get("y"))) for sign in signs] == pytest.approx(
            [14 + 190 * (1 - number / top) for number in known], abs=0.01
        )


def test_a_funnel_says_what_part_of_the_step_before() -> None:
    picture = funnel("F", [Bar("Handed out", 400), Bar("Posted", 300), Bar("Answered", 0)])
    assert picture.rows == (("Handed out", 400, ""), ("Posted", 300, "75%"), ("Answered", 0, "0%"))
    assert "Posted: 300, 75% of the step before." in picture.summary
    more = funnel("F", [Bar("Handed out", 3), Bar("Posted", 4), Bar("Moved", 1, "1 target")])
    assert more.rows == (("Handed out", 3, ""), ("Posted", 4, ""), ("Moved", "1 target", ""))


def test_what_is_compared_says_what_rose_and_fell() -> None:
    picture = grouped("G", [("Cards", 9, 4), ("Calls", 1, 3)], ("This term", "Last term"))
    assert picture.rows == (("Cards", 9, 4), ("Calls", 1, 3))
    assert picture.summary == "Rose most: Cards, to 9 from 4. Fell most: Calls, to 1 from 3."
    assert [len(boxes(picture, paint)) for paint in ("s1", "before")] == [3, 3]
    first = grouped("G", [("Cards", 9, 0), ("Calls", 1, 0)], ("This term", "Last term"))
    assert first.summary == "Most: Cards, 9. Last term: nothing."


def test_a_stack_names_only_what_is_there() -> None:
    picture = stacked("Year", ["Jan", "Feb"], [("Cards", [10, 0]), ("Calls", [0, 0]),
                                               ("Letters", [5, 20])])  # fmt: skip
    keys = [item.find("svg/rect") for item in drawn(picture).iter("li")]
    assert [key.get("class") for key in keys if key is not None] == ["s1", "s3"]
    assert picture.heads == ("When", "Cards", "Letters", "Together")
    assert picture.rows == (("Jan", 10, 5, 15), ("Feb", 0, 20, 20))


def test_a_passed_goal_is_a_full_bar() -> None:
    picture = progress("Goal", 180, 150)
    assert [box.get("width") for box in drawn(picture).iter("rect")] == ["100%", "100%"]
    assert picture.summary == "180 of 150, 120%."


def test_two_drawings_of_a_page_share_no_name() -> None:
    names = [
        pattern.get("id")
        for picture in (
            stacked("A", ["a"], [("x", [1]), ("y", [1])]),
            stacked("A", ["a"], [("x", [1]), ("y", [2])]),
        )
        for pattern in drawn(picture).iter("pattern")
    ]
    assert len(set(names)) == 2


# Colours

#: How eyes that lack one kind of cone see linear red, green and blue: Machado, Oliveira and
#: Fernandes 2009, severity 1.0.
SEEN: Mapping[str, Sequence[Sequence[float]]] = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
               (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
               (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
               (0.004733, 0.691367, 0.303900)),
}  # fmt: skip


def linear(colour: str) -> list[float]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(rgb: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (min(max(part, 0), 1) for part in rgb)
    x, y, z = (
        (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047,
        0.2126729 * red + 0.7151522 * green + 0.0721750 * blue,
        (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883,
    )
    a, b, c = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * b - 16, 500 * (a - b), 200 * (b - c)


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def apart(one: str, other: str, eyes: Sequence[Sequence[float]]) -> float:
    seen = [
        lab([sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in eyes])
        for colour in (one, other)
    ]
    return math.dist(*seen)


SERIES = [f"s{place}" for place in range(1, 10)]
STANDS = ["stand-2", "stand-1", "stand-0", "stand-m1", "stand-m2"]


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("colours", [drawing.LIGHT, drawing.DARK], ids=["light", "dark"])
def test_every_two_colours_are_told_apart(colours: Mapping[str, str], eyes: str) -> None:
    for group, least in ((SERIES, 20), (STANDS, 15), (["s1", "before"], 20)):
        for one, other in combinations(group, 2):
            far = apart(colours[one], colours[other], SEEN[eyes])
            assert far > least, f"{one} and {other}: {far:.1f}"


@pytest.mark.parametrize(
    ("colours", "grounds"),
    [(drawing.LIGHT, ("#ffffff", "#f4f5f3")), (drawing.DARK, ("#1a2324", "#12191a"))],
    ids=["light", "dark"],
)
def test_every_colour_stands_out_from_its_ground(
    colours: Mapping[str, str], grounds: Sequence[str]
) -> None:
    for ground in grounds:
        for paint in (*SERIES, *STANDS, "before"):
            assert contrast(colours[paint], ground) >= 3, paint
        for ink in ("ink", "soft"):
            assert contrast(colours[ink], ground) >= 4.5, ink


def test_no_two_paints_differ_by_colour_alone() -> None:
    for group in (SERIES, STANDS):
        motifs = [drawing._MOTIFS.get(paint) for paint in group]
        assert len(set(motifs)) == len(motifs)
    assert len(set(drawing.DASHES)) == len(drawing.DASHES) == len(set(drawing._SIGNS))


def test_the_stylesheet_has_the_same_colours() -> None:
    sheet = (PACKAGE / "static" / "crm.css").read_text()
    for colours, head in ((drawing.LIGHT, ":root"), (drawing.DARK, '[data-bs-theme="dark"]')):
        said = " ".join(re.findall(rf"^{re.escape(head)} {{(.*?)}}", sheet, re.M | re.S))
        known = dict(re.findall(r"--([a-z0-9-]+): (#\w+);", said))
        names = {paint: f"series-{paint.removeprefix('s')}" for paint in SERIES}
        names |= {"before": "series-before", "ground": "card", "ink": "ink", "soft": "ink-2"}
        for paint in colours.keys() - {"track", "axis"}:
            assert known[names.get(paint, paint)] == colours[paint], paint
