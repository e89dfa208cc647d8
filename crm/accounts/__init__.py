"""People who sign in: invitations, passwords, sessions, preferences."""

from time import time

from flask import Flask, session
from flask_babel import lazy_gettext as _l
from flask_login import LoginManager

from crm.accounts import import_cli as import_cli
from crm.accounts import models as models
from crm.accounts import queries
from crm.accounts.models import User
from crm.accounts.views import KEPT, blueprint
from crm.core import mail

#: What is written to people who sign in.
MESSAGES = (
    mail.Kind("invitation", _l("Invitations"), may_stop=False, why=_l("somebody invited you")),
    mail.Kind(
        "reset",
        _l("Links for a new password"),
        may_stop=False,
        why=_l("a new password was asked for with this address"),
    ),
)
login_manager = LoginManager()
# Flask-Login can tie a session to the address and browser it began with. Phones change addresses
# all day, and what is worth guarding here (the password) asks for the password.
login_manager.session_protection = None


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    app.config.update(
        PERMANENT_SESSION_LIFETIME=KEPT,
        # Written only when it changes: an answer still under way must not undo a sign-out.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    login_manager.init_app(app)
    login_manager.user_loader(_user_of_session)
    app.register_blueprint(blueprint)
    for kind in MESSAGES:
        mail.add_kind(app, kind)


def _user_of_session(session_id: str) -> User | None:
    if session.get("until", float("inf")) < time():
        return None
    return queries.find_by_session(session_id)
