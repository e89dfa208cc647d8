"""The counting rule and the arithmetic of a batch. Pure.

A channel is counted *per piece* (each goes to exactly one target, so the targets' pieces add up
to the action's) or *as one act* (each target was reached by all of it, so the targets' pieces are
each the action's, and their sum counts the shared act more than once). A report's per-target
column counts what reached the target; its total counts everything once; the difference is said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core.errors import Refused
from crm.outreach.channels import Detail

#: Nothing the campaign did is older.
EARLIEST = date(1990, 1, 1)
#: More than this is a slip of the finger.
MOST_PIECES = 1_000_000
MOST_MINUTES = 10_000_000
_MONEY = re.compile(r"[0-9]{1,9}([.,][0-9]{1,2})?")
#: Of one member in one action: 166 hours.
MOST_MEMBER_MINUTES = 10_000


class Spread(StrEnum):
    """How a batch's pieces are shared out to its targets."""

    EVENLY = "evenly"
    NUMBERS = "numbers"
    ONE = "one"


def spread(pieces: int, among: int) -> list[int]:
    """Pieces as evenly as whole numbers allow, the remainder to the first: 7, 3 → 3, 2, 2."""
    if among < 1 or pieces < among:
        raise ValueError(f"{pieces} pieces cannot reach {among} targets")
    each, left = divmod(pieces, among)
    return [each + (1 if place < left else 0) for place in range(among)]


def share_to_targets(
    pieces: int, numbers: Sequence[int | None], way: Spread = Spread.EVENLY
) -> list[int]:
    """What each target gets of a batch counted per piece; `numbers` are those typed, or None.

    With `NUMBERS`, targets without one share what is left. Raises `Refused` with the number that
    is off.
    """
    if not numbers:
        return []
    if way is Spread.NUMBERS:
        return _by_numbers(pieces, numbers)
    if any(number is not None for number in numbers):
        raise Refused(
            _("Numbers stand behind some targets. Choose “By the numbers”, or take them away."),
            "spread",
        )
    if way is Spread.ONE and len(numbers) > 1:
        raise Refused(
            _(
                "All pieces are to go to one target, but %(number)s are chosen.",
                number=len(numbers),
            ),
            "spread",
        )
    if pieces < len(numbers):
        raise Refused(_too_few(pieces, len(numbers)), "pieces")
    return spread(pieces, len(numbers))


def _by_numbers(pieces: int, numbers: Sequence[int | None]) -> list[int]:
    given = sum(number or 0 for number in numbers)
    without = sum(number is None for number in numbers)
    left = pieces - given
    if left < 0:
        raise Refused(
            _(
                "The targets' numbers add up to %(sum)s, %(more)s more than the %(pieces)s pieces.",
                sum=given,
                more=-left,
                pieces=pieces,
            ),
            "chosen",
        )
    if left and not without:
        raise Refused(
            _(
                "The targets' numbers add up to %(sum)s, the pieces are %(pieces)s: "
                "%(left)s have no target.",
                sum=given,
                pieces=pieces,
                left=left,
            ),
            "chosen",
        )
    if left < without:
        raise Refused(
            _(
                "%(left)s of %(pieces)s pieces are left for %(targets)s targets without a number.",
                left=left,
                pieces=pieces,
                targets=without,
            ),
            "chosen",
        )
    rest = iter(spread(left, without) if without else ())
    return [next(rest) if number is None else number for number in numbers]


def share_to_members(pieces: int, numbers: Sequence[int | None]) -> list[int]:
    """What each named member did of a batch counted per piece.

    Those without a number share what is left evenly; if all have one, what is left is the unnamed
    tally. Raises `Refused` where the numbers are more than the pieces.
    """
    given = sum(number or 0 for number in numbers)
    without = sum(number is None for number in numbers)
    left = pieces - given
    if left < 0:
        raise Refused(too_many_named(given, pieces), "roster")
    if not without:
        return [number or 0 for number in numbers]
    if left < without:
        raise Refused(
            _(
                "%(left)s of %(pieces)s pieces are left for %(people)s people without a number. "
                "Give numbers, or leave these people out.",
                left=left,
                pieces=pieces,
                people=without,
            ),
            "roster",
        )
    rest = iter(spread(left, without))
    return [next(rest) if number is None else number for number in numbers]


def share_minutes(
    minutes: int, members: Mapping[int, int], *, per_piece: bool, pieces: int, people: int | None
) -> dict[int, int]:
    """What each named member spent of the minutes of everybody together, in whole minutes.

    Counted per piece, time goes by pieces, and the unnamed tally has its part; of an act,
    everybody who took part has the same, the `people` who are not named too. What is left over
    goes to the largest remainders, the lower id first, so that the same is always the same.
    """
    if not members:
        return {}
    named = sorted(members)
    weights = [members[member] if per_piece else 1 for member in named]
    whole = pieces if per_piece else max(people or 0, len(named))
    weights.append(whole - sum(weights))
    shares = [divmod(minutes * weight, whole) for weight in weights]
    left = minutes - sum(share for share, _rest in shares)
    order = sorted(range(len(shares)), key=lambda place: (-shares[place][1], place))
    gaining = set(order[:left])
    return {member: shares[place][0] + (place in gaining) for place, member in enumerate(named)}


def check_minutes(
    minutes: int | None, of_members: Mapping[int, int], members: Mapping[int, int]
) -> int | None:
    """Check what each member is said to have spent; returns the minutes of everybody together.

    Where those are not given, they are the members' sum.
    """
    if set(of_members) - set(members):
        raise Refused(_("Minutes are given for somebody who did not take part."), "roster")
    if any(not 0 <= each <= MOST_MEMBER_MINUTES for each in of_members.values()):
        raise Refused(
            _("Give the minutes of a person from 0 to %(most)s.", most=MOST_MEMBER_MINUTES),
            "minutes",
        )
    told = sum(of_members.values())
    if minutes is None:
        return told if of_members else None
    if told > minutes:
        raise Refused(
            _(
                "The members' minutes add up to %(sum)s, %(more)s more than the %(minutes)s of "
                "everybody together.",
                sum=told,
                more=told - minutes,
                minutes=minutes,
            ),
            "minutes",
        )
    return minutes


def too_many_named(named: int, pieces: int) -> str:
    """The sentence for named pieces beyond the pieces there are."""
    return _(
        "Named pieces add up to %(named)s, %(more)s more than the %(pieces)s pieces.",
        named=named,
        more=named - pieces,
        pieces=pieces,
    )


def tally_told(named: int, pieces: int) -> str:
    """How names and pieces fit, where names are fewer: it is no mistake, it is said."""
    return _(
        "The students' numbers add up to %(named)s, the pieces are %(pieces)s: "
        "%(unnamed)s are unnamed.",
        named=named,
        pieces=pieces,
        unnamed=pieces - named,
    )


def _too_few(pieces: int, targets: int) -> str:
    return _(
        "%(pieces)s cannot reach %(targets)s: each needs at least one.",
        pieces=ngettext("%(num)s piece", "%(num)s pieces", pieces),
        targets=ngettext("%(num)s target", "%(num)s targets", targets),
    )


def check_batch(
    *,
    per_piece: bool,
    needs_target: bool,
    pieces: int,
    targets: Mapping[int, int],
    members: Mapping[int, int],
    people: int | None,
) -> int:
    """Check that a batch's numbers fit each other; returns the unnamed tally.

    `targets` and `members` map ids to pieces. Raises `Refused` naming the number that is off.
    """
    if not 1 <= pieces <= MOST_PIECES:
        raise Refused(_("Give a number of pieces from 1 to %(most)s.", most=MOST_PIECES), "pieces")
    if needs_target and not targets:
        raise Refused(_("Say whom it went to: choose at least one target."), "aim")
    if per_piece:
        unnamed = _check_pieces(pieces, targets, members)
    else:
        unnamed = _check_act(pieces, targets, members)
    if people is not None and not len(members) <= people <= MOST_PIECES:
        raise Refused(
            _(
                "%(named)s people are named, so at least as many took part; %(people)s cannot be.",
                named=len(members),
                people=people,
            ),
            "people",
        )
    return unnamed


def _check_pieces(pieces: int, targets: Mapping[int, int], members: Mapping[int, int]) -> int:
    if any(number < 1 for number in targets.values()):
        raise Refused(_("Each target needs at least one piece."), "chosen")
    if targets and pieces < len(targets):
        raise Refused(_too_few(pieces, len(targets)), "pieces")
    if targets:
        _by_numbers(pieces, list(targets.values()))
    if any(number < 0 for number in members.values()):
        raise Refused(_("A number of pieces cannot be below zero."), "roster")
    named = sum(members.values())
    if named > pieces:
        raise Refused(too_many_named(named, pieces), "roster")
    return pieces - named


def _check_act(pieces: int, targets: Mapping[int, int], members: Mapping[int, int]) -> int:
    if pieces != 1:
        raise Refused(_("This is counted as one act: log each on its own."), "pieces")
    if any(number != pieces for number in (*targets.values(), *members.values())):
        raise Refused(_("This is counted as one act: nobody has a number of their own."), "chosen")
    return 0 if members else pieces


def check_days(happened_on: date, until: date | None, today: date) -> None:
    """Refuse days to come, days too long ago, and a period that ends before it began."""
    if happened_on > today:
        raise Refused(_("This date is in the future. Log what has been done."), "happened_on")
    if happened_on < EARLIEST:
        raise Refused(
            _("This date is before %(year)s. Is the year right?", year=EARLIEST.year), "happened_on"
        )
    if until is not None and until > today:
        raise Refused(_("This date is in the future. Log what has been done."), "until")
    if until is not None and until < happened_on:
        raise Refused(_("The last day is before the first."), "until")


def check_answer_day(received_on: date, happened_on: date, today: date) -> None:
    """Refuse an answer of tomorrow, or from before what it answers."""
    if received_on > today:
        raise Refused(_("This date is in the future."), "received_on")
    if received_on < happened_on:
        raise Refused(_("This date is before the outreach it answers."), "received_on")


def check_details(asked: Sequence[Detail], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a channel's own questions were answered with, empty answers left out.

    A refusal's field is `detail_<name>`. Raises `ValueError` for a question the channel does not
    ask: that is a caller's mistake.
    """
    if unknown := set(given) - {detail.name for detail in asked}:
        raise ValueError(f"no such details: {sorted(unknown)}")
    read = {detail.name: _check_detail(detail, given.get(detail.name)) for detail in asked}
    return {name: value for name, value in read.items() if value is not None}


def _check_detail(detail: Detail, value: Any) -> str | int | None:
    text = str(value).strip() if value is not None else ""
    field = f"detail_{detail.name}"
    if not text:
        return None
    if len(text) > 500 or "\x00" in text:
        raise Refused(_("Use at most %(most)s characters.", most=500), field)
    if detail.kind == "number":
        if not (text.isascii() and text.isdigit()) or int(text) > 2_000_000_000:
            raise Refused(_("Give a whole number."), field)
        return int(text)
    if detail.kind == "money":
        if not _MONEY.fullmatch(text):
            raise Refused(_("Give an amount such as 94.55."), field)
        # As it was typed, so that no cent is lost; in whatever money was paid with.
        return text.replace(",", ".")
    if detail.kind == "url" and not text.startswith(("https://", "http://")):
        raise Refused(_("Give a link that begins with https://"), field)
    if detail.kind == "choice" and text not in dict(detail.choices):
        raise Refused(_("Choose one of the list."), field)
    return text


@dataclass(frozen=True)
class Reconciliation:
    """How a report's rows and its total fit: `rows_total - shared + untold = total`.

    `shared` is what the rows count more than once (joint chapters, acts with several targets);
    `untold` what no row shows (pieces nobody is named for, acts without a target).
    """

    rows_total: int
    shared: int
    untold: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether the sums agree; a report whose sums do not is a bug."""
        return self.rows_total - self.shared + self.untold == self.total
