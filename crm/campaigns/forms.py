"""The shape of what is typed about a campaign; its asks and goals are rows of the same form."""

from collections.abc import Iterator, Sequence
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FieldList, FormField, HiddenField, SelectField, SelectMultipleField
from wtforms import Form as Row
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from crm.campaigns.models import Campaign
from crm.campaigns.rules import MOST_ROWS, PAPER_TO, AskDraft, GoalDraft
from crm.core.forms import Form, WholeNumber, choice, day, long_text, parse_id, text

#: Empty rows offered after those that are filled.
EXTRA_ROWS = 3
#: What a choice begins with that is a figure of the treaty ledger and no channel.
FIGURE = "figure:"


def _id(value: Any) -> int | None:
    # Of a row that is not sent but filled from the database it is a number already.
    return value if isinstance(value, int) else parse_id(value)


def _number(typed: str) -> int:
    number = parse_id(typed)
    if number is None:
        raise ValueError(_("Write a whole number, such as 150."))
    return number


def _counts(chosen: str | None) -> dict[str, str | None]:
    """What a goal counts, of what was chosen: a channel, a figure, or neither for all kinds."""
    if chosen and chosen.startswith(FIGURE):
        return {"channel": None, "figure": chosen.removeprefix(FIGURE)}
    return {"channel": chosen, "figure": None}


class Rows(FieldList):
    """Rows of a small form; its errors are sentences that name the row."""

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        # WTForms takes `²` and five thousand nines for row numbers, and fails to read them.
        for name in formdata:
            number, dash, _field = name.removeprefix(f"{prefix}-").partition("-")
            row = parse_id(number)
            if name.startswith(f"{prefix}-") and dash and row is not None:
                yield row

    def validate(self, form: Any, extra_validators: Sequence[Any] = ()) -> bool:
        """Check every row."""
        if super().validate(form, extra_validators):
            return True
        told: list[str] = []
        rows: Sequence[Any] = self.errors  # type: ignore[has-type]
        for number, errors in enumerate(rows, start=1):
            if isinstance(errors, dict):
                sentences = " ".join(str(each) for field in errors.values() for each in field)
                if sentences:
                    told.append(_("Row %(number)s: %(what)s", number=number, what=sentences))
            elif errors:
                told.append(str(errors))
        self.errors = told
        return False


class AskRow(Row):
    """One ask; a row without text is none."""

    id = HiddenField(filters=[_id])
    text = text(_l("What we want of a target"))


class GoalRow(Row):
    """One goal; a row without a number is none."""

    id = HiddenField(filters=[_id])
    number = WholeNumber(_l("How many"), read=_number, validators=[Optional()])
    channel = choice(_l("Of what"))
    due_on = day(_l("By when"))
    source = text(_l("Where the goal comes from"))

    def validate(self, extra_validators: Any = None) -> bool:
        """A row with anything but the kind in it needs its number."""
        fine = super().validate(extra_validators)
        # `raw_data`: what is no number has its own error already.
        typed = self.number.raw_data and self.number.raw_data[0].strip()
        if not typed and (self.due_on.data or self.source.data or self.channel.data):
            self.number.errors = [_("Say how many, or empty the row.")]
            return False
        return fine


class Ticks(SelectMultipleField):
    """Several of a list, as checkboxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class CampaignForm(Form):
    """All of a campaign but its targets. The choices are set by the view."""

    name = text(_l("Name"), required=True, description=_l("What you call it among yourselves."))
    title = text(_l("Title"), description=_l("What the public reads. Empty: the name."))
    summary = text(_l("Summary"), most=300, description=_l("One sentence."))
    description = long_text(_l("Description"))
    starts_on = day(_l("First day"), required=True)
    ends_on = day(_l("Last day"))
    paper_to = SelectField(
        _l("Where paper goes"),
        # Not `InputRequired`: what is not sent stays as it is.
        validators=[DataRequired()],
        default="capital",
        choices=[SelectChoice(value, label) for value, label in PAPER_TO.items()],
        description=_l(
            "Paper to Washington is screened off-site and takes weeks longer. A district office "
            "opens its own mail. Where a target has only one of them, it goes there."
        ),
    )
    chapter_ids = Ticks(_l("Chapters that own it"), coerce=int)
    lead_id = choice(_l("Lead"), coerce=lambda value: int(value) if value else None)
    asks = Rows(FormField(AskRow), label=_l("Asks"), max_entries=MOST_ROWS + EXTRA_ROWS)
    goals = Rows(FormField(GoalRow), label=_l("Goals"), max_entries=MOST_ROWS + EXTRA_ROWS)

    def offer(
        self,
        *,
        chapters: Sequence[tuple[int, str]],
        leads: Sequence[tuple[int, str]],
        measures: Sequence[tuple[str, str]],
        figures: Sequence[tuple[str, str]],
    ) -> None:
        """Set what can be chosen."""
        self.chapter_ids.choices = list(chapters)
        self.lead_id.choices = [("", _("Nobody yet")), *leads]
        for row in self.goals:
            row.form.channel.choices = [
                SelectChoice(value, label, optgroup=group)
                for group, pairs in (
                    (_("Outreach"), [("", _("All kinds")), *measures]),
                    (_("Treaty ledger"), [(f"{FIGURE}{name}", label) for name, label in figures]),
                )
                for value, label in pairs
            ]

    def wanted(self) -> dict[str, Any]:
        """What the operations take, save the chapters."""
        return {
            "name": self.name.data,
            "title": self.title.data or None,
            "summary": self.summary.data or None,
            "description": self.description.data or None,
            "starts_on": self.starts_on.data,
            "ends_on": self.ends_on.data,
            "lead_id": self.lead_id.data,
            "paper_to": self.paper_to.data,
            "asks": [
                AskDraft(id=row["id"], text=row["text"]) for row in self.asks.data if row["text"]
            ],
            "goals": [
                GoalDraft(
                    id=row["id"],
                    number=row["number"],
                    **_counts(row["channel"]),
                    due_on=row["due_on"],
                    source=row["source"] or None,
                )
                for row in self.goals.data
                if row["number"] is not None
            ],
        }


def filled(campaign: Campaign | None) -> dict[str, Any]:
    """What the form shows at first: the campaign, or nothing, and empty rows to fill."""
    empty: list[dict[str, Any]] = [{} for _row in range(EXTRA_ROWS)]
    if campaign is None:
        return {"asks": empty, "goals": empty}
    facts = (
        "name",
        "title",
        "summary",
        "description",
        "starts_on",
        "ends_on",
        "lead_id",
        "paper_to",
    )
    return {
        **{fact: getattr(campaign, fact) for fact in facts},
        "chapter_ids": [chapter.id for chapter in campaign.chapters],
        "asks": [{"id": ask.id, "text": ask.text} for ask in campaign.asks] + empty,
        "goals": [
            {
                "id": goal.id,
                "number": goal.number,
                "channel": f"{FIGURE}{goal.figure}" if goal.figure else goal.channel,
                "due_on": goal.due_on,
                "source": goal.source,
            }
            for goal in campaign.goals
        ]
        + empty,
    }


class TargetsForm(Form):
    """Targets to put on the list or take off: the ticked ones, or all that the filter finds."""

    def ticked(self) -> list[int]:
        """Ids of the ticked ones; what is no id is left out."""
        ids = map(parse_id, request.form.getlist("target_ids"))
        return [number for number in ids if number is not None]

    def means_all(self) -> bool:
        """Whether the button for all was used."""
        return "all" in request.form
