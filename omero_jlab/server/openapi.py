"""The interface's description, derived from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..operations import API_VERSION, CATALOGUE, Operation
from ..version import __version__

__all__ = ["document"]

_REFERENCES = "#/components/schemas/{model}"


def document(streams: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """An OpenAPI 3.1 document; `streams` are the verb, path and summary of the other routes."""
    schemas: dict[str, Any] = {
        "Error": {
            "type": "object",
            "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
            "required": ["error", "message"],
        }
    }
    paths: dict[str, dict[str, Any]] = {}
    for verb, path, summary in streams:
        places = re.findall(r"{(\w+)}", path)
        paths.setdefault(f"/{path}", {})[verb.lower()] = {
            "summary": summary,
            "parameters": [_parameter(name, "path", {"type": "string"}, True) for name in places],
            "responses": _answers({"description": "Bytes; the headers say what they are."}),
        }
    for name, operation in CATALOGUE.items():
        entry = _described(name, operation, schemas)
        paths.setdefault(f"/{operation.path}", {})[operation.verb.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {"title": "omero-jlab", "version": __version__, "x-api-version": API_VERSION},
        "servers": [{"url": "."}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _described(name: str, operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    asked = operation.parameters.model_json_schema(ref_template=_REFERENCES)
    answer = operation.result.json_schema(mode="serialization", ref_template=_REFERENCES)
    for schema in (asked, answer):
        schemas.update(schema.pop("$defs", {}))
    properties, required = asked.get("properties", {}), asked.get("required", [])
    in_path = operation.in_path
    rest = [key for key in properties if key not in in_path]
    entry: dict[str, Any] = {
        "operationId": name,
        "tags": [operation.family],
        "summary": operation.summary,
        "parameters": [_parameter(key, "path", properties[key], True) for key in in_path],
        "responses": _answers({"content": {"application/json": {"schema": answer}}}),
    }
    if operation.verb in ("GET", "DELETE"):
        entry["parameters"] += [
            _parameter(key, "query", properties[key], key in required) for key in rest
        ]
    elif rest:
        body = {
            "type": "object",
            "properties": {key: properties[key] for key in rest},
            "required": [key for key in rest if key in required],
        }
        entry["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return entry


def _parameter(name: str, place: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _answers(good: dict[str, Any]) -> dict[str, Any]:
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    bad = {"description": "What went wrong.", "content": {"application/json": error}}
    return {"200": {"description": "The answer.", **good}, "default": bad}
