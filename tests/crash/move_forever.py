"""Move new files into a repository: move_forever.py REPOSITORY FOLDER ACKNOWLEDGED

Each file is complete in FOLDER before its import begins.  After each import that was reported as
done, the name of its file goes to the file ACKNOWLEDGED.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path

import numpy as np
import tifffile

from omero_jlab.model import ImportReport, ImportRequest
from omero_jlab.objects.progress import wait
from omero_jlab.repository import Store


def main() -> None:
    root, folder, acknowledged = map(Path, sys.argv[1:])
    store = Store.open(root, create=True)
    session = store.session()
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(out, b"ready\n")
    for number in itertools.count(len(acknowledged.read_text().splitlines())):
        source = folder / f"{number:06d}.tif"
        if source.exists():
            continue
        part = source.with_suffix(".part")
        tifffile.imwrite(part, np.full((64, 64), number, np.uint16))
        part.rename(source)
        request = ImportRequest(paths=(str(source),), transfer="move")
        report = wait(session, session.ingest.start(request), "import", quiet=True)
        assert isinstance(report, ImportReport) and not report.failed, report
        os.write(out, f"{source.name}\n".encode())


if __name__ == "__main__":
    main()
