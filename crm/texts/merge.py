"""A text filled for targets and members, piece by piece, with all that hinders printing one.

The one place that pages, print, e-mail and the command ask. Nothing false leaves here: what is not
known stays unfilled and is named, a name without consent is not filled, a figure that has changed
since approval is told.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from babel.dates import format_date
from flask_babel import gettext as _
from sqlalchemy import select

from crm.campaigns import addresses
from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.targets import contact_queries
from crm.targets.contact_queries import CAPITAL, WHY, Paper
from crm.targets.countries import country_code
from crm.texts import address_forms, figures_in, own_fields
from crm.texts.addressees import (
    Whom,
    addressees,
    fields_of,
    form_held,
    lines_of,
    posts_of,
)
from crm.texts.fields import FLAGS, locale_of
from crm.texts.merged import Hindrance, Merged, Wanted, Why
from crm.texts.models import TextVersion
from crm.texts.rules import Filled, Value, fill, key_of, parse
from crm.texts.signers import Signers, chapter_named
from crm.treaties import queries as treaties
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.queries import Ledger
from crm.treaties.rules import Status


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
    ledger = ledger_for(keys, ledger)
    common, everywhere = in_common(version, keys, campaign, chapter, values, on, ledger)
    parties = _parties(ledger, on) if used & FLAGS.keys() else {}
    whole: list[Merged] = []
    for some in db.batches(wanted):
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
    common, hindrances = in_common(version, keys, campaign, chapter, values, on, ledger_for(keys))
    return fill(parse(version.body), common), tuple(hindrances)


def in_common(
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


def ledger_for(keys: Collection[str], read: Ledger | None = None) -> Ledger | None:
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
        self.targets, self.forms = addressees(target_ids, version.language)
        self.said = {
            number: form_held(each.who, self.forms.get(number), version.language)
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
        self.posts = posts_of({term for term in (terms or {}).values() if term is not None})
        self.members = Signers(member_ids, used, viewer, on)
        self.chapter = chapter_named(chapter) if chapter is not None else None
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
                    lines_of(paper.point.value),
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
        filled = fields_of(target, self.said[target.id], self.version.language)
        for flag in self.flags:
            filled[flag] = self._is_party(target, flag)
        filled |= self.members.values_of(piece.member_id, hindrances)
        return filled, hindrances

    def _left(self, target: Whom) -> str | None:
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

    def _is_party(self, target: Whom, flag: str) -> bool | None:
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
        lines = lines_of(point.value) if point is not None else ()
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

    def _empty(self, name: str, target: Whom) -> str:
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
