"""Goals in words, where a campaign stands, and what its parts may be."""

from datetime import date

import pytest
from flask import Flask

from crm.campaigns import rules
from crm.campaigns.rules import AskDraft, GoalDraft, Pace, Progress, State
from crm.core.errors import Refused

BY = "of 150 by Mar 31, 2026"
START, DUE = date(2025, 9, 1), date(2026, 3, 31)


@pytest.fixture(autouse=True)
def _words(app: Flask) -> None:
    """Sentences need an application's language."""


@pytest.mark.parametrize(
    ("done", "due_on", "today", "words", "pace"),
    [
        (96, DUE, date(2026, 3, 19), f"96 {BY}: 54 to go, 12 days left", "behind"),
        (140, DUE, date(2026, 3, 19), f"140 {BY}: 10 to go, 12 days left", "on pace"),
        (149, DUE, date(2026, 3, 30), f"149 {BY}: 1 to go, 1 day left", "on pace"),
        (0, DUE, START, f"0 {BY}: 150 to go, 211 days left", "on pace"),
        (96, DUE, DUE, f"96 {BY}: 54 to go, due today", "behind"),
        (150, DUE, date(2026, 1, 1), f"150 {BY}: reached", "reached"),
        (151, DUE, date(2027, 1, 1), f"151 {BY}: reached", "reached"),
        (96, DUE, date(2026, 4, 1), f"96 {BY}: 54 short, 1 day over", "overdue"),
        (96, None, date(2026, 4, 1), "96 of 150: 54 to go", "on pace"),
    ],
)  # fmt: skip
def test_progress(done: int, due_on: date | None, today: date, words: str, pace: str) -> None:
    progress = Progress(done=done, number=150, starts_on=START, due_on=due_on, today=today)
    assert progress.words == words
    assert progress.pace == Pace(pace)


def test_the_share_stops_at_all() -> None:
    progress = Progress(done=300, number=150, starts_on=START, due_on=None, today=DUE)
    assert progress.share == 1.0


@pytest.mark.parametrize(
    ("today", "ends_on", "state"),
    [
        (date(2025, 8, 31), DUE, State.PLANNED),
        (START, DUE, State.RUNNING),
        (DUE, DUE, State.RUNNING),
        (date(2026, 4, 1), DUE, State.ENDED),
        (date(2036, 4, 1), None, State.RUNNING),
    ],
)
def test_state(today: date, ends_on: date | None, state: State) -> None:
    assert rules.state(START, ends_on, today) is state


def test_a_period_ends_after_it_begins() -> None:
    rules.check_period(START, START)
    rules.check_period(START, None)
    with pytest.raises(Refused, match="before the first") as refused:
        rules.check_period(START, date(2025, 8, 31))
    assert refused.value.field == "ends_on"


@pytest.mark.parametrize(
    ("asks", "sentence"),
    [
        ([AskDraft("Join"), AskDraft("JOIN")], "twice"),
        ([AskDraft(f"ask {n}") for n in range(31)], "at most 30"),
    ],
)
def test_asks_refused(asks: list[AskDraft], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        rules.check_asks(asks)


@pytest.mark.parametrize(
    ("goal", "sentence"),
    [
        (GoalDraft(number=0), "from 1 to 10,000,000"),
        (GoalDraft(number=10_000_001), "from 1 to 10,000,000"),
        (GoalDraft(number=150, due_on=date(2025, 8, 31)), "before the campaign starts"),
    ],
)
def test_goals_refused(goal: GoalDraft, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        rules.check_goals([goal], START)
    with pytest.raises(Refused, match="at most 30"):
        rules.check_goals([GoalDraft(number=1)] * 31, START)
