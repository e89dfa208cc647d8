"""Texts, asked of the database: which there are, their versions, and which one prints."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import joinedload

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Scope
from crm.core.text import fold
from crm.targets.models import TargetList
from crm.texts.models import Text, TextVersion


@dataclass(frozen=True, kw_only=True)
class TextFilter:
    """Which texts; what is None does not narrow."""

    q: str | None = None
    kind: str | None = None
    campaign_id: int | None = None
    language: str | None = None
    #: `approved` | `waiting` (something newer than what is approved) | `retired`; else all in use.
    state: str | None = None


def text(slug: str) -> Text:
    """One text with its campaign and chapter. Raises `NoResultFound`."""
    return db.session.scalars(_whole().where(Text.slug == slug)).one()


def text_of(text_id: int) -> Text:
    """One text by its number. Raises `NoResultFound`."""
    return db.session.scalars(_whole().where(Text.id == text_id)).one()


def _whole() -> Select[Text]:
    return select(Text).options(joinedload(Text.campaign), joinedload(Text.chapter))


def texts(wanted: TextFilter, *, drafts: Scope) -> Select[Text]:
    """Texts by name, with campaign and chapter.

    `drafts`: where the reader writes; of others' texts only those that are approved are seen.
    """
    conditions: list[Any] = [readable(drafts)]
    if wanted.state == "retired":
        conditions.append(Text.retired_at.is_not(None))
    else:
        conditions.append(Text.retired_at.is_(None))
    if wanted.state == "approved":
        conditions.append(_has_approved())
    elif wanted.state == "waiting":
        conditions.append(_is_waiting())
    if wanted.kind is not None:
        conditions.append(Text.kind == wanted.kind)
    if wanted.campaign_id is not None:
        conditions.append(Text.campaign_id == wanted.campaign_id)
    if wanted.language is not None:
        conditions.append(
            exists().where(TextVersion.text_id == Text.id, TextVersion.language == wanted.language)
        )
    if wanted.q:
        for word in fold(wanted.q).split()[:8]:
            conditions.append(func.lower(Text.name).contains(word, autoescape=True))
    return _whole().where(*conditions).order_by(func.lower(Text.name), Text.id)


def readable(drafts: Scope) -> Any:
    """Whether somebody who writes in a scope may read a text: others' only once approved."""
    if drafts.everywhere:
        return true()
    if not drafts.chapter_ids:
        return _has_approved()
    return or_(_has_approved(), Text.chapter_id.is_(None), Text.chapter_id.in_(drafts.chapter_ids))


def _has_approved() -> Any:
    return exists().where(TextVersion.text_id == Text.id, TextVersion.approved_at.is_not(None))


def _is_waiting() -> Any:
    """Whether the newest version of some language is not approved."""
    newer = TextVersion.__table__.alias()
    return exists().where(
        TextVersion.text_id == Text.id,
        TextVersion.approved_at.is_(None),
        ~exists().where(
            newer.c.text_id == TextVersion.text_id,
            newer.c.language == TextVersion.language,
            newer.c.number > TextVersion.number,
        ),
    )


def approved(text_id: int, language: str) -> TextVersion | None:
    """What prints: the highest approved number of a language."""
    return db.session.scalars(
        select(TextVersion)
        .where(
            TextVersion.text_id == text_id,
            TextVersion.language == language,
            TextVersion.approved_at.is_not(None),
        )
        .order_by(TextVersion.number.desc())
        .limit(1)
    ).one_or_none()


def latest(text_id: int, language: str) -> TextVersion | None:
    """The newest words of a language, approved or not."""
    return db.session.scalars(
        select(TextVersion)
        .where(TextVersion.text_id == text_id, TextVersion.language == language)
        .order_by(TextVersion.number.desc())
        .limit(1)
    ).one_or_none()


def would_print(text_id: int, language: str) -> TextVersion | None:
    """What prints in a language; where nothing is approved, the newest words."""
    return approved(text_id, language) or latest(text_id, language)


def version(text_id: int, language: str, number: int) -> TextVersion:
    """One version with who wrote and approved it. Raises `NoResultFound`."""
    return db.session.scalars(
        _with_people().where(
            TextVersion.text_id == text_id,
            TextVersion.language == language,
            TextVersion.number == number,
        )
    ).one()


def versions(text_id: int, language: str | None = None) -> Select[TextVersion]:
    """The versions of a text, the newest first, with who wrote and approved them."""
    found = _with_people().where(TextVersion.text_id == text_id)
    if language is not None:
        found = found.where(TextVersion.language == language)
    return found.order_by(TextVersion.id.desc())


def _with_people() -> Select[TextVersion]:
    return select(TextVersion).options(
        joinedload(TextVersion.written_by), joinedload(TextVersion.approved_by)
    )


@dataclass(frozen=True)
class Variant:
    """A language of a text: its newest version, and what prints."""

    language: str
    newest: TextVersion
    approved: TextVersion | None

    @property
    def is_approved(self) -> bool:
        """Whether the newest is what prints."""
        return self.approved is not None and self.approved.number == self.newest.number


def variants(text_ids: Collection[int]) -> dict[int, list[Variant]]:
    """The languages of texts, the first written first: one statement."""
    wanted = set(text_ids)
    last = (
        select(
            TextVersion.text_id,
            TextVersion.language,
            func.max(TextVersion.number).label("newest"),
            func.max(TextVersion.number)
            .filter(TextVersion.approved_at.is_not(None))
            .label("approved"),
            func.min(TextVersion.id).label("first"),
        )
        .where(TextVersion.text_id.in_(wanted))
        .group_by(TextVersion.text_id, TextVersion.language)
        .subquery()
    )
    rows = db.session.execute(
        select(TextVersion, last.c.approved)
        .join(
            last,
            and_(
                last.c.text_id == TextVersion.text_id,
                last.c.language == TextVersion.language,
                or_(TextVersion.number == last.c.newest, TextVersion.number == last.c.approved),
            ),
        )
        .options(joinedload(TextVersion.written_by), joinedload(TextVersion.approved_by))
        .order_by(last.c.first, TextVersion.number)
    ).all()
    found: dict[int, dict[str, list[TextVersion]]] = {each: {} for each in wanted}
    for each, _approved in rows:
        found[each.text_id].setdefault(each.language, []).append(each)
    return {
        text_id: [
            Variant(
                language,
                both[-1],
                next((each for each in reversed(both) if each.approved_at is not None), None),
            )
            for language, both in of_text.items()
        ]
        for text_id, of_text in found.items()
    }


def behind(found: Sequence[Variant]) -> set[str]:
    """Languages whose words are older than those of the first."""
    return {each.language for each in found[1:] if each.newest.id < found[0].newest.id}


def slugs() -> set[str]:
    """Every address taken."""
    return set(db.session.scalars(select(Text.slug)))


def campaigns_in_use() -> list[Any]:
    """Campaigns as (id, slug, name), by name."""
    return list(
        db.session.execute(
            select(Campaign.id, Campaign.slug, Campaign.name).order_by(Campaign.name, Campaign.id)
        )
    )


def lists_in_use() -> list[Any]:
    """Lists of targets as (slug, name), by name."""
    return list(
        db.session.execute(
            select(TargetList.slug, TargetList.name).order_by(TargetList.name, TargetList.id)
        )
    )
