"""A fresh process for one call: the request comes by standard input, the answer leaves by output.

It is started as `python -m omero_jlab.workers.once` where fork or Landlock is missing.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

from .child import answer_to
from .messages import Request, framed

__all__ = ["main"]


def main() -> None:
    """Read the request, answer it, end."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    # What a library prints must not get between the bytes of the answer.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = Request.read(sys.stdin.buffer.read)
    output.write(framed(answer_to(request, confined=False)))
    output.flush()


if __name__ == "__main__":
    main()
