"""A dozen members of the real Congress edited by hand: exactly those changes, on both databases."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import event, select

from crm.core import db
from crm.core.errors import Refused
from crm.targets import operations, rules
from crm.targets.models import TargetChange, TargetIdentifier
from tests.targets.test_real_congress import FOLDER

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public files of Congress (shared/data/congress) are not here"
)

Files = dict[str, Any]
LEGISLATORS, OFFICES, SEATS = (
    "legislators-current",
    "legislators-district-offices",
    "committee-membership-current",
)
STEMS = (LEGISLATORS, OFFICES, SEATS, "committees-current", "legislators-social-media")


def files() -> Files:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {
        stem: yaml.load((FOLDER / f"{stem}.yaml").read_bytes(), Loader=loader)  # noqa: S506
        for stem in STEMS
    }


def taken_from(folder: Path, data: Files, today: date) -> Any:
    for stem, rows in data.items():
        # Text as it came: the dumper must not make an octal of a ZIP.
        text = yaml.dump(rows, allow_unicode=True, Dumper=getattr(yaml, "CSafeDumper", None))
        (folder / f"{stem}.yaml").write_text(text, encoding="utf-8")
    with db.unit_of_work():
        return operations.import_congress(str(folder), by=None, today=today)


def edited(data: Files) -> set[tuple[str, str, str, str]]:
    """Edit the files in place, as the source's own editors would; what must be seen of it."""
    offices = {each["id"]["bioguide"]: each["offices"] for each in data[OFFICES]}
    sitting = [each for each in data[LEGISLATORS] if each["terms"][-1]["type"] == "rep"]
    states = [each for each in sitting if each["terms"][-1]["state"] not in ("AK", "CA", "WV")]
    chosen = iter(states[::29])
    expected: set[tuple[str, str, str, str]] = set()

    def key(person: Any) -> str:
        return str(person["id"]["bioguide"])

    # Out of office.
    gone = next(chosen)
    data[LEGISLATORS].remove(gone)
    expected.add(("left", key(gone), _label(gone), ""))
    # In office, in the same seat.
    new = {
        "id": {"bioguide": "Z000999"},
        "name": {"first": "Nell", "last": "Newcomb", "official_full": "Nell Newcomb"},
        "bio": {"gender": "F", "birthday": "1980-01-01"},
        "terms": [{**gone["terms"][-1], "start": "2026-10-01", "phone": "202-225-0101"}],
    }
    data[LEGISLATORS].append(new)
    expected.add(("arrived", "Z000999", "", _label(gone)))
    # From the House to the Senate, into the seat of who leaves it.
    senator = next(
        each for each in data[LEGISLATORS]
        if each["terms"][-1]["type"] == "sen" and each["terms"][-1]["state"] == "OH"
    )  # fmt: skip
    mover = next(each for each in sitting if each["terms"][-1]["state"] == "OH")
    data[LEGISLATORS].remove(senator)
    expected.add(("left", key(senator), _label(senator), ""))
    old = _label(mover)
    mover["terms"].append({**senator["terms"][-1], "start": "2026-11-10", "end": "2029-01-03"})
    mover["terms"][-1]["party"] = mover["terms"][-2]["party"]
    expected.add(("moved", key(mover), old, _label(mover)))
    # Another district, which is vacant.
    mapped = next(each for each in sitting if each["terms"][-1]["state"] == "WV")
    was = mapped["terms"][-1]["district"]
    mapped["terms"][-1]["district"] = 9
    expected.add(("district", key(mapped), f"WV-{was}", "WV-9"))
    # Two parties, one dated by the source.
    person = next(chosen)
    was = person["terms"][-1]["party"]
    person["terms"][-1].update(party="Independent", caucus=was)
    expected.add(("party", key(person), was, "Independent"))
    person = next(chosen)
    term = person["terms"][-1]
    was = term["party"]
    term.update(
        party="Independent",
        party_affiliations=[
            {"start": term["start"], "end": "2026-08-31", "party": was},
            {"start": "2026-09-01", "end": term["end"], "party": "Independent"},
        ],
    )
    expected.add(("party", key(person), was, "Independent"))
    # A name, with all that is derived from it.
    person = next(chosen)
    was = person["name"]["official_full"]
    person["name"].update(last="Newname", official_full="Ann Newname")
    expected.add(("name", key(person), was, "Ann Newname"))
    # A phone in Washington, a phone and a town elsewhere.
    person = next(chosen)
    was = person["terms"][-1]["phone"]
    person["terms"][-1]["phone"] = "202-225-0102"
    expected.add(("contact", key(person), was, "202-225-0102"))
    person = next(each for each in chosen if "phone" in offices[key(each)][0])
    was = offices[key(person)][0]["phone"]
    offices[key(person)][0]["phone"] = "304-555-0103"
    expected.add(("contact", key(person), was, "304-555-0103"))
    person = next(each for each in chosen if offices[key(each)][0].get("address"))
    office = offices[key(person)][0]
    was = _address(office)
    office.update(city="Newtown", zip="01234")
    expected.add(("contact", key(person), was, _address(office)))
    # Re-elected; a seat on a committee given up; a rank.
    person = next(chosen)
    term = person["terms"][-1]
    fresh = {name: term[name] for name in ("type", "state", "district", "party")}
    person["terms"].append({**fresh, "start": "2027-01-03", "end": "2029-01-03"})
    expected.add(("other", key(person), term["end"], "2029-01-03"))
    touched = {change[1] for change in expected}
    code, rows = next((code, rows) for code, rows in data[SEATS].items() if len(code) == 4)
    names = {each["thomas_id"]: each["name"] for each in data["committees-current"]}
    row = next(each for each in reversed(rows) if each["bioguide"] not in touched)
    rows.remove(row)
    expected.add(("committee", row["bioguide"], names[code], ""))
    return expected


def _label(person: Any) -> str:
    term = person["terms"][-1]
    if term["type"] == "sen":
        return rules.senate_seat(term["state"], term["class"]).label
    return rules.house_seat(term["state"], term["district"]).label


def _address(office: Any) -> str:
    street = ", ".join(office[part] for part in ("address", "suite") if office.get(part))
    town = f"{office['city']}, {office['state']} {office['zip']}"
    return ", ".join(part for part in (office.get("building"), street, town) if part)


def test_a_file_cut_off_between_two_records_is_refused(app: Flask, tmp_path: Path) -> None:
    """It is whole YAML, and everybody else would seem to have left."""
    with db.unit_of_work():
        operations.import_congress(str(FOLDER), by=None, today=date(2026, 6, 15))
    people = files()[LEGISLATORS]
    for kept in (len(people) // 2, len(people) * 9 // 10):
        with pytest.raises(Refused, match="looks cut off"):
            taken_from(tmp_path, {LEGISLATORS: people[:kept]}, date(2026, 11, 23))


def test_it_works(any_app: Flask, tmp_path: Path) -> None:
    with db.unit_of_work():
        operations.import_congress(str(FOLDER), by=None, today=date(2026, 6, 15))
    data = files()
    expected = edited(data)
    assert len({change[1] for change in expected}) == 13
    statements = 0

    def count(*_args: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(db.extension.engine, "before_cursor_execute", count)
    taken = taken_from(tmp_path, data, date(2026, 11, 23))
    event.remove(db.extension.engine, "before_cursor_execute", count)
    found = [(change.kind, change.key, change.old, change.new) for change in taken.changes]
    assert sorted(found) == sorted(expected)
    assert str(taken) == (
        "congress: 2 left, 1 arrived, 1 moved, 1 district changed, 2 party changed, "
        "1 name changed, 3 contact changed, 1 committee changed, 1 other changed, 525 unchanged"
    )
    # In bulk: not one more for each of them.
    assert statements < 60
    kept = db.session.execute(
        select(TargetIdentifier.identifier, TargetChange.kind)
        .join(TargetChange, TargetChange.target_id == TargetIdentifier.target_id)
        .where(TargetChange.import_id == taken.run_id, TargetIdentifier.scheme == "bioguide")
    ).all()
    assert sorted(tuple(row) for row in kept) == sorted((key, kind) for kind, key, *_rest in found)
    again = taken_from(tmp_path, data, date(2026, 12, 1))
    assert (again.changes, again.rows) == ([], {})
    assert str(again) == "congress: 536 unchanged"
