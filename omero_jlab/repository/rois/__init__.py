"""Regions of interest in number: their places, many at once, folders, views, statistics."""
