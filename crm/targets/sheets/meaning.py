"""What the columns of a spreadsheet of targets mean, and what is said of the file as a whole."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _

from crm.core import columns, mapping
from crm.core.days import Order
from crm.core.errors import Refused
from crm.core.sheet_pages import first_rows
from crm.core.sheets import Table
from crm.core.text import fold
from crm.targets import rules
from crm.targets.sheets.fields import BY_NAME, FIELDS, FIXED
from crm.targets.sheets.names import are_titles
from crm.targets.sheets.rules import Meaning

#: Scheme of keys where the person names none.
OWN = "own"
_SCHEME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


def understood(table: Table) -> tuple[dict[str, str], dict[str, Any]]:
    """Column → field as it was said of this head before, or guessed; and what was said beside."""
    if said := mapping.recall("targets", table.head):
        known = {column: name for column, name in said[0].items() if name in BY_NAME}
        return known, said[1]
    samples = first_rows(table)
    return columns.guess(table.head, samples, FIELDS, known=_titles(table, samples)), {}


def _titles(table: Table, samples: Sequence[Sequence[str]]) -> dict[str, str]:
    """A column `Title` may hold the office, or Mr and Dr: then it is known what it is."""
    for place, column in enumerate(table.head):
        cells = [row[place] for row in samples if row[place]]
        if fold(column) in ("title", "titles") and sum(map(are_titles, cells)) * 2 > len(cells):
            return {column: "title"}
    return {}


def likely_kind(mapped: Mapping[str, str]) -> str:
    """What the rows are, as far as the columns tell: people in seats, companies, bodies."""
    named = next((fold(column) for column, field in mapped.items() if field == "name"), "")
    words = set(named.split())
    if words & {"company", "companies", "corporation", "business", "bank"}:
        return "company"
    if words & {"embassy", "organisation", "organization", "institution", "body", "mission"}:
        return "body"
    if words & {"government", "state"}:
        return "government"
    return "legislator" if {"district", "party"} & set(mapped.values()) else "official"


def meaning(
    table: Table,
    mapped: Mapping[str, str],
    *,
    kind: str,
    fixed: Mapping[str, str],
    order: Order | None = None,
) -> Meaning:
    """How rows are to be read. Raises `Refused` for what cannot be so."""
    if kind not in rules.KINDS:
        raise Refused(_("Choose a kind."), "kind")
    if strange := set(fixed) - set(FIXED):
        raise Refused(
            _("“%(field)s” cannot be given for all rows; these can: %(fields)s.",
              field=", ".join(sorted(strange)), fields=", ".join(FIXED))
        )  # fmt: skip
    names = set(mapped.values())
    if not names & {"name", "given_name", "family_name"} and not (
        "country" in names and kind == "government"
    ):
        raise Refused(_("Say which column holds the name."))
    if order not in (None, "day", "month"):
        raise Refused(_("Say whether the day or the month comes first."), "dates")
    return Meaning(
        columns=[(at, mapped[name], name) for at, name in enumerate(table.head) if name in mapped],
        kind=kind,
        fixed={name: text for name, text in fixed.items() if text},
        order=order,
    )


def checked_scheme(text: str | None) -> str:
    """The scheme of the keys; `own` where none is named. Raises `Refused`."""
    scheme = (text or OWN).strip().lower()
    if not _SCHEME.fullmatch(scheme):
        raise Refused(_("Use a short word of plain letters, such as parlparse."), "scheme")
    return scheme
