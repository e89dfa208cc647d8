"""What consent allows: whoever decides, the stricter of two, and what lapses when."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.members.consent_rules import (
    IMPLIED_BY_ADULTS,
    LABELS,
    MEANINGS,
    Purpose,
    State,
    Statement,
    allows,
    state_of,
)

TODAY = date(2026, 5, 1)
BEFORE, AFTER = TODAY - timedelta(days=30), TODAY + timedelta(days=30)
MOTHER, FATHER, STRANGER = 1, 2, 3


def said(
    who: int | None, answer: str = "given", starts_on: date = BEFORE, number: int = 1, **more: date
) -> Statement:
    return Statement(number, who, answer, starts_on, more.get("ends"), more.get("withdrawn"))


#: What was said, then where a minor stands, then somebody grown up.
CASES = [
    ([], State.MISSING, State.MISSING),
    ([said(MOTHER)], State.GIVEN, State.MISSING),
    ([said(None)], State.MISSING, State.GIVEN),
    ([said(None, "refused")], State.REFUSED, State.REFUSED),
    ([said(MOTHER), said(None, "refused")], State.REFUSED, State.REFUSED),
    ([said(MOTHER), said(FATHER, "refused")], State.REFUSED, State.MISSING),
    ([said(MOTHER, "refused"), said(FATHER)], State.REFUSED, State.MISSING),
    ([said(MOTHER), said(FATHER, withdrawn=TODAY)], State.WITHDRAWN, State.MISSING),
    ([said(MOTHER, withdrawn=TODAY)], State.WITHDRAWN, State.MISSING),
    ([said(MOTHER, withdrawn=AFTER)], State.GIVEN, State.MISSING),
    ([said(MOTHER, ends=TODAY)], State.GIVEN, State.MISSING),
    ([said(MOTHER, ends=TODAY - timedelta(days=1))], State.EXPIRED, State.MISSING),
    ([said(MOTHER), said(FATHER, ends=BEFORE)], State.GIVEN, State.MISSING),
    ([said(MOTHER, starts_on=AFTER)], State.MISSING, State.MISSING),
    ([said(STRANGER)], State.MISSING, State.MISSING),
    ([said(MOTHER), said(STRANGER, "refused")], State.GIVEN, State.MISSING),
    # The same person's latest word counts, of one day the one recorded last.
    ([said(MOTHER, "refused"), said(MOTHER, starts_on=TODAY)], State.GIVEN, State.MISSING),
    ([said(MOTHER, number=1), said(MOTHER, "refused", number=2)], State.REFUSED, State.MISSING),
    ([said(MOTHER, withdrawn=BEFORE), said(MOTHER, starts_on=TODAY)], State.GIVEN, State.MISSING),
]


@pytest.mark.parametrize(("statements", "minor", "adult"), CASES)
def test_it_works(statements: list[Statement], minor: State, adult: State) -> None:
    for is_minor, expected in ((True, minor), (False, adult)):
        found = state_of(statements, is_minor=is_minor, guardian_ids={MOTHER, FATHER}, today=TODAY)
        assert found is expected


@pytest.mark.parametrize("purpose", list(Purpose))
def test_nothing_is_implied_for_a_minor(purpose: Purpose) -> None:
    assert not allows(State.MISSING, purpose, is_minor=True)
    assert allows(State.MISSING, purpose, is_minor=False) is (purpose in IMPLIED_BY_ADULTS)
    assert allows(State.GIVEN, purpose, is_minor=True)
    for state in (State.EXPIRED, State.REFUSED, State.WITHDRAWN):
        assert not allows(state, purpose, is_minor=True)
        assert not allows(state, purpose, is_minor=False)


def test_every_purpose_is_said_in_words() -> None:
    assert set(LABELS) == set(MEANINGS) == set(Purpose)


_days = st.dates(BEFORE - timedelta(days=100), AFTER)
_statements = st.lists(
    st.builds(
        Statement,
        id=st.integers(1, 1000),
        guardian_id=st.sampled_from([None, MOTHER, FATHER]),
        answer=st.sampled_from(["given", "refused"]),
        starts_on=_days,
        ends_on=st.none() | _days,
        withdrawn_on=st.none() | _days,
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)


@given(_statements)
def test_one_more_no_never_opens_anything(statements: list[Statement]) -> None:
    for who in (None, MOTHER, FATHER):
        no = Statement(2000, who, "refused", TODAY)
        state = state_of(
            [*statements, no], is_minor=True, guardian_ids={MOTHER, FATHER}, today=TODAY
        )
        assert state is State.REFUSED


@given(_statements)
def test_a_minor_needs_a_guardian_s_yes(statements: list[Statement]) -> None:
    own = [each for each in statements if each.guardian_id is None]
    state = state_of(own, is_minor=True, guardian_ids={MOTHER, FATHER}, today=TODAY)
    assert state in (State.MISSING, State.REFUSED, State.WITHDRAWN)
