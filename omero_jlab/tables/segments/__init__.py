"""Immutable HDF5 files of contiguous columns: written whole, read at offsets."""
