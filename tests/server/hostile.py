"""A real repository behind a real listener, for requests that nobody means well by."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from omero_jlab.model import ChannelSettings, Point, Settings
from omero_jlab.remote import RemoteSession
from omero_jlab.repository import Store
from omero_jlab.server import Holder, Listener

__all__ = ["Repository", "framed", "settings", "sound"]


class Repository:
    """A real repository behind a real listener, with one object of every kind."""

    def __init__(self, root: Path) -> None:
        self.store = Store.open(root, create=True, tier="team")
        self.listener = Listener(Holder.of(self.store))
        self.url = self.listener.start().url
        here = self.store.session()
        self.token = here.accounts.add_token(here.server.status().user.id).secret
        self.session = RemoteSession(self.url, self.token)
        self.http = httpx.Client(
            base_url=f"{self.url}omero-jlab/api/v1/",
            headers={"Authorization": f"Bearer {self.token}"},
            trust_env=False,
            timeout=60,
        )
        pixels = np.arange(2 * 64 * 64, dtype=np.uint16).reshape(1, 2, 1, 64, 64)
        image = here.add_image(pixels, "cells", dataset="dataset", project="project")
        self.image = image.id
        self.labels = here.add_labels(image.id, "nuclei", np.eye(64, dtype=np.uint8)).id
        frame = pd.DataFrame({"area": [1.0, 2.0], "kind": ["a", "b"]})
        self.table = here.add_table("image", image.id, "rows", frame).id
        self.roi = here.shapes.add(image.id, (Point(x=1, y=2),)).id
        tagged = here.annotations.add_tag("image", image.id, "tag")
        self.annotation, self.link = tagged.annotation.id, tagged.link_id
        path = root.parent / "page.html"
        path.write_text("<script>alert(1)</script>")
        self.file = here.add_file("image", image.id, path).annotation.file_id  # type: ignore[union-attr]
        self.good: dict[str, Any] = {
            "id": 1,
            "image_id": image.id,
            "labels_id": self.labels,
            "table_id": self.table,
            "roi_id": self.roi,
            "annotation_id": self.annotation,
            "link_id": self.link,
            "file_id": self.file,
            "user_id": 999,
            "group_id": 999,
            "token_id": 999,
            "job_id": 999,
            "kind": "image",
            "child_kind": "image",
            "child_id": image.id,
            "name": "name",
            "version": 1,
            "text": "text",
            "pairs": [["a", "b"]],
            "password": "long enough",
            "settings": settings().model_dump(mode="json"),
            "placement": {},
            "path": "/nowhere",
            "shapes": [{"kind": "point", "x": 1, "y": 2}],
            "request": {"paths": ["/nowhere"]},
            "points": [[1.0, 2.0]],
            "start": [0.0, 0.0],
            "end": [5.0, 9.0],
            "to_ids": [image.id],
            "image_ids": [image.id],
            "to": "imported",
            "colors": ["000000"] * 256,
        }

    def close(self) -> None:
        self.http.close()
        self.session.close()
        self.listener.stop()
        self.listener.holder.close()
        self.store.close()


def settings(**changes: Any) -> Settings:
    channel = ChannelSettings(start=0, end=100).model_copy(update=changes)
    return Settings(channels=(channel, channel))


def sound(answer: httpx.Response, what: str) -> None:
    """An answer that is right or says in words what was wrong, and tells no secrets."""
    assert answer.status_code not in (500, 503), f"{what[:300]}: {answer.text[:300]}"
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/json", what[:300]
        if answer.request.method != "HEAD":
            assert answer.json()["message"], what[:300]
            assert "Traceback" not in answer.text
            assert "sqlite" not in answer.text.lower(), answer.text[:300]
            assert len(answer.text) < 200_000


def framed(head: Any, payload: bytes = b"", size: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + payload
