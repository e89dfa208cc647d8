"""Sets one PDF in a process of its own: a job on its standard input, the PDF on its output.

Run as a file by `core/pdf.py`; it imports nothing of ours, so that it starts at once, and can be
ended when a document takes too long. Data reach the template as `sys.inputs`: they are text there,
never markup. Only the bundled fonts are used, and files are read from the templates' folder alone.
"""

import json
import resource
import sys

import typst


def main() -> None:
    """Read the job, keep to its limits, write the PDF."""
    job = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (job["bytes"], job["bytes"]))
    resource.setrlimit(resource.RLIMIT_CPU, (job["seconds"], job["seconds"]))
    made = typst.compile(
        job["template"],
        root=job["root"],
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(job["data"])},
        # No package is ever fetched: neither folder is there.
        package_path=job["root"] + "/no-packages",
        package_cache_path=job["root"] + "/no-packages",
    )
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
