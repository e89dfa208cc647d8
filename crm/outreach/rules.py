"""The counting rule and the arithmetic of a batch. Pure.

A channel is counted *per piece* (each goes to exactly one target, so the targets' pieces add up
to the action's) or *as one act* (each target was reached by all of it, so the targets' pieces are
each the action's, and their sum counts the shared act more than once). A report's per-target
column counts what reached the target; its total counts everything once; the difference is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass


def spread(pieces: int, among: int) -> list[int]:
    """Pieces as evenly as whole numbers allow, the remainder to the first: 7, 3 → 3, 2, 2."""
    if among < 1 or pieces < among:
        raise ValueError(f"{pieces} pieces cannot reach {among} targets")
    each, left = divmod(pieces, among)
    return [each + (1 if place < left else 0) for place in range(among)]


@dataclass(frozen=True)
class Reconciliation:
    """How a report's rows and its total fit: `rows_total - shared + untold = total`.

    `shared` is what the rows count more than once (joint chapters, acts with several targets);
    `untold` what no row shows (pieces nobody is named for, acts without a target).
    """

    rows_total: int
    shared: int
    untold: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether the sums agree; a report whose sums do not is a bug."""
        return self.rows_total - self.shared + self.untold == self.total


def named_total(pieces: Sequence[int]) -> int:
    """Pieces of all named members together."""
    return sum(pieces)
