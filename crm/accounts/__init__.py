"""People who sign in: invitations, passwords, sessions, preferences."""

from flask import Flask
from flask_login import LoginManager

from crm.accounts import models as models
from crm.accounts.models import User
from crm.accounts.views import blueprint
from crm.core import db

login_manager = LoginManager()


def init_app(app: Flask) -> None:
    """Hang the room on the application."""
    login_manager.init_app(app)
    login_manager.user_loader(find_session)
    app.register_blueprint(blueprint)


def find_session(session_id: str) -> User | None:
    """The user a session cookie stands for, unless the session was ended."""
    number, _, key = session_id.partition(".")
    user = db.session.get(User, int(number)) if number.isdigit() else None
    return user if user is not None and user.active and user.session_key == key else None
