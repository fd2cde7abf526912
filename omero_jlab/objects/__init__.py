"""What a notebook user holds: records that know their Session."""

from .collections import Collection, Containers, Images
from .containers import Dataset, Plate, Project, Screen, Well
from .files import AttachedFile
from .gates import Gate, Gates
from .image import Image, ImageList
from .labels import Labels
from .progress import wait
from .repository import Repository
from .runs import Run
from .tables import Table

__all__ = [
    "AttachedFile",
    "Collection",
    "Containers",
    "Dataset",
    "Gate",
    "Gates",
    "Image",
    "ImageList",
    "Images",
    "Labels",
    "Plate",
    "Project",
    "Repository",
    "Run",
    "Screen",
    "Table",
    "Well",
    "wait",
]
