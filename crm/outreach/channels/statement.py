"""Statements issued to the public or the press."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="statement",
    label=_l("Public statements"),
    order=90,
    icon="megaphone",
    counted=Counted.AS_ONE_ACT,
    count=lambda n: ngettext("%(num)s public statement", "%(num)s public statements", n),
    expects_answer=False,
    osdi="statement",
    needs_target=False,
    details=(
        Detail("title", _l("Title")),
        Detail("link", _l("Link"), "url"),
        Detail("published_in", _l("Published in"), help=_l("The paper, site or meeting.")),
    ),
    roles=(("author", _l("Author")), ("signatory", _l("Signatory"))),
)
