"""Blocs of states, and who belonged to them from which day to which.

`data/blocs.csv` is ours to edit. A year alone means that the day was not looked up: all of those
lie before either treaty. `left` is the last day of membership.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from io import StringIO

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Bloc:
    """A union, an alliance, a forum."""

    key: str
    #: As it is told in a row of figures: NATO.
    short: object
    name: object
    #: What to know about its table.
    note: object = ""


@dataclass(frozen=True, slots=True)
class Membership:
    """One stay of a state in a bloc."""

    bloc: str
    #: Alpha-3.
    state: str
    joined_on: date
    #: Whether the day of joining is known, or only its year.
    day_known: bool
    #: The last day of it; None while it goes on.
    left_on: date | None
    source: str
    note: str | None

    def holds(self, on: date) -> bool:
        """Whether the state belonged on a day."""
        return self.joined_on <= on and (self.left_on is None or on <= self.left_on)


#: In the order pages show them.
BLOCS = {
    bloc.key: bloc
    for bloc in (
        Bloc("eu", _l("EU"), _l("European Union")),
        Bloc("nato", _l("NATO"), _l("North Atlantic Treaty Organization")),
        Bloc(
            "pif",
            _l("Pacific Islands Forum"),
            _l("Pacific Islands Forum"),
            _l("Its members that are states; French Polynesia and New Caledonia are none."),
        ),
        Bloc(
            "au",
            _l("African Union"),
            _l("African Union"),
            _l(
                "Before 9 July 2002 the Organisation of African Unity: its members became those of "
                "the Union. The Sahrawi Republic is not among the 197 states. A suspended state "
                "stays a member."
            ),
        ),
        Bloc(
            "oas",
            _l("OAS"),
            _l("Organization of American States"),
            _l("Cuba takes no part; Venezuela's membership is disputed. Both are counted."),
        ),
        Bloc("asean", _l("ASEAN"), _l("Association of Southeast Asian Nations")),
    )
}


def members(bloc: str, on: date) -> frozenset[str]:
    """Alpha-3 codes of a bloc's members on a day. Raises KeyError for a bloc there is not."""
    BLOCS[bloc]
    return frozenset(each.state for each in memberships() if each.bloc == bloc and each.holds(on))


def blocs_of(state: str, on: date) -> list[Bloc]:
    """The blocs a state belonged to on a day."""
    keys = {each.bloc for each in memberships() if each.state == state and each.holds(on)}
    return [bloc for bloc in BLOCS.values() if bloc.key in keys]


@cache
def memberships() -> tuple[Membership, ...]:
    """All memberships, past ones too."""
    text = (files("crm.treaties") / "data" / "blocs.csv").read_text(encoding="utf-8")
    return tuple(_read(text))


def _read(text: str) -> Iterator[Membership]:
    for row in csv.DictReader(StringIO(text)):
        joined = row["joined"]
        yield Membership(
            bloc=row["bloc"],
            state=row["iso3"],
            joined_on=date.fromisoformat(joined if len(joined) > 4 else f"{joined}-01-01"),
            day_known=len(joined) > 4,
            left_on=date.fromisoformat(row["left"]) if row["left"] else None,
            source=row["source"],
            note=row["note"] or None,
        )
