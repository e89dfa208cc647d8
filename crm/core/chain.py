"""How an entry of the record is sealed: what is hashed, in which shape. Pure, and never changed.

Two hashes an entry. The *digest* covers what may be erased when somebody is forgotten (what changed
and why) under a random salt; without the salt nobody can guess what it was. The *hash* covers all
the rest, the digest, and the hash of the entry before: whoever changes, moves or takes out an entry
would have to write all after it anew, and the head that was noted elsewhere would not fit.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

#: What stands in the place of the hash before the first entry.
BEGINNING = "0" * 64


def new_salt() -> str:
    """Random enough that nobody finds by trying what was erased."""
    return secrets.token_hex(16)


def digest_of(salt: str, changes: Mapping[str, Any], reason: str | None) -> str:
    """The salted hash of what may be erased."""
    return _sha256(salt, [changes, reason])


def hash_of(
    before: str,
    *,
    seq: int,
    id: int,
    at: datetime,
    by_id: int | None,
    verb: str,
    kind: str,
    record_id: int | None,
    request_id: str | None,
    digest: str | None,
) -> str:
    """The hash of an entry that follows the one with the hash `before`."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return _sha256(before, [seq, id, moment, by_id, verb, kind, record_id, request_id, digest])


def _sha256(before: str, value: Any) -> str:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(f"{before}{written}".encode()).hexdigest()
