"""An extract is the same after JSON, and the same answer has one text."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from crm.core.tables import Column, Kind, Share
from crm.reports.extracts import Extract, canonical, digest

COLUMNS = (
    Column("who", "Who"),
    Column("pieces", "Pieces", Kind.NUMBER),
    Column("rate", "Rate", Kind.SHARE),
    Column("last", "Last", Kind.DATE),
    Column("month", "Month", Kind.MONTH),
)
numbers = st.none() | st.integers(0, 10**9)
rows = st.tuples(
    st.text(),
    numbers,
    st.none() | st.builds(Share, st.integers(0, 9), st.integers(0, 9)),
    st.none() | st.dates(),
    st.none() | st.dates(),
)


@given(st.lists(rows, max_size=5), st.none() | rows)
def test_it_comes_back_as_it_was(
    found: list[tuple[object, ...]], total: tuple[object, ...]
) -> None:
    made = Extract(
        name="activity",
        title="Activity",
        columns=COLUMNS,
        rows=found,
        keys=[str(place) for place in range(len(found))],
        totals=total,
        told="It adds up.",
        facts=[("From", "1 May 2026")],
        counts="pieces",
    )
    text = canonical(made.as_json())
    again = Extract.from_json(made.as_json())
    assert (again.columns, list(again.rows), again.totals) == (made.columns, found, total)
    assert canonical(again.as_json()) == text
    assert len(digest(text)) == 64


def test_a_changed_number_changes_the_hash() -> None:
    def made(pieces: int) -> str:
        row = ("Ann Alpha", pieces, Share(1, 2), date(2026, 1, 1), None)
        extract = Extract(name="a", title="A", columns=COLUMNS, rows=[row], keys=["1"])
        return digest(canonical(extract.as_json()))

    assert made(1) == made(1) != made(2)
