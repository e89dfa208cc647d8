"""From a country as people write it to its code of two letters. Pure.

Our own table of states comes first; names in a few other languages and places that are no state of
it are Unicode's (CLDR), as Babel carries them.
"""

import csv
from functools import lru_cache
from importlib.resources import files
from io import StringIO

from babel import Locale

from crm.core.text import fold

_LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "ar", "ru", "zh", "ja")
#: ISO 3166-1 of three letters of places in no table of ours.
_OTHER_ALPHA3 = {
    "TWN": "TW", "HKG": "HK", "MAC": "MO", "PRI": "PR", "GUM": "GU", "VIR": "VI", "ASM": "AS",
    "MNP": "MP", "GRL": "GL", "FRO": "FO", "BMU": "BM", "CYM": "KY", "GIB": "GI", "JEY": "JE",
    "GGY": "GG", "IMN": "IM", "XKX": "XK", "NCL": "NC", "PYF": "PF", "ABW": "AW", "CUW": "CW",
}  # fmt: skip
#: What people write that neither table has.
_ALSO = {
    "u s": "US", "u s a": "US", "united states of america": "US", "america": "US",
    "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "u k": "GB", "holland": "NL", "the netherlands": "NL",
    "kosovo": "XK", "taiwan": "TW", "hong kong": "HK",
}  # fmt: skip


def country_code(text: str) -> str | None:
    """`Niue`, `NU`, `NIU`, `Reino Unido`, `the Gambia` → two letters; None for what is unknown."""
    folded = fold(text)
    table = _table()
    return table.get(folded) or table.get(folded.removeprefix("the "))


def country_name(code: str) -> str:
    """The country's name, in our own table's words where it is there."""
    return _names().get(code, code)


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, str]]:
    path = files("crm.targets.sources") / "data" / "governments.csv"
    return list(csv.DictReader(StringIO(path.read_text(encoding="utf-8"))))


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for row in _rows():
        for name in (row["iso2"], row["iso3"], row["name"], *row["also"].split("; ")):
            if key := fold(name):
                table.setdefault(key, row["iso2"])
    for name, code in _ALSO.items():
        table.setdefault(name, code)
    for alpha3, code in _OTHER_ALPHA3.items():
        table.setdefault(alpha3.lower(), code)
        table.setdefault(code.lower(), code)
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            # Numbers are continents; the rest beside states are unions and made-up codes.
            if len(code) == 2 and code not in ("EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"):
                table.setdefault(fold(name), code)
                table.setdefault(code.lower(), code)
    return table


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names = dict(Locale("en").territories.items())
    return names | {row["iso2"]: row["name"] for row in _rows()}
