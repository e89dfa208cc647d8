"""A real S3 server on loopback, and buckets in it."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.store import S3Store


@contextmanager
def storage() -> Iterator[str]:
    """The address of a server whose buckets are this process's own."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _host, port = server.get_host_and_port()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> str:
    """Make a bucket; what `CRM_FILES_URL` says of it."""
    import boto3

    name = f"crm-{secrets.token_hex(6)}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1",
        aws_access_key_id="a-key", aws_secret_access_key="a-secret",
    )  # fmt: skip
    client.create_bucket(Bucket=name)
    return f"s3://{name}/club?endpoint={endpoint}&region=us-east-1"


def looked_into(address: str) -> S3Store:
    """The bucket of an address, past the application."""
    name, _slash, rest = address.removeprefix("s3://").partition("/")
    endpoint = rest.partition("endpoint=")[2].partition("&")[0]
    return S3Store(
        name, endpoint=endpoint, region="us-east-1", access_key_id="a", secret_access_key="b",
        client_options={"allow_http": True},
    )  # fmt: skip
