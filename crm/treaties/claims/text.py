"""A pasted text made ready to be read for claims: sentences, numbers, names of treaties and states.

Each sentence is written anew in a plain shape, in which numbers, ordinals, dates and years are
placeholders: `As of @0@ , <0> states parties`. Patterns look at the shape; a table leads back to
the places of the text. Everything is one pass, and no sentence is longer than `LONGEST`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from crm.core.text import fold
from crm.treaties.claims.dates import Written

#: Characters of a sentence; what is longer is cut.
LONGEST = 1500

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty":
    80, "ninety": 90,
}  # fmt: skip
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50,
    "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
}  # fmt: skip

_TOKEN = re.compile(
    r"(?P<ordinal>[0-9]{1,3}(?:st|nd|rd|th))(?![^\W_])"
    r"|(?P<glued>[0-9]+(?:[.,][0-9]+)*[^\W\d_][\w-]*)"
    r"|(?P<number>[0-9]+(?:[.,/][0-9]+)*)"
    r"|(?P<initials>(?:[A-Za-z]\.){2,})"
    r"|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)"
    r"|(?P<other>[^\s\w]|_)"
)
_STOP = re.compile(r"[.!?]+[\"”’')\]]*\s+(?=[\"“‘'(\[]*[A-Z0-9])")
_PARAGRAPH = re.compile(r"\n[ \t\r]*\n\s*|\n(?=[ \t]*(?:[-*•·–#]|[0-9]{1,2}[.)])[ \t])")
_ABBREVIATED = frozenset(
    (
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "st",
        "sen",
        "rep",
        "gov",
        "no",
        "nos",
        "art",
        "arts",
        "para",
        "paras",
        "p",
        "pp",
        "vol",
        "vs",
        "etc",
        "al",
        "inc",
        "e.g",
        "i.e",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
        "approx",
        "amb",
        "hon",
    )
)


@dataclass(frozen=True)
class Number:
    """A whole number as it stands in the text."""

    value: int
    start: int
    end: int


@dataclass
class Sentence:
    """A sentence in its plain shape, with the way back to the text."""

    start: int
    end: int
    paragraph: int
    shape: str = ""
    numbers: list[Number] = field(default_factory=list)
    ordinals: list[Number] = field(default_factory=list)
    #: Indexes into the text's dates.
    dates: list[int] = field(default_factory=list)
    _at: list[int] = field(default_factory=list)
    _spans: list[tuple[int, int]] = field(default_factory=list)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The place in the text of a part of the shape."""
        first = max(bisect_right(self._at, start) - 1, 0)
        last = max(bisect_left(self._at, end) - 1, first)
        return self._spans[first][0], self._spans[last][1]

    def shape_at(self, position: int) -> int:
        """Where in the shape a place of the text is."""
        starts = [span[0] for span in self._spans]
        return self._at[max(bisect_right(starts, position) - 1, 0)] if starts else 0

    def add(self, shown: str, start: int, end: int) -> None:
        """Put a token to the shape."""
        self._at.append(len(self.shape) + (1 if self.shape else 0))
        self._spans.append((start, end))
        self.shape += f" {shown}" if self.shape else shown


def sentences(text: str, dates: Sequence[Written]) -> list[Sentence]:
    """All sentences of a text, in their plain shape."""
    starts = [each.start for each in dates]
    found = []
    for start, end, paragraph in _cut(text, dates):
        sentence = Sentence(start, end, paragraph)
        _shape(text, sentence, dates, starts)
        if sentence.shape:
            found.append(sentence)
    return found


def _cut(text: str, dates: Sequence[Written]) -> Iterator[tuple[int, int, int]]:
    within = {place for each in dates for place in range(each.start, each.end)}
    position, number = 0, 0
    edges = [(match.start(), match.end()) for match in _PARAGRAPH.finditer(text)]
    for until, after in [*edges, (len(text), len(text))]:
        start = position
        for stop in _STOP.finditer(text, position, until):
            if stop.start() in within or _is_abbreviation(text, stop.start()):
                continue
            yield from _pieces(start, stop.end(), number)
            start = stop.end()
        yield from _pieces(start, until, number)
        position, number = after, number + 1


def _pieces(start: int, end: int, paragraph: int) -> Iterator[tuple[int, int, int]]:
    for first in range(start, end, LONGEST):
        yield first, min(first + LONGEST, end), paragraph


def _is_abbreviation(text: str, dot: int) -> bool:
    if text[dot] != ".":
        return False
    word = text[max(dot - 12, 0) : dot].rpartition(" ")[2].lstrip("(\"“'").lower()
    return word in _ABBREVIATED or (len(word) == 1 and word.isalpha()) or "." in word


def _shape(text: str, sentence: Sentence, dates: Sequence[Written], starts: Sequence[int]) -> None:
    words: list[re.Match[str]] = []
    position = sentence.start
    at = bisect_left(starts, position)

    def flush() -> None:
        _add_words(sentence, words)
        words.clear()

    while position < sentence.end:
        following = dates[at] if at < len(dates) else None
        until = min(following.start, sentence.end) if following else sentence.end
        words.extend(_TOKEN.finditer(text, position, until))
        if following is None or following.start >= sentence.end:
            break
        flush()
        sentence.dates.append(at)
        sentence.add(f"@{at}@", following.start, following.end)
        position, at = following.end, at + 1
    flush()


def _add_words(sentence: Sentence, tokens: list[re.Match[str]]) -> None:
    place = 0
    while place < len(tokens):
        read = _spelled(tokens, place)
        token = tokens[place]
        if read is not None:
            value, is_ordinal, taken = read
            last = tokens[place + taken - 1]
            _add_number(sentence, value, is_ordinal, token.start(), last.end())
            place += taken
            continue
        place += 1
        if token["ordinal"]:
            _add_number(sentence, int(token[0][:-2]), True, token.start(), token.end())
        elif token["number"]:
            _add_digits(sentence, token)
        else:
            shown = token[0].lower().replace("’", "'")
            sentence.add("¦" if shown in "<>{}@~" else shown, token.start(), token.end())


def _add_digits(sentence: Sentence, token: re.Match[str]) -> None:
    written = token[0]
    plain = written.replace(",", "")
    if not plain.isdigit() or len(plain) > 9 or (len(plain) > 1 and plain[0] == "0"):
        sentence.add("¦", token.start(), token.end())
    elif len(plain) == 4 and "," not in written and 1900 <= int(plain) <= 2099:
        sentence.add(f"~{plain}~", token.start(), token.end())
    else:
        _add_number(sentence, int(plain), False, token.start(), token.end())


def _add_number(sentence: Sentence, value: int, is_ordinal: bool, start: int, end: int) -> None:
    into = sentence.ordinals if is_ordinal else sentence.numbers
    sentence.add(f"{{{len(into)}}}" if is_ordinal else f"<{len(into)}>", start, end)
    into.append(Number(value, start, end))


def _spelled(tokens: Sequence[re.Match[str]], place: int) -> tuple[int, bool, int] | None:
    """A number in words that begins here: its value, whether ordinal, how many tokens it takes.

    A lone `one`, `first` or `second` is a word, not a number.
    """
    total = 0
    taken = 0
    best: tuple[int, bool, int] | None = None
    last = ""
    while place + taken < len(tokens) and taken < 6:
        word = tokens[place + taken][0].lower()
        if word in ("and", "a"):
            if (word == "and" and last != "hundred") or (word == "a" and taken):
                break
            last = word
            taken += 1
            continue
        ordinal: int | None = None
        for part in word.split("-"):
            if part in _UNITS and last in ("", "a", "hundred", "and", "tens"):
                if last == "tens" and not 0 < _UNITS[part] < 10:
                    return best
                total, last = total + _UNITS[part], "unit"
            elif part in _TENS and last in ("", "hundred", "and"):
                total, last = total + _TENS[part], "tens"
            elif part == "hundred" and last in ("unit", "a") and total < 10:
                total, last = max(total, 1) * 100, "hundred"
            elif part in _ORDINALS and last != "unit":
                ordinal = total + _ORDINALS[part]
            elif part == "hundredth" and last == "unit":
                ordinal = total * 100
            else:
                return best
        taken += 1
        if ordinal is not None:
            return best if ordinal < 3 else (ordinal, True, taken)
        if last != "a" and not (taken == 1 and word == "one"):
            best = (total, False, taken)
    return best


# Treaties

_STRONG = {
    "MBT": re.compile(
        r"\bmine[\s-]ban\s(?:treaty|convention)|\bottawa\s(?:convention|treaty)|\bMBT\b|\bAPMBC\b"
        r"|\banti-?personnel\s(?:land)?mines?\s?(?:ban\s)?(?:convention|treaty)"
        r"|\blandmines?\s(?:ban\s)?(?:treaty|convention)"
        r"|\bprohibition\sof\sthe\suse,\sstockpiling,\sproduction\sand\stransfer\sof\santi-personnel",
        re.IGNORECASE,
    ),
    "CCM": re.compile(
        r"\bconvention\son\scluster\smunitions|\bCCM\b|\boslo\s(?:convention|treaty)"
        r"|\bcluster\s(?:munitions?|bombs?)\s(?:ban\s)?(?:treaty|convention|ban)",
        re.IGNORECASE,
    ),
}
_WEAK = {
    "MBT": re.compile(r"\b(?:land)?mines?\b", re.IGNORECASE),
    "CCM": re.compile(r"\bcluster\s(?:munition|bomb)s?\b", re.IGNORECASE),
}


class Treaties:
    """Which treaty is meant at a place of a text: the nearest word for it, or none."""

    def __init__(self, text: str) -> None:
        self._strong = sorted(
            (match.start(), key) for key, found in _STRONG.items() for match in found.finditer(text)
        )
        self._weak = sorted(
            (match.start(), key) for key, found in _WEAK.items() for match in found.finditer(text)
        )
        self._at = {
            id(each): [place for place, _key in each] for each in (self._strong, self._weak)
        }

    @property
    def any(self) -> bool:
        """Whether the text speaks of either at all."""
        return bool(self._strong or self._weak)

    def named_in(self, start: int, end: int) -> set[str]:
        """Treaties named between two places."""
        return {key for _place, key in self._between(self._strong, start, end)}

    def meant(self, place: int, sentence: Sentence, paragraph: tuple[int, int]) -> str | None:
        """The treaty a claim at `place` is about."""
        for named in (self._strong, self._weak):
            if inside := self._between(named, sentence.start, sentence.end):
                return min(inside, key=lambda each: abs(each[0] - place))[1]
        for named in (self._strong, self._weak):
            if before := self._between(named, paragraph[0], sentence.start):
                return before[-1][1]
        if before := self._between(self._strong, 0, sentence.start):
            return before[-1][1]
        if after := self._between(self._strong, sentence.end, 1 << 60):
            return after[0][1]
        kinds = {key for _place, key in self._weak}
        return kinds.pop() if len(kinds) == 1 else None

    def _between(self, named: list[tuple[int, str]], start: int, end: int) -> list[tuple[int, str]]:
        at = self._at[id(named)]
        return named[bisect_left(at, start) : bisect_left(at, end)]


# States

_OTHER_NAMES = {
    "USA": ("united states of america", "united states", "u s", "us", "usa", "america"),
    "GBR": ("united kingdom", "uk", "britain", "great britain"),
    "STP": ("sao tome and principe", "sao tome principe", "sao tome"),
    "LCA": ("saint lucia", "st lucia"),
    "KNA": ("saint kitts and nevis", "st kitts and nevis"),
    "VCT": ("saint vincent and the grenadines", "st vincent and the grenadines"),
    "CIV": ("cote d ivoire", "ivory coast"), "CPV": ("cabo verde", "cape verde"),
    "COD": ("dr congo", "democratic republic of the congo", "drc"),
    "COG": ("republic of the congo", "congo"), "CZE": ("czechia", "czech republic"),
    "MKD": ("north macedonia", "macedonia"), "SWZ": ("eswatini", "swaziland"),
    "TUR": ("turkiye", "turkey"), "TLS": ("timor leste", "east timor"),
    "LAO": ("lao pdr", "laos", "lao people s democratic republic"),
    "KOR": ("south korea", "republic of korea"), "PRK": ("north korea",),
    "RUS": ("russia", "russian federation"), "SYR": ("syria", "syrian arab republic"),
    "IRN": ("iran",), "VNM": ("vietnam", "viet nam"), "BOL": ("bolivia",), "VEN": ("venezuela",),
    "TZA": ("tanzania",), "MDA": ("moldova", "republic of moldova"), "BRN": ("brunei",),
    "FSM": ("micronesia", "federated states of micronesia"), "PSE": ("palestine",),
    "VAT": ("holy see",), "NLD": ("netherlands",), "GMB": ("gambia", "the gambia"),
    "BHS": ("bahamas", "the bahamas"), "MMR": ("myanmar", "burma"),
}  # fmt: skip


class Names:
    """States by their names, looked for in a sentence's words."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for code, name in names.items():
            for each in {fold(name), *_OTHER_NAMES.get(code, ())}:
                words = tuple(each.split())
                if words:
                    self._by_first.setdefault(words[0], []).append((words, code))
        for known in self._by_first.values():
            known.sort(key=lambda pair: -len(pair[0]))

    def find(self, text: str, start: int, end: int) -> list[tuple[int, int, str]]:
        """(start, end, alpha-3) of each state named in a part of the text."""
        words: list[tuple[str, int, int]] = []
        for match in re.finditer(r"[^\W\d_]+(?:\.[^\W\d_]\b)?", text[start:end]):
            words += [
                (part, start + match.start(), start + match.end())
                for part in fold(match[0]).split()
            ]
        found: list[tuple[int, int, str]] = []
        place = 0
        while place < len(words):
            known = self._named(words, place)
            # `us` is somebody; the country has capitals.
            if known and not (known[0] == 1 and words[place][0] == "us"
                              and not text[slice(*words[place][1:])].isupper()):  # fmt: skip
                size, code = known
                found.append((words[place][1], words[place + size - 1][2], code))
                place += size
            else:
                place += 1
        return found

    def _named(self, words: Sequence[tuple[str, int, int]], place: int) -> tuple[int, str] | None:
        for name, code in self._by_first.get(words[place][0], ()):
            if tuple(word for word, _s, _e in words[place : place + len(name)]) == name:
                return len(name), code
        return None


def paragraphs(found: Iterable[Sentence]) -> dict[int, tuple[int, int]]:
    """Start and end of each paragraph."""
    spans: dict[int, tuple[int, int]] = {}
    for each in found:
        start, end = spans.get(each.paragraph, (each.start, each.end))
        spans[each.paragraph] = (min(start, each.start), max(end, each.end))
    return spans
