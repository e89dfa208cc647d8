"""A list's page and file, as far as they tell how far it is with its targets."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, make_response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import reads
from crm.core.access import Can, requires
from crm.core.charts import progress as bar
from crm.core.i18n import day, timezone_name
from crm.core.paging import page_number
from crm.core.tables import FORMATS, Column, Kind, Row, Table
from crm.outreach.filters import LABELS, Asked, parse_filter, unheeded
from crm.outreach.list_progress import Totals, all_of_list, page_of_list, totals
from crm.outreach.views import blueprint
from crm.targets.list_queries import ids
from crm.targets.list_views import Listing, list_page, listing
from crm.targets.queries import offices, target_list
from crm.targets.rules import KINDS

#: What of an address narrows the contact that is counted.
ASKED = ("campaign", "since", "until")
FILES = ("csv", "xlsx", "json")
COLUMNS = (
    Column("target", _l("Target"), width=28),
    Column("kind", _l("Kind"), width=14),
    Column("office", _l("Office"), width=36),
    Column("area", _l("State or region"), width=18),
    Column("party", _l("Party"), width=14),
    Column("actions", _l("Actions"), Kind.NUMBER, 10),
    Column("last", _l("Last contact"), Kind.DATE, 12),
    Column("answered", _l("Answered on"), Kind.DATE, 12),
    Column("moved", _l("Moved on"), Kind.DATE, 12),
)


def _asked() -> Asked:
    asked = parse_filter({name: request.args.get(name, "") for name in ASKED})
    return replace(asked, problems=[*asked.problems, *unheeded(request.args, ASKED)])


def of_list(shown: Listing) -> dict[str, Any]:
    """Progress and targets of a list, the untouched first: five statements."""
    asked = _asked()
    told = totals(shown.is_on, asked.wanted)
    page = page_of_list(shown.is_on, asked.wanted, total=told.listed, number=page_number())
    given = {name: asked.given[name] for name in ASKED if name in asked.given}
    return {
        "kept": shown.kept,
        "listing": shown,
        "asked": asked,
        "given": given,
        "labels": LABELS,
        "totals": told,
        "bars": _bars(told),
        "page": page,
        "offices": offices([row.target.id for row in page.rows]),
        "kinds": KINDS,
        "files": {name: FORMATS[name].label for name in FILES},
    }


def _bars(told: Totals) -> list[tuple[str, int, Any]]:
    numbers = (
        (_("Contacted"), told.contacted),
        (_("Answered"), told.answered),
        (_("Moved"), told.moved),
    )
    return [(label, number, bar(label, number, told.listed)) for label, number in numbers]


@blueprint.get("/targets/lists/<slug>.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def list_file(slug: str, format: str) -> Any:
    """The list with its progress as a file, as its page asks for it."""
    kept = target_list(slug)
    shown, asked = listing(kept), _asked()
    if asked.problems:
        # A file has no room for a warning, and would hold more than was asked for.
        page = make_response(list_page(slug))
        page.status_code = 422
        return page
    made_at = datetime.now(ZoneInfo(timezone_name()))
    facts = [(str(LABELS[name]), value) for name, value in asked.given.items()]
    if shown.told is not None:
        facts.insert(0, (_("Rule"), shown.told.words))
        facts.insert(1, (_("As of"), day(shown.on)))
    table = Table(
        name=kept.slug,
        title=kept.name,
        columns=COLUMNS,
        rows=_rows(shown, asked),
        facts=facts,
        made_at=made_at,
        made_by=current_user.name,
        closing=lambda: said(totals(shown.is_on, asked.wanted)),
    )
    reads.export("list", format=format, filters={"list": kept.slug, **asked.given})
    response = Response(b"".join(FORMATS[format].write(table)), mimetype=FORMATS[format].mimetype)
    name = f"{kept.slug}-{made_at:%Y-%m-%d}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def said(told: Totals) -> str:
    """The list in a sentence."""
    return _(
        "%(listed)s targets: %(contacted)s contacted, %(untouched)s untouched; %(answered)s "
        "answered, %(moved)s moved.",
        listed=told.listed,
        contacted=told.contacted,
        untouched=told.untouched,
        answered=told.answered,
        moved=told.moved,
    )


def _rows(shown: Listing, asked: Asked) -> Iterator[Row]:
    found = all_of_list(shown.is_on, asked.wanted)
    known_by = offices(ids(shown.is_on))
    kinds = {name: str(label) for name, label in KINDS.items()}
    for row in found:
        target = row.target
        office = known_by.get(target.id)
        yield (
            target.name,
            kinds.get(target.kind, target.kind),
            office.label if office else "",
            (office.area if office else None) or target.sub_region or target.region or "",
            (office.party if office else None) or "",
            row.actions,
            row.last_on,
            row.answered_on,
            row.moved_on,
        )
