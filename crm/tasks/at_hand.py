"""A task with all that is needed to do it: whom, where they are reached, the words, the button.

What a page shows of the first task of somebody's day, and of the page of any one.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, select

from crm.campaigns.models import CampaignContact
from crm.core import access, db
from crm.core.access import Can
from crm.members.disclosure import NOBODY
from crm.outreach.channels import Channel, channels
from crm.targets.contact_queries import WHY, paper, points_of
from crm.targets.queries import Office, offices
from crm.tasks import rules
from crm.tasks.carriers import carrier_of, words_of
from crm.tasks.models import Task, TaskAction
from crm.texts.kinds import KINDS, Kind
from crm.texts.merge import merge
from crm.texts.merged import Merged, Wanted, Why
from crm.texts.queries import variants
from crm.texts.ways import Way, mailto, ways

#: Targets of one task that a page shows with all at hand.
SHOWN = 25


def sends_to(endpoint: str) -> Callable[[Task], Callable[[str], str]]:
    """Where a task's buttons send to."""
    return lambda task: lambda verb: url_for(endpoint, task_id=task.id, verb=verb)


@dataclass(frozen=True)
class Line:
    """A target of a task, and the ways to it."""

    target_id: int
    name: str
    office: str
    pieces: int
    done: int
    #: Lines of the postal address, the name not among them.
    address: Sequence[str] = ()
    #: Why there is none, where paper is to be sent.
    no_address: str | None = None
    way: Way = field(default_factory=Way)
    text: Merged | None = None

    @property
    def has_blanks(self) -> bool:
        """Whether something of the text is for the member to fill in."""
        return self.text is not None and bool(self.text.body.missing or self.text.subject.missing)

    @property
    def has_more(self) -> bool:
        """Whether there is anything below the name: where to, the words, a way."""
        return bool(self.address or self.no_address or (self.text and self.text.body.runs))

    @property
    def left(self) -> int:
        """Pieces still to do."""
        return self.pieces - self.done

    @property
    def mail(self) -> str | None:
        """The link that opens a message with everything filled."""
        if self.text is None or self.way.email is None:
            return None
        return mailto(self.way.email, str(self.text.subject), str(self.text.body))


@dataclass(frozen=True)
class Hand:
    """A task, ready to be done."""

    task: Task
    today: date
    turn: str
    #: The address a button sends to, by what it does.
    url: Callable[[str], str]
    lines: Sequence[Line] = ()
    kind: Kind | None = None
    #: What is wrong with its text, in sentences.
    hindrances: Sequence[str] = ()

    @property
    def channel(self) -> Channel | None:
        """How it is done, where that is logged."""
        return channels().get(self.task.channel) if self.task.channel else None

    @property
    def due(self) -> rules.Due:
        """How near its day is."""
        return rules.due_of(self.task.due_on, self.today)

    @property
    def due_words(self) -> str:
        """The same in words."""
        return rules.due_words(self.task.due_on, self.today)

    @property
    def is_open(self) -> bool:
        """Whether there is something to do."""
        return self.task.state in rules.OPEN

    @property
    def names(self) -> str:
        """Its targets, the first few by name."""
        found = [row.target.name for row in self.task.targets if row.done < row.pieces]
        more = len(found) - 3
        names = ", ".join(found[:3])
        return _("%(names)s and %(num)s more", names=names, num=more) if more > 0 else names

    @property
    def counted(self) -> str:
        """What there is to do: `6 postcards`, of which some may be done."""
        task, way = self.task, self.channel
        if way is None or not way.per_piece or not task.pieces:
            return ""
        left = way.count(task.pieces - task.done)
        return _("%(left)s left", left=left) if task.done and self.is_open else way.count(
            task.pieces
        )  # fmt: skip

    @property
    def is_ticked(self) -> bool:
        """Whether its targets are ticked off, one piece each, and not counted."""
        return all(row.pieces - row.done <= 1 for row in self.task.targets)

    @property
    def answers_at(self) -> str | None:
        """Where what came back is recorded, where that is what the task asks."""
        task = self.task
        if task.channel or not task.targets or not self.is_open:
            return None
        if not access.may(current_user, Can.RECORD_OUTCOMES, task.chapter_id):
            return None
        slug = task.campaign.slug if task.campaign is not None else None
        return url_for("outreach.waiting", campaign=slug, chapter=task.chapter.slug)

    @property
    def carried_at(self) -> str | None:
        """The page of the pack it is of."""
        carrier = carrier_of(self.task)
        return carrier.link(self.task) if carrier is not None else None


def turns(tasks: Sequence[Task]) -> dict[int, str]:
    """What a form is sent back with, by task, as `doing.turn_of` says it: one statement."""
    rows = db.session.execute(
        select(TaskAction.task_id, func.count())
        .where(TaskAction.task_id.in_([task.id for task in tasks]))
        .group_by(TaskAction.task_id)
    )
    counts = {task_id: number for task_id, number in rows}  # noqa: C416
    return {task.id: f"{counts.get(task.id, 0)}.{task.done}" for task in tasks}


def plain(
    tasks: Sequence[Task], url: Callable[[Task], Callable[[str], str]], today: date
) -> list[Hand]:
    """Tasks as lines of a list show them: one statement."""
    found = turns(tasks)
    return [Hand(task, today, found[task.id], url(task)) for task in tasks]


def at_hand(task: Task, url: Callable[[str], str], today: date, turn: str | None = None) -> Hand:
    """One task with everything: a fixed number of statements. It has its targets loaded."""
    rows = sorted(task.targets, key=lambda row: (row.done >= row.pieces, row.target.sort_name))
    rows = rows[:SHOWN]
    ids = [row.target_id for row in rows]
    held = offices(ids) if ids else {}
    reached = ways(ids) if ids else {}
    kind = KINDS.get(task.text.kind) if task.text is not None else None
    is_paper = _is_paper(task, kind)
    texts, hindrances = _texts(task, ids, kind, is_paper, today)
    # What was filled knows the address too.
    addresses = _addresses(task, ids, texts) if is_paper else {}
    lines = [
        Line(
            row.target_id,
            row.target.name,
            _office(held.get(row.target_id)),
            row.pieces,
            row.done,
            *addresses.get(row.target_id, ((), None)),
            reached.get(row.target_id, Way()),
            texts.get(row.target_id),
        )
        for row in rows
    ]
    return Hand(task, today, turn or turns([task])[task.id], url, lines, kind, hindrances)


def _office(office: Office | None) -> str:
    return office.label if office is not None else ""


def _is_paper(task: Task, kind: Kind | None) -> bool:
    if task.channel is not None:
        return channels()[task.channel].sent_to == "postal"
    return kind is not None and kind.prints


def _addresses(
    task: Task, ids: Collection[int], texts: Mapping[int, Merged]
) -> dict[int, tuple[Sequence[str], str | None]]:
    """Where paper for these targets goes, or why nowhere: two statements, none where a text was
    filled.
    """
    if not ids:
        return {}
    if texts:
        lacking = {
            target: next((h.told for h in each.hindrances if h.why is Why.NO_ADDRESS), None)
            for target, each in texts.items()
        }
        return {target: (each.address, lacking[target]) for target, each in texts.items()}
    points = points_of(ids)
    chosen: dict[int, int] = {}
    if task.campaign_id is not None:
        rows = db.session.execute(
            select(CampaignContact.target_id, CampaignContact.contact_point_id).where(
                CampaignContact.campaign_id == task.campaign_id,
                CampaignContact.target_id.in_(ids),
            )
        )
        chosen = {target_id: point_id for target_id, point_id in rows}  # noqa: C416
    prefer = task.campaign.paper_to if task.campaign is not None else "capital"
    found: dict[int, tuple[Sequence[str], str | None]] = {}
    for each in ids:
        goes = paper(points.get(each, ()), prefer=prefer, chosen=chosen.get(each))
        if goes.point is None:
            found[each] = (), str(WHY[goes.why])
        else:
            found[each] = tuple(goes.point.value.splitlines()), None
    return found


def _texts(
    task: Task, ids: Sequence[int], kind: Kind | None, is_paper: bool, today: date
) -> tuple[Mapping[int, Merged], Sequence[str]]:
    """The text filled for each target and for who signs it, and what hinders that."""
    if task.text is None or kind is None or not ids:
        return {}, ()
    approved = [each for each in variants([task.text_id or 0])[task.text.id] if each.approved]
    if not approved:
        return {}, (_("Its text is not approved yet. Ask your leader."),)
    # What is printed of a pack is what is read here.
    language, values = words_of(task) or (str(getattr(get_locale(), "language", "en")), {})
    best = next((each for each in approved if each.language == language), approved[0])
    merged = merge(
        best.approved,  # type: ignore[arg-type]
        [Wanted(each, task.member_id) for each in ids],
        campaign=task.campaign,
        chapter=task.chapter,
        values=values,
        on=today,
        viewer=NOBODY,
        needs_address=is_paper,
    )
    told: dict[str, Any] = {}
    for each in merged:
        for hindrance in each.hindrances:
            # No address is said beside the target, and what is to be filled in stands in yellow.
            if hindrance.why not in (Why.NO_ADDRESS, Why.EMPTY):
                told.setdefault(hindrance.told)
    return {each.target_id: each for each in merged}, tuple(told)
