"""What can come back from a target. Each kind is one file here that sets `KIND`.

The database keeps the name, so that a new kind needs no migration.
"""

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class OutcomeKind:
    """One kind of outcome."""

    #: In the database and in addresses.
    name: str
    label: Any
    help: Any
    order: int
    #: Colour of its badge: good | plain | warn | bad.
    tone: str
    #: Whether it counts as an answer in the response rate. Any outcome ends the waiting.
    is_answer: bool
    #: Whether it says that the target moved: it counts as progress on a list.
    is_move: bool = False
    #: Whether it says that an address is not good: the form asks which, and marks it bad.
    fails_address: bool = False


@cache
def outcome_kinds() -> dict[str, OutcomeKind]:
    """All kinds by name, in the order they are offered."""
    found = [
        import_module(f"{__name__}.{module.name}").KIND for module in pkgutil.iter_modules(__path__)
    ]
    return {kind.name: kind for kind in sorted(found, key=lambda each: each.order)}


def move_names() -> list[str]:
    """Names of the kinds that say a target moved."""
    return [kind.name for kind in outcome_kinds().values() if kind.is_move]


def answer_names() -> list[str]:
    """Names of the kinds that count as an answer."""
    return [kind.name for kind in outcome_kinds().values() if kind.is_answer]
