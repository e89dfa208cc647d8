"""What the columns of a roster mean, and what is said of the file as a whole."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

from flask_babel import gettext as _

from crm.core import columns, mapping
from crm.core.access import Scope
from crm.core.columns import Field
from crm.core.days import Order
from crm.core.errors import Refused
from crm.core.settings import in_force
from crm.core.sheet_pages import first_rows
from crm.core.sheets import Table, order_in
from crm.core.text import fold
from crm.members import fields as custom_fields
from crm.members import queries
from crm.members.sheets.fields import all_fields, guardian_columns
from crm.members.sheets.rules import Meaning

IMPORTER = "members"
#: Stands for a name that several chapters have.
_SEVERAL = -1


def understood(table: Table, fields: Sequence[Field]) -> tuple[dict[str, str], dict[str, Any]]:
    """Column → field as it was said of this head before, or guessed; and what was said beside."""
    if said := mapping.recall(IMPORTER, table.head):
        names = {field.name for field in fields}
        return {column: name for column, name in said[0].items() if name in names}, said[1]
    known = guardian_columns(table.head)
    return columns.guess(table.head, first_rows(table), fields, known=known), {}


def meaning(
    table: Table,
    mapped: Mapping[str, str],
    *,
    chapter_id: int | None,
    scope: Scope,
    today: date,
    order: Order | None = None,
) -> Meaning:
    """How rows are to be read, by somebody who may import into `scope`. Raises `Refused`."""
    names = set(mapped.values())
    if not names & {"name", "given_name", "family_name"}:
        raise Refused(_("Say which column holds the name."))
    if order not in (None, "day", "month"):
        raise Refused(_("Say whether the day or the month comes first."), "dates")
    chapters = queries.chapters_in(scope, open_only=True)
    if chapter_id is not None and chapter_id not in {each.id for each in chapters}:
        raise Refused(_("Choose one of your open chapters."), "chapter_id")
    if chapter_id is None and "chapter" not in names:
        raise Refused(_("Choose a chapter, or say which column names it."), "chapter_id")
    known: dict[str, int] = {}
    for each in chapters:
        known[fold(each.name)] = _SEVERAL if fold(each.name) in known else each.id
    # A slug is no other chapter's; a name may be.
    known |= {each.slug: each.id for each in chapters}
    places = [(at, mapped[name], name) for at, name in enumerate(table.head) if name in mapped]
    if order is None:
        asked = [at for at, name, _column in places if name == "joined_on"]
        order = order_in(table, asked, [at for at, name, _column in places if name == "born_on"])
    return Meaning(
        columns=places,
        chapters=known,
        chapter_id=chapter_id,
        bounds=in_force().age_limits,
        today=today,
        order=order,
        custom={
            each.key: (each.label, partial(custom_fields.kept, each))
            for each in custom_fields.defined()
            if f"custom.{each.key}" in names
        },
    )


def checked(given: Mapping[str, Any], head: Sequence[str]) -> dict[str, str]:
    """A mapping somebody gave. Raises `Refused` for strange names."""
    return columns.checked(given, head, all_fields())
