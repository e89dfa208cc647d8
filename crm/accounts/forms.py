"""What is typed to get in, and what somebody may choose for themselves."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from crm.accounts import rules
from crm.core import i18n
from crm.core.forms import Form, choice, no_control_characters, strip, text


def _email() -> EmailField:
    too_long = _l("Use at most %(most)s characters.", most=254)
    return EmailField(
        _l("E-mail address"),
        validators=[
            InputRequired(_l("Fill this in.")),
            Length(max=254, message=too_long),
            no_control_characters,
        ],
        filters=[strip],
    )


def _password(label: Any, *more: Any) -> PasswordField:
    too_long = _l("Use at most %(most)s characters.", most=rules.LONGEST_PASSWORD)
    checks = [
        InputRequired(_l("Fill this in.")),
        Length(max=rules.LONGEST_PASSWORD, message=too_long),
    ]
    return PasswordField(label, validators=[*checks, *more])


class SignInForm(Form):
    """The door."""

    email = _email()
    password = _password(_l("Password"))
    keep = BooleanField(_l("Keep me signed in on this device"))


class ForgotForm(Form):
    """Asks for a link."""

    email = _email()


class NewPasswordForm(Form):
    """A password nobody sees while it is typed is typed twice."""

    password = _password(_l("New password"))
    again = _password(
        _l("The same again"), EqualTo("password", _l("This is not the same as above."))
    )


class WelcomeForm(NewPasswordForm):
    """Of somebody invited."""

    name = text(_l("Your name"), required=True, most=100)


class ChangePasswordForm(NewPasswordForm):
    """Of somebody signed in, who may have left the desk to another."""

    present = _password(_l("Present password"))


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
        self.timezone.choices = {"": _usual(_place(usual_timezone)), **zones()}
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
