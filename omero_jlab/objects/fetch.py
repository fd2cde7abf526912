"""What a widget asks for when its browser cannot reach the server: the same paths, by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ..errors import Invalid, NotFound, OmeroError, status_of
from ..model import Projection, Settings, Tile
from ..operations import CATALOGUE, AnySession
from ..operations.paging import selection

__all__ = ["Fetch"]

Answer = tuple[int, dict[str, str], bytes]
_JSON = {"Content-Type": "application/json"}
_NAMES: TypeAdapter[tuple[str, ...] | None] = TypeAdapter(tuple[str, ...] | None)
_TILE = r"(?P<level>\d+)/(?P<t>\d+)/(?P<z>\d+)/(?P<row>\d+)/(?P<column>\d+)"


class Fetch:
    """Answers paths below `/omero-jlab/api/v1/` from a Session, as the server would."""

    def __init__(self, session: AnySession) -> None:
        self._session = session
        self._streams: list[tuple[str, Callable[[Mapping[str, str], Mapping[str, str]], Answer]]]
        self._streams = [
            (r"images/(?P<id>\d+)/thumbnail", self._thumbnail),
            (rf"images/(?P<id>\d+)/raw/{_TILE}", self._raw),
            (rf"images/(?P<id>\d+)/tiles/{_TILE}", self._tile),
            (r"images/(?P<id>\d+)/projection", self._projection),
            (rf"labels/(?P<id>\d+)/raw/{_TILE}", self._labels),
            (r"tables/(?P<id>\d+)/rows", self._rows),
        ]

    def __call__(self, path: str, verb: str = "GET", body: str = "") -> Answer:
        """Status, headers and body for a path with its query; only operations write."""
        try:
            return self._answer(path, verb, body)
        except OmeroError as error:
            told = {"error": type(error).__name__, "message": str(error)}
            return status_of(error), dict(_JSON), json.dumps(told).encode()

    def _answer(self, path: str, verb: str, body: str) -> Answer:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        for pattern, stream in self._streams:
            if verb == "GET" and (match := re.fullmatch(pattern, parts.path)):
                return stream(match.groupdict(), query)
        for operation in CATALOGUE.values():
            match = re.fullmatch(operation.pattern, parts.path)
            if match and operation.verb == verb:
                in_path = {name: unquote(text) for name, text in match.groupdict().items()}
                arguments = operation.arguments(in_path, query, body.encode())
                family = getattr(self._session, operation.family)
                value = getattr(family, operation.name)(**arguments)
                return 200, dict(_JSON), operation.result.dump_json(value)
        raise NotFound(f"There is nothing at {parts.path}.")

    def _thumbnail(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        picture = self._session.thumbnail(int(at["id"]), _integer(query.get("size", "128")))
        return 200, {"Content-Type": "image/jpeg"}, picture

    def _raw(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        channels = [_integer(c) for c in query.get("channels", "0").split(",")]
        return _pixels(self._session.raw_tile(int(at["id"]), _tile(at, query), channels))

    def _projection(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        projection = Projection.model_validate_json(query.get("projection", "{}"))
        channels = [_integer(c) for c in query.get("channels", "0").split(",")]
        places = ("t", "z", "level", "y", "x", "height", "width")
        where = {name: _integer(query[name]) for name in places if name in query}
        return _pixels(self._session.project(int(at["id"]), projection, channels, **where))

    def _labels(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        return _pixels(self._session.labels_tile(int(at["id"]), _tile(at, query)))

    def _rows(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        table_id, format = int(at["id"]), query.get("format")
        limit = query.get("limit")
        after = None if "after" not in query else _integer(query["after"])
        which = selection(
            _NAMES.validate_json(query.get("columns", "null")),
            query.get("condition"),
            query.get("order_by"),
            query.get("descending") == "true",
            None if limit is None else _integer(limit),
            _integer(query.get("offset", "0")),
            after=after,
        )
        if format == "columns":
            from ..remote.columns import column_pieces

            found, kind = column_pieces(self._session.read_rows(table_id, which)), "octet-stream"
        elif format == "json":
            from ..remote.pages import json_pieces

            found, kind = json_pieces(self._session.read_batches(table_id, which)), "json"
        elif format in ("csv", "parquet"):
            found, kind = self._session.export_rows(table_id, format, which), "octet-stream"
        else:
            raise Invalid(
                f"Through the kernel a page gets rows as columns, json, csv or parquet, not as "
                f"{format}."
            )
        return 200, {"Content-Type": f"application/{kind}"}, b"".join(found)

    def _tile(self, at: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        asked = query.get("settings")
        settings = None if asked is None else Settings.model_validate_json(asked)
        format = query.get("format", "jpeg")
        many = query.get("projection")
        projection = None if many is None else Projection.model_validate_json(many)
        tile = _tile(at, query)
        picture = self._session.tile(int(at["id"]), tile, settings, format, projection)
        return 200, {"Content-Type": f"image/{format}"}, picture


def _tile(at: Mapping[str, str], query: Mapping[str, str]) -> Tile:
    numbers = {name: int(at[name]) for name in ("level", "t", "z", "row", "column")}
    return Tile(**numbers, size=_integer(query.get("size", "256")))


def _pixels(array: NDArray[Any]) -> Answer:
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
    headers = {
        "Content-Type": "application/octet-stream",
        "X-Shape": ",".join(map(str, array.shape)),
        "X-Dtype": array.dtype.name,
    }
    return 200, headers, little.tobytes()


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"{text!r} is no whole number.") from None
