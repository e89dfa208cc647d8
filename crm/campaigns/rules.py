"""What is true of campaigns and goals, without the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from flask_babel import format_date, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.errors import Refused
from crm.targets.rules import is_link

#: Where paper goes, where a target has both.
PAPER_TO = {
    "capital": _l("To the office in the capital"),
    "district": _l("To a district office"),
}
#: Most asks or goals of one campaign: a form's length, not a limit anybody should meet.
MOST_ROWS = 30
#: The largest goal: what is larger is a slip of the finger.
MOST_PIECES = 10_000_000
#: Less than this part of what an even pace would have done is behind.
SLACK = 0.9
#: Where a target can stand on an ask, from the best; the numbers are what is stored.
SUPPORTS: dict[int, object] = {
    2: _l("Champion"),
    1: _l("Supporter"),
    0: _l("Undecided"),
    -1: _l("Opponent"),
    -2: _l("Strong opponent"),
}
#: How sure the author is.
CONFIDENCES: dict[str, object] = {
    "low": _l("low confidence"),
    "medium": _l("medium confidence"),
    "high": _l("high confidence"),
}


class State(StrEnum):
    """Where a campaign stands on a day."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"


class Pace(StrEnum):
    """How a goal stands on a day."""

    REACHED = "reached"
    OVERDUE = "overdue"
    BEHIND = "behind"
    ON_PACE = "on pace"


def state(starts_on: date, ends_on: date | None, today: date) -> State:
    """Planned before its first day, ended after its last, running between."""
    if today < starts_on:
        return State.PLANNED
    return State.ENDED if ends_on is not None and today > ends_on else State.RUNNING


@dataclass(frozen=True)
class AskDraft:
    """An ask as wanted; with an id, the one it rewords."""

    text: str
    id: int | None = None


@dataclass(frozen=True)
class GoalDraft:
    """A goal as wanted; with an id, the one it changes. Without channel and figure: all kinds."""

    number: int
    channel: str | None = None
    due_on: date | None = None
    source: str | None = None
    id: int | None = None
    #: Of the treaty ledger: `ccm.joined`. Outreach is not counted then.
    figure: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a goal is on a day: `done` of `number`, counted by who calls."""

    done: int
    number: int
    starts_on: date
    due_on: date | None
    today: date
    #: A number that does not begin at nothing, as a treaty's parties: it has no even pace.
    is_figure: bool = False

    @property
    def to_go(self) -> int:
        """What is missing; 0 when reached."""
        return max(0, self.number - self.done)

    @property
    def share(self) -> float:
        """Part of the number that is done, at most 1."""
        return min(1.0, self.done / self.number)

    @property
    def days_left(self) -> int | None:
        """Days until it is due, negative after; None without a day."""
        return (self.due_on - self.today).days if self.due_on is not None else None

    @property
    def pace(self) -> Pace:
        """Reached, overdue, or whether the share done keeps up with the share of time gone."""
        if self.to_go == 0:
            return Pace.REACHED
        if self.due_on is None or self.days_left is None:
            return Pace.ON_PACE
        if self.days_left < 0:
            return Pace.OVERDUE
        if self.is_figure:
            return Pace.ON_PACE
        whole = (self.due_on - self.starts_on).days + 1
        gone = (self.today - self.starts_on).days
        if gone <= 0 or whole <= 0:
            return Pace.ON_PACE
        expected = self.number * gone / whole
        return Pace.BEHIND if self.done < SLACK * expected else Pace.ON_PACE

    @property
    def words(self) -> str:
        """`96 of 150 by Mar 31, 2026: 54 to go, 12 days left`."""
        head = _("%(done)s of %(number)s", done=_written(self.done), number=_written(self.number))
        if self.due_on is not None:
            head = _("%(head)s by %(day)s", head=head, day=format_date(self.due_on, "medium"))
        return _("%(head)s: %(tail)s", head=head, tail=self._tail())

    def _tail(self) -> str:
        if self.to_go == 0:
            return _("reached")
        left = self.days_left
        if left is None:
            return _("%(num)s to go", num=_written(self.to_go))
        if left < 0:
            over = ngettext("%(num)s day over", "%(num)s days over", -left)
            return _("%(num)s short, %(over)s", num=_written(self.to_go), over=over)
        when = ngettext("%(num)s day left", "%(num)s days left", left) if left else _("due today")
        return _("%(num)s to go, %(when)s", num=_written(self.to_go), when=when)


def _written(number: int) -> str:
    return str(format_decimal(number))


def check_period(starts_on: date, ends_on: date | None) -> None:
    """Raise `Refused` for a period that ends before it begins."""
    if ends_on is not None and ends_on < starts_on:
        raise Refused(_("The last day lies before the first."), "ends_on")


def check_asks(asks: Sequence[AskDraft]) -> None:
    """Raise `Refused` for too many asks, or one that stands twice."""
    if len(asks) > MOST_ROWS:
        raise Refused(_("A campaign has at most %(most)s asks.", most=MOST_ROWS), "asks")
    seen: set[str] = set()
    for ask in asks:
        if ask.text.casefold() in seen:
            raise Refused(_("The ask “%(ask)s” stands here twice.", ask=ask.text), "asks")
        seen.add(ask.text.casefold())


def check_goals(goals: Sequence[GoalDraft], starts_on: date) -> None:
    """Raise `Refused` for too many goals, a number that is none, or a day before the campaign."""
    if len(goals) > MOST_ROWS:
        raise Refused(_("A campaign has at most %(most)s goals.", most=MOST_ROWS), "goals")
    for goal in goals:
        if not 1 <= goal.number <= MOST_PIECES:
            raise Refused(
                _("A goal is a number from 1 to %(most)s.", most=_written(MOST_PIECES)), "goals"
            )
        # A figure may be somebody else's goal of long ago: 130 States Parties by 2020.
        if goal.due_on is not None and goal.due_on < starts_on and goal.figure is None:
            raise Refused(
                _(
                    "The goal of %(number)s is due before the campaign starts.",
                    number=_written(goal.number),
                ),
                "goals",
            )


def check_position(
    *,
    support: int,
    confidence: str,
    seen_on: date,
    link: str | None,
    has_evidence: bool,
    today: date,
) -> None:
    """Raise `Refused` for a position that says nothing, or that nobody could trace."""
    if support not in SUPPORTS:
        raise Refused(_("Choose where they stand."), "support")
    if confidence not in CONFIDENCES:
        raise Refused(_("Say how sure you are."), "confidence")
    if seen_on > today:
        raise Refused(_("This date is in the future. Record what has been seen."), "seen_on")
    if link is not None and not is_link(link):
        raise Refused(_("A link begins with https:// or http://."), "link")
    if not has_evidence:
        raise Refused(
            _("Say what showed it: in words, by a link, a scan, or the outreach that brought it."),
            "evidence",
        )
