"""Pictures people upload: checked, turned upright, stripped of everything but the picture.

And documents: a PDF cannot be made anew as a picture can, so it is only looked at from outside,
kept under a name of ours, and leaves as a file to save that nothing opens as a page of ours.

Where they lie is `core.store`'s. A file is kept before the row that names it, and stays when that
row is refused: the form carries it to its next try. What no row names in the end is swept away.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, g, has_request_context, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.wsgi import wrap_file

from crm.core import db, outbox, store
from crm.core.errors import Refused
from crm.core.settings import Settings

#: Bytes of one upload.
MAX_BYTES = 10 * 1024 * 1024
#: Pixels of the longer side that are kept.
MAX_SIDE = 2000
#: Pixels Pillow may unpack; more is a decompression bomb.
MAX_PIXELS = 60_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
#: How a PDF begins, and within how many bytes of its end it says that it ends.
_PDF, _PDF_END, _PDF_TAIL = b"%PDF-", b"%%EOF", 2048
#: Seconds a file may be named by no row: a form that was refused waits so long for its next try.
WAITS = 24 * 60 * 60


def init_app(app: Flask, settings: Settings) -> None:
    """Name the place pictures and documents are kept in, and what to do when it is away."""
    store.init_app(app, settings)
    app.extensions["crm_file_columns"] = []
    label = _l("Take a file away")
    # Outside of a transaction: nothing waits while a storage is silent.
    outbox.job(app, outbox.Job("forget-file", label, _forget, alone=True, most=100))
    app.after_request(_forget_lost)


def _forget_lost(response: Response) -> Response:
    """What a request kept goes when it then broke down: no form carries it to a next try.

    Where a row may name it all the same it stays, and the sweep knows.
    """
    if response.status_code >= 500 and not g.pop("may_be_written", False):
        for name in g.pop("files_kept", ()):
            # The sweep finds what cannot be reached now.
            with suppress(store.Away):
                store.here().forget(name)
    return response


def keep_picture(upload: FileStorage, *, field: str, holds: bool = False) -> str:
    """Re-encode an upload as JPEG and keep it; returns its file name.

    Metadata (place, camera, time) is dropped. Raises `Refused` for what is no JPEG, PNG or WebP
    picture, or too large. Nobody waits for the database meanwhile: call it before anything is
    written; only what `holds` it already, such as mail that is taken in, goes on doing so.
    """
    if not holds:
        db.release()
    data = upload.stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Refused(_("This picture is larger than 10 MB. Make it smaller."), field)
    try:
        with Image.open(BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Refused(_("This picture has too many pixels. Make it smaller."), field)
            opened.draft("RGB", (MAX_SIDE, MAX_SIDE))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except Image.DecompressionBombError as error:
        raise Refused(_("This picture has too many pixels. Make it smaller."), field) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused(_("This is not a JPEG, PNG or WebP picture."), field) from error
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    # A new image from the pixels alone: nothing of the upload's metadata can travel along.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    made = BytesIO()
    clean.save(made, "JPEG", quality=85)
    return _keep("jpg", made.getvalue(), field)


def as_picture(name: str) -> Response:
    """A kept picture, to be shown. Raises FileNotFoundError when it is not there.

    Whoever asks must have been let in already.
    """
    return _response(name, "image/jpeg")


@contextmanager
def at_hand(name: str) -> Iterator[Path]:
    """A copy of a kept file on this machine's disk, for the length of the block.

    Lets go of the database first. Raises FileNotFoundError when it is not there.
    """
    db.release()
    kept = store.here().read(name)
    with tempfile.TemporaryDirectory(prefix="crm-") as folder:
        path = Path(folder) / name
        with path.open("wb") as file:
            file.writelines(kept.pieces)
        yield path


# Documents


def keep_document(upload: FileStorage, *, field: str, holds: bool = False) -> str:
    """Keep a scan, a picture or a PDF; returns its file name.

    A picture is made anew (`keep_picture`), a PDF kept as it is. Raises `Refused` for anything
    else and for what is too large. Call it before anything is written, as with pictures.
    """
    start = upload.stream.read(len(_PDF))
    upload.stream.seek(0)
    if start != _PDF:
        try:
            return keep_picture(upload, field=field, holds=holds)
        except Refused as refusal:
            if "JPEG" in str(refusal.message):
                words = _("This is not a PDF, and not a JPEG, PNG or WebP picture.")
                raise Refused(words, field) from refusal
            raise
    if not holds:
        db.release()
    data = upload.stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise Refused(_("This document is larger than 10 MB. Make it smaller."), field)
    if _PDF_END not in data[-_PDF_TAIL:]:
        raise Refused(_("This PDF is not whole. Scan or save it once more."), field)
    return _keep("pdf", data, field)


def _forget(payload: Mapping[str, Any], _turn: outbox.Turn) -> None:
    try:
        store.here().forget(payload["name"])
    except store.Away as away:
        raise outbox.Later("the place files are kept in does not answer") from away


def still_kept(name: str, *, field: str) -> str:
    """The name of a file that a form carried to its next try.

    Raises `Refused` when it waited too long and was swept away. While nobody can tell it counts as
    kept: the form shall lose nothing by that.
    """
    with suppress(store.Away):
        if not store.here().exists(name):
            words = _("The file you chose waited longer than a day. Choose it again.")
            raise Refused(words, field)
    return name


def forget_document(name: str) -> None:
    """Take a kept document or picture away, once no row names it any more.

    Called once what named it is committed. One that is gone already is no error; one that is out of
    reach is tried again by a worker, until it is gone.
    """
    try:
        store.here().forget(name)
    except store.Away:
        with db.unit_of_work():
            outbox.put("forget-file", {"name": name})


def as_attachment(name: str, *, called: str) -> Response:
    """A kept document to be saved under the name `called`, and never run as a page of ours.

    Raises FileNotFoundError when it is not there, ValueError for a name that is none of ours.
    """
    kind = name.rpartition(".")[2]
    response = _response(name, "application/pdf" if kind == "pdf" else "image/jpeg")
    response.headers.set("Content-Disposition", "attachment", filename=f"{called}.{kind}")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _keep(kind: str, data: bytes, field: str) -> str:
    name = store.new_name(kind)
    try:
        store.here().keep(name, data)
        if has_request_context():
            g.setdefault("files_kept", []).append(name)
    except store.Full as full:
        raise store.Full(full.message, field) from full
    except store.Away as away:
        words = _("It could not be kept. Try again in a while; nothing else was lost.")
        raise store.Away(words, field) from away
    return name


def _response(name: str, mimetype: str) -> Response:
    place = store.here()
    if place.is_remote:
        # Nothing is left to ask of the database, and a storage may take its time.
        db.rollback()
    kept = place.read(name)
    body = kept.pieces if kept.file is None else wrap_file(request.environ, kept.file)
    response = Response(body, mimetype=mimetype, direct_passthrough=True)
    response.content_length = kept.size
    return response


# What is kept and what is named


def add_column(app: Flask, column: Any) -> None:
    """Say that a column of a room's table names kept files (see `names_in`)."""
    app.extensions["crm_file_columns"].append(column)


def columns() -> Sequence[Any]:
    """The columns that name kept files."""
    found: list[Any] = current_app.extensions["crm_file_columns"]
    return found


def named() -> set[str]:
    """The names of all files that rows name."""
    return {name for column in columns() for name in names_in(column)}


def names_in(column: Any) -> Iterator[str]:
    """The files one column names: each value is a name, or a list of things with a `file`."""
    for value in db.session.scalars(select(column).where(column.is_not(None))):
        if isinstance(value, str):
            yield value
        else:
            yield from (each["file"] for each in value if "file" in each)


def unnamed() -> list[store.Named]:
    """What is kept and no row names, and has not for a day."""
    # The files first: one that comes after this look is not among them, with or without its row.
    kept = [each for each in store.here().names() if store.is_older(each, WAITS)]
    rows = named()
    return [each for each in kept if each.name not in rows]
