"""The merge check of a print: which pieces can be printed as wished, and why the others cannot.

Asked before printing, and once more as it is printed: what has changed in between is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from flask_babel import gettext as _

from crm.core import pdf
from crm.core.errors import Refused
from crm.mailings.models import Mailing, Piece
from crm.mailings.printing import papers, words
from crm.mailings.printing.fitting import MM, address_size, lines, message_size
from crm.mailings.printing.papers import ENVELOPES, LABEL_SHEETS, Box, Kind, Wish
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import Viewer, states
from crm.texts import queries as texts
from crm.texts.merge import merge
from crm.texts.merged import Hindrance, Merged, Wanted, Why
from crm.texts.models import TextVersion

#: Sizes that are tried, the largest first.
LETTER_SIZES = (11.5, 10.5, 9.5, 8.5, 7.5)
LABEL_SIZES = (11, 10, 9, 8, 7.5)
CARD_SIZES = (11, 10, 9, 8)
#: Labels of one sheet have one size down to this.
LEAST_USUAL = 9
ENVELOPE_SIZES = (13, 12, 11, 10)
MESSAGE_SIZES = (12, 11, 10, 9, 8.5)
#: Points of a line of a letter on the narrowest paper; words of fewer letters always have room.
LINE, _LONG = 160 * MM, 38
#: What hinders what: addresses do not wait for the words to be approved.
_OF_ADDRESSES = frozenset({Why.GONE, Why.LEFT, Why.NO_ADDRESS})
#: What is left to the hand on a sheet.
_BY_HAND = frozenset({Why.EMPTY})


@dataclass(frozen=True)
class Ready:
    """A piece with its words, and the sizes in which they fit."""

    id: int
    number: int
    merged: Merged
    size: float
    message_size: float = 0.0

    @property
    def member_id(self) -> int | None:
        """Who signs it."""
        return self.merged.member_id


@dataclass(frozen=True)
class Hindered:
    """A piece that cannot be printed as wished, and why, in sentences."""

    id: int
    number: int
    target_id: int
    member_id: int | None
    told: tuple[str, ...]


@dataclass(frozen=True)
class Checked:
    """Every piece that was asked about is in one of both."""

    version: TextVersion
    ready: Sequence[Ready]
    hindered: Sequence[Hindered]


def version_of(text_id: int, language: str) -> TextVersion:
    """The words that print: those approved last, else those written last, which hinders."""
    found = texts.would_print(text_id, language)
    if found is None:
        raise Refused(_("This text has no words in the language of the pack yet."))
    return found


def check(
    mailing: Mailing, pieces: Sequence[Piece], wish: Wish, *, viewer: Viewer, today: date
) -> Checked:
    """Fill every piece and see what hinders it, in a fixed number of statements per 500."""
    version = version_of(mailing.text_id, mailing.language)
    merged = merge(
        version,
        [Wanted(piece.target_id, piece.member_id) for piece in pieces],
        campaign=mailing.campaign,
        chapter=mailing.chapter,
        values=mailing.values,
        on=today,
        viewer=viewer,
        terms={piece.target_id: piece.term_id for piece in pieces},
    )
    refused = _not_members(pieces, today) if wish.kind.has_words else frozenset()
    ready, hindered = [], []
    sizes: dict[tuple[str, ...], float | None] = {}
    for piece, each in zip(pieces, merged, strict=True):
        told = [hindrance.told for hindrance in each.hindrances if _counts(hindrance, wish)]
        place = (each.envelope, *each.address)
        if place not in sizes:
            sizes[place] = _address_size(place, wish)
        size, message = sizes[place], _message_size(each, wish)
        if size is None and not told:
            told.append(_("The address is too long for this paper: shorten its lines."))
        if message is None and not told:
            told.append(_("The text is too long for a card. Shorten it, or print it as letters."))
        if word := _too_wide(each, wish):
            told.append(
                _("“%(word)s…” is wider than the paper. Write a blank in it.", word=word[:40])
            )
        if lacking := _lacking(each, place, wish):
            told.append(
                _("There is no font for these letters: %(letters)s.", letters=" ".join(lacking))
            )
        is_looked_at = wish.is_preview and bool(each.envelope)
        if piece.member_id in refused:
            told.append(_("Who was to sign this is said not to be a member. Give it to another."))
            is_looked_at = False
        if told and not is_looked_at:
            hindered.append(
                Hindered(
                    piece.id, piece.number, piece.target_id, piece.member_id,
                    tuple(dict.fromkeys(told)),
                )
            )  # fmt: skip
        else:
            least = min(MESSAGE_SIZES)
            ready.append(Ready(piece.id, piece.number, each, size or least, message or least))
    return Checked(version, _even(ready) if wish.kind is Kind.LABELS else ready, hindered)


def _too_wide(merged: Merged, wish: Wish) -> str:
    """A word that no line of a letter or a sheet has room for; of cards the whole is measured.

    Addresses of the web break where they must.
    """
    if wish.kind not in (Kind.LETTERS, Kind.SHEETS):
        return ""
    return next(
        (
            word
            for word in f"{merged.subject} {merged.body}".split()
            if len(word) >= _LONG and "/" not in word and lines(word, LETTER_SIZES[0], LINE) is None
        ),
        "",
    )


def _lacking(merged: Merged, place: Sequence[str], wish: Wish) -> str:
    """Letters that would be printed as empty boxes."""
    said = [*place, *merged.return_address]
    if wish.shows_words:
        runs = (*merged.subject.runs, *merged.body.runs)
        said += [merged.closing, merged.signature, *(run.text for run in runs)]
    return "".join(sorted(set("".join(map(_unprintable, said)))))


@lru_cache(maxsize=4096)
def _unprintable(text: str) -> str:
    # Most of it is the same in every piece.
    return "" if text.isascii() else pdf.unprintable([text])


def _even(ready: Sequence[Ready]) -> list[Ready]:
    """One size for a whole sheet of labels; addresses that need a very small one keep theirs."""
    usual = min((each.size for each in ready if each.size >= LEAST_USUAL), default=LEAST_USUAL)
    return [replace(each, size=min(each.size, usual)) for each in ready]


def _not_members(pieces: Sequence[Piece], today: date) -> frozenset[int]:
    """Who is said not to be a member: nothing is signed with their name, whatever else was said."""
    ids = {each.member_id for each in pieces if each.member_id is not None}
    if not ids:
        return frozenset()
    known = states(ids, {Purpose.MEMBER}, today=today)
    return frozenset(each for each, said in known.items() if said[Purpose.MEMBER] in SAID_NO)


def _counts(hindrance: Hindrance, wish: Wish) -> bool:
    if not wish.shows_words:
        return hindrance.why in _OF_ADDRESSES
    return not (wish.kind is Kind.SHEETS and hindrance.why in _BY_HAND)


def _address_size(lines: Sequence[str], wish: Wish) -> float | None:
    match wish.kind:
        case Kind.LETTERS:
            return address_size(lines, LETTER_SIZES, papers.LETTER_ADDRESS[wish.paper])
        case Kind.POSTCARDS | Kind.POSTCARDS_4UP:
            card = papers.card_of(wish.kind, wish.paper)
            return address_size(lines, CARD_SIZES, papers.address_of(card))
        case Kind.LABELS:
            sheet = LABEL_SHEETS[wish.labels]
            room = Box(sheet.wide - 2 * sheet.side, sheet.high - 2)
            return address_size(lines, LABEL_SIZES, room)
        case Kind.ENVELOPES:
            cover = ENVELOPES[wish.envelope]
            return address_size(
                lines, ENVELOPE_SIZES, Box(cover.wide * 0.56 - 12, cover.high * 0.6 - 16)
            )
        case _:
            return LETTER_SIZES[0]


def _message_size(merged: Merged, wish: Wish) -> float | None:
    if not wish.kind.is_card or wish.by_hand:
        return MESSAGE_SIZES[0]
    said = [words.room(runs) for runs in words.split(merged.body)]
    if merged.signature and not words.signs_itself(merged.body):
        said.append(merged.signature)
    room = papers.message_of(papers.card_of(wish.kind, wish.paper))
    return message_size(said, MESSAGE_SIZES, room)
