"""The merge check: of a list of targets, and of members who sign, every piece that cannot go out
and why, before anything is printed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.campaigns import queries as campaigns
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.targets import list_queries
from crm.targets import queries as targets
from crm.texts import queries
from crm.texts.kinds import Kind, kind
from crm.texts.merge import merge
from crm.texts.merged import Hindrance, Wanted, Why
from crm.texts.models import Text, TextVersion
from crm.texts.ways import Way, ways

#: Targets that are looked at by name at once.
_NAMED = 10


@dataclass(frozen=True)
class Targets:
    """A list of targets or a campaign's, found by its address."""

    slug: str
    name: str
    ids: tuple[int, ...]
    campaign: Campaign | None = None


@dataclass(frozen=True)
class Line:
    """A target or a member, and what is in the way."""

    target_id: int | None
    member_id: int | None
    #: The target's name; of a member whatever the page or the file may say.
    name: str
    hindrances: tuple[Hindrance, ...]

    @property
    def told(self) -> str:
        """All of it in one line."""
        return " ".join(each.told for each in self.hindrances)


@dataclass(frozen=True)
class Checked:
    """What was looked at."""

    version: TextVersion
    lines: tuple[Line, ...]
    #: Whether the text signs with names and no member was looked at.
    without_members: bool = False

    @property
    def hindered(self) -> list[Line]:
        """Those that cannot go out."""
        return [line for line in self.lines if line.hindrances]

    @property
    def counts(self) -> Counter[Why]:
        """How many each reason stops."""
        return Counter(why for line in self.lines for why in {h.why for h in line.hindrances})


def find_targets(slug: str) -> Targets:
    """The targets of a list, else of a campaign. Raises `Refused` when neither is there."""
    try:
        kept = targets.target_list(slug)
    except NoResultFound:
        pass
    else:
        return Targets(slug, kept.name, tuple(list_queries.list_target_ids(kept)))
    campaign = db.session.scalars(select(Campaign).where(Campaign.slug == slug)).one_or_none()
    if campaign is None:
        raise Refused(
            _("There is no list of targets and no campaign %(slug)s.", slug=slug), "targets"
        )
    return Targets(slug, campaign.name, tuple(campaigns.target_ids(campaign.id)), campaign)


def named_targets(typed: str) -> Targets:
    """Targets by names parted by semicolons. Raises `Refused` for one that fits none or several."""
    names = [name.strip() for name in typed.split(";") if name.strip()][:_NAMED]
    found = []
    for name in names:
        hits = targets.find_targets(name, 2)
        exact = [each for each in hits if fold(each.name) == fold(name)]
        if len(exact or hits) != 1:
            told = (
                _("“%(name)s” fits several targets.") if hits else _("No target fits “%(name)s”.")
            )
            raise Refused(told % {"name": name}, "names")
        found.append((exact or hits)[0])
    return Targets(
        "", ", ".join(each.name for each in found), tuple(dict.fromkeys(each.id for each in found))
    )


def version_of(text: Text, language: str) -> TextVersion:
    """What would print in a language; where nothing is approved, the newest words.

    Raises `Refused` when the text has no words in it.
    """
    version = queries.would_print(text.id, language)
    if version is None:
        raise Refused(
            _("“%(name)s” has no words in %(language)s.", name=text.name, language=language),
            "language",
        )
    return version


def check(
    text: Text,
    version: TextVersion,
    *,
    target_ids: Sequence[int],
    member_ids: Sequence[int] = (),
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
    viewer: Viewer,
) -> Checked:
    """Look at every target, and at every member who would sign: once, and not for each target."""
    how = kind(text.kind)
    signing = [Wanted(target_ids[0], each) for each in member_ids] if target_ids else []
    merged = merge(
        version,
        [*(Wanted(each) for each in target_ids), *signing],
        campaign=campaign,
        chapter=chapter,
        values=values,
        on=on,
        viewer=viewer,
        needs_address=how.prints,
    )
    reached = _ways(target_ids) if not how.prints or how.is_mail else {}
    signs = False
    lines = []
    for piece in merged:
        theirs = tuple(each for each in piece.hindrances if _is_of_member(each))
        if piece.member_id is not None:
            lines.append(Line(None, piece.member_id, "", theirs))
            continue
        signs = signs or bool(theirs)
        mine = tuple(each for each in piece.hindrances if not _is_of_member(each))
        mine = _by_way(how, mine, reached.get(piece.target_id, Way()))
        lines.append(Line(piece.target_id, None, piece.name or "–", mine))
    return Checked(version, tuple(lines), without_members=signs and not member_ids)


def _is_of_member(hindrance: Hindrance) -> bool:
    return hindrance.field.startswith("member.")


def _by_way(how: Kind, found: tuple[Hindrance, ...], way: Way) -> tuple[Hindrance, ...]:
    """What cannot be mailed may go by e-mail, and the other way round."""
    reached = way.email or way.web_form
    if how.prints and how.is_mail and reached:
        return tuple(each for each in found if each.why is not Why.NO_ADDRESS)
    if how.is_mail and not how.prints and not reached:
        told = _("No e-mail address and no web form is known.")
        return (*found, Hindrance(Why.NO_WAY, told))
    if how.channel == "call" and not way.phone:
        return (*found, Hindrance(Why.NO_WAY, _("No phone number is known.")))
    return found


def _ways(ids: Sequence[int]) -> dict[int, Way]:
    found: dict[int, Way] = {}
    for some in db.batches(ids):
        found |= ways(some)
    return found
