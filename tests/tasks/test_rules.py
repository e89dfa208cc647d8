"""Sharing out, due days and steps, without a database."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.core.errors import Refused
from crm.tasks import rules
from crm.tasks.rules import Due, How, State, due_of, next_due, share

days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
targets = st.lists(st.integers(1, 10_000), unique=True, max_size=40)


@given(targets, st.integers(1, 60), st.sampled_from(list(How)), st.integers(1, 50))
def test_work_is_shared_evenly_and_always_alike(
    ids: list[int], people: int, how: How, pieces: int
) -> None:
    shared = share(ids, people, how, pieces=pieces)
    assert shared == share(ids, people, how, pieces=pieces)
    assert len(shared) == people
    sums = [sum(each.values()) for each in shared]
    if not ids:
        assert not any(sums)
    elif how is How.ALL:
        assert set(sums) == {len(ids) * pieces}
    elif how is How.SPREAD:
        assert sorted(target for each in shared for target in each) == sorted(ids)
        assert max(sums) - min(sums) <= pieces
    else:
        assert set(sums) == {pieces}
        of_target = dict.fromkeys(ids, 0)
        for each in shared:
            for target, number in each.items():
                of_target[target] += number
        room = 1 if how is How.PIECES else pieces
        assert max(of_target.values()) - min(of_target.values()) <= room


@given(st.lists(st.integers(), max_size=100), st.integers(1, 40))
def test_dealing_loses_and_doubles_nothing(items: list[int], people: int) -> None:
    parts = rules.deal(items, people)
    assert [each for part in parts for each in part] == items
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(days, st.sampled_from(list(rules.Repeats)), st.integers(0, 400), st.integers(0, 60))
def test_what_comes_again_comes_later_and_on_its_day(
    first: date, repeats: str, late: int, steps: int
) -> None:
    due = first
    for _step in range(steps % 6):
        following = next_due(first, due, repeats, after=due)
        assert following is not None
        due = following
    after = due + timedelta(days=late)
    found = next_due(first, due, repeats, after=after)
    assert found is not None
    assert found > due
    assert found >= after
    if repeats == "monthly":
        assert found.day == first.day or (found + timedelta(days=1)).day == 1
        assert (found - max(due, after)).days <= 31
    else:
        assert (found - first).days % 7 == 0
        assert found.weekday() == first.weekday()


def test_the_31st_comes_back() -> None:
    first = date(2026, 1, 31)
    due, seen = first, []
    for _month in range(4):
        following = next_due(first, due, "monthly", after=due)
        assert following is not None
        due = following
        seen.append(due)
    assert seen == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31)]
    assert next_due(first, due, "monthly", after=due, until=date(2026, 6, 1)) is None


def test_how_near_a_day_is() -> None:
    today = date(2026, 5, 1)
    told = {
        -1: (Due.OVERDUE, "1 day late"),
        0: (Due.TODAY, "today"),
        1: (Due.WEEK, "tomorrow"),
        6: (Due.WEEK, "in 6 days"),
        7: (Due.LATER, ""),
    }
    for number, (near, words) in told.items():
        day = today + timedelta(days=number)
        assert due_of(day, today) is near
        assert str(rules.due_words(day, today)) == words
    assert due_of(None, today) is Due.NONE
    assert rules.due_words(None, today) == ""


def test_what_may_follow_what() -> None:
    assert rules.may_follow("needs-action", "completed")
    assert rules.may_follow("completed", "in-process"), "what was undone is done again"
    assert not rules.may_follow("completed", "cancelled")
    assert rules.state_of(0, 0, started=True) is State.IN_PROCESS
    for state in ("completed", "cancelled"):
        with pytest.raises(Refused):
            rules.refuse_closed(state)


@given(
    st.dictionaries(st.integers(1, 9), st.integers(0, 20), max_size=6),
    st.dictionaries(st.integers(1, 9), st.integers(-1, 21), max_size=6),
)
def test_nothing_is_done_beyond_what_is_left(left: dict[int, int], now: dict[int, int]) -> None:
    try:
        found = rules.check_done(left, now)
    except Refused:
        return
    assert found
    assert all(0 < number <= left[target] for target, number in found.items())
    assert sum(found.values()) == sum(now.values())


def test_steps_say_what_and_when() -> None:
    with pytest.raises(Refused):
        rules.check_steps([{"title": "x", "days": 1}] * 9)
    with pytest.raises(Refused):
        rules.check_steps([{"title": "x", "days": "soon"}])
    assert rules.check_steps([{"title": " Any reply? ", "days": 21}]) == [
        {"title": "Any reply?", "days": 21}
    ]
