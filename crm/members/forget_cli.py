"""`crm member forget`: erase a person from a terminal, and say what that did."""

import click
from sqlalchemy import select

from crm.core import db
from crm.core.cli import in_unit_of_work
from crm.core.i18n import today
from crm.members import forgetting
from crm.members.models import Member


@click.group("member", help="Members.")
def member_commands() -> None:
    """`crm member …`."""


@member_commands.command("forget")
@click.argument("which", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@in_unit_of_work
def forget(which: str, yes: bool) -> None:
    """Erase a member; what they did stays counted. ID is the number in the address of their page,
    or the one that files carry (M-…)."""
    member_id = _found(which)
    told = forgetting.preview(member_id, by=None)
    if not yes and not _is_forgotten(member_id):
        for line in told.sentences():
            click.echo(line)
        for each in told.mentions:
            click.echo(f"  {each.label}{f': {each.url}' if each.url else ''}")
        click.confirm(f"Forget {told.pseudonym} for good?", abort=True)
    done = forgetting.forget(member_id=member_id, by=None, today=today())
    if done.already:
        click.echo(f"{done.pseudonym} was forgotten before. Nothing was done.")
        return
    click.echo(f"{done.pseudonym} is forgotten.")
    for line in done.sentences():
        click.echo(line)


def _found(which: str) -> int:
    wanted = (
        Member.id == int(which)
        if which.isascii() and which.isdecimal() and len(which) < 10
        else Member.pseudonym == which.strip().upper()
    )
    found = db.session.scalar(select(Member.id).where(wanted))
    if found is None:
        raise click.ClickException("There is no such member.")
    return found


def _is_forgotten(member_id: int) -> bool:
    return db.session.get_one(Member, member_id).forgotten_at is not None
