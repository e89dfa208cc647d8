"""Lists by rule: conditions the rooms offer, put together, checked, told in words and made SQL.

A rule is kept as `{"kind": "all", "of": [{"kind": "committee", "committee": "12"}, …]}` and means
the targets of whom all of it is true on a day. A room adds its kinds of condition in `init_app`;
this room adds those of `list_kinds`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, and_, false

from crm.core.errors import Refused
from crm.core.i18n import day as day_told

_KEY = "crm_list_rules"
#: Conditions of one rule.
MOST = 12
#: Days a condition may look back.
MOST_DAYS = 20_000

#: What was read for a page's rules already: choices, standings. Keys are the kinds' own.
Memory = dict[Any, Any]
#: What a condition is set to. Choices are text, numbers are numbers, days are ISO dates.
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Asking:
    """The day a rule is asked for, beside today."""

    day: date
    today: date
    memory: Memory = field(default_factory=dict, compare=False)
    #: Lists that are being found out already: a list that leads back to itself holds nobody.
    within: frozenset[int] = frozenset()

    @property
    def is_past(self) -> bool:
        """Whether offices are asked for as they were, and not as they are."""
        return self.day < self.today


@dataclass(frozen=True)
class Param:
    """Something a condition is set to."""

    name: str
    label: Any
    #: choice | number | day
    kind: str = "choice"
    #: What can be chosen, as (value, words).
    choices: Callable[[Memory], Sequence[tuple[str, Any]]] = lambda _memory: ()
    required: bool = True
    #: What the empty choice says where one need not be made.
    empty: Any = None
    #: Words of a value that is not offered now and is good nevertheless (a party nobody is of);
    #: without it such a value names what is gone.
    words: Callable[[str], str] | None = None
    default: str = ""


@dataclass(frozen=True)
class RuleKind:
    """A kind of condition."""

    name: str
    #: As it is offered: `Sits on a committee`.
    label: Any
    group: Any
    order: int
    params: tuple[Param, ...]
    #: The condition on `Target`. May raise KeyError or ValueError for values it cannot mean.
    where: Callable[[Values, Asking], ColumnElement[bool]]
    #: What it adds to the sentence, from the words of its values: `on the Committee on Finance`.
    tell: Callable[[Mapping[str, str]], str]
    #: Whom it speaks of: `Legislators`, `States`.
    noun: Callable[[Mapping[str, str]], str] | None = None
    #: Said where it is asked for a past day and only the present is known.
    only_now: Any = None


@dataclass
class Draft:
    """A condition on a form: as it was typed, with what is wrong with it."""

    kind: RuleKind
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """A rule in words, and what is wrong with it or cannot be known."""

    words: str
    problems: Sequence[str]
    notes: Sequence[str]


def init_app(app: Flask) -> None:
    """Begin without any."""
    app.extensions[_KEY] = dict[str, RuleKind]()


def offer(app: Flask, *kinds: RuleKind) -> None:
    """Let rules use these kinds of condition."""
    app.extensions[_KEY].update((kind.name, kind) for kind in kinds)


def kinds() -> dict[str, RuleKind]:
    """All kinds by name, in the order they are offered."""
    offered: dict[str, RuleKind] = current_app.extensions[_KEY]
    return {each.name: each for each in sorted(offered.values(), key=lambda kind: kind.order)}


def groups() -> list[tuple[str, list[RuleKind]]]:
    """The same by their group, as a form offers them."""
    found: dict[str, list[RuleKind]] = {}
    for kind in kinds().values():
        found.setdefault(str(kind.group), []).append(kind)
    return list(found.items())


def rule_of(conditions: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rule that asks for all of these."""
    return {"kind": "all", "of": [dict(each) for each in conditions]}


def conditions(rule: Any) -> list[dict[str, Any]]:
    """The conditions of a kept rule; what has not the shape of one is of no known kind."""
    of = rule.get("of") if isinstance(rule, Mapping) else None
    return [
        each if isinstance(each, dict) and isinstance(each.get("kind"), str) else {"kind": ""}
        for each in (of if isinstance(of, list) else [])
    ]


def where(rule: Any, asking: Asking) -> ColumnElement[bool]:
    """The rule as a condition on `Target`. One that cannot be meant finds nobody."""
    known, asked = kinds(), conditions(rule)
    try:
        parts = [known[each["kind"]].where(each, asking) for each in asked]
    except (KeyError, TypeError, ValueError):
        return false()
    return and_(*parts) if parts else false()


def tell(rule: Any, *, day: date | None, memory: Memory) -> Told:
    """The rule as a sentence: `States not party to the Convention on … on 1 April 2020`.

    `day` is None where it is asked for today.
    """
    known = kinds()
    noun, clauses, problems, notes = "", list[str](), list[str](), list[str]()
    for each in conditions(rule):
        kind = known.get(each.get("kind", ""))
        if kind is None:
            problems.append(_("This rule asks for something this program does not know."))
            continue
        draft = Draft(kind, _as_typed(each))
        _check(draft, memory)
        problems.extend(draft.errors.values())
        words = _words(draft, memory)
        noun = noun or (kind.noun(words) if kind.noun else "")
        if clause := kind.tell(words):
            clauses.append(clause)
        if day is not None and kind.only_now:
            notes.append(str(kind.only_now))
    told = f"{noun or _('Targets')} {', '.join(clauses)}".strip()
    if day is not None:
        told = _("%(what)s on %(day)s", what=told, day=day_told(day))
    return Told(told, tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(notes)))


def drafts(rule: Any) -> list[Draft]:
    """A kept rule for a form; conditions of no known kind are left out."""
    known = kinds()
    return [
        Draft(known[each["kind"]], _as_typed(each))
        for each in conditions(rule)
        if each.get("kind") in known
    ]


def new_draft(name: str) -> Draft | None:
    """A condition to be filled in; None where there is no such kind."""
    kind = kinds().get(name)
    return Draft(kind, {each.name: each.default for each in kind.params}) if kind else None


def sent_drafts(sent: Mapping[str, str]) -> list[Draft]:
    """The conditions of a form that was sent: `rule-0-kind`, `rule-0-days` …"""
    known, found = kinds(), list[Draft]()
    for place in range(MOST + 1):
        kind = known.get(sent.get(f"rule-{place}-kind", ""))
        if kind is not None:
            typed = {
                each.name: sent.get(f"rule-{place}-{each.name}", "").strip()[:200]
                for each in kind.params
            }
            found.append(Draft(kind, typed))
    return found[:MOST]


def drafted(found: Sequence[Draft], memory: Memory) -> dict[str, Any] | None:
    """The rule of a form; None, with the drafts' `errors` set, where something is wrong."""
    for draft in found:
        _check(draft, memory)
    if not found or any(draft.errors for draft in found):
        return None
    return rule_of([_as_kept(draft) for draft in found])


def checked(rule: Any, memory: Memory | None = None) -> dict[str, Any]:
    """The rule as it is kept. Raises `Refused` for one that cannot be meant."""
    asked = conditions(rule)
    found = drafts(rule)
    if not asked:
        raise Refused(_("A rule needs at least one condition."), "rule")
    if len(asked) > MOST:
        raise Refused(_("A rule has at most %(most)s conditions.", most=MOST), "rule")
    if len(found) < len(asked):
        raise Refused(_("This rule asks for something this program does not know."), "rule")
    kept = drafted(found, {} if memory is None else memory)
    if kept is None:
        raise Refused(next(s for draft in found for s in draft.errors.values()), "rule")
    return kept


def _as_typed(kept: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in kept.items() if name != "kind"}


def _as_kept(draft: Draft) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": draft.kind.name}
    for param in draft.kind.params:
        typed = draft.values.get(param.name, "")
        if typed:
            values[param.name] = int(typed) if param.kind == "number" else typed
    return values


def _check(draft: Draft, memory: Memory) -> None:
    for param in draft.kind.params:
        if error := _error(param, draft.values.get(param.name, ""), memory):
            draft.errors[param.name] = error


def _error(param: Param, typed: str, memory: Memory) -> str | None:
    if not typed:
        return _("%(what)s: fill this in.", what=param.label) if param.required else None
    if "\x00" in typed:
        return _("This holds a character that cannot be kept.")
    if param.kind == "number":
        if not (typed.isascii() and typed.isdigit() and len(typed) < 9):
            return _("%(what)s: give a whole number.", what=param.label)
        if not 1 <= int(typed) <= MOST_DAYS:
            return _("%(what)s: from 1 to %(most)s.", what=param.label, most=MOST_DAYS)
        return None
    if param.kind == "day":
        try:
            date.fromisoformat(typed)
        except ValueError:
            return _("%(what)s: give a date, such as 2026-03-31.", what=param.label)
        return None
    if param.words is None and typed not in dict(param.choices(memory)):
        return _("%(what)s: what was chosen is not there any more.", what=param.label)
    return None


def _words(draft: Draft, memory: Memory) -> dict[str, str]:
    """Values as a person reads them, beside the values themselves as `name:value`."""
    words = dict[str, str]()
    for param in draft.kind.params:
        typed = draft.values.get(param.name, "")
        words[f"{param.name}:value"] = typed
        words[param.name] = _said(param, typed, memory) if typed else ""
    return words


def _said(param: Param, typed: str, memory: Memory) -> str:
    if param.kind == "day":
        try:
            return day_told(date.fromisoformat(typed))
        except ValueError:
            return typed
    if param.kind == "number":
        return typed
    if param.words is not None:
        return param.words(typed)
    return str(dict(param.choices(memory)).get(typed, "?"))
