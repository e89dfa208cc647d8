"""A piece of a text: what is wanted, what it became, and what hinders it."""

from dataclasses import dataclass, field
from enum import StrEnum

from crm.texts.rules import Filled

_NOTHING = Filled()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a piece goes to, and who signs it."""

    target_id: int
    member_id: int | None = None


class Why(StrEnum):
    """Why a piece cannot be printed."""

    #: The target is not there, or was merged into another.
    GONE = "gone"
    #: It holds nothing any more, or something else than when the pack was made.
    LEFT = "left"
    NO_ADDRESS = "no address"
    #: A field nobody filled.
    EMPTY = "empty"
    #: What was given for a field of the text does not fit it.
    VALUE = "value"
    CONSENT = "consent"
    STALE = "stale"
    NOT_APPROVED = "not approved"
    #: Not by e-mail, nor by a web form.
    NO_WAY = "no way"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A reason, and the sentence for a person. It names no member."""

    why: Why
    told: str
    #: Key of the field it is about.
    field: str = ""


@dataclass(frozen=True)
class Merged:
    """A piece with everything filled, as far as it could be."""

    target_id: int
    member_id: int | None
    subject: Filled = _NOTHING
    body: Filled = _NOTHING
    #: First line of the address, and the lines below it.
    envelope: str = ""
    address: tuple[str, ...] = ()
    #: How the letter begins and ends, without commas.
    salutation: str = ""
    closing: str = ""
    #: What the member signs as, by consent.
    signature: str = ""
    #: Where answers go: a chapter's, never a home.
    return_address: tuple[str, ...] = ()
    contact_point_id: int | None = None
    term_id: int | None = None
    hindrances: tuple[Hindrance, ...] = ()
    #: The target's name.
    name: str = ""
    #: Keys of the fields the text uses: one that says `target.salutation` needs no other.
    uses: frozenset[str] = field(default=frozenset())

    @property
    def can_print(self) -> bool:
        """Whether nothing hinders it."""
        return not self.hindrances
