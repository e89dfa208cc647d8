"""Tile maps hold every place once, say in words what they show, and text in them stays text."""

from itertools import product
from xml.etree import ElementTree

import pytest
from flask import Flask

from crm.core import PACKAGE
from crm.core.tiles import (
    STEPS,
    US,
    WORLD,
    Layout,
    Sort,
    Tile,
    TileMap,
    _looks,
    step_of,
    step_sorts,
    steps,
    tile_map,
)
from crm.targets.rules import STATES
from crm.targets.sources import governments
from tests.core.test_charts import contrast, luminance

HOSTILE = "<script>alert('x')</script>\"&"
WORLD_STATES = {dict(each.identifiers)["iso3166-alpha3"] for each in governments.read().targets}
SORTS = [Sort("party", "Joined", count=2), Sort("signatory", "Signed", "stripes"),
         Sort("joining", "Later", "dot"), Sort("withdrawn", "Left", "strike")]  # fmt: skip


def drawn(picture: TileMap) -> ElementTree.Element:
    """Well-formed, or this raises."""
    return ElementTree.fromstring(f"<div>{picture.__html__()}</div>")  # noqa: S314 - ours


def test_it_works(app: Flask) -> None:
    tree = drawn(
        tile_map("map", "The treaty", WORLD, [Tile("NIU", "Niue: joined", "party", "/niue")], SORTS)
    )
    link = tree.find(".//svg/a")
    assert link is not None
    assert (link.get("href"), link.get("class")) == ("/niue", "tile-party")
    assert link.get("aria-label") == link.findtext("title") == "Niue: joined"
    assert link.findtext("text") == "NIU"
    assert [" ".join("".join(line.itertext()).split()) for line in tree.iter("li")] == [
        "Joined 2", "Signed", "Later", "Left",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layout", "codes"), [(WORLD, WORLD_STATES), (US, set(STATES))], ids=["world", "us"]
)
def test_every_place_once_and_none_on_another(layout: Layout, codes: set[str]) -> None:
    assert set(layout.places) == codes
    assert len(set(layout.places.values())) == len(codes)


def test_neighbours_stay_near() -> None:
    pairs = [
        ("CAN", "USA"), ("USA", "MEX"), ("BRA", "PRY"), ("CHL", "ARG"), ("PRT", "ESP"),
        ("ESP", "AND"), ("AND", "FRA"), ("EST", "LVA"), ("LVA", "LTU"), ("FIN", "SWE"),
        ("EGY", "LBY"), ("ISR", "PSE"), ("IRQ", "IRN"), ("IND", "PAK"), ("CHN", "MNG"),
        ("PRK", "KOR"), ("ZAF", "LSO"), ("KEN", "TZA"), ("SLB", "VUT"), ("FJI", "TON"),
    ]  # fmt: skip
    for one, other in pairs:
        (left, top), (right, low) = WORLD.places[one], WORLD.places[other]
        assert max(abs(left - right), abs(top - low)) == 1, (one, other)


def test_continents_do_not_touch_across_an_ocean() -> None:
    region = {
        dict(each.identifiers)["iso3166-alpha3"]: each.columns["region"]
        for each in governments.read().targets
    }
    at = {place: region[code] for code, place in WORLD.places.items()}
    for (column, row), here in at.items():
        for step in product((-1, 0, 1), repeat=2):
            there = at.get((column + step[0], row + step[1]), here)
            assert {here, there} != {"Americas", "Europe"}
            assert {here, there} != {"Americas", "Africa"}


def test_every_kind_of_tile_is_told_without_colour(app: Flask) -> None:
    tiles = [Tile(code, code, sort.key) for code, sort in zip(US.places, SORTS, strict=False)]
    shapes = [
        tuple(sorted((each.tag, each.get("d", "")[:1]) for each in tile if each.tag != "text"))
        for tile in drawn(tile_map("map", "Kinds", US, tiles, SORTS)).findall(".//svg/g[@role]")
    ]
    assert len(shapes) == 4
    assert [len(shape) for shape in shapes] == [2, 3, 3, 3]


def test_hostile_text_stays_text_and_nothing_is_styled_inline(app: Flask) -> None:
    picture = tile_map(
        "map",
        HOSTILE,
        US,
        [Tile("WV", HOSTILE, "party", '"><b>', HOSTILE)],
        [Sort("party", HOSTILE)],
    )
    for written in (str(picture.__html__()), picture.still(300)):
        assert "<script" not in written
        assert "<b>" not in written
        assert "style=" not in written
    assert HOSTILE in "".join(drawn(picture).itertext())


def test_a_place_that_is_on_no_map_is_left_out(app: Flask) -> None:
    assert drawn(tile_map("map", "", US, [Tile("XX", "", "party")], [])).find(".//rect") is None


@pytest.mark.parametrize(
    ("values", "begins"),
    [([], []), ([0, 0], []), ([7], []), ([1, 1, 1], []), ([1, 2, 3, 4, 5], [2, 3, 4, 5]),
     ([1, 1, 1, 1, 90], [90])],
)  # fmt: skip
def test_steps(values: list[int], begins: list[int]) -> None:
    assert steps(values) == begins
    assert len(begins) < STEPS


def test_the_legend_of_numbers_holds_every_number(app: Flask) -> None:
    values = [0, 3, 3, 5, 8, 40, 41, 90, 1200]
    sorts = step_sorts(values)
    assert [str(each.label) for each in sorts] == ["Nothing", "3–7", "8–39", "40–89", "90–1,200"]
    known = {each.key for each in sorts}
    assert {step_of(value, steps(values)) for value in values} == known


def test_alone_it_has_the_same_tiles_marks_and_legend_and_needs_nothing_beside_it(
    app: Flask,
) -> None:
    tiles = [Tile(code, f"{code} told", sort.key, note="12") for code, sort in zip(
        US.places, SORTS, strict=False)]  # fmt: skip
    picture = tile_map("map", "Kinds", US, tiles, SORTS)
    tree = ElementTree.fromstring(picture.still(400))  # noqa: S314 - ours
    name = "{http://www.w3.org/2000/svg}"
    codes = [text.text for text in tree.findall(f"{name}g/{name}text")]
    assert codes == [each for tile in tiles for each in (tile.code, "12")]
    assert [text.text for text in tree.findall(f"{name}text")] == [
        "Joined 2", "Signed", "Later", "Left",
    ]  # fmt: skip
    assert len(tree.findall(f"{name}g/{name}path")) == 2
    assert len(tree.findall(f"{name}g/{name}circle")) == 1
    assert picture.summary == "Joined: 1. Signed: 1. Later: 1. Left: 1."
    assert [row[0] for row in picture.rows] == [tile.code for tile in tiles]
    assert "class=" not in picture.still(400)
    assert "href" not in picture.still(400)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_colours_alone_are_those_of_the_stylesheet_and_their_letters_are_read(dark: bool) -> None:
    sheet = (PACKAGE / "static" / "crm.css").read_text()
    for key, look in _looks(dark).items():
        for colour in (look.fill, look.edge, look.ink, look.mark):
            assert colour in sheet, key
        assert contrast(look.ink, look.fill) >= 4.5, key
    ramp = [luminance(_looks(dark)[f"step-{place}"].fill) for place in range(1, STEPS + 1)]
    assert ramp == sorted(ramp, reverse=not dark)
