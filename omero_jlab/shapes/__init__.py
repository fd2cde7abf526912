"""Shapes as numbers: how far they reach, their pixels, and outlines of labels.  No files."""

from .bounds import ALL_PLANES, Extent, extent_of, planes_of
from .geojson import features_of
from .masks import bits_of, mask_of
from .outline import Outline, Outlines, outlines
from .raster import rasterised
from .spans import Spans, joined, spans_of_labels

__all__ = [
    "ALL_PLANES",
    "Extent",
    "Outline",
    "Outlines",
    "Spans",
    "bits_of",
    "extent_of",
    "features_of",
    "joined",
    "mask_of",
    "outlines",
    "planes_of",
    "rasterised",
    "spans_of_labels",
]
