"""A text filled for the members it is written to, piece by piece, with what hinders sending one.

What stands in it is read by the member alone, and by whoever gets a copy because the member is a
minor. The first name is what messages say anyway (`Exit.MAIL`); the full name stands in it where it
may stand on letters.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from flask_babel import gettext as _

from crm.campaigns.models import Campaign
from crm.core import db
from crm.members import disclosure
from crm.members.consent_rules import Purpose
from crm.members.disclosure import NOBODY, Exit
from crm.members.models import Chapter
from crm.texts import figures_in
from crm.texts.merge import in_common, ledger_for
from crm.texts.merged import Hindrance, Merged, Why
from crm.texts.models import TextVersion
from crm.texts.rules import Filled, Value, fill, key_of, parse
from crm.treaties.queries import Ledger

_FULL = "member.fullname"


def everywhere(
    version: TextVersion,
    *,
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
    ledger: Ledger | None = None,
) -> list[Hindrance]:
    """What hinders every piece: not approved, a figure that changed, a field given wrongly."""
    keys = figures_in.keys_of(version)
    found = in_common(version, keys, campaign, chapter, values, on, ledger_for(keys, ledger))
    return found[1]


def to_members(
    version: TextVersion,
    member_ids: Sequence[int],
    *,
    campaign: Campaign | None,
    chapter: Chapter | None,
    values: Mapping[str, str],
    on: date,
    ledger: Ledger | None = None,
) -> list[Merged]:
    """Fill a version for each member, in their order: a fixed number of statements per 500."""
    subject, body = parse(version.subject or ""), parse(version.body)
    keys = figures_in.keys_of(version)
    common, hindrances = in_common(
        version, keys, campaign, chapter, values, on, ledger_for(keys, ledger)
    )
    # Most texts say the same to many: what asks nothing of the member is filled once.
    asks_member = any(key.startswith("member.") for key in keys)
    same = None if asks_member else (fill(subject, common), fill(body, common))
    whole: list[Merged] = []
    for some in db.batches(member_ids):
        theirs = _values_of(some, keys, on) if asks_member else {}
        for each in some:
            filled: tuple[Filled, Filled] = same or (
                fill(subject, common | theirs.get(each, {})),
                fill(body, common | theirs.get(each, {})),
            )
            missing = dict.fromkeys((*filled[0].missing, *filled[1].missing))
            whole.append(
                Merged(
                    target_id=0,
                    member_id=each,
                    subject=filled[0],
                    body=filled[1],
                    hindrances=(*hindrances, *(_empty(name) for name in missing)),
                    uses=frozenset(keys),
                )
            )
    return whole


def _values_of(
    ids: Sequence[int], keys: Mapping[str, str], on: date
) -> dict[int, dict[str, Value]]:
    shown = disclosure.disclose(ids, to=NOBODY, exit=Exit.MAIL, today=on)
    found: dict[int, dict[str, Value]] = {
        number: {"member.firstname": each.name, "member.chapter": each.chapters or None}
        for number, each in shown.items()
    }
    if _FULL in keys:
        full = disclosure.allowed(ids, Purpose.FULL_NAME, today=on)
        for number, each in disclosure.disclose(
            full, to=NOBODY, exit=Exit.LETTER, today=on
        ).items():
            found[number][_FULL] = each.name
    return found


def _empty(name: str) -> Hindrance:
    if key_of(name) == _FULL:
        return Hindrance(Why.CONSENT, _("No consent to print the full name."), _FULL)
    told = _("Nothing is given for ((%(field)s)).", field=name)
    return Hindrance(Why.EMPTY, told, key_of(name))
