"""A text filled for targets and members, and what hinders printing a piece."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from crm.campaigns.models import Campaign
from crm.core import audit, db
from crm.members.disclosure import NOBODY
from crm.members.models import Chapter, Member
from crm.targets.models import Term
from crm.texts import queries
from crm.texts.merge import merge
from crm.texts.merged import Merged, Wanted, Why
from crm.texts.models import AddressForm
from crm.treaties import figures, operations
from tests import make
from tests.members.test_queries import statements
from tests.texts.conftest import TODAY, address, says, text


def merged(text_id: int, *wanted: Wanted, language: str = "en", **more: Any) -> list[Merged]:
    version = queries.approved(text_id, language) or queries.latest(text_id, language)
    assert version is not None
    asked: dict[str, Any] = {
        "campaign": None, "chapter": None, "values": {}, "on": TODAY, "viewer": NOBODY,
    }  # fmt: skip
    return merge(version, wanted, **{**asked, **more})


def whys(piece: Merged) -> list[Why]:
    return [each.why for each in piece.hindrances]


def test_it_works(anywhere: SimpleNamespace) -> None:
    says(anywhere.ana, "first_name")
    text_id = text(
        body="((Target.Salutation)),\n((member.first_name)) of ((member.chapter)) asks: "
        "((campaign.ask)). ((not target.party??No party.))",
        subject="For ((Target.Name))",
    )
    (piece,) = merged(
        text_id,
        Wanted(anywhere.ann, anywhere.ana),
        campaign=db.session.get(Campaign, anywhere.campaign_id),
    )
    assert str(piece.subject) == "For Ann Alpha"
    assert str(piece.body) == (
        "Dear Senator Alpha,\nAna of Alder High School asks: Join the treaty. "
    )
    assert piece.envelope == "The Honorable Ann Alpha"
    assert piece.address == ("United States Senate", "1 Hill Road", "Washington, DC 20510")
    assert (piece.closing, piece.signature) == ("Sincerely", "Ana")
    assert piece.return_address == (
        "Alder High School",
        "9 School Lane",
        "Charleston, WV 25301",
    )
    assert piece.can_print
    assert piece.contact_point_id
    assert piece.term_id
    assert "target.salutation" in piece.uses


def test_each_thing_in_the_way_is_told(anywhere: SimpleNamespace) -> None:
    body = "((target.salutation)) ((target.district)) ((your country)) ((member.full_name))"
    text_id = text(body=body, approved=False, fields=[{"name": "your country", "kind": "text"}])
    gone, no_address = merged(
        text_id, Wanted(999), Wanted(anywhere.bo, anywhere.ana), values={"Your Country": " "}
    )
    assert whys(gone) == [Why.NOT_APPROVED, Why.GONE]
    assert whys(no_address) == [Why.NOT_APPROVED, Why.NO_ADDRESS, Why.CONSENT, Why.EMPTY]
    assert "your country" in no_address.hindrances[-1].told
    assert no_address.signature == "A student of Alder High School"
    assert "Núñez" not in str(no_address)


def test_own_fields_are_filled_and_checked(anywhere: SimpleNamespace) -> None:
    fields = [
        {"name": "due", "kind": "date"},
        {"name": "how many", "kind": "number", "most": 10},
        {"name": "town", "kind": "choice", "choices": ["Alder", "Birch"]},
        {"name": "your own words", "kind": "hand"},
    ]
    text_id = text(
        body="((due)) ((How Many)) ((town)) ((your own words))", fields=fields, language="fr"
    )
    piece, one = Wanted(anywhere.ann), {"due": "2026-03-31", "howmany": "7", "town": "Birch"}
    (good,) = merged(text_id, piece, language="fr", values=one)
    assert str(good.body).startswith("31 mars 2026 7 Birch ____")
    assert good.can_print
    (bad,) = merged(text_id, piece, language="fr", values=one | {"how many": "11", "due": "soon"})
    assert set(whys(bad)) == {Why.VALUE, Why.EMPTY}


@pytest.mark.parametrize(
    ("said", "first", "full"),
    [
        ({}, False, False),
        ({"first_name": "given"}, True, False),
        ({"full_name": "given"}, True, True),
        ({"full_name": "given", "first_name": "refused"}, False, True),
        ({"full_name": "refused", "first_name": "given"}, True, False),
    ],
)
def test_names_are_filled_by_consent_alone(
    anywhere: SimpleNamespace, said: dict[str, str], first: bool, full: bool
) -> None:
    for purpose, answer in said.items():
        says(anywhere.ana, purpose, answer)
    wanted = Wanted(anywhere.ann, anywhere.ana)
    (one,) = merged(text(body="((member.first_name))"), wanted)
    assert (str(one.body) == "Ana") is first
    assert (Why.CONSENT in whys(one)) is not first
    (both,) = merged(text(body="((member.full_name))"), wanted)
    assert (str(both.body) == "Ana Núñez") is full
    assert ("Núñez" in f"{both.body} {both.signature}") is full


def test_a_forgotten_member_is_nobody(anywhere: SimpleNamespace) -> None:
    says(anywhere.ana, "full_name")
    with db.unit_of_work():
        db.session.execute(
            update(Member).where(Member.id == anywhere.ana).values(forgotten_at=db.now())
        )
        audit.record("make", "test", None, by=None)
    (piece,) = merged(text(body="((member.first_name))"), Wanted(anywhere.ann, anywhere.ana))
    assert whys(piece) == [Why.CONSENT]
    assert piece.signature == "A former member"


def test_who_left_office_gets_nothing(anywhere: SimpleNamespace) -> None:
    text_id, wanted = text(), Wanted(anywhere.ann)
    (before,) = merged(text_id, wanted)
    kept = {anywhere.ann: before.term_id}
    assert merged(text_id, wanted, terms=kept)[0].can_print
    other = make.legislator("Cy", "Gamma", chamber="us/house", district="9")
    post_id = db.session.query(Term).filter_by(target_id=other.id).one().post_id
    db.session.rollback()
    with db.unit_of_work():
        term = db.session.query(Term).filter_by(target_id=anywhere.ann).one()
        term.is_current = False
        db.session.flush()
        audit.record("make", "test", None, by=None)
    assert whys(merged(text_id, wanted)[0]) == [Why.LEFT]
    assert "since the pack was made" in merged(text_id, wanted, terms=kept)[0].hindrances[0].told
    make.kept(Term(target_id=anywhere.ann, post_id=post_id, is_current=True))
    assert merged(text_id, wanted)[0].can_print
    assert "another office" in merged(text_id, wanted, terms=kept)[0].hindrances[0].told


def test_a_form_set_for_a_target_stands_before_the_usual(anywhere: SimpleNamespace) -> None:
    make.kept(
        AddressForm(target_id=anywhere.ann, language="en", salutation="Dear Senator Ann"),
        AddressForm(target_id=anywhere.ann, language="fr", envelope="Mme la sénatrice Alpha"),
    )
    (piece,) = merged(text(), Wanted(anywhere.ann))
    assert (piece.salutation, piece.envelope) == ("Dear Senator Ann", "The Honorable Ann Alpha")
    assert str(piece.body).startswith("Dear Senator Ann,")
    (piece,) = merged(text(language="fr-CA"), Wanted(anywhere.ann), language="fr-CA")
    assert piece.envelope == "Mme la sénatrice Alpha"


def test_a_figure_is_printed_as_approved_and_told_when_it_changed(
    anywhere: SimpleNamespace,
) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)
    now = figures.figure("ccm.joined", on=TODAY).value
    kept = {"ccm.joined": {"name": "ccm.joined", "value": now, "label": "joined",
                           "on": "2026-05-01", "source": "list"}}  # fmt: skip
    body = "((ccm.joined)) and ((CCM.Joined@EU)) and ((ccm.gap_to:130))"
    draft = text(body=body, approved=False)
    (piece,) = merged(draft, Wanted(anywhere.ann))
    assert str(piece.body).startswith(f"{now} and ")
    assert not piece.body.missing
    assert whys(piece) == [Why.NOT_APPROVED]
    good = text(body="((ccm.joined))", figures=kept)
    assert merged(good, Wanted(anywhere.ann))[0].can_print
    kept["ccm.joined"]["value"] = now - 1
    old = text(body="((ccm.joined))", figures=kept)
    (piece,) = merged(old, Wanted(anywhere.ann))
    assert whys(piece) == [Why.STALE]
    assert str(now) in piece.hindrances[0].told


def test_a_condition_asks_where_the_country_stands(anywhere: SimpleNamespace) -> None:
    body = "((ccm.state_party??Thank you.))((not ccm.state_party??Please join.))"
    text_id, wanted = text(body=body), Wanted(anywhere.ann)
    (unknown,) = merged(text_id, wanted)
    # An empty ledger knows nothing: it says nothing.
    assert whys(unknown) == [Why.EMPTY]
    assert str(unknown.body) == ""
    with db.unit_of_work():
        operations.load_reference(by=None)
    niue = make.target("Ambassador of Niue", kind="official", country="NU")
    address(niue.id)
    us, party = merged(text_id, wanted, Wanted(niue.id))
    assert (str(us.body), str(party.body)) == ("Please join.", "Thank you.")
    both = text(body="((state_party??Yes))((not state_party??No))")
    assert [str(each.body) for each in merged(both, wanted, Wanted(niue.id))] == ["No", "Yes"]


def test_statements_do_not_grow_with_the_pieces(anywhere: SimpleNamespace) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)
    text_id = text(
        body="((target.salutation)) ((member.first_name)) ((ccm.joined)) ((ccm.state_party??x))"
    )
    more = [make.legislator("Dee", f"Delta{n}", district=str(n + 10)).id for n in range(8)]
    version = queries.approved(text_id, "en")
    chapter = db.session.get(Chapter, anywhere.school_id)
    assert version is not None

    def run(ids: list[int]) -> None:
        merge(
            version, [Wanted(each, anywhere.ana) for each in ids], campaign=None, chapter=chapter,
            values={}, on=TODAY, viewer=NOBODY,
        )  # fmt: skip

    with statements() as few:
        run([anywhere.ann])
    with statements() as many:
        run(more)
    assert len(few) == len(many) <= 16


def test_order_and_repeats_are_those_asked_for(anywhere: SimpleNamespace) -> None:
    wanted = [Wanted(anywhere.bo), Wanted(anywhere.ann), Wanted(anywhere.bo, anywhere.ben)]
    found = merged(text(), *wanted, needs_address=False, on=TODAY + timedelta(days=1))
    assert [(each.target_id, each.member_id) for each in found] == [
        (anywhere.bo, None), (anywhere.ann, None), (anywhere.bo, anywhere.ben),
    ]  # fmt: skip
    assert all(each.can_print for each in found)
    assert date(2026, 5, 1) == TODAY
