"""What two versions of a text differ in, word by word. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
SAME, ADDED, REMOVED = "same", "added", "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that both have, or one of the two alone."""

    what: str
    text: str


def differences(old: str, new: str) -> list[Piece]:
    """The two texts as one, in the order of reading: what was removed stands before what was added.

    Without what was added it is the old text, without what was removed the new one.
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    pieces: list[Piece] = []
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            _add(pieces, SAME, before[step.src_start : step.src_end])
        elif step.tag == "delete":
            _add(pieces, REMOVED, before[step.src_start : step.src_end])
        else:
            _add(pieces, ADDED, after[step.dest_start : step.dest_end])
    return _in_order(pieces)


def _add(pieces: list[Piece], what: str, words: Sequence[str]) -> None:
    text = "".join(words)
    if pieces and pieces[-1].what == what:
        text = pieces.pop().text + text
    pieces.append(Piece(what, text))


def _in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """Between words that stay, all that was removed and then all that was added.

    A blank alone between two changes goes with them: else every word of a new sentence would be a
    change of its own.
    """
    found: list[Piece] = []
    removed = added = ""
    for at, piece in enumerate(pieces):
        if piece.what == REMOVED:
            removed += piece.text
        elif piece.what == ADDED:
            added += piece.text
        elif (
            (removed or added)
            and piece.text.isspace()
            and "\n" not in piece.text
            and at + 1 < len(pieces)
        ):
            removed, added = removed + piece.text, added + piece.text
        else:
            found += _changed(removed, added)
            removed = added = ""
            found.append(piece)
    return found + _changed(removed, added)


def _changed(removed: str, added: str) -> list[Piece]:
    return [Piece(what, text) for what, text in ((REMOVED, removed), (ADDED, added)) if text]
