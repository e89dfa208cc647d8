"""The shape every source gives its facts in. `targets.intake` writes it, whatever the source."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from crm.targets.rules import Seat


class BodyFacts(NamedTuple):
    """A body, by its stable key; its parent comes in the same source."""

    key: str
    name: str
    classification: str
    parent_key: str | None
    country: str | None
    url: str | None


class TermFacts(NamedTuple):
    """A post held; a source may not know from when. One term of a target in office is current."""

    post_key: str
    starts_on: date | None
    ends_on: date | None
    party: str | None
    caucus: str | None
    is_current: bool


class ContactFacts(NamedTuple):
    """A way to reach the target; `key` is stable within the target and starts with its part."""

    key: str
    kind: str
    label: str
    value: str
    parts: dict[str, str] | None


class SeatFacts(NamedTuple):
    """A seat on a committee."""

    body_key: str
    title: str | None
    rank: int | None
    side: str | None


@dataclass(slots=True)
class TargetFacts:
    """All a source says of one target. `columns` are those of the table that are facts."""

    identifier: str
    columns: dict[str, Any]
    identifiers: list[tuple[str, str]]
    terms: list[TermFacts] = field(default_factory=list)
    contacts: list[ContactFacts] = field(default_factory=list)
    seats: list[SeatFacts] = field(default_factory=list)


@dataclass(slots=True)
class Intake:
    """What a source gave, read and checked.

    Facts of a part that was not given (district offices, committees) are left as they are, and
    where `is_whole` is false nobody is taken to have left.
    """

    importer: str
    #: Where it was read: a folder's or file's name, an address.
    origin: str
    #: What is written beside each fact.
    source: str
    day: date
    #: The identifier's scheme by which a target is found again.
    scheme: str
    targets: list[TargetFacts]
    #: Further schemes it speaks for: an identifier of theirs it does not give is none any more.
    schemes: frozenset[str] = frozenset()
    bodies: dict[str, BodyFacts] = field(default_factory=dict)
    posts: dict[str, Seat] = field(default_factory=dict)
    #: Beginnings of the contact points' keys that this source speaks for.
    contact_parts: tuple[str, ...] = ()
    #: Of these, the ones that come and go with the post: who moves to another gets its own.
    of_the_post: tuple[str, ...] = ("dc/",)
    #: Whether contact points have no name of their own in the source, but a place in a list.
    is_numbered: bool = False
    has_seats: bool = False
    #: Chambers whose holders it lists in full.
    chambers: frozenset[str] = frozenset()
    is_whole: bool = True
    warnings: list[str] = field(default_factory=list)

    @property
    def roots(self) -> tuple[str, ...]:
        """Beginnings of the keys of its bodies: `us/`, `us-wv/`. Others are another source's."""
        return tuple(sorted({f"{key.partition('/')[0]}/" for key in self.bodies}))
