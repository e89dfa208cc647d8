"""A demo that is alive at first sight: invented people, real targets, a school year of outreach.

All of it goes through the rooms' operations, as if somebody had typed it; the same day gives the
same demo. It loads into an empty database only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.campaigns import operations as campaigns
from crm.campaigns import queries as campaign_queries
from crm.campaigns.models import Campaign
from crm.campaigns.positions import record_position
from crm.campaigns.rules import AskDraft, GoalDraft
from crm.core import db
from crm.core.access import Role
from crm.core.errors import Refused
from crm.demo_class import Cast, add_class
from crm.demo_data import council, families, people, year
from crm.demo_data.people import Person
from crm.demo_data.year import Deed
from crm.demo_families import add_families, age_of, answers_of, define_fields
from crm.demo_kept import keep_some
from crm.demo_strategy import add_strategy
from crm.members import operations as members
from crm.members.models import Chapter, Member, Membership
from crm.outreach import operations as outreach
from crm.outreach import waits
from crm.outreach.channels import channels
from crm.outreach.commitments import (
    Promised,
    record_answer,
    record_commitment,
    settle_commitment,
)
from crm.outreach.models import Action, ActionTarget, Commitment
from crm.outreach.rules import spread
from crm.targets import operations as targets
from crm.targets.models import Target, TargetIdentifier
from crm.targets.queries import TargetFilter
from crm.targets.queries import targets as targets_like
from crm.treaties import meeting_queries, meetings
from crm.treaties import operations as treaties

#: Of the targets an answer is waited for, the part that answers, and within how many days.
ANSWERS = {
    "postcard": (0.3, (12, 45)),
    "letter": (0.4, (14, 50)),
    "email": (0.5, (1, 14)),
    "meeting": (0.7, (2, 12)),
    "petition": (0.6, (5, 25)),
}
#: What came back, how often, in whose words. Nothing here says what anybody thinks.
LEGISLATOR_WORDS = (
    ("form_reply", 8, "the office sent its printed letter about the issue."),
    ("acknowledgement", 6, "the office wrote that it had received this."),
    ("referred", 2, "the office passed it on to the member of staff for foreign affairs."),
    ("meeting_offered", 2, "staff wrote that a meeting in the district can be arranged."),
    ("returned", 1, "the envelope came back; the address was checked."),
)
GOVERNMENT_WORDS = (
    ("acknowledgement", 8, "the mission wrote that it had received this."),
    ("referred", 4, "the mission sent it on to the ministry in the capital."),
    ("returned", 2, "the envelope came back; the address was checked."),
)
#: Letters of `Deed.chapters`.
LETTERS = {"h": "hollow", "s": "sorrel", "l": "larkspur", "m": "state"}


@dataclass(frozen=True)
class Demo:
    """Who can sign in, as (address, role), and how much there is."""

    people: list[tuple[str, str]]
    members: int
    targets: int
    actions: int
    outcomes: int


@dataclass
class _Story:
    """What has been made so far."""

    today: date
    random: Random
    users: dict[Role, User] = field(default_factory=dict)
    chapters: dict[str, Chapter] = field(default_factory=dict)
    #: By chapter: id, first day, last day.
    members: dict[str, list[tuple[int, date, date | None]]] = field(default_factory=dict)
    #: By campaign: ids of its targets in turn.
    aims: dict[str, list[int]] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    #: Ids of members by chapter and first name.
    people: dict[families.Who, int] = field(default_factory=dict)
    #: Keys of the administrator's own fields.
    fields: list[str] = field(default_factory=list)


def load_demo(
    *, password: str, today: date, progress: Callable[[int, int], Any] | None = None
) -> Demo:
    """Fill an empty database; `progress(done, of)` is told how far it is.

    The caller's unit of work keeps it. Raises `Refused` where there is data already.
    """
    if not is_empty():
        raise Refused(_("The database holds data already; the demo was not loaded."))
    # The same day, the same demo: this is no secret.
    story = _Story(today=today, random=Random(today.toordinal()))  # noqa: S311
    steps = len(year.DEEDS) + 3
    told = progress or (lambda _done, _of: None)
    _add_people(story, password)
    told(1, steps)
    targets.import_west_virginia(by=None)
    targets.import_governments(by=None)
    treaties.load_reference(by=None)
    _add_meeting()
    told(2, steps)
    _add_campaigns(story)
    told(3, steps)
    outcomes = 0
    days = year.days_for(len(year.DEEDS), today)
    for number, (deed, day) in enumerate(zip(year.DEEDS, days, strict=True)):
        outcomes += _do(story, number, deed, day)
        told(number + 4, steps)
    outcomes += _move_the_council(story)
    _wait_through_the_year(today)
    add_strategy(
        chapter_id=story.chapters["state"].id,
        campaigns={
            "mines": story.campaigns[year.MINES], "cluster": story.campaigns[year.CLUSTER]
        },
        by=story.users[Role.STAFF],
        begins=(today - timedelta(days=364)).replace(day=1),
        today=today,
    )  # fmt: skip
    keep_some(campaign=story.campaigns[year.MINES], by=story.users[Role.COORDINATOR])
    add_families(
        members=story.people,
        chapters={key: each.id for key, each in story.chapters.items()},
        users={each.email: each.id for each in story.users.values()},
        today=today,
    )
    posted = add_class(_cast(story))
    return Demo(
        people=[(user.email, _said(user, story)) for user in people.USERS],
        members=len(people.MEMBERS),
        targets=len(set().union(*story.aims.values())) + 1,
        actions=len(year.DEEDS) + len(council.STEPS) + posted,
        outcomes=outcomes,
    )


def _wait_through_the_year(today: date) -> None:
    """What no answer came to was asked about twice and closed, as a worker would have done."""
    for weeks in range(52, 0, -1):
        waits.by_the_clock(today - timedelta(weeks=weeks))


def _cast(story: _Story) -> Cast:
    there = {
        number: joined
        for theirs in story.members.values()
        for number, joined, left in theirs
        if joined <= story.today and (left is None or story.today < left)
    }
    return Cast(
        today=story.today,
        users=story.users,
        members={who: number for who, number in story.people.items() if number in there},
        since=there,
        chapters={key: each.id for key, each in story.chapters.items()},
        campaigns=story.campaigns,
        aims=story.aims,
    )


def _add_meeting() -> None:
    """A real one that was moved: both plans are on its page."""
    source = _("The campaign's posts of 2020")
    conference = meetings.plan_meeting(
        treaty="CCM",
        key="2RevCon",
        name=_("Second Review Conference of the Convention on Cluster Munitions"),
        kind="review conference",
        starts_on=date(2020, 11, 23),
        ends_on=date(2020, 11, 27),
        place="Lausanne",
        source=source,
        by=None,
    )
    meetings.move_meeting(
        meeting_queries.meeting(conference.id),
        starts_on=date(2020, 11, 25),
        ends_on=date(2021, 2, 5),
        place="Lausanne",
        mode="hybrid",
        note=_("In two parts: 25–27 November 2020 and 4–5 February 2021"),
        source=source,
        by=None,
    )


def is_empty() -> bool:
    """Whether nobody has put anything in: no people, chapters, campaigns or outreach."""
    return all(
        db.session.scalar(select(model.id).limit(1)) is None
        for model in (User, Chapter, Member, Campaign, Action)
    )


def _said(user: people.SignIn, story: _Story) -> str:
    where = story.chapters[user.chapter].name if user.chapter else _("everywhere")
    return f"{user.role.value}, {where}"


def _add_people(story: _Story, password: str) -> None:
    for place in people.PLACES:
        above = story.chapters[place.under].id if place.under else None
        story.chapters[place.key] = members.add_chapter(
            name=place.name,
            kind=place.kind,
            parent_id=above,
            place=place.place,
            address=place.address,
            founded_on=date(place.founded, 9, 1),
            by=None,
        )
    for each in people.USERS:
        user = accounts.create_user(email=each.email, name=each.name, by=None)
        accounts.set_password(user=user, password=password, by=None)
        chapter_id = story.chapters[each.chapter].id if each.chapter else None
        members.grant_role(user_id=user.id, role=each.role, chapter_id=chapter_id, by=None)
        story.users[each.role] = user
    story.fields = define_fields()
    for person in people.MEMBERS:
        _add_member(story, person)


def _add_member(story: _Story, person: Person) -> None:
    today = story.today
    # The year this school year ends in; a new one is counted from July.
    ends = today.year + (today.month >= 7)
    graduates = None if person.grade is None else ends + person.grade
    years = 4 if person.grade is not None and person.grade <= 3 else 7
    joined = date(graduates - years, 9, 5) if graduates else date(2015, 9, 5)
    joined = min(joined, today)
    who = (person.chapter, person.given)
    left = date(graduates, 6, 10) if graduates and graduates < ends else None
    member = members.add_member(
        given_name=person.given,
        family_name=person.family,
        chapter_id=story.chapters[person.chapter].id,
        joined_on=joined,
        email=person.email,
        graduation_year=graduates,
        age_band=age_of(person),
        tags_by_kind=families.TAGS.get(who),
        custom=answers_of(who, story.fields),
        by=None,
        today=today,
    )
    if left is not None:
        membership = db.session.scalars(
            select(Membership.id).where(Membership.member_id == member.id)
        ).one()
        members.leave_chapter(membership_id=membership, left_on=left, by=None, today=today)
    story.people[who] = member.id
    story.members.setdefault(person.chapter, []).append((member.id, joined, left))


def _add_campaigns(story: _Story) -> None:
    begins = (story.today - timedelta(days=364)).replace(day=1)
    due = _month_end(story.today + timedelta(days=45))
    coordinator, staff = story.users[Role.COORDINATOR], story.users[Role.STAFF]
    schools = [story.chapters[key].id for key in ("hollow", "sorrel", "larkspur")]
    state = story.chapters["state"].id
    story.campaigns[year.MINES] = campaigns.create_campaign(
        name=year.MINES,
        title="Postcards for a world without landmines",
        summary="Students ask West Virginia's members of Congress to support the Mine Ban Treaty.",
        description=(
            f"{year.MARK} The people and what they did are invented; the targets are real.\n"
            "Each school writes when it can, by hand, and tells the coordinator how many cards "
            "went to whom. We ask for meetings in the district and take the cards along."
        ),
        starts_on=begins,
        chapter_ids=[state, *schools],
        lead_id=coordinator.id,
        asks=[AskDraft(text) for text in year.MINES_ASKS],
        goals=[
            GoalDraft(150, "postcard", due, "Meeting of the three schools"),
            GoalDraft(4, "meeting", due, "Meeting of the three schools"),
        ],
        by=coordinator,
    )
    story.campaigns[year.CLUSTER] = campaigns.create_campaign(
        name=year.CLUSTER,
        title="Seven letters to the Pacific",
        summary="Governments of the Pacific outside the convention are asked to accede.",
        description=(
            f"{year.MARK} The people and what they did are invented; the targets are real.\n"
            "The list holds the governments of the Pacific that were outside the Convention on "
            "Cluster Munitions on 3 February 2026, by the depositary's status page."
        ),
        starts_on=begins,
        chapter_ids=[story.chapters["nation"].id, state],
        lead_id=staff.id,
        asks=[AskDraft(text) for text in year.CLUSTER_ASKS],
        goals=[
            GoalDraft(120, "letter", due, "Plan of the state campaign"),
            GoalDraft(
                115, None, _year_end(due), "Demo data: an invented goal", figure="ccm.joined"
            ),
            GoalDraft(200, None, None, "Plan of the national campaign"),
        ],
        by=staff,
    )
    _choose_targets(story)


def _choose_targets(story: _Story) -> None:
    congress = targets_like(TargetFilter(kind="legislator", area="WV"))
    pacific = (
        select(Target)
        .join(TargetIdentifier, TargetIdentifier.target_id == Target.id)
        .where(
            TargetIdentifier.scheme == "iso3166",
            TargetIdentifier.identifier.in_(year.PACIFIC_OUTSIDE),
        )
        .order_by(Target.sort_name)
    )
    for name, found in ((year.MINES, congress), (year.CLUSTER, pacific)):
        ids = [target.id for target in db.session.scalars(found)]
        campaigns.add_targets(campaign_queries.owned(story.campaigns[name].slug), ids, by=None)
        story.aims[name] = ids


def _do(story: _Story, number: int, deed: Deed, day: date) -> int:
    """Log one deed on a day, and what came back; how many answers that were."""
    keys = [LETTERS[letter] for letter in deed.chapters]
    campaign = story.campaigns[deed.campaign]
    per_piece = channels()[deed.channel].per_piece
    all_ids = story.aims[deed.campaign]
    # Those who are only some of them take turns.
    reached = [all_ids[(number + place) % len(all_ids)] for place in range(deed.aim)]
    reached = list(dict.fromkeys(reached))
    shares = spread(deed.pieces, len(reached)) if per_piece else [1] * len(reached)
    present = [
        member_id
        for key in keys
        for member_id, joined, left in story.members[key]
        if joined <= day and (left is None or day <= left)
    ]
    named = story.random.sample(present, min(deed.named, len(present)))
    until = min(day + timedelta(days=deed.days - 1), story.today)
    action = outreach.log_action(
        channel=deed.channel,
        client_key=f"demo-{number:03}",
        origin="demo",
        by=_logger(story, deed, number),
        today=story.today,
        campaign_id=campaign.id,
        happened_on=day,
        until=until if until > day else None,
        place=deed.place,
        pieces=deed.pieces,
        targets=dict(zip(reached, shares, strict=True)),
        members=dict.fromkeys(named, deed.each if per_piece else 1),
        minutes=deed.minutes,
        people=max(deed.people, len(named)) if deed.people else None,
        chapter_ids=[story.chapters[key].id for key in keys],
        ask_ids=[campaign.asks[number % len(campaign.asks)].id],
        note=f"{year.MARK} {deed.note}",
        details=deed.details,
    )
    return _answer(story, action) if deed.channel in ANSWERS else 0


def _move_the_council(story: _Story) -> int:
    """A campaign for an invented council: what was done, answered and seen; how many answers."""
    coordinator, today = story.users[Role.COORDINATOR], story.today
    hollow = story.chapters["hollow"].id
    campaign = campaigns.create_campaign(
        name=council.CAMPAIGN,
        summary="Students ask the councils of their towns for a resolution.",
        description=f"{year.MARK} The town, its council and all it said are invented.",
        starts_on=today - timedelta(days=240),
        chapter_ids=[story.chapters["state"].id, hollow],
        lead_id=coordinator.id,
        asks=[AskDraft(text) for text in council.ASKS],
        by=coordinator,
    )
    body = targets.add_target(
        kind="body", name=council.COUNCIL, salutation="Members of the Council",
        note=council.NOTE, by=coordinator,
    )  # fmt: skip
    targets.add_contact_point(
        body, kind="postal", label="Town hall", by=coordinator, today=today,
        value="Hollowbrook Town Council\n1 Invented Square\nHollowbrook",
    )  # fmt: skip
    campaigns.add_targets(campaign_queries.owned(campaign.slug), [body.id], by=None)
    answers = 0
    for number, step in enumerate(council.STEPS):
        day = today - timedelta(days=step.ago)
        action = outreach.log_action(
            channel=step.channel,
            client_key=f"demo-council-{number}",
            origin="demo",
            by=coordinator,
            today=today,
            campaign_id=campaign.id,
            happened_on=day,
            pieces=step.pieces,
            targets={body.id: step.pieces if channels()[step.channel].per_piece else 1},
            members={},
            chapter_ids=[hollow],
            ask_ids=[campaign.asks[0].id],
            note=f"{year.MARK} {step.note}",
        )
        if step.came is not None:
            after, kind, words = step.came
            row = db.session.scalars(
                select(ActionTarget.id).where(ActionTarget.action_id == action.id)
            ).one()
            came_on = day + timedelta(days=after)
            promised = step.promised and Promised(
                step.promised[0], came_on + timedelta(days=step.promised[1])
            )
            outcome = record_answer(
                promised=promised or None,
                action_target_id=row,
                kind=kind,
                received_on=came_on,
                summary=f"{year.MARK[:-1]}: {words}",
                by=coordinator,
                today=today,
            )
            answers += 1
            if step.kept is not None:
                ago, evidence = step.kept
                settle_commitment(
                    db.session.scalars(
                        select(Commitment).where(Commitment.outcome_id == outcome.id)
                    ).one(),
                    state="kept",
                    on=today - timedelta(days=ago),
                    evidence=f"{year.MARK[:-1]}: {evidence}",
                    by=coordinator,
                    today=today,
                )
        if step.stands is not None:
            ask, support, confidence, words = step.stands
            record_position(
                target_id=body.id,
                ask_id=campaign.asks[ask].id,
                support=support,
                confidence=confidence,
                seen_on=day + timedelta(days=step.came[0] if step.came else 0),
                evidence_text=f"{year.MARK[:-1]}: {words}",
                action_id=action.id,
                by=coordinator,
                today=today,
            )
    words, ago, after = council.OURS
    record_commitment(
        text=words,
        whose="ours",
        target_id=body.id,
        campaign_id=campaign.id,
        made_on=today - timedelta(days=ago),
        due_on=today - timedelta(days=ago - after),
        by=coordinator,
        today=today,
    )
    return answers


def _logger(story: _Story, deed: Deed, number: int) -> User:
    """Who logged it: the leader much of their own school's, staff the campaign's own."""
    if deed.chapters == "h" and number % 3:
        return story.users[Role.LEADER]
    return story.users[Role.STAFF if deed.chapters == "m" else Role.COORDINATOR]


def _answer(story: _Story, action: Action) -> int:
    part, (soonest, latest) = ANSWERS[action.channel]
    rows = db.session.execute(
        select(ActionTarget.id, Target.kind)
        .join(Target, Target.id == ActionTarget.target_id)
        .where(ActionTarget.action_id == action.id)
        .order_by(Target.sort_name)
    ).all()
    coordinator = story.users[Role.COORDINATOR]
    answers = 0
    for action_target_id, kind in rows:
        answered = story.random.random() < part
        received_on = action.happened_on + timedelta(days=story.random.randint(soonest, latest))
        words = LEGISLATOR_WORDS if kind == "legislator" else GOVERNMENT_WORDS
        what, _often, sentence = _choose(story.random, action.channel, words)
        if not answered or received_on > story.today:
            continue
        outreach.record_outcome(
            action_target_id=action_target_id,
            kind=what,
            received_on=received_on,
            summary=f"{year.MARK[:-1]}: {sentence}",
            by=coordinator,
            today=story.today,
        )
        answers += 1
    return answers


def _choose(
    random: Random, channel: str, words: Sequence[tuple[str, int, str]]
) -> tuple[str, int, str]:
    """One of the answers by how often it comes; only paper comes back in an envelope."""
    fitting = [each for each in words if each[0] != "returned" or channel in ("postcard", "letter")]
    return random.choices(fitting, weights=[often for _kind, often, _words in fitting])[0]


def _year_end(day: date) -> date:
    return date(day.year, 12, 31)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
