"""How long the server takes to refuse what cannot be answered: 50 ms over the slowest.

One request at a time over one connection, against a real server with an image and a table; each is
asked for several times, and its fastest answer counts, so that other work on the machine does
not.  Each measure is one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from omero_jlab.objects import Repository
from omero_jlab.repository import Store
from omero_jlab.server.holder import Holder
from omero_jlab.server.standalone import Listener

PATIENCE_MS = 50
SIDE = 100_000
_NAN = '{"channels":[{"start":"NaN","end":1}]}'
_LUT = '{"channels":[{"start":0,"end":1,"lut":"nobodys"}]}'
IMAGES: dict[str, tuple[str, set[int]]] = {
    "tile-out-of-range": ("tiles/0/0/0/9999/9999", {400, 404}),
    "raw-tile-out-of-range": ("raw/0/0/0/9999/0?channels=0", {400, 404}),
    "channel-out-of-range": ("raw/0/0/0/0/0?channels=7", {400, 404}),
    "plane-out-of-range": ("tiles/0/5/5/0/0", {400, 404}),
    "level-minus-one": ("tiles/-1/0/0/0/0", {400, 404}),
    "level-99": ("tiles/99/0/0/0/0", {400, 404}),
    "region-100000": (f"region?height={SIDE}&width={SIDE}", {413}),
    "render-100000": (f"render?height={SIDE}&width={SIDE}", {413}),
    "projection-100000": ('projection?projection={"kind":"maximum","axis":"z"}', {400, 413}),
    "picture-100000": (f"picture?width={SIDE}&height={SIDE}", {400, 413}),
    "region-outside": (f"region?x={SIDE}&y=0&height=10&width=10", {400, 404}),
    "region-negative": ("region?x=-5&y=0&height=10&width=10", {400, 404}),
    "nan-window": (f"tiles/0/0/0/0/0?settings={_NAN}", {400}),
    "unknown-lut": (f"tiles/0/0/0/0/0?settings={_LUT}", {400, 404}),
    "thumbnail-of-a-million": ("thumbnail?size=1000000", {400}),
    "unknown-format": ("tiles/0/0/0/0/0?format=bmp", {400}),
}
CONDITIONS = {
    "condition-power": "a > 9**9**9",
    "condition-call": "__import__('os').system('true') == 0",
    "condition-attribute": "a.__class__ == 1",
    "condition-deep": "(" * 5000 + "a" + ")" * 5000,
    "condition-long": " or ".join(["a == 1"] * 2000),
    "condition-unknown": "nobody > 3",
    "condition-open": "a > 'x",
    "condition-minus": "-" * 5000 + "a > 1",
    "condition-numbers": "a in [" + ",".join(map(str, range(6000))) + "]",
}


def main() -> None:
    """Make what is asked about, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "runtime")
        store = Store.open(folder / "repository", create=True)
        holder = Holder.of(store)
        listener = Listener(holder)
        try:
            address = listener.start()
            for line in measured(store, address.url, holder.secret, rounds):
                print(json.dumps(line), flush=True)
        finally:
            listener.stop()
            store.close()


def measured(store: Store, url: str, secret: str, rounds: int) -> list[dict[str, Any]]:
    """One line for each refusal."""
    repo = Repository(store.session())
    image = repo.save_image(np.zeros((1, 1, 1, 64, 64), np.uint8), name="small")
    frame = pd.DataFrame({"a": np.arange(1000.0), "s": ["aaaa"] * 1000})
    table = image.attach_table(frame, name="rows")
    root = f"{url}omero-jlab/api/v1"
    asked = {
        id: (f"{root}/images/{image.id}/{rest}", {}, expected)
        for id, (rest, expected) in IMAGES.items()
    }
    for id, condition in CONDITIONS.items():
        asked[id] = (f"{root}/tables/{table.id}/rows", {"condition": condition}, {400, 413, 414})
    lines = []
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(headers=headers, timeout=60, trust_env=False) as client:
        for id, (where, query, expected) in asked.items():
            taken, answer = [], None
            for _ in range(rounds):
                start = time.perf_counter()
                answer = client.get(where, params=query or None)
                taken.append((time.perf_counter() - start) * 1000)
            assert answer is not None
            told = answer.text[:100]
            if answer.status_code not in expected:
                print(f"{id}: {answer.status_code} {told}", file=sys.stderr)
            lines.append(
                {
                    "id": f"refusal-{id}",
                    "work": f"ms until {answer.status_code}: {told}",
                    "ours": round(min(taken), 2),
                    "first": round(taken[0], 2),
                    "peer": "limit",
                    "peer_value": PATIENCE_MS,
                    "ratio": round(PATIENCE_MS / min(taken), 2),
                    "least": 1,
                }
            )
    return lines


if __name__ == "__main__":
    main()
