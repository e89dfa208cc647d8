"""One action with all that its page shows, and what its corrections changed, in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import joinedload

from crm.accounts.models import User
from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.core.paging import Page, page_of
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter
from crm.outreach.channels import channels
from crm.outreach.history import Answer, answers_to, in_plain_words, with_files
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionRevision,
    ActionTarget,
    action_ask,
)
from crm.outreach.plain import Plain
from crm.outreach.window_rules import CLOSED
from crm.targets.models import Post, Target, Term
from crm.targets.rules import is_link


@dataclass(frozen=True)
class ReachedTarget:
    """A target the action reached, with the post it held that day and what came back."""

    action_target_id: int
    target_id: int
    name: str
    office: str | None
    party: str | None
    pieces: int
    awaiting: bool
    answers: Sequence[Answer]
    #: When its leader is asked whether an answer came, and how often that was done.
    ask_on: date | None
    asked: int
    #: Why nobody waits any longer, and since when.
    closed: str | None
    closed_on: date | None


@dataclass(frozen=True)
class Participant:
    """A member who took part, as the reader may know them."""

    member_id: int
    name: str
    chapters: str
    is_named: bool
    pieces: int
    minutes: int | None


@dataclass(frozen=True)
class Change:
    """One entry of the history."""

    verb: str
    at: datetime
    by: str | None
    reason: str | None
    differences: Sequence[str] = field(default=())


def action_with_facts(action_id: int) -> Action:
    """The action with campaign and who logged it. Raises `NoResultFound`."""
    return db.session.scalars(
        select(Action)
        .where(Action.id == action_id)
        .options(joinedload(Action.campaign), joinedload(Action.logged_by))
    ).one()


def chapters_of(action_id: int) -> list[Chapter]:
    """The chapters that did it, by name."""
    return list(
        db.session.scalars(
            select(Chapter)
            .join(ActionChapter, ActionChapter.chapter_id == Chapter.id)
            .where(ActionChapter.action_id == action_id)
            .order_by(Chapter.name)
        )
    )


def asks_of(action_id: int) -> Sequence[str]:
    """What was asked."""
    return db.session.scalars(
        select(Ask.text)
        .join(action_ask, action_ask.c.ask_id == Ask.id)
        .where(action_ask.c.action_id == action_id)
        .order_by(Ask.position)
    ).all()


def targets_reached(action_id: int, *, number: int, plain: Plain, to: Viewer) -> Page:
    """A page of the targets: six statements at most. `plain` takes names out of answers' words."""
    rows: Select[Any] = (
        select(  # type: ignore[assignment]
            ActionTarget.id,
            Target.id,
            Target.name,
            Post.label,
            Term.party,
            ActionTarget.pieces,
            ActionTarget.awaiting,
            ActionTarget.ask_on,
            ActionTarget.asked,
            ActionTarget.closed_why,
            ActionTarget.closed_on,
        )
        .join(Target, Target.id == ActionTarget.target_id)
        .outerjoin(Term, Term.id == ActionTarget.term_id)
        .outerjoin(Post, Post.id == Term.post_id)
        .where(ActionTarget.action_id == action_id)
        .order_by(Target.sort_name, Target.id)
    )
    page = page_of(rows, number=number, scalars=False)
    answers = with_files(answers_to([row[0] for row in page.rows]))
    answers = _with_senders(answers, to=to)
    reached = [
        ReachedTarget(
            row_id,
            target_id,
            name,
            office,
            party,
            pieces,
            awaiting,
            in_plain_words(answers[row_id], plain),
            ask_on,
            asked,
            str(CLOSED.get(why, why)) if why else None,
            closed_on,
        )
        for (
            row_id, target_id, name, office, party, pieces, awaiting, ask_on, asked, why, closed_on,
        ) in page.rows
    ]  # fmt: skip
    return Page(reached, page.number, page.size, page.total, page.capped)


def _with_senders(
    answers: Mapping[int, Sequence[Answer]], *, to: Viewer
) -> dict[int, list[Answer]]:
    """The answers with the names of whom they came to, where this reader may know them."""
    ids = {each.member_id for some in answers.values() for each in some if each.member_id}
    shown = disclose(ids, to=to, exit=Exit.PAGE) if ids else {}
    names = {each: who.name for each, who in shown.items() if who.is_named}
    return {
        row_id: [replace(each, to=names.get(each.member_id or 0)) for each in some]
        for row_id, some in answers.items()
    }


def participants(action_id: int, *, to: Viewer) -> list[Participant]:
    """Who took part, by name, as this reader may know them: two statements."""
    rows = db.session.execute(
        select(ActionMember.member_id, ActionMember.pieces, ActionMember.minutes).where(
            ActionMember.action_id == action_id
        )
    ).all()
    shown = disclose([row[0] for row in rows], to=to, exit=Exit.PAGE) if rows else {}
    found = [
        Participant(
            member_id,
            shown[member_id].name,
            shown[member_id].chapters,
            shown[member_id].is_named,
            pieces,
            minutes,
        )
        for member_id, pieces, minutes in rows
    ]
    return sorted(found, key=lambda each: each.name)


def history_of(action: Action, now: Callable[[], Mapping[str, Any]], *, to: Viewer) -> list[Change]:
    """Corrections, undoing and redoing, the last first, each with what it changed.

    A revision keeps what was before it; what came after is the next one's, or `now()`. Four
    statements at most.
    """
    revisions = db.session.execute(
        select(ActionRevision, User.name)
        .outerjoin(User, User.id == ActionRevision.by_id)
        .where(ActionRevision.action_id == action.id)
        .order_by(ActionRevision.id)
    ).all()
    if not revisions:
        return []
    kept = [revision.snapshot for revision, _name in revisions]
    last = kept[-1] if action.undone_at else now()
    after = [*kept[1:], last]
    corrected = [
        (before, then)
        for (revision, _name), before, then in zip(revisions, kept, after, strict=True)
        if revision.verb == "correct"
    ]
    names = _Names.for_changes(corrected, to=to)
    found = []
    for (revision, name), before, then in zip(revisions, kept, after, strict=True):
        differences = names.differences(before, then) if revision.verb == "correct" else []
        found.append(Change(revision.verb, revision.at, name, revision.reason, differences))
    return found[::-1]


@dataclass(frozen=True)
class _Names:
    """Names of what snapshots hold by id."""

    campaigns: Mapping[int, str]
    targets: Mapping[int, str]
    chapters: Mapping[int, str]
    members: Mapping[int, Any]
    to: Viewer

    @classmethod
    def for_changes(
        cls, pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], *, to: Viewer
    ) -> "_Names":
        """Ask only for what differs: two statements at most, none when nothing differs."""
        targets: set[int] = set()
        members: set[int] = set()
        chapters: set[int] = set()
        campaigns: set[int] = set()
        for before, then in pairs:
            targets |= set(_changed(before, then, "targets", "target_id"))
            members |= set(_changed(before, then, "members", "member_id"))
            chapters |= set(before["chapters"]) ^ set(then["chapters"])
            if before["campaign_id"] != then["campaign_id"]:
                campaigns |= {before["campaign_id"], then["campaign_id"]}
        named = _names({Campaign: campaigns, Target: targets, Chapter: chapters})
        return cls(
            campaigns=named[Campaign],
            targets=named[Target],
            chapters=named[Chapter],
            members=disclose(members, to=to, exit=Exit.PAGE) if members else {},
            to=to,
        )

    def differences(self, before: Mapping[str, Any], then: Mapping[str, Any]) -> list[str]:
        """What changed, a sentence each."""
        told = [
            _("%(what)s: %(old)s → %(new)s", what=label, old=_said(old), new=_said(new))
            for name, label in _labels().items()
            if (old := before[name]) != (new := then[name])
        ]
        if before["campaign_id"] != then["campaign_id"]:
            old, new = (self.campaigns.get(each["campaign_id"], "?") for each in (before, then))
            told.append(_("Campaign: %(old)s → %(new)s", old=old, new=new))
        for number in sorted(set(before["chapters"]) ^ set(then["chapters"])):
            sign = "−" if number in before["chapters"] else "+"
            told.append(f"{sign} {self.chapters.get(number, '?')}")
        told += _counted(before, then, "targets", "target_id", self.targets)
        shown = {number: each.name for number, each in self.members.items()}
        told += _counted(before, then, "members", "member_id", shown)
        if before["note"] != then["note"]:
            told.append(_("The note was changed."))
        if before["asks"] != then["asks"]:
            told.append(_("What was asked was changed."))
        if before["details"] != then["details"]:
            told.append(_("Details were changed."))
        if before["photos"] != then["photos"]:
            told.append(
                _("Photos: %(old)s → %(new)s", old=len(before["photos"]), new=len(then["photos"]))
            )
        return told


def _names(wanted: Mapping[Any, set[int]]) -> dict[Any, dict[int, str]]:
    """Names by id of several tables: one statement."""
    models = [model for model, ids in wanted.items() if ids]
    found: dict[Any, dict[int, str]] = {model: {} for model in wanted}
    if models:
        parts = [
            select(literal(place), model.id, model.name).where(model.id.in_(wanted[model]))
            for place, model in enumerate(models)
        ]
        for place, number, name in db.session.execute(union_all(*parts)):
            found[models[place]][number] = name
    return found


def _numbers(kept: Mapping[str, Any], what: str, key: str) -> dict[int, int]:
    return {row[key]: row["pieces"] for row in kept[what]}


def _changed(before: Mapping[str, Any], then: Mapping[str, Any], what: str, key: str) -> list[int]:
    old, new = _numbers(before, what, key), _numbers(then, what, key)
    return [number for number in sorted({*old, *new}) if old.get(number) != new.get(number)]


def _counted(
    before: Mapping[str, Any],
    then: Mapping[str, Any],
    what: str,
    key: str,
    names: Mapping[int, str],
) -> list[str]:
    old, new = _numbers(before, what, key), _numbers(then, what, key)
    changed = _changed(before, then, what, key)
    told = []
    for number in changed[:8]:
        name = names.get(number, "?")
        if number not in old:
            told.append(f"+ {name}: {new[number]}")
        elif number not in new:
            told.append(f"− {name}: {old[number]}")
        else:
            told.append(f"{name}: {old[number]} → {new[number]}")
    if len(changed) > 8:
        rest = len(changed) - 8
        told.append(ngettext("and %(num)s more", "and %(num)s more", rest))
    return told


def _labels() -> dict[str, str]:
    return {
        "pieces": _("Pieces"),
        "unnamed": _("Unnamed"),
        "happened_on": _("Date"),
        "until": _("Last day"),
        "place": _("Place"),
        "people": _("People"),
        "minutes": _("Minutes"),
    }


def _said(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, str) and len(value) == 10 and value[4:5] == "-":
        try:
            return str(format_date(date.fromisoformat(value), "medium"))
        except ValueError:
            return value
    return str(value)


def details_said(action: Action, plain: Plain) -> list[tuple[Any, Any, bool]]:
    """The channel's own facts as (label, value, is a link)."""
    told = []
    for detail in channels()[action.channel].details:
        value = action.details.get(detail.name)
        if value not in (None, ""):
            words = dict(detail.choices).get(str(value), value)
            words = plain(words) if isinstance(words, str) else words
            # Asked again where it is shown: what an import or an older form let in is only text.
            told.append((detail.label, words, detail.kind == "url" and is_link(str(value))))
    return told
