"""The explorer as something that can be saved, frozen and asked again by its address."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l

from crm.core.errors import Refused
from crm.core.tables import Row
from crm.members.disclosure import Exit, Viewer
from crm.reports import explorer
from crm.reports.explorer import Asked, explore
from crm.reports.explorer_views import Links
from crm.reports.extracts import Extract
from crm.reports.sources import Lead, Reading, Source, add_source


def init_app(app: Flask) -> None:
    """Let it be kept."""
    add_source(
        app,
        Source(
            name=explorer.NAME,
            title=_l("Explorer"),
            icon="grid-3x3-gap",
            told=_l(
                "Choose the lines, the columns and what is counted: states by party, chapters by "
                "month, committees by channel."
            ),
            address=lambda given: url_for("reports.explorer_page", **given),  # type: ignore[arg-type]
            read=_read,
            answer=_answer,
            leads=_leads,
        ),
    )


def _asked(given: Mapping[str, str], viewer: Viewer) -> Asked:
    asked = explorer.parse(given, viewer)
    if asked.problems:
        raise Refused(" ".join(asked.problems))
    return asked


def _read(given: Mapping[str, str], viewer: Viewer, on: date) -> Reading:
    asked = _asked(given, viewer)
    meant: dict[str, str] = dict(asked.query)
    if sort := given.get("sort"):
        meant["sort"] = sort
    chosen = {asked.rows.name, asked.columns.name if asked.columns else ""}
    return Reading(
        given=meant,
        facts=asked.told(Exit.EXPORT),
        as_of=on,
        # Teams are told to who sees their chapter.
        tells_of_members=bool(chosen & {"team", "member"})
        or not meant.keys().isdisjoint({"team", "member"}),
        now=meant,
        moving=meant,
    )


def _answer(app: Flask, given: Mapping[str, str], viewer: Viewer) -> Sequence[Extract]:
    return [explorer.extract(app, _asked(given, viewer), given.get("sort"))]


def _leads(app: Flask, given: Mapping[str, str], viewer: Viewer) -> Lead:
    asked = _asked(given, viewer)
    link = Links(asked)
    told: dict[str, Any] = {
        json.dumps(line.key, default=str): line.told for line in explore(app, asked).lines
    }

    def lead(_extract: Extract, key: str, _row: Row) -> str | None:
        of_line = told.get(key.split("\x00", 1)[0])
        return link(of_line) if of_line is not None else None

    return lead
