"""What the form of a channel offers its user: campaigns, targets, chapters, members, asks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from crm.campaigns.models import Ask, Campaign, CampaignTarget
from crm.core import access, db
from crm.core.access import Can, Scope
from crm.core.text import fold
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter, Membership
from crm.members.queries import chapters_in, in_tree_order
from crm.outreach.forms import LogForm, options
from crm.targets.models import Post, Term
from crm.targets.queries import target_lists
from crm.targets.rules import area_name

#: Members that are listed to be ticked; more than these are pasted as a roster.
MOST_LISTED = 400


@dataclass(frozen=True)
class CampaignChoice:
    """A campaign to choose."""

    id: int
    slug: str
    name: str
    has_ended: bool
    targets: int


@dataclass(frozen=True)
class MemberChoice:
    """A member to tick."""

    id: int
    name: str


class Setting:
    """All that can be chosen, each read when it is asked for: a form that is saved needs little."""

    def __init__(
        self,
        user: Any,
        *,
        today: date,
        of_chapters: Collection[int] = (),
        had: Collection[int] = (),
    ):
        """`of_chapters` are those whose members are listed where there are too many to list all;
        `had` are chapters of an action that is corrected.
        """
        self._user, self._today = user, today
        self._of_chapters, self._had = of_chapters, had

    @cached_property
    def campaigns(self) -> Sequence[CampaignChoice]:
        """Those that run first, then the newest."""
        return _campaigns(self._today)

    @cached_property
    def chapters(self) -> Sequence[Chapter]:
        """Where the user may log, in tree order."""
        found = chapters_in(access.scope(self._user, Can.LOG_OUTREACH), open_only=True)
        if missing := set(self._had) - {chapter.id for chapter in found}:
            more = db.session.scalars(select(Chapter).where(Chapter.id.in_(missing)))
            found = in_tree_order([*found, *more])
        return found

    @cached_property
    def areas_by_campaign(self) -> dict[int, dict[str, int]]:
        """Campaign → state → how many of its targets."""
        return _areas()

    @cached_property
    def asks_by_campaign(self) -> dict[int, list[tuple[int, str]]]:
        """Campaign → its asks, as (id, words)."""
        return _asks()

    @cached_property
    def areas(self) -> Sequence[tuple[str, str]]:
        """States of the campaigns' targets, by name."""
        found = {area for areas in self.areas_by_campaign.values() for area in areas}
        return sorted(((area, area_name(area)) for area in found), key=lambda pair: pair[1])

    @cached_property
    def lists(self) -> Sequence[tuple[str, str, int | None]]:
        """Lists of targets: slug, name, how many; of those by rule nobody has counted."""
        return _lists()

    @cached_property
    def _listed(self) -> tuple[list[tuple[Chapter, list[MemberChoice]]], bool]:
        return _members(self._user, self.chapters, self._of_chapters)

    @property
    def members(self) -> Sequence[tuple[Chapter, Sequence[MemberChoice]]]:
        """Members to tick, by chapter."""
        return self._listed[0]

    @property
    def too_many(self) -> bool:
        """Whether there are more members than are listed."""
        return self._listed[1]

    def campaign_id(self, slug: str | None) -> int:
        """The campaign of that slug; 0, which none has, where there is none."""
        return next((each.id for each in self.campaigns if each.slug == slug), 0)

    def below(self, chapter_ids: Collection[int]) -> frozenset[int]:
        """These chapters and all below them, as far as the user may log for them."""
        paths = [chapter.path for chapter in self.chapters if chapter.id in chapter_ids]
        return frozenset(
            chapter.id
            for chapter in self.chapters
            if any(chapter.path.startswith(path) for path in paths)
        )

    def put_on(self, form: LogForm) -> None:
        """Let the form check its choices; states, lists and asks are checked by what uses them."""
        form.campaign.choices = options((each.slug, each.name) for each in self.campaigns)
        form.chapters.choices = options((each.id, each.name) for each in self.chapters)
        aims = [
            ("campaign", _("All of the campaign")),
            ("area", _("Those of a state")),
            ("list", _("A list")),
            ("chosen", _("By name")),
        ]
        if not form.channel.needs_target:
            aims.append(("none", _("No target")))
        form.aim.choices = options(aims)

    def show_on(self, form: LogForm) -> None:
        """Give the form what its page shows beyond that."""
        form.area.choices = options([("", _("Choose")), *self.areas])
        lists = (
            (slug, f"{name} ({_('by rule') if number is None else number})")
            for slug, name, number in self.lists
        )
        form.target_list.choices = options([("", _("Choose")), *lists])
        absent = {"area"} if not self.areas else set()
        absent |= {"list"} if not self.lists else set()
        form.aim.choices = [each for each in form.aim.choices if each.value not in absent]


def _campaigns(today: date) -> list[CampaignChoice]:
    count = (
        select(func.count())
        .where(CampaignTarget.campaign_id == Campaign.id)
        .correlate(Campaign)
        .scalar_subquery()
    )
    rows = db.session.execute(
        select(Campaign.id, Campaign.slug, Campaign.name, Campaign.ends_on, count).order_by(
            Campaign.starts_on.desc(), Campaign.id.desc()
        )
    )
    found = [
        CampaignChoice(campaign_id, slug, name, ends_on is not None and ends_on < today, number)
        for campaign_id, slug, name, ends_on, number in rows
    ]
    return sorted(found, key=lambda each: each.has_ended)


def _asks() -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    for ask_id, campaign_id, words in db.session.execute(
        select(Ask.id, Ask.campaign_id, Ask.text).order_by(Ask.position, Ask.id)
    ):
        found.setdefault(campaign_id, []).append((ask_id, words))
    return found


def _areas() -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for campaign_id, area, number in db.session.execute(
        select(
            CampaignTarget.campaign_id,
            Post.area,
            func.count(func.distinct(CampaignTarget.target_id)),
        )
        .join(Term, Term.target_id == CampaignTarget.target_id)
        .join(Post, Post.id == Term.post_id)
        .where(Term.is_current, Post.area.is_not(None))
        .group_by(CampaignTarget.campaign_id, Post.area)
    ):
        found.setdefault(campaign_id, {})[str(area)] = number
    return found


def _lists() -> list[tuple[str, str, int | None]]:
    return [
        (kept.slug, kept.name, size if kept.rule is None else None)
        for kept, size in db.session.execute(target_lists())
    ]


def _members(
    user: Any, chapters: Sequence[Chapter], of_chapters: Collection[int]
) -> tuple[list[tuple[Chapter, list[MemberChoice]]], bool]:
    """Present members of the chapters, each by the chapter it comes first under."""
    sees: Scope = access.scope(user, Can.SEE_MEMBERS)
    by_id = {chapter.id: chapter for chapter in chapters if sees.includes(chapter.id)}
    pairs = _member_ids(by_id)
    too_many = len(pairs) > MOST_LISTED
    if too_many:
        paths = [by_id[number].path for number in of_chapters if number in by_id]
        near = {
            number
            for number, chapter in by_id.items()
            if any(chapter.path.startswith(path) for path in paths)
        }
        pairs = _member_ids(near)[:MOST_LISTED] if near else []
    shown = disclose({member for member, _chapter in pairs}, to=Viewer.of(user), exit=Exit.PAGE)
    groups: dict[int, dict[int, MemberChoice]] = {}
    listed: set[int] = set()
    for member_id, chapter_id in pairs:
        # Whoever was said not to be a member is not offered.
        if member_id not in listed and shown[member_id].is_named:
            listed.add(member_id)
            group = groups.setdefault(chapter_id, {})
            group[member_id] = MemberChoice(member_id, shown[member_id].name)
    found = [
        (chapter, sorted(groups[chapter.id].values(), key=lambda each: fold(each.name)))
        for chapter in chapters
        if chapter.id in groups
    ]
    return found, too_many


def _member_ids(chapter_ids: Collection[int]) -> list[tuple[int, int]]:
    if not chapter_ids:
        return []
    rows = db.session.execute(
        select(Membership.member_id, Membership.chapter_id)
        .where(
            Membership.chapter_id.in_(chapter_ids),
            or_(Membership.left_on.is_(None), Membership.left_on > func.current_date()),
        )
        .order_by(Membership.id)
        .limit(MOST_LISTED + 1)
    )
    return [(member_id, chapter_id) for member_id, chapter_id in rows]
