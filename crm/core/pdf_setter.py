"""Sets one PDF in a process of its own: a job on its standard input, the PDF on its output.

Run as a file by `core/pdf.py`; it imports nothing of ours, so that it starts at once, and can be
ended when a document takes too long. Data reach the template as `sys.inputs`: they are text there,
never markup. Only the bundled fonts and those of the job are used, and files are read from the
templates' folder alone, or from a copy of it with the job's picture beside.
"""

import json
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import typst


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
    if job["again"]:
        # What a template finds out about its own pages it is told in a second run; where there is
        # nothing to tell, the first is the last.
        known = json.loads(compiler.query("<known>", field="value", one=True))
        if known:
            inputs["known"] = json.dumps(known)
    return compiler.compile(sys_inputs=inputs, pdf_tags=job["tags"])  # type: ignore[return-value]


if __name__ == "__main__":
    main()
