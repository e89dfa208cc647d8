"""The members who sign a text: names as consents allow, and where answers to them go."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import db
from crm.members import disclosure
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import Exit, Shown, Viewer
from crm.members.models import Chapter, Member, Membership
from crm.members.queries import open_on
from crm.texts.addressees import lines_of
from crm.texts.merged import Hindrance, Why
from crm.texts.rules import Value


@dataclass(frozen=True)
class ChapterOf:
    """A chapter, and the lines of where it is answered to."""

    name: str
    address: tuple[str, ...]


class Signers:
    """Who signs: names as consents allow, and chapters."""

    def __init__(self, ids: Collection[int], used: Collection[str], viewer: Viewer, on: date):
        self.shown: dict[int, Shown] = {}
        self.first: dict[int, str] = {}
        self.full: dict[int, str] = {}
        self.chapters: dict[int, ChapterOf] = {}
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

    def chapter_of(self, member_id: int | None) -> ChapterOf | None:
        """The chapter a member is in."""
        return self.chapters.get(member_id) if member_id is not None else None


def chapter_named(chapter: Chapter) -> ChapterOf:
    """The chapter that sends the text."""
    return ChapterOf(chapter.name, lines_of(chapter.address or ""))


def _chapters_of(member_ids: Collection[int], on: date) -> dict[int, ChapterOf]:
    """The chapter each member is in: of several the one joined last."""
    rows = db.session.execute(
        select(Membership.member_id, Chapter.name, Chapter.address)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(Membership.member_id.in_(member_ids), open_on(on))
        .order_by(Membership.joined_on, Membership.id)
    )
    return {number: ChapterOf(name, lines_of(address or "")) for number, name, address in rows}
