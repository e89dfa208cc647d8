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
