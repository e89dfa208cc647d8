"""The demo's class session: texts, a pack that was posted, one on its way, and tasks.

Made after the year's outreach and the families' papers, by the people who would make it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core.access import Role
from crm.demo_data import texts, year
from crm.demo_data.families import HOLLOW, Who
from crm.mailings import as_tasks, operations, posting
from crm.mailings.allotment import Way
from crm.mailings.models import Mailing
from crm.mailings.planning import Asked
from crm.tasks import doing
from crm.tasks.doing import Doer
from crm.tasks.operations import Draft, add_tasks
from crm.texts import operations as writing
from crm.texts.models import Text

#: Days ago the first pack was written and posted, and days until the second one is.
POSTED_AGO, PLANNED_IN = 20, 4
#: After so many days somebody looks whether anything came back.
ASK_AFTER = 21
_REPLY = {"title": "Any reply to our cards?", "days": ASK_AFTER}


@dataclass(frozen=True)
class Cast:
    """Who and what the year before has left."""

    today: date
    users: Mapping[Role, User]
    #: Ids of members by chapter and first name, of those who are there today.
    members: Mapping[Who, int]
    #: By id of a member: their first day.
    since: Mapping[int, date]
    #: Ids of chapters.
    chapters: Mapping[str, int]
    campaigns: Mapping[str, Campaign]
    #: By campaign: ids of its targets.
    aims: Mapping[str, list[int]]

    @property
    def class_of(self) -> list[int]:
        """Ids of the members at the school whose session this is, in their order."""
        return [number for (chapter, _given), number in self.members.items() if chapter == HOLLOW]


def add_class(cast: Cast) -> int:
    """Texts, packs and tasks; how many actions were logged by them."""
    kept = _write(cast)
    _post_a_pack(cast, kept[texts.POSTCARD])
    _begin_a_pack(cast, kept[texts.POSTCARD])
    _fill_a_pool(cast, kept[texts.LETTER])
    _hand_out(cast)
    return 1


def _write(cast: Cast) -> dict[str, Text]:
    leader, coordinator = cast.users[Role.LEADER], cast.users[Role.COORDINATOR]
    kept: dict[str, Text] = {}
    for each in texts.TEXTS:
        given: dict[str, Any] = {
            "language": each.language,
            "subject": each.subject,
            "body": each.body,
            "own": each.fields,
        }
        if each.name in kept:
            writing.write_version(kept[each.name], based_on=0, by=None, **given)
            continue
        mine = each.campaign == year.MINES
        kept[each.name] = text = writing.make_text(
            name=each.name,
            kind=each.kind,
            chapter_id=cast.chapters[HOLLOW] if mine else None,
            campaign_id=cast.campaigns[each.campaign].id,
            by=leader if mine else None,
            **given,
        )
        if each.approved:
            approver = coordinator if mine else cast.users[Role.ADMINISTRATOR]
            writing.approve(text, language=each.language, number=1, by=approver, today=cast.today)
    return kept


def _pack(
    cast: Cast,
    text: Text,
    campaign: str,
    name: str,
    *,
    way: Way,
    members: Mapping[int, int | None],
    each: int | None = None,
    total: int | None = None,
    **more: Any,
) -> Mailing:
    return operations.make_pack(
        asked=Asked(
            campaign_id=cast.campaigns[campaign].id,
            chapter_id=cast.chapters[HOLLOW],
            text_id=text.id,
            target_ids=frozenset(cast.aims[campaign]),
            way=way,
            members=members,
            each=each,
            total=total,
        ),
        name=name,
        client_key=f"demo-{name}",
        place="Room 12",
        by=cast.users[Role.LEADER],
        today=cast.today,
        **more,
    )


def _post_a_pack(cast: Cast, text: Text) -> None:
    """Cards that left three weeks ago: an answer is due."""
    day = cast.today - timedelta(days=POSTED_AGO)
    there = [each for each in cast.class_of if cast.since[each] <= day]
    pack = _pack(
        cast,
        text,
        year.MINES,
        "Cards of the autumn class",
        way=Way.ALL,
        members=dict.fromkeys(there[:3]),
        each=1,
        planned_on=day,
        minutes_each=10,
        postage_each=61,
        then=[_REPLY],
    )
    posting.post_pieces(pack, posted_on=day, by=cast.users[Role.LEADER], today=cast.today)


def _begin_a_pack(cast: Cast, text: Text) -> None:
    """Cards of this week: handed out, some written, some given back."""
    leader = cast.users[Role.LEADER]
    members = cast.class_of[:10]
    pack = _pack(
        cast,
        text,
        year.MINES,
        "Cards of this week",
        way=Way.SPREAD,
        members=dict.fromkeys(members),
        each=3,
        planned_on=cast.today + timedelta(days=PLANNED_IN),
        minutes_each=10,
        postage_each=61,
        then=[_REPLY],
    )
    as_tasks.hand_out(pack, client_key="demo-hand-out", by=leader, today=cast.today)
    operations.prepare(pack, member_ids=members[2:6], by=leader, today=cast.today)
    operations.give_back(pack, member_id=members[-1], by=leader, today=cast.today)


def _fill_a_pool(cast: Cast, text: Text) -> None:
    """Letters nobody has taken yet."""
    _pack(
        cast,
        text,
        year.CLUSTER,
        "Letters to the Pacific",
        way=Way.SPREAD,
        members={},
        total=len(cast.aims[year.CLUSTER]),
        planned_on=cast.today + timedelta(days=3 * PLANNED_IN),
        minutes_each=25,
    )


def _hand_out(cast: Cast) -> None:
    leader = cast.users[Role.LEADER]
    senators = cast.aims[year.MINES][:2]
    drafts = [
        Draft(
            title=each.title,
            chapter_id=cast.chapters[HOLLOW],
            member_id=cast.members[HOLLOW, each.who] if each.who else None,
            in_pool=each.who is None,
            campaign_id=cast.campaigns[each.campaign].id if each.campaign else None,
            channel=each.channel,
            targets=dict.fromkeys(senators, 1) if each.channel else {},
            due_on=cast.today + timedelta(days=each.due_in),
            note=each.note,
            repeats=each.repeats,
        )
        for each in texts.ERRANDS
    ]
    made = add_tasks(drafts, by=leader, today=cast.today, client_key="demo-tasks")
    doer = Doer(by=leader)
    for task, each in zip(made, texts.ERRANDS, strict=True):
        if each.help:
            doing.ask_help(task_id=task.id, words=each.help, doer=doer)
        if each.took:
            doing.finish(task_id=task.id, doer=doer, today=cast.today, minutes=each.took)
