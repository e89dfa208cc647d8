"""A note that it arrived, no more."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="acknowledgement",
    label=_l("Acknowledgement"),
    help=_l("A note that it arrived, no more."),
    order=10,
    tone="plain",
    is_answer=True,
)
