"""The page that shows on maps where outreach went."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core.access import Can, requires
from crm.core.shell import number
from crm.core.tiles import US, WORLD, Tile, step_of, step_sorts, steps
from crm.members.disclosure import Viewer
from crm.outreach.filters import BAR, LABELS, parse_filter
from crm.outreach.views import blueprint
from crm.outreach.where import Place, where
from crm.targets.rules import area_name
from crm.treaties.queries import states


@blueprint.get("/outreach/where")
@requires(Can.SEE)
def where_it_went() -> Any:
    """States and countries by how often their targets were reached, as maps and tables."""
    asked = parse_filter(request.args, Viewer.of(current_user))
    found = where(asked.wanted)
    kept = asked.given
    names = {state.iso3: state.name for state in states()} if found.countries else {}
    return render_template(
        "outreach/where.html",
        asked=asked,
        found=found,
        bar=BAR,
        labels=LABELS,
        kept=kept,
        us=US,
        world=WORLD,
        state_tiles=_tiles({code: area_name(code) for code in US.places}, found.states, kept),
        country_tiles=_tiles(names, found.countries, kept),
        state_sorts=step_sorts(place.times for place in found.states),
        country_sorts=step_sorts(place.times for place in found.countries),
        address=lambda place: _address(place, kept),
    )


def _tiles(
    names: Mapping[str, str], places: Sequence[Place], kept: Mapping[str, str]
) -> list[Tile]:
    """A tile for every place with a name; those nothing reached lead nowhere."""
    begins = steps(place.times for place in places)
    tiles = {
        place.code: Tile(
            place.code,
            _("%(place)s: reached %(told)s", place=place.name, told=_times(place.times)),
            step_of(place.times, begins),
            _address(place, kept),
            note=_short(place.times),
        )
        for place in places
    }
    return [
        tiles.get(code) or Tile(code, _("%(place)s: not reached", place=name), "step-0")
        for code, name in names.items()
    ]


def _times(times: int) -> str:
    return ngettext("%(many)s time", "%(many)s times", times, many=number(times))


def _short(times: int) -> str:
    """At most four characters: 9400, 12k, 3M."""
    if times >= 1_000_000:
        return f"{times // 1_000_000}M"
    return f"{times // 1_000}k" if times >= 10_000 else str(times)


def _address(place: Place, kept: Mapping[str, str]) -> str:
    asked: dict[str, Any] = {**kept}
    if place.target_id is None:
        asked["area"] = place.code
    else:
        asked["target"] = place.target_id
    return url_for("outreach.index", **asked)
