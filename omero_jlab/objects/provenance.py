"""How a result was made, as a notebook shows it."""

from __future__ import annotations

import html
import json

from ..model import Provenance

__all__ = ["provenance_html"]

_LONGEST = 2000


def provenance_html(provenance: Provenance | None) -> str:
    """A folded list of what is known of how a result was made; empty where nothing is."""
    if provenance is None:
        return ""
    program = f"{provenance.program} {provenance.version}".strip()
    made_at = "" if provenance.made_at is None else f"{provenance.made_at:%Y-%m-%d %H:%M} UTC"
    facts = [
        ("program", program),
        ("pipeline", provenance.pipeline),
        ("pipeline file", _number(provenance.pipeline_file_id)),
        ("parameters", _json(provenance)),
        ("images", ", ".join(map(str, provenance.image_ids))),
        ("files", ", ".join(provenance.files)),
        ("cell", provenance.cell),
        ("source", provenance.source),
        ("made at", made_at),
        ("made by", provenance.made_by),
    ]
    rows = "".join(
        f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>"
        f"<span style='white-space:pre-wrap'>{html.escape(_shortened(text))}</span></td></tr>"
        for name, text in facts
        if text
    )
    title = html.escape(program or provenance.pipeline or "made")
    by = f" by {html.escape(provenance.made_by)}" if provenance.made_by else ""
    return f"<details><summary>{title}{by}</summary><table>{rows}</table></details>"


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _json(provenance: Provenance) -> str:
    found = provenance.parameters
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in found.items())


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
