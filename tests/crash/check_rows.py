"""Say what a reader finds after a crash: check_rows.py REPOSITORY prints one line of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from append_forever import BATCH, NAME, rows

from omero_jlab.errors import OmeroError
from omero_jlab.repository import Store


def check(root: Path) -> dict[str, object]:
    store = Store.open(root, create=True)
    try:
        session = store.session()
        datasets = session.containers.datasets(name=NAME)
        tables = session.tables.list("dataset", datasets[0].id) if datasets else ()
        if not tables:
            return {"ok": True, "rows": 0, "prefix": True, "err": "", "strays": strays(root, set())}
        frame = session.read_rows(tables[0].id)
        whole = len(frame) % BATCH == 0
        same = frame.reset_index(drop=True).equals(
            rows(0, len(frame)).astype({"s": frame["s"].dtype})
        )
        known = {segment.path for segment in session.table_view(tables[0].id).segments}
        left = strays(root, known)
        return {
            "ok": not left,
            "rows": len(frame),
            "prefix": whole and same,
            "err": f"files without rows: {left}" if left else "",
        }
    finally:
        store.close()


def strays(root: Path, known: set[str]) -> list[str]:
    """Segment files that no manifest row names."""
    found = (root / "Files" / "tables").rglob("*")
    return [str(p) for p in found if p.is_file() and not any(str(p).endswith(k) for k in known)]


if __name__ == "__main__":
    try:
        print(json.dumps(check(Path(sys.argv[1]))))
    except (OmeroError, OSError) as error:
        print(json.dumps({"ok": False, "rows": 0, "prefix": False, "err": repr(error)}))
