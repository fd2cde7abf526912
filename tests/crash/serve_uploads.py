"""Serve the repository at argv[1] until killed; the first line of output is address and token."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from omero_jlab.repository import Store
from omero_jlab.server import Holder, Listener


def main(root: Path) -> None:
    store = Store.open(root, create=True, tier="team")
    here = store.session()
    token = here.accounts.add_token(here.server.status().user.id).secret
    listener = Listener(Holder.of(store))
    print(listener.start().url, token, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
