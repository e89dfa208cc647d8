"""What the columns of a spreadsheet mean: guessed from their names and from what stands in them.

Pure. A room lists its fields with the words people head such columns with; what somebody said of a
head before is remembered in `mapping`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.core.text import fold

#: Share of a column's cells that must look like a field to be taken for it.
_ENOUGH = 0.8
#: Words that say what a column holds only where they are all of its name.
_ONLY_WHOLE = frozenset({
    "end", "family", "first", "from", "given", "house", "land", "last", "link", "member", "person",
    "post", "region", "seat", "since", "site", "start", "state", "to", "type", "until", "web",
})  # fmt: skip
_BRACKETED = re.compile(r"[(\[][^)\]]*[)\]]")


@dataclass(frozen=True)
class Field:
    """A field a column can fill. `words` head such columns, folded, the surest first."""

    name: str
    label: Any
    words: tuple[str, ...] = ()
    #: Whether a cell that is not empty looks like it.
    looks: Callable[[str], bool] | None = None
    #: Whether several columns may fill it: two phone numbers.
    several: bool = False


def guess(
    head: Sequence[str],
    samples: Sequence[Sequence[str]],
    fields: Sequence[Field],
    *,
    known: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Column → name of the field, of those that can be guessed beside those that are `known`.

    First by the whole name, then by words within it, last by what stands below. A field is
    given once, unless several columns may fill it.
    """
    found = dict(known or {})
    taken = set(found.values())

    def give(column: str, field: Field) -> bool:
        if column in found or (field.name in taken and not field.several):
            return False
        found[column] = field.name
        taken.add(field.name)
        return True

    folded = {column: _plain(column) for column in head}
    whole: dict[str, list[Field]] = {}
    for field in fields:
        for word in field.words:
            whole.setdefault(word, []).append(field)
    for column in head:
        any(give(column, field) for field in whole.get(folded[column], ()))
    parts = [
        (word.split(), field)
        for field in fields
        for word in field.words
        if len(word) > 2 and word not in _ONLY_WHOLE
    ]
    for column in head:
        words = folded[column].split()
        held = [pair for pair in parts if _holds(words, pair[0])]
        held.sort(key=lambda pair: _rank(words, *pair), reverse=True)
        any(give(column, field) for _part, field in held)
    for place, column in enumerate(head):
        cells = [row[place] for row in samples if row[place]]
        for field in fields if cells else ():
            looks = field.looks
            if looks and sum(map(looks, cells)) >= _ENOUGH * len(cells) and give(column, field):
                break
    return found


def _plain(name: str) -> str:
    words = fold(_BRACKETED.sub(" ", name)) or fold(name)
    # `telephone_1`, `E-mail 2`: a number behind tells columns apart, not what they hold.
    return words.rstrip("0123456789 ") or words


def _rank(words: Sequence[str], part: Sequence[str], field: Field) -> tuple[bool, bool, int]:
    """What wins within a name: ways to reach somebody, then the noun (the end), then length."""
    return field.several, list(words[-len(part) :]) == list(part), len(" ".join(part))


def _holds(words: Sequence[str], part: Sequence[str]) -> bool:
    return any(
        list(words[at : at + len(part)]) == list(part) for at in range(len(words) - len(part) + 1)
    )


def checked(
    given: Mapping[str, Any], head: Sequence[str], fields: Sequence[Field]
) -> dict[str, str]:
    """A mapping somebody gave, without what it leaves out. Raises `Refused` for strange names."""
    known = {field.name: field for field in fields}
    kept: dict[str, str] = {}
    for column, name in given.items():
        if column not in head:
            raise Refused(
                _("There is no column “%(column)s”; there are %(columns)s.",
                  column=column, columns=", ".join(head))
            )  # fmt: skip
        if name in (None, ""):
            continue
        if not isinstance(name, str) or name not in known:
            raise Refused(
                _("There is no field “%(field)s”; there are %(fields)s.",
                  field=name, fields=", ".join(known))
            )  # fmt: skip
        if name in kept.values() and not known[name].several:
            raise Refused(_("Two columns cannot both be “%(field)s”.", field=known[name].label))
        kept[column] = name
    return kept
