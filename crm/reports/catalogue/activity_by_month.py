"""What was done each month, by channel."""

from collections.abc import Iterator, Sequence
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.core.charts import Chart, stacked
from crm.core.tables import Column, Kind, Row
from crm.outreach.channels import channels
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import by_day, tally
from crm.reports.rules import (
    Reckoning,
    channel_label,
    month_back,
    month_name,
    month_of,
    months_between,
    once_sentence,
)

#: Months a chart has room for; the table has all.
_CHARTED = 24


def rows(asked: Question) -> Iterator[Row]:
    """One row a month and channel, the newest month first."""
    sums: dict[tuple[date, str], list[int]] = {}
    for each in by_day(asked.wanted):
        found = sums.setdefault((month_of(each.day), each.channel), [0, 0])
        found[0] += each.pieces
        found[1] += each.actions
    order = list(channels())
    place = {name: at for at, name in enumerate(order)}
    for month, channel in sorted(
        sums, key=lambda key: (-key[0].toordinal(), place.get(key[1], len(order)), key[1])
    ):
        pieces, actions = sums[month, channel]
        yield month, channel_label(channel), pieces, actions, channel


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """An action belongs to the month it began in, so the rows add up as they are."""
    total = tally(asked.wanted)
    return Reckoning(
        Reconciliation(rows_total, 0, 0, total.total),
        [
            once_sentence(total),
            _("Work over several days belongs to the month it began in."),
        ],
        total.actions,
    )


CHART_TITLE = _l("Outreach by month")


def chart(shown: Sequence[Row]) -> Chart:
    """The last months, each stacked by channel."""
    if not shown:
        return stacked(CHART_TITLE, [], [])
    last = max(row[0] for row in shown)
    first = max(min(row[0] for row in shown), month_back(last, _CHARTED - 1))
    months = months_between(first, last)
    found = {(row[0], row[-1]): row[2] for row in shown}
    return stacked(
        CHART_TITLE,
        [month_name(month, short=True) for month in months],
        [
            (str(channel.label), [found.get((month, name), 0) for month in months])
            for name, channel in channels().items()
        ],
    )


def narrow(row: Row) -> dict[str, str]:
    """The month's first and last day, and the channel."""
    after = month_back(row[0], -1)
    last = date.fromordinal(after.toordinal() - 1)
    return {"since": row[0].isoformat(), "until": last.isoformat(), "channel": row[-1]}


REPORT = Report(
    name="activity-by-channel-and-month",
    order=50,
    icon="calendar3",
    title=_l("Activity by channel and month"),
    description=_l("What was done each month: postcards, letters, calls, meetings."),
    columns=(
        Column("month", _l("Month"), Kind.MONTH, 16),
        Column("channel", _l("Channel"), width=20),
        Column("pieces", _l("Outreach"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    narrow=narrow,
)
