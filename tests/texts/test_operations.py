"""What is done to texts: rights, refusals, entries of the record, on both databases."""

from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.merging import Merging, way_of
from crm.members import forgetting
from crm.targets.models import Target
from crm.texts import queries
from crm.texts.drafting import drafted, renamed
from crm.texts.fields import nearest, unknown
from crm.texts.models import AddressForm, Text, TextVersion
from crm.texts.operations import (
    approve,
    edit_text,
    known_language,
    make_text,
    retire,
    set_address_form,
    take_approval_back,
    write_version,
)
from crm.texts.own_fields import OwnField
from crm.texts.rules import names_in
from tests import make
from tests.members.test_queries import statements
from tests.outreach.test_at_once import at_once
from tests.texts.conftest import TODAY, text


def made(there: SimpleNamespace, **more: Any) -> int:
    values: dict[str, Any] = {
        "name": "Ask to join",
        "kind": "letter",
        "chapter_id": there.school_id,
        "campaign_id": None,
        "language": "en",
        "subject": None,
        "body": "((target.salutation)), join.",
        "by": there.people.leader,
    }
    with db.unit_of_work():
        return make_text(**{**values, **more}).id


def of(text_id: int) -> Text:
    g.pop("grants", None)
    return queries.text_of(text_id)


def test_it_works(anywhere: SimpleNamespace) -> None:
    text_id = made(anywhere)
    people = anywhere.people
    with db.unit_of_work():
        done = write_version(
            of(text_id), language="en", based_on=1, subject="Join",
            body="((x)) \x1b((Target.Name))\r\n\x07B\x0b\u2028",
            own=[OwnField("x"), OwnField("unused")], note="shorter", by=people.coordinator,
        )  # fmt: skip
        assert done is not None
        assert (done.number, done.body) == (2, "((x)) ((Target.Name))\nB")
        assert [each["name"] for each in done.fields] == ["x"]
    with db.unit_of_work():
        approve(of(text_id), language="en", number=1, by=people.coordinator, today=TODAY)
    found = queries.approved(text_id, "en")
    assert found is not None
    assert found.number == 1
    with db.unit_of_work():
        approve(of(text_id), language="en", number=2, by=people.staff, today=TODAY)
    with pytest.raises(Refused, match="later"), db.unit_of_work():
        approve(of(text_id), language="en", number=1, by=people.coordinator, today=TODAY)
    with db.unit_of_work():
        take_approval_back(of(text_id), language="en", number=2, by=people.staff)
    found = queries.approved(text_id, "en")
    assert found is not None
    assert found.number == 1
    verbs = db.session.scalars(
        select(AuditEntry.verb).where(AuditEntry.kind == "text").order_by(AuditEntry.id)
    ).all()
    assert verbs == [
        "make_text", "write_version", "approve_version", "approve_version", "take_approval_back",
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["outsider", "member", "viewer"])
def test_who_may_not(anywhere: SimpleNamespace, who: str) -> None:
    text_id, by = made(anywhere), getattr(anywhere.people, who)
    for act in (
        lambda: write_version(
            of(text_id), language="en", based_on=1, subject=None, body="x", by=by
        ),
        lambda: edit_text(of(text_id), name="x", chapter_id=None, campaign_id=None, by=by),
        lambda: retire(of(text_id), by=by),
        lambda: approve(of(text_id), language="en", number=1, by=by, today=TODAY),
        lambda: take_approval_back(of(text_id), language="en", number=1, by=by),
    ):
        with pytest.raises(Refused), db.unit_of_work():
            act()


def test_a_text_of_all_is_written_and_approved_by_who_holds_everywhere(
    anywhere: SimpleNamespace,
) -> None:
    with pytest.raises(Refused, match="own chapters"):
        made(anywhere, chapter_id=None)
    text_id = made(anywhere, chapter_id=None, by=anywhere.people.admin)
    with pytest.raises(Refused, match="approved by an administrator"), db.unit_of_work():
        approve(of(text_id), language="en", number=1, by=anywhere.people.staff, today=TODAY)
    other = make.user(make.Role.ADMINISTRATOR, name="Ona Other")
    with pytest.raises(Refused, match="Somebody else"), db.unit_of_work():
        approve(of(text_id), language="en", number=1, by=anywhere.people.admin, today=TODAY)
    with db.unit_of_work():
        approve(of(text_id), language="en", number=1, by=other, today=TODAY)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": " "}, "name"),
        ({"kind": "poem"}, "kind"),
        ({"body": " \n"}, "words"),
        ({"body": "((your country))"}, "Make it a field"),
        ({"body": "((target.salutaton))"}, "target.salutation"),
        ({"body": "((ccm.joined@nowhere))"}, "no field"),
        ({"subject": "x" * 201}, "200"),
        (
            {"body": "((x))", "own": [OwnField("x", kind="choice", choices=("one",))]},
            "at least two",
        ),
        ({"body": "((x))", "own": [OwnField("x", most=0)]}, "limit"),
        ({"body": "((x))", "own": [OwnField("x"), OwnField("X")]}, "twice"),
        ({"campaign_id": 999}, "not there"),
        ({"language": "xx-YY-zz"}, "no language"),
        ({"note": "x" * 301}, "300"),
    ],
)
def test_what_is_refused(anywhere: SimpleNamespace, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        made(anywhere, **more)
    assert db.session.scalar(select(Text.id)) is None


def test_a_form_of_address_is_set_and_taken_away(anywhere: SimpleNamespace) -> None:
    target = make.target("Niue", country="NU")
    words = {"envelope": None, "salutation": " Dear  friends, ", "closing": None}
    with db.unit_of_work():
        set_address_form(target, language="en", **words, by=anywhere.people.coordinator)
    kept = db.session.scalars(select(AddressForm)).one()
    assert kept.salutation == "Dear friends"
    with db.unit_of_work():
        set_address_form(target, language="en", envelope="", salutation="", closing="", by=None)
    assert db.session.scalars(select(AddressForm)).all() == []
    with pytest.raises(Refused), db.unit_of_work():
        set_address_form(target, language="en", **words, by=anywhere.people.leader)


def test_of_two_targets_made_one_the_kept_ones_form_stands(anywhere: SimpleNamespace) -> None:
    kept, other = make.target("Niue"), make.target("Niuē")
    make.kept(
        AddressForm(target_id=kept.id, language="en", salutation="Dear Niue"),
        AddressForm(target_id=other.id, language="en", salutation="Dear all", closing="Yours"),
        AddressForm(target_id=other.id, language="fr", salutation="Chers amis"),
    )
    with db.unit_of_work():
        column = AddressForm.__table__.c.target_id
        way_of(column)(Merging(kept.id, other.id), column)
        audit.record("make", "test", None, by=None)
    rows = db.session.scalars(select(AddressForm).order_by(AddressForm.language)).all()
    assert [(row.target_id, row.salutation, row.closing) for row in rows] == [
        (kept.id, "Dear Niue", "Yours"),
        (kept.id, "Chers amis", None),
    ]


def test_who_is_forgotten_is_in_no_text(anywhere: SimpleNamespace) -> None:
    text_id = text(body="Ana Núñez asks you.")
    with db.unit_of_work():
        forgetting.forget(member_id=anywhere.ana, by=anywhere.people.admin, today=TODAY)
    body = db.session.scalars(select(TextVersion.body).where(TextVersion.text_id == text_id)).one()
    assert "Núñez" not in body


def test_names_are_known_however_they_are_written(app: Flask) -> None:
    names = names_in(
        "((Target.Name)) ((CCM.In Force)) ((ccm.gap_to:130)) ((your country)) ((memer.first_name))"
    )
    assert unknown(names, {"yourcountry"}) == {"memer.first_name": "member.first_name"}
    assert nearest("salutation") == "target.salutation"
    assert (
        renamed("((not  a_B??x)) ((ab)) ((abc))", "ab", "c.d") == "((not  c.d??x)) ((c.d)) ((abc))"
    )


def test_brackets_of_the_version_before_are_not_asked_again(app: Flask) -> None:
    before = TextVersion(subject=None, body="as she [the Minister] said")
    words = drafted("", "as she [the Minister] said [today]", {}, before)
    assert [(each.typed, each.near) for each in words.brackets] == [("[today]", "today")]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("EN", "en"), ("pt_br", "pt-BR"), ("zh-hant", "zh-Hant"), (" fr ", "fr")],
)
def test_languages_are_kept_in_one_way(app: Flask, typed: str, kept: str) -> None:
    assert known_language(typed) == kept


@pytest.mark.parametrize("bad", ["", "e", "xx", "../etc", "en\nfr", "x" * 500, "日本"])
def test_what_is_no_language_is_refused(app: Flask, bad: str) -> None:
    with pytest.raises(Refused):
        known_language(bad)


def test_pages_ask_the_same_however_many_there_are(there: SimpleNamespace, sign_in: Any) -> None:
    client: FlaskClient = sign_in(there.people.coordinator)

    def count(url: str) -> int:
        with statements() as seen:
            assert client.get(url).status_code == 200
        return len(seen)

    text("One", "((ccm.joined)) ((target.name)) ((ccm.state_party??x))", chapter_id=there.school_id,
         figures={"ccm.joined": {"name": "ccm.joined", "value": 1, "label": "x",
                                 "on": "2026-05-01", "source": "y"}})  # fmt: skip
    urls = [
        "/texts/", f"/texts/one?target={there.ann}&member={there.ana}", "/texts/one/versions",
        "/texts/one/check?targets=postcards", "/texts/one/approve", "/texts/one/write",
        "/texts/one/languages", f"/texts/address/{there.ann}", f"/targets/{there.ann}",
        "/campaigns/postcards",
    ]  # fmt: skip
    few = {url: count(url) for url in urls}
    for number in range(6):
        text(f"More {number}", campaign_id=there.campaign_id, language="fr",
             chapter_id=there.school_id)  # fmt: skip
    many = {url: count(url) for url in urls}
    # The campaign's page asks for the languages of its texts once it has some.
    assert {url: many[url] - few[url] for url in urls if many[url] != few[url]} in (
        {},
        {"/campaigns/postcards": 1},
    )
    assert max(many.values()) <= 18, many


def test_two_who_write_at_once(any_app: Flask, anywhere: SimpleNamespace) -> None:
    """The second is told, with all of their words before them; no error of the database."""
    text_id, target_id = made(anywhere), make.target("Tuvalu", country="TV").id
    db.rollback()

    def write(words: str) -> str:
        try:
            with db.unit_of_work():
                write_version(of(text_id), language="en", based_on=1, subject=None, body=words,
                              by=None)  # fmt: skip
                db.session.flush()
                sleep(0.1)
            return "written"
        except Refused as refusal:
            return refusal.field or ""

    def address(words: str) -> None:
        with db.unit_of_work():
            target = db.session.get_one(Target, target_id)
            set_address_form(target, language="en", envelope=words, salutation=None,
                             closing=None, by=None)  # fmt: skip
            db.session.flush()
            sleep(0.1)

    def name_it() -> int:
        found = made(anywhere, name="Two of one name", by=None)
        db.session.remove()
        return found

    assert sorted(at_once(any_app, lambda: write("One"), lambda: write("Two"))) == [
        "based_on", "written",
    ]  # fmt: skip
    at_once(any_app, lambda: address("One"), lambda: address("Two"))
    assert db.session.scalar(select(func.count()).select_from(AddressForm)) == 1
    assert len(set(at_once(any_app, name_it, name_it))) == 2
