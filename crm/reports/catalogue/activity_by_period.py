"""What was done each week, month, quarter, school year or year, by channel."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select

from crm.core import db
from crm.core.charts import Chart, stacked
from crm.core.tables import Column, Kind, Row
from crm.outreach import kept
from crm.outreach.channels import channels
from crm.outreach.parts import Part
from crm.outreach.queries import ActionFilter, counted
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.dimensions import CHANNEL, DAYS, DIMENSIONS, NUMBERS, channel_place, period_name
from crm.reports.queries import tally
from crm.reports.rules import Reckoning, channel_label, once_sentence

#: Periods a chart has room for; the table has all.
_CHARTED = 24


def _rows(kind: str) -> Callable[[Question], Iterator[Row]]:
    days_of, parts = DAYS[kind], (DIMENSIONS[kind].part, CHANNEL)
    # A week and a month are dates in files; the others are words that sort as they stand.
    is_date = kind in ("week", "month")

    def rows(asked: Question) -> Iterator[Row]:
        """One row a period and channel, the newest period first."""
        found = [
            (number, channel, int(pieces), int(actions))
            for number, channel, pieces, actions in db.session.execute(_sums(asked.wanted, parts))
            if actions
        ]
        label_of = cache(channel_label)
        found.sort(key=lambda each: (-each[0], channel_place(each[1]), each[1]))
        for number, channel, pieces, actions in found:
            called = days_of(number)[0] if is_date else period_name(kind, number)
            yield called, label_of(channel), pieces, actions, (number, channel)

    return rows


def _sums(wanted: ActionFilter, parts: Sequence[Part]) -> Select[Any]:
    """Pieces and actions by the parts: from kept sums where they know the filter and the period."""
    did = kept.done_by(wanted, parts)
    actions = func.count() if did is None else func.sum(did.c.actions)
    if did is None:
        did = counted(wanted, *parts)
    keys = [did.c[part.label] for part in parts]
    return select(*keys, func.sum(did.c.pieces), actions).select_from(did).group_by(*keys)


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """An action belongs to the period it began in, so the rows add up as they are."""
    total = tally(asked.wanted)
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total.total),
        [
            once_sentence(total),
            _("Work over several days belongs to the day it began on."),
        ],
        total.actions,
    )


def _between(kind: str, first: int, last: int) -> list[int]:
    """All periods from one to the other, both included, also those without anything."""
    found = [first]
    while found[-1] < last:
        found.append(NUMBERS[kind](DAYS[kind](found[-1])[1] + timedelta(days=1)))
    return found


def _chart(kind: str, title: Any) -> Callable[[Sequence[Row]], Chart]:
    def chart(shown: Sequence[Row]) -> Chart:
        """The last periods, each stacked by channel."""
        numbers = {row[-1][0] for row in shown}
        periods = _between(kind, min(numbers), max(numbers))[-_CHARTED:] if numbers else []
        found = {row[-1]: row[2] for row in shown}
        return stacked(
            title,
            [period_name(kind, number, short=True) for number in periods],
            [
                (str(channel.label), [found.get((number, name), 0) for number in periods])
                for name, channel in channels().items()
            ],
        )

    return chart


def _narrow(kind: str) -> Callable[[Row], dict[str, str]]:
    def narrow(row: Row) -> dict[str, str]:
        """The period's first and last day, and the channel."""
        first, last = DAYS[kind](row[-1][0])
        return {"since": first.isoformat(), "until": last.isoformat(), "channel": row[-1][1]}

    return narrow


def _way(kind: str, about: Any, title: Any, chart_title: Any, column: Column) -> Report:
    return Report(
        name="activity-by-period",
        about=about,
        order=50,
        icon="calendar3",
        title=title,
        description=_l("What was done when: postcards, letters, calls, meetings."),
        columns=(
            column,
            Column("channel", _l("Channel"), width=20),
            Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
            Column("actions", _l("Actions"), Kind.NUMBER, 10),
        ),
        rows=_rows(kind),
        reckon=reckon,
        chart=_chart(kind, chart_title),
        chart_title=chart_title,
        narrow=_narrow(kind),
    )


WAYS = {
    "week": _way(
        "week", _l("Week"), _l("Activity by week"), _l("Outreach by week"),
        Column("period", _l("Week from Monday"), Kind.DATE, 16),
    ),
    "month": _way(
        "month", _l("Month"), _l("Activity by month"), _l("Outreach by month"),
        Column("period", _l("Month"), Kind.MONTH, 16),
    ),
    "quarter": _way(
        "quarter", _l("Quarter"), _l("Activity by quarter"), _l("Outreach by quarter"),
        Column("period", _l("Quarter"), width=16),
    ),
    "school-year": _way(
        "school-year", _l("School year"), _l("Activity by school year"),
        _l("Outreach by school year"), Column("period", _l("School year"), width=16),
    ),
    "year": _way(
        "year", _l("Year"), _l("Activity by year"), _l("Outreach by year"),
        Column("period", _l("Year"), width=16),
    ),
}  # fmt: skip

REPORT = replace(WAYS["month"], title=_l("Activity by period"), ways=WAYS)
