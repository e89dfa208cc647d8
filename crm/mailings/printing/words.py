"""Filled texts as the templates read them: paragraphs, the way they run, what is missing. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from crm.texts.rules import Filled, Run, key_of

#: Between paragraphs.
_BLANK_LINE = re.compile(r"[ \t]*\r?\n[ \t]*(?:\r?\n[ \t]*)+")
#: Lines of text that writing by hand takes, with what belongs there above it.
LINES_BY_HAND = 5
#: How a closing is followed, by language; a comma in all others.
_AFTER = {"ar": "،", "zh": ""}

#: A paragraph: words, or `{rtl, parts}`.
Paragraph = str | dict[str, Any]


def is_rtl(words: str) -> bool:
    """Whether the words run from right to left: their first letter says it."""
    for letter in words:
        way = unicodedata.bidirectional(letter)
        if way in ("R", "AL"):
            return True
        if way == "L":
            return False
    return False


def line(words: str) -> Paragraph:
    """A line that nothing is missing in."""
    return {"rtl": True, "parts": [[words, False]]} if is_rtl(words) else words


def split(filled: Filled) -> list[list[Run]]:
    """The runs of each paragraph. Paragraphs are parted by blank lines, and by nothing else."""
    found: list[list[Run]] = [[]]
    for run in filled.runs:
        if run.is_missing:
            found[-1].append(run)
            continue
        first, *others = _parted(run.text)
        if first:
            found[-1].append(Run(first, run.name))
        for words in others:
            found.append([Run(words, run.name)] if words else [])
    return [trimmed for each in found if (trimmed := _trimmed(each))]


@lru_cache(maxsize=1024)
def _parted(text: str) -> list[str]:
    # The plain words of a text are the same in each of its pieces.
    return _BLANK_LINE.split(text)


def _trimmed(runs: list[Run]) -> list[Run]:
    """Without blanks at the ends; nothing where there is nothing else."""
    kept = list(runs)
    while kept and not kept[0].is_missing and not kept[0].text.strip():
        kept.pop(0)
    while kept and not kept[-1].is_missing and not kept[-1].text.strip():
        kept.pop()
    if kept and not kept[0].is_missing:
        kept[0] = Run(kept[0].text.lstrip(), kept[0].name)
    if kept and not kept[-1].is_missing:
        kept[-1] = Run(kept[-1].text.rstrip(), kept[-1].name)
    return kept


def paragraphs(filled: Filled, asked: Mapping[str, str] | None = None) -> list[Paragraph]:
    """As the templates read them. `asked`: what is written by hand, in words, by field's key."""
    return [_paragraph(each, asked or {}) for each in split(filled)]


def _paragraph(runs: Sequence[Run], asked: Mapping[str, str]) -> Paragraph:
    words = "".join(run.text for run in runs)
    if not any(run.is_missing or run.is_by_hand for run in runs):
        return line(words)
    pen = pen_of(runs)
    return {"rtl": is_rtl(words), "parts": [_part(run, pen, asked) for run in runs]}


def _part(run: Run, pen: str, asked: Mapping[str, str]) -> list[Any]:
    if run.is_by_hand:
        return [by_hand(run, asked), pen]
    # A condition nobody could decide has no words: its name stands for it.
    return [run.text or f"(({run.name}))", run.is_missing]


def pen_of(runs: Sequence[Run]) -> str:
    """How a hand gets its room: `lines` of its own where it is a paragraph, else a `hand`'s
    breadth within one.
    """
    return "lines" if len(runs) == 1 else "hand"


def by_hand(run: Run, asked: Mapping[str, str]) -> str:
    """What is to be written there."""
    name = run.name or ""
    return asked.get(key_of(name)) or name[:1].upper() + name[1:]


def room(runs: Sequence[Run]) -> str:
    """Words that take the room of a paragraph, as `base.typ` gives it."""
    words = "".join(run.text for run in runs)
    is_pen = len(runs) == 1 and runs[0].is_by_hand
    return words + "\n" * (LINES_BY_HAND - 1) if is_pen else words


def subject(filled: Filled) -> Paragraph | None:
    """The subject line, if there is one."""
    found = split(filled)
    return _paragraph([run for each in found for run in each], {}) if found else None


def closing(said: str, language: str) -> str:
    """How a letter ends, with what follows it: `Respectfully,`."""
    if not said or not said[-1].isalnum():
        return said
    return said + _AFTER.get(language.partition("-")[0], ",")


def signs_itself(filled: Filled) -> bool:
    """Whether the text ends with the name of who signs."""
    for run in reversed(filled.runs):
        if run.is_missing or run.text.strip():
            return key_of(run.name or "") in ("member.firstname", "member.fullname")
    return False


# One text for many


@dataclass(frozen=True)
class Shared:
    """One text for several targets: what differs is named by a letter, and told for each."""

    #: Indexes of the texts it stands for.
    of: tuple[int, ...]
    subject: dict[str, Any] | None
    body: list[dict[str, Any]]
    #: By index: letter → words.
    slots: dict[int, list[tuple[str, str]]]


def shared(
    texts: Sequence[tuple[Filled, Filled]], asked: Mapping[str, str] | None = None
) -> list[Shared]:
    """Subjects and bodies brought together where they differ in what fields gave alone."""
    groups: dict[Any, list[int]] = {}
    for index, (head, body) in enumerate(texts):
        groups.setdefault((_shape(head), _shape(body)), []).append(index)
    return [_merged(texts, indexes, asked or {}) for indexes in groups.values()]


def _shape(filled: Filled) -> tuple[Any, ...]:
    """What is the same in texts that differ in what fields gave alone."""
    return tuple(
        (run.name, run.is_missing) if run.name is not None else run.text for run in filled.runs
    )


def _merged(
    texts: Sequence[tuple[Filled, Filled]], indexes: Sequence[int], asked: Mapping[str, str]
) -> Shared:
    first_head, first_body = texts[indexes[0]]
    letters: dict[str, str] = {}
    words: dict[int, dict[str, str]] = {index: {} for index in indexes}
    for side in (0, 1):
        for at, run in enumerate(texts[indexes[0]][side].runs):
            if run.name is None or run.is_missing:
                continue
            said = {index: texts[index][side].runs[at].text for index in indexes}
            if len(set(said.values())) > 1:
                letter = letters.setdefault(key_of(run.name), _letter(len(letters)))
                for index, text in said.items():
                    words[index][letter] = text
    head = [run for each in split(first_head) for run in each]
    return Shared(
        tuple(indexes),
        _marked(head, letters, asked) if first_head.runs else None,
        [_marked(runs, letters, asked) for runs in split(first_body)],
        {index: list(by_letter.items()) for index, by_letter in words.items()},
    )  # fmt: skip


def _letter(number: int) -> str:
    return chr(ord("A") + number) if number < 26 else str(number)


def _marked(
    runs: Sequence[Run], letters: dict[str, str], asked: Mapping[str, str]
) -> dict[str, Any]:
    parts = []
    for run in runs:
        key = key_of(run.name or "")
        if run.is_missing:
            parts.append(["blank", run.name or ""])
        elif run.is_by_hand:
            parts.append([pen_of(runs), by_hand(run, asked)])
        elif run.name is not None and key in letters:
            parts.append(["slot", letters[key]])
        else:
            parts.append(["", run.text])
    return {"rtl": is_rtl("".join(run.text for run in runs)), "parts": parts}
