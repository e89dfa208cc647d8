"""`crm text check`: the merge check, for scripts."""

import sys
from datetime import UTC, datetime
from typing import Any

import click
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy.exc import NoResultFound

from crm.core import db
from crm.core.access import Scope
from crm.core.cli import in_unit_of_work
from crm.core.errors import Refused
from crm.members import disclosure
from crm.members.disclosure import NOBODY, Exit
from crm.members.models import Member
from crm.members.queries import MemberFilter, find_chapter, members
from crm.texts import check as checks
from crm.texts import queries
from crm.texts.operations import known_language


@click.group("text", help="What is written to targets.")
def texts() -> None:
    """The group the commands hang on."""


@texts.command("check")
@click.argument("slug")
@click.option(
    "--targets", "listed", required=True, metavar="LIST", help="A list of targets, or a campaign."
)
@click.option("--language", default="en", show_default=True, help="Such as fr or pt-BR.")
@click.option("--members", "chapter_slug", metavar="CHAPTER", help="Look at these members too.")
@click.option(
    "--value", "given", multiple=True, metavar="NAME=WORDS", help="For a field of the text's own."
)
@in_unit_of_work
def check(
    slug: str, listed: str, language: str, chapter_slug: str | None, given: tuple[str, ...]
) -> None:
    """Tell of each piece of the text SLUG that cannot be printed why, and end with 1 then.

    Members are told by their pseudonyms.
    """
    today = datetime.now(UTC).date()
    try:
        text = queries.text(slug)
    except NoResultFound:
        raise Refused(_("There is no text %(slug)s.", slug=slug)) from None
    found = checks.find_targets(listed)
    chapter = None
    if chapter_slug is not None and (chapter := find_chapter(chapter_slug)) is None:
        raise Refused(_("There is no chapter %(slug)s.", slug=chapter_slug))
    ids: list[int] = []
    if chapter is not None:
        scope = Scope(everywhere=False, chapter_ids=frozenset({chapter.id}))
        wanted = members(MemberFilter(), scope, today=today)
        ids = list(db.session.scalars(wanted.with_only_columns(Member.id).order_by(None)))
    checked = checks.check(
        text,
        checks.version_of(text, known_language(language)),
        target_ids=found.ids,
        member_ids=sorted(ids),
        campaign=found.campaign or text.campaign,
        chapter=chapter or text.chapter,
        values=dict(_pair(each) for each in given),
        on=today,
        viewer=NOBODY,
    )
    _tell(checked)


def _pair(given: str) -> tuple[str, str]:
    name, equals, words = given.partition("=")
    if not equals or not name.strip():
        raise Refused(_("Write NAME=WORDS, and not %(given)s.", given=given))
    return name.strip(), words


def _tell(checked: checks.Checked) -> None:
    hindered = checked.hindered
    signing = [line.member_id for line in hindered if line.member_id is not None]
    shown: Any = disclosure.disclose(signing, to=NOBODY, exit=Exit.EXPORT) if signing else {}
    for line in hindered:
        name = line.name if line.member_id is None else shown[line.member_id].name
        click.echo(f"{name}: {line.told}")
    targets = [line for line in checked.lines if line.target_id is not None]
    stopped = sum(bool(line.hindrances) for line in targets)
    last = ngettext(
        "%(num)s target, %(stopped)s of them cannot be printed.",
        "%(num)s targets, %(stopped)s of them cannot be printed.",
        len(targets),
        stopped=stopped,
    )
    if asked := len(checked.lines) - len(targets):
        last += " " + ngettext(
            "%(num)s member, %(stopped)s of them cannot sign.",
            "%(num)s members, %(stopped)s of them cannot sign.",
            asked,
            stopped=len(signing),
        )
    elif checked.without_members:
        last += " " + _("Names of members were not looked at: give --members.")
    click.echo(last)
    if hindered:
        sys.exit(1)
