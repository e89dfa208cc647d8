"""Maps of where outreach went: coloured by how often, by who answered, or by a treaty's standing.

One of them serves the page, the front page and the papers; who draws says where a tile leads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.core.shell import number
from crm.core.tiles import US, WORLD, Layout, Sort, Tile, TileMap, step_of, step_sorts, steps
from crm.core.tiles import tile_map as drawn
from crm.outreach.where import Place
from crm.targets.rules import area_name
from crm.treaties import words
from crm.treaties.rules import Standing

Address = Callable[[Place], str | None]

#: Shares of the targets that answered, by the step that begins with each.
_SHARES = (1, 11, 26, 51, 76)
ANSWERED: tuple[Sort, ...] = (
    Sort("outside", _l("Not reached")),
    Sort("step-0", _l("No answer yet"), "dot"),
    Sort("step-1", _l("1–10% answered")),
    Sort("step-2", _l("11–25%")),
    Sort("step-3", _l("26–50%")),
    Sort("step-4", _l("51–75%")),
    Sort("step-5", _l("76–100%")),
)


def area_names() -> dict[str, str]:
    """The states and territories of the map by their codes."""
    return {code: area_name(code) for code in US.places}


def by_times(
    name: str, title: Any, layout: Layout, names: Mapping[str, str], places: Sequence[Place],
    address: Address,
) -> TileMap:  # fmt: skip
    """How often the targets of each place were reached; the tile says the number too."""
    begins = steps(place.times for place in places)
    tiles = {
        place.code: Tile(
            place.code,
            _("%(place)s: reached %(told)s", place=place.name, told=times_told(place.times)),
            step_of(place.times, begins),
            address(place),
            note=short(place.times),
        )
        for place in places
    }
    sorts = step_sorts(place.times for place in places)
    return drawn(name, title, layout, _filled(names, tiles, "step-0"), sorts)


def by_answers(
    name: str, title: Any, layout: Layout, names: Mapping[str, str], places: Sequence[Place],
    address: Address,
) -> TileMap:  # fmt: skip
    """Which part of the targets of each place that were reached gave an answer."""
    tiles = {
        place.code: Tile(
            place.code,
            _("%(place)s: %(told)s", place=place.name, told=answered_told(place)),
            _share_step(place),
            address(place),
            note=_("%(part)s%%", part=_part(place)) if place.answered else "",
        )
        for place in places
    }
    every = _filled(names, tiles, "outside")
    used = {tile.sort for tile in every}
    return drawn(name, title, layout, every, [sort for sort in ANSWERED if sort.key in used])


def by_standing(
    name: str, title: Any, standings: Mapping[str, Standing],
    names: Mapping[str, str], places: Sequence[Place], address: Callable[[str], str | None],
) -> TileMap:  # fmt: skip
    """Where each state stands to a treaty; the tile says how often its government was reached."""
    times = {place.code: place.times for place in places}
    tiles = [
        Tile(
            code,
            _("%(state)s: %(standing)s; reached %(times)s", state=names.get(code, code),
              standing=words.told(standing), times=times_told(times.get(code, 0))),
            words.sort_of(standing),
            address(code),
            note=short(times[code]) if code in times else "",
        )
        for code, standing in standings.items()
    ]  # fmt: skip
    counts: dict[str, int] = {}
    for tile in tiles:
        counts[tile.sort] = counts.get(tile.sort, 0) + 1
    sorts = [Sort(key, label, mark, counts.get(key, 0)) for key, label, mark in words.SORTS]
    return drawn(name, title, WORLD, tiles, sorts)


def _filled(names: Mapping[str, str], tiles: Mapping[str, Tile], empty: str) -> Sequence[Tile]:
    return [
        tiles.get(code) or Tile(code, _("%(place)s: not reached", place=name), empty)
        for code, name in names.items()
    ]


def _part(place: Place) -> int:
    # Something is never nothing, and not everything never everything.
    share = 100 * place.answered // place.targets if place.targets else 0
    return max(share, 1) if place.answered else 0


def _share_step(place: Place) -> str:
    return f"step-{sum(_part(place) >= begin for begin in _SHARES)}"


def answered_told(place: Place) -> str:
    """`3 of 4 targets answered`."""
    return ngettext(
        "%(answered)s of %(num)s target answered",
        "%(answered)s of %(num)s targets answered",
        place.targets,
        answered=number(place.answered),
    )


def times_told(times: int) -> str:
    """`12 times`."""
    return ngettext("%(many)s time", "%(many)s times", times, many=number(times))


def short(times: int) -> str:
    """At most four characters: 9400, 12k, 3M."""
    if times >= 1_000_000:
        return f"{times // 1_000_000}M"
    return f"{times // 1_000}k" if times >= 10_000 else str(times)


def coded(places: Iterable[Place]) -> dict[str, Place]:
    """Places by their codes."""
    return {place.code: place for place in places}
