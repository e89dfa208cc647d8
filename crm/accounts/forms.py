"""What is typed to get in, and what somebody may choose for themselves."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from crm.accounts import rules
from crm.core import i18n
from crm.core.forms import Form, choice, cleaned, text


def _email() -> EmailField:
    too_long = _l("Use at most %(most)s characters.", most=254)
    return EmailField(
        _l("E-mail address"),
        validators=[
            InputRequired(_l("Fill this in.")),
            Length(max=254, message=too_long),
        ],
        filters=[cleaned],
    )


def _password(label: Any, *, least: int = 0) -> PasswordField:
    return PasswordField(
        label,
        validators=[
            InputRequired(_l("Fill this in.")),
            Length(min=least, message=_l("Use at least %(least)s characters.", least=least)),
            Length(
                max=rules.LONGEST_PASSWORD,
                message=_l("Use at most %(most)s characters.", most=rules.LONGEST_PASSWORD),
            ),
        ],
    )


def _new_password() -> PasswordField:
    return _password(_l("New password"), least=rules.SHORTEST_PASSWORD)


def _again() -> PasswordField:
    # Nobody sees a password while it is typed: a slip shows when it is typed twice.
    same = EqualTo("password", _l("This is not the same as above."))
    return PasswordField(_l("The same again"), validators=[same], render_kw={"required": True})


class SignInForm(Form):
    """The door."""

    email = _email()
    password = _password(_l("Password"))
    keep = BooleanField(_l("Keep me signed in on this device"))


class ForgotForm(Form):
    """Asks for a link."""

    email = _email()


class ResetForm(Form):
    """Of somebody who holds a link."""

    password = _new_password()
    again = _again()


class WelcomeForm(Form):
    """Of somebody invited."""

    name = text(_l("Your name"), required=True, most=100)
    password = _new_password()
    again = _again()


class ChangePasswordForm(Form):
    """Of somebody signed in, who may have left the desk to another."""

    present = _password(_l("Present password"))
    password = _new_password()
    again = _again()


class PreferencesForm(Form):
    """One's own name, language, time zone and look."""

    name = text(_l("Your name"), required=True, most=100)
    language = choice(_l("Language"))
    timezone = choice(_l("Time zone"))
    theme = choice(_l("Look"))

    def __init__(self, *, usual_language: str, usual_timezone: str, **more: Any):
        super().__init__(**more)
        language = i18n.LANGUAGES.get(usual_language, usual_language)
        self.language.choices = {"": _usual(language), **i18n.LANGUAGES}
        self.timezone.choices = {"": _usual(_place(usual_timezone.rpartition("/")[2])), **zones()}
        self.theme.choices = {
            "": _("As the device has it"),
            "light": _("Light"),
            "dark": _("Dark"),
        }


def zones() -> dict[str, str | dict[str, str]]:
    """All time zones, by part of the world: region → zone → place."""
    regions: dict[str, dict[str, str]] = {}
    for zone in sorted(i18n.timezones()):
        region, slash, place = zone.partition("/")
        if slash:
            regions.setdefault(region, {})[zone] = _place(place)
    return {"UTC": "UTC", **regions}


def _place(zone: str) -> str:
    return zone.replace("_", " ").replace("/", ", ")


def _usual(what: str) -> str:
    return _("As the campaign has it (%(what)s)", what=what)
