"""Pixels of images: read by chunk index, made smaller, written, shown to dask."""

from .blocks import Cancelled
from .files import FILES
from .lazy import aligned_chunk, dask_array
from .pyramid import build_pyramid, needs_pyramid
from .reader import PixelReader
from .scatter import load_loops
from .statistics import ChannelStatistics, statistics
from .verify import verified_pixels, verified_without_index
from .write import write_image, write_labels

__all__ = [
    "FILES",
    "Cancelled",
    "ChannelStatistics",
    "PixelReader",
    "aligned_chunk",
    "build_pyramid",
    "dask_array",
    "load_loops",
    "needs_pyramid",
    "statistics",
    "verified_pixels",
    "verified_without_index",
    "write_image",
    "write_labels",
]
