"""All that is kept about one member, in sections the rooms add, for that member to read and take.

This is the one place beside `disclosure` that reads members' details: it tells a member of
themself, or who keeps them what they may read anyway, and of nobody else. Others stand in it as
what they are (a guardian, a leader's first name), never as who they are.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import render_template
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import or_, select

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import db, reads
from crm.core.audit import AuditEntry
from crm.core.i18n import day, moment
from crm.core.settings import in_force
from crm.members import departures, fields, keys, tags
from crm.members.consent_rules import LABELS, STATE_LABELS, Answer, How, Purpose
from crm.members.disclosure import Exit, first_name, states
from crm.members.models import (
    Chapter,
    Consent,
    ConsentRequest,
    Guardian,
    Guardianship,
    Member,
    MemberKey,
    Membership,
    Team,
    TeamMember,
)
from crm.members.rules import band_name

#: Entries of the record that are told.
_ENTRIES = 2_000


@dataclass(frozen=True)
class Asked:
    """Whose data, and how much of them: ways to reach the member, and who their guardians are.

    A printed card can be found by anybody, so who came by one reads neither.
    """

    member: Member
    today: date
    reach: bool = True
    guardians: bool = True
    #: Whether the reader may read whole the name of the member this is about.
    named: bool = True


@dataclass(frozen=True)
class Section:
    """A part of what is kept: facts (label, value), and rows under heads. All of it text."""

    key: str
    title: str
    facts: Sequence[tuple[str, str]] = ()
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    #: What is said where there is nothing.
    empty: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        found: dict[str, Any] = {"title": self.title}
        if self.facts:
            found["facts"] = dict(self.facts)
        if self.heads:
            found["rows"] = [dict(zip(self.heads, row, strict=True)) for row in self.rows]
        return found


@dataclass
class Document:
    """Everything, ready to be written."""

    name: str
    made_on: date
    sections: list[Section] = field(default_factory=list)

    @property
    def plain(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return {
            "about": self.name,
            "made_on": self.made_on.isoformat(),
            "sections": {each.key: each.plain for each in self.sections},
        }


#: Order → what a room keeps of a member. Rooms above add theirs in `init_app`.
SECTIONS: dict[int, Callable[[Asked], Section | None]] = {}


def document(asked: Asked) -> Document:
    """All sections, in their order."""
    found = Document(asked.member.full_name, asked.today)
    found.sections = [
        part for order in sorted(SECTIONS) if (part := SECTIONS[order](asked)) is not None
    ]
    return found


def for_own_page(asked: Asked) -> dict[str, Section]:
    """The sections that a member's own page shows, by key: it has panels for what they did."""
    return {part.key: part for part in (_facts(asked), _guardians(asked), _consents(asked))}


def as_json(found: Document) -> str:
    """The file for programs."""
    return json.dumps(found.plain, ensure_ascii=False, indent=2) + "\n"


def as_page(found: Document) -> str:
    """One file that a person reads in a browser and a program reads in its JSON block."""
    # Within a script only `</` could end it early, and `<!--` change how it is read.
    inside = as_json(found).replace("<", "\\u003c")
    return render_template(
        "members/own_file.html",
        found=found,
        inside=Markup(inside),  # noqa: S704
        language=str(get_locale() or "en"),
    )


# What this room keeps


def _facts(asked: Asked) -> Section:
    member = asked.member
    bounds = in_force().age_limits
    facts = [
        (_("Given name"), member.given_name),
        (_("Family name"), member.family_name or ""),
        (_("Number in files"), member.pseudonym),
        (_("Graduates in"), str(member.graduation_year or "")),
        (_("Age"), band_name(member.age_band, bounds)),
        (_("Age last confirmed"), day(member.age_band_on)),
        (_("Added"), moment(member.created_at)),
    ]
    if asked.reach:
        facts += [
            (_("E-mail"), member.email or ""),
            (_("Phone"), member.phone or ""),
            (_("Address"), member.address or ""),
            (_("Postal code"), member.postal_code or ""),
            (_("Note"), member.note or ""),
        ]
    elif any((member.email, member.phone, member.address, member.postal_code, member.note)):
        facts.append(
            (_("Ways to reach you"), _("kept, and not shown here. Your leader can show you them."))
        )
    for each in fields.defined(retired=True):
        if value := member.custom.get(each.key):
            facts.append((each.label, fields.said(each, value)))
    if member.import_id is not None:
        came = db.session.get(ImportRun, member.import_id)
        facts.append((_("Came with an import on"), moment(came.at) if came else ""))
    if member.user_id is not None:
        user = db.session.get(User, member.user_id)
        facts.append((_("Signs in with"), user.email if user and asked.reach else _("an account")))
    kept_facts = [(label, value) for label, value in facts if value]
    return Section("about", _("About you"), facts=kept_facts)


def _memberships(asked: Asked) -> Section:
    rows = db.session.execute(
        select(Chapter.name, Membership.joined_on, Membership.left_on)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(Membership.member_id == asked.member.id)
        .order_by(Membership.id)
    )
    return Section(
        "chapters", _("Chapters"), heads=(_("Chapter"), _("From"), _("Until")),
        rows=[(name, day(joined), day(left)) for name, joined, left in rows],
        empty=_("In no chapter."),
    )  # fmt: skip


def _guardians(asked: Asked) -> Section:
    rows = db.session.execute(
        select(Guardian.name, Guardianship.relation, Guardian.email, Guardian.phone)
        .join(Guardian, Guardian.id == Guardianship.guardian_id)
        .where(Guardianship.member_id == asked.member.id)
        .order_by(Guardian.id)
    ).all()
    heads = (_("Name"), _("Who they are"), _("Kept of them"))
    return Section(
        "guardians", _("Guardians"), heads=heads,
        rows=[
            (
                name if asked.guardians else _("a guardian"),
                relation or "",
                _reached(email, phone),
            )
            for name, relation, email, phone in rows
        ],
        empty=_("No guardian is kept."),
    )  # fmt: skip


def _reached(email: str | None, phone: str | None) -> str:
    """That a guardian can be reached is about the member; how is the guardian's own."""
    return ", ".join([_("e-mail")] * bool(email) + [_("phone")] * bool(phone))


def _hows() -> Mapping[str, str]:
    return {How.PAPER: _("on paper"), How.LINK: _("by link"), How.IN_PERSON: _("in person")}


def _consents(asked: Asked) -> Section:
    hows = _hows()
    rows = db.session.execute(
        select(Consent, Guardian.name, Guardianship.relation)
        .outerjoin(Guardian, Guardian.id == Consent.guardian_id)
        .outerjoin(
            Guardianship,
            (Guardianship.guardian_id == Consent.guardian_id)
            & (Guardianship.member_id == Consent.member_id),
        )
        .where(Consent.member_id == asked.member.id)
        .order_by(Consent.starts_on, Consent.id)
    ).all()
    heads = (
        _("For"), _("Answer"), _("Who"), _("How"), _("From"), _("Until"), _("Withdrawn"),
        _("Signed paper kept"),
    )  # fmt: skip
    return Section(
        "consents", _("Consents"), heads=heads,
        rows=[
            (
                str(LABELS[Purpose(said.purpose)]),
                _("Yes") if said.answer == Answer.GIVEN else _("No"),
                _who(said.guardian_id, name, relation, asked),
                hows.get(said.how, said.how),
                day(said.starts_on),
                day(said.ends_on),
                day(said.withdrawn_on),
                _("yes") if said.scan else "",
            )
            for said, name, relation in rows
        ],
        empty=_("Nobody was asked yet."),
    )  # fmt: skip


def _who(guardian_id: int | None, name: str | None, relation: str | None, asked: Asked) -> str:
    if guardian_id is None:
        return _("you")
    if asked.guardians and name:
        return f"{name} ({relation})" if relation else name
    return relation or _("a guardian")


def standing(member_id: int, today: date) -> list[tuple[str, str, str]]:
    """What holds today for each purpose: label, key of the state, the state in words."""
    found = states([member_id], today=today).get(member_id, {})
    return [
        (str(LABELS[purpose]), state.value, str(STATE_LABELS[state]))
        for purpose, state in sorted(found.items(), key=lambda pair: list(Purpose).index(pair[0]))
    ]


def _standing(asked: Asked) -> Section:
    rows = [(label, words) for label, _state, words in standing(asked.member.id, asked.today)]
    return Section("allowed", _("What is allowed today"), heads=(_("For"), _("Answer")), rows=rows)


def _tags(asked: Asked) -> Section | None:
    found = tags.tags_of([asked.member.id])[asked.member.id]
    facts = [(str(tags.KINDS[kind]), ", ".join(names)) for kind, names in found.items()]
    teams = db.session.execute(
        select(Team.name, TeamMember.part)
        .join(Team, Team.id == TeamMember.team_id)
        .where(TeamMember.member_id == asked.member.id)
        .order_by(Team.name)
    ).all()
    if teams:
        said = (f"{name} ({part})" if part else name for name, part in teams)
        facts.append((_("Teams"), ", ".join(said)))
    if not facts:
        return None
    return Section("tags", _("Skills, interests, languages, teams"), facts=facts)


def _asked(asked: Asked) -> Section | None:
    rows = db.session.execute(
        select(
            ConsentRequest.made_at,
            ConsentRequest.guardian_id,
            ConsentRequest.purposes,
            ConsentRequest.used_at,
            ConsentRequest.expires_at,
        )
        .where(ConsentRequest.member_id == asked.member.id)
        .order_by(ConsentRequest.id)
    ).all()
    if not rows:
        return None
    return Section(
        "requests", _("Consents that were asked for by link"),
        heads=(_("Asked"), _("Who"), _("For"), _("Answered"), _("Works until")),
        rows=[
            (
                moment(made),
                _("you") if guardian is None else _("a guardian"),
                ", ".join(str(LABELS[Purpose(each)]) for each in purposes),
                moment(used),
                moment(expires),
            )
            for made, guardian, purposes, used, expires in rows
        ],
    )  # fmt: skip


def _keys(asked: Asked) -> Section | None:
    rows = db.session.scalars(
        select(MemberKey).where(MemberKey.member_id == asked.member.id).order_by(MemberKey.id)
    ).all()
    if not rows:
        return None
    return Section(
        "keys", _("Links and cards to your own page"),
        heads=(_("Kind"), _("Made"), _("Works until"), _("Ended"), _("Last used")),
        rows=[
            (
                str(keys.KINDS[keys.Kind(each.kind)]),
                moment(each.made_at),
                moment(each.expires_at),
                moment(each.revoked_at),
                moment(each.used_at),
            )
            for each in rows
        ],
    )  # fmt: skip


def exit_names() -> Mapping[str, str]:
    """What the ways out are called."""
    return {
        Exit.PAGE: _("page"), Exit.EXPORT: _("file"), Exit.LETTER: _("letter"),
        Exit.PRINT: _("print"), Exit.MAIL: _("mail"),
        Exit.GUARDIAN: _("message to a guardian"), Exit.CALENDAR: _("calendar"),
        Exit.MEDIA: _("media"), Exit.LOG: _("log"),
    }  # fmt: skip


def _departures(asked: Asked) -> Section:
    names = exit_names()
    return Section(
        "departures", _("What left with your name in it"),
        heads=(_("When"), _("What"), _("As"), _("By")),
        rows=[
            (moment(each.at), each.what, names[each.exit], first_name(each.by or ""))
            for each in departures.of_member(asked.member.id)
        ],
        empty=_("Nothing."),
    )  # fmt: skip


#: Fields of an entry that are the member's own; of all others only the name is told.
_OWN = frozenset(
    {
        "given_name", "family_name", "email", "phone", "graduation_year", "note", "age_band",
        "age_band_on", "address", "postal_code", "joined_on", "left_on", "until", "kind",
    }
)  # fmt: skip


def _record(asked: Asked) -> Section:
    """Who changed and who read what of the member."""
    rows = [
        (moment(entry.at), _verb(entry), first_name(name or ""), _told(entry, asked))
        for entry, name in _entries(asked.member.id)
    ]
    return Section(
        "record", _("Who changed or read what"),
        heads=(_("When"), _("What"), _("Who"), _("Details")), rows=rows, empty=_("Nothing."),
    )  # fmt: skip


def _entries(member_id: int) -> Iterable[Any]:
    """Entries about the member: of their own record, and those about many that list them."""
    about_many = AuditEntry.record_id.is_(None)
    found = db.session.execute(
        select(AuditEntry, User.name)
        .outerjoin(User, User.id == AuditEntry.by_id)
        .where(
            AuditEntry.kind == "member",
            or_(AuditEntry.record_id == member_id, about_many),
        )
        .order_by(AuditEntry.id.desc())
    )
    told = 0
    for entry, name in found:
        if entry.record_id is None and not _lists(entry.changes, member_id):
            continue
        yield entry, name
        told += 1
        if told == _ENTRIES:
            return


def _lists(changes: Mapping[str, Any], member_id: int) -> bool:
    return any(isinstance(value, list) and member_id in value for value in changes.values())


def _verb(entry: AuditEntry) -> str:
    return entry.verb.replace("_", " ")


def _told(entry: AuditEntry, asked: Asked) -> str:
    said = []
    for name, value in entry.changes.items():
        label = name.replace("_", " ")
        if name not in _OWN or not asked.reach:
            said.append(label)
        elif isinstance(value, list):
            said.append(f"{label}: {' → '.join(str(each or '–') for each in value)}")
        else:
            said.append(f"{label}: {value}")
    if entry.verb == reads.READ:
        said = [str(what) for what in entry.changes.get("what", ())]
    return "; ".join(said)


def month_name(first: date) -> str:
    """A month in the reader's words."""
    return str(format_date(first, "MMMM y"))


SECTIONS |= {
    10: _facts,
    20: _memberships,
    30: _standing,
    40: _guardians,
    50: _consents,
    60: _asked,
    70: _tags,
    # 80: what they did (outreach)
    110: _keys,
    120: _departures,
    130: _record,
}
