"""Pictures people upload: checked, turned upright, stripped of everything but the picture.

And documents: a PDF cannot be made anew as a picture can, so it is only looked at from outside,
kept under a name of ours, and leaves as a file to save that nothing opens as a page of ours.
"""

import re
import secrets
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from flask import Flask, Response, current_app, send_file
from flask_babel import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError
from werkzeug.datastructures import FileStorage

from crm.core import db
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
_KEPT = re.compile(r"[0-9a-f]{32}\.(jpg|pdf)")


def init_app(app: Flask, settings: Settings) -> None:
    """Name the folders pictures and documents are kept in."""
    app.config["PICTURES"] = settings.folder / "pictures"
    app.config["DOCUMENTS"] = settings.folder / "documents"


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
    folder = _folder("PICTURES")
    name = f"{secrets.token_hex(16)}.jpg"
    clean.save(folder / name, "JPEG", quality=85)
    return name


def picture_path(name: str) -> Path:
    """Where a kept picture lies."""
    return Path(current_app.config["PICTURES"]) / name


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
    name = f"{secrets.token_hex(16)}.pdf"
    path = _folder("DOCUMENTS") / name
    path.touch(mode=0o600)
    path.write_bytes(data)
    return name


def document_path(name: str) -> Path:
    """Where a kept document or picture lies; raises ValueError for a name that is none of ours."""
    if not _KEPT.fullmatch(name):
        raise ValueError(name)
    folder = "DOCUMENTS" if name.endswith(".pdf") else "PICTURES"
    return Path(current_app.config[folder]) / name


def forget_document(name: str) -> None:
    """Take a kept document or picture away; one that is gone already is no error."""
    with suppress(FileNotFoundError):
        document_path(name).unlink()


def as_attachment(name: str, *, called: str) -> Response:
    """A kept document to be saved under the name `called`, and never run as a page of ours.

    Raises FileNotFoundError when it is not there.
    """
    path = document_path(name)
    response = send_file(path, as_attachment=True, download_name=called + path.suffix)
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _folder(name: str) -> Path:
    folder: Path = current_app.config[name]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
