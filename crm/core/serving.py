"""The production server, and how it stops: what was begun is answered, nothing new is taken."""

import logging
import os
import select
import signal
import socket
from time import monotonic, time
from typing import Any

import click
import waitress
from flask import Flask, current_app
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

from crm.core import db, health
from crm.core.settings import Settings, in_force
from crm.core.worker import Worker

log = logging.getLogger(__name__)

#: Seconds a connection may be silent while the server stops: a proxy may have opened it just now.
_SILENCE = 1.0


class _Task(WSGITask):
    """A request; one that is answered while the server stops keeps its connection for no other."""

    def build_response_header(self) -> Any:
        """The head of the answer: as to somebody who wants the connection closed, then."""
        if self.channel.server.stopping.is_set():
            self.request.headers["CONNECTION"] = "close"
        return super().build_response_header()


class _Channel(HTTPChannel):
    """A connection."""

    task_class = _Task


def serve_until_stopped(*, saying: str = "", with_worker: bool = False) -> None:
    """Answer requests until SIGTERM or Ctrl-C; says the address and more once it listens.

    Then it listens no more and answers what it has begun, for `CRM_STOP_SECONDS` at the longest. A
    second signal ends it at once.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    settings = in_force()
    db.session.remove()
    listening = _listen(settings)
    channels: dict[int, Any] = {}
    server = waitress.create_server(
        app,
        map=channels,
        sockets=[listening],
        threads=int(settings.threads),
        ident=None,
        # Uploads of a few photos; Flask answers what is larger with a sentence of its own.
        max_request_body_size=64 * 1024 * 1024,
        clear_untrusted_proxy_headers=not int(settings.proxies),
    )
    server.stopping = stopping = health.stopping(app)
    server.channel_class = _Channel

    def stop(*_: Any) -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()
        server.pull_trigger()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    click.echo(f"\nOpen {address_of(listening, settings)}  (Ctrl-C stops the server)")
    if saying:
        click.echo(saying)
    working = Worker(app) if with_worker else None
    if working:
        working.start()
    while not stopping.is_set():
        server.asyncore.loop(timeout=1.0, map=channels, count=1)
    until = monotonic() + int(settings.stop_seconds)
    if working:
        # It takes nothing new from here on, while pages are answered.
        working.stopping.set()
    _finish(server, channels, until=until)
    if working and not working.stop(max(1.0, until - monotonic())):
        log.warning("stopped with work in hand: it is taken up again when its lease is over")
    click.echo("Stopped.")


def _finish(server: Any, channels: dict[int, Any], *, until: float) -> None:
    # Who has knocked already is let in; then the door is closed.
    while select.select([server.socket], [], [], 0)[0]:
        server.handle_accept()
    server.del_channel()
    server.socket.close()
    began = time()
    while (open_ := list(server.active_channels.values())) and monotonic() < until:
        for channel in open_:
            is_idle = not (channel.requests or channel.total_outbufs_len)
            if is_idle and max(channel.last_activity, began) < time() - _SILENCE:
                channel.will_close = True
        server.asyncore.loop(timeout=0.1, map=channels, count=1)
    if cut := sum(bool(channel.requests) for channel in server.active_channels.values()):
        log.warning("stopped with %d requests under way: CRM_STOP_SECONDS was not enough", cut)
    server.task_dispatcher.shutdown(timeout=1)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, int(settings.port)))
    except OSError as error:
        listening.close()
        raise click.ClickException(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}. "
            "Name another port with CRM_PORT, such as CRM_PORT=8001."
        ) from error
    return listening


def address_of(listening: socket.socket, settings: Settings) -> str:
    """The address to open in a browser on this machine."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}"
