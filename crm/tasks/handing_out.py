"""From what the form of handing out says to the tasks it makes: shown first, then made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.campaigns.models import Campaign
from crm.campaigns.queries import target_ids
from crm.core import access, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.members.models import TeamMember
from crm.outreach.channels import channels
from crm.targets.list_queries import list_target_ids
from crm.targets.models import TargetList
from crm.targets.queries import match_targets
from crm.tasks import rules
from crm.tasks.forms import HandOutForm
from crm.tasks.operations import Draft
from crm.tasks.queries import text_id_of
from crm.tasks.rules import How

#: Lines of typed targets.
MOST_LINES = 1_000


@dataclass(frozen=True)
class Plan:
    """What saving would make."""

    drafts: Sequence[Draft]
    #: Who is left without a task, because there are fewer targets than people.
    without: Sequence[int] = ()

    @property
    def pieces(self) -> int:
        """All pieces of all tasks."""
        return sum(sum(draft.targets.values()) for draft in self.drafts)

    @property
    def targets(self) -> int:
        """Targets of all tasks, each once."""
        return len({target for draft in self.drafts for target in draft.targets})


def plan(form: HandOutForm, *, chapter_id: int, people: Sequence[int], me: Any) -> Plan:
    """The tasks a form asks for. `people`: members of the chapter, in their order. Raises
    `Refused` with the field that is off.
    """
    campaign_id = _campaign(form.campaign.data)
    targets = _targets(form, campaign_id)
    common: dict[str, Any] = {
        "title": form.title.data,
        "note": form.note.data or None,
        "chapter_id": chapter_id,
        "leader_id": me.id,
        "campaign_id": campaign_id,
        "channel": form.channel.data,
        "text_id": text_id_of(form.text_slug.data, access.scope(me, Can.WRITE_TEXTS)),
        "due_on": form.due_on.data,
        "repeats": form.repeats.data or None,
        "repeats_until": form.repeats_until.data,
        "then": form.steps(),
        "origin": {"list": "list", "campaign": "campaign"}.get(form.aim.data, "hand"),
    }
    pieces = form.pieces.data or 1
    if pieces > rules.MOST_PIECES:
        raise Refused(
            _("Give a number of pieces from 1 to %(most)s.", most=rules.MOST_PIECES), "pieces"
        )
    way = channels().get(form.channel.data or "")
    if way is None or not way.per_piece:
        pieces = 1
    how = form.how.data
    if form.who.data in ("pool", "me"):
        alone = How.ALL.value if how in (How.ONE, How.SPREAD) else how
        shared = rules.share(targets, 1, alone, pieces=pieces)
        if form.who.data == "pool" and how in (How.ONE, How.SPREAD) and targets:
            shared = [{target: pieces} for target in targets]
        return Plan([Draft(**common, targets=s, in_pool=form.who.data == "pool") for s in shared])
    chosen = _people(form, people)
    shared = rules.share(targets, len(chosen), how, pieces=pieces)
    both = list(zip(chosen, shared, strict=True))
    drafts = [
        Draft(**common, targets=part, member_id=member)
        for member, part in both
        if part or not targets
    ]
    return Plan(drafts, [member for member, part in both if targets and not part])


def _campaign(slug: str | None) -> int | None:
    if not slug:
        return None
    return db.session.scalar(select(Campaign.id).where(Campaign.slug == slug)) or 0


def _targets(form: HandOutForm, campaign_id: int | None) -> list[int]:
    if form.aim.data == "campaign":
        if not campaign_id:
            raise Refused(_("Choose the campaign whose targets are meant."), "campaign")
        return _some(target_ids(campaign_id), _("This campaign has no targets yet."), "campaign")
    if form.aim.data == "list":
        slug = form.target_list.data or ""
        kept = db.session.scalars(select(TargetList).where(TargetList.slug == slug)).one_or_none()
        if kept is None:
            raise Refused(_("Choose the list."), "target_list")
        return _some(sorted(list_target_ids(kept)), _("This list is empty."), "target_list")
    if form.aim.data == "chosen":
        return _typed(form.chosen.data or "")
    return []


def _some(ids: Sequence[int], sentence: str, field: str) -> list[int]:
    if not ids:
        raise Refused(sentence, field)
    if len(ids) > rules.MOST_TARGETS:
        raise Refused(_("At most %(most)s targets a task.", most=rules.MOST_TARGETS), field)
    return list(ids)


def _typed(typed: str) -> list[int]:
    lines = [line for line in typed.splitlines() if line.strip(" \t,;")]
    if not lines:
        raise Refused(_("Type the targets, one a line."), "chosen")
    if len(lines) > MOST_LINES:
        raise Refused(_("Use at most %(most)s lines.", most=MOST_LINES), "chosen")
    found: dict[int, None] = {}
    for match in match_targets(lines):
        if match.target_id is None:
            offered = "; ".join(f"{c.name} ({c.office})" for c in match.candidates[:4])
            if offered:
                raise Refused(
                    _(
                        "“%(name)s” may be several: %(offered)s. Type the whole name.",
                        name=match.line,
                        offered=offered,
                    ),
                    "chosen",
                )
            raise Refused(_("Nobody is called “%(name)s”.", name=match.line), "chosen")
        found[match.target_id] = None
    return list(found)


def _people(form: HandOutForm, people: Sequence[int]) -> list[int]:
    if form.who.data == "all":
        chosen = list(people)
    elif form.who.data == "team":
        team_id = parse_id(form.team.data) or 0
        on_it = set(
            db.session.scalars(select(TeamMember.member_id).where(TeamMember.team_id == team_id))
        )
        chosen = [each for each in people if each in on_it]
        if not chosen:
            raise Refused(_("Nobody of this chapter is on this team."), "team")
    else:
        ticked = set(form.members.data or ())
        chosen = [each for each in people if each in ticked]
        if ticked - set(people):
            raise Refused(_("One of these people is not a member of this chapter."), "members")
    if not chosen:
        raise Refused(_("Tick who does it, or choose the pool."), "members")
    if len(chosen) > rules.MOST_PEOPLE:
        raise Refused(_("At most %(most)s people at once.", most=rules.MOST_PEOPLE), "members")
    return chosen
