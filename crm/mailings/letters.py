"""A letter to members before it is sent: who gets it, in which words, and who does not and why.

It is shown first and looked at again when it is sent: only what was shown is sent. Siblings who
were entered with one address, often a parent's, get a letter each: each is a letter to one member,
and what is allowed is asked of each.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import access, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.members import filters
from crm.members.filters import Reader
from crm.members.models import Chapter, Member
from crm.members.reach import BARS, reaches
from crm.texts.kinds import KINDS
from crm.texts.merged import Hindrance, Merged
from crm.texts.merged import Why as Hindered
from crm.texts.models import Text, TextVersion
from crm.texts.queries import variants
from crm.texts.to_members import everywhere, to_members

#: What readers choose about: one kind of message.
KIND = "letter"
#: Members of one letter, and messages a minute.
MOST_MEMBERS, MOST_RATE, USUAL_RATE = 20_000, 600, 30
#: Characters of its name.
MOST_NAME = 120
#: Who may write to members: whoever keeps them, and so sees how they are reached. Leaders do, in
#: their chapters; the words are approved by somebody else.
RIGHT = Can.EDIT_MEMBERS

#: Why a row of a letter was not sent, beside what bars a member (`members.reach`).
CONSENT, EMPTY, STOPPED, WITHDRAWN, REFUSED = "name", "empty", "letter-stopped", "gone", "refused"
WHYS: dict[str, Any] = BARS | {
    CONSENT: _l("The words ask for a name that may not be printed"),
    EMPTY: _l("A field of the words is not known"),
    STOPPED: _l("The letter was stopped"),
    WITHDRAWN: _l("No longer to be sent when its turn came"),
    REFUSED: _l("May not be written to, when it was to leave"),
}
#: Parts of an address that are not the filter of the list of members.
_NOT_FILTER = frozenset({"page", "sort", "text", "campaign", "from"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be sent, to whom. `given` is the filter, as the list's address has it."""

    text_id: int
    chapter_id: int
    campaign_id: int | None = None
    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: For the text's own fields, by key.
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One member: in which language they get it, or why not."""

    member_id: int
    language: str
    why: str | None = None
    #: A sentence, where the words say more than the reason alone.
    told: str = ""
    #: They share their address with another who gets it.
    shares: bool = False


@dataclass(frozen=True)
class Look:
    """What would be sent."""

    wanted: Wanted
    text: Text
    chapter: Chapter
    #: By language, the words; the first is for those whose language has none.
    versions: Mapping[str, TextVersion]
    #: The filter in words.
    facts: Sequence[tuple[str, str]]
    #: Those who do not get it come first.
    lines: Sequence[Line]

    @property
    def going(self) -> int:
        """How many get it."""
        return sum(line.why is None for line in self.lines)

    @property
    def shared(self) -> int:
        """How many of them share an address."""
        return sum(line.shares for line in self.lines)

    @property
    def whys(self) -> Counter[str]:
        """How many do not, by reason."""
        return Counter(line.why for line in self.lines if line.why is not None)

    @property
    def languages(self) -> Counter[str]:
        """How many get it in which language."""
        return Counter(line.language for line in self.lines if line.why is None)

    @property
    def default(self) -> TextVersion:
        """The words of those whose language has none."""
        return next(iter(self.versions.values()))

    @property
    def digest(self) -> str:
        """What tells it from another: who gets which words, and who does not."""
        said: list[Any] = [
            {language: version.id for language, version in self.versions.items()},
            [self.wanted.chapter_id, self.wanted.campaign_id, dict(self.wanted.values)],
            sorted((line.member_id, line.language, line.why or "") for line in self.lines),
        ]
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def filter_of(args: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The parts of an address that are the filter of the list of members."""
    found: dict[str, list[str]] = {}
    for name, value in args:
        if name not in _NOT_FILTER and value:
            found.setdefault(name, []).append(value)
    return found


def look(wanted: Wanted, *, by: User | None, today: date) -> Look:
    """Look at everybody. Raises `Refused` where nobody could get it."""
    text, chapter, campaign = _checked(wanted, by)
    versions = words(text)
    for version in versions.values():
        refuse_hindered(version, wanted, campaign, chapter, today)
    asked = _asked(wanted, by)
    ids = db.session.scalars(
        filters.found(asked, today=today)
        .with_only_columns(Member.id, maintain_column_froms=True)
        .limit(MOST_MEMBERS + 1)
    ).all()
    if len(ids) > MOST_MEMBERS:
        raise Refused(
            _("A letter goes to %(most)s members at most. Narrow the list.", most=MOST_MEMBERS)
        )
    if not ids:
        raise Refused(_("Nobody is on this list whom you may write to. Take a filter away."))
    found = lines_of(ids, versions, wanted.values, campaign, chapter, today)
    return Look(
        wanted=wanted,
        text=text,
        chapter=chapter,
        versions=versions,
        facts=asked.facts,
        lines=sorted(found, key=lambda line: line.why is None),
    )


def _checked(wanted: Wanted, by: User | None) -> tuple[Text, Chapter, Campaign | None]:
    chapter = db.session.get(Chapter, wanted.chapter_id)
    if chapter is None or chapter.closed_on is not None:
        raise Refused(_("Choose the chapter that writes."), "chapter")
    if by is not None and not access.may(by, RIGHT, chapter.id):
        raise Refused(_("You do not keep the members of this chapter."), "chapter")
    text = db.session.get(Text, wanted.text_id)
    if text is None or not KINDS[text.kind].to_members or text.retired_at is not None:
        raise Refused(_("Choose a message to members."), "text")
    campaign = None
    if wanted.campaign_id is not None:
        campaign = db.session.get(Campaign, wanted.campaign_id)
        if campaign is None:
            raise Refused(_("This campaign does not exist."), "campaign")
    if text.campaign_id not in (None, wanted.campaign_id):
        raise Refused(_("This text is of another campaign."), "campaign")
    return text, chapter, campaign


def words(text: Text) -> dict[str, TextVersion]:
    """What is approved of a text, by language, the first written first. Raises `Refused`."""
    found = {each.language: each.approved for each in variants([text.id])[text.id] if each.approved}
    if not found:
        raise Refused(
            _(
                "“%(text)s” has no approved version. Somebody who approves texts has to do so"
                " first.",
                text=text.name,
            ),
            "text",
        )
    return found


def refuse_hindered(
    version: TextVersion,
    wanted: Wanted,
    campaign: Campaign | None,
    chapter: Chapter,
    today: date,
) -> None:
    """Raise `Refused` where something hinders every letter."""
    found = everywhere(version, campaign=campaign, chapter=chapter, values=wanted.values, on=today)
    if found:
        first = found[0]
        raise Refused(first.told, "values" if first.why is Hindered.VALUE else "text")


def _asked(wanted: Wanted, by: User | None) -> filters.Asked:
    reader = Reader.of(by) if by is not None else filters.COMMAND
    given = MultiDict([(name, each) for name, all_ in wanted.given.items() for each in all_])
    try:
        asked = filters.parse(given, reader)
    except LookupError:
        raise Refused(_("The list you came from names a chapter you do not see.")) from None
    if asked.problems:
        raise Refused(" ".join(asked.problems))
    # One writes to whom one keeps: others' addresses are not one's to use.
    return replace(asked, scope=asked.scope.within(reader.keeps))


def lines_of(
    ids: Sequence[int],
    versions: Mapping[str, TextVersion],
    values: Mapping[str, str],
    campaign: Campaign | None,
    chapter: Chapter,
    today: date,
) -> list[Line]:
    """Each member's line, in their order."""
    reached = reaches(ids, KIND)
    spoken = {number: language_for(reached[number].language, versions) for number in ids}
    pieces = merged(spoken, versions, values, campaign, chapter, today)
    at = Counter(
        each.address.strip().lower()
        for each in reached.values()
        if each.address and each.bar is None
    )
    found = []
    for number in ids:
        how = reached[number]
        hindered = next(iter(pieces[number].hindrances), None)
        why = str(how.bar) if how.bar else why_of(hindered) if hindered else None
        found.append(
            Line(
                number,
                spoken[number],
                why,
                hindered.told if hindered and not how.bar else "",
                why is None and bool(how.address) and at[(how.address or "").strip().lower()] > 1,
            )
        )
    return found


def language_for(spoken: str | None, versions: Mapping[str, TextVersion]) -> str:
    """The language somebody gets it in: theirs where it is approved, else the first."""
    return spoken if spoken is not None and spoken in versions else next(iter(versions))


def merged(
    spoken: Mapping[int, str],
    versions: Mapping[str, TextVersion],
    values: Mapping[str, str],
    campaign: Campaign | None,
    chapter: Chapter,
    today: date,
) -> dict[int, Merged]:
    """The words of each member, by id: a fixed number of statements for each language and 500."""
    found: dict[int, Merged] = {}
    for language, version in versions.items():
        ids = [number for number, theirs in spoken.items() if theirs == language]
        if ids:
            for piece in to_members(
                version, ids, campaign=campaign, chapter=chapter, values=values, on=today
            ):
                found[piece.member_id or 0] = piece
    return found


def why_of(hindrance: Hindrance) -> str:
    """What is kept of a hindrance."""
    return CONSENT if hindrance.why is Hindered.CONSENT else EMPTY


def sendable_texts() -> list[tuple[int, str, str]]:
    """Messages to members with approved words: id, slug and name. One statement."""
    kinds = [each.name for each in KINDS.values() if each.to_members]
    rows = db.session.execute(
        select(Text.id, Text.slug, Text.name)
        .join(TextVersion, TextVersion.text_id == Text.id)
        .where(
            Text.kind.in_(kinds), Text.retired_at.is_(None), TextVersion.approved_at.is_not(None)
        )
        .distinct()
        .order_by(Text.name, Text.id)
    )
    return [(number, slug, name) for number, slug, name in rows]
