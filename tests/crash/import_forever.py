"""Import the fields and the long image of a folder for ever.

import_forever.py REPOSITORY FOLDER PATTERN ACKNOWLEDGED PARALLEL

Each import that was begun is a line `job ID` in the file ACKNOWLEDGED, and each that was reported
as done a line `done ID …` with the ids of its images.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omero_jlab.model import ImportReport, ImportRequest, ImportRow
from omero_jlab.objects.progress import wait
from omero_jlab.repository import Store


def main() -> None:
    root, folder, pattern, acknowledged, parallel = sys.argv[1:]
    store = Store.open(Path(root), create=True)
    session = store.session()
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, b"ready\n")
    while True:
        request = ImportRequest(
            rows=(
                ImportRow(path=f"{folder}/fields", channels=pattern, dataset="forever"),
                ImportRow(path=f"{folder}/long.tif", dataset="forever"),
            ),
            parallel=int(parallel),
        )
        job = session.ingest.start(request)
        os.write(out, f"job {job.id}\n".encode())
        report = wait(session, job, "import", quiet=True)
        assert isinstance(report, ImportReport) and not report.failed, report
        os.write(out, f"done {' '.join(map(str, report.image_ids))}\n".encode())


if __name__ == "__main__":
    main()
