"""E-mails and web forms, one message to one target."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="email",
    label=_l("E-mails"),
    order=30,
    icon="envelope-at",
    counted=Counted.PER_PIECE,
    count=lambda n: ngettext("%(num)s e-mail", "%(num)s e-mails", n),
    expects_answer=True,
    sent_to="email",
    osdi="email",
    details=(
        Detail("subject", _l("Subject"), help=_l("The subject line, if it was the same in all.")),
        Detail(
            "way",
            _l("Sent by"),
            "choice",
            (("e-mail", _l("E-mail")), ("web form", _l("Web form on the target's site"))),
        ),
    ),
    roles=(("writer", _l("Writer")), ("leader", _l("Leader"))),
)
