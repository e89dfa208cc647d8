"""The treaties themselves: their dates and the deadlines of their articles.

Read in the English texts (MBT and CCM, articles 3–5, 7, 15–17, 20). A treaty's law is code: it
changes by an amendment conference, not by a form.
"""

from dataclasses import dataclass
from datetime import date

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Deadline:
    """An obligation that runs from entry into force for a state.

    `longest` is the most years one extension may give; None where the treaty knows none.
    `longest_in_all` is the most that all of them may give together; None without an end.
    """

    article: str
    label: object
    years: int
    longest: int | None
    longest_in_all: int | None = None
    #: Completion of it is declared to the next meeting.
    is_declared: bool = True


@dataclass(frozen=True)
class Instrument:
    """A treaty. `needed` deposits bring it into force."""

    key: str
    slug: str
    short: object
    name: object
    adopted_on: date
    #: Open for signature from this day on, until the day of its own entry into force.
    opened_on: date
    in_force_on: date
    needed: int
    depositary: object
    #: Of the UN Treaty Collection.
    chapter: str
    deadlines: tuple[Deadline, ...]
    #: Days of the calendar a campaign remembers: (month, day, the first year if one is, what).
    anniversaries: tuple[tuple[int, int, int | None, object], ...]


MBT = Instrument(
    key="MBT",
    slug="mine-ban-treaty",
    short=_l("Mine Ban Treaty"),
    name=_l(
        "Convention on the Prohibition of the Use, Stockpiling, Production and Transfer of "
        "Anti-Personnel Mines and on their Destruction"
    ),
    adopted_on=date(1997, 9, 18),
    opened_on=date(1997, 12, 3),
    in_force_on=date(1999, 3, 1),
    needed=40,
    depositary=_l("Secretary-General of the United Nations"),
    chapter="XXVI-5",
    deadlines=(
        Deadline("4", _l("Destroy stockpiles"), 4, None),
        Deadline("5", _l("Clear mined areas"), 10, 10),
    ),
    anniversaries=(
        (3, 1, 1999, _l("Entry into force of the Mine Ban Treaty (1999)")),
        (4, 4, None, _l("International Day for Mine Awareness and Assistance in Mine Action")),
        (12, 3, 1997, _l("Opening for signature of the Mine Ban Treaty (1997)")),
    ),
)
CCM = Instrument(
    key="CCM",
    slug="cluster-munitions",
    short=_l("Convention on Cluster Munitions"),
    name=_l("Convention on Cluster Munitions"),
    adopted_on=date(2008, 5, 30),
    opened_on=date(2008, 12, 3),
    in_force_on=date(2010, 8, 1),
    needed=30,
    depositary=_l("Secretary-General of the United Nations"),
    chapter="XXVI-6",
    deadlines=(
        Deadline("3", _l("Destroy stockpiles"), 8, 4, 8),
        Deadline("4", _l("Clear contaminated areas"), 10, 5),
    ),
    anniversaries=(
        (8, 1, 2010, _l("Entry into force of the Convention on Cluster Munitions (2010)")),
        (11, 13, 2003, _l("Founding of the Cluster Munition Coalition (2003)")),
        (12, 3, 2008, _l("Opening for signature of the Convention on Cluster Munitions (2008)")),
    ),
)
#: Days from entry into force to the first transparency report (article 7 of both).
FIRST_REPORT_DAYS = 180
#: Every later one is due by this day, for the calendar year before: (month, day).
REPORT_DAY = (4, 30)
#: By key, in the order pages show them.
INSTRUMENTS = {each.key: each for each in (MBT, CCM)}
