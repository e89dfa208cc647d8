"""What a fault test measured: a line to read, and one of JSON where `CRM_FIGURES` names a file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

#: Whether every size is the full one: a minute, twenty kills.
IN_FULL = os.environ.get("CRM_REQUIRE_ALL") == "1"


def tell(what: str, **figures: float | int | str) -> None:
    """Print the figures, and append them to the file."""
    print(f"\n{what}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))  # noqa: T201
    if path := os.environ.get("CRM_FIGURES"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": what, **figures}) + "\n")


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so much of them lies, to a millisecond."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else 0.0
