"""Fields of members that an administrator defined: asked, kept and shown without a migration."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from babel.numbers import format_decimal
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members.models import CustomField

KINDS: Mapping[str, Any] = {
    "text": _l("Text"),
    "number": _l("Number"),
    "choice": _l("Choice"),
    "date": _l("Date"),
}
#: Characters of a text.
TEXT_MOST = 500


def defined(*, retired: bool = False) -> Sequence[CustomField]:
    """The fields that are asked, in their order; with `retired` those that once were, too."""
    wanted = select(CustomField).order_by(CustomField.position, CustomField.id)
    if not retired:
        wanted = wanted.where(CustomField.retired_on.is_(None))
    return db.session.scalars(wanted).all()


def kept(field: CustomField, typed: Any) -> str | None:
    """What was typed, as it is kept in `Member.custom`; None for nothing.

    A number without needless digits, a date as YYYY-MM-DD, a choice as it was defined. Raises
    `Refused` with a sentence for what is none.
    """
    text = " ".join(str(typed).split()) if typed is not None else ""
    if not text:
        return None
    if len(text) > TEXT_MOST or "\x00" in text:
        raise Refused(
            _("%(field)s: use at most %(most)s characters.", field=field.label, most=TEXT_MOST),
            field.key,
        )
    if field.kind == "number":
        return _number(field, text)
    if field.kind == "date":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError as error:
            raise Refused(
                _("%(field)s: give a date such as 2026-03-31.", field=field.label), field.key
            ) from error
    if field.kind == "choice":
        for choice in field.choices:
            if fold(choice) == fold(text):
                return choice
        raise Refused(
            _("%(field)s: choose one of %(choices)s.",
              field=field.label, choices=", ".join(field.choices)),
            field.key,
        )  # fmt: skip
    return text


def _number(field: CustomField, text: str) -> str:
    try:
        number = Decimal(text.replace(",", ".") if text.count(",") == 1 else text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal("1e15"):
        raise Refused(_("%(field)s: give a number.", field=field.label), field.key)
    plain = f"{number:f}"
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain) or "0"


def said(field: CustomField, value: str | None) -> str:
    """A kept value the way the reader writes it."""
    if not value:
        return ""
    if field.kind == "number":
        return format_decimal(Decimal(value), locale=get_locale())
    if field.kind == "date":
        return str(format_date(date.fromisoformat(value), "medium"))
    return value
