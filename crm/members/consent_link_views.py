"""What a guardian opens by a link: who asks what for which child, and yes or no to each.

Nobody is signed in here; the link is the key. The address holds nothing but its secret part, and
nothing of it travels on: no referrer, no search engine.
"""

from typing import Any

from flask import Response, abort, redirect, render_template, request, url_for

from crm.core import db, i18n, limits, mail
from crm.core.access import public
from crm.core.forms import Form
from crm.members import consent_requests, consents, departures, guardians
from crm.members.consent_forms import AnswerForm, field_of
from crm.members.consent_requests import Lapsed, lapsed
from crm.members.consent_rules import Answer, Purpose, State, usual_end
from crm.members.disclosure import NOBODY, Exit, Shown, disclose
from crm.members.models import ConsentRequest
from crm.members.views import blueprint


def _by_link() -> str:
    return str((request.view_args or {}).get("token", ""))


@blueprint.route("/consent/<token>", methods=["GET", "POST"])
@limits.misses("30 per 10 minutes", limits.by_client)
@limits.failures("20 per 10 minutes", limits.by_client)
@public
def answer_consent(token: str) -> Any:
    """The questions, or a sentence why the link works no more."""
    asked = consent_requests.find_request(token)
    if asked is None:
        return _page("members/link_gone.html", why=None, may_ask=False), 404
    with consent_requests.in_language_of(asked):
        if (why := lapsed(asked, db.now())) is not None:
            return _lapsed(why)
        return _questions(asked, token)


def _lapsed(why: Lapsed) -> Any:
    page = _page(
        "members/link_gone.html",
        why=consent_requests.words_of(why),
        may_ask=why is not Lapsed.REVOKED and mail.is_configured(),
    )
    return page, 410


def _questions(asked: ConsentRequest, token: str) -> Any:
    purposes = [Purpose(each) for each in asked.purposes]
    words = _own_words(asked)
    form = AnswerForm()
    form.ask(purposes)
    if request.method == "GET":
        for each in purposes:
            form[field_of(each)].data = _as_answer(words.get(each))
    today = i18n.today()
    shown = disclose([asked.member_id], to=NOBODY, exit=Exit.GUARDIAN)[asked.member_id]
    child = asked.guardian_id is not None
    kept = form.carry(
        lambda: consent_requests.answer_request(
            token=token, answers=form.answers(), signed_as=form.signed_as.data, today=today
        )
    )
    if kept is not None:
        return _thanks(kept, form.answers(), shown, child)
    if form.is_submitted() and (why := _lapsed_meanwhile(token)) is not None:
        return _lapsed(why)
    page = _page(
        "members/answer_consent.html",
        form=form,
        shown=shown,
        for_child=child,
        purposes=[(each, words.get(each)) for each in purposes],
        field_of=field_of,
        until=usual_end(today),
        name=asked.guardian.name if asked.guardian is not None else shown.name,
    )
    return page, form.status


def _lapsed_meanwhile(token: str) -> Lapsed | None:
    """Why the link works no more, when a second click came in between."""
    asked = consent_requests.find_request(token)
    return lapsed(asked, db.now()) if asked is not None else None


def _thanks(kept: ConsentRequest, answers: dict[Purpose, Answer], shown: Shown, child: bool) -> Any:
    """What was kept and, of what was refused, what has left already.

    Not a redirect: nothing but this answer may tell it, for the link is spent.
    """
    refused = [each for each, answer in answers.items() if answer is Answer.REFUSED]
    return _page(
        "members/consent_kept.html",
        shown=shown,
        for_child=child,
        answers=list(answers.items()),
        until=usual_end(i18n.today()),
        left=departures.about(kept.member_id, refused) if refused else (),
    )


def _own_words(asked: ConsentRequest) -> dict[Purpose, consents.Word]:
    """What the holder of the link said before."""
    of = guardians.guardians_of([asked.member_id]).get(asked.member_id, [])
    said = [consent for consent, _by in consents.history(asked.member_id)]
    found = {}
    for stand in consents.stands(asked.member, of, said, today=i18n.today()):
        for word in stand.words:
            if (word.who.guardian.id if word.who else None) == asked.guardian_id:
                found[stand.purpose] = word
    return found


def _as_answer(word: consents.Word | None) -> str | None:
    if word is None or word.state is State.EXPIRED:
        return None
    return (Answer.GIVEN if word.state is State.GIVEN else Answer.REFUSED).value


@blueprint.post("/consent/<token>/again")
@limits.tries("3 per hour", _by_link)
@limits.tries("20 per hour", limits.by_client)
@public
def ask_again(token: str) -> Any:
    """Mail a new link to the address we have, and say the same whether there is one."""
    if not Form().validate_on_submit():
        abort(400)
    consent_requests.send_again(token=token)
    return redirect(url_for("members.asked_again", token=token), 303)


@blueprint.get("/consent/<token>/again")
@public
def asked_again(token: str) -> Any:
    """What was said to whoever asked for a new link."""
    return _page("members/link_again.html")


def _page(template: str, **values: Any) -> str:
    return str(render_template(template, **values))


@blueprint.after_request
def _keep_link_home(response: Response) -> Response:
    if (request.endpoint or "") in _ENDPOINTS:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


_ENDPOINTS = frozenset({"members.answer_consent", "members.ask_again", "members.asked_again"})
