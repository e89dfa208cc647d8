"""Who writes to whom: pieces shared out evenly to targets and to members. Pure.

Members' pieces differ by one at most, as far as limits and numbers of their own let them; so do
targets' pieces. Constituents come first, then targets nobody has written to. Nobody writes to a
target again before writing to every other. The answer depends on nothing but what is asked: not on
the order in which targets and members are named.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Way(StrEnum):
    """How a pack is shared out."""

    #: So many pieces, evenly over targets and members.
    SPREAD = "spread"
    #: Each member writes to each target.
    ALL = "all"
    #: Each member writes to those who represent them.
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Writer:
    """A member who writes."""

    id: int
    #: Pieces they write and no other number; None: a fair share.
    number: int | None = None
    #: More than these are not asked of them.
    most: int | None = None
    #: Targets who represent them.
    own: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """Pieces to one target, by a member or by nobody yet (the pool)."""

    target_id: int
    member_id: int | None
    number: int = 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be shared out."""

    way: Way
    targets: frozenset[int]
    writers: tuple[Writer, ...] = ()
    #: Pieces in all; of a spread alone.
    total: int | None = None
    #: Pieces by each member (of a spread), or by each to each target.
    each: int | None = None
    #: How often targets were written to already; those not named: never.
    written: Mapping[int, int] = field(default_factory=dict)


def allot(wish: Wish) -> list[Share]:
    """The shares by member, then by target, the pool last."""
    targets = sorted(wish.targets, key=lambda each: (wish.written.get(each, 0), each))
    writers = sorted(wish.writers, key=lambda each: (not each.own & wish.targets, each.id))
    if not targets:
        return []
    if wish.way is Way.OWN:
        return _own(targets, writers, wish.each or 1)
    loads, pool = _loads(wish, writers, len(targets))
    cells = _cells(targets, writers, loads)
    return _shares(targets, writers, loads, cells, pool)


def digest(shares: Iterable[Share]) -> str:
    """What tells one allotment from another."""
    words = ";".join(f"{each.target_id},{each.member_id},{each.number}" for each in shares)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _own(targets: Sequence[int], writers: Sequence[Writer], each: int) -> list[Share]:
    """To every one of a member's own; beyond a limit, the pool writes."""
    given: dict[tuple[int | None, int], int] = {}
    for writer in writers:
        theirs = [target for target in targets if target in writer.own]
        wanted = each * len(theirs)
        asked = wanted if writer.number is None else writer.number if theirs else 0
        load = asked if writer.most is None else min(asked, writer.most)
        for place, target in enumerate(theirs):
            mine = load // len(theirs) + (place < load % len(theirs))
            rest = asked // len(theirs) + (place < asked % len(theirs)) - mine
            for member, number in ((writer.id, mine), (None, rest)):
                if number:
                    given[member, target] = given.get((member, target), 0) + number
    return _in_order(given)


def _loads(wish: Wish, writers: Sequence[Writer], targets: int) -> tuple[list[int], int]:
    """How many each member writes, in their order, and how many are left for the pool."""
    each = wish.each or 1
    usual = each * targets if wish.way is Way.ALL else each
    wanted = sum(usual if one.number is None else one.number for one in writers)
    if not writers or (wish.way is Way.SPREAD and wish.each is None):
        wanted = each * targets
    if wish.way is Way.SPREAD and wish.total is not None:
        wanted = wish.total
    if wish.way is Way.ALL:
        loads = [_capped(usual if one.number is None else one.number, one.most) for one in writers]
        return loads, wanted - sum(loads)
    loads, left = [0] * len(writers), wanted
    for place, one in enumerate(writers):
        if one.number is not None:
            loads[place] = _capped(min(one.number, left), one.most)
            left -= loads[place]
    free = [place for place, one in enumerate(writers) if one.number is None]
    for place, load in zip(free, _fair(left, [writers[each].most for each in free]), strict=True):
        loads[place] = load
        left -= load
    return loads, left


def _capped(number: int, most: int | None) -> int:
    return number if most is None else min(number, most)


def _fair(pieces: int, limits: Sequence[int | None]) -> list[int]:
    """Pieces as evenly as limits allow, the remainder to the first who can take one more."""
    if not limits:
        return []
    low, high = 0, pieces
    while low < high:
        level = (low + high + 1) // 2
        if sum(_capped(level, most) for most in limits) <= pieces:
            low = level
        else:
            high = level - 1
    loads = [_capped(low, most) for most in limits]
    left = pieces - sum(loads)
    for place, most in enumerate(limits):
        if left and (most is None or most > loads[place]):
            loads[place] += 1
            left -= 1
    return loads


def _cells(
    targets: Sequence[int], writers: Sequence[Writer], loads: Sequence[int]
) -> list[set[int]]:
    """For each member the targets that get one piece more than the member's other targets.

    All of a member's targets get `load // targets` first. What is left of each load goes to as
    many different targets, so that the targets' sums differ by one at most.
    """
    extra = [load % len(targets) for load in loads]
    sums = _sums(targets, writers, extra)
    own = [one.own.intersection(targets) for one in writers]
    rank = {target: place for place, target in enumerate(targets)}
    cells: list[set[int]] = [set() for _one in writers]
    left = dict(zip(targets, sums, strict=True))
    width = len(targets)
    # Whoever takes from those with most left never leaves somebody later without enough different
    # ones (Gale and Ryser); among these, one's own come first.
    for place in sorted(range(len(writers)), key=lambda each: (-extra[each], each)):
        if not extra[place]:
            continue
        mine = own[place]
        order = sorted(
            targets,
            key=lambda each: (-2 * left[each] - (each in mine)) * width + rank[each],
        )
        for target in order[: extra[place]]:
            cells[place].add(target)
            left[target] -= 1
    _bring_home(cells, own, rank)
    return cells


def _sums(targets: Sequence[int], writers: Sequence[Writer], extra: Sequence[int]) -> list[int]:
    """How many of the members' left-over pieces each target gets: even within one.

    Of targets, who get one more are those with constituents who would otherwise find no room, then
    those written to least.
    """
    even, more = divmod(sum(extra), len(targets))
    asking = dict.fromkeys(targets, 0)
    for one, left in zip(writers, extra, strict=True):
        # Of their own, those that fewest have asked for.
        theirs = sorted(one.own.intersection(targets), key=lambda each: (asking[each], each))
        for target in theirs[:left]:
            asking[target] += 1
    crowded = sorted(range(len(targets)), key=lambda each: (asking[targets[each]] <= even, each))
    sums = [even] * len(targets)
    for place in crowded[:more]:
        sums[place] += 1
    return sums


def _bring_home(
    cells: Sequence[set[int]], own: Sequence[frozenset[int]], rank: Mapping[int, int]
) -> None:
    """Let members change targets with each other where one of them gets their own by it."""
    holders: dict[int, set[int]] = {}
    for place, theirs in enumerate(cells):
        for target in theirs:
            holders.setdefault(target, set()).add(place)
    # Every change brings somebody home and takes nobody away: there is an end to them.
    while sum(_home(place, cells, own, holders, rank) for place in range(len(cells))):
        continue


def _home(
    place: int,
    cells: Sequence[set[int]],
    own: Sequence[frozenset[int]],
    holders: Mapping[int, set[int]],
    rank: Mapping[int, int],
) -> bool:
    """Bring one member's own to them; whether anything was changed."""
    mine, changed = cells[place], False
    for wanted in sorted(own[place] - mine, key=rank.__getitem__):
        change = _change(wanted, mine - own[place], place, cells, own, holders, rank)
        if change is None:
            continue
        other, given = change
        mine.add(wanted)
        mine.discard(given)
        cells[other].add(given)
        cells[other].discard(wanted)
        holders[wanted].add(place)
        holders[wanted].discard(other)
        holders[given].add(other)
        holders[given].discard(place)
        changed = True
    return changed


def _change(
    wanted: int,
    offered: set[int],
    place: int,
    cells: Sequence[set[int]],
    own: Sequence[frozenset[int]],
    holders: Mapping[int, set[int]],
    rank: Mapping[int, int],
) -> tuple[int, int] | None:
    """With whom, and for which target, somebody gets the wanted one; None: with nobody."""
    for other in sorted(holders.get(wanted, ())):
        if other == place or wanted in own[other]:
            continue
        fits = offered - cells[other]
        if fits:
            best = min(fits, key=lambda each: (each not in own[other], rank[each]))
            return other, best
    return None


def _shares(
    targets: Sequence[int],
    writers: Sequence[Writer],
    loads: Sequence[int],
    cells: Sequence[set[int]],
    pool: int,
) -> list[Share]:
    given: dict[tuple[int | None, int], int] = {}
    sums = dict.fromkeys(targets, 0)
    for one, load, more in zip(writers, loads, cells, strict=True):
        every = load // len(targets)
        for target in targets if every else more:
            number = every + (target in more)
            given[one.id, target] = number
            sums[target] += number
    # The pool fills up those with fewest.
    filled = _levelled(pool, [sums[target] for target in targets])
    for target, number in zip(targets, filled, strict=True):
        if number:
            given[None, target] = number
    return _in_order(given)


def _levelled(pieces: int, there: Sequence[int]) -> list[int]:
    """Pieces added so that the sums are as even as can be, the first of equals before others."""
    low, high = 0, pieces + max(there)
    while low < high:
        level = (low + high + 1) // 2
        if sum(max(0, level - each) for each in there) <= pieces:
            low = level
        else:
            high = level - 1
    added = [max(0, low - each) for each in there]
    left = pieces - sum(added)
    for place, each in enumerate(there):
        if left and each + added[place] == low:
            added[place] += 1
            left -= 1
    return added


def _in_order(given: Mapping[tuple[int | None, int], int]) -> list[Share]:
    order = sorted(given, key=lambda each: (each[0] is None, each[0] or 0, each[1]))
    return [Share(target, member, given[member, target]) for member, target in order]
