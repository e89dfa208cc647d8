"""What readers of our mail may do about it: stop one kind, choose for all, without signing in.

A link in a message is followed by programs before a person sees it, so a GET changes nothing. What
mail programs post for a person (RFC 8058) brings no session and no token against forged requests:
the signed link is the whole proof, and it can only stop and start mail to one address.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import history, incoming, limits, mail, mail_choices
from crm.core.access import Can, public, requires
from crm.core.errors import Refused
from crm.core.forms import Form
from crm.core.mail_choices import HOWS, How
from crm.core.settings import in_force

blueprint = Blueprint("mail", "crm.core.mail_views")
#: How the record tells what happened to addresses and to what came in.
_TOLD = {
    "mail_choice": history.Kind(
        _l("Choice of mail"),
        verbs={"choose_mail": _l("Mail chosen or stopped")},
        fields={"kind": _l("Message"), "how": _l("How")},
    ),
    "mail_failure": history.Kind(
        _l("Address that mail came back from"),
        verbs={
            "mark_mail_bad": _l("Marked as not working"),
            "clear_mail_bad": _l("To be tried again"),
        },
        fields={"status": _l("The mail server's answer"), "count": _l("Times")},
    ),
    "incoming_mail": history.Kind(
        _l("Mail to us"),
        verbs={"take_in_mail": _l("Taken in")},
        fields={"kind": _l("Kind"), "state": _l("Standing"), "told": _l("What became of it")},
    ),
}
#: What a form's field of a kind is called.
_FIELD = "how-"


def init_app(app: Flask) -> None:
    """Hang the pages on the application."""
    app.register_blueprint(blueprint)
    for view in (stop, take_incoming):
        app.extensions["csrf"].exempt(view)
    for name, kind in _TOLD.items():
        history.add_kind(app, name, kind)


@dataclass(frozen=True)
class Line:
    """A kind of message on the page of choices."""

    kind: mail.Kind
    how: str
    offered: Sequence[tuple[str, Any]]


def lines_of(recipient: str) -> list[Line]:
    """Every kind that may be stopped, with how it reaches this address."""
    chosen = mail_choices.standing(recipient).chosen
    return [
        Line(
            kind,
            chosen.get(kind.name, How.MAIL.value),
            [(how.value, words) for how, words in HOWS.items() if kind.fits(how)],
        )
        for kind in mail.kinds().values()
        if kind.may_stop
    ]


def _always() -> list[mail.Kind]:
    return [kind for kind in mail.kinds().values() if not kind.may_stop and kind.why is not None]


def _keep(recipient: str, given: Mapping[str, str], *, by: Any) -> bool:
    for line in lines_of(recipient):
        how = given.get(_FIELD + line.kind.name, line.how)
        if how not in dict(line.offered):
            raise Refused(_("Choose one of the list."), _FIELD + line.kind.name)
        mail_choices.choose(recipient, line.kind.name, how, by=by)
    return True


# By a link


@blueprint.route("/mail/stop/<token>", methods=["GET", "POST"])
@limits.misses("60 per 10 minutes", limits.by_client)
@public
def stop(token: str) -> Any:
    """Stop one kind of message: a button for people, one click for mail programs."""
    found = mail_choices.read_stop(token)
    if found is None:
        return render_template("mail/gone.html"), 404
    recipient, name = found
    kind = mail.kinds().get(name)
    if request.method == "POST":
        again = request.form.get("again") == "1"
        mail_choices.choose(recipient, name, How.MAIL if again else How.HERE, by=None)
        if request.form.get("List-Unsubscribe") == "One-Click":
            return Response("", 200, mimetype="text/plain")
        return redirect(url_for("mail.stop", token=token), 303)
    how = mail_choices.standing(recipient).chosen.get(name, How.MAIL.value)
    choices = url_for("mail.choices", token=mail_choices.choices_token(recipient))
    return render_template(
        "mail/stop.html", kind=kind, stopped=how != How.MAIL, token=token, choices=choices
    )


@blueprint.route("/mail/choices/<token>", methods=["GET", "POST"])
@limits.misses("60 per 10 minutes", limits.by_client)
@public
def choices(token: str) -> Any:
    """What one address gets, for whoever has a link of a message to it."""
    recipient = mail_choices.read_choices(token)
    if recipient is None:
        return render_template("mail/gone.html"), 404
    form = Form()
    if form.carry(lambda: _keep(recipient, request.form, by=None)):
        flash(_("Your choices are kept."), "success")
        return redirect(url_for("mail.choices", token=token), 303)
    page = render_template(
        "mail/choices.html", form=form, lines=lines_of(recipient), always=_always(), field=_FIELD
    )
    return page, form.status


@blueprint.route("/preferences/mail", methods=["GET", "POST"])
@requires(Can.OWN_ACCOUNT)
def preferences() -> Any:
    """What somebody who signs in gets."""
    recipient = mail_choices.recipient_of(current_user.email)
    form = Form()
    if form.carry(lambda: _keep(recipient, request.form, by=current_user)):
        flash(_("Your choices are kept."), "success")
        return redirect(url_for("mail.preferences"), 303)
    page = render_template(
        "mail/preferences.html",
        form=form,
        lines=lines_of(recipient),
        always=_always(),
        field=_FIELD,
        bad=mail_choices.bad_told(current_user.email),
    )
    return page, form.status


@blueprint.post("/preferences/mail/try-again")
@requires(Can.OWN_ACCOUNT)
def try_again() -> Any:
    """My address is right after all."""
    mail_choices.clear(current_user.email, by=current_user)
    flash(_("Mail goes to your address again."), "success")
    return redirect(url_for("mail.preferences"), 303)


# What comes to us


@blueprint.post("/mail/incoming")
@limits.limiter.limit("600 per minute")
@public
def take_incoming() -> Any:
    """A message a mail server hands over: `message/rfc822`, with the token of the settings."""
    token = in_force().mail_incoming_token
    if not token:
        abort(404)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not compare_digest(given.encode(), token.encode()):
        return Response("", 401, {"WWW-Authenticate": "Bearer"})
    if (request.content_length or 0) > incoming.MOST_BYTES:
        abort(413)
    row = incoming.take_in(request.get_data(cache=False))
    return {"kind": row.kind, "state": row.state, "told": row.told}


@blueprint.after_request
def _keep_token_home(response: Response) -> Response:
    if "token" in (request.view_args or {}):
        # The token in the address travels in no Referer to elsewhere.
        response.headers["Referrer-Policy"] = "strict-origin"
    return response
