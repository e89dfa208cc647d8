"""The address of a bucket in an S3-compatible storage: one setting that says all of it."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Bucket:
    """What an address of a storage says."""

    bucket: str
    prefix: str
    endpoint: str
    region: str
    #: Whether the bucket is a part of the host's name, not of the path.
    in_host: bool


def bucket_of(address: str) -> Bucket:
    """Read `s3://bucket/prefix?endpoint=https://…&region=…`. Raises ValueError with the reason."""
    try:
        parts = urlsplit(address)
        asked = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        endpoint = asked.get("endpoint", [""])[0].rstrip("/")
        where = urlsplit(endpoint)
        _port = where.port
    except ValueError:
        # What Python says repeats the address.
        raise ValueError("it is no address") from None
    if parts.scheme != "s3" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
        raise ValueError("it begins with s3:// and the name of a bucket")
    if asked.keys() - {"endpoint", "region", "style"}:
        raise ValueError("after the ? it knows endpoint, region and style")
    if any(len(values) > 1 for values in asked.values()):
        raise ValueError("it says each thing once")
    prefix = parts.path.strip("/")
    if not re.fullmatch(r"([A-Za-z0-9_-][A-Za-z0-9._-]*(/|$))*", prefix):
        raise ValueError("its folder has letters, digits, and - _ . between slashes")
    if endpoint:
        if where.scheme not in ("https", "http") or not where.hostname or "@" in where.netloc:
            raise ValueError("its endpoint is an https address without a name or password")
        if where.scheme == "http" and not _is_loopback(where.hostname):
            raise ValueError("its endpoint is an https address: photos do not travel in the open")
    style = asked.get("style", [""])[0]
    if style not in ("", "host", "path"):
        raise ValueError("its style is host or path")
    # Amazon's own addresses have the bucket in the host; a dot in it no certificate covers.
    in_host = style == "host" or (not style and not endpoint and "." not in parts.netloc)
    return Bucket(parts.netloc, prefix, endpoint, asked.get("region", [""])[0], in_host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
