"""One image: pan and zoom, channels, Z and T, regions, labels."""

from __future__ import annotations

import traitlets

from .fetching import STATIC, FetchingWidget

__all__ = ["ImageViewer"]


class ImageViewer(FetchingWidget):
    """Shows an image; what is changed on the page is found in the attributes, and back.

    Attributes
    ----------
    image_id : the image
    settings
        How it is drawn, as `omero_jlab.model.Settings` in JSON; None until somebody changes it.
    z, t : the plane shown; None is the one in the settings
    projection
        The planes shown as one, as `omero_jlab.model.Projection` in JSON; None for single planes.
        Windows in `settings` are those of single planes: a sum of n planes is drawn with n times
        them.
    labels
        Label images over it: dicts of id, name, visible and opacity (0 to 1).  None shows the
        first one, an empty list none.
    selection : ``{"labels_id", "value"}`` of the object clicked, or None
    links : the plots (`TablePlot.link_id`) that it follows to other images
    view
        The middle in pixels of level 0 and screen pixels per image pixel: ``{"x", "y", "zoom"}``;
        None shows the whole image.
    """

    _esm = STATIC / "viewer.js"

    image_id = traitlets.Int().tag(sync=True)
    settings = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    z = traitlets.Int(None, allow_none=True).tag(sync=True)
    t = traitlets.Int(None, allow_none=True).tag(sync=True)
    projection = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    labels = traitlets.List(traitlets.Dict(), default_value=None, allow_none=True).tag(sync=True)
    selection = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
    links = traitlets.List(traitlets.Unicode()).tag(sync=True)
    view = traitlets.Dict(default_value=None, allow_none=True).tag(sync=True)
