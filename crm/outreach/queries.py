"""What was done, asked of the database. One filter serves list, report and export."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, Select, Subquery, case, exists, func, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.core.i18n import today
from crm.members.models import TeamMember
from crm.outreach.channels import per_piece_names
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionTarget,
    Outcome,
    action_ask,
)
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.parts import Part, columns_of, told_apart
from crm.targets.models import CommitteeSeat, Post, Target, Term

#: Days on end whose actions are few beside all.
FEW = timedelta(days=190)
#: Of a filter by a word: what has none.
NOTHING = ""

# Names of their own: whatever statement a filter narrows may be of these tables itself.
_chapter, _member, _in_team = aliased(ActionChapter), aliased(ActionMember), aliased(TeamMember)
_target, _term, _post = aliased(Target), aliased(Term), aliased(Post)
_seat, _outcome, _ask = aliased(CommitteeSeat), aliased(Outcome), action_ask.alias()
_whole = aliased(Action)


@dataclass(frozen=True)
class OnList:
    """The targets of a list, as a filter carries them: found anew by each statement."""

    list_id: int
    targets: Select[int] = field(compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class ActionFilter:
    """Which actions; what is None does not narrow. An action belongs to the day it began.

    The first eight ask of the action, the rest of a target it reached: state and party are those of
    the term the target held that day, so history stays where it was. What has none of something is
    asked for by the id 0, by no chapter at all, and by `NOTHING` of a word.
    """

    campaign_id: int | None = None
    since: date | None = None
    until: date | None = None
    channel: str | None = None
    #: A chapter and all below it, as ids; of nothing, what no chapter did.
    chapter_ids: frozenset[int] | None = None
    ask_id: int | None = None
    #: Actions a member, or somebody of a team, took part in by name; of 0, in which nobody is
    #: named for some of it, or somebody of no team took part.
    member_id: int | None = None
    team_id: int | None = None
    target_id: int | None = None
    #: The post held that day, and the body it belongs to.
    post_id: int | None = None
    body_id: int | None = None
    kind: str | None = None
    area: str | None = None
    region: str | None = None
    party: str | None = None
    #: The kind of an outcome that came back from the target.
    outcome: str | None = None
    on_list: OnList | None = None
    #: A committee the target sits on.
    committee_id: int | None = None
    #: The kind of address it went to; `windows.ADDRESSES`.
    went_to: str | None = None
    #: Whether an answer is waited for: one of `STATES`.
    state: str | None = None

    _TARGET_FIELDS: ClassVar = (
        "target_id",
        "post_id",
        "body_id",
        "kind",
        "area",
        "region",
        "party",
        "outcome",
        "on_list",
        "committee_id",
        "went_to",
        "state",
    )

    _FEW_TARGETS: ClassVar = ("target_id", "kind", "region", "on_list", "committee_id")

    @property
    def narrows_targets(self) -> bool:
        """Whether it asks anything of the targets."""
        return any(getattr(self, name) is not None for name in self._TARGET_FIELDS)

    def with_(self, **changes: Any) -> "ActionFilter":
        """The same filter with some of it changed."""
        return replace(self, **changes)

    def few(self, action_id: Any) -> list[ColumnElement[bool]]:
        """Where few days are asked for, that it is an action of these: a condition that changes
        nothing but lets a statement begin from those few actions, and not go through all rows
        that hang on any.
        """
        if self.since is None or (self.until or today()) - self.since > FEW:
            return []
        of_days = select(_whole.id).where(_whole.happened_on >= self.since)
        if self.until is not None:
            of_days = of_days.where(_whole.happened_on <= self.until)
        return [action_id.in_(of_days)]

    def _on(self, table: Any, action_id: Any) -> list[ColumnElement[bool]]:
        asked: list[ColumnElement[bool]] = []
        if self.campaign_id is not None:
            asked.append(table.campaign_id == self.campaign_id)
        if self.since is not None:
            asked.append(table.happened_on >= self.since)
        if self.until is not None:
            asked.append(table.happened_on <= self.until)
        if self.channel is not None:
            asked.append(table.channel == self.channel)
        if self.chapter_ids is not None:
            of_action = exists().where(_chapter.action_id == action_id)
            asked.append(
                of_action.where(_chapter.chapter_id.in_(self.chapter_ids))
                if self.chapter_ids
                else ~of_action
            )
        if self.ask_id is not None:
            of_action = exists().where(_ask.c.action_id == action_id)
            asked.append(
                of_action.where(_ask.c.ask_id == self.ask_id) if self.ask_id else ~of_action
            )
        if self.member_id == 0:
            tallied = select(_whole.id).where(_whole.unnamed > 0)
            asked.append(action_id.in_(tallied))
        elif self.member_id is not None:
            asked.append(
                exists().where(_member.action_id == action_id, _member.member_id == self.member_id)
            )
        if self.team_id is not None:
            of_team = select(_in_team.member_id)
            if self.team_id:
                of_team = of_team.where(_in_team.team_id == self.team_id)
                in_team = _member.member_id.in_(of_team)
            else:
                in_team = _member.member_id.not_in(of_team)
            asked.append(exists().where(_member.action_id == action_id, in_team))
        return asked

    def of_targets(self, table: Any = ActionTarget) -> list[ColumnElement[bool]]:
        """Conditions on `ActionTarget` rows: all that the filter asks.

        Of another table that calls its columns so, where the filter asks for no other columns.
        """
        action_id = getattr(table, "action_id", None)
        asked = self._on(table, action_id)
        if not any(getattr(self, name) is not None for name in self._FEW_TARGETS):
            # Of few targets and few actions SQLite would look for every pair.
            asked += self.few(action_id)
        if self.target_id is not None:
            asked.append(table.target_id == self.target_id)
        if self.post_id == 0:
            asked.append(table.term_id.is_(None))
        elif self.post_id is not None:
            terms_of_post = select(_term.id).where(_term.post_id == self.post_id)
            asked.append(table.term_id.in_(terms_of_post))
        # IN and not EXISTS: it lets the database begin from the few targets that are meant.
        if self.kind is not None or self.region is not None:
            targets = select(_target.id)
            if self.kind is not None:
                targets = targets.where(_target.kind == self.kind)
            if self.region is not None:
                targets = targets.where(_target.region == (self.region or None))
            asked.append(table.target_id.in_(targets))
        asked.extend(self._of_terms(table))
        if self.on_list is not None:
            asked.append(table.target_id.in_(self.on_list.targets))
        if self.outcome is not None:
            answered = select(_outcome.action_target_id).where(_outcome.kind == self.outcome)
            asked.append(table.id.in_(answered))
        if self.committee_id is not None:
            sit = select(_seat.target_id)
            if self.committee_id:
                sit = sit.where(_seat.body_id == self.committee_id)
                asked.append(table.target_id.in_(sit))
            else:
                asked.append(table.target_id.not_in(sit))
        if self.went_to is not None:
            asked.append(table.went_to == (self.went_to or None))
        if self.state is not None:
            asked.extend(_in_state(self.state))
        return asked

    def _of_terms(self, table: Any) -> list[ColumnElement[bool]]:
        """What is asked of the term held that day; who held none has no state and no party."""
        terms = select(_term.id)
        if self.area is not None or self.body_id is not None:
            terms = terms.join(_post, _post.id == _term.post_id)
        with_term, without = list[ColumnElement[bool]](), list[ColumnElement[bool]]()
        for column, value in (
            (_post.area, self.area),
            (_term.party, self.party),
            (_post.body_id, self.body_id),
        ):
            if value:
                with_term.append(column == value)
            elif value is not None:
                without.append(column.is_not(None))
        asked = list[ColumnElement[bool]]()
        if with_term:
            asked.append(table.term_id.in_(terms.where(*with_term)))
        for has in without:
            asked.append(table.term_id.is_(None) | table.term_id.not_in(terms.where(has)))
        return asked

    def of_actions(self) -> list[ColumnElement[bool]]:
        """Conditions on `Action` rows: actions that reached at least one target asked for."""
        asked = [Action.undone_at.is_(None), *self._on(Action, Action.id)]
        if self.narrows_targets:
            asked.append(exists().where(ActionTarget.action_id == Action.id, *self.of_targets()))
        return asked


#: What an answer's state can be, by the word of an address.
STATES = ("waiting", "closed", "answered")


def _in_state(state: str) -> list[ColumnElement[bool]]:
    """Conditions on `ActionTarget`: waiting, closed without an answer, or answered."""
    if state == "waiting":
        return [ActionTarget.awaiting.is_(True)]
    came = exists().where(_outcome.action_target_id == ActionTarget.id)
    if state == "closed":
        return [ActionTarget.closed_on.is_not(None), ~came]
    return [came.where(_outcome.kind.in_(answer_names()))]


def actions(wanted: ActionFilter) -> Select[Action]:
    """The actions, newest first."""
    return (
        select(Action)
        .where(*wanted.of_actions())
        .order_by(Action.happened_on.desc(), Action.id.desc())
    )


def counted(wanted: ActionFilter, *parts: Part) -> Subquery:
    """One row an action: `action_id, campaign_id, channel, happened_on, pieces`, each counted once.

    Where the filter asks for targets, `pieces` is what reached those: the sum of their pieces for
    a channel counted per piece, the act itself once for any other. With `parts` one row an action
    and part, with what of the action belongs to that part.
    """
    if not wanted.narrows_targets and not any(part.of_targets for part in parts):
        whole = select(
            Action.id.label("action_id"),
            Action.campaign_id,
            Action.channel,
            Action.happened_on,
            Action.pieces,
            *columns_of(Action, parts),
        ).where(*wanted.of_actions())
        told: Subquery = told_apart(whole, Action, parts, wanted).subquery("counted")
        return told
    reached = case(
        (ActionTarget.channel.in_(per_piece_names()), func.sum(ActionTarget.pieces)),
        else_=func.max(ActionTarget.pieces),
    )
    apart = columns_of(ActionTarget, parts)
    of_those = (
        select(
            ActionTarget.action_id,
            ActionTarget.campaign_id,
            ActionTarget.channel,
            ActionTarget.happened_on,
            reached.label("pieces"),
            *apart,
        )
        .where(*wanted.of_targets())
        .group_by(
            ActionTarget.action_id,
            ActionTarget.campaign_id,
            ActionTarget.channel,
            ActionTarget.happened_on,
            *(each.name for each in apart),
        )
    )
    told = told_apart(of_those, ActionTarget, parts, wanted).subquery("counted")
    return told


def total(wanted: ActionFilter) -> int:
    """Pieces and acts, each counted once."""
    return db.session.scalar(select(func.coalesce(func.sum(counted(wanted).c.pieces), 0))) or 0


def find_logged(client_key: str) -> Action | None:
    """The action a form has made already, if it has."""
    return db.session.scalars(select(Action).where(Action.client_key == client_key)).one_or_none()
