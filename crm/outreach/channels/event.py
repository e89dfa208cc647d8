"""Events for the public: an exhibit, a talk, a vigil. Targets may come; none need to."""

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from crm.outreach.channels import Channel, Counted, Detail

CHANNEL = Channel(
    name="event",
    label=_l("Events"),
    order=60,
    icon="calendar-event",
    counted=Counted.AS_ONE_ACT,
    count=lambda n: ngettext("%(num)s event", "%(num)s events", n),
    expects_answer=False,
    osdi="in-person",
    needs_target=False,
    details=(
        Detail("title", _l("Name of the event")),
        Detail("audience", _l("Audience"), "number", help=_l("How many people came.")),
        Detail("link", _l("Link"), "url"),
    ),
    roles=(
        ("organiser", _l("Organiser")),
        ("speaker", _l("Speaker")),
        ("helper", _l("Helper")),
    ),
)
