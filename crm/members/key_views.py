"""Handing members the way to their own page: a link, cards on paper, a linked account."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import segno
from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice

from crm.core import access, db, i18n, links, mail, pdf
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, choice, parse_id
from crm.members import chaperone, departures, key_operations, keys, queries
from crm.members.disclosure import NOBODY, Exit, Shown, Viewer, disclose
from crm.members.keys import Fresh, Kind
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter
from crm.members.rules import is_open
from crm.members.views import blueprint

#: Cards of one file: twenty sheets.
CARDS_MOST = 200


@blueprint.post("/members/<int:member_id>/link")
@requires(Can.EDIT_MEMBERS)
def give_link(member_id: int) -> Any:
    """A link to the member's own page, shown this once."""
    queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    fresh = key_operations.give_link(member_id=member_id, by=current_user, today=i18n.today())
    return render_template(
        "members/link.html",
        id=member_id,
        name=disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id].name,
        link=links.absolute("members.own_key", code=fresh.code),
        expires_at=fresh.expires_at,
        mailed=mail_link(member_id, fresh),
    )


def mail_link(member_id: int, fresh: Fresh) -> str | None:
    """Send the link to the member, where mail is set up; says that it left, or why not.

    A child is never written to alone: a guardian or leader gets a copy, without the link.
    """
    if not mail.is_configured():
        return None
    sent = chaperone.send_to_member(
        queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS)),
        "own_link",
        subject=_l("Your own page"),
        name=disclose([member_id], to=NOBODY, exit=Exit.MAIL)[member_id].name,
        link=links.absolute("members.own_key", code=fresh.code),
        until=i18n.day(fresh.expires_at.date()),
    )
    if sent:
        return _("It was also mailed to them.")
    return _("It was not mailed: %(why)s", why=sent.why_not or "")


@blueprint.post("/members/<int:member_id>/keys/<any(link,card):kind>/revoke")
@requires(Can.EDIT_MEMBERS)
def revoke_keys(member_id: int, kind: str) -> Any:
    """Let a link or card open nothing any more."""
    queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    key_operations.revoke_keys(member_id=member_id, kind=kind, by=current_user)
    flash(_("It opens nothing any more."), "success")
    return redirect(url_for("members.page", member_id=member_id), 303)


# Cards


class CardsForm(Form):
    """Which members get a card; the list of ticks is read beside the form."""

    paper = SelectField(
        _l("Paper"), choices=[SelectChoice(value, label) for value, label in pdf.PAPERS.items()]
    )
    replace = BooleanField(_l("Replace the cards they have"))


@dataclass(frozen=True)
class _Line:
    """A member who may get a card, or why not."""

    shown: Shown
    hindrance: str | None
    has_card: bool
    is_ticked: bool


@blueprint.route("/members/cards", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def cards() -> Any:
    """Cards with a code for one member, several, or a whole chapter: a PDF."""
    scope = access.scope(current_user, Can.EDIT_MEMBERS)
    chapters = queries.chapters_in(scope, open_only=True)
    chapter = _chosen(chapters)
    form = CardsForm(data={"paper": pdf.usual_paper()})
    asked = [parse_id(each) for each in request.values.getlist("member")]
    chosen = {each for each in asked if each is not None}
    if chapter is not None:
        made = form.carry(lambda: _sheet(chapter, chosen, form))
        if made is not None:
            return made
    return render_template(
        "members/cards.html",
        form=form,
        chapters=chapters,
        chapter=chapter,
        lines=_lines(chapter, chosen) if chapter is not None else [],
        papers=pdf.PAPERS,
        days=keys.CARD_DAYS,
        most=CARDS_MOST,
    ), form.status


def _chosen(chapters: Sequence[Chapter]) -> Chapter | None:
    slug = request.args.get("chapter")
    if slug:
        return next((each for each in chapters if each.slug == slug), None) or abort(404)
    return chapters[0] if len(chapters) == 1 else None


def _members_of(chapter: Chapter) -> list[int]:
    wanted = MemberFilter(chapter_ids=frozenset({chapter.id}))
    scope = access.scope(current_user, Can.EDIT_MEMBERS)
    found = queries.members(wanted, scope, today=i18n.today())
    return [each.id for each in db.session.scalars(found)]


def _lines(chapter: Chapter, chosen: set[int]) -> list[_Line]:
    ids, today = _members_of(chapter), i18n.today()
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    hindered = keys.hindrances(ids, today=today)
    holding = _holding(ids)
    is_first = request.method == "GET" and not chosen
    return [
        _Line(
            shown[each],
            hindered.get(each),
            each in holding,
            each not in hindered and (each in chosen or (is_first and each not in holding)),
        )
        for each in ids
    ]


def _holding(ids: Sequence[int]) -> set[int]:
    return {key.member_id for key in keys.working(ids, now=db.now()) if key.kind == Kind.CARD.value}


def _sheet(chapter: Chapter, chosen: set[int], form: CardsForm) -> Response:
    today, me = i18n.today(), current_user._get_current_object()
    wanted = [each for each in _members_of(chapter) if each in chosen]
    if len(wanted) > CARDS_MOST:
        raise Refused(_("At most %(most)s cards at once: tick fewer.", most=CARDS_MOST))
    if (holding := _holding(wanted)) and not form.replace.data:
        raise Refused(
            ngettext(
                "%(num)s of these has a card that works. A new one ends it: tick “Replace” if"
                " that is meant.",
                "%(num)s of these have cards that work. New ones end them: tick “Replace” if that"
                " is meant.",
                len(holding),
            ),
            "replace",
        )
    fresh = key_operations.draw_cards(member_ids=wanted, by=me, today=today)
    data = cards_data(fresh, chapter.name)
    body = pdf.render("member_cards", data, paper=pdf.paper_named(form.paper.data))
    # Setting the paper let go of the database: all is asked again, then kept.
    key_operations.keep_cards(fresh=fresh, by=me, today=today)
    departures.record(exit=Exit.PRINT, what=_("Card with a code"), member_ids=wanted, by=me)
    response = Response(body, mimetype="application/pdf")
    name = f"cards-{chapter.slug}-{today.isoformat()}.pdf"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def cards_data(fresh: Sequence[Fresh], chapter: str) -> dict[str, Any]:
    """What the template reads: for each card a name as paper may have it, and the code."""
    shown = disclose(
        [each.member_id for each in fresh], to=Viewer.of(current_user), exit=Exit.PRINT
    )
    address = links.absolute("members.own")
    return {
        "lang": str(getattr(get_locale(), "language", "en")),
        "title": _("Cards to one's own page"),
        "heading": _("My page"),
        "chapter": chapter,
        "type": _("Open this address and type the code:"),
        "address": address.partition("://")[2] or address,
        "until": _("Works until %(day)s.", day=i18n.day(fresh[0].expires_at.date())),
        "lost": _("Lost it? Tell your leader."),
        "cards": [
            {
                "name": shown[each.member_id].name,
                "code": keys.written(each.code),
                "qr": segno.make(
                    links.absolute("members.own_key", code=each.code), error="m", micro=False
                ).svg_inline(border=2, omitsize=True),
            }
            for each in fresh
        ],
    }


# Panels of other pages


def of_member(member: Member) -> dict[str, Any] | None:
    """What a member's page says of the ways to their own: who keeps them alone."""
    edits = access.scope(current_user, Can.EDIT_MEMBERS)
    if not edits.includes(*(each.chapter_id for each in member.memberships)):
        return None
    today = i18n.today()
    there = [each for each in member.memberships if is_open(each.left_on, today)]
    return {
        "member": member,
        "keys": keys.working([member.id], now=db.now()),
        "kinds": keys.KINDS,
        "hindrance": keys.hindrances([member.id], today=today).get(member.id),
        "chapter": next((each.chapter for each in there if edits.includes(each.chapter_id)), None),
        "forgets": access.scope(current_user, Can.FORGET_MEMBERS).includes(
            *(each.chapter_id for each in member.memberships)
        ),
    }


def of_list(_wanted: MemberFilter) -> dict[str, Any] | None:
    """The way to cards from the list of members."""
    if not access.may(current_user, Can.EDIT_MEMBERS):
        return None
    return {"chapter": request.args.get("chapter") or None}


# Accounts


class LinkForm(Form):
    """Which member somebody who signs in is."""

    member_id = choice(_l("Member"), required=True, validate_choice=False)


@blueprint.route("/settings/users/<int:user_id>/member", methods=["GET", "POST"])
@requires(Can.MANAGE_USERS)
def link_user(user_id: int) -> Any:
    """Choose the member of a chapter, who then sees their own page by signing in."""
    scope = access.scope(current_user, Can.MANAGE_USERS)
    user = queries.user(user_id, scope)
    chapters = queries.chapters_in(scope, open_only=True)
    chapter = _chosen(chapters)
    form = LinkForm()
    choices = _choices(chapter) if chapter is not None else []
    form.member_id.choices = [("", _("Choose a member")), *choices]
    linked = form.carry(
        lambda: key_operations.link_user(
            user_id=user_id,
            member_id=parse_id(form.member_id.data) or 0,
            by=current_user,
            today=i18n.today(),
        )
    )
    if linked is not None:
        flash(_("They see their own page once they sign in."), "success")
        return redirect(url_for("members.user", user_id=user_id), 303)
    user = queries.user(user_id, scope)
    return render_template(
        "members/link_user.html", form=form, user=user, chapters=chapters, chapter=chapter
    ), form.status


def _choices(chapter: Chapter) -> list[tuple[str, str]]:
    ids = _members_of(chapter)
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    return [(str(each), shown[each].name) for each in ids]


@blueprint.post("/settings/users/<int:user_id>/member/unlink")
@requires(Can.MANAGE_USERS)
def unlink_user(user_id: int) -> Any:
    """Part an account from its member."""
    key_operations.unlink_user(user_id=user_id, by=current_user)
    flash(_("The account and the member are parted."), "success")
    return redirect(url_for("members.user", user_id=user_id), 303)


def of_user(user: Any) -> dict[str, Any]:
    """What the page of somebody who signs in says of the member they are."""
    member = keys.of_user(user.id)
    if member is None:
        return {"user": user, "shown": None, "is_seen": False}
    shown = disclose([member.id], to=Viewer.of(current_user), exit=Exit.PAGE)[member.id]
    sees = access.scope(current_user, Can.SEE_MEMBERS)
    found = queries.visible_members(sees).where(Member.id == member.id)
    is_seen = db.session.scalar(found.with_only_columns(Member.id)) is not None
    return {"user": user, "shown": shown, "is_seen": is_seen}
