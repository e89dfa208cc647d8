"""A text filled for targets and members, piece by piece, with all that hinders printing one.

The one place that pages, print, e-mail and the command ask. Nothing false leaves here: what is not
known stays unfilled and is named, a name without consent is not filled, a figure that has changed
since approval is told.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from babel.dates import format_date
from flask_babel import gettext as _
from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

from crm.campaigns import addresses
from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members import disclosure
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import Exit, Shown, Viewer
from crm.members.models import Chapter, Member, Membership
from crm.members.queries import open_on
from crm.targets import contact_queries
from crm.targets.contact_queries import CAPITAL, WHY, Paper
from crm.targets.countries import country_code, country_name
from crm.targets.models import Body, Post, Target, Term
from crm.targets.rules import area_name
from crm.texts import address_forms, figures_in, own_fields
from crm.texts.address_forms import Addressee, Form
from crm.texts.fields import FLAGS, locale_of
from crm.texts.models import AddressForm, TextVersion
from crm.texts.rules import Filled, Value, fill, key_of, parse
from crm.treaties import queries as treaties
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import Ledger
from crm.treaties.rules import Status

#: Ids asked for in one statement.
_AT_ONCE = 500
_NOTHING = Filled()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a piece goes to, and who signs it."""

    target_id: int
    member_id: int | None = None


class Why(StrEnum):
    """Why a piece cannot be printed."""

    #: The target is not there, or was merged into another.
    GONE = "gone"
    #: It holds nothing any more, or something else than when the pack was made.
    LEFT = "left"
    NO_ADDRESS = "no address"
    #: A field nobody filled.
    EMPTY = "empty"
    #: What was given for a field of the text does not fit it.
    VALUE = "value"
    CONSENT = "consent"
    STALE = "stale"
    NOT_APPROVED = "not approved"
    #: Not by e-mail, nor by a web form.
    NO_WAY = "no way"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """A reason, and the sentence for a person. It names no member."""

    why: Why
    told: str
    #: Key of the field it is about.
    field: str = ""


@dataclass(frozen=True)
class Merged:
    """A piece with everything filled, as far as it could be."""

    target_id: int
    member_id: int | None
    subject: Filled = _NOTHING
    body: Filled = _NOTHING
    #: First line of the address, and the lines below it.
    envelope: str = ""
    address: tuple[str, ...] = ()
    #: How the letter begins and ends, without commas.
    salutation: str = ""
    closing: str = ""
    #: What the member signs as, by consent.
    signature: str = ""
    #: Where answers go: a chapter's, never a home.
    return_address: tuple[str, ...] = ()
    contact_point_id: int | None = None
    term_id: int | None = None
    hindrances: tuple[Hindrance, ...] = ()
    #: The target's name.
    name: str = ""
    #: Keys of the fields the text uses: one that says `target.salutation` needs no other.
    uses: frozenset[str] = field(default=frozenset())

    @property
    def can_print(self) -> bool:
        """Whether nothing hinders it."""
        return not self.hindrances


@dataclass(frozen=True)
class _Whom:
    """A target with what it holds now."""

    id: int
    who: Addressee
    given: str | None
    area: str | None
    district: str | None
    party: str | None
    term_id: int | None
    post_id: int | None
    #: Whether it ever held something.
    held: bool
    is_merged: bool

    @property
    def has_left(self) -> bool:
        """Whether a person in office is so no more."""
        return self.term_id is None and (self.held or self.who.kind == "legislator")


@dataclass(frozen=True)
class _Chapter:
    name: str
    address: tuple[str, ...]


def merge(
    version: TextVersion,
    wanted: Sequence[Wanted],
    *,
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
    viewer: Viewer,
    needs_address: bool = True,
    terms: Mapping[int, int | None] | None = None,
    ledger: Ledger | None = None,
) -> list[Merged]:
    """Fill a version for each of `wanted`, in their order: a fixed number of statements per 500.

    `values`: what was given for the text's own fields, by their names. `terms`: what each target
    held when the pack was made; who holds nothing any more, or another post, is hindered. Who read
    the `ledger` already gives it.
    """
    subject, body = parse(version.subject or ""), parse(version.body)
    keys = figures_in.keys_of(version)
    used = frozenset(keys)
    ledger = _ledger(keys, ledger)
    common, everywhere = _common(version, keys, campaign, chapter, values, on, ledger)
    parties = _parties(ledger, on) if used & FLAGS.keys() else {}
    whole: list[Merged] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        batch = _Batch(
            version, used, some, campaign, chapter, on, viewer, needs_address, terms, parties
        )
        for each in some:
            theirs, hindrances = batch.values_of(each)
            filled = common | theirs
            whole.append(
                batch.merged(
                    each,
                    fill(subject, filled),
                    fill(body, filled),
                    [*everywhere, *hindrances],
                )
            )
    return whole


def alone(
    version: TextVersion,
    *,
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
) -> tuple[Filled, tuple[Hindrance, ...]]:
    """The words of a text that is written to nobody in particular, such as a statement."""
    keys = figures_in.keys_of(version)
    common, hindrances = _common(version, keys, campaign, chapter, values, on, _ledger(keys))
    return fill(parse(version.body), common), tuple(hindrances)


def _common(
    version: TextVersion,
    keys: Mapping[str, str],
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
    ledger: Ledger | None,
) -> tuple[dict[str, Value], list[Hindrance]]:
    """What is the same in every piece, and what hinders every one."""
    locale = locale_of(version.language)
    filled: dict[str, Value] = {"today": format_date(on, "long", locale=locale)}
    hindrances = []
    if chapter is not None:
        filled["chapter.name"] = chapter.name
    if campaign is not None:
        filled["campaign.title"] = campaign.title or campaign.name
        if {"campaign.ask", "campaign.asks"} & keys.keys():
            asks = db.session.scalars(
                select(Ask.text).where(Ask.campaign_id == campaign.id).order_by(Ask.position)
            ).all()
            filled["campaign.ask"] = asks[0] if asks else None
            filled["campaign.asks"] = "\n".join(asks) or None
    if version.approved_at is None:
        hindrances.append(Hindrance(Why.NOT_APPROVED, _("These words are not approved.")))
    if ledger is not None:
        filled |= _figures(version, keys, on, ledger, hindrances)
    given = {key_of(name): value for name, value in values.items()}
    for own in own_fields.read(version.fields):
        if own.key not in keys:
            continue
        try:
            filled[own.key] = own_fields.filled(own, given.get(own.key), locale)
        except Refused as refusal:
            hindrances.append(Hindrance(Why.VALUE, str(refusal.message), own.key))
    return filled, hindrances


def _ledger(keys: Collection[str], read: Ledger | None = None) -> Ledger | None:
    """The ledger, where the text asks it. Nothing is read from one that is empty."""
    if not figures_in.asks_ledger(keys):
        return None
    ledger = read or treaties.ledger()
    return ledger if ledger.events else None


def _figures(
    version: TextVersion,
    keys: Mapping[str, str],
    on: date,
    ledger: Ledger,
    hindrances: list[Hindrance],
) -> dict[str, Value]:
    locale = locale_of(version.language)
    now = figures_in.figures_of(keys, on=on, ledger=ledger)
    if version.approved_at is None:
        return {key: figures_in.written(each.value, locale) for key, each in now.items()}
    for each in figures_in.stale(version, now):
        hindrances.append(
            Hindrance(
                Why.STALE,
                _("%(label)s: approved as %(was)s, now %(now)s. Approve the text again.",
                  label=each.label, was=each.was, now=each.now),
            )
        )  # fmt: skip
    return {key: figures_in.written(was["value"], locale) for key, was in version.figures.items()}


class _Batch:
    """What the database knows of some pieces, read at once."""

    def __init__(
        self,
        version: TextVersion,
        used: frozenset[str],
        some: Sequence[Wanted],
        campaign: Campaign | None,
        chapter: Chapter | None,
        on: date,
        viewer: Viewer,
        needs_address: bool,
        terms: Mapping[int, int | None] | None,
        parties: Mapping[str, Mapping[str, bool]],
    ):
        self.version = version
        self.used = used
        self.needs_address = needs_address
        self.terms = terms
        target_ids = {each.target_id for each in some}
        member_ids = {each.member_id for each in some if each.member_id is not None}
        self.targets, self.forms = _targets(target_ids, version.language)
        self.said = {
            number: _form(each.who, self.forms.get(number), version.language)
            for number, each in self.targets.items()
        }
        self.paper: dict[int, Paper] = {}
        if needs_address:
            self.paper = (
                addresses.paper_addresses(campaign, target_ids)
                if campaign is not None
                else contact_queries.paper_addresses(target_ids, prefer=CAPITAL)
            )
        self._go_to_missions()
        self.posts = _posts({term for term in (terms or {}).values() if term is not None})
        self.members = _Members(member_ids, used, viewer, on)
        self.chapter = _of_chapter(chapter) if chapter is not None else None
        self.flags = used & FLAGS.keys()
        self.parties = parties

    def _go_to_missions(self) -> None:
        """Governments are addressed as the address wants it, unless somebody said how."""
        for number, paper in self.paper.items():
            kept, target = self.forms.get(number), self.targets.get(number)
            if target is None or target.who.kind != "government" or paper.point is None:
                continue
            if kept is None or not kept.envelope:
                self.said[number] = address_forms.at(
                    self.said[number],
                    paper.point.label,
                    _lines(paper.point.value),
                    self.version.language,
                )

    def values_of(self, piece: Wanted) -> tuple[dict[str, Value], list[Hindrance]]:
        """What fields of the target and the member are filled with, and what is in the way."""
        hindrances: list[Hindrance] = []
        target = self.targets.get(piece.target_id)
        if target is None or target.is_merged:
            return {}, [
                Hindrance(Why.GONE, _("This target is not there any more, or is another's now."))
            ]
        if told := self._left(target):
            hindrances.append(Hindrance(Why.LEFT, told))
        if self.needs_address:
            paper = self.paper.get(target.id)
            if paper is None or paper.point is None:
                why = paper.why if paper is not None else contact_queries.Why.UNKNOWN
                hindrances.append(Hindrance(Why.NO_ADDRESS, str(WHY[why])))
        filled = _of_target(target, self.said[target.id], self.version.language)
        for flag in self.flags:
            filled[flag] = self._is_party(target, flag)
        filled |= self.members.values_of(piece.member_id, hindrances)
        return filled, hindrances

    def _left(self, target: _Whom) -> str | None:
        if self.terms is not None and (before := self.terms.get(target.id)) is not None:
            if target.term_id is None:
                return _("%(name)s left office since the pack was made.", name=target.who.name)
            if target.term_id != before and self.posts.get(before) != target.post_id:
                return _(
                    "%(name)s holds another office than when the pack was made.",
                    name=target.who.name,
                )
            return None
        if target.has_left:
            return _("%(name)s is not in office.", name=target.who.name)
        return None

    def _is_party(self, target: _Whom, flag: str) -> bool | None:
        theirs = self.parties.get(target.who.country or "")
        if theirs is None:
            return None
        return all(theirs.get(treaty, False) for treaty in FLAGS[flag])

    def merged(
        self, piece: Wanted, subject: Filled, body: Filled, hindrances: Sequence[Hindrance]
    ) -> Merged:
        """The piece with the fields nobody filled among what hinders it."""
        target = self.targets.get(piece.target_id)
        if target is None or target.is_merged:
            return Merged(
                piece.target_id,
                piece.member_id,
                hindrances=tuple(hindrances),
                name=target.who.name if target is not None else "",
                uses=self.used,
            )
        withheld = self.members.withheld_of(piece.member_id)
        empty = [
            Hindrance(Why.EMPTY, self._empty(name, target), key_of(name))
            for name in dict.fromkeys((*subject.missing, *body.missing))
            if key_of(name) not in withheld
        ]
        said = self.said[target.id]
        paper = self.paper.get(target.id)
        point = paper.point if paper is not None else None
        lines = _lines(point.value) if point is not None else ()
        return Merged(
            target_id=target.id,
            member_id=piece.member_id,
            subject=subject,
            body=body,
            envelope=said.envelope,
            address=address_forms.below(said, lines),
            salutation=said.salutation,
            closing=said.closing,
            signature=self.members.signature_of(piece.member_id),
            return_address=self._return_address(piece.member_id),
            contact_point_id=point.id if point is not None else None,
            term_id=target.term_id,
            hindrances=(*hindrances, *empty),
            name=target.who.name,
            uses=self.used,
        )

    def _empty(self, name: str, target: _Whom) -> str:
        key = key_of(name)
        if key in FLAGS:
            return _(
                "Whether ((%(field)s)) holds is not known of %(name)s.",
                field=name,
                name=target.who.name,
            )
        if key.startswith("target."):
            return _(
                "Nothing is known for ((%(field)s)) of %(name)s.",
                field=name,
                name=target.who.name,
            )
        return _("Nothing is given for ((%(field)s)).", field=name)

    def _return_address(self, member_id: int | None) -> tuple[str, ...]:
        chapter = self.chapter or self.members.chapter_of(member_id)
        if chapter is None or not chapter.address:
            return ()
        is_named = fold(chapter.address[0]) == fold(chapter.name)
        return chapter.address if is_named else (chapter.name, *chapter.address)


class _Members:
    """Who signs: names as consents allow, and chapters."""

    def __init__(self, ids: Collection[int], used: Collection[str], viewer: Viewer, on: date):
        self.shown: dict[int, Shown] = {}
        self.first: dict[int, str] = {}
        self.full: dict[int, str] = {}
        self.chapters: dict[int, _Chapter] = {}
        self.asked = [key for key in ("member.firstname", "member.fullname") if key in used]
        if not ids:
            return
        self.shown = disclosure.disclose(ids, to=viewer, exit=Exit.LETTER, today=on)
        self.chapters = _chapters_of(ids, on)
        if not self.asked:
            return
        full = disclosure.allowed(ids, Purpose.FULL_NAME, today=on)
        states = disclosure.states(ids, {Purpose.FIRST_NAME}, today=on)
        # A yes to both names is one to the first, unless that was said no to.
        first = disclosure.allowed(ids, Purpose.FIRST_NAME, today=on) | {
            each for each in full if states[each][Purpose.FIRST_NAME] not in SAID_NO
        }
        self.full = {each: self.shown[each].name for each in full}
        rows = db.session.execute(select(Member.id, Member.given_name).where(Member.id.in_(first)))
        self.first = {number: given for number, given in rows}  # noqa: C416

    def values_of(self, member_id: int | None, hindrances: list[Hindrance]) -> dict[str, Value]:
        """Their fields; a name without consent is none, and that is told."""
        if member_id is None or member_id not in self.shown:
            return {}
        filled: dict[str, Value] = {"member.chapter": self.shown[member_id].chapters or None}
        for key, names, told in (
            ("member.firstname", self.first, _("No consent to print the first name.")),
            ("member.fullname", self.full, _("No consent to print the full name.")),
        ):
            filled[key] = names.get(member_id)
            if key in self.asked and member_id not in names:
                hindrances.append(Hindrance(Why.CONSENT, told, key))
        return filled

    def withheld_of(self, member_id: int | None) -> frozenset[str]:
        """Keys of names that are not filled for want of consent: told as such, not as empty."""
        if member_id is None or member_id not in self.shown:
            return frozenset()
        both = (("member.firstname", self.first), ("member.fullname", self.full))
        return frozenset(key for key, names in both if member_id not in names)

    def signature_of(self, member_id: int | None) -> str:
        """What the member signs as."""
        shown = self.shown.get(member_id) if member_id is not None else None
        return shown.name if shown is not None else ""

    def chapter_of(self, member_id: int | None) -> _Chapter | None:
        """The chapter a member is in."""
        return self.chapters.get(member_id) if member_id is not None else None


def _targets(
    ids: Collection[int], language: str
) -> tuple[dict[int, _Whom], dict[int, AddressForm]]:
    """The targets, and what somebody set for how they are addressed: one statement.

    Of `fr-CA` what was set for French, unless something is set for Canada's.
    """
    any_term = aliased(Term)
    spoken = {language.partition("-")[0], language}
    rows = db.session.execute(
        select(
            Target.id, Target.kind, Target.name, Target.family_name, Target.given_name,
            Target.gender, Target.country, Target.salutation, Target.merged_into_id,
            exists().where(any_term.target_id == Target.id).label("held"),
            Term.id.label("term_id"), Term.party, Post.id.label("post_id"), Post.role, Post.label,
            Post.area, Post.district, Body.key.label("body_key"), Body.name.label("body"),
            AddressForm,
        )
        .outerjoin(Term, and_(Term.target_id == Target.id, Term.is_current))
        .outerjoin(Post, Post.id == Term.post_id)
        .outerjoin(Body, Body.id == Post.body_id)
        .outerjoin(
            AddressForm,
            and_(AddressForm.target_id == Target.id, AddressForm.language.in_(spoken)),
        )
        .where(Target.id.in_(ids))
        .order_by(AddressForm.language)
    ).all()  # fmt: skip
    kept = {row.id: row.AddressForm for row in rows if row.AddressForm is not None}
    return {row.id: _whom(row) for row in rows}, kept


def _whom(row: Any) -> _Whom:
    return _Whom(
        id=row.id,
        who=Addressee(
            kind=row.kind, name=row.name, family_name=row.family_name, gender=row.gender,
            country=row.country, role=row.role, office=row.label, body_key=row.body_key,
            body=row.body, salutation=row.salutation,
        ),
        given=row.given_name,
        area=row.area,
        district=row.district,
        party=row.party,
        term_id=row.term_id,
        post_id=row.post_id,
        held=row.held,
        is_merged=row.merged_into_id is not None,
    )  # fmt: skip


def _form(who: Addressee, kept: AddressForm | None, language: str) -> Form:
    """How somebody is addressed: what was set for them, else the form of their office."""
    usual = address_forms.form_of(who, language)
    if kept is None:
        return usual
    return Form(
        envelope=kept.envelope or usual.envelope,
        lines=usual.lines,
        salutation=kept.salutation or usual.salutation,
        closing=kept.closing or usual.closing,
    )


def forms(target_ids: Collection[int], language: str) -> dict[int, tuple[Form, Form]]:
    """How targets are addressed: the form of their office, and what holds. One statement."""
    known, kept = _targets(target_ids, language)
    return {
        number: (
            address_forms.form_of(each.who, language),
            _form(each.who, kept.get(number), language),
        )
        for number, each in known.items()
    }


def _of_target(target: _Whom, said: Form, language: str) -> dict[str, Value]:
    who = target.who
    return {
        "target.name": who.name,
        "target.salutation": said.salutation,
        "target.envelope": said.envelope,
        "target.closing": said.closing,
        "target.familyname": who.family_name,
        "target.title": who.role,
        "target.office": who.office,
        "target.state": area_name(target.area) if target.area else None,
        "target.district": target.district,
        "target.country": _country(who.country, language),
        "target.party": target.party,
    }


def _country(code: str | None, language: str) -> str | None:
    """The country's name in the text's language; ours where that is English."""
    if not code:
        return None
    if language.partition("-")[0] != "en" and (name := locale_of(language).territories.get(code)):
        return str(name)
    return country_name(code)


def _lines(value: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in value.splitlines() if line.strip())


def _posts(term_ids: Collection[int]) -> dict[int, int]:
    if not term_ids:
        return {}
    found: dict[int, int] = {}
    wanted = sorted(term_ids)
    for start in range(0, len(wanted), _AT_ONCE):
        rows = db.session.execute(
            select(Term.id, Term.post_id).where(Term.id.in_(wanted[start : start + _AT_ONCE]))
        )
        found |= {number: post for number, post in rows}  # noqa: C416
    return found


def _of_chapter(chapter: Chapter) -> _Chapter:
    return _Chapter(chapter.name, _lines(chapter.address or ""))


def _chapters_of(member_ids: Collection[int], on: date) -> dict[int, _Chapter]:
    """The chapter each member is in: of several the one joined last."""
    rows = db.session.execute(
        select(Membership.member_id, Chapter.name, Chapter.address)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(Membership.member_id.in_(member_ids), open_on(on))
        .order_by(Membership.joined_on, Membership.id)
    )
    return {number: _Chapter(name, _lines(address or "")) for number, name, address in rows}


def _parties(ledger: Ledger | None, on: date) -> dict[str, dict[str, bool]]:
    """Of each country of two letters whether it is a State Party, by treaty."""
    found: dict[str, dict[str, bool]] = {}
    if ledger is None:
        return found
    for treaty in INSTRUMENTS:
        for iso3, standing in ledger.standings(treaty, on).items():
            if code := country_code(iso3):
                found.setdefault(code, {})[treaty] = standing.status is Status.PARTY
    return found
