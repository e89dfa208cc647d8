"""Imports of rosters that were carried out, and what of them is there: who may see which."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import defer, joinedload

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.access import Scope
from crm.core.links import digest
from crm.members import queries
from crm.members.models import Chapter, Member
from crm.members.sheets.meaning import IMPORTER


def reaches(scope: Scope, chapters: Collection[int]) -> bool:
    """Whether somebody of the scope may see, and undo, what went to all of these chapters."""
    return scope.everywhere or scope.chapter_ids.issuperset(chapters)


def runs(scope: Scope) -> Select[ImportRun]:
    """Imports that reached none but chapters of the scope, the last first."""
    # Of what was kept for an undo only the chapters are read: all of it may be large.
    rows = db.session.execute(
        select(ImportRun.id, ImportRun.kept["chapters"]).where(ImportRun.importer == IMPORTER)
    )
    seen = [number for number, chapters in rows if reaches(scope, chapters or ())]
    return (
        select(ImportRun)
        .options(defer(ImportRun.kept), joinedload(ImportRun.by), joinedload(ImportRun.undone_by))
        .where(ImportRun.id.in_(seen))
        .order_by(ImportRun.at.desc(), ImportRun.id.desc())
    )


def run(run_id: int, scope: Scope) -> ImportRun:
    """One of them. Raises `NoResultFound`."""
    found = db.session.scalars(
        select(ImportRun)
        .options(joinedload(ImportRun.by), joinedload(ImportRun.undone_by))
        .where(
            ImportRun.id == run_id, ImportRun.importer == IMPORTER,
            ImportRun.id.in_(runs(scope).with_only_columns(ImportRun.id).order_by(None)),
        )
    )  # fmt: skip
    return found.one()


def chapters_of(found: ImportRun) -> Sequence[str]:
    """Names of the chapters it wrote to."""
    ids = (found.kept or {}).get("chapters", ())
    return db.session.scalars(
        select(Chapter.name).where(Chapter.id.in_(ids)).order_by(Chapter.name)
    ).all()


def members_of(run_id: int, scope: Scope) -> Select[int]:
    """Ids of the members it made who are here, by name."""
    return (
        queries.visible_members(scope)
        .with_only_columns(Member.id)
        .where(Member.import_id == run_id)
        .order_by(Member.search, Member.id)
    )


def once(token: str) -> str:
    """The word under which a file that was sent is imported and never again."""
    return digest(token)


def run_of(token: str) -> int | None:
    """The import of a file that was sent, once it was carried out."""
    return db.session.scalar(select(ImportRun.id).where(ImportRun.once == once(token)))
