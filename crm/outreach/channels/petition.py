"""Deliveries of a petition: one act, however many have signed."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="petition",
    label=_l("Petition deliveries"),
    order=70,
    icon="pen",
    counted=Counted.AS_ONE_ACT,
    count=lambda n: ngettext("%(num)s petition delivery", "%(num)s petition deliveries", n),
    expects_answer=True,
    osdi="petition",
    details=(
        Detail("signatures", _l("Signatures"), "number"),
        Detail("received_by", _l("Received by"), help=_l("The target, or which of their staff.")),
        Detail("link", _l("Link"), "url"),
    ),
    roles=(("leader", _l("Leader")), ("speaker", _l("Speaker"))),
)
