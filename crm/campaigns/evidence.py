"""The outreach that showed where a target stands. Its room lies above this one and offers it here,
as it offers what goals can count in `measures`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from flask import Flask, current_app

_KEY = "crm_position_evidence"


@dataclass(frozen=True)
class Shown:
    """An action as evidence: what it was, when, and the address of its page."""

    action_id: int
    what: str
    on: date
    url: str


class Evidence(Protocol):
    """What positions need to know of outreach."""

    def offered(self, target_id: int, also: int | None = None) -> Sequence[Shown]:
        """The latest that reached a target, the newest first; `also` one that is older."""

    def kept(self, position_ids: Collection[int]) -> Mapping[int, Shown]:
        """By position: the action that showed it. One statement at most."""

    def keep(self, position_id: int, target_id: int, action_id: int) -> None:
        """Name the action that showed a position. Raises `Refused` if it reached another target."""


class _Nothing:
    """Without a room above there is no outreach to choose."""

    def offered(self, target_id: int, also: int | None = None) -> Sequence[Shown]:
        return ()

    def kept(self, position_ids: Collection[int]) -> Mapping[int, Shown]:
        return {}

    def keep(self, position_id: int, target_id: int, action_id: int) -> None:
        raise LookupError("no room offers outreach as evidence")


def init_app(app: Flask) -> None:
    """Begin without any."""
    app.extensions[_KEY] = _Nothing()


def offer(app: Flask, evidence: Evidence) -> None:
    """Let positions name this outreach."""
    app.extensions[_KEY] = evidence


def evidence() -> Evidence:
    """What is offered."""
    found: Evidence = current_app.extensions[_KEY]
    return found
