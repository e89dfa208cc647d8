"""A text's own fields: what is asked before it goes out, each with its kind and its limit. Pure.

They are kept with the version that uses them, as plain data; `read` makes them of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.errors import Refused
from crm.texts.rules import LINE, MOST_NAME, key_of

#: What a field can be.
KINDS = {
    "text": _l("Text"),
    "number": _l("Whole number"),
    "date": _l("Date"),
    "choice": _l("One of a list"),
    "hand": _l("Written by hand on paper"),
}
#: Characters of a text that say nothing of their limit, and of any.
USUAL, MOST = 200, 2000
MOST_HELP, MOST_CHOICES = 200, 30


@dataclass(frozen=True)
class OwnField:
    """A field of a text. `name` is as it stands between the brackets."""

    name: str
    kind: str = "text"
    label: str = ""
    help: str = ""
    #: Characters of a text, or the largest number.
    most: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What it is compared by."""
        return key_of(self.name)

    @property
    def asked(self) -> str:
        """How it is asked for."""
        return self.label or self.name[:1].upper() + self.name[1:]


def read(rows: Iterable[Mapping[str, Any]]) -> list[OwnField]:
    """The fields of a version, from what is kept."""
    return [
        OwnField(
            name=str(row.get("name") or row.get("key") or ""),
            kind=str(row.get("kind") or "text"),
            label=str(row.get("label") or ""),
            help=str(row.get("help") or ""),
            most=row.get("most"),
            choices=tuple(row.get("choices") or ()),
        )
        for row in rows
    ]


def kept(fields: Iterable[OwnField]) -> list[dict[str, Any]]:
    """What is kept of fields; their order is that of the text."""
    return [{**asdict(each), "choices": list(each.choices)} for each in fields]


def check(fields: Sequence[OwnField]) -> None:
    """Raise `Refused` for fields that cannot be asked for."""
    seen: set[str] = set()
    for each in fields:
        if each.key in seen:
            raise Refused(_("“%(name)s” is there twice.", name=each.name), "fields")
        seen.add(each.key)
        if each.kind not in KINDS or len(each.name) > MOST_NAME:
            raise Refused(_("“%(name)s” is of no kind there is.", name=each.name), "fields")
        if each.kind == "choice" and len(each.choices) < 2:
            raise Refused(
                _("“%(name)s” is one of a list: give at least two to choose from.", name=each.name),
                "fields",
            )
        if len(each.choices) > MOST_CHOICES or any(len(one) > USUAL for one in each.choices):
            raise Refused(
                _("“%(name)s” has too many or too long choices.", name=each.name), "fields"
            )
        if each.most is not None and not 1 <= each.most <= (
            MOST if each.kind == "text" else 999_999_999
        ):
            raise Refused(
                _("The limit of “%(name)s” is a number from 1 to %(most)s.",
                  name=each.name, most=MOST if each.kind == "text" else 999_999_999),
                "fields",
            )  # fmt: skip
        if len(each.help) > MOST_HELP or len(each.label) > USUAL:
            raise Refused(_("What is said of “%(name)s” is too long.", name=each.name), "fields")


def checked(field: OwnField, typed: str) -> str:
    """What was typed for a field, when it fits it. Raises `Refused` with a sentence."""
    value = typed.strip()
    if not value or field.kind == "hand":
        return ""
    if field.kind == "number":
        digits = value.removeprefix("-")
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 9:
            raise _refused(_("“%(field)s” is a whole number, such as 150.", field=field.asked))
        if field.most is not None and int(value) > field.most:
            raise _refused(
                _("“%(field)s” is at most %(most)s.", field=field.asked, most=field.most)
            )
    elif field.kind == "date":
        try:
            if len(value) != 10:
                raise ValueError(value)
            date.fromisoformat(value)
        except ValueError:
            raise _refused(
                _("“%(field)s” is a date, such as 2026-03-31.", field=field.asked)
            ) from None
    elif field.kind == "choice":
        if value not in field.choices:
            raise _refused(
                _("“%(field)s” is one of: %(choices)s.",
                  field=field.asked, choices=", ".join(field.choices))
            )  # fmt: skip
    elif len(value) > (most := field.most or USUAL):
        raise _refused(
            _("“%(field)s” has at most %(most)s characters, and this has %(length)s.",
              field=field.asked, most=most, length=len(value))
        )  # fmt: skip
    return value


def _refused(sentence: str) -> Refused:
    return Refused(sentence, "values")


def filled(field: OwnField, typed: str | None, locale: Locale) -> str | None:
    """What stands in the text for it; None where nothing fits. Raises `Refused` as `checked`."""
    if field.kind == "hand":
        return LINE
    value = checked(field, typed or "")
    if value and field.kind == "date":
        return format_date(date.fromisoformat(value), "long", locale=locale)
    return value or None
