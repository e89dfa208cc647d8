"""An application a test, without doing the same work for each: addresses and templates are compiled
once a process.

A third of the suite's time went into code that Werkzeug makes for 250 addresses, an eighth into
templates. Both come out the same for every application of a process.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.templating import Environment
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class _InMemory(BytecodeCache):
    """Compiled templates, by name and source."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled before."""
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self.kept[bucket.key, bucket.checksum] = bucket.code


_templates = _InMemory()


class _Remembering(Environment):
    def __init__(self, app: Flask, **options: Any) -> None:
        super().__init__(app, **{"bytecode_cache": _templates, **options})


_builders: dict[object, Callable[..., tuple[str, str]]] = {}


def make_applications_quick() -> None:
    """Remember from now on what was compiled for another application of this process."""
    Flask.jinja_environment = _Remembering
    compile_builder = Rule._compile_builder

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # The code depends on no more than this; the converters are the rule's own, when it runs.
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in _builders:
            _builders[key] = compile_builder(rule, append_unknown)
        return _builders[key]

    Rule._compile_builder = remembered
