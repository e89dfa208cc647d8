"""Whom a source speaks of, where a target is known to several sources or was merged of several.

Two sources must not take turns in rewriting one person: the one whose present office began last
keeps the facts, and the other brings only what is its own (identifiers, contact points, seats).
"""

from collections.abc import Collection
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import db
from crm.targets.models import Body, Post, Target, Term
from crm.targets.sources.facts import Intake, TargetFacts
from crm.targets.writing import Row

#: A day and the key of a body: of two present offices the later one, in an order without ties.
_Office = tuple[date, str]


def settle(intake: Intake, known: dict[str, Row], columns: tuple[str, ...]) -> None:
    """Bring intake and known targets to one fact sheet a target; adds to `known` and warnings.

    `known` maps identifiers to rows whose last value is the source; `columns` names the values.
    """
    _find_by_former(intake, known)
    _one_sheet_each(intake, known, columns)
    _yield_to_others(intake, known, columns)


def merged_of(target_ids: Collection[int]) -> set[int]:
    """Those of the targets that another was merged into: their identifiers are of several."""
    return {
        kept
        for kept in db.session.scalars(
            select(Target.merged_into_id).where(Target.merged_into_id.is_not(None)).distinct()
        )
        if kept is not None and kept in target_ids
    }


def _find_by_former(intake: Intake, known: dict[str, Row]) -> None:
    """A source that made one record of two names the other's identifier: it is the same target."""
    listed = {facts.identifier for facts in intake.targets}
    for facts in intake.targets:
        if facts.identifier in known:
            continue
        for scheme, identifier in facts.identifiers:
            if scheme == intake.scheme and identifier in known and identifier not in listed:
                known[facts.identifier] = known[identifier]
                break


def _one_sheet_each(intake: Intake, known: dict[str, Row], columns: tuple[str, ...]) -> None:
    """Of several records that are one target here, the one it is known by speaks for it."""
    sheets: dict[int, list[TargetFacts]] = {}
    for facts in intake.targets:
        if row := known.get(facts.identifier):
            sheets.setdefault(row[0], []).append(facts)
    silent: set[str] = set()
    place = columns.index("name")
    for several in sheets.values():
        if len(several) < 2:
            continue
        name = known[several[0].identifier][1][place]
        speaks = next((each for each in several if each.columns["name"] == name), several[0])
        for each in several:
            if each is not speaks:
                silent.add(each.identifier)
                intake.warnings.append(
                    _("%(other)s (%(id)s) is one with %(name)s here; only the facts of the latter "
                      "are taken.",
                      other=each.columns["name"], id=each.identifier, name=speaks.columns["name"])
                )  # fmt: skip
    if silent:
        intake.targets = [each for each in intake.targets if each.identifier not in silent]


def _yield_to_others(intake: Intake, known: dict[str, Row], columns: tuple[str, ...]) -> None:
    others = {
        row[0]: facts
        for facts in intake.targets
        if (row := known.get(facts.identifier)) and row[1][columns.index("source")] != intake.source
    }
    if not others:
        return
    held = _offices_elsewhere(intake, others)
    for target_id, facts in others.items():
        mine = next((term for term in facts.terms if term.is_current), None)
        theirs = held.get(target_id)
        if mine is not None:
            body = intake.posts[mine.post_key].body
            if theirs is None or (mine.starts_on or date.min, body) > theirs:
                continue
        elif theirs is None and not _has_source(known[facts.identifier], columns):
            continue
        facts.terms = [term._replace(is_current=False) for term in facts.terms]
        facts.columns = dict(zip(columns, known[facts.identifier][1], strict=True))


def _has_source(row: Row, columns: tuple[str, ...]) -> bool:
    return row[1][columns.index("source")] is not None


def _offices_elsewhere(intake: Intake, ids: Collection[int]) -> dict[int, _Office]:
    """Present offices that another source keeps; those kept by hand give way to any."""
    rows = db.session.execute(
        select(Term.target_id, Term.starts_on, Body.key)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.is_current, Term.target_id.in_(ids))
    )
    return {
        target_id: (starts_on or date.min, key)
        for target_id, starts_on, key in rows
        if is_elsewhere(intake, key)
    }


def is_elsewhere(intake: Intake, body_key: str) -> bool:
    """Whether a body is another source's."""
    return not body_key.startswith((*intake.roots, "own/"))
