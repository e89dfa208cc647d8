"""`crm treaty …` and `crm figure`: what the ledger says, for scripts."""

import csv
import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from crm.core import db
from crm.core.changes import conclude, with_changes
from crm.core.cli import ensure_database, importers, in_unit_of_work, in_words
from crm.core.errors import Refused
from crm.treaties import figures, operations, queries
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.obligations import LABELS, Obligation
from crm.treaties.rules import Standing

Command = TypeVar("Command", bound=Callable[..., Any])

#: Columns of `crm treaty status`.
STATUS = (
    "iso3", "name", "status", "signed", "consent", "consent_kind", "day_known", "in_force",
    "is_in_force", "provisional", "withdrawal_deposited", "withdrawn", "number",
)  # fmt: skip
#: Columns of `crm treaty deadlines`.
DEADLINES = (
    "treaty", "article", "label", "due", "first_due", "status", "met", "requested_until", "note",
)  # fmt: skip


class Day(click.ParamType):
    """A date as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        """Read it, or say what is wrong with it."""
        if isinstance(value, date):
            return value
        try:
            if len(value) != 10 or value[7] != "-":
                raise ValueError(value)
            return date.fromisoformat(value)
        except ValueError:
            self.fail(_("%(value)s is not a date such as 2026-11-23.", value=value), param, ctx)


class Treaty(click.ParamType):
    """The key of a treaty, in whatever case."""

    name = "|".join(INSTRUMENTS)

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Read it, or say which there are."""
        if value.upper() in INSTRUMENTS:
            return str(value.upper())
        known = " and ".join(INSTRUMENTS)
        self.fail(_("there is no treaty %(value)s, but %(known)s.", value=value, known=known))


ON = click.option("--on", type=Day(), help="As of this day, such as 2020-11-25; else today.")


def today() -> date:
    """The day of a command that names none."""
    return datetime.now(UTC).date()


def with_ledger(command: Command) -> Command:
    """For a command that reads the ledger: one that is empty is filled first, and that is said."""

    @wraps(command)
    @with_appcontext
    def run(*args: Any, **kwargs: Any) -> Any:
        with in_words():
            ensure_database()
            if queries.is_empty():
                with db.unit_of_work():
                    number = operations.load_reference(by=None)
                _tell_loaded(number)
            return command(*args, **kwargs)

    return run  # type: ignore[return-value]


def _tell_loaded(number: int) -> None:
    click.echo(
        _("The ledger was empty: %(number)s events that come with the project were loaded.",
          number=number),
        err=True,
    )  # fmt: skip


@importers.command("treaties")
@click.argument("source", required=False)
@with_changes
@in_unit_of_work
def treaties(source: str | None, dry_run: bool, changes: Path | None) -> None:
    """Bring in what SOURCE has that is new: a CSV file of events, or a folder of tables.

    Without SOURCE, the ledger that comes with the project. Nothing is deleted; an event on another
    day is a correction.
    """
    if source and (loaded := operations.load_reference(by=None)):
        _tell_loaded(loaded)
    found = operations.import_treaties(source, by=None, today=today())
    for warning in found.warnings:
        click.echo(warning, err=True)
    click.echo(str(found))
    conclude(found.changes, dry_run=dry_run, changes=changes)


@click.group("treaty", help="What the treaty ledger says on a date.")
def treaty_commands() -> None:
    """`crm treaty …`."""


@treaty_commands.command("status")
@click.argument("treaty", type=Treaty())
@ON
@click.option("--format", "shape", type=click.Choice(["json", "csv"]), default="json")
@with_ledger
def status(treaty: str, on: date | None, shape: str) -> None:
    """Where each state stands."""
    standings = queries.standings(treaty, on or today())
    rows = [_row(state, standings[state.iso3]) for state in queries.states()]
    if shape == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    _write(STATUS, rows)


def _row(state: queries.State, standing: Standing) -> dict[str, Any]:
    day_known = standing.day_known if standing.consent else None
    values: tuple[Any, ...] = (
        state.iso3, state.name, standing.status.value, standing.signed_on, standing.consented_on,
        standing.consent, day_known, standing.in_force_on, standing.is_in_force,
        standing.provisional_on, standing.withdrawal_deposited_on, standing.withdrawn_on,
        standing.number,
    )  # fmt: skip
    return _plain(STATUS, values)


def _plain(columns: tuple[str, ...], values: Iterable[Any]) -> dict[str, Any]:
    plain = (each.isoformat() if isinstance(each, date) else each for each in values)
    return dict(zip(columns, plain, strict=True))


def _write(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> None:
    table = csv.DictWriter(sys.stdout, columns, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)


@treaty_commands.command("counts")
@click.argument("treaty", type=Treaty())
@ON
@click.option("--format", "shape", type=click.Choice(["json"]), default="json")
@with_ledger
def counts(treaty: str, on: date | None, shape: str) -> None:
    """How many states stand where."""
    found = queries.counts(treaty, on or today())
    said: dict[str, Any] = {
        "treaty": found.treaty,
        "on": found.on.isoformat(),
        "joined": found.joined,
        "in_force": found.in_force,
        "signatories": found.signatories,
        "outside": found.outside,
        "withdrawn": found.withdrawn,
        "not_party": found.not_party,
        "states": found.states,
        "source": figures.source_of(queries.events(treaty), found.on),
    }
    if found.unknown_day:
        said["unknown_day"] = list(found.unknown_day)
    click.echo(json.dumps(said, ensure_ascii=False, indent=1))


@treaty_commands.command("deadlines")
@click.argument("iso3")
@ON
@click.option("--format", "shape", type=click.Choice(["text", "json", "csv"]), default="text")
@with_ledger
def deadlines(iso3: str, on: date | None, shape: str) -> None:
    """What a state has to do under both treaties, by when, and what the ledger knows of it."""
    day = on or today()
    known = {state.iso3: state.name for state in queries.states()}
    code = iso3.upper()
    if code not in known:
        raise Refused(
            _("There is no state %(code)s. Give three letters, such as GRC.", code=iso3),
            field="iso3",
        )
    found = queries.obligations_of(code, day)
    rows = [_due(each) for due in found.values() for each in due]
    if shape == "json":
        said = {"iso3": code, "name": known[code], "on": day.isoformat(), "deadlines": rows}
        click.echo(json.dumps(said, ensure_ascii=False, indent=1))
    elif shape == "csv":
        _write(DEADLINES, rows)
    else:
        for key, due in found.items():
            click.echo(_("%(name)s and the %(treaty)s, on %(day)s:", name=known[code],
                         treaty=INSTRUMENTS[key].short, day=day.isoformat()))  # fmt: skip
            for each in due:
                click.echo(f"  {_told(each)}")
            if not due:
                click.echo("  " + _("has not joined; nothing is due."))


def _due(obligation: Obligation) -> dict[str, Any]:
    values = (
        obligation.treaty, obligation.article, obligation.label, obligation.due_on,
        obligation.first_due_on, obligation.status.value, obligation.met_on,
        obligation.requested_until, obligation.note or None,
    )  # fmt: skip
    return _plain(DEADLINES, values)


def _told(obligation: Obligation) -> str:
    due_on = obligation.due_on.isoformat() if obligation.due_on else "-" * 10
    words = str(LABELS[obligation.status])
    if obligation.met_on:
        words += f" ({obligation.met_on.isoformat()})"
    note = f". {obligation.note}" if obligation.note else ""
    return f"{due_on}  art. {obligation.article}  {obligation.label}: {words}{note}"


@click.command("figure")
@click.argument("name")
@ON
@with_ledger
def figure(name: str, on: date | None) -> None:
    """A live figure, such as ccm.joined: value, label, date and source, as JSON."""
    found = figures.figure(name, on=on or today())
    said = {
        "name": found.name,
        "value": found.value,
        "label": found.label,
        "on": found.on.isoformat(),
        "source": found.source,
    }
    click.echo(json.dumps(said, ensure_ascii=False, indent=1))
