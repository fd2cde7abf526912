"""`python -m omero_jlab.cli` is the command."""

import sys

from . import main

sys.exit(main())
