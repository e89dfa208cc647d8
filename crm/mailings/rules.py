"""What is true of packs without the database: states, money, and which pieces a number means."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _

from crm.core.errors import Refused

#: Pieces of one pack.
MOST_PIECES = 5_000
#: Minutes and postage (in hundredths) of one piece.
MOST_MINUTES, MOST_POSTAGE = 600, 100_000


class State(StrEnum):
    """How far a piece has come."""

    TO_PREPARE = "to-prepare"
    PREPARED = "prepared"
    POSTED = "posted"


class LetterState(StrEnum):
    """Where a letter to members stands."""

    SENDING = "sending"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class RowState(StrEnum):
    """What became of one member's letter."""

    TO_SEND = "to-send"
    #: In the outbox.
    QUEUED = "queued"
    SENT = "sent"
    WITHHELD = "withheld"
    FAILED = "failed"


def state_name(state: str) -> str:
    """A piece's state in the reader's words."""
    return {
        State.TO_PREPARE: _("To prepare"),
        State.PREPARED: _("Prepared"),
        State.POSTED: _("Posted"),
    }[State(state)]


def letter_state_name(state: Any) -> str:
    """A letter's state in the reader's words."""
    words = {
        LetterState.SENDING: _("Being sent"),
        LetterState.PAUSED: _("Paused"),
        LetterState.STOPPED: _("Stopped"),
        LetterState.DONE: _("Done"),
    }
    return words[LetterState(state)] if state in set(LetterState) else str(state)


def row_state_name(state: str) -> str:
    """The state of one member's letter in the reader's words."""
    return {
        RowState.TO_SEND: _("To send"),
        RowState.QUEUED: _("Queued"),
        RowState.SENT: _("Sent"),
        RowState.WITHHELD: _("Not sent"),
        RowState.FAILED: _("Failed"),
    }[RowState(state)]


def read_money(typed: str) -> int:
    """Hundredths of what was typed: `0.61`, `61`, `1,20`. Raises ValueError with a sentence."""
    plain = typed.strip().replace(",", ".")
    whole, _dot, part = plain.partition(".")
    if not (whole.isascii() and whole.isdigit()) or len(part) > 2 or len(whole) > 6:
        raise ValueError(_("Give an amount such as 0.61."))
    if part and not (part.isascii() and part.isdigit()):
        raise ValueError(_("Give an amount such as 0.61."))
    return int(whole) * 100 + int(part.ljust(2, "0") or 0)


def money(hundredths: int) -> str:
    """An amount as it is kept and typed: `94.55`."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


@dataclass(frozen=True, slots=True)
class Held:
    """A piece, as far as choosing needs it."""

    id: int
    number: int
    target_id: int
    member_id: int | None
    state: str = State.TO_PREPARE


def meant(
    pieces: Iterable[Held],
    *,
    count: int | None = None,
    by_member: Mapping[int | None, int] | None = None,
    by_target: Mapping[int, int] | None = None,
) -> list[Held]:
    """The pieces that numbers mean: all without any. Prepared ones first, then in their order.

    Members and targets without a number have all of theirs meant, in a list that names anybody.
    Raises `Refused` where there are fewer than asked for.
    """
    order = sorted(pieces, key=lambda each: (each.state != State.PREPARED, each.number))
    members, targets = dict(by_member or {}), dict(by_target or {})
    if members and targets:
        raise Refused(
            _("Give numbers by person or by target, not both: one of them says it already.")
        )
    if members:
        return _some(order, members, lambda each: each.member_id)
    if targets:
        return _some(order, targets, lambda each: each.target_id)
    if count is None:
        return order
    if count > len(order):
        raise Refused(_too_few(count, len(order)), "pieces")
    if count < 1:
        raise Refused(_("Give a number from 1 on."), "pieces")
    return order[:count]


def _some(
    order: Sequence[Held], numbers: Mapping[Any, int], key: Callable[[Held], Any]
) -> list[Held]:
    there = Counter(key(each) for each in order)
    for whose, number in numbers.items():
        if not 0 <= number <= there[whose]:
            raise Refused(_too_few(number, there[whose]), "numbers")
    left = dict(numbers)
    chosen = []
    for each in order:
        whose = key(each)
        if left.get(whose, 0) > 0:
            left[whose] -= 1
            chosen.append(each)
    return chosen


def _too_few(wanted: int, there: int) -> str:
    return _(
        "%(wanted)s pieces are asked for, and there are %(there)s.", wanted=wanted, there=there
    )


def counted(pieces: Collection[Held]) -> tuple[dict[int, int], dict[int, int]]:
    """How many by target, and by member; those in the pool are nobody's."""
    targets = Counter(each.target_id for each in pieces)
    members = Counter(each.member_id for each in pieces if each.member_id is not None)
    return dict(sorted(targets.items())), dict(sorted(members.items()))
