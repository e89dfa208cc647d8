"""The shape of what is typed about a position."""

from collections.abc import Sequence
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from crm.campaigns.evidence import Shown
from crm.campaigns.positions import Asked
from crm.campaigns.rules import CONFIDENCES, SUPPORTS
from crm.core.files import keep_picture
from crm.core.forms import Form, an_id, choice, day, long_text, text

_WHERE = _l("Choose where they stand.")
#: What each step means, so that two people choose the same.
MEANINGS: dict[int, Any] = {
    2: _l("Speaks up for it and brings others along."),
    1: _l("Said yes, or acts so."),
    0: _l("Has not said, or says both."),
    -1: _l("Said no, or acts so."),
    -2: _l("Speaks against it and holds others back."),
}


def _support(value: Any) -> int:
    number = int(value)
    if number not in SUPPORTS:
        raise ValueError(value)
    return number


def _optional_id(value: Any) -> int | None:
    return an_id(value) if value else None


class PositionForm(Form):
    """Where a target stands, how sure that is, and what showed it."""

    ask_id = choice(_l("On what ask"), required=True, coerce=_optional_id)
    support = RadioField(
        _l("Where they stand"),
        coerce=_support,
        choices=[SelectChoice(each, words) for each, words in SUPPORTS.items()],
        validators=[InputRequired(_WHERE)],
        invalid_value_message=_WHERE,
        invalid_choice_message=_WHERE,
    )
    seen_on = day(_l("Seen on"), required=True, past=True)
    confidence = RadioField(
        _l("How sure you are"),
        choices=[SelectChoice(each, words) for each, words in CONFIDENCES.items()],
        validators=[InputRequired(_l("Say how sure you are."))],
    )
    action_id = choice(_l("The outreach that showed it"), coerce=_optional_id)
    evidence = long_text(_l("In words"), most=2000)
    link = text(_l("Link"), most=1000)
    scan = FileField(_l("Scan or photo"), validators=[Optional()])

    def offer(self, asks: Sequence[Asked], actions: Sequence[Shown]) -> None:
        """Set what can be chosen: asks by campaign, and the outreach that reached the target."""
        self.ask_id.choices = [
            SelectChoice("", _("Choose")),
            *(SelectChoice(ask.id, ask.text, optgroup=ask.campaign) for ask in asks),
        ]
        self.action_id.choices = [
            SelectChoice("", _("None of it")),
            *(
                SelectChoice(each.action_id, f"{format_date(each.on, 'medium')}: {each.what}")
                for each in actions
            ),
        ]

    def keep_scan(self) -> str | None:
        """Keep the scan sent, if one was."""
        upload = self.scan.data
        if upload is None or not getattr(upload, "filename", None):
            return None
        return keep_picture(upload, field="scan")


class WithdrawForm(Form):
    """Why an entry is withdrawn."""

    reason = text(_l("Why"), most=500, required=True)
