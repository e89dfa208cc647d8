"""The shape of what is typed about a letter to members."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField
from wtforms.validators import InputRequired

from crm.core.forms import Form, WholeNumber, choice, form_key
from crm.core.forms import text as a_line
from crm.core.tables import FORMATS
from crm.mailings import letters
from crm.mailings.own_fields import WithOwnFields
from crm.outreach.forms import whole_number


def _rate() -> WholeNumber:
    return WholeNumber(
        _l("Messages a minute"),
        read=whole_number,
        default=letters.USUAL_RATE,
        validators=[InputRequired(_l("Give a whole number."))],
        description=_l("So slow that the mail server does not take it for spam."),
    )


class LetterForm(WithOwnFields, Form):
    """A letter to be."""

    client_key = form_key()
    #: The digest of what stands on the page.
    shown = HiddenField()
    text = choice(
        _l("Text"),
        required=True,
        choices=[],
        description=_l("Messages to members with approved words."),
    )
    campaign = choice(_l("Campaign"), choices=[])
    chapter = choice(_l("Chapter that writes"), required=True, choices=[])
    name = a_line(
        _l("Name of the letter"),
        most=letters.MOST_NAME,
        description=_l("For yourselves. Else that of the text."),
    )
    rate = _rate()
    answers_to_me = BooleanField(_l("Answers go to my address"))
    #: Of the file of the check with names.
    reason = a_line(_l("What do you need the names for?"), most=300)
    format = choice(_l("File"), choices={each.name: each.label for each in FORMATS.values()})


class RateForm(Form):
    """Faster or slower."""

    rate = _rate()
