"""The conditions of a list's rule that speak of treaties: where a state stands on a day."""

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement

from crm.targets.list_rules import Asking, Memory, Param, RuleKind, Values
from crm.targets.models import Target
from crm.treaties import queries, rules
from crm.treaties.blocs import BLOCS, members
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.rules import Event, Standing, Status

_GROUP = _l("Treaties")
NOT_PARTY = "not_party"
MEMBER, NO_MEMBER = "in", "not in"
#: What a state can be asked to be, with its part of the sentence.
STANDINGS = {
    NOT_PARTY: _l("not party to"),
    Status.PARTY.value: _l("party to"),
    "in_force": _l("bound by (in force)"),
    Status.SIGNATORY.value: _l("signatory of, not party to"),
    Status.OUTSIDE.value: _l("neither signatory of nor party to"),
    Status.WITHDRAWN.value: _l("withdrawn from"),
}


def _states(memory: Memory) -> list[queries.State]:
    if "treaties.states" not in memory:
        memory["treaties.states"] = queries.states()
    found: list[queries.State] = memory["treaties.states"]
    return found


def _events(memory: Memory) -> list[Event]:
    """The events of both treaties: read once, whatever the days and rules of a page."""
    if "treaties.events" not in memory:
        memory["treaties.events"] = queries.events()
    found: list[Event] = memory["treaties.events"]
    return found


def _standings(treaty: str, asking: Asking) -> dict[str, Standing]:
    key = ("treaties.standings", treaty, asking.day)
    if key not in asking.memory:
        codes = [state.iso3 for state in _states(asking.memory)]
        ours = (event for event in _events(asking.memory) if event.treaty == treaty)
        asking.memory[key] = rules.standings(INSTRUMENTS[treaty], asking.day, ours, codes)
    found: dict[str, Standing] = asking.memory[key]
    return found


def _stands(standing: Standing, wanted: str) -> bool:
    if wanted == NOT_PARTY:
        return standing.status is not Status.PARTY
    if wanted == "in_force":
        return standing.is_in_force
    return standing.status is Status(wanted)


def are_states(codes: Iterable[str], memory: Memory) -> ColumnElement[bool]:
    """Whether a `Target` is the government of one of these states (alpha-3)."""
    wanted = set(codes)
    return Target.id.in_([each.target_id for each in _states(memory) if each.iso3 in wanted])


def _where(values: Values, asking: Asking) -> ColumnElement[bool]:
    wanted = values["is"]
    found = _standings(values["treaty"], asking)
    return are_states(
        (code for code, standing in found.items() if _stands(standing, wanted)), asking.memory
    )


def _belongs(values: Values, asking: Asking) -> ColumnElement[bool]:
    """Who belongs to it on the day: a state that left later was of it."""
    theirs = members(BLOCS[values["bloc"]].key, asking.day)
    if values["is"] == MEMBER:
        return are_states(theirs, asking.memory)
    codes = {state.iso3 for state in _states(asking.memory)}
    return are_states(codes - theirs, asking.memory)


def _tell(words: Any) -> str:
    return _("%(stand)s the %(treaty)s", stand=words["is"], treaty=words["treaty"])


KINDS = (
    RuleKind(
        name="treaty",
        label=_l("Are party, or not, to a treaty"),
        group=_GROUP,
        order=30,
        params=(
            Param("is", _l("They are"), choices=lambda _m: list(STANDINGS.items())),
            Param(
                "treaty",
                _l("Treaty"),
                choices=lambda _m: [(key, each.short) for key, each in INSTRUMENTS.items()],
            ),
        ),
        where=_where,
        tell=_tell,
        noun=lambda _words: _("States"),
    ),
    RuleKind(
        name="bloc",
        label=_l("Belong to a bloc, or not"),
        group=_GROUP,
        order=31,
        params=(
            Param(
                "is",
                _l("Do they?"),
                choices=lambda _m: [(MEMBER, _l("in")), (NO_MEMBER, _l("not in"))],
                default=MEMBER,
            ),
            Param(
                "bloc",
                _l("Bloc"),
                choices=lambda _m: [(key, each.name) for key, each in BLOCS.items()],
            ),
        ),
        where=_belongs,
        tell=lambda words: _("%(is_in)s the %(bloc)s", is_in=words["is"], bloc=words["bloc"]),
        noun=lambda _words: _("States"),
    ),
)
