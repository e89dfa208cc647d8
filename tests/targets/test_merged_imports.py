"""Imports that meet what was merged find the kept one, make nothing anew, and take no turns."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import select

from crm.core import db
from crm.targets import merging, operations, queries
from crm.targets.intake import Taken
from crm.targets.models import Target, TargetIdentifier, TargetMerge
from tests import make
from tests.dumps import dump
from tests.targets.test_openstates import copy_of, file_of, held, number, person, take

CONGRESS = Path(__file__).parent / "data" / "congress"
TODAY = date(2026, 11, 23)
#: An import leaves these even where it changes nothing.
RUNS = ("audit_entry", "import_run")
TRACES = (*RUNS, "target_merge")


def take_congress() -> Taken:
    with db.unit_of_work():
        return operations.import_congress(str(CONGRESS), by=None, today=TODAY)


def by_bioguide(identifier: str) -> int:
    return db.session.scalars(
        select(TargetIdentifier.target_id).where(
            TargetIdentifier.scheme == "bioguide", TargetIdentifier.identifier == identifier
        )
    ).one()


def merge(kept: int, merged: int, **theirs: bool) -> int:
    with db.unit_of_work():
        return merging.merge(
            kept=queries.target(kept), merged=queries.target(merged), theirs=theirs, by=None
        ).id


def both_again() -> None:
    """Both sources, twice: nothing changes and nobody is made anew."""
    take_congress()
    take()
    before, people = dump(leaving_out=RUNS), db.session.query(Target).count()
    for _time in range(2):
        for taken in (take_congress(), take()):
            assert (taken.counts["new"], taken.counts["changed"], taken.counts["left"]) == (0, 0, 0)
        assert dump(leaving_out=RUNS) == before
    assert db.session.query(Target).count() == people


@pytest.mark.parametrize("state_first", [True, False])
def test_it_works(any_app: Flask, state_first: bool) -> None:
    take_congress()
    take()
    senator, ana = by_bioguide("X000001"), person(1).id
    kept, merged = (ana, senator) if state_first else (senator, ana)
    merge(kept, merged)
    both_again()
    assert by_bioguide("X000001") == person(1).id == kept
    # Congress' term began last: it is the present office, and Congress keeps the name.
    assert queries.target(kept).name.startswith("Zélie")
    assert queries.offices([kept])[kept].body == "U.S. Senate"
    current = [post.key for term, post, _body in queries.terms(kept) if term.is_current]
    assert current == ["us/senate/WV/2"]
    chambers = {post.key.split("/")[0] for _term, post, _body in queries.terms(kept)}
    assert chambers == {"us", "us-wv"}
    roots = {body.key.split("/")[0] for _seat, body, _above in queries.committee_seats(kept)}
    assert roots == {"us", "us-wv"}


def test_one_kept_by_hand_becomes_the_sources(any_app: Flask) -> None:
    hand = make.target("A. Alder", kind="official", family_name="Alder").id
    take()
    merge(hand, person(1).id)
    taken = take()
    assert taken.counts["new"] == 0
    assert person(1).id == hand
    assert person(1).name == "Ana Álder-Núñez"
    assert operations.is_imported(person(1))
    before = dump(leaving_out=RUNS)
    assert take().counts["unchanged"] == 5
    assert dump(leaving_out=RUNS) == before


def test_two_of_one_file_that_are_one_here(any_app: Flask) -> None:
    take()
    ana, cy = person(1).id, person(3).id
    merge(ana, cy)
    taken = take()
    assert any("is one with Ana Álder-Núñez here" in warning for warning in taken.warnings)
    assert person(1).id == person(3).id == ana
    before = dump(leaving_out=RUNS)
    taken = take()
    assert (taken.counts["new"], taken.counts["changed"], taken.counts["left"]) == (0, 0, 0)
    assert dump(leaving_out=RUNS) == before


def test_undone_after_an_import(any_app: Flask) -> None:
    take_congress()
    take()
    senator, ana = by_bioguide("X000001"), person(1).id
    before = dump(leaving_out=TRACES)
    done = merge(senator, ana)
    take_congress()
    take()
    with db.unit_of_work():
        merging.unmerge(db.session.get_one(TargetMerge, done), by=None)
    take_congress()
    take()
    after = dump(leaving_out=(*TRACES, "target_change"))
    del before["target_change"]
    assert person(1).id == ana
    assert [row[0] for row in held(1) if row[4]] == ["us-wv/upper/1"]
    # The days on which facts were seen are those of the imports.
    assert {name for name in after if after[name] != before[name]} <= {"target", "contact_point"}


def test_a_source_that_made_one_of_two_is_followed(any_app: Flask, tmp_path: Path) -> None:
    take()
    bo = person(2).id
    folder = copy_of(tmp_path)
    path = file_of(folder, "Bo-Birch")
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["other_identifiers"] = [{"scheme": "openstates", "identifier": data["id"]}]
    data["id"] = "ocd-person/f0000000-0000-4000-8000-000000000000"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    for committee in (folder / "committees").iterdir():
        text = committee.read_text(encoding="utf-8")
        committee.write_text(text.replace(number(2), data["id"]), encoding="utf-8")
    taken = take(folder)
    assert (taken.counts["new"], taken.counts["left"]) == (0, 0)
    assert person(2).id == bo
