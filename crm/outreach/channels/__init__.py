"""Ways to reach a target. Each is one file here that sets `CHANNEL`; nothing else names them all.

What a channel needs beyond the common form are its `details`, kept in the action's JSON column,
so that a new channel needs no migration.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any


class Counted(StrEnum):
    """How a channel is counted (the counting rule, see `crm.outreach.rules`)."""

    #: Every piece goes to exactly one target: the targets' pieces add up to the action's.
    PER_PIECE = "per piece"
    #: One act may reach several targets; each of them was reached by all of it.
    AS_ONE_ACT = "as one act"


@dataclass(frozen=True)
class Detail:
    """A question only this channel asks. `kind` is text | url | number | money | choice."""

    name: str
    label: Any
    kind: str = "text"
    choices: tuple[tuple[str, Any], ...] = ()
    help: Any = None


@dataclass(frozen=True)
class Channel:
    """One way to reach a target."""

    #: In addresses and in the database.
    name: str
    label: Any
    #: Where its tile stands.
    order: int
    icon: str
    counted: Counted
    #: "1 postcard", "150 postcards" in the reader's language.
    count: Callable[[int], str]
    #: Whether an answer is waited for.
    expects_answer: bool
    #: OSDI's outreach type: "email" | "in-person" | "phone" | "postal mail" | another word.
    osdi: str
    #: Whether it can be logged without a target (an event for the public).
    needs_target: bool = True
    #: The kind of contact point a piece is sent to, which may fail: `postal`, `email`.
    sent_to: str | None = None
    details: tuple[Detail, ...] = ()
    #: What the person is called who takes part: writer, caller, delegate.
    roles: tuple[tuple[str, Any], ...] = ()

    @property
    def per_piece(self) -> bool:
        """Whether every piece goes to exactly one target."""
        return self.counted is Counted.PER_PIECE


@cache
def channels() -> dict[str, Channel]:
    """All channels by name, in the order of their tiles."""
    found = [
        import_module(f"{__name__}.{module.name}").CHANNEL
        for module in pkgutil.iter_modules(__path__)
    ]
    return {channel.name: channel for channel in sorted(found, key=lambda each: each.order)}


def per_piece_names() -> list[str]:
    """Names of the channels that are counted per piece."""
    return [channel.name for channel in channels().values() if channel.per_piece]


def awaited_names() -> list[str]:
    """Names of the channels that wait for an answer."""
    return [channel.name for channel in channels().values() if channel.expects_answer]
