"""Shape of what is said of a spreadsheet of targets as a whole."""

from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice

from crm.core.forms import Form, choice, text
from crm.core.sheet_forms import dates_choice
from crm.targets import rules


class MeaningForm(Form):
    """What the rows are, and what holds for all of them."""

    kind = choice(_l("What the rows are"), required=True, choices=[
        SelectChoice(value, label) for value, label in rules.KINDS.items()
    ])  # fmt: skip
    scheme = text(
        _l("Whose keys these are"), most=40,
        description=_l("A short word, such as parlparse. By key a later file finds the same "
                       "targets again. Empty: your own."),
    )  # fmt: skip
    dates = dates_choice()
    list_name = text(
        _l("Put them on a list"), most=100,
        description=_l("The name of a list that is there, or of a new one."),
    )  # fmt: skip
    body = text(_l("Institution"), description=_l("Such as House of Commons."))
    role = text(_l("Office"), description=_l("Such as Member of Parliament."))
    country = text(_l("Country"), most=60)
    party = text(_l("Party"), most=60)
