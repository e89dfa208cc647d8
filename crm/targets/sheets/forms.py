"""Shapes of what is said of a spreadsheet of targets: the file, how it is read, what it means."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms.fields.choices import SelectChoice

from crm.core.forms import Form, choice, long_text, parse_id, text
from crm.core.sheets import DELIMITERS, ENCODINGS, Reading, Table
from crm.targets import rules
from crm.targets.sheets.fields import FIELDS
from crm.targets.sheets.store import CHOICES

#: Rows of the beginning the head may be chosen from.
_HEADS = 15


class UploadForm(Form):
    """A file, or rows copied out of one."""

    file = FileField(
        _l("File"),
        description=_l("CSV, XLSX or ODS with a row for each target, at most 50 MB."),
    )
    pasted = long_text(
        _l("Or paste rows here"),
        most=1_000_000,
        description=_l("Copied from a spreadsheet, with the row that names the columns."),
    )


class ReadingForm(Form):
    """How the file is read, where what was found out is wrong."""

    encoding = choice(_l("How letters are written"))
    delimiter = choice(_l("What parts the cells"))
    sheet = choice(_l("Sheet"))
    head_row = choice(_l("Row that names the columns"))

    def offer(self, table: Table) -> None:
        """Offer what the file leaves to choose, and choose what is so now."""
        if table.kind == "csv":
            del self.sheet
            self.encoding.choices = _choices(ENCODINGS)
            self.delimiter.choices = _choices(DELIMITERS)
            self.encoding.data, self.delimiter.data = table.encoding, table.delimiter
        else:
            del self.encoding, self.delimiter
            self.sheet.choices = [SelectChoice(each, each) for each in table.sheets]
            self.sheet.data = table.sheet
        heads = [pair for pair in table.beginning[:_HEADS] if any(pair[1])]
        self.head_row.choices = [
            SelectChoice(str(number), f"{number}: {', '.join(filter(None, cells))[:60]}")
            for number, cells in heads
        ]
        self.head_row.data = str(table.head_row)


def reading_from(sent: Mapping[str, str]) -> Reading:
    """How a person says the file is to be read; nonsense says nothing."""
    return Reading(
        encoding=sent["encoding"] if sent.get("encoding") in ENCODINGS else None,
        delimiter=sent["delimiter"] if sent.get("delimiter") in DELIMITERS else None,
        sheet=sent.get("sheet", "")[:200].replace("\x00", "") or None,
        head_row=parse_id(sent.get("head_row")),
    )


class MeaningForm(Form):
    """What the rows are, and what holds for all of them."""

    kind = choice(_l("What the rows are"), required=True, choices=[
        SelectChoice(value, label) for value, label in rules.KINDS.items()
    ])  # fmt: skip
    scheme = text(
        _l("Whose keys these are"), most=40,
        description=_l("A short word, such as parlparse. By key a later file finds the same "
                       "targets again. Empty: your own."),
    )  # fmt: skip
    dates = choice(_l("Dates such as 03/04/2026"), choices=[
        SelectChoice("", _l("As the file shows")),
        SelectChoice("day", _l("Day first: 3 April")),
        SelectChoice("month", _l("Month first: March 4")),
    ])  # fmt: skip
    list_name = text(
        _l("Put them on a list"), most=100,
        description=_l("The name of a list that is there, or of a new one."),
    )  # fmt: skip
    body = text(_l("Institution"), description=_l("Such as House of Commons."))
    role = text(_l("Office"), description=_l("Such as Member of Parliament."))
    country = text(_l("Country"), most=60)
    party = text(_l("Party"), most=60)


def field_choices() -> list[tuple[str, Any]]:
    """What a column can be."""
    return [("", _("– leave out –")), *((field.name, field.label) for field in FIELDS)]


def mapping_from(sent: Mapping[str, str], table: Table) -> dict[str, str]:
    """Column → field as chosen: sent as `column-<place>`."""
    return {name: sent.get(f"column-{place}", "") for place, name in enumerate(table.head)}


def choices_from(sent: Mapping[str, str]) -> dict[int, str]:
    """What is to be done with likely duplicates: sent as `choice-<row>`."""
    said = {
        parse_id(name.removeprefix("choice-")): value
        for name, value in sent.items()
        if name.startswith("choice-") and value in CHOICES
    }
    return {number: value for number, value in said.items() if number is not None}


def _choices(words: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(value, label) for value, label in words.items()]
