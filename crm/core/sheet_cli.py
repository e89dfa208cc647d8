"""What commands that import a spreadsheet say alike in every room."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.core.judged import Judged, Store
from crm.core.sheets import Table

#: Errors and likely duplicates that are told one by one.
_TOLD = 20
#: What `--dates` says.
ORDERS = {"day-first": "day", "month-first": "month"}

mapping_option = click.option(
    "--mapping",
    "mapping_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A JSON file: name of a column to the field it fills. Without it columns are known from "
    "the last time, or guessed.",
)
encoding_option = click.option(
    "--encoding", help="How the text is written, such as cp1252; else found out."
)
sheet_option = click.option("--sheet", help="Which sheet of a workbook; else the first.")
dates_option = click.option(
    "--dates", type=click.Choice(list(ORDERS)), help="What 03/04/2026 means."
)
only_clean_option = click.option(
    "--only-clean", is_flag=True, help="Leave rows with errors out; else all is refused."
)


def read_mapping(path: Path) -> Mapping[str, object]:
    """What a file says of columns. Raises `Refused`."""
    found = None
    with suppress(ValueError):
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(found, dict):
        raise Refused(
            _("%(file)s is no JSON object from columns to fields, such as %(example)s.",
              file=path.name, example='{"Surname": "family_name"}')
        )  # fmt: skip
    return found


def tell_columns(head: Sequence[str], mapped: Mapping[str, str]) -> None:
    """Say what each column is taken for."""
    for column in head:
        click.echo(f"{column} → {mapped.get(column, '–')}", err=True)


def refuse_errors(table: Table, store: Store[Any], number: int, only_clean: bool) -> None:
    """Say what is wrong: all of it is an error, unless rows with errors may be left out."""
    if not number:
        return
    lines = [
        f"{table.name}, row {row.number}: {field} {sentence}"
        for row in store.page("error", first=0, size=_TOLD)
        for field, sentence in row.told
    ][:_TOLD]
    if number > _TOLD:
        lines.append(_("… and more: %(rows)s rows with errors in all.", rows=number))
    if only_clean:
        for line in lines:
            click.echo(line, err=True)
        return
    lines.append(_("Nothing was imported. With --only-clean the other rows are."))
    raise Refused("\n".join(lines))


def settle_duplicates(table: Table, store: Store[Any], number: int, choice: str) -> None:
    """Say which rows look like what is here already, and what is done with them."""
    if not number:
        return
    row: Judged
    for row in store.page("duplicate", first=0, size=_TOLD):
        click.echo(
            _("%(file)s, row %(row)s: %(name)s looks like one that is here: %(reason)s.",
              file=table.name, row=row.number, name=row.name, reason=row.reason),
            err=True,
        )  # fmt: skip
    click.echo(
        _("%(rows)s likely duplicates: --duplicates is %(choice)s.", rows=number, choice=choice),
        err=True,
    )
    store.choose_all(choice)
