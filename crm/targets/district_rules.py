"""What is true of congressional districts and ZIPs, without the database.

A ZIP is a mail route, not an area: it may touch several districts, and only the full address says
which. So nobody is ever left out of an answer; it says why there are several.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import format_date, gettext, ngettext

from crm.core.errors import Refused
from crm.targets.rules import STATES, area_name

#: Seats of each state in the House after the census of 2020: the 118th to the 122nd Congress.
SEATS = {
    "AL": 7, "AK": 1, "AZ": 9, "AR": 4, "CA": 52, "CO": 8, "CT": 5, "DE": 1, "FL": 28, "GA": 14,
    "HI": 2, "ID": 2, "IL": 17, "IN": 9, "IA": 4, "KS": 4, "KY": 6, "LA": 6, "ME": 2, "MD": 8,
    "MA": 9, "MI": 13, "MN": 8, "MS": 4, "MO": 8, "MT": 2, "NE": 3, "NV": 4, "NH": 2, "NJ": 12,
    "NM": 3, "NY": 26, "NC": 14, "ND": 1, "OH": 15, "OK": 5, "OR": 6, "PA": 17, "RI": 2, "SC": 7,
    "SD": 1, "TN": 9, "TX": 38, "UT": 4, "VT": 1, "VA": 11, "WA": 10, "WV": 2, "WI": 8, "WY": 1,
}  # fmt: skip
_APPORTIONED = range(118, 123)
#: The district and the territories: a delegate or commissioner, no senators.
DELEGATES = frozenset({"DC", "AS", "GU", "MP", "PR", "VI"})
_ISLANDS = frozenset({"AS", "GU", "MP", "VI"})
#: No state has had more seats than this.
_MOST = 99
_FIRST_CONGRESS = 1789
CONGRESSES = range(100, 200)

#: The House's own finder, for the full address. Nothing of it comes here.
FINDER = "https://www.house.gov/representatives/find-your-representative"

#: Where no ZIP of the first three digits has ground of its own (offices, post boxes) or the table
#: leaves the islands out.
_PREFIXES = {
    "005": "NY", "008": "VI", "055": "MA", "192": "PA", "311": "GA", "332": "FL", "375": "TN",
    "399": "GA", "459": "OH", "509": "IA", "555": "MN", "569": "DC", "649": "MO", "733": "TX",
    "842": "UT", "885": "TX", "889": "NV", "901": "CA", "942": "CA",
}  # fmt: skip
_MILITARY = re.compile(r"09[0-8]|340|96[2-6]")
#: Palau, Micronesia, the Marshall Islands: independent, with American mail.
_ASSOCIATED = re.compile(r"969(39|4[0-4]|[67]\d)")
_ZIP = re.compile(r"(\d{5})(?:[-\s]?\d{4})?")


def read_zip(text: str) -> str:
    """The five digits of a ZIP or ZIP+4 as typed. Raises `Refused` with a sentence."""
    typed = text.strip()
    if found := _ZIP.fullmatch(typed) if typed.isascii() else None:
        return found[1]
    if typed.isascii() and typed.isdigit() and len(typed) in (3, 4):
        raise Refused(
            gettext(
                "%(typed)s has %(number)s digits. If a spreadsheet took the zeros away, ask for "
                "%(whole)s.", typed=typed, number=len(typed), whole=typed.zfill(5),
            ),
            field="zip",
        )  # fmt: skip
    raise Refused(
        gettext("Give a ZIP of the United States: five digits, such as 25705."), field="zip"
    )


def dates_of(congress: int) -> tuple[date, date]:
    """First and last day of a Congress: the 119th is 2025-01-03 to 2027-01-02."""
    year = _FIRST_CONGRESS + 2 * (congress - 1)
    return date(year, 1, 3), date(year + 2, 1, 2)


def has_district(area: str, district: int, congress: int) -> bool:
    """Whether the area has this district; 0 is at large. Raises KeyError for no such area."""
    if area in DELEGATES:
        return district == 0
    if congress not in _APPORTIONED:
        return 0 <= district <= _MOST
    seats = SEATS[area]
    return district == 0 if seats == 1 else 1 <= district <= seats


def districts_of(area: str) -> list[int]:
    """All districts of an area, as after the census of 2020."""
    seats = SEATS.get(area, 1)
    return [0] if seats == 1 else list(range(1, seats + 1))


def short(area: str, district: int) -> str:
    """`WV-2`; at large and a delegate's `WY-AL`."""
    return f"{area}-{district}" if district else f"{area}-AL"


def areas_without_ground(zip_code: str, of_prefix: Sequence[str]) -> tuple[str, ...]:
    """The states a ZIP without ground of its own may lie in.

    `of_prefix` are the states of the ZIPs that begin with the same three digits. Raises `Refused`
    where no member of Congress answers for it.
    """
    if _MILITARY.match(zip_code):
        raise Refused(
            gettext("%(zip)s is a military address. Members of Congress answer for the state "
                    "where its owner is registered to vote: ask for that ZIP.", zip=zip_code),
            field="zip",
        )  # fmt: skip
    if _ASSOCIATED.match(zip_code):
        raise Refused(
            gettext("%(zip)s lies in an independent state with American mail. Nobody in Congress "
                    "represents it.", zip=zip_code),
            field="zip",
        )  # fmt: skip
    if zip_code == "96799":
        return ("AS",)
    if zip_code.startswith("969"):
        return ("MP",) if zip_code.startswith("9695") else ("GU",)
    if of_prefix:
        return tuple(of_prefix)
    if area := _PREFIXES.get(zip_code[:3]):
        return (area,)
    raise Refused(
        gettext("No ZIP begins with %(prefix)s in the table. Is %(zip)s right?",
                prefix=zip_code[:3], zip=zip_code),
        field="zip",
    )  # fmt: skip


@dataclass(frozen=True)
class Vintage:
    """Which districts a table knows, and from when until when they are right."""

    congress: int
    source: str
    starts_on: date
    #: The last day.
    ends_on: date

    def told(self, on: date) -> str:
        """How far the table can be trusted on a day."""
        values = {
            "congress": ordinal(self.congress),
            "until": format_date(self.ends_on + timedelta(days=1), "long"),
            "since": format_date(self.starts_on, "long"),
        }
        if on > self.ends_on:
            return gettext(
                "These are the districts of the %(congress)s Congress, which ended on %(until)s. "
                "Several states have redrawn theirs: import the table of the present Congress, "
                "and check with the full address until then.", **values,
            )  # fmt: skip
        if on < self.starts_on:
            return gettext(
                "These are the districts of the %(congress)s Congress, which began on %(since)s: "
                "they may have been others before.", **values,
            )  # fmt: skip
        return gettext(
            "%(congress)s Congress districts, good for members serving until %(until)s.", **values
        )

    def holds(self, on: date) -> bool:
        """Whether the day lies within that Congress."""
        return self.starts_on <= on <= self.ends_on


def ordinal(number: int) -> str:
    """`119th`."""
    last = number % 100
    ending = "th" if last in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def why_several(zip_code: str, number: int, areas: Sequence[str]) -> str:
    """Why an answer names more than one district."""
    said = ngettext(
        "%(zip)s touches %(num)s district; a ZIP is a mail route, not an area.",
        "%(zip)s touches %(num)s districts; a ZIP is a mail route, not an area.",
        number, zip=zip_code,
    )  # fmt: skip
    if len(areas) > 1:
        said += " " + gettext("It lies in %(states)s.", states=named(areas))
    return f"{said} {gettext('Only the full address says which one it is.')}"


def why_states(zip_code: str, areas: Sequence[str], number: int) -> str:
    """Why an answer names all who represent a state, of so many districts."""
    values = {"zip": zip_code, "prefix": zip_code[:3], "states": named(areas)}
    if set(areas) & _ISLANDS:
        return gettext(
            "%(zip)s is not in the table, which leaves the islands out. It lies in %(states)s.",
            **values,
        )
    said = gettext(
        "%(zip)s is not in the table: it has no ground of its own (post boxes, one building, a new "
        "ZIP). ZIPs that begin with %(prefix)s lie in %(states)s, so everybody who represents any "
        "of it is shown.", **values,
    )  # fmt: skip
    return (
        f"{said} {gettext('Only the full address says which one it is.')}" if number > 1 else said
    )


def named(areas: Sequence[str]) -> str:
    """`Virginia and West Virginia`."""
    names = [area_name(area) for area in areas]
    if len(names) < 2:
        return "".join(names)
    return gettext("%(some)s and %(last)s", some=", ".join(names[:-1]), last=names[-1])


def is_area(area: str) -> bool:
    """Whether somebody is sent to the House from there."""
    return area in STATES
