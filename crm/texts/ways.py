"""Ways to reach targets without paper: an e-mail with everything filled, a web form, a phone."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import and_, select, union_all

from crm.core import db
from crm.core.text import fold
from crm.targets.contact_queries import CAPITAL, place_of
from crm.targets.models import ContactPoint, Term


@dataclass(frozen=True)
class Way:
    """The good contact points of a target, of each kind the first one of the capital."""

    email: str | None = None
    web_form: str | None = None
    phone: str | None = None


_KINDS = {"email": "email", "web form": "web_form", "phone": "phone"}


def ways(target_ids: Collection[int]) -> dict[int, Way]:
    """How these targets are reached, by target; of nobody known nothing is there. One statement.

    A post's contact points are those of whoever holds it. Bad and past ones are left out.
    """
    wanted = set(target_ids)
    good = (ContactPoint.kind.in_(_KINDS), ContactPoint.status == "good")
    own = select(ContactPoint.id, ContactPoint.target_id.label("owner")).where(
        ContactPoint.target_id.in_(wanted), *good
    )
    of_post = (
        select(ContactPoint.id, Term.target_id)
        .join(Term, and_(Term.post_id == ContactPoint.post_id, Term.is_current))
        .where(Term.target_id.in_(wanted), *good)
    )
    owned = union_all(own, of_post).subquery()
    rows = db.session.execute(
        select(
            owned.c.owner, ContactPoint.kind, ContactPoint.value, ContactPoint.key,
            ContactPoint.label, ContactPoint.id,
        ).join(owned, owned.c.id == ContactPoint.id)
    ).all()  # fmt: skip
    rows = sorted(rows, key=lambda row: (place_of(row[3], row[4]) != CAPITAL, fold(row[4]), row[5]))
    found: dict[int, dict[str, str]] = {each: {} for each in wanted}
    for owner, kind, value, *_rest in rows:
        found[owner].setdefault(_KINDS[kind], value.strip())
    return {owner: Way(**points) for owner, points in found.items()}


def mailto(address: str, subject: str, body: str) -> str:
    """The link that opens a message with everything filled (RFC 6068)."""
    lines = "\r\n".join(body.splitlines())
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in (("subject", " ".join(subject.split())), ("body", lines))
        if value
    )
    to = quote(address.strip(), safe="@+.-_")
    return f"mailto:{to}?{query}" if query else f"mailto:{to}"
