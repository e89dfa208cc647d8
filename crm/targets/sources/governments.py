"""The 197 states of our own table: 193 UN members, the Holy See, Palestine, Cook Islands, Niue.

Derived from ISO 3166-1 and UN M49 as `datasets/country-codes` gives them (2026-05-15, PDDL 1.0),
with the names people type beside the official ones.
"""

import csv
from datetime import date
from importlib.resources import files
from io import StringIO

from crm.targets import rules
from crm.targets.sources.facts import Intake, TargetFacts

_DAY = date(2026, 5, 15)
_SOURCE = "ISO 3166-1 and UN M49, by datasets/country-codes (PDDL)"


def read() -> Intake:
    """Read the table that is shipped with the project."""
    name = "governments.csv"
    text = (files("crm.targets.sources") / "data" / name).read_text(encoding="utf-8")
    return Intake(
        importer="governments",
        origin=name,
        source=_SOURCE,
        day=_DAY,
        scheme="iso3166",
        targets=[_government(row) for row in csv.DictReader(StringIO(text))],
    )


def _government(row: dict[str, str]) -> TargetFacts:
    also = row["also"].replace("; ", ", ")
    return TargetFacts(
        identifier=row["iso2"],
        columns={
            "kind": "government",
            "name": row["name"],
            "sort_name": rules.sort_name(row["name"], None, None),
            "search": rules.searchable(row["name"], also, row["iso2"], row["iso3"]),
            "nickname": also or None,
            "salutation": "Excellency",
            "country": row["iso2"],
            "region": row["region"],
            "sub_region": row["sub_region"],
        },
        identifiers=[
            ("iso3166", row["iso2"]),
            ("iso3166-alpha3", row["iso3"]),
            ("m49", row["m49"]),
            ("wikidata", row["wikidata"]),
        ],
    )
