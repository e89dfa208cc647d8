"""The targets a text goes to: what they hold now, how they are addressed, and their fields."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.targets.countries import country_name
from crm.targets.models import Body, Post, Target, Term
from crm.targets.rules import area_name
from crm.texts import address_forms
from crm.texts.address_forms import Addressee, Form
from crm.texts.fields import locale_of
from crm.texts.models import AddressForm
from crm.texts.rules import Value


@dataclass(frozen=True)
class Whom:
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


def addressees(
    ids: Collection[int], language: str
) -> tuple[dict[int, Whom], dict[int, AddressForm]]:
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


def _whom(row: Any) -> Whom:
    return Whom(
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


def form_held(who: Addressee, kept: AddressForm | None, language: str) -> Form:
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
    known, kept = addressees(target_ids, language)
    return {
        number: (
            address_forms.form_of(each.who, language),
            form_held(each.who, kept.get(number), language),
        )
        for number, each in known.items()
    }


def fields_of(target: Whom, said: Form, language: str) -> dict[str, Value]:
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


def posts_of(term_ids: Collection[int]) -> dict[int, int]:
    """The post each of these terms is of."""
    if not term_ids:
        return {}
    found: dict[int, int] = {}
    wanted = sorted(term_ids)
    for some in db.batches(wanted):
        rows = db.session.execute(select(Term.id, Term.post_id).where(Term.id.in_(some)))
        found |= {number: post for number, post in rows}  # noqa: C416
    return found


def lines_of(value: str) -> tuple[str, ...]:
    """The lines of an address."""
    return tuple(line.strip() for line in value.splitlines() if line.strip())
