"""Charts say in words what they show, and text in them stays text."""

from xml.etree import ElementTree

from flask import Flask
from markupsafe import Markup

from crm.core.charts import Bar, bars, line, progress, stacked

HOSTILE = "<script>alert('x')</script>\"&"


def drawn(picture: Markup) -> ElementTree.Element:
    """Well-formed, or this raises."""
    return ElementTree.fromstring(f"<div>{picture}</div>")  # noqa: S314 - ours


def test_it_works(app: Flask) -> None:
    picture = bars("Most reached", [Bar("Ann Alpha", 32), Bar("Niue", 16)])
    svg = drawn(picture).find("svg")
    assert svg is not None
    assert svg.get("role") == "img"
    assert svg.findtext("title") == "Most reached"
    assert svg.findtext("desc") == "Ann Alpha: 32; Niue: 16"
    assert [rect.get("width") for rect in svg.findall("rect[@class='s1']")] == ["100%", "50%"]


def test_hostile_text_stays_text(app: Flask) -> None:
    for picture in (
        bars(HOSTILE, [Bar(HOSTILE, 1, HOSTILE)]),
        stacked(HOSTILE, [HOSTILE], [(HOSTILE, [1])]),
        line(HOSTILE, [1, 2]),
        progress(HOSTILE, 1, 2),
    ):
        assert "<script" not in picture
        assert "style=" not in picture
        assert HOSTILE in "".join(drawn(picture).itertext())


def test_a_stack_adds_up_and_names_only_what_is_there(app: Flask) -> None:
    picture = stacked("Year", ["Jan", "Feb"], [("Cards", [10, 0]), ("Calls", [0, 0]),
                                               ("Letters", [5, 20])])  # fmt: skip
    tree = drawn(picture)
    assert tree.findtext(".//desc") == "Jan: 15; Feb: 20"
    assert [item.find("svg/rect").get("class") for item in tree.iter("li")] == ["s1", "s3"]
    heights = [float(rect.get("height")) for rect in tree.findall("div/svg/rect")]
    assert heights == [95.0, 47.5, 190.0]


def test_nothing_to_draw_is_no_error(app: Flask) -> None:
    for picture in (bars("", []), stacked("", [], []), line("", []), progress("", 0, 0)):
        drawn(picture)


def test_a_passed_goal_is_a_full_bar(app: Flask) -> None:
    widths = [rect.get("width") for rect in drawn(progress("Goal", 180, 150)).iter("rect")]
    assert widths == ["100%", "100%"]
