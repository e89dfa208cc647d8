"""Contact points that a source only numbers: found again by what they are, not where. Pure.

A link put before the others, or two offices that change places in a file, is no news of the rest.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, count

from crm.targets.sources.facts import ContactFacts

#: Kind and value of a contact point, by its key.
Points = dict[str, tuple[str, str]]

_NUMBER = re.compile(r"-?\d+$")


def realigned(contacts: Sequence[ContactFacts], present: Points) -> list[ContactFacts]:
    """The contacts, under the keys that what is the same of them has already."""
    wanted = _places((contact.key, (contact.kind, contact.value)) for contact in contacts)
    known = _places(present.items())
    names: dict[str, str] = {}
    for family in {_family(place) for place in wanted}:
        ours = [place for place in wanted if _family(place) == family]
        theirs = [place for place in known if _family(place) == family]
        if ours != theirs[:1] or len(theirs) > 1:
            names |= _matched(
                {place: wanted[place] for place in ours}, {place: known[place] for place in theirs}
            )
    return [
        contact._replace(key=names.get(place, place) + contact.key[len(place) :])
        for contact in contacts
        for place in (_place(contact.key),)
    ]


def _place(key: str) -> str:
    """`openstates/district-2/phone` → `openstates/district-2`; a link is its own."""
    above, _slash, last = key.rpartition("/")
    return key if last.isdigit() else above


def _family(place: str) -> str:
    return _NUMBER.sub("", place)


def _places(
    points: Iterable[tuple[str, tuple[str, str]]],
) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    for key, value in points:
        found.setdefault(_place(key), set()).add(value)
    return found


def _matched(
    wanted: dict[str, set[tuple[str, str]]], known: dict[str, set[tuple[str, str]]]
) -> dict[str, str]:
    """Each wanted place by the known one most of it is at; the rest take what is free."""
    alike = sorted(
        (-len(ours & theirs), place != name, number, name)
        for number, (place, ours) in enumerate(wanted.items())
        for name, theirs in known.items()
        if ours & theirs
    )
    order = list(wanted)
    names: dict[str, str] = {}
    for _score, _is_other, number, name in alike:
        if order[number] not in names and name not in names.values():
            names[order[number]] = name
    for place in order:
        if place not in names:
            names[place] = next(name for name in _free(place, known) if name not in names.values())
    return names


def _free(place: str, known: Collection[str]) -> Iterable[str]:
    """Its own name, else one of those that are there, else the next number."""
    family = _family(place)
    sign = "" if family.endswith("/") else "-"
    return chain([place], known, (f"{family}{sign}{number}" for number in count(2)))
