"""The shape of what is typed about strategies: the tree as lines, an indicator with its plan."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from babel.numbers import NumberFormatError, parse_decimal
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FormField, StringField
from wtforms import Form as Row
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from crm.campaigns import indicator_rules, indicators, outline, strategies
from crm.campaigns.forms import Rows, Ticks
from crm.campaigns.models import Indicator, Strategy
from crm.campaigns.strategies import ValueDraft
from crm.core.forms import Form, choice, day, long_text, text

#: Rows for targets a form offers beside those it has.
TARGET_ROWS = 3


class Amount(StringField):
    """A number as people write it: `1,500`, `12.5`, `12 %`. `data` is a float, or None."""

    def process_formdata(self, valuelist: Any) -> None:
        """Read the number; what is none comes back as it was typed."""
        typed = valuelist[0].replace("%", "").replace(" ", "").strip() if valuelist else ""
        self.data = None
        if not typed:
            return
        try:
            number = float(parse_decimal(typed, locale=get_locale() or "en"))
        except (NumberFormatError, OverflowError) as error:
            raise ValueError(_("Write a number, such as 150 or 12.5.")) from error
        if not abs(number) <= indicator_rules.MOST:
            raise ValueError(_("This number is too large."))
        self.data = number

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:g}"


def _id(value: Any) -> int | None:
    return int(value) if value else None


class StrategyForm(Form):
    """All of a strategy but its indicators. The chapters are set by the view."""

    name = text(_l("Name"), required=True, description=_l("Such as “Strategy 2026–2029”."))
    summary = long_text(
        _l("In short"), most=1000, description=_l("One to three sentences; reports begin with it.")
    )
    starts_on = day(_l("First day"), required=True)
    ends_on = day(_l("Last day"), required=True)
    chapter_id = choice(_l("Chapter that owns it"), required=True, coerce=_id)
    outline = long_text(
        _l("Goals and objectives"),
        most=30_000,
        description=_l(
            "One a line, each with its code: “I” before a goal, “1a” before an objective of it. "
            "A line without a code goes on with the one before."
        ),
    )
    approved_on = day(_l("Approved on"))
    approved_by = text(_l("Approved by"), description=_l("Such as the board."))
    document = text(_l("Link to the document"), most=1000)

    def wanted(self) -> dict[str, Any]:
        """What the operations take. Raises `Refused` where the lines cannot be read."""
        return {
            "name": self.name.data,
            "summary": self.summary.data or None,
            "starts_on": self.starts_on.data,
            "ends_on": self.ends_on.data,
            "chapter_id": self.chapter_id.data,
            "goals": outline.read(self.outline.data or ""),
            "approved_on": self.approved_on.data,
            "approved_by": self.approved_by.data or None,
            "document": self.document.data or None,
        }


def filled(strategy: Strategy | None) -> dict[str, Any]:
    """What the form shows at first."""
    if strategy is None:
        return {}
    return {
        **{fact: getattr(strategy, fact) for fact in strategies.FACTS},
        "chapter_id": strategy.chapter_id,
        "outline": outline.write(strategies.drafts_of(strategy)),
    }


class CampaignsForm(Form):
    """Which campaigns work for an objective."""

    campaign_ids = Ticks(_l("Campaigns that work for it"), coerce=int)


class TargetRow(Row):
    """A target or milestone; a row without a number is none."""

    value = Amount(_l("Target"), validators=[Optional()])
    on = day(_l("By when"))
    source = text(_l("Where it comes from"))

    def validate(self, extra_validators: Any = None) -> bool:
        """A number has its day. A day alone is what the form offered."""
        fine = super().validate(extra_validators)
        typed = self.value.raw_data and str(self.value.raw_data[0]).strip()
        if not typed and self.source.data:
            self.value.errors = [_("Write the number, or empty the row.")]
            return False
        if typed and fine and self.on.data is None:
            self.on.errors = [_("Say by when.")]
            return False
        return fine


class IndicatorForm(Form):
    """What an objective is measured by; for a new one its baseline and targets too."""

    count = choice(
        _l("Its value is"),
        description=_l("What the system counts is always of today. All else is entered."),
    )
    unit = text(_l("Unit"), most=40, description=_l("postcards, states, % …"))
    campaign = choice(_l("Of which campaign"))
    channel = choice(_l("Of which channel"))
    figure = choice(_l("Which figure"))
    falls = BooleanField(_l("Less is better"))
    baseline = Amount(_l("Baseline"), validators=[Optional()])
    baseline_on = day(_l("Measured on"))
    baseline_source = text(_l("Where it comes from"))
    targets = Rows(FormField(TargetRow), label=_l("Targets"), max_entries=12)
    # Last: from here on `text` is no longer the function.
    text = text(
        _l("Indicator"), required=True, most=300,
        description=_l("What is measured, such as “States Parties to the treaty”."),
    )  # fmt: skip

    def offer(
        self,
        *,
        campaigns: Sequence[tuple[str, str]],
        channels: Sequence[tuple[str, str]],
        figures: Sequence[tuple[str, str]],
    ) -> None:
        """Set what can be chosen."""
        self.count.choices = [
            ("", _("entered by people, with its source")),
            *(
                SelectChoice(each.name, str(each.label), optgroup=_("counted by the system"))
                for each in indicators.counts().values()
            ),
        ]
        self.campaign.choices = [("", _("All campaigns")), *campaigns]
        self.channel.choices = [("", _("All kinds")), *channels]
        self.figure.choices = [("", _("Choose")), *figures]

    def asking(self, name: str) -> str:
        """The counts that are asked with this, for `data-only-for`."""
        return " ".join(each.name for each in indicators.counts().values() if name in each.asks)

    def wanted(self) -> dict[str, Any]:
        """What the operations take of the indicator itself."""
        return {
            "text": self.text.data,
            "unit": self.unit.data or None,
            "count": self.count.data,
            "asked": {
                name: value
                for name in ("campaign", "channel", "figure")
                if (value := self[name].data)
            },
            "falls": self.falls.data,
        }

    def plan(self) -> list[ValueDraft]:
        """The baseline and the targets that were typed."""
        found = [
            ValueDraft("target", row["value"], row["on"], row["source"] or None)
            for row in self.targets.data
            if row["value"] is not None
        ]
        if self.baseline.data is not None:
            source = self.baseline_source.data or None
            found.insert(0, ValueDraft("baseline", self.baseline.data,
                                       self.baseline_on.data, source))  # fmt: skip
        return found

    def validate(self, extra_validators: Any = None) -> bool:
        """A baseline has its day."""
        fine = super().validate(extra_validators)
        if self.baseline.data is not None and self.baseline_on.data is None:
            self.baseline_on.errors = [*self.baseline_on.errors, _("Say on which day.")]
            return False
        return fine


def of_indicator(indicator: Indicator) -> dict[str, Any]:
    """What the form of an indicator shows at first."""
    return {
        "text": indicator.text,
        "unit": indicator.unit,
        "count": indicator.count or "",
        "falls": indicator.falls,
        **{name: indicator.asked.get(name, "") for name in ("campaign", "channel", "figure")},
    }


class ValueForm(Form):
    """A value of an indicator."""

    kind = choice(_l("What it is"), required=True)
    value = Amount(_l("Value"), validators=[InputRequired(_l("Write the number."))])
    on = day(_l("Of which day"), required=True)
    source = text(
        _l("Where it comes from"),
        description=_l("A report, a page, a count. An actual value needs it."),
    )
    link = text(_l("Link"), most=1000)

    def offer(self, kinds: Iterable[str]) -> None:
        """Set what can be chosen."""
        self.kind.choices = [(each, str(indicator_rules.KINDS[each])) for each in kinds]

    def draft(self) -> ValueDraft:
        """What is to be kept."""
        day_: date = self.on.data
        return ValueDraft(
            self.kind.data or "", self.value.data or 0.0, day_,
            self.source.data or None, self.link.data or None,
        )  # fmt: skip


class WithdrawForm(Form):
    """Why a value was wrong."""

    reason = text(_l("What was wrong with it"), required=True, most=300)
