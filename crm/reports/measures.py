"""What can be counted of outreach, told apart by any parts: one statement a measure and grouping.

A total is never a sum of lines where these may repeat something: it is counted anew without the
part that repeats. `adds_up` says when adding is the same and costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, func, literal_column, select, union_all

from crm.core import db
from crm.core.tables import Kind, Share
from crm.outreach import kept
from crm.outreach.channels import awaited_names
from crm.outreach.models import Action, ActionTarget
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.parts import Part, columns_of, told_apart
from crm.outreach.queries import ActionFilter, counted
from crm.reports import by_month
from crm.reports.dimensions import ASK, OUTCOME, of_outcome
from crm.reports.rules import ANSWERED, ANY

Values = dict[tuple[Any, ...], Any]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing that is counted. `by` gives its value for each combination of the parts."""

    name: str
    label: Any
    #: One line: what it counts.
    about: Any
    by: Callable[[ActionFilter, Sequence[Part]], Values]
    kind: Kind = Kind.NUMBER
    #: Counts whole actions, each once; else what reached each target.
    of_actions: bool = False
    #: Counts different things, so that no two lines may be added.
    distinct: bool = False
    #: Counts what came back, and so can be told apart by it.
    of_outcomes: bool = False
    #: What of the answers stands behind a number; None: the outreach itself does.
    lists: str | None = None
    #: The report whose lines are what is counted, where that is no list of outreach.
    report: str | None = None

    def adds_up(self, part: Part) -> bool:
        """Whether the values of the lines that a part makes are together that of the whole."""
        return not (self.distinct or part.repeats or (self.of_actions and part.of_targets))

    @property
    def nothing(self) -> Any:
        """Its value where nothing was done."""
        return Share(0, 0) if self.kind is Kind.SHARE else 0


def _sums(statement: Select[Any], parts: Sequence[Part]) -> Values:
    """By the parts' values: the statement selects them first and the value last."""
    rows = db.session.execute(statement)
    return {tuple(row[: len(parts)]): int(row[-1]) for row in rows if row[-1]}


def _of_counted(
    value: Callable[[Any], Any], wanted: ActionFilter, parts: Sequence[Part], *, work: bool = False
) -> Values:
    once = counted(wanted, *parts)
    keys = [once.c[part.label] for part in parts]
    statement = select(*keys, value(once)).select_from(once).group_by(*keys)
    if work:
        statement = statement.join(Action, Action.id == once.c.action_id)
    return _sums(statement, parts)


def _of_done(name: str, wanted: ActionFilter, parts: Sequence[Part]) -> Values | None:
    """From the kept sums, where they know it."""
    did = kept.done_by(wanted, parts)
    if did is None:
        return None
    keys = [did.c[part.label] for part in parts]
    return _sums(select(*keys, func.sum(did.c[name])).select_from(did).group_by(*keys), parts)


def _pieces(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    found = _of_done("pieces", wanted, parts)
    if found is not None:
        return found
    return _of_counted(lambda once: func.sum(once.c.pieces), wanted, parts)


def _actions(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    found = _of_done("actions", wanted, parts)
    if found is not None:
        return found
    return _of_counted(lambda _once: func.count(), wanted, parts)


def _minutes(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    return _of_counted(lambda _once: func.sum(Action.minutes), wanted, parts, work=True)


def _reached(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    sums = kept.reach_by(wanted, parts)
    if sums is None:
        sums = by_month.of_reached(func.sum(ActionTarget.pieces), wanted, parts)
    return _sums(sums, parts)


def _targets(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    sums = kept.targets_by(wanted, parts)
    if sums is None:
        sums = by_month.of_reached(func.count(ActionTarget.target_id.distinct()), wanted, parts)
    return _sums(sums, parts)


def _of_came(
    wanted: ActionFilter,
    parts: Sequence[Part],
    came: Sequence[ColumnElement[bool]],
    to: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """What came back, counted from there: it is little beside what it came to, which a database
    does not know.
    """
    found = (
        select(of_outcome.action_target_id, of_outcome.kind)
        .where(*came)
        .cte("came")
        .prefix_with("MATERIALIZED")
    )
    parts = [
        replace(part, column=lambda _of: found.c.kind) if part is OUTCOME else part
        for part in parts
    ]
    apart = columns_of(ActionTarget, parts)
    rows = (
        select(*apart, func.count())
        .select_from(found)
        .join(ActionTarget, ActionTarget.id == found.c.action_target_id)
        .where(*to, *wanted.of_targets())
        .group_by(*(each.name for each in apart))
    )
    told: Select[Any] = told_apart(rows, ActionTarget, parts, wanted)
    return told


def _of_awaited(
    wanted: ActionFilter, parts: Sequence[Part], *came: ColumnElement[bool]
) -> Select[Any]:
    is_awaited = ActionTarget.channel.in_(awaited_names())
    return _of_came(wanted, parts, [of_outcome.kind.in_(answer_names()), *came], [is_awaited])


def _of_kind(wanted: ActionFilter) -> list[ColumnElement[bool]]:
    return [] if wanted.outcome is None else [of_outcome.kind == wanted.outcome]


def _answers(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    return _sums(_of_awaited(wanted, parts, *_of_kind(wanted)), parts)


def _outcomes(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    return _sums(_of_came(wanted, parts, _of_kind(wanted)), parts)


def _rate(wanted: ActionFilter, parts: Sequence[Part]) -> Values:
    channels = awaited_names()
    if [part.name for part in parts] == [ASK.name]:
        of_asks = {key: many for key, (many,) in by_month.AWAITED_OF_ASKS(wanted).items()}
        return _shares(of_asks, _sums(_of_awaited(wanted, parts), parts))
    sums = kept.reach_by(wanted, parts, channels=channels)
    if sums is None:
        pieces = func.sum(ActionTarget.pieces)
        sums = by_month.of_reached(pieces, wanted, parts, ActionTarget.channel.in_(channels))
    # Each counted by itself, in one statement: joined, every piece would look for its answers.
    both = union_all(
        sums.add_columns(literal_column("0")),
        _of_awaited(wanted, parts).add_columns(literal_column("1")),
    )
    awaited, came = Values(), Values()
    for *key, many, is_answer in db.session.execute(both):
        (came if is_answer else awaited)[tuple(key)] = int(many or 0)
    return _shares(awaited, came)


def _shares(awaited: Values, came: Values) -> Values:
    return {key: Share(came.get(key, 0), many) for key, many in awaited.items() if many}


MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (
        Measure(
            name="pieces", label=_l("Outreach"), by=_pieces, of_actions=True,
            about=_l("Pieces and acts, each counted once."),
        ),
        Measure(
            name="reached", label=_l("Times reached"), by=_reached,
            about=_l("Times targets were reached, by a piece or an act: an act reaches each."),
        ),
        Measure(
            name="actions", label=_l("Actions"), by=_actions, of_actions=True,
            about=_l("Actions, each counted once: a batch is one."),
        ),
        Measure(
            name="targets", label=_l("Targets reached"), by=_targets, distinct=True,
            about=_l("Different targets that were reached."), report="activity-by-target",
        ),
        Measure(
            name="answers", label=_l("Answers"), by=_answers, lists=ANSWERED,
            about=_l("Answers to outreach that waits for one, whenever they came."),
        ),
        Measure(
            name="rate", label=_l("Answer rate"), by=_rate, kind=Kind.SHARE, lists=ANSWERED,
            about=_l("Answers of the pieces that wait for one, with the n they rest on."),
        ),
        Measure(
            name="outcomes", label=_l("Outcomes"), by=_outcomes, of_outcomes=True, lists=ANY,
            about=_l("Whatever came back, also what could not be delivered."),
        ),
        Measure(
            name="minutes", label=_l("Minutes"), by=_minutes, of_actions=True,
            about=_l("Minutes of work of everybody together, of whole actions."),
        ),
    )
}  # fmt: skip
