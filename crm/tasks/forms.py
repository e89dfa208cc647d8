"""The shape of what is sent about tasks."""

from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from crm.core.errors import Refused
from crm.core.forms import (
    Form,
    WholeNumber,
    an_id,
    choice,
    day,
    form_key,
    long_text,
    parse_id,
    text,
)
from crm.core.text import one_line
from crm.outreach.forms import whole_number
from crm.tasks.rules import How, Repeats


class DoneForm(Form):
    """“I did it”: everything is filled beforehand, so that one press is enough."""

    turn = HiddenField(validators=[Optional(), Length(max=40)])
    on = day(_l("Day"), past=True)
    minutes = WholeNumber(_l("Minutes it took"), read=whole_number, validators=[Optional()])

    def numbers(self) -> dict[int, int] | None:
        """How many of each target, where that was asked. Raises `Refused` for what is no number."""
        if not request.form.get("parts"):
            return None
        found: dict[int, int] = {}
        for name, typed in request.form.items():
            if not name.startswith("n-") or (target := parse_id(name[2:])) is None:
                continue
            try:
                found[target] = whole_number(typed.strip() or "0")
            except ValueError as error:
                raise Refused(str(error), "done") from error
        return found


class WordsForm(Form):
    """A sentence: what help is needed, or why a task is given back."""

    words = text(_l("In a sentence"), most=500)


_EACH = [
    SelectChoice(How.ALL.value, _l("Each to every target")),
    SelectChoice(How.SPREAD.value, _l("Spread the targets over them")),
    SelectChoice(How.ONE.value, _l("One target each")),
    SelectChoice(How.PIECES.value, _l("So many pieces each")),
]
REPEATS = (
    ("", _l("Once")),
    (Repeats.WEEKLY.value, _l("Every week")),
    (Repeats.TWO_WEEKLY.value, _l("Every two weeks")),
    (Repeats.MONTHLY.value, _l("Every month")),
)
#: Lines for what follows that the form has.
STEPS = 3


class TaskForm(Form):
    """What a task says, whoever does it."""

    title = text(_l("What is to be done"), required=True)
    note = long_text(_l("How to do it, and where to ask"), most=5000)
    text_slug = choice(_l("Text"), choices=[], validate_choice=False)
    due_on = day(_l("Due"))
    repeats = SelectField(_l("Again"), choices=[SelectChoice(v, t) for v, t in REPEATS])
    repeats_until = day(_l("Until"))

    def steps(self) -> list[dict[str, Any]]:
        """What follows once it is done. Raises `Refused` for days that are no number."""
        found = []
        for number in range(STEPS):
            title = one_line(request.form.get(f"then-{number}", ""))[:300]
            if not title:
                continue
            try:
                days = whole_number(request.form.get(f"days-{number}", "").strip())
            except ValueError as error:
                raise Refused(_("Give the days as a whole number."), "then") from error
            found.append({"title": title, "days": days})
        return found


class HandOutForm(TaskForm):
    """Who gets what, in one step."""

    client_key = form_key()
    channel = choice(_l("What it is logged as"), choices=[])
    campaign = choice(_l("Campaign"), choices=[])
    aim = RadioField(_l("To whom"), choices=[], default="campaign")
    target_list = choice(_l("List"), choices=[], validate_choice=False)
    chosen = long_text(_l("Targets, one a line"), most=60_000)
    who = RadioField(_l("Who does it"), choices=[], default="ticked")
    members = SelectMultipleField(_l("Members"), coerce=an_id, validate_choice=False)
    team = choice(_l("Team"), choices=[], validate_choice=False)
    how = RadioField(_l("How it is shared out"), choices=_EACH, default=How.ALL.value)
    pieces = WholeNumber(
        _l("Pieces"), read=whole_number, default=1, validators=[InputRequired(_l("Give a number."))]
    )


class ManyForm(Form):
    """What is done with the ticked tasks."""

    do = HiddenField(validators=[InputRequired()])
    due_on = day(_l("New day"))
    reason = text(_l("Why"), most=300)
    whole_series = BooleanField(_l("And what would come again"))
    to = SelectMultipleField(_l("Members"), coerce=an_id, validate_choice=False)
