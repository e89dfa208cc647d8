"""The pages of texts, as a coordinator, a leader, a stranger and a viewer meet them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from crm.core import db
from crm.core.i18n import today
from crm.outreach.commitments import record_commitment
from crm.texts import queries
from crm.texts.models import AddressForm, TextVersion
from crm.treaties import figures, operations
from tests import make
from tests.texts.conftest import address, says, text

SignIn = Callable[[object], FlaskClient]


def new(client: FlaskClient, there: SimpleNamespace, **more: Any) -> Any:
    return client.post(
        "/texts/new",
        data={
            "name": "Ask to join",
            "kind": "letter",
            "language": "en",
            "chapter_id": there.school_id,
            "body": "((target.salutation)), please join.",
            **more,
        },
    )


def version(slug: str = "ask-to-join", language: str = "en") -> TextVersion:
    found = queries.latest(queries.text(slug).id, language)
    assert found is not None
    return found


def page(client: FlaskClient, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.data[:500]
    return str(answer.get_data(as_text=True))


def test_it_works(there: SimpleNamespace, sign_in: SignIn) -> None:
    says(there.ana, "first_name")
    leader, coordinator = sign_in(there.people.leader), sign_in(there.people.coordinator)
    made = new(leader, there, body="((target.salutation)), I am ((Member.First_Name)).")
    assert made.status_code == 303
    assert "waits for approval" in page(leader, "/texts/")
    mine = leader.post("/texts/ask-to-join/approve", data={"language": "en", "number": 1})
    assert mine.status_code == 403
    assert "Approve: this is what prints" in page(coordinator, "/texts/ask-to-join/approve")
    done = coordinator.post("/texts/ask-to-join/approve", data={"language": "en", "number": 1})
    assert done.status_code == 303
    assert ">approved<" in page(sign_in(there.people.viewer), "/texts/ask-to-join")
    found = leader.post("/texts/ask-to-join/preview", data={"to": "alpha", "signed_by": "ana"})
    assert found.status_code == 303
    shown = page(leader, found.location)
    assert "Dear Senator Alpha" in shown
    assert "The Honorable Ann Alpha" in shown
    assert "Signed: Ana" in shown
    assert "mark class" not in shown
    bare = page(leader, f"/texts/ask-to-join?target={there.bo}")
    assert "Field to fill:" in bare
    assert "to-fill" in bare
    assert "No postal address is known." in bare


def test_drafts_are_for_who_writes_there(there: SimpleNamespace, sign_in: SignIn) -> None:
    new(sign_in(there.people.leader), there)
    for who, status in (("outsider", 404), ("viewer", 404), ("member", 404), ("leader", 200),
                        ("coordinator", 200), ("admin", 200)):  # fmt: skip
        client = sign_in(getattr(there.people, who))
        page(client, "/texts/ask-to-join", status)
        assert ("Ask to join" in page(client, "/texts/")) is (status == 200)
        assert ("Ask to join" in page(client, "/search?q=ask")) is (status == 200)
    text("Everybody reads", chapter_id=there.school_id)
    for who in ("outsider", "viewer"):
        client = sign_in(getattr(there.people, who))
        page(client, "/texts/everybody-reads")
        for part in ("versions", "languages", "history", "difference?language=en"):
            assert client.get(f"/texts/everybody-reads/{part}").status_code in (403, 404)
        assert client.get("/texts/everybody-reads/write").status_code == 403
        assert client.post("/texts/everybody-reads/write", data={"body": "x"}).status_code == 403


def test_others_chapters_are_not_written_for(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.people.leader)
    assert new(client, there, chapter_id=there.people.school_b.id).status_code == 422
    assert new(client, there, chapter_id="").status_code == 422
    assert new(sign_in(there.people.admin), there, chapter_id="").status_code == 303


def test_pasted_placeholders_and_unknown_fields_are_asked_about(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.people.leader)
    body = "To [YOUR COUNTRY], [COUNTRY]: ((salutation)) ((memer.first_name)) ((event)) [sic]"
    asked = new(client, there, body=body)
    assert asked.status_code == 422
    shown = asked.get_data(as_text=True)
    for words in (
        "“[YOUR COUNTRY]” stands",
        "There is no field ((event))",
        "((target.salutation)) is meant",
        "((member.first_name)) is meant",
        "((target.country))",
        "Nothing is lost",
    ):
        assert words in shown, words
    decided = {
        "bracket-[YOUR COUNTRY]": "own",
        "bracket-[COUNTRY]": "use",
        "bracket-[sic]": "leave",
        "unknown-salutation": "use:target.salutation",
        "unknown-memer.firstname": "use:member.first_name",
        "unknown-event": "own:date",
    }
    assert new(client, there, body=body, **decided).status_code == 303
    kept = version()
    assert kept.body == (
        "To ((your country)), ((target.country)): ((target.salutation)) "
        "((member.first_name)) ((event)) [sic]"
    )
    assert [(each["name"], each["kind"]) for each in kept.fields] == [
        ("your country", "text"),
        ("event", "date"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("one\n((open", "Line 2"),
        ("closed)) here", "closes no field"),
        ("x" * 100_000, "20000"),
        ("((a??b ((c??d))))", "condition"),
        ("", "Fill this in"),
    ],
)
def test_what_cannot_be_kept_comes_back_with_a_sentence(
    there: SimpleNamespace, sign_in: SignIn, body: str, said: str
) -> None:
    answer = new(sign_in(there.people.leader), there, body=body)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in shown
    assert body[:50] in shown


def test_markup_is_printed_as_it_is_written(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.people.leader)
    body = "{{ 7*7 }} {% x %} #set page() $x$ <script>alert(1)</script> ((target.name))"
    assert new(client, there, body=body).status_code == 303
    assert version().body == body
    shown = page(client, f"/texts/ask-to-join?target={there.ann}")
    assert "{{ 7*7 }} {% x %} #set page() $x$ &lt;script&gt;alert(1)&lt;/script&gt; " in shown
    assert "49" not in re.sub(r"\s+", " ", shown.split("text-body")[1].split("</div>")[0])


def test_versions_are_added_and_nothing_is_lost(there: SimpleNamespace, sign_in: SignIn) -> None:
    leader, coordinator = sign_in(there.people.leader), sign_in(there.people.coordinator)
    new(leader, there)
    words = {"language": "en", "based_on": 1, "body": "Dear ((target.name)), please join now."}
    assert leader.post("/texts/ask-to-join/write", data=words).status_code == 303
    late = words | {"body": "Mine is another."}
    refused = coordinator.post("/texts/ask-to-join/write", data=late)
    shown = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "Somebody wrote version 2" in shown
    assert "Mine is another." in shown
    assert "Lee" in shown
    kept = coordinator.post("/texts/ask-to-join/write", data=late | {"overwrite": "y"})
    assert kept.status_code == 303
    assert version().number == 3
    same = leader.post("/texts/ask-to-join/write", data=late | {"based_on": 3})
    assert same.status_code == 303
    assert version().number == 3
    shown = page(leader, "/texts/ask-to-join/difference?language=en&old=1&new=2")
    assert "<ins>" in shown
    assert "<del>" in shown
    assert "removed:" in shown
    listed = page(leader, "/texts/ask-to-join/versions")
    assert listed.count("What differs<span") == 2
    page(leader, "/texts/ask-to-join/difference?language=en&old=9&new=2", 404)
    page(leader, "/texts/ask-to-join/history")


def test_languages_stand_side_by_side(there: SimpleNamespace, sign_in: SignIn) -> None:
    leader = sign_in(there.people.leader)
    new(leader, there)
    url = "/texts/ask-to-join/write"
    french = {"language": "FR", "based_on": 0, "body": "((target.salutation)), adhérez."}
    assert leader.post(url, data=french).status_code == 303
    behind = '<span class="badge badge-warn">behind</span>'
    assert behind not in page(leader, "/texts/ask-to-join/languages")
    more = {"language": "en", "based_on": 1, "body": "((target.salutation)), join now."}
    leader.post(url, data=more)
    assert behind in page(leader, "/texts/ask-to-join/languages")
    bad = leader.post(url, data={"language": "klingonish", "body": "x"})
    assert bad.status_code == 422
    assert "is no language" in bad.get_data(as_text=True)
    shown = page(leader, f"/texts/ask-to-join?language=fr&target={there.ann}")
    assert "Madame, Monsieur" in shown


def test_who_writes_does_not_approve_unless_alone(there: SimpleNamespace, sign_in: SignIn) -> None:
    coordinator = sign_in(there.people.coordinator)
    new(coordinator, there)
    click = {"language": "en", "number": 1}
    refused = coordinator.post("/texts/ask-to-join/approve", data=click)
    assert refused.status_code == 422
    assert "Somebody else has to approve it." in refused.get_data(as_text=True)
    with db.unit_of_work():
        from crm.core import audit

        for who in ("admin", "staff"):
            user = db.session.merge(getattr(there.people, who))
            user.active = False
        audit.record("make", "test", None, by=None)
    assert "Nobody else may approve" in page(coordinator, "/texts/ask-to-join/approve")
    assert coordinator.post("/texts/ask-to-join/approve", data=click).status_code == 303
    back = coordinator.post("/texts/ask-to-join/take-approval-back", data=click)
    assert back.status_code == 303
    assert version().approved_at is None


def test_a_figure_that_changed_is_flagged_until_approved_again(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)
    leader, coordinator = sign_in(there.people.leader), sign_in(there.people.coordinator)
    new(leader, there, body="((CCM.Joined)) joined. As of 2020 there were 999 States Parties.")
    shown = page(coordinator, "/texts/ask-to-join/approve")
    now = figures.figure("ccm.joined", on=datetime.now(UTC).date()).value
    assert f"<strong>{now}</strong>" in shown
    assert "Claim check" in shown
    click = {"language": "en", "number": 1}
    assert coordinator.post("/texts/ask-to-join/approve", data=click).status_code == 303
    frozen = version().figures["ccm.joined"]
    assert (frozen["value"], frozen["name"]) == (now, "ccm.joined")
    assert frozen["source"]
    assert frozen["on"]
    with db.unit_of_work():
        from crm.core import audit

        kept = version()
        kept.figures = {"ccm.joined": {**frozen, "value": now - 3}}
        audit.record("make", "test", None, by=None)
    assert f"approved as {now - 3}" in page(leader, "/texts/ask-to-join")
    assert "Approve again" not in page(leader, "/texts/ask-to-join")
    assert ">stale<" in page(leader, "/texts/")
    assert "Approve again" in page(coordinator, "/texts/ask-to-join")
    assert coordinator.post("/texts/ask-to-join/approve", data=click).status_code == 303
    assert ">stale<" not in page(leader, "/texts/")


def test_the_check_tells_row_by_row(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.people.leader)
    made = make.campaign(
        "All targets", targets=tuple(db.session.get_one(make.Target, n) for n in there.targets)
    )
    slug = made.slug
    says(there.ben, "first_name")
    text("Letter", "((target.salutation)) ((member.first_name)) ((x))",
         chapter_id=there.school_id, fields=[{"name": "x", "kind": "text"}])  # fmt: skip
    empty = page(client, "/texts/letter/check")
    assert "Choose a list or a campaign" in empty
    shown = page(client, f"/texts/letter/check?targets={slug}")
    assert "2 cannot be printed" in shown
    assert "choose a chapter" in shown
    shown = page(client, f"/texts/letter/check?targets={slug}&value-x=y&chapter=alder-high-school")
    assert "No postal address is known." in shown
    assert "No consent to print the first name." in shown
    assert "2 cannot be printed" in shown
    assert "Ana Núñez" in shown
    file = client.get(
        f"/texts/letter/check.csv?targets={slug}&value-x=y&chapter=alder-high-school"
    ).get_data(as_text=True)
    assert len(file.splitlines()) == 5
    assert "Núñez" not in file
    assert "M-" in file
    assert client.get("/texts/letter/check.pdf?targets=all-targets").status_code == 404
    named = page(client, "/texts/letter/check?names=Ann Alpha; beta&value-x=y")
    assert "1 cannot be printed" in named
    assert "No target fits" in page(client, "/texts/letter/check?names=nobody at all")
    assert "There is no list" in page(client, "/texts/letter/check?targets=nowhere")
    page(client, "/texts/letter/check?targets=all-targets&chapter=birch-high-school", 404)
    assert sign_in(there.people.viewer).get("/texts/letter/check").status_code == 403


def test_others_members_sign_nothing(there: SimpleNamespace, sign_in: SignIn) -> None:
    text("Letter", "((member.first_name))", chapter_id=there.people.school_b.id)
    client = sign_in(there.people.outsider)
    page(client, f"/texts/letter?target={there.ann}&member={there.ana}", 404)
    found = client.post("/texts/letter/preview", data={"to": "alpha", "signed_by": "ana"})
    assert found.status_code == 422
    assert "No member you see fits this." in found.get_data(as_text=True)


def test_several_that_fit_are_offered(there: SimpleNamespace, sign_in: SignIn) -> None:
    text("Letter", "((target.name))")
    make.legislator("Ann", "Alphonse", chamber="us/house", district="3")
    answer = sign_in(there.people.leader).post("/texts/letter/preview", data={"to": "alph"})
    assert answer.status_code == 422
    assert "Ann Alphonse" in answer.get_data(as_text=True)


def test_mail_opens_filled_and_a_statement_is_copied(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    from crm.targets.models import ContactPoint

    make.kept(ContactPoint(target_id=there.ann, kind="email", label="DC", value="a@example.org"))
    make.kept(
        ContactPoint(
            target_id=there.bo, kind="web form", label="Form", value="https://example.org/f"
        )
    )
    text("Mail", "((target.salutation)), join.", kind="email", subject="For ((target.name))")
    client = sign_in(there.people.leader)
    shown = page(client, f"/texts/mail?target={there.ann}")
    assert "mailto:a@example.org?subject=For%20Ann%20Alpha&amp;body=Dear%20Senator%20Alpha" in shown
    assert "https://example.org/f" in page(client, f"/texts/mail?target={there.bo}")
    text("Our word", "We stand with ((campaign.title)).", kind="statement")
    assert "data-copy" in page(client, "/texts/our-word")
    campaign = there.campaign_id
    text("Call", "Hello ((target.name))", kind="phone-script", campaign_id=campaign)
    text("Points", "Say this.", kind="talking-points", campaign_id=campaign)
    assert "Say this." in page(client, f"/texts/call?target={there.ann}")
    # What is overdue is asked before anything else is said, and stands on no letter.
    with db.unit_of_work():
        for text_, due in (("Co-sponsor it", -2), ("Write back", 3)):
            record_commitment(
                text=text_, due_on=today() + timedelta(days=due), target_id=there.ann,
                made_on=today() - timedelta(days=9), by=None, today=today(),
            )  # fmt: skip
    for slug in ("call", "points"):
        shown = page(client, f"/texts/{slug}?target={there.ann}")
        assert "overdue by 2 days" in shown
        assert shown.index("Co-sponsor it") < shown.index('id="words-head"')
        assert "Write back" not in shown
        assert "overdue by" not in page(client, f"/texts/{slug}?target={there.bo}")
    assert "overdue by" not in page(client, f"/texts/mail?target={there.ann}")


def test_a_text_is_retired_and_brought_back(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.people.leader)
    new(client, there)
    assert client.post("/texts/ask-to-join/retire").status_code == 303
    assert "Ask to join" not in page(client, "/texts/")
    assert "Ask to join" in page(client, "/texts/?state=retired")
    write = {"language": "en", "based_on": 1, "body": "x"}
    assert client.post("/texts/ask-to-join/write", data=write).status_code == 422
    assert client.post("/texts/ask-to-join/retire").status_code == 303
    named = {"name": "Ask again", "chapter_id": there.school_id}
    assert client.post("/texts/ask-to-join/settings", data=named).status_code == 303
    assert "Ask again" in page(client, "/texts/")


def test_how_a_target_is_addressed_is_changed_on_its_page(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    coordinator, url = sign_in(there.people.coordinator), f"/texts/address/{there.ann}"
    assert "Dear Senator Alpha" in page(coordinator, f"/targets/{there.ann}")
    assert "Madame, Monsieur" in page(coordinator, url)
    words = {"language": "fr", "salutation": "Madame la Sénatrice,"}
    assert coordinator.post(url, data=words).status_code == 303
    kept = db.session.query(AddressForm).one()
    assert (kept.salutation, kept.envelope) == ("Madame la Sénatrice", None)
    assert "usually: Madame, Monsieur" in page(coordinator, url)
    assert coordinator.post(url, data={"language": "fr"}).status_code == 303
    assert db.session.query(AddressForm).count() == 0
    assert coordinator.post(url, data={"language": "??", "salutation": "x"}).status_code == 422
    assert sign_in(there.people.leader).post(url, data=words).status_code == 403


def test_a_campaign_lists_its_texts(there: SimpleNamespace, sign_in: SignIn) -> None:
    text("Card", campaign_id=there.campaign_id, kind="postcard")
    assert "/texts/card" in page(sign_in(there.people.viewer), "/campaigns/postcards")
    address(there.bo)


def test_dear_is_not_said_twice(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.people.leader)
    made = new(client, there, body="Dear ((target.salutation)), join.")
    assert "itself" in page(client, made.location)


def test_each_is_led_to_the_next_step(there: SimpleNamespace, sign_in: SignIn) -> None:
    """Who writes is told who approves, who approves finds it waiting, and then it is handed out."""
    leader, coordinator = sign_in(there.people.leader), sign_in(there.people.coordinator)
    new(leader, there)
    assert "A coordinator of its chapter" in page(leader, "/texts/ask-to-join")
    assert "/packs/new" not in page(leader, "/texts/ask-to-join")
    assert "1 text waits for approval" in page(coordinator, "/")
    assert "waits for approval" not in page(leader, "/")
    coordinator.post("/texts/ask-to-join/approve", data={"language": "en", "number": 1})
    assert "waits for approval" not in page(coordinator, "/")
    shown = page(leader, "/texts/ask-to-join")
    assert "/packs/new?text=ask-to-join" in shown
    assert "/tasks/new?text=ask-to-join&amp;channel=letter" in shown
    viewer = page(sign_in(there.people.viewer), "/texts/ask-to-join")
    assert "/packs/new" not in viewer
    assert "/tasks/new" not in viewer
