"""Sharing out: sums, evenness, limits, constituents, and the same answer to the same question."""

import random
import time
from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from crm.mailings.allotment import Share, Way, Wish, Writer, allot, digest

TARGETS = st.frozensets(st.integers(1, 40), min_size=1, max_size=12)


@st.composite
def wishes(draw: st.DrawFn, ways: Iterable[Way] = tuple(Way)) -> Wish:
    targets = draw(TARGETS)
    ids = draw(st.frozensets(st.integers(1, 99), max_size=9))
    limits = st.none() | st.integers(0, 30)
    writers = tuple(
        Writer(
            each,
            number=draw(st.none() | st.none() | st.integers(0, 20)),
            most=draw(limits),
            own=draw(st.frozensets(st.sampled_from([*sorted(targets), 77]), max_size=4)),
        )
        for each in sorted(ids)
    )
    written = draw(st.dictionaries(st.sampled_from(sorted(targets)), st.integers(0, 5)))
    return Wish(
        way=draw(st.sampled_from(list(ways))),
        targets=targets,
        writers=writers,
        total=draw(st.none() | st.integers(0, 120)),
        each=draw(st.none() | st.integers(1, 6)),
        written=written,
    )


def by_member(shares: Iterable[Share]) -> Counter[int | None]:
    found: Counter[int | None] = Counter()
    for each in shares:
        found[each.member_id] += each.number
    return found


def by_target(shares: Iterable[Share]) -> Counter[int]:
    found: Counter[int] = Counter()
    for each in shares:
        found[each.target_id] += each.number
    return found


def plain(number: int, **more: object) -> tuple[Writer, ...]:
    return tuple(Writer(each, **more) for each in range(1, number + 1))  # type: ignore[arg-type]


def test_it_works() -> None:
    """31 students, five targets, each to each: 155."""
    shares = allot(Wish(Way.ALL, frozenset(range(1, 6)), plain(31)))
    assert sum(each.number for each in shares) == 155
    assert set(by_member(shares).values()) == {5}
    assert set(by_target(shares).values()) == {31}
    assert all(each.number == 1 for each in shares)


def test_a_list_is_spread() -> None:
    shares = allot(Wish(Way.SPREAD, frozenset(range(1, 11)), plain(4)))
    assert sorted(by_member(shares).values()) == [2, 2, 3, 3]
    assert set(by_target(shares).values()) == {1}


def test_nobody_ticked_all_lies_in_the_pool() -> None:
    assert allot(Wish(Way.SPREAD, frozenset({1, 2}), each=3)) == [
        Share(1, None, 3),
        Share(2, None, 3),
    ]
    assert allot(Wish(Way.OWN, frozenset({1, 2}))) == []


def test_constituents_first_then_those_nobody_wrote_to() -> None:
    writers = (Writer(1, own=frozenset({9})), Writer(2), Writer(3))
    wish = Wish(Way.SPREAD, frozenset(range(1, 10)), writers, each=1, written={1: 4, 9: 7})
    assert allot(wish) == [Share(9, 1), Share(2, 2), Share(3, 3)]


def test_own_legislators_and_a_limit() -> None:
    writers = (
        Writer(1, own=frozenset({1, 2, 3})),
        Writer(2, own=frozenset({1, 2, 4}), most=2),
        Writer(3),
    )
    shares = allot(Wish(Way.OWN, frozenset({1, 2, 3, 4}), writers, written={1: 3}))
    assert by_member(shares) == {1: 3, 2: 2, None: 1}
    # Whom others wrote to already is who is left to the pool.
    assert Share(1, None) in shares


@given(wishes())
def test_sums_limits_and_order(wish: Wish) -> None:
    shares = allot(wish)
    assert all(each.number > 0 and each.target_id in wish.targets for each in shares)
    assert len({(each.member_id, each.target_id) for each in shares}) == len(shares)
    loads = by_member(shares)
    for one in wish.writers:
        assert one.most is None or loads[one.id] <= one.most
        assert one.number is None or loads[one.id] <= one.number
    if wish.way is Way.SPREAD and wish.total is not None:
        assert sum(loads.values()) == wish.total
    mixed = list(wish.writers)
    random.Random(3).shuffle(mixed)
    again = Wish(wish.way, wish.targets, tuple(mixed), wish.total, wish.each, wish.written)
    assert digest(allot(again)) == digest(shares)


@given(wishes([Way.SPREAD, Way.ALL]))
def test_targets_and_members_are_even(wish: Wish) -> None:
    shares = allot(wish)
    sums = by_target(shares)
    numbers = [sums[each] for each in wish.targets]
    if not shares or wish.way is Way.SPREAD or all(w.most is None for w in wish.writers):
        assert max(numbers) - min(numbers) <= 1
    loads = by_member(shares)
    if wish.way is Way.SPREAD:
        free = [w for w in wish.writers if w.number is None]
        room = [loads[w.id] for w in free if w.most is None or loads[w.id] < w.most]
        # Whoever could take more has as many as anybody, but one.
        assert not room or max(loads[w.id] for w in free) - min(room) <= 1
        assert not (room and loads[None])


@given(wishes([Way.SPREAD, Way.ALL]))
def test_nobody_writes_twice_before_all_had_a_turn(wish: Wish) -> None:
    mine: dict[int, Counter[int]] = {}
    for each in allot(wish):
        if each.member_id is not None:
            mine.setdefault(each.member_id, Counter())[each.target_id] = each.number
    for counts in mine.values():
        numbers = [counts[target] for target in wish.targets]
        assert max(numbers) - min(numbers) <= 1


@given(wishes([Way.SPREAD]))
def test_no_change_of_two_would_bring_a_constituent_home(wish: Wish) -> None:
    """Nobody writes to somebody else's while another's own is held by one who could change."""
    counts: dict[int, Counter[int]] = {one.id: Counter() for one in wish.writers}
    for each in allot(wish):
        if each.member_id is not None:
            counts[each.member_id][each.target_id] = each.number
    own = {one.id: one.own & wish.targets for one in wish.writers}
    more: dict[int, set[int]] = {}
    for member, theirs in counts.items():
        least = min(theirs[target] for target in wish.targets)
        more[member] = {target for target in wish.targets if theirs[target] > least}
    for member, mine in more.items():
        for wanted in own[member] - mine:
            for other, held in more.items():
                if other != member and wanted in held - own[other]:
                    assert not (mine - own[member]) - held


def test_many_are_shared_out_at_once() -> None:
    chosen = random.Random(5)
    targets = frozenset(range(1, 536))
    writers = tuple(
        Writer(each, own=frozenset(chosen.sample(range(1, 536), 3))) for each in range(1, 201)
    )
    for wish in (
        Wish(Way.SPREAD, targets, writers),
        Wish(Way.SPREAD, targets, writers, each=25),
    ):
        began = time.process_time()
        shares = allot(wish)
        took = time.process_time() - began
        assert max(by_target(shares).values()) - min(by_target(shares).values()) <= 1
        assert took < 1, took
    own = {one.id: one.own for one in writers}
    home = sum(each.target_id in own[each.member_id or 0] for each in shares)
    assert home == 600
