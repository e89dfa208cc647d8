"""Whether words fit where they are printed, and how large: told before anything is set. Pure.

Nothing that leaves is ever cut, so what does not fit is refused with a sentence beforehand. Widths
of the letters are those of the font; of scripts that are not listed, what their widest letters
have. Lines break where the typesetter breaks them, at blanks and after hyphens.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from crm.mailings.printing.papers import Box

MM = 72 / 25.4
#: Thousandths of the size, of the letters from the blank to the tilde.
_ASCII = (
    250, 288, 336, 465, 465, 637, 705, 190, 298, 298, 369, 550, 220, 338, 220, 323, 465, 465, 465,
    465, 465, 465, 465, 465, 465, 465, 236, 236, 550, 550, 550, 435, 895, 695, 588, 646, 701, 557,
    485, 685, 730, 297, 322, 637, 528, 839, 699, 702, 541, 702, 587, 485, 597, 661, 652, 951, 660,
    575, 604, 356, 287, 356, 518, 486, 392, 457, 493, 428, 506, 447, 310, 500, 538, 271, 272, 512,
    264, 790, 542, 504, 519, 503, 372, 390, 316, 531, 497, 747, 490, 515, 424, 277, 205, 277, 449,
)  # fmt: skip
_OTHERS = {
    "–": 548, "—": 742, "‘": 268, "’": 268, "“": 375, "”": 375, "…": 749, "ß": 541, "æ": 687,
    "ø": 504, "ł": 264, "đ": 506, "ı": 271, "œ": 778, "Æ": 865, "Ø": 702, "Ł": 528, "Đ": 701,
    "Œ": 869, "þ": 502, "Þ": 527, "ð": 486, "·": 250, "•": 351,
}  # fmt: skip
#: Scripts by the ends of their ranges, with what their widest usual letters have.
_SCRIPTS = ((0x370, 0x52F, 860), (0x531, 0x5FF, 800), (0x600, 0x77F, 700), (0xFB50, 0xFEFC, 700))
_WIDEST = 1000
#: Kerning and rounding may add a little.
_SPARE = 1.01
#: From one line to the next, and between paragraphs, in sizes.
LEADING, SPACING = 0.15, 0.55
_BREAKS = re.compile(r"(?<=-)(?=\w)|\s+")
#: Scripts written without blanks break between any two letters.
_UNSPACED = re.compile("([\u2e80-\u30ff\u3105-\u312f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef])")


class _Widths(dict[str, int]):
    """Widths by letter; others are reckoned once."""

    def __missing__(self, letter: str) -> int:
        self[letter] = found = _width(letter)
        return found


def _width(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Cf"):
        return 0
    base = unicodedata.normalize("NFD", letter)[0]
    if base != letter:
        return _WIDTHS[base]
    for first, last, wide in _SCRIPTS:
        if first <= ord(letter) <= last:
            return wide
    return _WIDEST


_WIDTHS = _Widths({chr(32 + at): wide for at, wide in enumerate(_ASCII)} | _OTHERS)


@lru_cache(maxsize=8192)
def width(words: str) -> float:
    """How wide words are on one line, in sizes."""
    return sum(map(_WIDTHS.__getitem__, words)) / 1000 * _SPARE


@lru_cache(maxsize=8192)
def lines(words: str, size: float, wide: float) -> int | None:
    """Lines the words take, `size` and `wide` in points; None where a word is wider than a line."""
    count = 0
    for line in words.split("\n"):
        count, at = count + 1, 0.0
        for word, before in _words(line):
            long, gap = width(word) * size, width(" ") * size * before
            if long > wide:
                return None
            if at and at + gap + long > wide:
                count, at = count + 1, long
            else:
                at += (gap if at else 0) + long
    return count


def _words(line: str) -> Iterable[tuple[str, bool]]:
    """Words with whether a blank stands before."""
    for number, spaced in enumerate(line.split()):
        is_first = number > 0
        for part in _UNSPACED.split(spaced) if _UNSPACED.search(spaced) else _BREAKS.split(spaced):
            if part:
                yield part, is_first
                is_first = False


def address_size(address: Sequence[str], sizes: Sequence[float], room: Box) -> float | None:
    """The largest of the sizes in which an address fits, best with no line broken; None if none."""
    for may_break in (False, True):
        for size in sizes:
            count = [lines(line, size, room.wide * MM) for line in address]
            if None in count or (not may_break and any(each != 1 for each in count)):
                continue
            if _high(sum(each or 0 for each in count), size) <= room.high * MM:
                return size
    return None


def message_size(paragraphs: Sequence[str], sizes: Sequence[float], room: Box) -> float | None:
    """The largest of the sizes in which paragraphs fit; None if none."""
    for size in sizes:
        counts = [lines(each, size, room.wide * MM) for each in paragraphs]
        if None in counts:
            continue
        high = sum(_high(each or 0, size) for each in counts)
        if high + SPACING * size * (len(counts) - 1) <= room.high * MM:
            return size
    return None


def _high(count: int, size: float) -> float:
    return size * (count + LEADING * (count - 1))
