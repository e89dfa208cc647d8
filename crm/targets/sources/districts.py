"""Tables from ZIPs (ZCTAs) to congressional districts, read without trusting them.

Two are known by their head: the Census Bureau's relationship file, a pipe between its columns
(`tab20_cd11920_zcta520_natl.txt`), and `zccd.csv` of OpenSourceActivismTech/us-zipcodes-congress.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from flask_babel import gettext as _

from crm.core.errors import Refused
from crm.targets.district_rules import (
    CONGRESSES,
    SEATS,
    has_district,
    is_area,
    short,
)
from crm.targets.sources.reading import MAX_BYTES, fetch

#: The Congress of a CSV file that does not say.
CONGRESS = 119
#: From so many rows on a file is meant to hold the whole country.
_WHOLE = 10_000

_STATES = {
    "01": "AL", "02": "AK", "04": "AZ", "05": "AR", "06": "CA", "08": "CO", "09": "CT", "10": "DE",
    "11": "DC", "12": "FL", "13": "GA", "15": "HI", "16": "ID", "17": "IL", "18": "IN", "19": "IA",
    "20": "KS", "21": "KY", "22": "LA", "23": "ME", "24": "MD", "25": "MA", "26": "MI", "27": "MN",
    "28": "MS", "29": "MO", "30": "MT", "31": "NE", "32": "NV", "33": "NH", "34": "NJ", "35": "NM",
    "36": "NY", "37": "NC", "38": "ND", "39": "OH", "40": "OK", "41": "OR", "42": "PA", "44": "RI",
    "45": "SC", "46": "SD", "47": "TN", "48": "TX", "49": "UT", "50": "VT", "51": "VA", "53": "WA",
    "54": "WV", "55": "WI", "56": "WY", "60": "AS", "66": "GU", "69": "MP", "72": "PR", "78": "VI",
}  # fmt: skip
_CENSUS_HEAD = re.compile(r"GEOID_CD(\d{3})_20")
_NAMED = re.compile(r"(?:cd|congress)[-_ ]?(1\d\d)(?!\d)", re.IGNORECASE)
#: Codes of the Census for a seat at large and for a delegate's.
_AT_LARGE = frozenset({"00", "98"})

#: A ZIP, a state or territory, its district.
Pair = tuple[str, str, int]


@dataclass
class Districts:
    """What a file gave, checked: each pair once, in the file's order."""

    congress: int
    origin: str
    pairs: list[Pair]
    warnings: list[str] = field(default_factory=list)


def read(place: str, *, congress: int | None = None) -> Districts:
    """Read a file or an https address. Raises `Refused` with a sentence."""
    if "://" in place:
        parts = urlsplit(place)
        if parts.scheme != "https" or not parts.hostname:
            raise Refused(_("Only https addresses are read, not %(place)s.", place=place))
        content = fetch(place)
        if content is None:
            raise Refused(_("There is nothing at %(address)s.", address=place))
        return parse(PurePosixPath(parts.path).name, content, congress=congress, origin=place)
    path = Path(place).expanduser()
    if not path.is_file():
        raise Refused(_("There is no file %(place)s.", place=place))
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(
            _("%(file)s cannot be read: %(why)s.", file=path.name, why=error.strerror)
        ) from error
    return parse(path.name, content, congress=congress, origin=place)


def parse(
    name: str, content: bytes, *, congress: int | None = None, origin: str | None = None
) -> Districts:
    """Parse a table by its head. Raises `Refused` naming the file, the row and the field."""
    name = "".join(c for c in Path(name).name if c.isprintable())[:100]
    if len(content) > MAX_BYTES:
        raise Refused(
            _("%(file)s is larger than %(most)s MB.", file=name, most=MAX_BYTES // 1024 // 1024)
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            _("%(file)s is not UTF-8 text (byte %(byte)s).", file=name, byte=error.start)
        ) from error
    first = text.partition("\n")[0]
    head = [cell.strip().strip('"') for cell in first.split("|" if "|" in first else ",")]
    told = next((found[1] for cell in head if (found := _CENSUS_HEAD.fullmatch(cell))), None)
    if told and "GEOID_ZCTA5_20" in head:
        number = _congress(name, int(told), congress)
        rows = _census_rows(name, text, head, told)
    elif {"state_abbr", "zcta", "cd"} <= set(head):
        in_name = _NAMED.search(name)
        number = _congress(name, int(in_name[1]) if in_name else None, congress)
        rows = _csv_rows(name, text, head)
    else:
        raise Refused(
            _("%(file)s is no table of districts that can be read. Its first line must be that of "
              "the Census relationship file (GEOID_CD119_20|…|GEOID_ZCTA5_20|…) or "
              "state_fips,state_abbr,zcta,cd.", file=name)
        )  # fmt: skip
    pairs = _checked(name, rows, number)
    if not pairs:
        raise Refused(_("%(file)s has a head and no rows: it looks cut off.", file=name))
    table = Districts(number, origin or name, pairs)
    _look_whole(name, table, ends=text.endswith("\n"))
    return table


def _congress(name: str, told: int | None, wanted: int | None) -> int:
    if told and wanted and told != wanted:
        raise Refused(
            _("%(file)s is of the %(told)sth Congress, not the %(wanted)sth.",
              file=name, told=told, wanted=wanted)
        )  # fmt: skip
    number = wanted or told or CONGRESS
    if number not in CONGRESSES:
        raise Refused(_("There is no %(number)sth Congress to be read.", number=number))
    return number


#: Row number in the file, state, ZIP, district; each as it is written there.
Row = tuple[int, str, str, str]


def _lines(name: str, text: str, head: Sequence[str], sign: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=sign, strict=True)
    try:
        for cells in reader:
            number = reader.line_num
            if number == 1 or not cells:
                continue
            if len(cells) != len(head):
                values = {"file": name, "row": number, "cells": len(cells), "head": len(head)}
                if len(cells) < len(head):
                    raise Refused(
                        _("%(file)s: row %(row)s has %(cells)s fields instead of %(head)s: "
                          "it looks cut off.", **values)
                    )  # fmt: skip
                raise Refused(
                    _("%(file)s: row %(row)s has %(cells)s fields instead of %(head)s.", **values)
                )
            yield number, cells
    except csv.Error as error:
        raise Refused(
            _("%(file)s is broken at line %(line)s: %(why)s.",
              file=name, line=reader.line_num, why=error)
        ) from error  # fmt: skip


def _census_rows(name: str, text: str, head: Sequence[str], congress: str) -> Iterator[Row]:
    at_district, at_zip = head.index(f"GEOID_CD{congress}_20"), head.index("GEOID_ZCTA5_20")
    for number, cells in _lines(name, text, head, "|"):
        code, zcta = cells[at_district].strip(), cells[at_zip].strip()
        # Ground outside every ZCTA, and water that belongs to no district.
        if not zcta or not code or code.endswith("ZZ"):
            continue
        if len(code) != 4:
            raise _wrong(name, number, head[at_district], _("is not four characters: %(value)s",
                                                            value=code))  # fmt: skip
        area = _STATES.get(code[:2])
        if area is None:
            raise _wrong(name, number, head[at_district], _("begins with no state's number: "
                                                            "%(value)s", value=code))  # fmt: skip
        yield number, area, zcta, "0" if code[2:] in _AT_LARGE else code[2:]


def _csv_rows(name: str, text: str, head: Sequence[str]) -> Iterator[Row]:
    places = [head.index(column) for column in ("state_abbr", "zcta", "cd")]
    at_fips = head.index("state_fips") if "state_fips" in head else None
    for number, cells in _lines(name, text, head, ","):
        area, zcta, district = (cells[place].strip() for place in places)
        if not is_area(area):
            raise _wrong(name, number, "state_abbr", _("is no state: %(value)s", value=area))
        if at_fips is not None and _STATES.get(cells[at_fips].strip()) != area:
            raise _wrong(
                name, number, "state_fips",
                _("is not the number of %(state)s: %(value)s", state=area, value=cells[at_fips]),
            )  # fmt: skip
        yield number, area, zcta, district


def _checked(name: str, rows: Iterator[Row], congress: int) -> list[Pair]:
    seen: dict[Pair, int] = {}
    for number, area, zcta, district in rows:
        if not (len(zcta) == 5 and zcta.isascii() and zcta.isdigit()):
            raise _wrong(name, number, "ZIP", _("is not five digits: %(value)s", value=zcta))
        if not (district.isascii() and district.isdigit() and len(district) < 3):
            raise _wrong(name, number, "district", _("is not a number: %(value)s", value=district))
        pair = (zcta, area, int(district))
        if not has_district(area, pair[2], congress):
            raise _wrong(
                name, number, "district", _("is none of %(state)s's: %(value)s",
                                            state=area, value=district)
            )  # fmt: skip
        if pair in seen:
            raise Refused(
                _("%(file)s: row %(row)s says %(zip)s %(district)s again, as row %(first)s does.",
                  file=name, row=number, zip=zcta, district=short(area, pair[2]), first=seen[pair])
            )  # fmt: skip
        seen[pair] = number
    return list(seen)


def _wrong(name: str, row: int, column: str, what: str) -> Refused:
    return Refused(
        _("%(file)s: row %(row)s: %(field)s %(what)s.", file=name, row=row, field=column, what=what)
    )


def _look_whole(name: str, found: Districts, *, ends: bool) -> None:
    """Refuse a large file that was cut off; say of a small one that it is not the country."""
    missing = sorted(({*SEATS, "DC", "PR"}) - {area for _zip, area, _district in found.pairs})
    if len(found.pairs) >= _WHOLE:
        if missing:
            raise Refused(
                _("%(file)s has no row of %(states)s: it looks cut off.",
                  file=name, states=", ".join(missing))
            )  # fmt: skip
        if not ends:
            raise Refused(_("%(file)s ends within a line: it looks cut off.", file=name))
    elif missing:
        found.warnings.append(
            _("%(file)s has no row of %(number)s states and territories; their ZIPs will be "
              "answered by state.", file=name, number=len(missing))
        )  # fmt: skip
