"""Which rows of a roster, and which members, have so much in common that they may be one.

What they have in common comes as numbers (`likeness.blocks`): two meet who have one of them alike,
and those who share an odd one, a way to be reached, are told from those whose names alone meet.
The numbers are spread over parts that are packed away beside the rows and met one after another,
so that no more of them is in memory than a part holds, whatever the length of the file.
"""

import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

#: Parts, and numbers of one that are held before they are packed away.
_PARTS, _HELD = 64, 8192

TABLES = """
    DROP TABLE IF EXISTS block;
    DROP TABLE IF EXISTS pair;
    CREATE TABLE block (part INTEGER, packed BLOB);
    CREATE TABLE pair (
        number INTEGER, other INTEGER, reached INTEGER, PRIMARY KEY (number, other)) WITHOUT ROWID;
"""


class Meeting:
    """Rows are known by their number, members by their id with a minus before it."""

    def __init__(self, base: sqlite3.Connection):
        self.base = base
        #: By part: a block and who is in it, by turns.
        self.parts = [array("q") for _part in range(_PARTS)]
        #: Rows and members with a way to be reached that too many have to meet by it.
        self.crowded: set[int] = set()

    def add_row(self, blocks: Iterable[int], number: int, *, is_new: bool) -> None:
        """A row; only one that is new is asked about."""
        self._add(blocks, number * 2 + is_new)

    def add_member(self, blocks: Iterable[int], member_id: int) -> None:
        """A member who is here."""
        self._add(blocks, -member_id)

    def _add(self, blocks: Iterable[int], who: int) -> None:
        parts = self.parts
        for block in blocks:
            parts[(block >> 1) % _PARTS].extend((block, who))

    def pack(self) -> None:
        """Put away what is enough for it."""
        for part, held in enumerate(self.parts):
            if len(held) >= _HELD:
                self.base.execute("INSERT INTO block VALUES (?, ?)", (part, held.tobytes()))
                del held[:]

    def meet(self, most: int) -> None:
        """Find who meets whom; a block of more than `most` tells nothing."""
        for part, held in enumerate(self.parts):
            for (packed,) in self.base.execute("SELECT packed FROM block WHERE part = ?", (part,)):
                held.frombytes(packed)
            self.base.executemany(
                "INSERT INTO pair VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET reached = 1 WHERE excluded.reached AND NOT reached",
                self._met(held, most),
            )
            del held[:]
        self.base.execute("DROP TABLE block")

    def _met(self, held: "array[int]", most: int) -> Iterator[tuple[int, int, int]]:
        together = Counter(held[0::2])
        groups: dict[int, list[int]] = defaultdict(list)
        for block, who in zip(held[0::2], held[1::2], strict=True):
            if 1 < together[block] <= most:
                groups[block].append(who)
            elif block & 1 and together[block] > most:
                self.crowded.add(who // 2 if who > 0 else who)
        for block, group in groups.items():
            members = [who for who in group if who < 0]
            rows = sorted(who for who in group if who >= 0)
            for place, row in enumerate(rows):
                if row & 1:
                    others = (*members, *(above // 2 for above in rows[:place]))
                    yield from ((row // 2, other, block & 1) for other in others)

    def pairs(self, size: int) -> Iterator[list[tuple[int, int, bool]]]:
        """New rows, so many at a time, each with the members and the rows above it meets.

        Beside them, whether they may share a way to be reached.
        """
        last = self.base.execute("SELECT coalesce(max(number), 0) FROM pair").fetchone()[0]
        for start in range(0, last + 1, size):
            found = self.base.execute(
                "SELECT number, other, reached FROM pair WHERE number BETWEEN ? AND ?",
                (start, start + size - 1),
            ).fetchall()
            if found:
                yield [
                    (number, other, bool(reached) or {number, other} <= self.crowded)
                    for number, other, reached in found
                ]
