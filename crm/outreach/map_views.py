"""The page that shows on maps where outreach went, who answered, and how that lies beside treaties.

What colours the maps stands in the address (`show`), so that a map can be sent to somebody.
"""

from collections.abc import Mapping
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core.access import Can, requires
from crm.core.i18n import today
from crm.core.tiles import US, WORLD, TileMap
from crm.members.disclosure import Viewer
from crm.outreach import maps
from crm.outreach.filters import BAR, LABELS, parse_filter
from crm.outreach.views import blueprint
from crm.outreach.where import Place, Where, where
from crm.treaties import words
from crm.treaties.instruments import INSTRUMENTS, Instrument
from crm.treaties.queries import Ledger, events, states

#: What colours the maps beside treaties: word of the address → label.
SHOWN = {"": _l("Times reached"), "answers": _l("Answered")}


@blueprint.get("/outreach/where")
@requires(Can.SEE)
def where_it_went() -> Any:
    """States and countries by what was done there, or by their standing: maps and tables."""
    asked = parse_filter(request.args, Viewer.of(current_user))
    treaty = next(
        (each for each in INSTRUMENTS.values() if each.slug == request.args.get("show")), None
    )
    show = request.args.get("show", "") if treaty or request.args.get("show") == "answers" else ""
    found = Where((), (), 0) if asked.problems else where(asked.wanted, answers=show == "answers")
    kept = asked.given
    known = None
    if not asked.problems and (found.countries or treaty):
        known = Ledger(states(), events(treaty.key) if treaty else [])
    standings = known.standings(treaty.key, today()) if known and treaty else {}
    body = render_template(
        "outreach/where.html",
        asked=asked,
        problems=asked.problems,
        found=found,
        show=show,
        ways=SHOWN | {each.slug: each.short for each in INSTRUMENTS.values()},
        treaty=treaty,
        standings=standings,
        told=words.told,
        answered_told=maps.answered_told,
        states={each.iso3: each for each in known.states} if known else {},
        reached=maps.coded(found.countries),
        bar=BAR,
        labels=LABELS,
        kept=kept,
        us_map=_us(found, show, kept),
        world_map=_world(found, show, kept, known, treaty),
        address=lambda place: _address(place, show, kept),
    )
    return body, 422 if asked.problems else 200


def _us(found: Where, show: str, kept: Mapping[str, str]) -> TileMap:
    answers = show == "answers"
    draw = maps.by_answers if answers else maps.by_times
    title = (
        _("Which part of the targets of each state answered")
        if answers else _("Times the targets of each state were reached")
    )  # fmt: skip
    names = maps.area_names()
    return draw("us", title, US, names, found.states, lambda place: _address(place, show, kept))


def _world(
    found: Where,
    show: str,
    kept: Mapping[str, str],
    known: Ledger | None,
    treaty: Instrument | None,
) -> TileMap | None:
    if known is None:
        return None
    names = {state.iso3: state.name for state in known.states}
    if treaty is not None:
        title = _("Where the states stand to the %(treaty)s, and how often each was reached",
                  treaty=treaty.short)  # fmt: skip
        standings = known.standings(treaty.key, today())
        return maps.by_standing(
            "world", title, standings, names, found.countries,
            lambda code: url_for("treaties.country", iso3=code.lower()),
        )  # fmt: skip
    answers = show == "answers"
    draw = maps.by_answers if answers else maps.by_times
    title = _("Which governments answered") if answers else _("Times each government was reached")
    return draw("world", title, WORLD, names, found.countries,
                lambda place: _address(place, show, kept))  # fmt: skip


def _address(place: Place, show: str, kept: Mapping[str, str]) -> str:
    asked: dict[str, Any] = {**kept}
    if show == "answers" and place.answered:
        asked["state"] = "answered"
    if place.target_id is None:
        asked["area"] = place.code
    else:
        asked["target"] = place.target_id
    return url_for("outreach.index", **asked)
