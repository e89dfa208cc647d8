"""It came back; nobody read it."""

from flask_babel import lazy_gettext as _l

from crm.outreach.outcome_kinds import OutcomeKind

KIND = OutcomeKind(
    name="returned",
    label=_l("Returned undeliverable"),
    help=_l("It came back; nobody read it."),
    order=110,
    tone="warn",
    is_answer=False,
    fails_address=True,
)
