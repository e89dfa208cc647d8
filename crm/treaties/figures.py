"""Live figures: a name such as `ccm.joined`, read from the ledger as of a date.

A name is `TREATY.MEASURE`, of a part of the world `TREATY.MEASURE@GROUP`, and with a number
`TREATY.gap_to:130`. Every figure says what it counts, when, and by whose word.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.errors import Refused
from crm.treaties import queries, reference
from crm.treaties.groups import groups
from crm.treaties.instruments import INSTRUMENTS, Instrument
from crm.treaties.queries import Ledger
from crm.treaties.rules import CONSENTS, Counts, Event

#: A whole number, or a share in percent to one decimal.
Number = int | float


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with all it needs to be quoted."""

    name: str
    label: str
    value: Number
    on: date
    source: str


@dataclass(frozen=True, slots=True)
class Measure:
    """What a figure counts. `is_share`: the value is percent."""

    name: str
    label: object
    of: Callable[[Counts], Number]
    is_share: bool = False


def _share(counts: Counts) -> float:
    return round(100 * counts.joined / counts.states, 1) if counts.states else 0.0


#: By name. `parties` is what a campaigner says for `joined`.
MEASURES = {
    each.name: each
    for each in (
        Measure("joined", _l("States Parties by deposit"), lambda c: c.joined),
        Measure("parties", _l("States Parties by deposit"), lambda c: c.joined),
        Measure("in_force", _l("States the treaty is in force for"), lambda c: c.in_force),
        Measure("signatories", _l("signatories that have not joined"), lambda c: c.signatories),
        Measure("endorsed", _l("states that signed or joined"), lambda c: c.joined + c.signatories),
        Measure("withdrawn", _l("states that withdrew"), lambda c: c.withdrawn),
        Measure("outside", _l("states that neither signed nor joined"), lambda c: c.outside),
        Measure("not_party", _l("states not party"), lambda c: c.not_party),
        Measure("states", _l("states in all"), lambda c: c.states),
        Measure("share_of_states", _l("States Parties in percent of all states"), _share, True),
    )
}
#: Events that counts follow from.
_COUNTED = frozenset(
    {"signature", *CONSENTS, "withdrawal_deposited", "withdrawal_held", "withdrawal_effective"}
)
#: With a number after it: what is missing to that many States Parties; 0 once it is reached.
GAP = "gap_to"
#: All figures without a group → what they count. `ccm.gap_to:130` stands for any number.
FIGURES: dict[str, tuple[Instrument, object]] = {
    f"{key.lower()}.{name}": (treaty, label)
    for key, treaty in INSTRUMENTS.items()
    for name, label in (
        *((each.name, each.label) for each in MEASURES.values()),
        (f"{GAP}:130", _l("States Parties missing to a goal, here 130")),
    )
}


def figure(name: str, *, on: date, ledger: Ledger | None = None) -> Figure:
    """Read a figure as of a day. Raises `Refused` with the nearest names for an unknown one.

    Who asks for several gives the `ledger` it read once.
    """
    wanted = name.strip().lower()
    head, at, group_key = wanted.partition("@")
    treaty_key, _dot, rest = head.partition(".")
    measure_name, colon, number = rest.partition(":")
    treaty = INSTRUMENTS.get(treaty_key.upper())
    measure = MEASURES.get(measure_name)
    is_gap = measure_name == GAP and number.isdecimal() and len(number) < 7
    known = ledger or queries.ledger()
    group = groups(known.states, on).get(group_key) if at else None
    if treaty is None or not (is_gap or (measure and not colon)) or (at and group is None):
        raise _unknown(wanted, known)
    counts = known.counts(treaty.key, on, group.members if group else None)
    value: Number
    if measure is not None:
        value, what = measure.of(counts), str(measure.label)
    else:
        value = max(int(number) - counts.joined, 0)
        what = _("States Parties by deposit missing to %(goal)s", goal=int(number))
    label = f"{treaty.short}: {what}" + (f" ({group.name})" if group else "")
    return Figure(wanted, label, value, on, source_of(known.of(treaty.key), on))


def source_of(events: Iterable[Event], on: date) -> str:
    """Who says so: the depositary's list, and whether other entries count by that day."""
    if any(
        event.on <= on and event.kind in _COUNTED and event.source != reference.DEPOSITARY
        for event in events
    ):
        return _("%(source)s, and entries since", source=reference.DEPOSITARY)
    return reference.DEPOSITARY


def names(*, ledger: Ledger | None = None) -> list[tuple[str, str]]:
    """Every figure that can be asked for, with its label: of all states, then of each group."""
    known = ledger or queries.ledger()
    found = [(name, f"{treaty.short}: {label}") for name, (treaty, label) in FIGURES.items()]
    # Keys of groups are the same on any day.
    for group in groups(known.states, date.max).values():
        found += [
            (f"{name}@{group.key}", f"{treaty.short}: {label} ({group.name})")
            for name, (treaty, label) in FIGURES.items()
        ]
    return found


def _unknown(name: str, ledger: Ledger) -> Refused:
    known = [each for each, _label in names(ledger=ledger)] if "@" in name else list(FIGURES)
    near = get_close_matches(name, known, n=3, cutoff=0.4) or list(FIGURES)[:3]
    return Refused(
        _("There is no figure %(name)s. The nearest: %(near)s.", name=name, near=", ".join(near)),
        field="name",
    )
