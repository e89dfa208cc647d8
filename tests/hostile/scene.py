"""One of everything, so that each address of the application leads somewhere."""

from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from crm.accounts.imports import ImportRun
from crm.campaigns import outline
from crm.campaigns.models import Ask, Campaign
from crm.campaigns.positions import record_position
from crm.campaigns.strategies import ValueDraft, add_indicator, create_strategy
from crm.core import db
from crm.core.access import Scope
from crm.core.mail_models import IncomingMail
from crm.mailings.allotment import Way
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.mailings.operations import make_pack
from crm.mailings.planning import Asked
from crm.members import field_operations, tags, teams
from crm.members.consent_requests import ask_by_link
from crm.members.consent_rules import Answer, How, Purpose
from crm.members.consents import record_consents
from crm.members.disclosure import Viewer
from crm.members.guardians import add_guardian
from crm.members.models import Membership
from crm.outreach.codes import code_of
from crm.outreach.commitments import record_commitment
from crm.outreach.models import ActionTarget
from crm.outreach.operations import log_action, record_outcome
from crm.reports import frozen
from crm.reports.models import PublicCounter, ReportSubscription, SavedReport
from crm.targets.list_operations import keep_list
from crm.targets.models import TargetIdentifier
from crm.targets.operations import add_contact_point
from crm.tasks.operations import Draft, add_tasks
from crm.texts.models import TextVersion
from crm.texts.operations import approve, make_text
from crm.treaties.meetings import plan_meeting
from crm.treaties.operations import add_event
from tests import make


def scene() -> SimpleNamespace:
    """`values` by route variable, `slugs` by the first part of the address, and `people`."""
    people = make.people()
    target = make.target("Niue", country="NU", region="Oceania", sub_region="Polynesia")
    other = make.legislator("Shelley", "Alder")
    member = make.member("Ana", "Brook", people.school_a)
    campaign = make.campaign(chapters=(people.state,), targets=(target, other))
    today = date(2026, 5, 1)
    with db.unit_of_work():
        action = log_action(
            channel="postcard",
            campaign_id=campaign.id,
            happened_on=date(2026, 3, 3),
            pieces=10,
            targets={target.id: 5, other.id: 5},
            members={member.id: 4},
            minutes=100,
            chapter_ids=[people.school_a.id],
            client_key="key-of-the-scene",
            by=None,
            today=today,
        )
        row = db.session.scalars(select(ActionTarget.id).order_by(ActionTarget.id)).first() or 0
        outcome = record_outcome(
            action_target_id=row,
            kind="refusal",
            received_on=today,
            member_id=member.id,
            files=[("3" * 32 + ".pdf", "reply.pdf")],
            by=None,
            today=today,
        )
        promise = record_commitment(
            text="They will vote on it.", target_id=target.id, campaign_id=campaign.id,
            made_on=today, due_on=today, by=None, today=today,
        )  # fmt: skip
        came = IncomingMail(
            digest="4" * 64,
            kind="reply",
            state="waiting",
            sender=people.leader.email,
            subject="Fwd: thanks",
            text="Thank you, Ana.",
            code=code_of(action.id),
            parts=[{"file": "3" * 32 + ".pdf", "name": "reply.pdf", "bytes": 40}],
        )
        db.session.add(came)
        db.session.flush()
        mail_id = came.id
        point = add_contact_point(
            target, kind="phone", label="Office", value="1 234", by=None, today=today
        )
        entry = record_position(
            target_id=target.id,
            ask_id=db.session.scalars(select(Ask.id)).first() or 0,
            support=1,
            confidence="low",
            seen_on=today,
            action_id=action.id,
            by=None,
            today=today,
        )
        asked = field_operations.define_field(
            label="Shirt size", kind="choice", choices=("small", "large"), by=None
        )
        team = teams.create_team(chapter_id=people.school_a.id, name="Posters", by=None)
        teams.put_on_team(team_id=team.id, member_ids=[member.id], by=None, today=today)
        (tag_id,) = tags.ids_of("skill", ["Driving"])
        kept = keep_list(name="The Pacific", target_ids=[target.id], by=None)
        db.session.add(
            TargetIdentifier(target_id=target.id, scheme="iso3166-alpha3", identifier="NIU")
        )
        db.session.flush()
        event = add_event(
            treaty="CCM",
            target_id=target.id,
            kind="accession",
            happened_on=date(2020, 8, 6),
            source="the depositary",
            by=None,
            today=today,
        )
        meeting = plan_meeting(
            treaty="CCM", key="2RevCon", name="Second Review Conference", kind="review conference",
            starts_on=date(2020, 11, 23), ends_on=date(2020, 11, 27), source="a letter", by=None,
        )  # fmt: skip
    event_id, meeting_id = event.id, meeting.id
    field_id, team_id = asked.id, team.id
    with db.unit_of_work():
        guardian = add_guardian(member_id=member.id, name="Maria Brook", phone="555 0100", by=None)
        [asked] = ask_by_link(whom=[(member.id, guardian.id)], purposes=[Purpose.PHOTO], by=None)
        [consent] = record_consents(
            member_id=member.id, answers={Purpose.PHOTO: Answer.GIVEN}, given_by=guardian.id,
            how=How.PAPER, starts_on=today, ends_on=None, scan="2" * 32 + ".pdf", by=None,
            today=today,
        )  # fmt: skip
        guardian_id, request_id, consent_id = guardian.id, asked.request.id, consent.id
    with db.unit_of_work():
        [task] = add_tasks(
            [
                Draft(
                    "Write a card", people.school_a.id, member.id, leader_id=people.leader.id,
                    campaign_id=campaign.id, channel="postcard", targets={target.id: 2},
                    due_on=today,
                )
            ],
            by=None, today=today, client_key="task-of-the-scene",
        )  # fmt: skip
        task_id = task.id

        text = make_text(
            name="Ask to join", kind="letter", chapter_id=people.school_a.id,
            campaign_id=campaign.id, language="en", subject=None,
            body="((target.salutation)), ((member.first_name)) asks.", by=None,
        )  # fmt: skip
        approve(text, language="en", number=1, by=people.admin, today=today)
        # So that its pieces can be printed.
        add_contact_point(
            target, kind="postal", label="Office", value="1 Mill Lane", by=None, today=today
        )
    with db.unit_of_work():
        pack = make_pack(
            asked=Asked(
                campaign_id=campaign.id, chapter_id=people.school_a.id, text_id=text.id,
                way=Way.ALL, target_ids=frozenset({target.id}), members={member.id: None},
            ),
            planned_on=today, client_key="pack-of-the-scene", by=None, today=today,
        )  # fmt: skip
        pack_code = pack.code
        words = make_text(
            name="A message", kind="message", chapter_id=None, campaign_id=None, language="en",
            subject="Hello", body="Dear ((member.first_name))", by=None,
        )  # fmt: skip
        approve(words, language="en", number=1, by=people.admin, today=today)
    letter = make.kept(
        MemberLetter(
            name="A letter", chapter_id=people.school_a.id, text_id=words.id,
            version_id=db.session.query(TextVersion.id).filter_by(text_id=words.id).scalar(),
            client_key="letter-of-the-scene", state="paused",
        )
    )  # fmt: skip
    letter_code = letter.code
    make.kept(MemberLetterRow(letter_id=letter.id, member_id=member.id))
    subscription_id = make.kept(
        ReportSubscription(
            user_id=people.leader.id, report="activity-by-target", query="period=month"
        )
    ).id
    strategy = _strategy(campaign.slug, people.state.id)
    kept_codes = _reports(people, campaign)
    run = make.kept(ImportRun(importer="congress", source="a folder", counts={"left": 1}))
    values: dict[str, Any] = {
        "member_id": member.id,
        "membership_id": db.session.query(Membership).one().id,
        "target_id": target.id,
        "point_id": point.id,
        "guardian_id": guardian_id,
        "consent_id": consent_id,
        "request_id": request_id,
        "action_id": action.id,
        "action_target_id": row,
        "outcome_id": outcome.id,
        "commitment_id": promise.id,
        "file_id": 1,
        "mail_id": mail_id,
        "place": 0,
        "position_id": entry.id,
        "iso3": "niu",
        "event_id": event_id,
        "meeting_id": meeting_id,
        "run_id": run.id,
        "merge_id": 1,
        "photo_id": 1,
        "number": 1,
        "field_id": field_id,
        "team_id": team_id,
        "tag_id": tag_id,
        "change": "up",
        "turn": "close",
        "user_id": people.viewer.id,
        "role_id": 1,
        "channel": "postcard",
        "name": "activity-by-target",
        "format": "csv",
        "token": "x",
        "subscription_id": subscription_id,
        "what": "pause",
        "code": "x",
        "kind": "link",
        "task_id": task_id,
        "verb": "start",
        "text_id": text.id,
        **strategy,
    }
    slugs = {
        "campaigns": campaign.slug,
        "targets": kept.slug,
        "chapters": people.school_a.slug,
        "treaties": "cluster-munitions",
        "texts": text.slug,
    }
    # What is another thing under some addresses, by their first part.
    within = {each: {"code": pack_code, "kind": "sheets"} for each in ("packs", "post")}
    within["letters"] = {"code": letter_code}
    within |= {place: {"code": code} for place, code in kept_codes.items()}
    return SimpleNamespace(
        leader=people.leader.id, people=people, values=values, slugs=slugs, within=within,
        today=today,
        letter_form={
            "client_key": "a-form-of-the-scene", "text": str(words.id), "rate": "30",
            "chapter": str(people.school_a.id),
        },
    )  # fmt: skip


def _strategy(slug: str, chapter_id: int) -> dict[str, int]:
    """A strategy under a campaign's slug, as both lie below `/campaigns`; its parts by variable."""
    with db.unit_of_work():
        made = create_strategy(
            name="Strategy", chapter_id=chapter_id, starts_on=date(2025, 9, 1),
            ends_on=date(2027, 6, 30), goals=outline.read("I More join\n1a Cards are sent"),
            by=None,
        )  # fmt: skip
        made.slug = slug
        objective = made.goals[0].objectives[0]
        indicator = add_indicator(
            made, objective, text="Cards", by=None,
            values=[ValueDraft("actual", 5, date(2026, 1, 1), "A count")],
        )  # fmt: skip
        return {
            "objective_id": objective.id,
            "indicator_id": indicator.id,
            "value_id": indicator.values[0].id,
        }


def _reports(people: SimpleNamespace, campaign: Campaign) -> dict[str, str]:
    """A frozen report of members, a saved one, a counter: codes by the beginning of an address."""
    near = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset({people.school_a.id})))
    saved_code = make.kept(
        SavedReport(
            name="Mine", report="activity-by-target", owner_id=people.leader.id, shared="all"
        )
    ).code
    counter = make.kept(PublicCounter(campaign_id=campaign.id, title="So far")).code
    answered = frozen.ask("activity-by-member", {}, viewer=near)
    with db.unit_of_work():
        frozen_code = frozen.freeze(answered, reason="For the board", by=None).code
    return {
        "reports/frozen": frozen_code, "reports/saved": saved_code,
        "campaigns": counter, "counter": counter,
    }  # fmt: skip


def routes(app: Flask, method: str) -> Iterator[Rule]:
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and not rule.endpoint.endswith("static"):
            yield rule


def address(rule: Rule, scene: SimpleNamespace) -> str:
    first = rule.rule.split("/")[1]
    values = {**scene.values, "slug": scene.slugs.get(first)}
    for place in (first, "/".join(rule.rule.split("/")[1:3])):
        values |= scene.within.get(place, {})
    offered = getattr(rule._converters.get("format"), "items", ())
    if offered and values["format"] not in offered:
        values["format"] = min(offered)
    built = rule.build({name: values[name] for name in rule.arguments})
    assert built, rule
    return built[1]


def client_of(app: Flask, user: Any) -> FlaskClient:
    """Somebody signed in; nobody for None."""
    client = app.test_client()
    if user is not None:
        key = user.get_id()
        with client.session_transaction() as session:
            session["_user_id"] = key
    return client
