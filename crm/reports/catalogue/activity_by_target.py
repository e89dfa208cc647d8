"""What reached each target: the report the rest of the house is for.

By person, or by the post that was held that day: two who held one seat add up in the seat's row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from crm.core import db
from crm.core.charts import Bar, Chart, bars
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Share
from crm.outreach import kept
from crm.outreach.channels import awaited_names
from crm.outreach.filters import NO_POST
from crm.outreach.models import ActionTarget
from crm.outreach.rules import Reconciliation
from crm.reports.catalogue import Question, Report
from crm.reports.queries import (
    NO_SEAT,
    Repeats,
    answers_by,
    number_of,
    repeated_by_targets,
    seats,
    tally,
)
from crm.reports.rules import ANSWERED, Reckoning, Tally, once, once_sentence
from crm.targets.models import Body, Post, Target, Term


def rows(asked: Question) -> Iterator[Row]:
    """One row a target, most reached first."""
    # What reached each by campaign and channel: sums that are kept, or the scan as the index lies.
    sums = kept.reach(asked.wanted, "target_id")
    # Then by target alone, which is a few thousand rows and no longer a million.
    awaited = case((sums.c.channel.in_(awaited_names()), sums.c.pieces), else_=0)
    reached = (
        select(
            sums.c.target_id,
            func.sum(sums.c.pieces).label("pieces"),
            func.sum(sums.c.actions).label("actions"),
            func.sum(awaited).label("awaited"),
            func.max(sums.c.last).label("last"),
        )
        .group_by(sums.c.target_id)
        .subquery()
    )
    found = db.session.execute(
        select(Target.id, Target.sort_name, Target.name, Target.region, reached.c.pieces,
               reached.c.actions, reached.c.awaited, reached.c.last)
        .join(reached, reached.c.target_id == Target.id)
    )  # fmt: skip
    answers, known_by = answers_by(ActionTarget.target_id, asked.wanted), seats()
    # Sorted here: databases differ in what comes first of two names.
    for target_id, _sorted_by, name, region, pieces, actions, waited, last in sorted(
        found, key=lambda row: (-row.pieces, row.sort_name, row.id)
    ):
        seat, came = known_by.get(target_id, NO_SEAT), answers.get(target_id, 0)
        yield (
            name, seat.office, seat.area or region or "", seat.party, int(pieces),
            int(actions), came, Share(came, int(waited)), last, target_id,
        )  # fmt: skip


def reckon(asked: Question, rows_total: int) -> Reckoning:
    """What acts with several targets repeat, and what reached no target."""
    return reckoned(rows_total, asked)


def reckoned(rows_total: int, asked: Question, *more: str) -> Reckoning:
    """For reports whose rows are what reached targets; `more` is said at the end."""
    total = tally(asked.wanted)
    repeats = repeated_by_targets(asked.wanted, total)
    return Reckoning(
        Reconciliation(rows_total, repeats.shared, repeats.untold, total.total),
        [*target_sentences(rows_total, repeats, total), *more],
        total.actions,
    )


def target_sentences(rows_total: int, repeats: Repeats, total: Tally) -> list[str]:
    """How what reached targets and what was done fit, in words."""
    reached = ngettext(
        "Targets were reached %(many)s time",
        "Targets were reached %(many)s times",
        rows_total,
        many=number(rows_total),
    )
    if not repeats.shared and not repeats.untold:
        if not rows_total:
            return [once_sentence(total)]
        return [_("%(reached)s, each counted once: %(told)s.", reached=reached, told=total.told)]
    said = [f"{reached}."]
    if repeats.shared:
        said.append(
            ngettext(
                "%(shared)s of these repeat one act that reached several targets.",
                "%(shared)s of these repeat %(many)s acts that reached several targets.",
                repeats.acts,
                shared=number(repeats.shared),
                many=number(repeats.acts),
            )
        )
    if repeats.untold:
        said.append(
            ngettext(
                "%(many)s act reached the public and no target by name.",
                "%(many)s acts reached the public and no target by name.",
                repeats.untold,
                many=number(repeats.untold),
            )
        )
    said.append(_("Counted once that is %(total)s.", total=once(total)))
    return said


CHART_TITLE = _l("Targets reached most")


def chart(shown: Sequence[Row]) -> Chart:
    """The targets reached most."""
    most = sorted(shown, key=lambda row: -row[4])[:10]
    return bars(CHART_TITLE, [Bar(row[0], row[4]) for row in most])


BY_PERSON = Report(
    name="activity-by-target",
    about=_l("Person"),
    order=10,
    icon="bank",
    title=_l("Activity by target"),
    description=_l("How often each target was reached, how it answered, and when it was last."),
    columns=(
        Column("target", _l("Target"), width=28),
        Column("office", _l("Office"), width=36),
        Column("area", _l("State or region"), width=16),
        Column("party", _l("Party"), width=14),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows,
    reckon=reckon,
    chart=chart,
    chart_title=CHART_TITLE,
    lists_outcomes={"answers": ANSWERED, "rate": ANSWERED},
    beneath={"office": "target"},
    narrow=lambda row: {"target": str(row[-1])},
    record=lambda row: ("targets.page", {"target_id": row[-1]}),
)


@dataclass
class _Post:
    """What reached who held a post."""

    label: str
    area: str
    holders: dict[int, str] = field(default_factory=dict)
    pieces: int = 0
    actions: int = 0
    awaited: int = 0
    answers: int = 0
    last: date | None = None


def rows_by_post(asked: Question) -> Iterator[Row]:
    """One row a post, most reached first, and one for targets that held none."""
    sums = kept.reach(asked.wanted, "term_id")
    awaited = case((sums.c.channel.in_(awaited_names()), sums.c.pieces), else_=0)
    reached = (
        select(
            sums.c.term_id,
            func.sum(sums.c.pieces).label("pieces"),
            func.sum(sums.c.actions).label("actions"),
            func.sum(awaited).label("awaited"),
            func.max(sums.c.last).label("last"),
        )
        .group_by(sums.c.term_id)
        .subquery()
    )
    found = db.session.execute(
        select(reached, Post.id, Post.label, Body.name, Post.area, Target.id, Target.name)
        .outerjoin(Term, Term.id == reached.c.term_id)
        .outerjoin(Post, Post.id == Term.post_id)
        .outerjoin(Body, Body.id == Post.body_id)
        .outerjoin(Target, Target.id == Term.target_id)
        .order_by(reached.c.last, Target.id)
    )
    answers = answers_by(ActionTarget.term_id, asked.wanted)
    posts: dict[int, _Post] = {}
    for term_id, pieces, actions, waited, last, post_id, label, body, area, holder, name in found:
        post = posts.setdefault(post_id or 0, _Post(label or body or _("No post"), area or ""))
        post.pieces += int(pieces)
        post.actions += int(actions)
        post.awaited += int(waited)
        post.answers += answers.get(term_id, 0)
        post.last = max(last, post.last or last)
        if holder is not None:
            post.holders[holder] = name
    _count_actions_once(asked, posts)
    order = sorted(posts, key=lambda post_id: (not post_id, -posts[post_id].pieces,
                                               posts[post_id].label, post_id))  # fmt: skip
    for post_id in order:
        post = posts[post_id]
        yield (
            post.label, ", ".join(post.holders.values()), post.area, post.pieces, post.actions,
            post.answers, Share(post.answers, post.awaited), post.last, post_id,
        )  # fmt: skip


def _count_actions_once(asked: Question, posts: dict[int, _Post]) -> None:
    """An action that reached two holders of a post is one; and so of those without a post."""
    several = [post_id for post_id, post in posts.items() if len(post.holders) > 1]
    if several:
        of_term = aliased(Term)
        for post_id, actions in db.session.execute(
            select(of_term.post_id, func.count(ActionTarget.action_id.distinct()))
            .join(of_term, of_term.id == ActionTarget.term_id)
            .where(of_term.post_id.in_(several), *asked.wanted.of_targets())
            .group_by(of_term.post_id)
        ):
            posts[post_id].actions = actions
    if 0 in posts:
        posts[0].actions = number_of(
            select(func.count(ActionTarget.action_id.distinct())).where(
                ActionTarget.term_id.is_(None), *asked.wanted.of_targets()
            )
        )


def chart_of_posts(shown: Sequence[Row]) -> Chart:
    """The posts reached most; what held no post is none."""
    most = sorted((row for row in shown if row[-1]), key=lambda row: -row[3])[:10]
    return bars(POSTS_TITLE, [Bar(_short(row[0]), row[3]) for row in most])


def _short(label: str) -> str:
    """`U.S. Representative for West Virginia, district 1` → `West Virginia, district 1`."""
    return label.partition(" for ")[2] or label


POSTS_TITLE = _l("Posts reached most")

BY_POST = replace(
    BY_PERSON,
    about=_l("Post"),
    title=_l("Activity by post"),
    description=_l("How often each post was reached, whoever held it that day."),
    columns=(
        Column("post", _l("Post"), width=44),
        Column("holders", _l("Held by"), width=36),
        Column("area", _l("State or region"), width=16),
        Column("pieces", _l("Reached"), Kind.NUMBER, 10),
        Column("actions", _l("Actions"), Kind.NUMBER, 10),
        Column("answers", _l("Answers"), Kind.NUMBER, 10),
        Column("rate", _l("Answer rate"), Kind.SHARE, 18),
        Column("last", _l("Last contact"), Kind.DATE, 12),
    ),
    rows=rows_by_post,
    chart=chart_of_posts,
    chart_title=POSTS_TITLE,
    beneath={"holders": "post"},
    narrow=lambda row: {"post": str(row[-1] or NO_POST)},
    record=None,
)

REPORT = replace(BY_PERSON, ways={"person": BY_PERSON, "post": BY_POST})
