"""What pages of other rooms show of the treaties: a government's record, what comes next."""

from datetime import timedelta
from typing import Any

from crm.core.i18n import today
from crm.treaties import anniversaries, history, meeting_queries, rules, words
from crm.treaties.instruments import INSTRUMENTS

#: Days ahead that the front page looks, and the lines it shows.
AHEAD, LINES = 60, 3


def of_target(target: Any) -> dict[str, Any] | None:
    """Where a government stands today: one statement, none for anybody else."""
    if target.kind != "government":
        return None
    found = history.state_of(target.id)
    if found is None:
        return None
    code, events = found
    return {
        "iso3": code,
        "standings": [
            (
                treaty,
                rules.standings(
                    treaty, today(), [e for e in events if e.treaty == treaty.key], [code]
                )[code],
            )
            for treaty in INSTRUMENTS.values()
        ],
        "told": words.told,
        "STATUS": words.STATUS,
        "BADGES": words.BADGES,
    }


def of_front(_user: Any) -> dict[str, Any] | None:
    """Anniversaries and meetings of the next weeks: one statement; nothing when nothing comes."""
    last = today() + timedelta(days=AHEAD)
    days = anniversaries.upcoming(today(), days=AHEAD)[:LINES]
    planned = meeting_queries.meetings()
    meetings = [
        each for each in meeting_queries.upcoming(planned, today()) if each.dates.starts_on <= last
    ][:LINES]
    if not days and not meetings:
        return None
    return {"anniversaries": days, "meetings": meetings, "period": words.period}
