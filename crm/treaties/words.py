"""What the ledger knows, in words and on a map: the same on every page."""

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.i18n import day as written
from crm.core.tiles import Sort
from crm.treaties.rules import Counts, Standing, Status

#: The five counts, in the order pages show them: (field of `Counts`, label, what it counts).
COUNTS: tuple[tuple[str, Any, Any], ...] = (
    ("joined", _l("Joined"), _l("consent deposited by that day")),
    ("in_force", _l("In force"), _l("of those, bound on that day")),
    ("signatories", _l("Signatories"), _l("signed, not joined")),
    ("outside", _l("Outside"), _l("neither signed nor joined")),
    ("withdrawn", _l("Withdrawn"), _l("withdrawal in effect")),
)
STATUS = {
    Status.PARTY: _l("State Party"),
    Status.SIGNATORY: _l("Signatory"),
    Status.WITHDRAWN: _l("Withdrawn"),
    Status.OUTSIDE: _l("Outside"),
}
BADGES = {
    Status.PARTY: "badge-good",
    Status.SIGNATORY: "badge-warn",
    Status.WITHDRAWN: "badge-bad",
    Status.OUTSIDE: "badge-plain",
}
#: Classes of the map. `joining`: joined, and the treaty binds later.
SORTS: tuple[tuple[str, Any, str], ...] = (
    ("party", _l("Joined and in force"), "none"),
    ("joining", _l("Joined, in force later"), "dot"),
    ("signatory", _l("Signed only"), "stripes"),
    ("withdrawn", _l("Withdrawn"), "strike"),
    ("outside", _l("Outside"), "none"),
)
CONSENTS = {
    "ratification": _l("ratified"),
    "acceptance": _l("accepted"),
    "approval": _l("approved"),
    "accession": _l("acceded"),
    "succession": _l("succeeded"),
}


def sort_of(standing: Standing) -> str:
    """The class of a state's tile."""
    if standing.status is Status.PARTY:
        return "party" if standing.is_in_force else "joining"
    return {
        Status.SIGNATORY: "signatory",
        Status.WITHDRAWN: "withdrawn",
        Status.OUTSIDE: "outside",
    }[standing.status]


def sorts(counts: Counts) -> list[Sort]:
    """The legend of the map, with how many states each has."""
    number = {
        "party": counts.in_force,
        "joining": counts.joined - counts.in_force,
        "signatory": counts.signatories,
        "withdrawn": counts.withdrawn,
        "outside": counts.outside,
    }
    return [Sort(key, label, mark, number[key]) for key, label, mark in SORTS]


def told(standing: Standing) -> str:
    """Where a state stands, in a clause: `acceded on 6 Aug 2020, in force on 1 Feb 2021`."""
    if standing.status is Status.OUTSIDE:
        return _("neither signed nor joined")
    if standing.status is Status.SIGNATORY:
        return _("signed on %(day)s, not joined", day=written(standing.signed_on))
    joined = joined_told(standing)
    if standing.status is Status.WITHDRAWN:
        return _("%(joined)s, withdrew with effect from %(day)s",
                 joined=joined, day=written(standing.withdrawn_on))  # fmt: skip
    if standing.withdrawn_on is not None:
        return _("%(joined)s, withdrawal takes effect on %(day)s",
                 joined=joined, day=written(standing.withdrawn_on))  # fmt: skip
    if standing.in_force_on is None:
        return _("%(joined)s, entry into force not known", joined=joined)
    if standing.is_in_force:
        return _("%(joined)s, in force since %(day)s",
                 joined=joined, day=written(standing.in_force_on))  # fmt: skip
    return _("%(joined)s, in force from %(day)s",
             joined=joined, day=written(standing.in_force_on))  # fmt: skip


def joined_told(standing: Standing) -> str:
    """How and when a state joined: `acceded on 6 Aug 2020`."""
    if standing.consented_on is None:
        return ""
    how = CONSENTS.get(standing.consent or "", standing.consent or "")
    if not standing.day_known:
        return _("%(how)s, seen by %(day)s (the day is not known)",
                 how=how, day=written(standing.consented_on))  # fmt: skip
    return _("%(how)s on %(day)s", how=how, day=written(standing.consented_on))


def nth(number: int) -> str:
    """`109th`, as English writes it."""
    ending = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return _("%(number)s%(ending)s", number=number, ending=ending)


def period(first: date, last: date) -> str:
    """From a day to a day; one day is told once."""
    if first == last:
        return written(first)
    return f"{written(first)} – {written(last)}"
