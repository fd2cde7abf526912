"""A repository to try things on: a plate, tissue, cells, a large image, and measurements."""

from .contents import EXPECTED, fill
from .notebooks import copy_notebooks

__all__ = ["EXPECTED", "copy_notebooks", "fill"]
