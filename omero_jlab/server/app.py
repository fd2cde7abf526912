"""The Jupyter server extension."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.utils import url_path_join
from tornado.routing import Rule
from traitlets import Bool, Unicode, default

from ..errors import OmeroError
from ..place import default_repository
from .holder import Holder, Upstream
from .relay import RelayHandler, Relaying
from .routes import routes
from .standalone import Listener

__all__ = ["RepositoryApp"]


class RepositoryApp(ExtensionApp):
    """Serves the user's repository, or passes requests on to the process that owns it."""

    name = "omero_jlab"
    extension_url = "/lab"
    load_other_extensions = True

    repository = Unicode(help="The folder of the repository.").tag(config=True)
    server_url = Unicode(
        help="A team server that has the repository; then there is none in this process."
    ).tag(config=True)
    server_token_file = Unicode(
        help="A file with this user's token for `server_url`, readable by nobody else."
    ).tag(config=True)

    show_panel = Bool(help="Show the repository's panel when JupyterLab starts.").tag(config=True)

    @default("repository")
    def _default_repository(self) -> str:
        return str(default_repository())

    @default("server_url")
    def _default_server_url(self) -> str:
        return os.environ.get("OMERO_JLAB_SERVER_URL", "")

    @default("server_token_file")
    def _default_server_token_file(self) -> str:
        return os.environ.get("OMERO_JLAB_SERVER_TOKEN_FILE", "")

    def initialize_settings(self) -> None:
        """Tell the page what its panel asks for."""
        if self.show_panel:
            page = self.settings.setdefault("page_config_data", {})
            page["omeroJlabShowPanel"] = "true"

    def initialize_handlers(self) -> None:
        """Add the routes; which of them answers is known once the repository is found."""
        elsewhere = None
        if self.server_url:
            elsewhere = Upstream(self.server_url, Path(self.server_token_file).expanduser())
        self.holder = Holder(Path(self.repository).expanduser(), elsewhere=elsewhere)
        self.listener = Listener(self.holder)
        self._exported: dict[str, str] = {}
        assert self.serverapp is not None
        web_app = self.serverapp.web_app
        base_url = web_app.settings["base_url"]
        relay = Rule(Relaying(self.holder, base_url), RelayHandler, {"holder": self.holder})
        own = [(url_path_join(base_url, path), *rest) for path, *rest in routes(self.holder)]
        web_app.add_handlers(".*$", [relay, *own])  # type: ignore[no-untyped-call]

    async def _start_jupyter_server_extension(self, serverapp: Any) -> None:
        """Find the repository, and open it while the user looks at the launcher."""
        try:
            await self.holder.reading.run(lambda: True, self._find)
        except (OmeroError, OSError) as error:
            # The notebook server must start all the same; requests will say the same again.
            self.log.error("omero-jlab has no repository: %s", error)

    async def stop_extension(self) -> None:
        """Finish what runs and give back the lock."""
        for name, value in self._exported.items():
            if os.environ.get(name) == value:
                del os.environ[name]
        self.listener.stop()
        self.holder.close()

    def _find(self) -> None:
        owner = self.holder.settle()
        address = self.listener.start()
        # Kernels and terminals inherit these.
        self._exported = {
            "OMERO_JLAB_URL": address.url,
            "OMERO_JLAB_TOKEN_FILE": str(address.token_file),
        }
        if not self.server_url:
            self._exported["OMERO_JLAB_REPOSITORY"] = str(self.holder.root)
        os.environ.update(self._exported)
        if owner is None:
            self.holder.reading.soon(self._open)
        else:
            self.log.info("omero-jlab: the repository is in %s; requests are passed on", owner.url)

    def _open(self) -> None:
        try:
            self.holder.store()
        except (OmeroError, OSError) as error:
            self.log.error("omero-jlab cannot open %s: %s", self.holder.root, error)
