"""They named somebody else to ask."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="referred",
    label=_l("Referred elsewhere"),
    help=_l("They named somebody else to ask."),
    order=70,
    tone="warn",
    is_answer=True,
)
