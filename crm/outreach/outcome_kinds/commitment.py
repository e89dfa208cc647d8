"""They promised to do something."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="commitment",
    label=_l("Commitment"),
    help=_l("They promised to do something."),
    order=50,
    tone="good",
    is_answer=True,
    is_move=True,
)
