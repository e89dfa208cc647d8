"""The picture of lanes: well-formed, text stays text, marks lie where their days are."""

from datetime import date
from xml.etree import ElementTree

from flask import Flask

from crm.core.lanes import Lane, Mark, binned, draw, months_before

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)
HOSTILE = "<script>alert('x')</script>\"&"


def drawn(above: list[Lane], below: list[Lane]) -> ElementTree.Element:
    return ElementTree.fromstring(str(draw(above, below, FIRST, LAST)))  # noqa: S314 - ours


def test_it_works(app: Flask) -> None:
    with app.test_request_context():
        picture = drawn(
            [
                Lane(
                    "Ask",
                    [Mark(FIRST, "a", "stand-m1", level=3), Mark(LAST, "b", "stand-1", level=1)],
                    5,
                )
            ],
            [
                Lane(
                    "Letters",
                    [Mark(date(2026, 7, 2), "5 letters", "done", url="/outreach?a=1&b=2")],
                )
            ],
        )
    assert picture.get("aria-hidden") == "true"
    dots = picture.findall(".//circle")
    assert [dot.get("cx") for dot in dots] == ["3.00%", "97.00%", "50.00%"]
    link = picture.find(".//a")
    assert link is not None
    assert (link.get("href"), link.get("tabindex")) == ("/outreach?a=1&b=2", "-1")
    assert "Jul 2026" in "".join(picture.itertext())


def test_hostile_text_stays_text(app: Flask) -> None:
    with app.test_request_context():
        picture = draw(
            [Lane(HOSTILE, [Mark(FIRST, HOSTILE, "step", is_diamond=True, url=HOSTILE)],
                  bands=[Mark(FIRST, HOSTILE, "band-joined")])],
            [], FIRST, LAST,
        )  # fmt: skip
    assert "<script" not in picture
    ElementTree.fromstring(str(picture))  # noqa: S314 - ours


def test_one_day_is_enough(app: Flask) -> None:
    with app.test_request_context():
        assert "lanes" in draw([], [Lane("L", [Mark(FIRST, "x", "done")])], FIRST, FIRST)


def test_close_days_are_one_mark() -> None:
    days = [(date(2026, 1, 1), 2), (date(2026, 1, 3), 3), (date(2026, 6, 1), 4)]
    assert binned(days, FIRST, LAST) == [
        (date(2026, 1, 1), date(2026, 1, 3), 5),
        (date(2026, 6, 1), date(2026, 6, 1), 4),
    ]
    many = [(date.fromordinal(FIRST.toordinal() + n), 1) for n in range(365)]
    assert len(binned(many, FIRST, LAST)) <= 53


def test_months_before() -> None:
    assert months_before(date(2026, 2, 28), 3) == date(2025, 11, 1)
