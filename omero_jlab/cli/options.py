"""What several commands ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["repository_option"]


def repository_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repository", type=Path, help="the repository's folder, where it is not the user's own"
    )
