"""Posts on social media; the targets are those it names."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="social",
    label=_l("Social posts"),
    order=80,
    icon="hash",
    counted=Counted.AS_ONE_ACT,
    count=lambda n: ngettext("%(num)s social post", "%(num)s social posts", n),
    expects_answer=False,
    osdi="social",
    needs_target=False,
    details=(
        Detail("network", _l("Network"), help=_l("Where it was posted.")),
        Detail("link", _l("Link"), "url"),
        Detail("hashtag", _l("Hashtag")),
        Detail("reached", _l("People reached"), "number"),
    ),
    roles=(("writer", _l("Writer")), ("artist", _l("Artist"))),
)
