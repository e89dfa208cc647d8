"""Text as people write it, made comparable."""

import re
import unicodedata
from collections.abc import Container
from functools import lru_cache
from itertools import count

_WORD = re.compile(r"\w+")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")

#: Letters that carry no mark to strip and that people nonetheless type plainly.
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe",
                        "þ": "th", "ı": "i"})  # fmt: skip


#: What ends a line, whoever wrote it. A tab ends none, and is no part of one line either.
_BREAK = re.compile("\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
_GAP = re.compile("[\t\n\r\x0b\x0c\x85\u2028\u2029]+")
#: Seen on no screen: controls, what turns the text around it, blanks of no width. What joins
#: letters (U+200C, U+200D) and says which way a line runs (U+200E, U+200F) is part of words.
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]")


def one_line(text: str) -> str:
    """What was typed or pasted into one line, without what nobody sees; blanks around it go.

    Nothing is refused: it comes along from where it was copied, and nobody could find it.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    parts = (part.strip() for part in _GAP.split(_UNSEEN.sub("", text)))
    return " ".join(part for part in parts if part)


def many_lines(text: str) -> str:
    """The same of several lines: tabs stay, and each line ends with one `\\n`."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _BREAK.sub("\n", _UNSEEN.sub("", text)).strip()


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Case, marks and punctuation taken away: `Núñez-O'Neil` → `nunez o neil`."""
    if text.isascii():
        plain = text.lower()
    else:
        # Case is taken away last: compatibility forms (𝐀) have none until they are decomposed.
        marked = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        plain = "".join(c for c in marked if not unicodedata.combining(c)).translate(_PLAIN)
    return " ".join(_WORD.findall(plain.replace("_", " ")))


def slugify(text: str) -> str:
    """A readable address part of at most 60 characters; `item` when nothing is left."""
    return _NOT_SLUG.sub("-", fold(text))[:60].strip("-") or "item"


def free_slug(text: str, taken: Container[str]) -> str:
    """The text's slug, or the first with a number behind it that is not taken: `alder-2`.

    `new` is never given: it is a page of its own beside the records'.
    """
    wanted = slugify(text)
    numbered = (wanted if number == 1 else f"{wanted}-{number}" for number in count(1))
    return next(slug for slug in numbered if slug != "new" and slug not in taken)
