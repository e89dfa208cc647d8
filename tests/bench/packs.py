"""535 targets allotted to 200 members, as a pack does it: the sharing out alone."""

import random
import time
from statistics import median

from crm.mailings.allotment import Way, Wish, Writer, allot

TARGETS, MEMBERS, TIMES = 535, 200, 7


def wishes() -> dict[str, Wish]:
    """Ways to share out: one to each target; a full pack, nearly 5,000; each with constituents."""
    chosen = random.Random(7)
    targets = range(1, TARGETS + 1)
    writers = tuple(
        Writer(each, own=frozenset(chosen.sample(targets, 3))) for each in range(1, MEMBERS + 1)
    )
    return {
        "one to each target": Wish(Way.SPREAD, frozenset(targets), writers),
        "25 by each": Wish(Way.SPREAD, frozenset(targets), writers, each=25),
    }


def times() -> dict[str, float]:
    """Seconds by way: the median of several."""
    found = {}
    for name, wish in wishes().items():
        taken = []
        for _turn in range(TIMES):
            started = time.perf_counter()
            allot(wish)
            taken.append(time.perf_counter() - started)
        found[name] = median(taken)
    return found


if __name__ == "__main__":
    for name, seconds in times().items():
        print(f"{TARGETS} targets to {MEMBERS} members, {name}: {seconds * 1000:.1f} ms")
