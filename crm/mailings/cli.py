"""`crm pack make` and `crm pack posted`: packs from a shell. Members are numbers there."""

from datetime import date, datetime
from uuid import uuid4

import click
from flask import Flask
from flask.cli import AppGroup
from flask_babel import ngettext
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from crm.campaigns.models import Campaign, campaign_chapter
from crm.core import db, i18n
from crm.core.access import Scope
from crm.core.cli import in_unit_of_work
from crm.mailings.allotment import Way
from crm.mailings.operations import make_pack
from crm.mailings.planning import Asked
from crm.mailings.posting import post_pieces
from crm.mailings.print_cli import print_command
from crm.mailings.queries import mailing, progress
from crm.members.models import Member, Membership
from crm.members.queries import find_chapter, open_on, present
from crm.outreach.channels import channels
from crm.texts.check import find_targets
from crm.texts.models import Text

pack = AppGroup("pack", help="Make packs of letters and postcards, and log what was posted.")
EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())


def init_app(app: Flask) -> None:
    """Add the commands."""
    pack.add_command(print_command)
    app.cli.add_command(pack)


@pack.command("make")
@click.option("--campaign", "campaign_slug", metavar="SLUG", required=True)
@click.option("--text", "text_slug", metavar="SLUG", required=True,
              help="A letter or postcard with an approved version.")  # fmt: skip
@click.option("--targets", "list_slug", metavar="LIST",
              help="A list of targets, or a campaign; not needed with --way own.")  # fmt: skip
@click.option("--chapter", "chapter_slug", metavar="SLUG",
              help="Who writes; needed unless the campaign has one chapter.")  # fmt: skip
@click.option("--members", metavar="all|IDS", help="All members of the chapter, or numbers: 4,7,9.")
@click.option("--each", type=click.IntRange(1), help="Pieces by each member, or to each target.")
@click.option("--total", type=click.IntRange(1), help="Pieces in all, of a spread.")
@click.option("--most", type=click.IntRange(0), help="At most so many by one member.")
@click.option("--way", type=click.Choice([each.value for each in Way]), default="spread",
              show_default=True)  # fmt: skip
@click.option("--date", "planned_on", type=click.DateTime(["%Y-%m-%d"]),
              help="To be posted by; today unless given.")  # fmt: skip
@click.option("--language", default="en", show_default=True)
@click.option("--key", metavar="KEY", help="The same key again makes nothing new.")
@in_unit_of_work
def make(
    campaign_slug: str,
    text_slug: str,
    list_slug: str | None,
    chapter_slug: str | None,
    members: str | None,
    each: int | None,
    total: int | None,
    most: int | None,
    way: str,
    planned_on: datetime | None,
    language: str,
    key: str | None,
) -> None:
    """Share a text out to targets and members, and print the code of the pack."""
    today = i18n.today()
    campaign_id, chapter_id = _whose(campaign_slug, chapter_slug)
    made = make_pack(
        asked=Asked(
            campaign_id=campaign_id,
            chapter_id=chapter_id,
            text_id=_text(text_slug),
            language=language,
            way=Way(way),
            target_ids=_targets(list_slug, way),
            members=_members(members, chapter_id, today),
            total=total,
            each=each,
            most=most,
        ),
        planned_on=planned_on.date() if planned_on else today,
        client_key=f"cli-{key}" if key else f"cli-{uuid4()}",
        by=None,
        today=today,
    )
    told = made.allotted
    click.echo(
        f"{made.code_written}  {channels()[made.channel].count(told['pieces'])}, "
        + ngettext("%(num)s target", "%(num)s targets", told["targets"])
        + ", "
        + ngettext("%(num)s member", "%(num)s members", told["members"])
        + f", {told['in_pool']} in the pool"
    )


def _whose(campaign_slug: str, chapter_slug: str | None) -> tuple[int, int]:
    campaign = db.session.scalars(
        select(Campaign).where(Campaign.slug == campaign_slug)
    ).one_or_none()
    if campaign is None:
        raise click.UsageError(f"there is no campaign {campaign_slug!r}")
    if chapter_slug is not None:
        chapter = find_chapter(chapter_slug)
        if chapter is None:
            raise click.UsageError(f"there is no chapter {chapter_slug!r}")
        return campaign.id, chapter.id
    owners = db.session.scalars(
        select(campaign_chapter.c.chapter_id).where(campaign_chapter.c.campaign_id == campaign.id)
    ).all()
    if len(owners) != 1:
        raise click.UsageError("say with --chapter who writes")
    return campaign.id, owners[0]


def _text(slug: str) -> int:
    number = db.session.scalar(select(Text.id).where(Text.slug == slug))
    if number is None:
        raise click.UsageError(f"there is no text {slug!r}")
    return number


def _targets(slug: str | None, way: str) -> frozenset[int] | None:
    if slug is None:
        if way == Way.OWN:
            return None
        raise click.UsageError("name a list of targets with --targets")
    return frozenset(find_targets(slug).ids)


def _members(given: str | None, chapter_id: int, today: date) -> dict[int, int | None]:
    """Present members of the chapter, or those of them whose numbers are given."""
    if not given:
        return {}
    there = set(
        db.session.scalars(
            select(Member.id)
            .join(Membership, Membership.member_id == Member.id)
            .where(Membership.chapter_id == chapter_id, open_on(today), *present())
        )
    )
    if given == "all":
        return dict.fromkeys(sorted(there))
    parts = [each.strip() for each in given.split(",") if each.strip()]
    if not all(each.isascii() and each.isdigit() and len(each) < 10 for each in parts):
        raise click.UsageError("--members takes `all`, or numbers by commas")
    wanted = [int(each) for each in parts]
    if strange := [each for each in wanted if each not in there]:
        raise click.UsageError(f"no members of this chapter: {', '.join(map(str, strange))}")
    return dict.fromkeys(wanted)


@pack.command("posted")
@click.argument("code")
@click.option("--pieces", type=click.IntRange(1),
              help="So many, prepared ones first; all unless given.")  # fmt: skip
@click.option("--date", "posted_on", type=click.DateTime(["%Y-%m-%d"]), help="Today unless given.")
@click.option("--posting", "number", type=click.IntRange(1),
              help="Which posting it is; one that is there is not logged again.")  # fmt: skip
@in_unit_of_work
def posted(code: str, pieces: int | None, posted_on: datetime | None, number: int | None) -> None:
    """Log the pack CODE as posted. A pack that is all posted is not logged again."""
    today = i18n.today()
    try:
        found = mailing(code, EVERYWHERE)
    except NoResultFound as error:
        raise click.ClickException(f"There is no pack {code!r}.") from error
    result = post_pieces(
        found,
        number=number,
        posted_on=posted_on.date() if posted_on else today,
        pieces=pieces,
        origin="command",
        by=None,
        today=today,
    )
    action, posting = result.action, result.posting
    what = channels()[action.channel].count(action.pieces)
    if result.is_new:
        left = progress([found.id])[found.id].unposted
        click.echo(f"{what} logged as outreach {action.id}, {left} left to post")
    else:
        click.echo(
            f"logged already on {posting.posted_on}: {what}, outreach {action.id}; "
            "nothing was counted twice"
        )
