"""Letters, by hand or printed, one signed piece to one target."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="letter",
    label=_l("Letters"),
    order=20,
    icon="envelope-paper",
    counted=Counted.PER_PIECE,
    count=lambda n: ngettext("%(num)s letter", "%(num)s letters", n),
    expects_answer=True,
    sent_to="postal",
    osdi="postal mail",
    details=(Detail("postage", _l("Postage in all"), "money"),),
    roles=(("writer", _l("Writer")), ("leader", _l("Leader"))),
)
