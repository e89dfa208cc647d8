"""`crm check-claims FILE`: the claim check for scripts. Nothing of the text is kept or logged."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core.errors import Refused
from crm.treaties import claims
from crm.treaties.claims import Report
from crm.treaties.claims.ledger import read_ledger
from crm.treaties.cli import with_ledger


@click.command("check-claims")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The text's date; else the one at its head, else today.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--strict", is_flag=True, help="End with 1 when a claim is wrong.")
@with_ledger
def check_claims(file: Path, on: datetime | None, form: str, strict: bool) -> None:
    """Say which claims of a text FILE (- for standard input) the treaty ledger bears out.

    Ends with 0 whatever was found, unless --strict asks for 1 when a claim is wrong.
    """
    report = claims.check(
        _read(file),
        read_ledger(),
        on=on.date() if on else None,
        today=datetime.now(UTC).date(),
    )
    if form == "json":
        click.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        click.echo(_as_text(report))
    if strict and report.wrong:
        sys.exit(1)


def _read(file: Path) -> str:
    # A character is at most four bytes long.
    most = claims.MOST * 4 + 1
    if str(file) == "-":
        content = sys.stdin.buffer.read(most)
    else:
        with file.open("rb") as opened:
            content = opened.read(most)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) == most:
            return "x" * most
        raise Refused(
            _("%(file)s is not UTF-8 text (byte %(byte)s).", file=file.name, byte=error.start)
        ) from error


def _as_text(report: Report) -> str:
    lines = [report.told()]
    for claim in report.claims:
        excerpt = " ".join(claim.text.split())
        lines.append(f"{claim.line}: {claim.verdict.value}: “{excerpt}” – {claim.message}")
    lines.append(
        ngettext("%(num)s claim found, %(wrong)s wrong.", "%(num)s claims found, %(wrong)s wrong.",
                 len(report.claims), wrong=report.wrong)
    )  # fmt: skip
    return "\n".join(lines)
