"""Import the same folder for ever: import_forever.py REPOSITORY FOLDER PATTERN ACKNOWLEDGED

After each import that was reported as done, the ids of its images go to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omero_jlab.model import ImportReport, ImportRequest
from omero_jlab.objects.progress import wait
from omero_jlab.repository import Store


def main() -> None:
    root, folder, pattern, acknowledged = sys.argv[1:]
    store = Store.open(Path(root), create=True)
    session = store.session()
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, b"ready\n")
    while True:
        request = ImportRequest(paths=(folder,), channels=pattern, dataset="forever")
        report = wait(session, session.ingest.start(request), "import", quiet=True)
        assert isinstance(report, ImportReport) and not report.failed, report
        os.write(out, (" ".join(map(str, report.image_ids)) + "\n").encode())


if __name__ == "__main__":
    main()
