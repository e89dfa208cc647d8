"""Postcards, mostly written by hand in class."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="postcard",
    label=_l("Postcards"),
    order=10,
    icon="postcard",
    counted=Counted.PER_PIECE,
    count=lambda n: ngettext("%(num)s postcard", "%(num)s postcards", n),
    expects_answer=True,
    sent_to="postal",
    osdi="postal mail",
    details=(Detail("postage", _l("Postage in all"), "money"),),
    roles=(("writer", _l("Writer")), ("leader", _l("Leader"))),
)
