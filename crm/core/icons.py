"""Bootstrap's icons, each inlined where it stands: a page carries the few it shows, no sprite."""

import re
from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape

from flask import Flask
from markupsafe import Markup

_SYMBOL = re.compile(r'<symbol [^>]*id="([a-z0-9-]+)"[^>]*>(.*?)</symbol>', re.S)


def init_app(app: Flask) -> None:
    """Let templates say `{{ icon("envelope") }}`."""
    app.jinja_env.globals["icon"] = icon


@cache
def icon(name: str, label: str = "") -> Markup:
    """The icon as SVG; decorative unless it has a label. Raises KeyError for an unknown name."""
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(  # noqa: S704 - the drawing is Bootstrap's, the label is escaped
        f'<svg class="icon" viewBox="0 0 16 16" fill="currentColor" {role}>{_symbols()[name]}</svg>'
    )


@cache
def _symbols() -> dict[str, str]:
    sprite = files("flask_bootstrap") / "static" / "bootstrap5" / "icons" / "bootstrap-icons.svg"
    return dict(_SYMBOL.findall(sprite.read_text(encoding="utf-8")))
