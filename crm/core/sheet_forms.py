"""What is said of a spreadsheet in every room: the file, how it is read, the choices."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms.fields.choices import SelectChoice

from crm.core.columns import Field
from crm.core.forms import Form, choice, long_text, parse_id
from crm.core.judged import CHOICES
from crm.core.sheets import DELIMITERS, ENCODINGS, Reading, Table

#: Rows of the beginning the head may be chosen from.
_HEADS = 15

#: What a verdict is called, and how it looks.
VERDICT_WORDS = {
    "error": (_l("Error"), "badge-bad"),
    "duplicate": (_l("Here already?"), "badge-warn"),
    "update": (_l("Update"), ""),
    "new": (_l("New"), "badge-good"),
    "unchanged": (_l("Unchanged"), "badge-plain"),
}
CHOICE_WORDS = {
    "skip": _l("Leave out"),
    "update": _l("Update that one"),
    "new": _l("Add as new"),
}


class UploadForm(Form):
    """A file, or rows copied out of one."""

    file = FileField(
        _l("File"),
        description=_l("CSV, XLSX or ODS with a row for each, at most 50 MB."),
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


def dates_choice() -> Any:
    """Asks what comes first in dates that leave it open."""
    return choice(_l("Dates such as 03/04/2026"), choices=[
        SelectChoice("", _l("As the file shows")),
        SelectChoice("day", _l("Day first: 3 April")),
        SelectChoice("month", _l("Month first: March 4")),
    ])  # fmt: skip


def field_choices(fields: Sequence[Field]) -> list[tuple[str, Any]]:
    """What a column can be."""
    return [("", _("– leave out –")), *((field.name, field.label) for field in fields)]


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
