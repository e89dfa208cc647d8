"""The papers of a pack: kinds, sizes, and where labels stand on their makers' sheets. Pure.

Sizes are millimetres. Those of labels are the ones their makers publish.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

INCH = 25.4


class Kind(StrEnum):
    """What is printed of a pack."""

    LETTERS = "letters"
    POSTCARDS = "postcards"
    POSTCARDS_4UP = "postcards-4up"
    LABELS = "labels"
    ENVELOPES = "envelopes"
    SHEETS = "sheets"

    @property
    def is_card(self) -> bool:
        """Whether it has a picture side and a message side."""
        return self in (Kind.POSTCARDS, Kind.POSTCARDS_4UP)

    @property
    def has_words(self) -> bool:
        """Whether the text itself is printed, and not the addresses alone."""
        return self not in (Kind.LABELS, Kind.ENVELOPES)


LABELS: Mapping[Kind, Any] = {
    Kind.LETTERS: _l("Letters"),
    Kind.POSTCARDS: _l("Postcards, one to a sheet"),
    Kind.POSTCARDS_4UP: _l("Postcards, four to a sheet"),
    Kind.LABELS: _l("Address labels"),
    Kind.ENVELOPES: _l("Envelopes"),
    Kind.SHEETS: _l("A sheet for each student"),
}


@dataclass(frozen=True)
class LabelSheet:
    """Where labels stand: from the left and the top edge, and from one to the next."""

    label: str
    paper: str
    columns: int
    rows: int
    wide: float
    high: float
    left: float
    top: float
    across: float
    down: float
    #: Clear at both sides within a label.
    side: float = 3.0

    @property
    def count(self) -> int:
        """Labels of a sheet."""
        return self.columns * self.rows


LABEL_SHEETS: Mapping[str, LabelSheet] = {
    "avery-5160": LabelSheet(
        "Avery 5160", "letter", 3, 10,
        wide=2.625 * INCH, high=1 * INCH, left=0.1875 * INCH, top=0.5 * INCH,
        across=2.75 * INCH, down=1 * INCH,
    ),
    "l7160": LabelSheet(
        "Avery L7160", "a4", 3, 7,
        wide=63.5, high=38.1, left=7.21, top=15.15, across=66.04, down=38.1,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Envelope:
    """An envelope, and the paper whose letters fold into it."""

    label: str
    paper: str
    wide: float
    high: float


ENVELOPES: Mapping[str, Envelope] = {
    "no10": Envelope("#10 (9½ × 4⅛ in)", "letter", 9.5 * INCH, 4.125 * INCH),
    "dl": Envelope("DL (220 × 110 mm)", "a4", 220, 110),
}


@dataclass(frozen=True)
class Box:
    """Room for words."""

    wide: float
    high: float


#: Where the address of a letter shows through the window.
LETTER_ADDRESS = {"letter": Box(3.3 * INCH, 1.14 * INCH), "a4": Box(78, 30)}

#: A card alone is 6 × 4 inches. Four of that size are more than a sheet of paper has, so they are
#: as large as leaves room for marks to cut along.
CARD = Box(6 * INCH, 4 * INCH)
CARDS_OF_FOUR = {"letter": Box(5.2 * INCH, 3.9 * INCH), "a4": Box(138, 96)}
_EDGE = 7.0


def card_of(kind: Kind, paper: str) -> Box:
    """The size of a card."""
    return CARD if kind is Kind.POSTCARDS else CARDS_OF_FOUR[paper]


def message_of(card: Box) -> Box:
    """Room for the words of a card, as `cards.typ` has it."""
    return Box(card.wide - _right(card) - 2 * _EDGE - 6, card.high - 2 * _EDGE - 9.5)


def address_of(card: Box) -> Box:
    """Room for the address of a card."""
    return Box(_right(card) - 2, card.high - _EDGE - 26 - 16)


def _right(card: Box) -> float:
    return max(card.wide * 0.42, 57.0)


@dataclass(frozen=True)
class Wish:
    """What somebody wants printed, and how."""

    kind: Kind
    #: letter | a4
    paper: str = "letter"
    #: One of `LABEL_SHEETS`, and the label to begin with, from 1.
    labels: str = "avery-5160"
    start_at: int = 1
    #: One of `ENVELOPES`.
    envelope: str = "no10"
    #: Which edge the printer turns the paper along: long | short.
    flip: str = "long"
    #: The text is copied by hand: cards leave room for it.
    by_hand: bool = False
    #: To be looked at: marked as such, with what is missing in yellow.
    is_preview: bool = False

    @property
    def shows_words(self) -> bool:
        """Whether the text is printed."""
        return self.kind.has_words and not (self.kind.is_card and self.by_hand)
