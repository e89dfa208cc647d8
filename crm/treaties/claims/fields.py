"""What is wrong with a text whatever the ledger says: dates whose weekday does not fit, dates that
do not exist, fields nobody filled in."""

import re
from datetime import date

from flask_babel import format_date
from flask_babel import gettext as _

from crm.treaties.claims.dates import Written, day_of, years_that_fit
from crm.treaties.claims.reading import Reading, Verdict, day

#: What stands where somebody should have written something.
_FIELDS = re.compile(
    r"\(\((?P<double>[^()\n]{1,60})\)\)"
    r"|\{\{(?P<curly>[^{}\n]{1,60})\}\}"
    r"|<<(?P<angle>[^<>\n]{1,60})>>"
    r"|\[(?P<square>[^\[\]\n]{1,80})\](?!\()"
    r"|(?P<line>_{3,})"
    r"|(?<![\w-])(?P<cross>X{2,4})(?![\w-])"
    r"|(?<![\w.])(?P<later>TBC|TBD|TBA|tbc|tbd|tba)(?!\w)"
    r"|(?P<marked>highlighted\sin\s(?:yellow|grey|gray|red|green|blue)|lorem\sipsum)"
)
_ASKS = re.compile(
    r"(?i:\b(?:insert|your|add|enter|fill|name|date|title|signature|address|country|city|state|"
    r"e-?mail|phone|number|school|organi[sz]ation|contact|link|url|location|place|time|"
    r"ambassador|senator|representative|minister|tbc|tbd|xx+)\b)"
)
_NO_FIELD = re.compile(
    r"(?i:\s*(?:sic|emphasis|translation|unofficial|applause|laughter|inaudible|and|the)\b.*)"
)


def find(reading: Reading) -> None:
    """Look through the dates and for fields."""
    for written in reading.dates:
        _date(reading, written)
    for match in _FIELDS.finditer(reading.text):
        _field(reading, match)


def _field(reading: Reading, match: re.Match[str]) -> None:
    inside = match["square"]
    if inside is not None:
        capitals = inside.isupper() and len(inside) > 2
        if not (capitals or _ASKS.search(inside)) or (_NO_FIELD.fullmatch(inside) and not capitals):
            return
    reading.add(
        "field",
        match.span(),
        says=match[0],
        ledger=None,
        verdict=Verdict.WRONG,
        message=_("%(field)s has not been filled in.", field=match[0]),
    )


def _date(reading: Reading, written: Written) -> None:
    if not written.exists:
        reading.add(
            "date",
            (written.start, written.end),
            says=written.text,
            ledger=None,
            verdict=Verdict.WRONG,
            message=_no_such_day(written),
        )
    elif written.weekday is not None:
        _weekday(reading, written)


def _no_such_day(written: Written) -> str:
    if written.month == 2 and written.day == 29:
        return _("%(date)s does not exist: %(year)s is no leap year.",
                 date=written.text, year=written.year)  # fmt: skip
    if not 1 <= written.month <= 12:
        return _("%(date)s does not exist: there is no month %(month)s.",
                 date=written.text, month=written.month)  # fmt: skip
    last = next(
        number for number in (31, 30, 29) if day_of(written.year or 2024, written.month, number)
        or number == 29
    )  # fmt: skip
    month = format_date(date(2024, written.month, 1), "MMMM")
    if written.month == 2 and written.year and not day_of(written.year, 2, 29):
        last = 28
    return _("%(date)s does not exist: %(month)s has %(days)s days.",
             date=written.text, month=month, days=last)  # fmt: skip


def _weekday(reading: Reading, written: Written) -> None:
    if written.weekday is None:
        return
    span = (written.start, written.end)
    said = _name(written.weekday)
    days = [written.on] if written.on else []
    if written.year and written.other and (turned := day_of(written.year, *written.other)):
        days.append(turned)
    if written.year is None:
        _without_year(reading, written, written.weekday)
        return
    if any(each and each.weekday() == written.weekday for each in days):
        reading.add(
            "weekday", span, says=said, ledger=said, verdict=Verdict.RIGHT,
            message=_("%(date)s: the weekday is right.", date=written.text),
        )  # fmt: skip
        return
    on = next(each for each in days if each)
    fitting = _fitting(written, written.year, written.weekday, reading.on)
    message = _("%(date)s was a %(right)s, not a %(said)s.",
                date=day(on), right=_name(on.weekday()), said=said)  # fmt: skip
    if on > reading.on:
        message = _("%(date)s is a %(right)s, not a %(said)s.",
                    date=day(on), right=_name(on.weekday()), said=said)  # fmt: skip
    if fitting:
        years = [str(year) for year in fitting]
        message += " " + (
            _("%(year)s fits.", year=years[0])
            if len(years) == 1
            else _("%(year)s fits, and so does %(others)s.",
                   year=years[0], others=" / ".join(years[1:]))
        )  # fmt: skip
    reading.add(
        "weekday", span, says=said, ledger=_name(on.weekday()), verdict=Verdict.WRONG,
        message=message,
    )  # fmt: skip


def _fitting(written: Written, year: int, weekday: int, on: date) -> list[int]:
    """Years in which the weekday fits: next to the text's day, next to the written year, and those
    that differ from it in one digit; the nearest to the text's day first."""
    found = {*years_that_fit(written.month, written.day, weekday, on.year)[:1]}
    found |= {*years_that_fit(written.month, written.day, weekday, year)[:1]}
    for place in (10, 1):
        for digit in range(10):
            other = year - year // place % 10 * place + digit * place
            fits = day_of(other, written.month, written.day)
            if other != year and fits and fits.weekday() == weekday and abs(other - on.year) < 30:
                found.add(other)
    return sorted(found, key=lambda each: (abs(each - on.year), -each))[:3]


def _without_year(reading: Reading, written: Written, weekday: int) -> None:
    """A date without its year is of the text's year, or of the next where that day has passed."""
    said = _name(weekday)
    near = reading.on.year
    for year in (near, near + 1):
        on = day_of(year, written.month, written.day)
        if on and on.weekday() == weekday and (year == near or on.month < 7):
            reading.add(
                "weekday", (written.start, written.end), says=said, ledger=said,
                verdict=Verdict.RIGHT,
                message=_("%(date)s is a %(said)s in %(year)s.",
                          date=written.text, said=said, year=year),
            )  # fmt: skip
            return
    on = day_of(near, written.month, written.day)
    fitting = years_that_fit(written.month, written.day, weekday, near)
    reading.add(
        "weekday", (written.start, written.end), says=said,
        ledger=_name(on.weekday()) if on else None, verdict=Verdict.CANNOT_TELL,
        message=_("%(date)s has no year. In %(near)s it is a %(right)s, not a %(said)s; "
                  "%(years)s fits.",
                  date=written.text, near=near, right=_name(on.weekday()) if on else "–", said=said,
                  years=" / ".join(str(year) for year in fitting)),
    )  # fmt: skip


def _name(weekday: int) -> str:
    return str(format_date(date(2024, 1, 1 + weekday), "EEEE"))
