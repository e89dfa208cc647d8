"""How far an indicator is, by table: the line, the gap, the standing; and lines read as goals."""

from datetime import date

import pytest
from flask import Flask

from crm.campaigns import outline
from crm.campaigns.indicator_rules import Course, Point, Standing, valid_on, written
from crm.core.errors import Refused

START, MIDDLE, END = date(2026, 1, 1), date(2026, 7, 2), date(2026, 12, 31)


def point(day: date, value: float) -> Point:
    return Point(day, value)


def course(
    actual: Point | None, *, on: date = MIDDLE, baseline: float | None = 0,
    targets: tuple[Point, ...] = (Point(END, 100),), falls: bool = False,
) -> Course:  # fmt: skip
    begun = Point(START, baseline) if baseline is not None else None
    return Course(on, begun, targets, actual, falls)


MILESTONES = (Point(MIDDLE, 20), Point(END, 100))


@pytest.mark.parametrize(
    ("found", "standing", "part", "gap"),
    [
        (course(None), Standing.UNKNOWN, None, None),
        (course(point(MIDDLE, 5), targets=()), Standing.UNMEASURED, None, None),
        (course(point(MIDDLE, 50)), Standing.ON_COURSE, 0.5, 50),
        (course(point(MIDDLE, 49)), Standing.BEHIND, 0.49, 51),
        # With a milestone less is due by the middle.
        (course(point(MIDDLE, 20), targets=MILESTONES), Standing.ON_COURSE, 0.2, 80),
        (course(point(MIDDLE, 19), targets=MILESTONES), Standing.BEHIND, 0.19, 81),
        (course(point(MIDDLE, 120)), Standing.REACHED, 1, 0),
        # On the last day there is still that day; after it the target is missed.
        (course(point(MIDDLE, 99), on=END), Standing.ON_COURSE, 0.99, 1),
        (course(point(MIDDLE, 99), on=date(2027, 1, 1)), Standing.MISSED, 0.99, 1),
        # Measured before the line begins: nothing is due.
        (course(point(date(2025, 12, 1), -3)), Standing.ON_COURSE, 0, 103),
        # Without a baseline nothing is asked before the first target.
        (course(point(MIDDLE, 1), baseline=None), Standing.ON_COURSE, 0.01, 99),
        # Less is better: from 40 to 10.
        (course(point(MIDDLE, 24), baseline=40, targets=(Point(END, 10),), falls=True),
         Standing.ON_COURSE, 16 / 30, 14),
        (course(point(MIDDLE, 30), baseline=40, targets=(Point(END, 10),), falls=True),
         Standing.BEHIND, 1 / 3, 20),
        (course(point(MIDDLE, 9), baseline=40, targets=(Point(END, 10),), falls=True),
         Standing.REACHED, 1, 0),
        # It fell back below where it began.
        (course(point(MIDDLE, -5)), Standing.BEHIND, 0, 105),
    ],
)  # fmt: skip
def test_standing_part_and_gap(
    found: Course, standing: Standing, part: float | None, gap: float | None
) -> None:
    assert found.standing is standing
    assert found.part == (None if part is None else pytest.approx(part))
    assert found.gap == (None if gap is None else pytest.approx(gap))


def test_the_line() -> None:
    found = course(None, targets=MILESTONES)
    assert found.expected(date(2025, 12, 31)) is None
    assert found.expected(START) == 0
    assert found.expected(MIDDLE) == 20
    assert found.expected(date(2030, 1, 1)) == 100
    assert found.next == MILESTONES[0]
    assert course(None, on=date(2026, 8, 1), targets=MILESTONES).next == MILESTONES[1]
    same_day = course(None, targets=(Point(START, 10),))
    assert same_day.expected(START) == 10


def test_the_value_of_a_day() -> None:
    points = [point(MIDDLE, 2), point(START, 1)]
    assert valid_on(points, date(2025, 1, 1)) is None
    assert valid_on(points, date(2026, 3, 1)) == points[1]
    assert valid_on(points, END) == points[0]


def test_how_it_is_written(app: Flask) -> None:
    with app.test_request_context():
        assert written(1500.0, "postcards") == "1,500 postcards"
        assert written(12.5, "%") == "12.5%"
        assert written(None) == "–"


LINES = """
Goal I. More states join
the ban
1a Each embassy hears from us
1b) Answers are followed up

II Our own state speaks
2a: Four members of Congress say yes
"""


def test_lines_are_read() -> None:
    goals = outline.read(LINES)
    assert [(each.code, each.text) for each in goals] == [
        ("I", "More states join the ban"), ("II", "Our own state speaks"),
    ]  # fmt: skip
    assert [(each.code, each.text) for each in goals[0].objectives] == [
        ("1a", "Each embassy hears from us"), ("1b", "Answers are followed up"),
    ]  # fmt: skip
    assert outline.read(outline.write(goals)) == goals
    numbered = outline.read("1 A goal\n1.1 A step\n2. Another\n2.1 Its step")
    assert [(each.code, each.objectives[0].code) for each in numbered] == [
        ("1", "1.1"), ("2", "2.1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("More states join", "Line 1 has no code"),
        ("1a A step", "Line 1: an objective stands below a goal"),
        ("I One\n\nI Two", "Line 3: the code I stands twice"),
        (f"I {'x' * 501}", "The text of I is longer"),
        ("I One\n" * 121, "at most 120 lines"),
    ],
)
def test_lines_that_cannot_be_read(app: Flask, lines: str, said: str) -> None:
    with app.test_request_context(), pytest.raises(Refused, match=said) as refusal:
        outline.read(lines)
    assert refusal.value.field == "outline"
