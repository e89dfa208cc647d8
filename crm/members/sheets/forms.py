"""Shape of what is said of a roster as a whole."""

from flask_babel import lazy_gettext as _l

from crm.core.forms import Form, choice
from crm.core.sheet_forms import dates_choice


class MeaningForm(Form):
    """Where the members belong, and how days are written."""

    chapter_id = choice(
        _l("Chapter"), description=_l("Of all rows, or of those whose column names none."),
    )  # fmt: skip
    dates = dates_choice()


class SendForm(Form):
    """A button."""
