"""The shape of what is typed about a text. What stands in its brackets is read in `drafting`."""

from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField
from wtforms.fields.choices import SelectChoice

from crm.core.forms import Form, choice, long_text, parse_id, text
from crm.texts.kinds import KINDS
from crm.texts.operations import MOST_LINE, MOST_NAME, MOST_NOTE
from crm.texts.rules import MOST_BODY, MOST_SUBJECT


def _id(value: Any) -> int | None:
    return value if isinstance(value, int) else parse_id(value)


class _Whose(Form):
    """What a text is called and whose it is."""

    name = text(
        _l("Name"),
        most=MOST_NAME,
        required=True,
        description=_l("What you call it among yourselves."),
    )
    chapter_id = choice(_l("Whose it is"), coerce=_id)
    campaign_id = choice(_l("Campaign"), coerce=_id)

    def offer(
        self,
        *,
        chapters: Sequence[tuple[int, str]],
        campaigns: Sequence[tuple[int, str]],
        everybody: bool,
    ) -> None:
        """Set what can be chosen; `everybody`: also a text of the whole coalition."""
        whole = [("", _l("The whole coalition"))] if everybody else []
        self.chapter_id.choices = [*whole, *chapters]
        self.campaign_id.choices = [("", _l("No campaign in particular")), *campaigns]


class _Words(Form):
    """The words of a version."""

    subject = text(
        _l("Subject"), most=MOST_SUBJECT, description=_l("Of an e-mail; above a letter.")
    )
    body = long_text(_l("Text"), most=MOST_BODY, required=True)
    note = text(
        _l("What you changed"), most=MOST_NOTE, description=_l("For who reads the versions later.")
    )


class NewTextForm(_Whose, _Words):
    """A text with its first version."""

    kind = choice(
        _l("Kind"),
        required=True,
        choices=[SelectChoice(each.name, each.label) for each in KINDS.values()],
    )
    language = text(
        _l("Language"), most=20, required=True, default="en", description=_l("en, fr, es, pt-BR …")
    )


class VersionForm(_Words):
    """The next version. `based_on` is the number that was in front of the writer."""

    language = text(_l("Language"), most=20, required=True, description=_l("en, fr, es, pt-BR …"))
    based_on = HiddenField(filters=[_id])
    overwrite = BooleanField(_l("Save mine after it all the same"))


class SettingsForm(_Whose):
    """What is not the words."""


class PreviewForm(Form):
    """For whom a text is shown filled."""

    to = text(_l("Target"), most=100)
    signed_by = text(_l("Signed by"), most=100)


class AddressFormForm(Form):
    """How a target is addressed in a language."""

    language = text(_l("Language"), most=20, required=True, default="en")
    envelope = text(_l("First line of the address"), most=MOST_LINE)
    salutation = text(_l("How a letter begins"), most=MOST_LINE)
    closing = text(_l("How a letter ends"), most=MOST_LINE)


class ApproveForm(Form):
    """A version is approved, or its approval taken back: one click."""
