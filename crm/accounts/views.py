"""Signing in and out, links that let in once, and one's own preferences."""

from datetime import timedelta
from time import time
from typing import Any

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_login import current_user, login_user, logout_user

from crm.accounts import operations, queries, rules
from crm.accounts.forms import (
    ChangePasswordForm,
    ForgotForm,
    PreferencesForm,
    ResetForm,
    SignInForm,
    WelcomeForm,
)
from crm.accounts.models import User
from crm.core import limits, mail
from crm.core.access import Can, public, requires

blueprint = Blueprint("accounts", __name__)

#: How long a sign-in lasts on a device of one's own, and on any other (a school's, a friend's).
KEPT = timedelta(days=30)
NOT_KEPT = timedelta(hours=12)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limits.failures("10 per 10 minutes", limits.by_address)
@limits.failures("50 per 10 minutes", limits.by_client)
@public
def sign_in() -> Any:
    onward = rules.local_path(request.args.get("next")) or url_for("reports.front")
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(onward, 303)
    form = SignInForm()
    user = form.carry(
        lambda: operations.sign_in(email=form.email.data, password=form.password.data)
    )
    if user is None:
        return render_template("accounts/sign_in.html", form=form), form.status
    _let_in(user, kept=form.keep.data)
    return redirect(onward, 303)


@blueprint.post("/sign-out")
@public
def sign_out() -> Any:
    # Public: somebody whose session has ended meanwhile gets what they asked for, not a refusal.
    logout_user()
    session.clear()
    flash(_("You have signed out."), "success")
    return redirect(url_for("accounts.sign_in"), 303)


@blueprint.route("/forgot", methods=["GET", "POST"])
@limits.tries("5 per hour", limits.by_address)
@limits.tries("30 per hour", limits.by_client)
@public
def forgot() -> Any:
    form = ForgotForm()
    by_mail = mail.is_configured()
    if not by_mail or not form.validate_on_submit():
        return render_template("accounts/forgot.html", form=form, by_mail=by_mail), form.status
    operations.request_reset(email=form.email.data)
    flash(
        _("If somebody signs in with this address, a link is on its way. It works for 24 hours."),
        "success",
    )
    return redirect(url_for("accounts.sign_in"), 303)


@blueprint.route("/reset/<token>", methods=["GET", "POST"])
@public
def reset(token: str) -> Any:
    user = queries.find_by_link(rules.RESET, token)
    if user is None:
        return _spent(rules.RESET)
    form = ResetForm()
    entered = form.carry(
        lambda: operations.reset_password(token=token, password=form.password.data)
    )
    if entered is None:
        return render_template("accounts/reset.html", form=form, user=user), form.status
    _let_in(entered)
    flash(_("Your password is changed. You are signed in here and nowhere else."), "success")
    return redirect(url_for("reports.front"), 303)


@blueprint.route("/welcome/<token>", methods=["GET", "POST"])
@public
def welcome(token: str) -> Any:
    user = queries.find_by_link(rules.INVITATION, token)
    if user is None:
        return _spent(rules.INVITATION)
    form = WelcomeForm(data={"name": user.name})
    entered = form.carry(
        lambda: operations.accept_invitation(
            token=token, name=form.name.data, password=form.password.data
        )
    )
    if entered is None:
        return render_template("accounts/welcome.html", form=form, user=user), form.status
    _let_in(entered)
    flash(_("Welcome, %(name)s.", name=entered.name), "success")
    return redirect(url_for("reports.front"), 303)


@blueprint.route("/preferences", methods=["GET", "POST"])
@requires(Can.OWN_ACCOUNT)
def preferences() -> Any:
    me = _me()
    form = PreferencesForm(
        obj=me,
        usual_language=current_app.config["BABEL_DEFAULT_LOCALE"],
        usual_timezone=current_app.config["BABEL_DEFAULT_TIMEZONE"],
    )
    done = form.carry(
        lambda: operations.update_preferences(
            user=me,
            name=form.name.data,
            language=form.language.data,
            timezone=form.timezone.data,
            theme=form.theme.data,
            by=me,
        )
    )
    if done is None:
        return render_template("accounts/preferences.html", form=form), form.status
    flash(_("Your preferences are kept."), "success")
    return redirect(url_for("accounts.preferences"), 303)


@blueprint.route("/preferences/password", methods=["GET", "POST"])
@limits.failures("10 per 10 minutes", limits.by_user)
@requires(Can.OWN_ACCOUNT)
def password() -> Any:
    me = _me()
    form = ChangePasswordForm()
    changed = form.carry(
        lambda: operations.change_password(
            user=me, present=form.present.data, password=form.password.data, by=me
        )
    )
    if changed is None:
        return render_template("accounts/password.html", form=form), form.status
    _stay_in(changed)
    flash(_("Your password is changed. You are signed out everywhere else."), "success")
    return redirect(url_for("accounts.preferences"), 303)


@blueprint.post("/preferences/end-sessions")
@requires(Can.OWN_ACCOUNT)
def end_sessions() -> Any:
    me = _me()
    _stay_in(operations.end_sessions(me, by=me))
    flash(_("You are signed out everywhere else."), "success")
    return redirect(url_for("accounts.preferences"), 303)


@blueprint.after_request
def _keep_token_home(response: Response) -> Response:
    if "token" in (request.view_args or {}):
        # The token in the address never travels in a Referer. It is not `no-referrer`, because the
        # check for forged requests wants to see our own origin over HTTPS.
        response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _me() -> User:
    user: User = current_user._get_current_object()
    return user


def _let_in(user: User, *, kept: bool = False) -> None:
    # Nothing of a session that somebody else may have begun on this device goes on.
    session.clear()
    session.permanent = kept
    session["until"] = int(time() + (KEPT if kept else NOT_KEPT).total_seconds())
    login_user(user)


def _stay_in(user: User) -> None:
    # The key in the user's other sessions has changed; this one takes the new key.
    login_user(user)


def _spent(link: rules.Link) -> Any:
    invited = link is rules.INVITATION
    return render_template("accounts/spent.html", invited=invited), 410
