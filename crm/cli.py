"""The console script `crm`: the rooms' commands, plus the demo, the first start and the doctor."""

import os
import sys
from importlib.metadata import PackageNotFoundError, version

import click
from flask import Flask
from flask.cli import with_appcontext

from crm import create_app
from crm.core import logs
from crm.core.cli import in_words
from crm.core.settings import BadSetting, Settings
from crm.doctor import examine
from crm.start import demo, start


def init_app(app: Flask) -> None:
    """Add the commands that know all rooms."""
    for command in (demo, start, doctor):
        app.cli.add_command(command)


def main() -> None:
    """Run a command; what a person can mend is one line and a non-zero exit, not a traceback."""
    try:
        _run(sys.argv[1:])
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as page:
        click.echo(page.format_message())
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "crm"
        sys.exit(f"crm: {error.format_message()} (`{path} --help` tells more)")
    except click.ClickException as error:
        sys.exit(f"crm: {error.format_message()}")
    except BadSetting as error:
        sys.exit(f"crm: {error}")
    except (click.Abort, KeyboardInterrupt):
        sys.exit("crm: stopped")
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    with in_words():
        settings = Settings.from_environment()
        logs.configure(settings)
        app = create_app(settings)
    # Flask-Migrate's group is for developers, who have it as `flask --app wsgi db`.
    commands = {name: each for name, each in app.cli.commands.items() if name != "db"}
    group = click.Group("crm", commands=commands, help="The campaign outreach CRM.")
    group = click.version_option(_version(), prog_name="crm")(group)
    with app.app_context(), in_words(), group.make_context("crm", arguments) as context:
        group.invoke(context)


def _version() -> str:
    try:
        return version("campaign-outreach-crm")
    except PackageNotFoundError:
        return "of an unpacked tree, not installed"


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what is configured and what is missing."""
    findings = examine(os.environ)
    for finding in findings:
        click.echo(f"{finding.level.value:<5} {finding.about}: {finding.text}")
    if any(finding.stops for finding in findings):
        raise click.ClickException("The CRM cannot run until what is marked STOP is mended.")
