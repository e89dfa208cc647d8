"""Compares a table with the ledger: what is new in it, and what it has on another day. Pure.

Nothing is ever taken out because a table lacks it. A day that was replaced here is not brought
back by a table that still has it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from flask_babel import gettext as _

from crm.core.changes import Change
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.order import NEW, faults
from crm.treaties.reference import RECKONED
from crm.treaties.rules import CONSENTS, Event, entry_into_force
from crm.treaties.sources import Row

#: What an event is of: treaty, state, kind (all consents are one), article, year.
Key = tuple[str, str, str, str | None, int | None]

#: Treaty and state.
Where = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A row to write: a new event, or one that corrects another."""

    event: Event
    row: Row | None
    corrects: Event | None = None
    note: str | None = None


@dataclass
class Plan:
    """What a table would do to the ledger."""

    steps: list[Step] = field(default_factory=list)
    unchanged: int = 0
    #: Rows that stand here replaced or taken back.
    kept: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """What the summary says."""
        corrected = sum(step.corrects is not None for step in self.steps)
        return {
            "added": len(self.steps) - corrected,
            "corrected": corrected,
            "unchanged": self.unchanged,
            "kept": self.kept,
        }

    def after(self, ledger: Iterable[Event]) -> dict[Where, list[Event]]:
        """The events as they would be, by treaty and state."""
        gone = {step.corrects.id for step in self.steps if step.corrects}
        kept = [event for event in ledger if event.id not in gone]
        return _by_state([*kept, *(step.event for step in self.steps)])

    def changes(self, names: Mapping[str, str]) -> list[Change]:
        """A line a step, for the changes file."""
        return [_change(step, names) for step in self.steps]


def _by_state(events: Iterable[Event]) -> dict[Where, list[Event]]:
    found: dict[Where, list[Event]] = defaultdict(list)
    for event in events:
        found[event.treaty, event.state].append(event)
    return found


def key_of(event: Event) -> Key:
    """What an event is of."""
    kind = "consent" if event.kind in CONSENTS else event.kind
    return event.treaty, event.state, kind, event.article, event.year


def plan(
    rows: Iterable[Row],
    ledger: Sequence[Event],
    replaced: Iterable[Event],
    today: date,
    source: str,
) -> Plan:
    """Hold a table against the events that hold and those that were replaced.

    `source` is what a row without one is said to come from. New
    events have ids from `order.NEW` on.
    """
    held: dict[Key, list[Event]] = defaultdict(list)
    for event in ledger:
        held[key_of(event)].append(event)
    old = {_same(event) for event in replaced}
    fresh: list[tuple[Event, Row]] = []
    made = Plan()
    in_force = set()
    for number, row in enumerate(rows, start=1):
        event = _event(row, NEW + number, today, source)
        if event.kind == "entry_into_force":
            in_force.add((event.treaty, event.state))
        match = _match(event, held[key_of(event)])
        if match is not None:
            held[key_of(event)].remove(match)
            made.unchanged += 1
        elif _same(event) in old:
            made.kept += 1
        else:
            fresh.append((event, row))
    theirs = _by_state(ledger)
    for event, row in sorted(fresh, key=lambda pair: pair[0].on):
        present = _corrected(event, held[key_of(event)], theirs[event.treaty, event.state], today)
        made.steps.append(Step(event, row, present, row.note))
        theirs[event.treaty, event.state].append(event)
        if present:
            held[key_of(event)].remove(present)
            theirs[event.treaty, event.state].remove(present)
    _follow(made, ledger, in_force)
    return made


def _corrected(
    event: Event, held: Sequence[Event], theirs: Sequence[Event], today: date
) -> Event | None:
    """The entry that the table has not, and that cannot be beside the new one."""
    if not held:
        return None
    treaty = INSTRUMENTS[event.treaty]
    here, both = faults(treaty, theirs, today), faults(treaty, [*theirs, event], today)
    return held[-1] if len(both) > len(here) else None


def _event(row: Row, number: int, today: date, source: str) -> Event:
    return Event(
        number, row.treaty, row.state, row.kind, row.on or today, row.day_known,
        row.until, row.article, row.year, row.source or source,
    )  # fmt: skip


def _same(event: Event) -> tuple[object, ...]:
    return (*key_of(event), event.kind, event.on, event.until)


def _match(event: Event, held: Iterable[Event]) -> Event | None:
    for each in held:
        if each.kind != event.kind:
            continue
        # A table that does not know the day has nothing to say against ours.
        if not event.day_known or (
            each.on == event.on and each.day_known and each.until == event.until
        ):
            return each
    return None


def _follow(made: Plan, ledger: Sequence[Event], told: Collection[Where]) -> None:
    """A day of entry into force that followed from a deposit goes with it when that moves.

    Of the states in `told` the table gives that day itself.
    """
    for step in list(made.steps):
        where = (step.event.treaty, step.event.state)
        if step.corrects is None or step.event.kind not in CONSENTS or where in told:
            continue
        if follower := following(step.corrects, step.event, ledger):
            number = 2 * NEW + len(made.steps)
            new = follower._replace(id=number, on=_in_force(step.event), source=RECKONED)
            made.steps.append(Step(new, step.row, follower))


def following(old: Event, new: Event, ledger: Iterable[Event]) -> Event | None:
    """The entry into force that was reckoned from `old` and is another by `new`."""
    if not old.day_known or not new.day_known or _in_force(old) == _in_force(new):
        return None
    return next(
        (
            event
            for event in ledger
            if (event.treaty, event.state, event.kind)
            == (old.treaty, old.state, "entry_into_force")
            and event.on == _in_force(old)
        ),
        None,
    )


def _in_force(deposit: Event) -> date:
    return entry_into_force(deposit.on, INSTRUMENTS[deposit.treaty])


def wrong(made: Plan, ledger: Sequence[Event], today: date) -> list[str]:
    """What the treaties rule out of what a plan would make, by file, row and field."""
    before, after = _by_state(ledger), made.after(ledger)
    touched: dict[Where, list[Step]] = defaultdict(list)
    for step in made.steps:
        touched[step.event.treaty, step.event.state].append(step)
    sentences = []
    for (treaty, state), steps in touched.items():
        instrument = INSTRUMENTS[treaty]
        known = {fault.event.id for fault in faults(instrument, before[treaty, state], today)}
        rows = {step.event.id: step.row for step in steps}
        first = next(step.row for step in steps if step.row)
        for fault in faults(instrument, after[treaty, state], today):
            if fault.event.id in known:
                continue
            row = rows.get(fault.event.id) or first
            column = None if fault.field in ("happened_on", "kind") else fault.field
            sentences.append(row.wrong(f"{state} {treaty}: {fault.message}", column))
    return sentences


def doubtful(made: Plan, ledger: Sequence[Event]) -> list[str]:
    """Days of entry into force that are not what article 17 gives for the deposit."""
    touched = {
        (step.event.treaty, step.event.state)
        for step in made.steps
        if step.event.kind in (*CONSENTS, "entry_into_force")
    }
    after = made.after(ledger)
    sentences = []
    for treaty, state in sorted(touched):
        theirs = after[treaty, state]
        consents = [event for event in theirs if event.kind in CONSENTS and event.day_known]
        days = [event.on for event in theirs if event.kind == "entry_into_force"]
        if not len(consents) == 1 == len(days) or consents[0].kind == "succession":
            continue
        reckoned = _in_force(consents[0])
        if days[0] != reckoned:
            sentences.append(
                _("%(treaty)s %(state)s: entry into force on %(day)s; article 17 gives "
                  "%(reckoned)s for a deposit on %(deposit)s.", treaty=treaty, state=state,
                  day=days[0].isoformat(), reckoned=reckoned.isoformat(),
                  deposit=consents[0].on.isoformat())
            )  # fmt: skip
    return sentences


def _change(step: Step, names: Mapping[str, str]) -> Change:
    event, old = step.event, step.corrects
    key = " ".join(
        str(part)
        for part in (event.treaty, event.state, event.kind, event.article, event.year)
        if part is not None
    )
    kind = "corrected" if old else "added"
    if old is None:
        return Change(kind, key, names[event.state], "", _said(event))
    if old.kind == event.kind:
        return Change(kind, key, names[event.state], _said(old), _said(event))
    return Change(kind, key, names[event.state], f"{old.kind} {_said(old)}",
                  f"{event.kind} {_said(event)}")  # fmt: skip


def _said(event: Event) -> str:
    if not event.day_known:
        return _("day not known")
    return event.on.isoformat() + (f" until {event.until.isoformat()}" if event.until else "")
