"""Goals and objectives as people type them: a line each, with its code. Pure.

`I More states join` is a goal, `1a Each embassy hears from a school` an objective of the goal
above it. A line without a code goes on with the text before it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flask_babel import gettext as _

from crm.core.errors import Refused

#: Most lines of one strategy.
MOST_LINES = 120
MOST_TEXT = 500
_GOAL = re.compile(r"(?:goal\s+)?([IVX]{1,6}|\d{1,2})[.:)]?\s+(.*)", re.IGNORECASE)
_OBJECTIVE = re.compile(
    r"(?:objective\s+)?(\d{1,2}(?:\.\d{1,2})+|\d{1,2}[a-z]|[IVX]{1,6}[.\-]?(?:\d{1,2}|[a-h]))[.:)]?\s+(.*)"
)
_ROMAN = re.compile(r"[IVX]+\Z")


@dataclass
class ObjectiveDraft:
    """An objective as wanted; the one of the same code is reworded."""

    code: str
    text: str


@dataclass
class StrategyGoalDraft:
    """A goal as wanted, with its objectives."""

    code: str
    text: str
    objectives: list[ObjectiveDraft] = field(default_factory=list)


def read(typed: str) -> list[StrategyGoalDraft]:
    """The goals and objectives of the lines. Raises `Refused` that names the line."""
    goals: list[StrategyGoalDraft] = []
    last: StrategyGoalDraft | ObjectiveDraft | None = None
    lines = [line.strip() for line in typed.splitlines()]
    if len(lines) > MOST_LINES:
        raise Refused(_("Use at most %(most)s lines.", most=MOST_LINES), "outline")
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if (found := _OBJECTIVE.match(line)) is not None:
            if not goals:
                raise Refused(
                    _("Line %(number)s: an objective stands below a goal, such as “I Goal”.",
                      number=number), "outline",
                )  # fmt: skip
            last = ObjectiveDraft(found[1], found[2].strip())
            goals[-1].objectives.append(last)
        elif (found := _goal(line)) is not None:
            last = StrategyGoalDraft(found[1], found[2].strip())
            goals.append(last)
        elif last is None:
            raise Refused(
                _("Line %(number)s has no code: write “I” before a goal and “1a” before an "
                  "objective.", number=number), "outline",
            )  # fmt: skip
        else:
            last.text = f"{last.text} {line}"
            continue
        if last.code in seen:
            raise Refused(
                _("Line %(number)s: the code %(code)s stands twice.",
                  number=number, code=last.code), "outline",
            )  # fmt: skip
        seen.add(last.code)
    for each in _all(goals):
        if len(each.text) > MOST_TEXT:
            raise Refused(
                _("The text of %(code)s is longer than %(most)s characters.",
                  code=each.code, most=MOST_TEXT), "outline",
            )  # fmt: skip
    return goals


def _goal(line: str) -> re.Match[str] | None:
    found = _GOAL.match(line)
    # “I” is a numeral, and “i” or “Vi …” the begin of a sentence.
    if found is None or not (found[1].isdigit() or _ROMAN.match(found[1])):
        return None
    return found


def _all(goals: Iterable[StrategyGoalDraft]) -> Iterable[StrategyGoalDraft | ObjectiveDraft]:
    for goal in goals:
        yield goal
        yield from goal.objectives


def lines_of(goals: Iterable[StrategyGoalDraft]) -> list[str]:
    """`I Text`, `1a Text`: a line each."""
    return [f"{each.code} {each.text}" for each in _all(goals)]


def write(goals: Sequence[StrategyGoalDraft]) -> str:
    """The lines that `read` would read the same from."""
    return "\n\n".join("\n".join(lines_of([goal])) for goal in goals)
