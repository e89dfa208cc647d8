"""Shapes of what is typed about targets, and of the filter in an address."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, MultipleFileField
from wtforms import HiddenField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf

from crm.core.forms import Form, choice, day, long_text, parse_id, text
from crm.targets import rules
from crm.targets.handover import Choice
from crm.targets.queries import TargetFilter

#: Name in the address → field of the filter. `committee` and `list` are numbers.
_FILTER = {
    "q": "q",
    "kind": "kind",
    "chamber": "chamber",
    "state": "area",
    "party": "party",
    "committee": "committee",
    "region": "region",
    "list": "list_id",
    "country": "country",
}


def filter_from(args: Mapping[str, str]) -> TargetFilter:
    """The filter an address asks for: `?chamber=us/senate&state=WV`; nonsense does not narrow."""
    values: dict[str, Any] = {}
    for name, field in _FILTER.items():
        value = args.get(name, "").strip()[:200]
        if not value or "\x00" in value:
            continue
        if name in ("committee", "list"):
            if (number := parse_id(value)) is not None:
                values[field] = number
        else:
            values[field] = value
    return TargetFilter(**values)


def filter_args(wanted: TargetFilter) -> dict[str, Any]:
    """The filter as parts of an address; the way back."""
    values = {name: getattr(wanted, field) for name, field in _FILTER.items()}
    return {name: value for name, value in values.items() if value is not None}


def _offered(words: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]


class TargetForm(Form):
    """A target kept by hand. Which of the names it needs depends on the kind."""

    kind = choice(_l("Kind"), required=True, choices=_offered(rules.KINDS), default="official")
    given_name = text(_l("Given name"), most=100)
    additional_name = text(_l("Middle name"), most=100)
    family_name = text(_l("Family name"), most=100)
    suffix = text(_l("Suffix"), most=20, description=_l("Such as Jr. or III."))
    name = text(
        _l("Name"), description=_l("Of a government, body or company. People have the parts above.")
    )
    nickname = text(_l("Also known as"), most=200)
    salutation = text(
        _l("Salutation"),
        most=100,
        description=_l("As a letter begins: Senator Capito, Excellency."),
    )
    country = text(_l("Country"), most=2, description=_l("Two letters, such as US or NU."))
    note = long_text(_l("Note"), most=5000)


class OfficeForm(Form):
    """An office a target holds or held."""

    body = text(_l("Institution"), required=True, description=_l("Such as Embassy of Lithuania."))
    office = text(_l("Office"), required=True, description=_l("Such as Ambassador."))
    area = text(_l("State or area"), most=60)
    party = text(_l("Party"), most=60)
    starts_on = day(_l("Since"))
    ends_on = day(_l("Until"), description=_l("Empty while in office."))


class NoteForm(Form):
    """What may be changed of an imported target."""

    note = long_text(_l("Note"), most=5000)


class ContactForm(Form):
    """A way to reach a target."""

    kind = choice(_l("Kind"), required=True, choices=_offered(rules.CONTACT_KINDS))
    label = text(
        _l("Where or what"), most=100, required=True,
        description=_l("Such as DC, Charleston, Office of the Ambassador."),
    )  # fmt: skip
    value = long_text(
        _l("Number, address or link"), most=1000, required=True,
        description=_l("A postal address line by line."),
    )  # fmt: skip
    source = text(_l("Source"), description=_l("Where you have it from: a website, a phone call."))


class ListForm(Form):
    """A list's name; on a new one also names typed one a line, or a rule."""

    name = text(_l("Name of the list"), most=100, required=True)
    note = text(_l("Note"), most=500)
    as_of = day(_l("As of"))


class KeptListForm(ListForm):
    """What can be changed of a list: also whose it is. Owners are offered by the view."""

    owner_id = choice(_l("Owner"), coerce=lambda value: int(value) if value else None)


class FreezeForm(Form):
    """A rule's targets of a day, kept under a name."""

    name = text(_l("Name of the fixed list"), most=100, required=True)
    on = day(_l("Day"), required=True)


class NamesForm(Form):
    """Targets typed one a line."""

    names = long_text(
        _l("Names, one a line"),
        most=20_000,
        required=True,
        description=_l("Such as Sen. Capito, or Niue."),
    )


class NewListForm(ListForm, NamesForm):
    """A list made from the present filter or from typed names."""


def _states() -> list[SelectChoice]:
    named = sorted((rules.area_name(area), area) for area in rules.STATES)
    return [SelectChoice("", _l("Choose a state")), *(SelectChoice(a, name) for name, a in named)]


class ImportForm(Form):
    """Which import, and the files of one."""

    what = HiddenField(validators=[AnyOf(["congress", "files", "state", "governments"])])
    files = MultipleFileField(_l("Files"))
    #: Of a state's legislature: which, and the zip, where one is sent.
    state = choice(_l("State"), choices=_states())
    archive = FileField(_l("A zip of its files"))
    #: `look` says what would change and keeps nothing; `csv` says it as a file.
    do = HiddenField(default="import", validators=[AnyOf(["import", "look", "csv"])])
    #: After a look: where the files are kept, and what was seen.
    kept = HiddenField()
    seen = HiddenField()


class HandoverForm(Form):
    """What is to be handed over: ticks, each `provider:key:from:post`, and to whom of a post."""

    def choices(self, sent: Any) -> list[Choice]:
        """What was ticked; what is none of it is left out."""
        found = []
        for tick in sent.getlist("ticks"):
            parts = tick.split(":")
            if len(parts) != 4:
                continue
            provider, key, from_id, post_id = parts
            ids = (parse_id(from_id), parse_id(sent.get(f"to:{post_id}")))
            if ids[0] is not None and ids[1] is not None:
                found.append(Choice(provider, key, ids[0], ids[1]))
        return found


def chosen(matches: Sequence[rules.Match], sent: Mapping[str, str]) -> tuple[list[int], bool]:
    """Ids of the sure and of those chosen for doubtful lines, and whether every line is settled.

    A doubtful line's choice is sent as `choice:<line>`: an offered id, or `skip`.
    """
    ids: list[int] = []
    settled = True
    for match in matches:
        if match.target_id is not None:
            ids.append(match.target_id)
            continue
        answer = sent.get(f"choice:{match.line}", "")
        offered = {str(each.target_id): each.target_id for each in match.candidates}
        if answer in offered:
            ids.append(offered[answer])
        elif answer != "skip":
            settled = False
    return list(dict.fromkeys(ids)), settled
