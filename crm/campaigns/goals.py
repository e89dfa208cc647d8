"""What a goal counts, in words and in numbers: outreach, or a figure of the treaty ledger.

A figure is read on the day the goal is due, once that has passed, and today before.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from flask_babel import format_date, format_decimal
from flask_babel import gettext as _

from crm.campaigns.measures import counted
from crm.campaigns.models import Goal
from crm.treaties import queries
from crm.treaties.figures import FIGURES, figure
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import Ledger, State

#: Figures a goal can ask for: those of which more is better, by the name that is stored.
OFFERED = {
    f"{key.lower()}.{name}": FIGURES[f"{key.lower()}.{name}"]
    for key in INSTRUMENTS
    for name in ("joined", "in_force", "endorsed")
}


def figures_offered() -> list[tuple[str, str]]:
    """Their names and labels."""
    return [(name, f"{treaty.short}: {label}") for name, (treaty, label) in OFFERED.items()]


def words(goal: Goal) -> str:
    """`150 postcards`, `Mine Ban Treaty: 130 States Parties by deposit`."""
    if goal.figure is None:
        return counted(goal.channel, goal.number)
    number = str(format_decimal(goal.number))
    treaty, label = OFFERED.get(goal.figure, (None, goal.figure))
    what = _("%(number)s %(what)s", number=number, what=label)
    return f"{treaty.short}: {what}" if treaty else what


def told(goal: Goal) -> str:
    """The same with the day it is due."""
    if goal.due_on is None:
        return words(goal)
    return _("%(what)s by %(day)s", what=words(goal), day=format_date(goal.due_on, "medium"))


def read_on(goal: Goal, today: date) -> date:
    """The day a goal's figure is read on."""
    return min(goal.due_on, today) if goal.due_on else today


def figure_values(goals: Iterable[Goal], today: date) -> Mapping[int, int]:
    """By goal: what its figure is. One statement, none where no goal asks for a figure.

    What is offered counts states that have done something, so nobody else needs to be read.
    """
    asked = [goal for goal in goals if goal.figure]
    if not asked:
        return {}
    events = queries.events()
    codes = sorted({event.state for event in events})
    ledger = Ledger([State(code, 0, code, None, None) for code in codes], events)
    return {
        goal.id: int(figure(goal.figure or "", on=read_on(goal, today), ledger=ledger).value)
        for goal in asked
    }
