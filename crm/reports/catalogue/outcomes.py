"""What came back, by kind and channel, by target, or by the kind of address it had gone to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import and_, case, func, select

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.outreach.channels import channels
from crm.outreach.filters import NONE
from crm.outreach.models import ActionTarget, Outcome
from crm.outreach.outcome_kinds import move_names, outcome_kinds
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import (
    address_label,
    address_place,
    came_to,
    is_answer,
    number_of,
    outcomes_first,
    tally,
    target_names,
)
from crm.reports.rules import ANSWERED, ANY, MOVES, Reckoning, channel_label, once


def rows(asked: Question) -> Iterator[Row]:
    """One row a kind and channel, in the order the kinds are offered."""
    result = db.session.execute(
        select(
            Outcome.kind,
            ActionTarget.channel,
            func.count(Outcome.id),
            func.count(ActionTarget.target_id.distinct()),
            func.max(Outcome.received_on),
        )
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*asked.wanted.of_targets())
        .group_by(Outcome.kind, ActionTarget.channel)
    ).all()
    kinds, ways = list(outcome_kinds()), list(channels())
    for kind, channel, many, targets, last in sorted(
        result, key=lambda row: (_place(kinds, row[0]), row[0], _place(ways, row[1]), row[1])
    ):
        known = outcome_kinds().get(kind)
        label = str(known.label) if known else kind
        yield label, channel_label(channel), many, targets, last, (kind, channel)


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _sums(asked: Question, what: Any) -> list[Any]:
    """By a column of `ActionTarget`: outcomes, answers waited for, moves, targets, the latest."""
    came = outcomes_first()
    return list(
        db.session.execute(
            select(
                what,
                func.count(),
                func.sum(case((and_(*is_answer(came.c.kind)), 1), else_=0)),
                func.sum(case((came.c.kind.in_(move_names()), 1), else_=0)),
                func.count(ActionTarget.target_id.distinct()),
                func.max(came.c.received_on),
            )
            .select_from(came)
            .join(ActionTarget, ActionTarget.id == came.c.action_target_id)
            .where(*asked.wanted.of_targets())
            .group_by(what)
        ).all()
    )


def rows_by_target(asked: Question) -> Iterator[Row]:
    """One row a target of which anything came back, most first."""
    sums = _sums(asked, ActionTarget.target_id)
    names = target_names(row[0] for row in sums)
    for target_id, many, answers, moves, _one, last in sorted(
        sums, key=lambda row: (-row[1], names[row[0]][1], row[0])
    ):
        yield names[target_id][0], many, int(answers), int(moves), last, target_id


def rows_by_address(asked: Question) -> Iterator[Row]:
    """One row a kind of address."""
    sums = _sums(asked, ActionTarget.went_to)
    for went, many, answers, moves, targets, last in sorted(
        sums, key=lambda row: address_place(row[0])
    ):
        yield address_label(went), many, int(answers), int(moves), targets, last, went or NONE


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """Every outcome has one kind and belongs to one action's target."""
    total = number_of(select(func.count(Outcome.id)).where(*came_to(asked.wanted.of_targets())))
    done = tally(asked.wanted)
    came = ngettext("%(many)s outcome was recorded", "%(many)s outcomes were recorded", total,
                    many=number(total))  # fmt: skip
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total),
        [_("%(came)s, each of one kind, to %(total)s.", came=came, total=once(done))],
    )


CHART_TITLE = _l("What came back")


def chart(shown: Sequence[Row]) -> Chart:
    """How many outcomes of each kind."""
    sums: dict[str, int] = {}
    for row in shown:
        sums[row[0]] = sums.get(row[0], 0) + row[2]
    return bars(CHART_TITLE, [Bar(label, many) for label, many in sums.items()])


def chart_of_rows(shown: Sequence[Row]) -> Chart:
    """Of what most came back."""
    most = sorted(shown, key=lambda row: -row[1])[:10]
    return bars(CHART_TITLE, [Bar(row[0], row[1]) for row in most])


BY_KIND = Report(
    name="outcomes",
    about=_l("Kind and channel"),
    order=60,
    icon="envelope-open",
    title=_l("Outcomes"),
    description=_l(
        "What came back to the outreach of the period, whenever it came, by kind and channel."
    ),
    columns=(
        Column("outcome", _l("What came back"), width=28),
        Column("channel", _l("On what"), width=20),
        Column("many", _l("How many"), Kind.NUMBER, 10),
        Column("targets", _l("Targets"), Kind.NUMBER, 10),
        Column("last", _l("Latest"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    counts="many",
    unsummed=frozenset({"targets"}),
    lists_outcomes={"many": ANY, "targets": ANY},
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=lambda row: {"outcome": row[-1][0], "channel": row[-1][1]},
)

_COUNTED = (
    Column("many", _l("How many"), Kind.NUMBER, 10),
    Column("answers", _l("Answers"), Kind.NUMBER, 10),
    Column("moves", _l("Moves"), Kind.NUMBER, 10),
)

BY_TARGET = replace(
    BY_KIND,
    about=_l("Target"),
    title=_l("Outcomes by target"),
    description=_l(
        "What came back of each target to the outreach of the period, whenever it came. Answers "
        "are those that were waited for; a move is a commitment, a change of position or a step "
        "of a treaty."
    ),
    columns=(
        Column("target", _l("Target"), width=36),
        *_COUNTED,
        Column("last", _l("Latest"), Kind.DATE, 12),
    ),
    rows=rows_by_target,
    chart=chart_of_rows,
    lists_outcomes={"many": ANY, "answers": ANSWERED, "moves": MOVES},
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
)

BY_ADDRESS = replace(
    BY_TARGET,
    about=_l("Kind of address"),
    title=_l("Outcomes by kind of address"),
    description=_l(
        "What came back to the outreach of the period, whenever it came, by where it had gone."
    ),
    columns=(
        Column("address", _l("Kind of address"), width=28),
        *_COUNTED,
        Column("targets", _l("Targets"), Kind.NUMBER, 10),
        Column("last", _l("Latest"), Kind.DATE, 12),
    ),
    rows=rows_by_address,
    lists_outcomes={"many": ANY, "answers": ANSWERED, "moves": MOVES, "targets": ANY},
    narrow=lambda row: {"went": row[-1]},
    record=None,
)

REPORT = replace(BY_KIND, ways={"kind": BY_KIND, "target": BY_TARGET, "address": BY_ADDRESS})
