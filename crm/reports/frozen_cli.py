"""`crm report freeze`, `crm report frozen` and `crm report verify`, beside `crm report NAME`."""

from collections.abc import Sequence
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import defer

from crm.core import db
from crm.core.cli import ensure_database, in_unit_of_work, in_words
from crm.reports import cli, frozen
from crm.reports.frozen import Frozen
from crm.reports.models import FrozenReport

#: Options of `crm report` that are no filters.
_NOT_ASKED = frozenset({"lists", "format", "output", "name", "help"})


class Reports(click.Group):
    """A group whose first word may be a report's name: then `plain` writes that report."""

    def __init__(self, plain: click.Command, **more: Any):
        super().__init__(plain.name, help=plain.help, **more)
        self.plain = plain

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """A word of ours is a command; all else is asked of a report."""
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return self.plain.make_context(info_name, args, parent, **extra)


def init_app(app: Flask) -> None:
    """Stand beside `crm report NAME`, with its filters."""
    plain = app.cli.commands["report"]
    asked = [
        each
        for each in plain.params
        if isinstance(each, click.Option) and each.name not in _NOT_ASKED
    ]
    freeze = click.Command(
        "freeze",
        params=[
            click.Argument(["name"]),
            *asked,
            click.Option(["--reason"], help="What for, such as: for the board of 3 March."),
        ],
        callback=_freeze,
        help="Keep what the report NAME says now, for good.",
    )
    told = click.Command(
        "frozen",
        params=[click.Argument(["code"], required=False)],
        callback=_frozen,
        help="List what was frozen; with a CODE, print its content.",
    )
    verify = click.Command(
        "verify", callback=_verify, help="Say whether all that was frozen is as it was."
    )
    group = Reports(plain, commands={each.name or "": each for each in (freeze, told, verify)})
    plain.epilog = "See also: crm report freeze, crm report frozen, crm report verify."
    app.cli.add_command(group)


@in_unit_of_work
def _freeze(name: str, reason: str | None, **filters: str | None) -> None:
    given = {key: str(value) for key, value in filters.items() if value}
    answered = frozen.ask(name, given, viewer=cli.COMMAND)
    row = frozen.freeze(answered, reason=reason, by=None)
    click.echo(f"{row.code}  {row.digest}")


@with_appcontext
def _frozen(code: str | None) -> None:
    with in_words():
        ensure_database()
        if code is None:
            _list(
                db.session.scalars(
                    select(FrozenReport)
                    .options(defer(FrozenReport.content))
                    .order_by(FrozenReport.frozen_at, FrozenReport.id)
                ).all()
            )
            return
        row = db.session.scalars(
            select(FrozenReport).where(FrozenReport.code == code.upper())
        ).one_or_none()
        if row is None:
            raise click.ClickException(f"there is no frozen report {code!r}")
        if not Frozen(row).is_whole:
            click.echo(f"{row.code} is not what was frozen.", err=True)
        click.echo(row.content)


def _list(rows: Sequence[FrozenReport]) -> None:
    for row in rows:
        click.echo(f"{row.code}  {row.frozen_at:%Y-%m-%d}  {row.report:28}{row.reason or ''}")
    if not rows:
        click.echo("Nothing is frozen yet.")


@with_appcontext
def _verify() -> None:
    with in_words():
        ensure_database()
        found = list(frozen.faults())
        if not frozen.is_guarded():
            click.echo("The database does not refuse to change them: its triggers are missing.")
        for code in found:
            click.echo(f"{code} is not what was frozen.")
        if found:
            raise click.ClickException(f"{len(found)} of {frozen.how_many()} were changed.")
        click.echo(f"All {frozen.how_many()} frozen reports are as they were.")
