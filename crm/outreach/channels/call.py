"""Phone calls; what came of them is one word for the whole batch."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="call",
    label=_l("Phone calls"),
    order=40,
    icon="telephone",
    counted=Counted.PER_PIECE,
    count=lambda n: ngettext("%(num)s phone call", "%(num)s phone calls", n),
    # An answer is heard in the call itself; what is promised is recorded as one.
    expects_answer=False,
    osdi="phone",
    details=(
        Detail(
            "result",
            _l("Result"),
            "choice",
            (
                ("contact", _l("Spoke to somebody")),
                ("voicemail", _l("Left a voicemail")),
                ("unavailable", _l("Unavailable")),
                ("call back", _l("Asked to call back")),
                ("wrong number", _l("Wrong number")),
            ),
        ),
        Detail("spoke_to", _l("Spoke to"), help=_l("The target, or which of their staff.")),
    ),
    roles=(("caller", _l("Caller")), ("leader", _l("Leader"))),
)
