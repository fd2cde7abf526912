"""The long forms run when they are asked for."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "long" in config.option.markexpr:
        return
    for item in items:
        if item.path.parent.name == "crash" and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="the long form: run it with -m long"))
