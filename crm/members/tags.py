"""Skills, interests and languages of members: words people type, each kept once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, insert, select

from crm.core import db
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members.models import MemberTag, Tag
from crm.members.rules import clean_name

KINDS: Mapping[str, Any] = {
    "skill": _l("Skills"),
    "interest": _l("Interests"),
    "language": _l("Languages"),
}
#: Characters of a tag, and tags of one kind a member has.
MOST, MOST_OF_A_KIND = 60, 30


def parted(typed: str | None) -> list[str]:
    """The tags somebody typed, parted by commas, semicolons or lines; each once."""
    parts = (typed or "").replace(";", ",").replace("\n", ",").split(",")
    found = {fold(part): clean_name(part) for part in reversed(parts) if fold(part)}
    return list(reversed(found.values()))


def ids_of(kind: str, names: Iterable[str]) -> list[int]:
    """Ids of the tags of these names; those that are new are made. Writes; the caller audits."""
    wanted = {fold(name): clean_name(name) for name in names if fold(name)}
    if len(wanted) > MOST_OF_A_KIND or any(len(name) > MOST for name in wanted.values()):
        raise Refused(
            _("Use at most %(count)s, each of at most %(most)s characters.",
              count=MOST_OF_A_KIND, most=MOST),
            kind,
        )  # fmt: skip
    if not wanted:
        return []
    known = dict(
        db.session.execute(
            select(Tag.search, Tag.id).where(Tag.kind == kind, Tag.search.in_(wanted))
        ).all()
    )
    new = [
        Tag(kind=kind, name=name, search=key) for key, name in wanted.items() if key not in known
    ]
    db.session.add_all(new)
    db.session.flush()
    known |= {tag.search: tag.id for tag in new}
    return [known[key] for key in wanted]


def tags_of(member_ids: Collection[int]) -> dict[int, dict[str, list[str]]]:
    """Member → kind → names, by name: one statement."""
    found: dict[int, dict[str, list[str]]] = {number: {} for number in member_ids}
    rows = db.session.execute(
        select(MemberTag.member_id, Tag.kind, Tag.name)
        .join(Tag, Tag.id == MemberTag.tag_id)
        .where(MemberTag.member_id.in_(found))
        .order_by(Tag.search)
    )
    for member_id, kind, name in rows:
        found[member_id].setdefault(kind, []).append(name)
    return found


def of_member(member_id: int) -> dict[str, list[Tag]]:
    """Kind → the member's tags, by name."""
    found: dict[str, list[Tag]] = {}
    for each in db.session.scalars(
        select(Tag)
        .join(MemberTag, MemberTag.tag_id == Tag.id)
        .where(MemberTag.member_id == member_id)
        .order_by(Tag.search)
    ):
        found.setdefault(each.kind, []).append(each)
    return found


def all_tags() -> Sequence[Tag]:
    """Every tag, by kind and name."""
    return db.session.scalars(select(Tag).order_by(Tag.kind, Tag.search)).all()


def set_tags(member_id: int, tag_ids: Collection[int]) -> None:
    """Let a member have these tags and no others. Writes; the caller audits."""
    theirs = set(
        db.session.scalars(select(MemberTag.tag_id).where(MemberTag.member_id == member_id))
    )
    if gone := theirs - set(tag_ids):
        db.session.execute(
            delete(MemberTag).where(MemberTag.member_id == member_id, MemberTag.tag_id.in_(gone))
        )
    if new := set(tag_ids) - theirs:
        db.session.execute(
            insert(MemberTag), [{"member_id": member_id, "tag_id": tag_id} for tag_id in new]
        )
