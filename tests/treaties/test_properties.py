"""What holds of any events on any day, whoever enters them in whatever order."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.treaties import order, rules
from crm.treaties.instruments import CCM, INSTRUMENTS, MBT, Instrument
from crm.treaties.obligations import obligations, years_after
from crm.treaties.rules import CONSENTS, Event, Status

STATES = ["AAA", "BBB", "CCC", "DDD"]
DAYS = st.dates(date(1997, 12, 3), date(2030, 12, 31))
TREATIES = st.sampled_from(list(INSTRUMENTS.values()))
KINDS = st.sampled_from(
    ["signature", *CONSENTS, "entry_into_force", "provisional_application",
     "withdrawal_deposited", "withdrawal_held", "withdrawal_effective"]
)  # fmt: skip
EVENTS = st.lists(
    st.builds(
        Event,
        id=st.integers(1, 10**6),
        treaty=st.just("CCM"),
        state=st.sampled_from(STATES),
        kind=KINDS,
        on=DAYS,
        day_known=st.booleans(),
    ),
    max_size=14,
)


@given(EVENTS, DAYS)
@settings(max_examples=300, deadline=None)
def test_every_state_is_exactly_one_thing(events: list[Event], on: date) -> None:
    found = rules.standings(CCM, on, events, STATES)
    counts = rules.count("CCM", on, found.values())
    assert list(found) == STATES
    assert counts.states == len(STATES)
    assert counts.in_force <= counts.joined
    assert counts.not_party == counts.signatories + counts.outside + counts.withdrawn
    for each in found.values():
        assert (each.consented_on is None) == (each.status in (Status.SIGNATORY, Status.OUTSIDE))
        assert (each.number is None) == (each.consented_on is None)
        if each.status is Status.WITHDRAWN:
            assert each.withdrawn_on
            assert each.withdrawn_on <= on
        if each.is_in_force:
            assert each.in_force_on
            assert each.in_force_on <= on


@given(EVENTS, DAYS)
@settings(max_examples=200, deadline=None)
def test_the_order_of_entry_does_not_matter(events: list[Event], on: date) -> None:
    days = [event.on for event in events]
    if len(set(days)) == len(days):
        forwards = rules.standings(CCM, on, events, STATES)
        assert rules.standings(CCM, on, reversed(events), STATES) == forwards


@given(EVENTS, DAYS)
@settings(max_examples=200, deadline=None)
def test_a_later_event_changes_no_earlier_day(events: list[Event], on: date) -> None:
    """But for days that are announced, what happens later is not known before."""
    known = [event for event in events if event.on <= on or event.kind in order.ANNOUNCED]
    assert rules.standings(CCM, on, known, STATES) == rules.standings(CCM, on, events, STATES)


@given(EVENTS, DAYS, DAYS)
@settings(max_examples=200, deadline=None)
def test_who_has_joined_stays_until_a_withdrawal(
    events: list[Event], one: date, other: date
) -> None:
    first, later = sorted((one, other))
    lasting = [event for event in events if not event.kind.startswith("withdrawal")]
    joined = [
        {code for code, each in rules.standings(CCM, on, lasting, STATES).items()
         if each.status is Status.PARTY}
        for on in (first, later)
    ]  # fmt: skip
    assert joined[0] <= joined[1]


@given(DAYS, TREATIES)
def test_a_treaty_binds_in_the_sixth_month(deposited: date, treaty: Instrument) -> None:
    day = rules.first_of_sixth_month(deposited)
    assert day.day == 1
    # Five whole months lie between, and never six.
    assert timedelta(days=150) < day - deposited <= timedelta(days=184)
    bound = rules.entry_into_force(deposited, treaty)
    assert bound == max(day, treaty.in_force_on)


@given(DAYS)
def test_a_withdrawal_takes_six_months_whatever_the_month(deposited: date) -> None:
    day = rules.six_months(deposited)
    assert timedelta(days=181) <= day - deposited <= timedelta(days=184)
    assert day.day == deposited.day or (day + timedelta(days=1)).day == 1


@given(DAYS, DAYS, TREATIES)
@settings(max_examples=200, deadline=None)
def test_deadlines_run_from_entry_into_force(joined: date, on: date, treaty: Instrument) -> None:
    events = [Event(1, treaty.key, "AAA", "accession", joined)]
    standing = rules.standings(treaty, on, events, ["AAA"])["AAA"]
    due = obligations(treaty, standing, events, on)
    if on < joined:
        assert due == []
        return
    bound = rules.entry_into_force(joined, treaty)
    years = {"MBT": [4, 10], "CCM": [8, 10]}[treaty.key]
    assert [each.due_on for each in due[:2]] == [years_after(bound, each) for each in years]
    reports = [each.due_on for each in due[2:]]
    assert reports[0] == bound + timedelta(days=180)
    assert all((each.month, each.day) == (4, 30) for each in reports[1:] if each)
    assert reports[-1]
    assert reports[-1] >= on


@given(EVENTS)
@settings(max_examples=400, deadline=None)
def test_what_is_refused_once_is_refused_alone(events: list[Event]) -> None:
    """Without what it refuses, a state's way has nothing left to refuse.

    But for successions: one that is refused is the reason why an earlier day of entry into force
    was let through.
    """
    theirs = [
        event._replace(state="AAA", id=number)
        for number, event in enumerate(events)
        if event.kind != "succession"
    ]
    for treaty in (MBT, CCM):
        wrong = {fault.event.id for fault in order.faults(treaty, theirs, date(2030, 12, 31))}
        left = [event for event in theirs if event.id not in wrong]
        assert order.faults(treaty, left, date(2030, 12, 31)) == []
