"""They moved, towards us or away."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="position_change",
    label=_l("Position change"),
    help=_l("They moved, towards us or away."),
    order=90,
    tone="good",
    is_answer=False,
    is_move=True,
)
