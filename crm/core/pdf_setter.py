"""Sets one PDF in a process of its own: a job on its standard input, the PDF on its output.

A job with `ppi` gives one picture instead, a PNG of so many dots an inch.

Run as a file by `core/pdf.py`; it imports nothing of ours, so that it starts at once, and can be
ended when a document takes too long. Data reach the template as `sys.inputs`: they are text there,
never markup. Only the bundled fonts and those of the job are used, and files are read from the
templates' folder alone, or from a copy of it with the job's picture beside.
"""

import json
import re
import resource
import shutil
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import typst

#: The pages on which the parts of a document begin, where its template marks them.
_STARTS = "query(<start>).map(it => it.location().page())"


def main() -> None:
    """Read the job, keep to its limits, write the PDF."""
    job = json.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (job["bytes"], job["bytes"]))
    # Pages are set by several threads at once, and their seconds add up.
    seconds = job["seconds"] * 4
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    if job["picture"] is None:
        made = _set(job, Path(job["root"]))
    else:
        with tempfile.TemporaryDirectory() as beside:
            root = Path(beside) / "print"
            shutil.copytree(job["root"], root)
            shutil.copyfile(job["picture"], root / job["data"]["picture"])
            made = _set(job, root)
    sys.stdout.buffer.write(made)


def _set(job: dict[str, Any], root: Path) -> bytes:
    inputs = {"data": json.dumps(job["data"], ensure_ascii=False)}
    compiler = typst.Compiler(
        root / f"{job['template']}.typ",
        root=root,
        font_paths=job["fonts"],
        ignore_system_fonts=True,
        sys_inputs=inputs,
        # No package is ever fetched: neither folder is there.
        package_path=root / "no-packages",
        package_cache_path=root / "no-packages",
    )
    if job.get("ppi"):
        return compiler.compile(format="png", ppi=job["ppi"])  # type: ignore[return-value]
    made: bytes = compiler.compile(pdf_tags=job["tags"])  # type: ignore[assignment]
    pages = _pages(made)
    if job["parts"] is None or pages == job["parts"]:
        return made
    # Not each part has one page. Those that have more are told where they begin, in a second run:
    # a template that looked for it itself would double the work every time.
    starts = [*json.loads(compiler.eval(_STARTS)), pages + 1]
    long = [start if after - start > 1 else None for start, after in pairwise(starts)]
    del made
    return compiler.compile(  # type: ignore[return-value]
        sys_inputs=inputs | {"starts": json.dumps(long)}, pdf_tags=job["tags"]
    )


def _pages(made: bytes) -> int:
    """How many pages a document has: what the root of their tree counts."""
    return max(map(int, re.findall(rb"/Count (\d+)", made)), default=0)


if __name__ == "__main__":
    main()
