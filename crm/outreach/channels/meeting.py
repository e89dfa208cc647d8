"""Meetings with targets, or with their staff, in person or by video."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="meeting",
    label=_l("Meetings"),
    order=50,
    icon="people",
    counted=Counted.AS_ONE_ACT,
    count=lambda n: ngettext("%(num)s meeting", "%(num)s meetings", n),
    expects_answer=True,
    osdi="in-person",
    details=(
        Detail("met_with", _l("Met with"), help=_l("The target, or which of their staff.")),
        Detail(
            "mode",
            _l("How"),
            "choice",
            (("in person", _l("In person")), ("video", _l("By video")), ("phone", _l("By phone"))),
        ),
    ),
    roles=(
        ("leader", _l("Leader")),
        ("speaker", _l("Speaker")),
        ("liaison", _l("Liaison")),
        ("note-taker", _l("Note-taker")),
    ),
)
