"""`crm import districts` and `crm district ZIP`."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from crm.core.changes import conclude, with_changes
from crm.core.cli import ensure_database, importers, in_unit_of_work, in_words
from crm.targets import districts
from crm.targets.districts import Answer


@importers.command("districts")
@click.argument("source")
@click.option(
    "--congress",
    type=click.IntRange(100, 199),
    help="Of which Congress a CSV file is, where neither its head nor its name says so (119).",
)
@with_changes
@in_unit_of_work
def import_districts(
    source: str, congress: int | None, dry_run: bool, changes: Path | None
) -> None:
    """Import the table of ZIPs and congressional districts from SOURCE, a file or https address.

    Read are the Census relationship file (tab20_cd11920_zcta520_natl.txt) and a CSV file with the
    columns state_fips, state_abbr, zcta, cd. It replaces the table of the same Congress.
    """
    brought = districts.import_districts(source, congress=congress, by=None)
    for warning in brought.warnings:
        click.echo(warning, err=True)
    click.echo(str(brought))
    conclude(brought.changes, dry_run=dry_run, changes=changes)


@click.command("district")
@click.argument("zip_code", metavar="ZIP")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="On which day; today unless given.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@with_appcontext
def district(zip_code: str, on: datetime | None, form: str) -> None:
    """Say who represents a ZIP in Congress: a line per seat, its holder and their bioguide id."""
    with in_words():
        ensure_database()
        day = on.date() if on else datetime.now(UTC).date()
        answer = districts.represented(zip_code, day)
    click.echo(json.dumps(_as_json(answer), indent=2, ensure_ascii=False)
               if form == "json" else _as_text(answer))  # fmt: skip


def _as_text(answer: Answer) -> str:
    lines = [
        f"{_seat(seat):<10}  {who:<36}  {bioguide}".rstrip()
        for seat in answer.seats
        for who, bioguide in (
            [(holder.name, holder.bioguide or "") for holder in seat.holders]
            or [(_("unknown") if answer.is_empty else _("vacant"), "")]
        )
    ]
    told = [answer.reason] if answer.reason else []
    if answer.is_empty:
        told.append(_("Who holds these seats is not known: import Congress."))
    return "\n".join([*lines, *told, answer.vintage.told(answer.on)])


def _seat(seat: districts.HeldSeat) -> str:
    return f"{seat.area} Senate" if seat.district is None else seat.short


def _as_json(answer: Answer) -> dict[str, Any]:
    vintage = answer.vintage
    return {
        "zip": answer.zip,
        "on": answer.on.isoformat(),
        "status": answer.status,
        "areas": list(answer.areas),
        "districts": [seat.short for seat in answer.house],
        "reason": answer.reason,
        "seats": [
            {
                "chamber": seat.chamber,
                "seat": seat.short,
                "area": seat.area,
                "district": seat.district,
                "label": seat.label,
                "vacant": not seat.holders and not answer.is_empty,
                "holders": [
                    {"name": each.name, "bioguide": each.bioguide, "party": each.party}
                    for each in seat.holders
                ],
            }
            for seat in answer.seats
        ],
        "vintage": {
            "congress": vintage.congress,
            "starts_on": vintage.starts_on.isoformat(),
            "until": (vintage.ends_on + timedelta(days=1)).isoformat(),
            "holds": vintage.holds(answer.on),
            "source": vintage.source,
            "told": vintage.told(answer.on),
        },
    }
