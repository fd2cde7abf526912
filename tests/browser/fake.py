"""A small server with the repository's HTTP interface, answering from arrays in memory."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tornado.web
from numpy.typing import NDArray
from PIL import Image as Picture

from omero_jlab.model import ChannelSettings, Settings
from omero_jlab.rendering import LUT_NAMES, render

STATIC = Path(__file__).parents[2] / "omero_jlab" / "widgets" / "static"
UUID = "6f1c1f0e-0000-4000-8000-000000000001"
_RIGHTS = {"can_annotate": True, "can_edit": True, "can_delete": True, "can_link": True}
_OWNED = {
    "version": 1,
    "owner_id": 1,
    "group_id": 1,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
    "rights": _RIGHTS,
}


@dataclass
class Pixels:
    """An image: levels of shape TCZYX, its settings, label images (Z, Y, X) and regions."""

    id: int
    name: str
    levels: list[NDArray[Any]]
    settings: Settings
    is_rgb: bool = False
    labels: dict[int, NDArray[np.uint32]] = field(default_factory=dict)
    rois: list[dict[str, Any]] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        t, c, z, y, x = self.levels[0].shape
        names = ["DNA", "ER", "Mito", *(f"Channel {i}" for i in range(4, 20))]
        return {
            **_OWNED,
            "id": self.id,
            "name": self.name,
            "description": "",
            "sizes": {"t": t, "c": c, "z": z, "y": y, "x": x},
            "dtype": self.levels[0].dtype.name,
            "is_rgb": self.is_rgb,
            "channels": [
                {
                    "name": names[i],
                    "color": s.color,
                    "minimum": float(np.nanmin(self.levels[0][:, i])),
                    "maximum": float(np.nanmax(self.levels[0][:, i])),
                    "window_start": s.start,
                    "window_end": s.end,
                    "emission_nm": None,
                    "excitation_nm": None,
                }
                for i, s in enumerate(self.settings.channels)
            ],
            "levels": [{"height": a.shape[3], "width": a.shape[4]} for a in self.levels],
            "pixel_size_x_um": 0.65,
            "pixel_size_y_um": 0.65,
            "pixel_size_z_um": 2.0 if z > 1 else None,
            "time_step_s": 30.0 if t > 1 else None,
            "acquired_at": None,
            "format": "TIFF",
            "fileset_id": 1,
            "series": 0,
            "pyramid": "complete",
        }

    def label_record(self, id: int) -> dict[str, Any]:
        array = self.labels[id]
        return {
            **_OWNED,
            "kind": "labels",
            "id": id,
            "namespace": "",
            "name": "nuclei",
            "image_id": self.id,
            "dtype": "uint32",
            "size_t": 1,
            "size_z": array.shape[0],
            "height": array.shape[1],
            "width": array.shape[2],
            "maximum": int(array.max()),
            "placement": {"y": 0, "x": 0, "scale_y": 1, "scale_x": 1},
        }


def _halves(array: NDArray[Any], count: int) -> list[NDArray[Any]]:
    levels = [array]
    for _ in range(count):
        levels.append(np.ascontiguousarray(levels[-1][..., ::2, ::2]))
    return levels


def _blobs(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    plane = np.zeros(shape[-2:])
    for _ in range(40):
        cy, cx, r = rng.uniform(0, shape[-2]), rng.uniform(0, shape[-1]), rng.uniform(8, 30)
        plane += np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * r * r))
    return plane / plane.max()


def images() -> dict[int, Pixels]:
    """The images of the fake repository by id."""
    rng = np.random.default_rng(1)
    colors = ("0000FF", "00FF00", "FF0000", "FF00FF", "00FFFF", "FFFF00", "FF8000", "FFFFFF")
    cells = np.stack([_blobs((1030, 1400), seed) for seed in range(3)])
    stack = np.empty((2, 3, 4, 1030, 1400), np.uint16)
    for t in range(2):
        for z in range(4):
            shifted = np.roll(cells, (9 * z, 60 * t), (1, 2))
            stack[t, :, z] = shifted * 30000 + rng.integers(0, 4000, cells.shape)
    labels = np.zeros((1, 1030, 1400), np.uint32)
    y, x = np.mgrid[:1030, :1400]
    for n in range(1, 61):
        cy, cx = rng.uniform(0, 1030), rng.uniform(0, 1400)
        labels[0][(y - cy) ** 2 + (x - cx) ** 2 < 25**2] = n
    labels[0, 500:540, 300:340] = 2**24 + 5
    rois = [
        {"kind": "rectangle", "x": 100, "y": 80, "width": 200, "height": 120},
        {"kind": "ellipse", "x": 600, "y": 400, "radius_x": 90, "radius_y": 50},
        {"kind": "polygon", "points": [[900, 200], [1000, 260], [930, 380]]},
        {"kind": "point", "x": 700, "y": 800},
    ]
    base = {"t": None, "c": None, "z": None, "text": "", "stroke": "FFFF00FF", "fill": "00000000"}
    cells_image = Pixels(
        1,
        "A01 <b>field</b> 1",
        _halves(stack, 3),
        Settings(
            channels=tuple(
                ChannelSettings(color=colors[i], start=1500.5, end=26000 - 3000 * i)
                for i in range(3)
            )
        ),
        labels={11: labels},
        rois=[
            {
                **_OWNED,
                "id": 21,
                "image_id": 1,
                "name": "",
                "description": "",
                "shapes": [base | s for s in rois],
            }
        ],
    )
    rgb = np.stack([_blobs((200, 300), 5 + i) * 255 for i in range(3)])[None, :, None]
    tissue = Pixels(
        2,
        "tissue",
        [rgb.astype(np.uint8)],
        Settings(
            channels=tuple(ChannelSettings(color=c, start=0, end=255) for c in colors[:3]),
            is_rgb=True,
        ),
        is_rgb=True,
    )
    many = rng.normal(0, 1, (1, 8, 1, 300, 520)).astype(np.float32)
    many[0, :, 0, :40, :40] = np.nan
    families = ("linear", "polynomial", "exponential", "logarithmic")
    eight = Pixels(
        3,
        "eight channels",
        [many],
        Settings(
            channels=tuple(
                ChannelSettings(
                    color=colors[i],
                    start=-1 - 0.2 * i,
                    end=3 + i,
                    family=families[i % 4],
                    coefficient=1.0 if i % 4 == 2 else 1.5,
                    gamma=1.0 if i % 2 else 0.7,
                    reverse=i in (1, 4),
                    active=i in (0, 1, 3, 4, 7),
                )
                for i in range(8)
            )
        ),
    )
    bytes_ = rng.integers(0, 256, (1, 2, 1, 90, 70)).astype(np.uint8)
    small = Pixels(
        4,
        "small",
        [bytes_],
        Settings(
            channels=tuple(
                ChannelSettings(color=c, start=10, end=200) for c in ("00FF80", "FF0000")
            )
        ),
    )
    return {each.id: each for each in (cells_image, tissue, eight, small)}


class _Api(tornado.web.RequestHandler):
    def initialize(self, images: dict[int, Pixels]) -> None:
        self.images = images

    def check_xsrf_cookie(self) -> None:
        """The fake has nothing to protect."""

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **_: Any) -> None:
        self.refuse(status_code, "Unreadable", "The fake server has no answer.")

    def refuse(self, status: int, name: str, message: str) -> None:
        self.set_status(status)
        self.answer({"error": name, "message": message})

    def answer(self, value: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value))

    def send_array(self, array: NDArray[Any]) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("X-Shape", ",".join(map(str, array.shape)))
        self.set_header("X-Dtype", array.dtype.newbyteorder("<").str)
        self.finish(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())

    def crop(self, row: str, column: str) -> tuple[slice, slice]:
        size = int(self.get_query_argument("size", "256"))
        y, x = int(row) * size, int(column) * size
        return slice(y, y + size), slice(x, x + size)


HEALTH: dict[str, Any] = {
    "state": "ok", "writable": True, "reason": "", "warning": "", "since": "2026-03-01T10:00:00Z",
    "damaged": 0, "bytes_free": 7 * 10**10, "bytes_total": 10**11,
}  # fmt: skip


class StatusHandler(_Api):
    def get(self) -> None:
        group = {"id": 1, "name": "Lab A", "description": "", "type": "rwr---", "members": []}
        self.answer(
            {
                "repository": UUID,
                "api_version": 1,
                "version": "0.1.0",
                "tier": "personal",
                "user": {"id": 1, "name": "ada", "is_admin": False},
                "group": group,
                "groups": [group, group | {"id": 2, "name": "Lab B"}],
                "health": HEALTH,
            }
        )


class ChildrenHandler(_Api):
    def get(self) -> None:
        kind = self.get_query_argument("kind", "")
        id = int(self.get_query_argument("id", "0"))
        after = int(self.get_query_argument("after", "0"))
        limit = int(self.get_query_argument("limit", "200"))
        word = self.get_query_argument("filter", "").lower()
        if kind == "":
            found = [
                ("project", 1, "Pilot", 2),
                ("screen", 5, "Screen", 1),
                ("orphaned-images", 0, "Orphaned images", 0),
            ]
        elif kind == "project":
            found = [("dataset", 2, "Cells", len(self.images)), ("dataset", 3, "Many", 450)]
        elif kind == "screen":
            found = [("plate", 6, "plate-1", 4)]
        elif (kind, id) == ("dataset", 2):
            found = [("image", i, each.name, 0) for i, each in self.images.items()]
        elif (kind, id) == ("dataset", 3):
            found = [("image", 1 + n % 4, f"field {n:03}", 0) for n in range(450)]
        else:
            found = []
        found = [each for each in found if word in each[2].lower()]
        nodes = [
            {
                "kind": k,
                "id": i,
                "name": name,
                "child_count": count,
                "owner_id": 1,
                "group_id": 1,
                "rights": _RIGHTS,
            }
            for k, i, name, count in found[after : after + limit]
        ]
        more = str(after + limit) if after + limit < len(found) else None
        self.answer({"nodes": nodes, "next": more, "total": len(found)})


class ImagesHandler(_Api):
    def get(self) -> None:
        self.answer([each.record for each in self.images.values()])


class ImageHandler(_Api):
    def get(self, id: str, what: str | None = None) -> None:
        image = self.images.get(int(id))
        if image is None:
            self.refuse(404, "NotFound", f"There is no image {id}, or none that you may see.")
        elif what == "settings":
            self.answer(image.settings.model_dump(mode="json"))
        elif what == "rois":
            self.answer(image.rois)
        elif what == "rois/count":
            self.answer(len(image.rois))
        elif what == "rois/view":
            self.answer({"total": len(image.rois), "rois": image.rois, "density": None})
        elif what == "labels":
            self.answer([image.label_record(i) for i in image.labels])
        else:
            self.answer(image.record)

    def put(self, id: str, what: str) -> None:
        given = json.loads(self.request.body)["settings"]
        self.images[int(id)].settings = Settings.model_validate(given)
        self.answer(given)


class LutsHandler(_Api):
    def get(self) -> None:
        self.answer([{"name": name, "added": False, "colors": []} for name in LUT_NAMES])


class HistogramHandler(_Api):
    def get(self, id: str) -> None:
        c = int(self.get_query_argument("c"))
        t, z = (int(self.get_query_argument(axis, "0")) for axis in ("t", "z"))
        plane = self.images[int(id)].levels[0][t, c, z]
        counts, edges = np.histogram(
            plane[np.isfinite(plane)], int(self.get_query_argument("bins"))
        )
        ends = {"low": float(edges[0]), "high": float(edges[-1])}
        outside = {"below": 0, "above": 0, "nan": 0}
        self.answer({"channel": c, "counts": counts.tolist(), **ends, **outside})


class AnnotationsHandler(_Api):
    def get(self, kind: str, id: str) -> None:
        annotations = [
            {"kind": "tag", "id": 31, "name": "control"},
            {"kind": "tag", "id": 32, "name": "<i>mitosis</i>"},
            {"kind": "key-values", "id": 33, "pairs": [["gene", "TP53"], ["dose", "5 µM"]]},
            {"kind": "comment", "id": 34, "text": "Nice spindle in the middle."},
        ]
        self.answer(
            [
                {"link_id": i, "linked_by": 1, "can_remove": True, "annotation": each}
                for i, each in enumerate(annotations)
            ]
            if kind == "image"
            else []
        )


class ThumbnailHandler(_Api):
    def get(self, id: str) -> None:
        image = self.images[int(id)]
        picture = Picture.fromarray(render(image.levels[-1][0, :, 0], image.settings))
        picture.thumbnail((128, 128))
        out = io.BytesIO()
        picture.save(out, "JPEG")
        self.set_header("Content-Type", "image/jpeg")
        self.finish(out.getvalue())


class RawHandler(_Api):
    def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        channels = [int(c) for c in self.get_query_argument("channels").split(",")]
        y, x = self.crop(row, column)
        self.send_array(self.images[int(id)].levels[int(level)][int(t), channels, int(z), y, x])


class TileHandler(_Api):
    def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        settings = Settings.model_validate_json(self.get_query_argument("settings"))
        y, x = self.crop(row, column)
        planes = self.images[int(id)].levels[int(level)][int(t), :, int(z), y, x]
        out = io.BytesIO()
        Picture.fromarray(render(planes, settings)).save(out, self.get_query_argument("format"))
        self.set_header("Content-Type", "image/png")
        self.finish(out.getvalue())


class LabelsHandler(_Api):
    def get(self, id: str, level: str, t: str, z: str, row: str, column: str) -> None:
        y, x = self.crop(row, column)
        step = 2 ** int(level)
        arrays = {i: a for each in self.images.values() for i, a in each.labels.items()}
        self.send_array(arrays[int(id)][int(z), ::step, ::step][y, x])


class SearchHandler(_Api):
    def get(self) -> None:
        word = self.get_query_argument("text").lower()
        self.answer(
            [
                {
                    "kind": "image",
                    "id": i,
                    "name": each.name,
                    "detail": "name",
                    "owner_id": 1,
                    "group_id": 1,
                }
                for i, each in self.images.items()
                if word in each.name.lower()
            ]
        )


_PAGE = """<!doctype html><meta charset="utf-8"><title>widget</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/omero-jlab.css"><body style="margin:0">%s<div id="host"></div>
<script type="module">
import widget from "/static/%s.js";
const listeners = new Map();
const model = {
  traits: %s,
  get(name) { return this.traits[name]; },
  set(name, value) {
    this.traits[name] = value;
    (listeners.get("change:" + name) ?? []).forEach(call => call());
  },
  save_changes() {},
  on(name, call) { listeners.set(name, [...(listeners.get(name) ?? []), call]); },
  off(name, call) { listeners.set(name, (listeners.get(name) ?? []).filter(c => c !== call)); },
  async send({ kind, id, path, body }) {
    window.messages = (window.messages ?? 0) + 1;
    const answer = await fetch("/kernel/omero-jlab/api/v1/" + path, { method: kind, body });
    const headers = Object.fromEntries(answer.headers);
    // As from a websocket: the bytes do not begin at the start of their buffer.
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const whole = new Uint8Array(bytes.length + 3);
    whole.set(bytes, 3);
    const buffer = new DataView(whole.buffer, 3);
    const content = { kind: "reply", id, status: answer.status, headers };
    (listeners.get("msg:custom") ?? []).forEach(call => call(content, [buffer]));
  },
};
window.model = model;
window.undo = await widget.render({ model, el: document.getElementById("host") });
</script>"""


_CONFIG = (
    '<script id="jupyter-config-data" type="application/json">'
    '{"baseUrl": "/", "token": "t"}</script>'
)


class PageHandler(tornado.web.RequestHandler):
    """A page with one widget on it, whose model is as simple as can be."""

    def get(self, widget: str) -> None:
        traits = {
            "repository": UUID,
            "height_px": 560,
            "selected": [],
            "filter": "",
            "opened": None,
            "opened_table": None,
            "projection": None,
            "settings": None,
            "z": None,
            "t": None,
            "labels": [],
            "selection": None,
            "view": None,
        } | json.loads(self.get_query_argument("traits", "{}"))
        served = self.get_query_argument("http", "1") == "1"
        self.finish(_PAGE % (_CONFIG if served else "", widget, json.dumps(traits)))


def handlers(prefix: str) -> list[tuple[Any, ...]]:
    """The interface's routes below `prefix`."""
    root = prefix + "omero-jlab/api/v1/"
    tile = r"(\d+)/(\d+)/(\d+)/(\d+)/(\d+)"
    found = {
        "status": StatusHandler,
        "browse/children": ChildrenHandler,
        "images": ImagesHandler,
        "luts": LutsHandler,
        r"images/(\d+)": ImageHandler,
        r"images/(\d+)/histogram": HistogramHandler,
        r"images/(\d+)/(settings|rois|rois/count|rois/view|labels)": ImageHandler,
        r"objects/([a-z-]+)/(\d+)/annotations": AnnotationsHandler,
        r"images/(\d+)/thumbnail": ThumbnailHandler,
        rf"images/(\d+)/raw/{tile}": RawHandler,
        rf"images/(\d+)/tiles/{tile}": TileHandler,
        rf"labels/(\d+)/raw/{tile}": LabelsHandler,
        "search": SearchHandler,
    }
    shared = images()
    return [(root + path, handler, {"images": shared}) for path, handler in found.items()]


def application() -> tornado.web.Application:
    """The fake server: the interface at two prefixes, the widgets' files and a page for each."""
    return tornado.web.Application(
        [
            *handlers("/"),
            *handlers("/kernel/"),
            (r"/page/(viewer|browser)", PageHandler),
            (r"/static/(.*)", tornado.web.StaticFileHandler, {"path": str(STATIC)}),
        ]
    )
