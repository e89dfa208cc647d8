"""Of two records one is made, every record moves, and all of it can be brought back."""

from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select

from crm.campaigns.models import Ask, CampaignContact, CampaignTarget, Position
from crm.core import db
from crm.core.errors import Refused
from crm.core.journal import references
from crm.core.merging import way_of
from crm.targets import duplicates, list_operations, merging, operations, queries
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    NotTheSame,
    Post,
    Target,
    TargetIdentifier,
    TargetListItem,
    TargetMerge,
    Term,
)
from crm.treaties.models import TreatyAttendance, TreatyEvent, TreatyMeeting
from tests import make
from tests.dumps import dump

#: Of a merge and its undo these remain.
TRACES = ("audit_entry", "target_merge")


def scene() -> SimpleNamespace:
    """Somebody who is here twice, and all that can point to either. Ids only."""
    ana = make.legislator("Ana", "Alder", district="2", starts_on=date(2025, 1, 3))
    twin = make.target(
        "A. Alder", kind="official", family_name="Alder", given_name="A.", note="Met in May.",
        nickname="Annie",
    )  # fmt: skip
    other = make.target("Bo Birch", kind="official", family_name="Birch")
    ana_id, twin_id, other_id = ana.id, twin.id, other.id
    campaign = make.campaign("Postcards", targets=(ana, twin))
    second = make.campaign("Letters", targets=(twin,))
    post = db.session.scalars(select(Post.id)).one()
    body = make.kept(Body(key="own/forum", name="Forum", classification="other")).id
    own = make.kept(Post(key="own/forum/chair", body_id=body, role="Chair", label="Chair")).id
    committee = make.kept(Body(key="us/senate/SXXX", name="Forests", classification="committee")).id
    make.kept(
        TargetIdentifier(target_id=ana_id, scheme="bioguide", identifier="X000001"),
        TargetIdentifier(target_id=twin_id, scheme="openstates", identifier="ocd-person/1"),
        Term(target_id=twin_id, post_id=post, starts_on=date(2025, 1, 3), is_current=False),
        Term(target_id=twin_id, post_id=own, starts_on=None, is_current=True),
        CommitteeSeat(target_id=ana_id, body_id=committee, title="Chair"),
        CommitteeSeat(target_id=twin_id, body_id=committee),
        NotTheSame(a_id=twin_id, b_id=other_id),
    )
    points = [
        ContactPoint(target_id=ana_id, kind="phone", label="DC", value="202-555-0101",
                     key="dc/phone"),
        ContactPoint(target_id=twin_id, kind="phone", label="Office", value="202 555 0101",
                     status="bad", note="rings out"),
        ContactPoint(target_id=twin_id, kind="fax", label="DC", value="202-555-0109",
                     key="dc/fax"),
    ]  # fmt: skip
    make.kept(*points)
    twins_phone = points[1].id
    campaign_id, second_id = campaign.id, second.id
    make.kept(
        CampaignContact(
            campaign_id=second_id, target_id=twin_id, contact_point_id=twins_phone
        ),
        Position(
            target_id=twin_id, ask_id=_ask(campaign_id),
            seen_on=date(2026, 1, 1), support=1, confidence="low",
        ),
    )  # fmt: skip
    with db.unit_of_work():
        kept = list_operations.keep_list(name="Both", target_ids=[ana_id, twin_id], by=None)
        list_operations.keep_list(name="One", target_ids=[twin_id], by=None)
        both = kept.id
    return SimpleNamespace(
        ana=ana_id, twin=twin_id, other=other_id, list=both, campaign=campaign_id, second=second_id,
        own=own,
    )  # fmt: skip


def _ask(campaign_id: int) -> int:
    return db.session.scalars(select(Ask.id).where(Ask.campaign_id == campaign_id)).one()


def merge(kept: int, merged: int, **theirs: bool) -> int:
    with db.unit_of_work():
        return merging.merge(
            kept=queries.target(kept), merged=queries.target(merged), theirs=theirs, by=None
        ).id


def unmerge(number: int) -> None:
    with db.unit_of_work():
        merging.unmerge(db.session.get_one(TargetMerge, number), by=None)


def test_it_works(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin)
    twin = db.session.get_one(Target, one.twin)
    assert (twin.merged_into_id, twin.name) == (one.ana, "A. Alder")
    ana = queries.target(one.ana)
    assert (ana.name, ana.kind, ana.nickname, ana.note) == (
        "Ana Alder", "legislator", "Annie", "Met in May.",
    )  # fmt: skip
    assert {(each.scheme, each.identifier) for each in queries.identifiers(one.ana)} == {
        ("bioguide", "X000001"),
        ("openstates", "ocd-person/1"),
    }
    held = [(post.key, term.is_current) for term, post, _body in queries.terms(one.ana)]
    assert held == [("us/senate/WV/2", True), ("own/forum/chair", False)]
    seats = [(body.name, seat.title) for seat, body, _above in queries.committee_seats(one.ana)]
    assert seats == [("Forests", "Chair")]
    for column in references(Target.__table__):
        if column.table.name in (*TRACES, "target"):
            continue
        assert db.session.execute(select(column).where(column == one.twin)).all() == [], column


def test_contact_points_of_both_are_one(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin)
    found = queries.contact_points(one.ana)
    assert [(p.value, p.key, p.status, p.note) for p in found["phone"]] == [
        ("202-555-0101", "dc/phone", "bad", "rings out")
    ]
    assert [p.value for p in found["fax"]] == ["202-555-0109"]
    chosen = db.session.scalars(select(CampaignContact)).one()
    assert (chosen.target_id, chosen.contact_point_id) == (one.ana, found["phone"][0].id)


def test_lists_and_campaigns_have_it_once(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin)
    rows = db.session.execute(select(TargetListItem.target_id)).scalars().all()
    assert rows == [one.ana, one.ana]
    assert set(
        db.session.execute(select(CampaignTarget.campaign_id, CampaignTarget.target_id))
    ) == {
        (one.campaign, one.ana),
        (one.second, one.ana),
    }
    assert db.session.scalars(select(Position.target_id)).all() == [one.ana]
    apart = db.session.scalars(select(NotTheSame)).one()
    assert (apart.a_id, apart.b_id) == (one.ana, one.other)


def test_facts_are_taken_from_the_one_that_is_chosen(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin, name=True, kind=True, office=True)
    ana = queries.target(one.ana)
    assert (ana.name, ana.given_name, ana.kind) == ("A. Alder", "A.", "official")
    assert queries.offices([one.ana])[one.ana].label == "Chair"
    assert [each.id for each in queries.find_targets("ana", 5)] == [one.ana]


def test_undone_everything_is_as_it_was(any_app: Flask) -> None:
    one = scene()
    before = dump(leaving_out=TRACES)
    number = merge(one.ana, one.twin, name=True, office=True)
    assert dump(leaving_out=TRACES) != before
    unmerge(number)
    assert dump(leaving_out=TRACES) == before
    # And the other way about.
    unmerge(merge(one.twin, one.ana, salutation=True))
    assert dump(leaving_out=TRACES) == before


def test_undone_twice_is_like_once(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    unmerge(number)
    before = dump()
    unmerge(number)
    assert dump() == before


def test_a_government_takes_its_treaty_record_along(any_app: Flask) -> None:
    niue, twin = make.target("Niue").id, make.target("Niue Island").id
    meeting = make.kept(
        TreatyMeeting(treaty="CCM", key="1MSP", name="First meeting", kind="meeting")
    ).id
    second = make.kept(
        TreatyMeeting(treaty="CCM", key="2MSP", name="Second meeting", kind="meeting")
    ).id
    make.kept(
        TreatyEvent(treaty="CCM", target_id=twin, kind="signature", source="x",
                    happened_on=date(2008, 12, 3)),
        TreatyAttendance(meeting_id=meeting, target_id=niue, capacity="party"),
        TreatyAttendance(meeting_id=meeting, target_id=twin, capacity="observer"),
        TreatyAttendance(meeting_id=second, target_id=twin, capacity="observer"),
    )  # fmt: skip
    before = dump(leaving_out=TRACES)
    number = merge(niue, twin)
    assert db.session.scalars(select(TreatyEvent.target_id)).all() == [niue]
    rows = db.session.execute(
        select(TreatyAttendance.meeting_id, TreatyAttendance.target_id, TreatyAttendance.capacity)
    )
    assert set(rows) == {(meeting, niue, "party"), (second, niue, "observer")}
    unmerge(number)
    assert dump(leaving_out=TRACES) == before


def test_the_old_name_leads_to_the_one_that_is_kept(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin)
    for q in ("a alder", "ana"):
        assert [each.id for each in queries.find_targets(q, 5)] == [one.ana]
    listed = db.session.scalars(queries.targets(queries.TargetFilter(q="a alder"))).all()
    assert [each.id for each in listed] == [one.ana]
    match = queries.match_targets(["A. Alder"])[0]
    assert (match.status, match.target_id) == ("sure", one.ana)
    with pytest.raises(Exception, match="No row"):
        queries.target(one.twin)


def test_merged_again_the_first_leads_to_the_last(any_app: Flask) -> None:
    one = scene()
    before = dump(leaving_out=TRACES)
    first = merge(one.twin, one.other)
    between = dump(leaving_out=TRACES)
    second = merge(one.ana, one.twin)
    assert queries.kept_ids([one.other, one.twin]) == {one.other: one.ana, one.twin: one.ana}
    assert [each.id for each in queries.find_targets("birch", 5)] == [one.ana]
    with pytest.raises(Refused, match="itself merged since"):
        unmerge(first)
    unmerge(second)
    assert dump(leaving_out=TRACES) == between
    unmerge(first)
    assert dump(leaving_out=TRACES) == before


def test_the_last_merge_is_undone_first(any_app: Flask) -> None:
    one = scene()
    first = merge(one.ana, one.twin)
    merge(one.ana, one.other)
    with pytest.raises(Refused, match="Another target was merged into Ana Alder since"):
        unmerge(first)


def test_what_changed_since_stays(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    with db.unit_of_work():
        kept = queries.target_list("both")
        list_operations.take_off_list(kept, one.ana, by=None)
        operations.change_target(
            queries.target(one.ana), given_name="Ana", family_name="Alder", note="Newer.", by=None
        )
    unmerge(number)
    assert queries.target(one.ana).note == "Newer."
    twin = queries.target(one.twin)
    assert twin.note == "Met in May."


def test_no_merge_of_a_thing_with_itself(any_app: Flask) -> None:
    one = scene()
    with pytest.raises(Refused, match="same record already"):
        merge(one.ana, one.ana)


def test_no_merge_of_a_person_with_a_state(any_app: Flask) -> None:
    one, niue = scene(), make.target("Niue").id
    before = dump()
    with pytest.raises(Refused, match="A legislator and a government cannot be one"):
        merge(one.ana, niue)
    assert dump() == before


def test_no_merge_of_two_states(any_app: Flask) -> None:
    """The ledger would count what each of them did for both."""
    niue, tonga = make.target("Niue").id, make.target("Tonga").id
    make.kept(
        TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"),
        TargetIdentifier(target_id=tonga, scheme="iso3166-alpha3", identifier="TON"),
    )
    with pytest.raises(Refused, match="Niue and Tonga are two states"):
        merge(niue, tonga)
    # A record of one of them that somebody typed is another matter.
    merge(niue, make.target("Niue (typed)").id)


def test_not_the_same_is_said_once(any_app: Flask) -> None:
    one = make.target("Birch Company", kind="company").id
    other = make.target("The Birch Company", kind="company").id
    with any_app.test_request_context():
        assert len(duplicates.likely()) == 1
        for _time in range(2):
            with db.unit_of_work():
                merging.keep_apart(queries.target(other), queries.target(one), by=None)
        assert duplicates.likely() == []


def test_every_way_to_a_target_is_known(app: Flask) -> None:
    """A table that points to targets moves by one update, or somebody said how it moves."""
    columns = references(Target.__table__)
    assert len(columns) > 15
    for column in columns:
        way_of(column)
