"""Sizes as people read them."""

from __future__ import annotations

import pytest

from omero_jlab.units import size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (71_219_339_264, "71.2 GB"),
        (3 * 10**18, "3,000.0 PB"),
    ],
)
def test_a_size(size: int, text: str) -> None:
    assert size_text(size) == text
