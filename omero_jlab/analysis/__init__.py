"""Analysing many images, and large ones tile by tile."""

from .images import map_images
from .outcomes import Outcome, Outcomes
from .tiles import Measurement, measure_tiles

__all__ = ["Measurement", "Outcome", "Outcomes", "map_images", "measure_tiles"]
