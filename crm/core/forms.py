"""Forms check shape: what is missing, too long, not a number. Truth is checked by operations."""

import re
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import DateField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, Regexp, ValidationError
from wtforms.widgets import HiddenInput

from crm.core import db
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.core.tables import FORMATS
from crm.core.text import many_lines, one_line

Result = TypeVar("Result")


def cleaned(value: Any) -> Any:
    """One typed line without what nobody sees; what is no text stays as it is."""
    return one_line(value) if isinstance(value, str) else value


def _cleaned_lines(value: Any) -> Any:
    return many_lines(value) if isinstance(value, str) else value


class _WithoutId(HiddenInput):
    """The token against forged requests: several forms of a page have one each, and an id may stand
    once.
    """

    def __call__(self, field: Any, **_more: Any) -> Markup:
        written = '<input name="{}" type="hidden" value="{}">'
        return Markup(written).format(field.name, field._value())  # noqa: S704 - both are escaped


class Form(FlaskForm):
    """Carries what was typed to an operation and brings the refusal back to its field."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if "csrf_token" in self:
            self.csrf_token.widget = _WithoutId()

    @property
    def status(self) -> int:
        """422 when a sent form comes back, else 200."""
        return 422 if self.is_submitted() else 200

    def carry(self, operation: Callable[[], Result]) -> Result | None:
        """Run the operation if the form was sent and has the right shape.

        None means: show the form (again). A refusal stands beside its field, or above the form,
        and nothing of the operation is kept.
        """
        if not self.validate_on_submit():
            return None
        try:
            return operation()
        except Refused as refusal:
            db.rollback()
            self.refuse(refusal)
            return None

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal beside the field it is about, or above the form."""
        field = self._fields.get(refusal.field) if refusal.field else None
        if field is None:
            self.form_errors.append(str(refusal.message))
        else:
            field.errors = [*field.errors, str(refusal.message)]


def text(label: Any, *, most: int = 200, required: bool = False, **more: Any) -> StringField:
    """One line of text, without what nobody sees."""
    return StringField(label, validators=_text_checks(most, required), filters=[cleaned], **more)


def long_text(label: Any, *, most: int = 5000, required: bool = False, **more: Any) -> StringField:
    """Several lines of text, without what nobody sees."""
    checks = _text_checks(most, required)
    return TextAreaField(label, validators=checks, filters=[_cleaned_lines], **more)


def choice(label: Any, *, required: bool = False, **more: Any) -> SelectField:
    """One of a list; an empty choice is None."""
    checks: list[Any] = [InputRequired(_l("Choose one."))] if required else [Optional()]
    # What is not checked against its choices is asked of the database, as text is.
    checks.append(no_control_characters)
    return SelectField(label, validators=checks, filters=[lambda v: v or None], **more)


def day(label: Any, *, required: bool = False, past: bool = False, **more: Any) -> DateField:
    """A date; with `past`, not one after today."""
    checks: list[Any] = [
        InputRequired(_l("Give a date, such as 2026-03-31.")) if required else Optional()
    ]
    if past:
        checks.append(_not_future)
    return DateField(label, validators=checks, **more)


def _text_checks(most: int, required: bool) -> list[Any]:
    too_long = _l("Use at most %(most)s characters.", most=most)
    checks: list[Any] = [InputRequired(_l("Fill this in."))] if required else [Optional()]
    return [*checks, Length(max=most, message=too_long)]


def no_control_characters(_form: Any, field: Any) -> None:
    """A NUL would be refused by PostgreSQL and cut by others."""
    if isinstance(field.data, str) and "\x00" in field.data:
        raise ValidationError(_l("This holds a character that cannot be kept."))


def _not_future(_form: Any, field: Any) -> None:
    if field.data and field.data > today():
        raise ValidationError(_l("This date is in the future. Log what has been done."))


class WholeNumber(IntegerField):
    """A whole number; `read` makes it of what was typed, or raises ValueError with a sentence."""

    def __init__(self, label: Any = None, *, read: Callable[[str], int], **more: Any):
        super().__init__(label, **more)
        self.read = read

    def process_formdata(self, valuelist: Any) -> None:
        """Take the number; None for nothing. What is none comes back as it was typed."""
        typed = valuelist[0].strip() if valuelist else ""
        self.data = None
        if typed:
            self.data = self.read(typed)


def parse_id(text: str | None) -> int | None:
    """The number of a record, from an address or a sent form; None for anything else.

    At most nine digits, so that it fits every database's integers.
    """
    digits = text or ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


#: What a form's own key may be.
_KEY = r"[A-Za-z0-9-]{8,64}\Z"


def form_key() -> HiddenField:
    """A key the form has from the page it stands on: sent again, it does nothing again."""
    return HiddenField(
        default=lambda: str(uuid.uuid4()),
        validators=[Regexp(_KEY, message=_l("Load the form anew."))],
    )


def is_form_key(typed: str | None) -> bool:
    """Whether what was sent may be one."""
    return re.match(_KEY, typed or "") is not None


def an_id(value: Any) -> int:
    """`parse_id` for a field's `coerce`: raises ValueError, and the field says what it has to."""
    number = parse_id(str(value))
    if number is None:
        raise ValueError(value)
    return number


class WithNames(Form):
    """Asks why a file is to name people."""

    reason = text(
        _l("What do you need the names for?"),
        most=300,
        required=True,
        description=_l("Kept with your name and the time, for whoever answers for the members."),
    )
    format = choice(
        _l("File"),
        required=True,
        choices={each.name: each.label for each in FORMATS.values()},
    )
