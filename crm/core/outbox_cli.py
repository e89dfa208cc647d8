"""`crm outbox …`: figures of what waits, and what becomes of what was given up."""

import click
from flask import Flask

from crm.core import db, given_up
from crm.core.cli import in_unit_of_work
from crm.core.errors import Refused


def init_app(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(outbox_commands)


@click.group("outbox", invoke_without_command=True, help="What is to be done or sent.")
@click.pass_context
def outbox_commands(context: click.Context) -> None:
    """`crm outbox` alone prints figures."""
    if context.invoked_subcommand is None:
        context.invoke(figures)


@outbox_commands.command("figures")
@in_unit_of_work
def figures() -> None:
    """Print what waits and what was given up."""
    for each in given_up.waiting():
        click.echo(
            f"{each.kind}: {each.waits} wait, {each.held} held, {each.in_hand} in hand, "
            f"the oldest since {each.oldest:%Y-%m-%d %H:%M} UTC"
        )
    standing = given_up.standing()
    click.echo(f"{standing.waits} wait, {standing.dead} were given up.")
    for row in db.session.scalars(given_up.dead().limit(50)):
        click.echo(f"  {row.id}: {row.about or row.job}, {row.tries} tries: {row.fault}")
    seen = standing.seen_at
    click.echo(f"A worker was seen at {seen:%Y-%m-%d %H:%M} UTC." if seen else "No worker runs.")


@outbox_commands.command("retry")
@click.argument("row", type=int, required=False)
@click.option("--all", "is_all", is_flag=True, help="All but what may have left already.")
@in_unit_of_work
def retry(row: int | None, is_all: bool) -> None:
    """Try again what was given up: one ROW, or --all."""
    click.echo(f"Tried again: {given_up.retry(_meant(row, is_all), by=None)}")


@outbox_commands.command("put-away")
@click.argument("row", type=int, required=False)
@click.option("--all", "is_all", is_flag=True, help="All of it.")
@in_unit_of_work
def put_away(row: int | None, is_all: bool) -> None:
    """Let go what was given up: one ROW, or --all. What it said is deleted."""
    click.echo(f"Put away: {given_up.put_away(_meant(row, is_all), by=None)}")


def _meant(row: int | None, is_all: bool) -> list[int] | None:
    if is_all == (row is not None):
        raise Refused("Say the number of a row, or --all.")
    return None if is_all else [row or 0]
