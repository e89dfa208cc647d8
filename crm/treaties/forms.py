"""Shapes of what is typed about the treaties, and of the day in an address."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from crm.core.forms import Form, WholeNumber, an_id, choice, day, long_text, text
from crm.core.i18n import today
from crm.treaties import rules
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.meetings import BY_STATUS, CAPACITIES, KINDS, MODES

#: Between which years a day can be asked for: what lies outside is a slip of the fingers.
YEARS = (1900, 2100)


@dataclass(frozen=True)
class DayAsked:
    """The day a page is asked for."""

    day: date
    #: As the address gave it, to be carried along; None for today.
    given: str | None
    #: What was asked for and is no day.
    wrong: str | None = None

    @property
    def is_today(self) -> bool:
        """Whether it is the reader's today."""
        return self.given is None


def asked_day() -> DayAsked:
    """`?on=2020-11-25` of the address; today where there is none, and for what is no day."""
    typed = request.args.get("on", "").strip()[:20]
    if not typed:
        return DayAsked(today(), None)
    try:
        if len(typed) != 10 or typed[7] != "-":
            raise ValueError(typed)
        found = date.fromisoformat(typed)
        if not YEARS[0] <= found.year <= YEARS[1]:
            raise ValueError(typed)
    except ValueError:
        return DayAsked(today(), None, wrong=typed.replace("\x00", ""))
    return DayAsked(found, found.isoformat() if found != today() else None)


def number_asked(name: str) -> int | None:
    """A whole number from 1 to 999 of the address; None for anything else."""
    typed = request.args.get(name, "").strip()
    if typed.isascii() and typed.isdigit() and len(typed) < 4 and int(typed):
        return int(typed)
    return None


def _sane(_form: Any, field: Any) -> None:
    """What lies centuries away would leave the calendar when months are added to it."""
    if field.data and not YEARS[0] <= field.data.year <= YEARS[1]:
        raise ValidationError(
            _("Give a day between %(first)s and %(last)s.", first=YEARS[0], last=YEARS[1])
        )


def _year(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) == 4):
        raise ValueError(_("Give a year, such as 2020."))
    return int(typed)


def _offered(found: Any) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in found]


def _articles() -> list[SelectChoice]:
    by_article: dict[str, list[str]] = {}
    for treaty in INSTRUMENTS.values():
        for deadline in treaty.deadlines:
            by_article.setdefault(deadline.article, []).append(f"{treaty.key}: {deadline.label}")
    return [
        SelectChoice(article, f"{article} ({'; '.join(labels)})")
        for article, labels in sorted(by_article.items())
    ]


class EventForm(Form):
    """What a state did. Which of the last fields it needs depends on the kind."""

    treaty = choice(
        _l("Treaty"), required=True,
        choices=_offered([("", _l("Choose…")), *((k, t.short) for k, t in INSTRUMENTS.items())]),
    )  # fmt: skip
    #: The states are offered by the view.
    target = choice(_l("State"), required=True, coerce=lambda value: an_id(value) if value else "")
    kind = choice(
        _l("What happened"), required=True,
        choices=_offered([
            ("", _l("Choose…")),
            *((kind, label) for kind, label in rules.KIND_LABELS.items() if kind != "retraction"),
        ]),
    )  # fmt: skip
    happened_on = day(
        _l("Day"), required=True,
        description=_l("Of consent and withdrawal: the day the instrument was deposited."),
    )  # fmt: skip
    day_unknown = BooleanField(_l("The day is not known; this is the first day a source shows it"))
    until = day(_l("Extended until"), description=_l("Of an extension."))
    article = choice(
        _l("Article"), description=_l("Of extensions and declarations."), validate_choice=False
    )
    year = WholeNumber(_l("Year covered"), read=_year, description=_l("Of a transparency report."))
    source = text(
        _l("Source"), most=500, required=True,
        description=_l("Who says so: the depositary's notification C.N.…, a page, a statement."),
    )  # fmt: skip
    link = text(_l("Link"), most=500)
    note = long_text(_l("Note"), most=2000)

    validate_happened_on = validate_until = _sane

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.article.choices = [SelectChoice("", _("None")), *_articles()]

    def details(self) -> dict[str, Any]:
        """What operations take of an event, treaty and state aside."""
        return {
            "kind": self.kind.data,
            "happened_on": self.happened_on.data,
            "day_known": not self.day_unknown.data,
            "until": self.until.data,
            "article": self.article.data,
            "year": self.year.data,
            "source": self.source.data,
            "link": self.link.data or None,
            "note": self.note.data or None,
        }


class RetractForm(Form):
    """Why an entry should never have been made."""

    reason = text(_l("Why"), most=500, required=True)


class DatesForm(Form):
    """When and where a meeting is held."""

    starts_on = day(_l("First day"), required=True)
    ends_on = day(_l("Last day"), required=True)
    place = text(_l("Place"))
    mode = choice(_l("How"), required=True, choices=_offered(MODES.items()), default="in person")
    note = text(
        _l("Note"), most=500,
        description=_l("Such as: in two parts, 25–27 November 2020 and 4–5 February 2021."),
    )  # fmt: skip
    source = text(_l("Source"), most=500, required=True)

    validate_starts_on = validate_ends_on = _sane

    def dates(self) -> dict[str, Any]:
        """What operations take of a meeting's days."""
        return {
            "starts_on": self.starts_on.data,
            "ends_on": self.ends_on.data,
            "place": self.place.data or None,
            "mode": self.mode.data,
            "note": self.note.data or None,
            "source": self.source.data,
        }


class MeetingForm(DatesForm):
    """A meeting, and when and where it is held."""

    treaty = choice(
        _l("Treaty"), required=True, choices=_offered((k, t.short) for k, t in INSTRUMENTS.items())
    )
    kind = choice(_l("Kind"), required=True, choices=_offered(KINDS.items()))
    key = text(
        _l("Short name"), most=20, required=True, description=_l("Such as 18MSP or 2RevCon.")
    )
    name = text(_l("Name"), most=200, required=True)


class AttendanceForm(Form):
    """Who took part: ticked, or pasted one a line."""

    capacity = choice(
        _l("In which capacity"), required=True, default=BY_STATUS,
        choices=_offered([
            (BY_STATUS, _l("As each stood to the treaty on the first day")), *CAPACITIES.items(),
        ]),
    )  # fmt: skip
    names = long_text(
        _l("States, one a line"), most=20_000,
        description=_l("Paste a list of participants: names or codes."),
    )  # fmt: skip
    source = text(_l("Source"), most=500)
