"""What allotting a pack needs to know, read in a fixed number of statements, and the plan it makes.

The plan is shown before the pack is made, and made again when it is: only what was shown is made.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from flask_babel import gettext as _
from sqlalchemy import func, select

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.errors import Refused
from crm.mailings import allotment
from crm.mailings.allotment import Share, Way, Wish, Writer
from crm.mailings.models import Mailing, Piece
from crm.mailings.rules import MOST_PIECES, State
from crm.members.models import Chapter, Member
from crm.members.queries import present
from crm.outreach.channels import channels
from crm.outreach.models import ActionTarget
from crm.targets.districts import Represented, represented_each, vintages
from crm.targets.models import Target
from crm.targets.queries import terms_on
from crm.texts.kinds import KINDS
from crm.texts.models import Text, TextVersion
from crm.texts.queries import approved

#: Most members of one pack.
MOST_MEMBERS = 1_000


@cache
def printed_kinds() -> Mapping[str, str]:
    """Kinds of texts that packs are made of, with the channel their outreach is logged in."""
    return {
        kind.name: channel
        for kind in KINDS.values()
        if kind.prints
        for channel in kind.channels
        if channels()[channel].sent_to == "postal"
    }


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a pack is to be."""

    campaign_id: int
    chapter_id: int
    text_id: int
    language: str = "en"
    way: Way = Way.SPREAD
    #: None: whoever represents the members, of `OWN` alone.
    target_ids: frozenset[int] | None = None
    #: By member, the number typed for them.
    members: Mapping[int, int | None] = field(default_factory=dict)
    total: int | None = None
    each: int | None = None
    #: Most pieces of one member.
    most: int | None = None


@dataclass(frozen=True)
class Plan:
    """How a pack would be allotted, and what its maker should know of it."""

    asked: Asked
    shares: tuple[Share, ...]
    #: The words that print.
    version: TextVersion
    channel: str
    #: What each target holds now.
    terms: Mapping[int, int]
    #: Member and target that represents them.
    own: frozenset[tuple[int, int]]
    #: Members without a ZIP that is known, and those whose ZIP lies in several districts.
    homeless: tuple[int, ...]
    unsure: tuple[int, ...]

    @property
    def digest(self) -> str:
        """What tells it from another plan: the words that print are part of it."""
        return f"{allotment.digest(self.shares)}-{self.version.id}"

    @property
    def pieces(self) -> int:
        """All of them."""
        return sum(each.number for each in self.shares)

    @property
    def in_pool(self) -> int:
        """Those nobody writes yet."""
        return sum(each.number for each in self.shares if each.member_id is None)

    @property
    def by_member(self) -> dict[int | None, int]:
        """How many each writes; None: the pool."""
        found: Counter[int | None] = Counter()
        for each in self.shares:
            found[each.member_id] += each.number
        return dict(found)

    @property
    def by_target(self) -> dict[int, int]:
        """How many each gets."""
        found: Counter[int] = Counter()
        for each in self.shares:
            found[each.target_id] += each.number
        return dict(found)

    @property
    def constituents(self) -> dict[int, int]:
        """By target, how many pieces are by constituents."""
        found: Counter[int] = Counter()
        for each in self.shares:
            if (each.member_id, each.target_id) in self.own:
                found[each.target_id] += each.number
        return dict(found)


def plan(asked: Asked, *, today: date) -> Plan:
    """Allot what is asked. Raises `Refused` where that cannot be done."""
    version, channel = _words(asked)
    homes = _homes(asked)
    zips = represented_each([code for code in homes.values() if code], today)
    reps = {member: zips.get(code or "") for member, code in homes.items()}
    target_ids = _targets(asked, reps)
    writers = tuple(
        Writer(
            member,
            number=number,
            most=asked.most,
            own=rep.target_ids if (rep := reps[member]) else frozenset(),
        )
        for member, number in asked.members.items()
    )
    wish = Wish(
        way=asked.way,
        targets=target_ids,
        writers=writers,
        total=asked.total,
        each=asked.each,
        written=written_to(asked.campaign_id),
    )
    _check_size(wish)
    shares = tuple(allotment.allot(wish))
    if not shares:
        raise Refused(_nobody(asked, homes), "aim" if asked.way is Way.OWN else "way")
    return Plan(
        asked=asked,
        shares=shares,
        version=version,
        channel=channel,
        terms=terms_on({each.target_id for each in shares}, today),
        own=frozenset((one.id, each) for one in writers for each in one.own),
        homeless=tuple(member for member in asked.members if reps[member] is None),
        unsure=tuple(
            member for member in asked.members if (rep := reps[member]) and not rep.is_sure
        ),
    )


def _check_size(wish: Wish) -> None:
    """Refuse what is too much before it is shared out."""
    each = wish.each or 1
    likely = wish.total or each * max(len(wish.targets), len(wish.writers))
    if wish.way is Way.ALL:
        likely = each * len(wish.targets) * max(1, len(wish.writers))
    elif wish.way is Way.OWN:
        likely = each * sum(len(one.own) for one in wish.writers)
    elif any(one.number is not None for one in wish.writers) and not wish.total:
        likely = max(likely, sum(one.number or each for one in wish.writers))
    if likely > MOST_PIECES:
        raise Refused(
            _(
                "That would be %(pieces)s pieces; a pack has %(most)s at most. Make several packs.",
                pieces=likely,
                most=MOST_PIECES,
            ),
            "total" if wish.total else "way",
        )


def _nobody(asked: Asked, homes: Mapping[int, str | None]) -> str:
    if asked.way is not Way.OWN:
        return _("Nothing would be written: give a number from 1 on.")
    if not any(homes.values()):
        return _(
            "None of these members has a ZIP, so nobody knows who represents them. Add the ZIPs to "
            "their pages, or choose another way."
        )
    if not vintages():
        return _(
            "No table of ZIPs and districts has been imported yet, so nobody knows who represents "
            "these members. Somebody who may import targets can do so on the page Import districts."
        )
    return _("Nobody is known who represents these members' ZIPs. Choose another way.")


def _words(asked: Asked) -> tuple[TextVersion, str]:
    """The version that prints, and the channel of the text."""
    text = db.session.get(Text, asked.text_id)
    channel = printed_kinds().get(text.kind) if text else None
    if text is None or channel is None or text.retired_at is not None:
        raise Refused(_("Choose a letter or a postcard."), "text")
    if text.campaign_id not in (None, asked.campaign_id):
        raise Refused(_("This text is of another campaign."), "text")
    version = approved(text.id, asked.language)
    if version is None:
        raise Refused(
            _(
                "“%(text)s” has no approved version in this language (%(language)s). Somebody who "
                "approves texts has to do so first.",
                text=text.name,
                language=asked.language,
            ),
            "text",
        )
    return version, channel


def _homes(asked: Asked) -> dict[int, str | None]:
    """Postal code by member; raises `Refused` for one who is none."""
    if len(asked.members) > MOST_MEMBERS:
        raise Refused(_("Tick at most %(most)s members.", most=MOST_MEMBERS), "members")
    if any(number is not None and number > MOST_PIECES for number in asked.members.values()):
        raise Refused(_("A member writes at most %(most)s pieces.", most=MOST_PIECES), "members")
    rows = db.session.execute(
        select(Member.id, Member.postal_code).where(Member.id.in_(asked.members), *present())
    )
    found = {member_id: code for member_id, code in rows}  # noqa: C416
    if set(asked.members) - set(found):
        raise Refused(_("One of these people is not a member any more. Tick anew."), "members")
    return found


def _targets(asked: Asked, reps: Mapping[int, Represented | None]) -> frozenset[int]:
    if asked.way is Way.OWN:
        if not asked.members:
            raise Refused(_("Tick the members whose own legislators are written to."), "members")
        own = frozenset().union(*(rep.target_ids for rep in reps.values() if rep))
        return own if asked.target_ids is None else own & asked.target_ids
    wanted = asked.target_ids or frozenset()
    if not wanted:
        raise Refused(_("Choose at least one target."), "aim")
    known = set(
        db.session.scalars(
            select(Target.id).where(Target.id.in_(wanted), Target.merged_into_id.is_(None))
        )
    )
    if wanted - known:
        raise Refused(_("One of these targets does not exist."), "aim")
    return wanted


def written_to(campaign_id: int) -> dict[int, int]:
    """Pieces by target in a campaign: what was logged, and what lies in its packs."""
    found: Counter[int] = Counter()
    for target_id, number in db.session.execute(
        select(ActionTarget.target_id, func.sum(ActionTarget.pieces))
        .where(ActionTarget.campaign_id == campaign_id)
        .group_by(ActionTarget.target_id)
    ):
        found[target_id] += number
    for target_id, number in db.session.execute(
        select(Piece.target_id, func.count())
        .join(Mailing, Mailing.id == Piece.mailing_id)
        .where(
            Mailing.campaign_id == campaign_id,
            Mailing.closed_at.is_(None),
            Piece.state != State.POSTED,
        )
        .group_by(Piece.target_id)
    ):
        found[target_id] += number
    return dict(found)


def campaign_and_chapter(asked: Asked) -> tuple[Campaign, Chapter]:
    """Both; raises `Refused` where one is missing."""
    campaign = db.session.get(Campaign, asked.campaign_id)
    if campaign is None:
        raise Refused(_("This campaign does not exist."), "campaign")
    chapter = db.session.get(Chapter, asked.chapter_id)
    if chapter is None or chapter.closed_on is not None:
        raise Refused(_("Choose the chapter that writes."), "chapter")
    return campaign, chapter
