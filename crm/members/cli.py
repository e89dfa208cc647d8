"""`crm user …`: the first administrator, and whoever else a terminal lets in."""

import sys

import click

from crm.accounts import operations as accounts
from crm.accounts.queries import find_user
from crm.core.access import Role
from crm.core.cli import in_unit_of_work
from crm.core.errors import Refused
from crm.members import operations, queries


@click.group("user", help="People who sign in.")
def user_commands() -> None:
    """`crm user …`."""


@user_commands.command("add")
@click.argument("email")
@click.option(
    "--role",
    "role",
    required=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do.",
)
@click.option("--chapter", "slug", help="Slug of the chapter the role holds in; else everywhere.")
@click.option("--name", help="How they are called; else the address's first part.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@in_unit_of_work
def add(email: str, role: str, slug: str | None, name: str | None, password_stdin: bool) -> None:
    """Add somebody with a role, and print the link of the invitation.

    Somebody who signs in with that address already gets the role as well.
    """
    chapter = queries.find_chapter(slug) if slug else None
    if slug and chapter is None:
        known = ", ".join(queries.slugs()) or "none yet"
        raise click.ClickException(f"there is no chapter {slug!r}. Chapters: {known}")
    if password_stdin and find_user(email) is not None:
        raise click.ClickException(f"{email} has a sign-in already; its password stays as it is")
    try:
        user, is_new = operations.invite(
            email=email,
            name=name or email.partition("@")[0],
            role=role,
            chapter_id=chapter.id if chapter else None,
            by=None,
            and_tell=not password_stdin,
        )
        if password_stdin:
            password = sys.stdin.readline().rstrip("\r\n")
            accounts.set_password(user=user, password=password, by=None)
    except Refused as refusal:
        raise click.ClickException(str(refusal.message)) from refusal
    where = f"in {chapter.name}" if chapter else "everywhere"
    click.echo(f"{user.email}: {role} {where}")
    if not is_new:
        click.echo("They had a sign-in already and keep it.")
    elif not password_stdin:
        click.echo(f"Invitation: {accounts.invitation_link(user)}")
