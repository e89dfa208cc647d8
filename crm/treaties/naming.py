"""From names as people type them to the 197 states."""

from collections.abc import Iterable

from sqlalchemy import select

from crm.core import db
from crm.targets.models import Target, TargetIdentifier
from crm.targets.rules import Match, candidate, match_lines
from crm.treaties.queries import SCHEME


def match_states(lines: Iterable[str]) -> list[Match]:
    """What names typed one a line mean, of the states alone: one statement."""
    rows = db.session.execute(
        select(
            Target.id, Target.name, Target.nickname, Target.country, Target.sub_region,
            TargetIdentifier.identifier,
        )
        .join(TargetIdentifier, TargetIdentifier.target_id == Target.id)
        .where(TargetIdentifier.scheme == SCHEME, Target.merged_into_id.is_(None))
        .order_by(Target.sort_name, Target.id)
    )  # fmt: skip
    candidates = [
        candidate(
            number, name, nickname=also, office=place or "",
            codes=[code, country] if country else [code],
        )
        for number, name, also, country, place, code in rows
    ]  # fmt: skip
    return match_lines(lines, candidates)
