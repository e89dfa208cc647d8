"""What two answers differ in, by table; and the differences applied give the later answer."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.core.tables import Column, Kind, Share
from crm.reports.differences import applied, compare, compare_all
from crm.reports.extracts import Extract

COLUMNS = (
    Column("target", "Target"),
    Column("pieces", "Pieces", Kind.NUMBER),
    Column("rate", "Rate", Kind.SHARE),
)


def told(rows: dict[str, tuple[Any, ...]], **more: Any) -> Extract:
    return Extract(
        **{
            "name": "activity-by-target",
            "title": "Activity by target",
            "columns": COLUMNS,
            "rows": list(rows.values()),
            "keys": list(rows),
            "totals": ("", sum(row[1] for row in rows.values()), None),
            "told": f"{len(rows)} lines",
            **more,
        }
    )


NIUE, TONGA = ("Niue", 3, Share(1, 3)), ("Tonga", 2, None)


def test_the_same_twice_is_nothing() -> None:
    found = compare(told({"1": NIUE, "2": TONGA}), told({"1": NIUE, "2": TONGA}))
    assert found.is_nothing
    assert found.rows == 0
    # Sorted otherwise it says the same still.
    assert compare(told({"1": NIUE, "2": TONGA}), told({"2": TONGA, "1": NIUE})).is_nothing


@pytest.mark.parametrize(
    ("before", "after", "added", "gone", "changed"),
    [
        ({"1": NIUE}, {"1": NIUE, "2": TONGA}, ["Tonga"], [], []),
        ({"1": NIUE, "2": TONGA}, {"2": TONGA}, [], ["Niue"], []),
        ({"1": NIUE}, {"1": ("Niue", 4, Share(1, 3))}, [], [], [("pieces", 3, 4)]),
        ({"1": NIUE}, {"1": ("Niue", 3, Share(2, 3))}, [], [],
         [("rate", Share(1, 3), Share(2, 3))]),
        # Renamed, it is the same row; of another key it is another row of the same name.
        ({"1": NIUE}, {"1": ("Savage Island", *NIUE[1:])}, [], [],
         [("target", "Niue", "Savage Island")]),
        ({"1": NIUE}, {"9": NIUE}, ["Niue"], ["Niue"], []),
    ],
)  # fmt: skip
def test_rows_come_go_and_change(
    before: Any, after: Any, added: Any, gone: Any, changed: Any
) -> None:
    found = compare(told(before), told(after))
    assert [row[0] for _key, row in found.added] == added
    assert [row[0] for _key, row in found.gone] == gone
    assert [
        (cell.column.key, cell.before, cell.after) for each in found.changed for cell in each.cells
    ] == changed
    assert not found.is_nothing


def test_totals_words_facts_and_columns_are_told_too() -> None:
    before = told({"1": NIUE}, facts=[("Channel", "Postcard")], limits=["Half of it."])
    after = told(
        {"1": (*NIUE, "x")}, told="Anew", totals=("", 7, None, None),
        columns=(*COLUMNS, Column("new", "New")), facts=[("Kind", "Any")],
    )  # fmt: skip
    found = compare(before, after)
    assert [(each.column.key, each.before, each.after) for each in found.totals] == [
        ("pieces", 3, 7)
    ]
    assert found.told == ("1 lines", "Anew")
    assert found.facts == [("Channel", "Postcard", ""), ("Kind", "", "Any")]
    assert found.limits == (["Half of it."], ())
    assert [each.key for each in found.new] == ["new"]
    assert [each.key for each in compare(after, before).lost] == ["new"]


def test_tables_of_one_report_are_matched_by_name() -> None:
    one, two = told({"1": NIUE}), told({"2": TONGA}, name="other", title="Other")
    found, came, went = compare_all([one], [one, two])
    assert ([each.is_nothing for each in found], came, went) == ([True], ["Other"], [])
    assert compare_all([one, two], [one])[1:] == ([], ["Other"])
    # Of one table alone it is that one, whatever it is called now.
    assert compare_all([two], [told({"2": TONGA})])[0][0].is_nothing
    # The same table in the text and in the appendix.
    found, came, went = compare_all([one, two, one], [one, two, told({"2": TONGA})])
    assert [each.is_nothing for each in found] == [True, True, False]
    assert not came
    assert not went


CELLS = st.one_of(st.none(), st.integers(-5, 5), st.sampled_from(["", "a", "b"]))
KEYS = st.sampled_from([json.dumps(each) for each in (1, 2, 3, None, "x", [1, 2])])


@st.composite
def extracts(draw: Any) -> Extract:
    names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    columns = tuple(Column(name, name.upper()) for name in names)
    row = st.tuples(*(CELLS for _each in columns))
    rows = draw(st.lists(st.tuples(KEYS, row), max_size=6))
    return Extract(
        name="any",
        title=draw(st.sampled_from(["One", "Two"])),
        columns=columns,
        rows=[cells for _key, cells in rows],
        keys=[key for key, _cells in rows],
        totals=draw(st.none() | row),
        told=draw(st.sampled_from(["", "It adds up."])),
        facts=draw(st.lists(st.sampled_from([("A", "1"), ("B", "2")]), max_size=2, unique=True)),
        limits=draw(st.lists(st.sampled_from(["Half."]), max_size=1)),
    )


@given(extracts(), extracts())
@settings(max_examples=100, deadline=None)
def test_applied_to_the_earlier_answer_they_give_the_later(before: Extract, after: Extract) -> None:
    found = compare(before, after)
    assert applied(before, found) == after
    assert compare(after, after).is_nothing
    # They turn round: what came has gone, seen from the other side.
    back = compare(after, before)
    assert {key for key, _row in back.gone} == {key for key, _row in found.added}
    if not (found.lost or found.new):
        assert {each.key for each in back.changed} == {each.key for each in found.changed}
