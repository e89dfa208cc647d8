"""Texts with fields: read, filled, and told apart from what nobody filled. Pure.

A field stands in double round brackets, `((target.salutation))`. A condition shows its words only
where a field is true, `((ccm.state_party??As a State Party, you …))`, or where it is not,
`((not ccm.state_party??…))`; fields may stand in those words. Case, blanks and underscores in a
name do not matter. What people write is data: nothing of it is ever run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from flask_babel import gettext as _

from crm.core.errors import Refused

#: Characters of a text, of its subject, and of a field's name.
MOST_BODY, MOST_SUBJECT, MOST_NAME = 20_000, 200, 60
#: Fields of one text, each counted once.
MOST_FIELDS = 60
_OPEN, _CLOSE, _IF = "((", "))", "??"
_NAME = re.compile(r"[^\W\d_][\w .:@'’-]*", re.UNICODE)
_NOT = re.compile(r"not\s+", re.IGNORECASE)


def key_of(name: str) -> str:
    """A field's name as it is compared: `Your  Country` and `your_country` are one."""
    return re.sub(r"[\s_]+", "", name).casefold()


@dataclass(frozen=True, slots=True)
class Field:
    """A field where it stands; `name` as it was typed."""

    name: str

    @property
    def key(self) -> str:
        """What it is looked up by."""
        return key_of(self.name)


@dataclass(frozen=True, slots=True)
class Condition:
    """Words that are shown where the field is true; with `negated` where it is not."""

    name: str
    negated: bool
    words: tuple["Part", ...]

    @property
    def key(self) -> str:
        """What it is looked up by."""
        return key_of(self.name)


Part = str | Field | Condition
#: What a field is filled with: words; whether something is so; None where nobody knows.
Value = str | bool | None


@lru_cache(maxsize=256)
def parse(body: str) -> tuple[Part, ...]:
    """The parts of a text. Raises `Refused` with the line and what to do."""
    if len(body) > MOST_BODY:
        raise Refused(
            _(
                "The text has %(length)s characters; at most %(most)s can be kept.",
                length=len(body),
                most=MOST_BODY,
            ),
            "body",
        )
    parts, end = _read(body, 0, nested=False)
    if end != len(body):
        raise AssertionError("the whole text is read")
    if len({each.key for each in walk(parts)}) > MOST_FIELDS:
        raise Refused(_("Use at most %(most)s different fields.", most=MOST_FIELDS), "body")
    return parts


def _read(body: str, start: int, *, nested: bool) -> tuple[tuple[Part, ...], int]:
    """Parts from `start` on; within a condition up to and with its closing brackets."""
    parts: list[Part] = []
    at = begun = start
    while at < len(body):
        if body.startswith(_OPEN, at):
            if at > begun:
                parts.append(body[begun:at])
            part, at = _bracket(body, at, nested=nested)
            parts.append(part)
            begun = at
        elif nested and body.startswith(_CLOSE, at):
            # `(so ))`: a bracket of the words' own closes first.
            if _opens(body[start:at]) > 0:
                at += 1
                continue
            if at > begun:
                parts.append(body[begun:at])
            return tuple(parts), at + len(_CLOSE)
        elif body.startswith(_CLOSE, at) and not _balanced_line(body, at):
            raise Refused(
                _(
                    "Line %(line)s: “))” closes no field. Begin it with “((”, or take one away.",
                    line=_line(body, at),
                ),
                "body",
            )
        else:
            at += 1
    if nested:
        raise Refused(_unclosed(body, start), "body")
    if len(body) > begun:
        parts.append(body[begun:])
    return tuple(parts), len(body)


def _bracket(body: str, at: int, *, nested: bool) -> tuple[Part, int]:
    inside = at + len(_OPEN)
    close, asks, again = (body.find(mark, inside) for mark in (_CLOSE, _IF, _OPEN))
    if 0 <= asks < (close if close >= 0 else len(body)) and not 0 <= again < asks:
        if nested:
            raise Refused(
                _(
                    "Line %(line)s: a condition stands within another. Put them one after the "
                    "other.",
                    line=_line(body, at),
                ),
                "body",
            )
        typed = body[inside:asks]
        negated = _NOT.match(typed.strip()) is not None
        name = _NOT.sub("", typed.strip(), count=1) if negated else typed
        words, end = _read(body, asks + len(_IF), nested=True)
        return Condition(_checked(name, body, at), negated, words), end
    if close < 0 or 0 <= again < close:
        raise Refused(_unclosed(body, at), "body")
    return Field(_checked(body[inside:close], body, at)), close + len(_CLOSE)


def _checked(name: str, body: str, at: int) -> str:
    plain = " ".join(name.split())
    if len(plain) <= MOST_NAME and _NAME.fullmatch(plain):
        return plain
    raise Refused(
        _(
            "Line %(line)s: “%(name)s” cannot be a field's name. Begin with a letter and use "
            "letters, digits, blanks and . : @ - alone; write a blank between two brackets that "
            "are none.",
            line=_line(body, at),
            name=plain[:30],
        ),
        "body",
    )


def _unclosed(body: str, at: int) -> str:
    return _(
        "Line %(line)s: “((” is not closed. End the field with “))”, or write a blank between the "
        "brackets.",
        line=_line(body, at),
    )


def _line(body: str, at: int) -> int:
    return body.count("\n", 0, at) + 1


def _opens(words: str) -> int:
    return words.count("(") - words.count(")")


def _balanced_line(body: str, at: int) -> bool:
    """Whether brackets of prose close here: `(see (a))`."""
    begin = body.rfind("\n", 0, at) + 1
    return _opens(body[begin:at]) >= 2


def walk(parts: Sequence[Part]) -> Iterator[Field | Condition]:
    """Every field and condition, with those that stand in conditions."""
    for part in parts:
        if isinstance(part, Condition):
            yield part
            yield from walk(part.words)
        elif isinstance(part, Field):
            yield part


def names_in(*texts: str | None) -> dict[str, str]:
    """Key → name as first typed, of all fields of these texts, in their order."""
    found: dict[str, str] = {}
    for text in texts:
        for part in walk(parse(text or "")):
            found.setdefault(part.key, part.name)
    return found


# Filling


#: What stands where somebody writes by hand.
LINE = "_" * 24


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a filled text: plain words, what a field gave, or a field nobody filled."""

    text: str
    #: The field it came from; None of plain words.
    name: str | None = None
    is_missing: bool = False

    @property
    def is_by_hand(self) -> bool:
        """Whether it is a line that somebody writes on with a pen."""
        return self.name is not None and self.text == LINE


@dataclass(frozen=True)
class Filled:
    """A text with its fields filled, as far as they could be."""

    runs: tuple[Run, ...] = ()
    #: Names of fields nobody filled, each once.
    missing: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        """The words; fields nobody filled stand as they were typed."""
        return "".join(run.text for run in self.runs)


def fill(parts: Sequence[Part], values: Mapping[str, Value]) -> Filled:
    """Fill a text: `values` by key. What is missing or blank stays and is named.

    A condition on something nobody knows shows no words, whichever way it asks, and is named as
    missing: a text must not say what may be wrong.
    """
    runs: list[Run] = []
    _fill(parts, values, runs)
    missing = dict.fromkeys(run.name for run in runs if run.is_missing and run.name is not None)
    return Filled(tuple(runs), tuple(missing))


def _fill(parts: Sequence[Part], values: Mapping[str, Value], runs: list[Run]) -> None:
    for part in parts:
        if isinstance(part, str):
            runs.append(Run(part))
        elif isinstance(part, Field):
            value = values.get(part.key)
            if isinstance(value, bool) or value is None or not value.strip():
                runs.append(Run(f"(({part.name}))", part.name, is_missing=True))
            else:
                runs.append(Run(value, part.name))
        else:
            value = values.get(part.key)
            if value is None:
                runs.append(Run("", part.name, is_missing=True))
            elif _is_true(value) is not part.negated:
                _fill(part.words, values, runs)


def _is_true(value: Value) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)


# Pasted texts


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Something in square brackets that may be meant as a field: `[YOUR COUNTRY]`."""

    start: int
    end: int
    typed: str

    @property
    def name(self) -> str:
        """As a field's name: `your country`."""
        inside = self.typed[1:-1].strip()
        return inside.lower() if inside.isupper() else inside


_SQUARE = re.compile(r"\[[^\[\]\n]{1,60}\](?!\()")


def placeholders(body: str) -> list[Placeholder]:
    """What stands in square brackets and could be the name of a field."""
    return [
        found
        for match in _SQUARE.finditer(body)
        if _NAME.fullmatch(
            " ".join((found := Placeholder(match.start(), match.end(), match[0])).name.split())
        )
    ]


def with_fields(body: str, chosen: Mapping[str, str]) -> str:
    """The text with placeholders made fields: as typed, `[YOUR COUNTRY]` → name of the field."""
    for found in reversed(placeholders(body)):
        if name := chosen.get(found.typed):
            body = f"{body[: found.start]}(({name})){body[found.end :]}"
    return body
