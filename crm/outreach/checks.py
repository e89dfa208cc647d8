"""What must be true before an action is stored, whether it is new or a correction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NotRequired, TypedDict

from flask_babel import gettext as _
from sqlalchemy import literal, select, union_all

from crm.accounts.models import User
from crm.campaigns.models import Ask, Campaign
from crm.core import access, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members.models import Chapter, Member, Membership
from crm.outreach import rules
from crm.outreach.channels import Channel
from crm.targets.models import Target

#: Photos of one action.
MOST_PHOTOS = 6


class Given(TypedDict):
    """What is said of an action. `targets` and `members` map ids to pieces (of an act: to 1)."""

    campaign_id: int
    happened_on: date
    until: NotRequired[date | None]
    place: NotRequired[str | None]
    pieces: int
    targets: Mapping[int, int]
    members: Mapping[int, int]
    #: Of everybody together. Shared out to the members, unless each one's are given.
    minutes: NotRequired[int | None]
    #: Member id → minutes.
    member_minutes: NotRequired[Mapping[int, int]]
    people: NotRequired[int | None]
    chapter_ids: Collection[int]
    ask_ids: NotRequired[Collection[int]]
    note: NotRequired[str | None]
    details: NotRequired[Mapping[str, Any]]
    #: File names of kept pictures.
    photos: NotRequired[Collection[str]]
    #: Whether nobody can be recognised in the pictures that are new.
    nobody_seen: NotRequired[bool]
    #: Target id → the kind of address it went to (`window_rules.ADDRESSES`), where that is known.
    places: NotRequired[Mapping[int, str]]


@dataclass(frozen=True)
class Facts:
    """What is to be stored of an action, checked. `columns` are those of its own row."""

    columns: Mapping[str, Any]
    targets: Mapping[int, int]
    members: Mapping[int, int]
    #: Whose minutes nobody knows has none here.
    member_minutes: Mapping[int, int]
    chapter_ids: frozenset[int]
    ask_ids: frozenset[int]
    photos: tuple[str, ...]
    #: What `ActionPhoto.shows` holds of the pictures that are new.
    photos_show: str

    @property
    def happened_on(self) -> date:
        """The (first) day."""
        day: date = self.columns["happened_on"]
        return day


def checked(
    channel: Channel | None,
    given: Given,
    *,
    by: User | None,
    today: date,
    before: Mapping[str, Any] | None = None,
) -> Facts:
    """Raise `Refused` for what cannot be; `before` is the snapshot of what is corrected."""
    if channel is None:
        raise Refused(_("There is no such channel."))
    happened_on, until = given["happened_on"], given.get("until")
    minutes, photos = given.get("minutes"), tuple(given.get("photos", ()))
    rules.check_days(happened_on, until, today)
    unnamed = rules.check_batch(
        per_piece=channel.per_piece,
        needs_target=channel.needs_target,
        pieces=given["pieces"],
        targets=given["targets"],
        members=given["members"],
        people=given.get("people"),
    )
    if minutes is not None and not 0 <= minutes <= rules.MOST_MINUTES:
        raise Refused(_("Give the minutes as a whole number."), "minutes")
    member_minutes = _minutes_of_members(channel, given, before)
    minutes = rules.check_minutes(minutes, member_minutes, given["members"])
    if len(photos) > MOST_PHOTOS:
        raise Refused(_("At most %(most)s photos can be kept.", most=MOST_PHOTOS), "photos")
    details = rules.check_details(channel.details, given.get("details") or {})
    _check_references(given, by, before)
    return Facts(
        columns={
            "campaign_id": given["campaign_id"],
            "happened_on": happened_on,
            "until": until if until != happened_on else None,
            "place": given.get("place") or None,
            "pieces": given["pieces"],
            "unnamed": unnamed,
            "people": given.get("people"),
            "minutes": minutes,
            "note": given.get("note") or None,
            "details": details,
        },
        targets=given["targets"],
        members=given["members"],
        member_minutes=member_minutes,
        chapter_ids=frozenset(given["chapter_ids"]),
        ask_ids=frozenset(given.get("ask_ids", ())),
        photos=photos,
        photos_show="nobody" if given.get("nobody_seen") else "members",
    )


def _minutes_of_members(
    channel: Channel, given: Given, before: Mapping[str, Any] | None
) -> Mapping[int, int]:
    """Each member's minutes: as given, as they were, or a share of everybody's.

    A correction of something else leaves them as they are: they may have been given one by one,
    and somebody may have signed for them.
    """
    if "member_minutes" in given:
        return given["member_minutes"]
    minutes, members, people = given.get("minutes"), given["members"], given.get("people")
    if before is not None and minutes == before["minutes"]:
        kept = {row["member_id"]: row for row in before["members"]}
        had = {member: row["pieces"] for member, row in kept.items()}
        if had == members and (before["pieces"], before["people"]) == (given["pieces"], people):
            return {
                member: row["minutes"] for member, row in kept.items() if row["minutes"] is not None
            }
    if minutes is None:
        return {}
    return rules.share_minutes(
        minutes, members, per_piece=channel.per_piece, pieces=given["pieces"], people=people
    )


def _check_references(
    given: Given,
    by: User | None,
    before: Mapping[str, Any] | None,
) -> None:
    """Every id must exist and be this person's to use; one statement asks for all of them."""
    campaign_id, chapter_ids = given["campaign_id"], given["chapter_ids"]
    targets, members, ask_ids = given["targets"], given["members"], given.get("ask_ids", ())
    mine = access.scope(by, Can.LOG_OUTREACH) if by else None
    theirs = access.scope(by, Can.SEE_MEMBERS) if by else None
    had_chapters = frozenset(before["chapters"]) if before else frozenset()
    had_members = frozenset(row["member_id"] for row in before["members"]) if before else ()
    if not chapter_ids:
        raise Refused(_("Choose the chapter that did it."), "chapters")
    # Of a correction, chapters of others that were there before may stay, but stay they must.
    changed = had_chapters ^ frozenset(chapter_ids)
    if mine is not None and any(not mine.includes(chapter) for chapter in changed):
        raise Refused(_("You cannot log for one of these chapters."), "chapters")
    of_members = select(literal("m"), Member.id).where(
        Member.id.in_(members), Member.merged_into_id.is_(None)
    )
    if theirs is not None and not theirs.everywhere:
        seen = select(Membership.member_id).where(Membership.chapter_id.in_(theirs.chapter_ids))
        of_members = of_members.where(Member.id.in_(seen) | Member.id.in_(had_members))
    parts = [
        select(literal("g").label("what"), Campaign.id.label("id")).where(
            Campaign.id == campaign_id
        ),
        select(literal("c"), Chapter.id).where(Chapter.id.in_(chapter_ids)),
    ]
    if targets:
        parts.append(
            select(literal("t"), Target.id).where(
                Target.id.in_(targets), Target.merged_into_id.is_(None)
            )
        )
    if members:
        parts.append(of_members)
    if ask_ids:
        parts.append(
            select(literal("a"), Ask.id).where(Ask.id.in_(ask_ids), Ask.campaign_id == campaign_id)
        )
    known: dict[str, set[int]] = {}
    for what, record_id in db.session.execute(union_all(*parts)):
        known.setdefault(what, set()).add(record_id)
    wanted: list[tuple[str, Collection[int], str, str]] = [
        ("g", {campaign_id}, _("This campaign does not exist."), "campaign"),
        ("c", chapter_ids, _("One of these chapters does not exist."), "chapters"),
        ("t", targets, _("One of these targets does not exist."), "aim"),
        ("m", members, _("One of these people is not a member of your chapters."), "roster"),
        ("a", ask_ids, _("One of these asks is not of this campaign."), "asks"),
    ]
    for what, ids, sentence, field in wanted:
        if set(ids) - known.get(what, set()):
            raise Refused(sentence, field)
