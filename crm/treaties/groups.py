"""Parts of the world that are counted apart: regions, sub-regions and blocs, as of a day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from crm.core.text import slugify
from crm.treaties import blocs
from crm.treaties.queries import State


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the states. `kind`: region, sub-region or bloc."""

    #: As figures name it: `eu`, `south-eastern-asia`.
    key: str
    kind: str
    name: object
    #: Alpha-3 codes of who belongs to it on the day.
    members: frozenset[str]


def groups(states: Iterable[State], on: date) -> dict[str, Group]:
    """All groups by key: regions and sub-regions by name, then the blocs."""
    known = list(states)
    found: dict[str, Group] = {}
    for kind, titles in (
        ("region", {state.region for state in known}),
        ("sub-region", {state.sub_region for state in known}),
    ):
        for title in sorted(filter(None, titles)):
            found.setdefault(slugify(title), Group(slugify(title), kind, title, frozenset(
                state.iso3 for state in known if title in (state.region, state.sub_region)
            )))  # fmt: skip
    for bloc in blocs.BLOCS.values():
        found[bloc.key] = Group(bloc.key, "bloc", bloc.short, blocs.members(bloc.key, on))
    return found
