"""A JupyterLab with nothing of the user's in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import omero_jlab

_ROOT = Path(omero_jlab.__file__).parents[1]
_HOMES = (
    "HOME",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "IPYTHONDIR",
)
# What a Jupyter server around the tests says of itself.
_OUTER = ("OMERO_JLAB_URL", "OMERO_JLAB_TOKEN_FILE", "OMERO_JLAB_REPOSITORY", "JPY_PARENT_PID")


@contextmanager
def jupyterlab(
    folder: Path, extensions: dict[str, bool], more: dict[str, str] | None = None
) -> Iterator[str]:
    """The address of a JupyterLab that keeps all of its own below `folder`; its token is secret.

    `extensions` are those of the server, `more` goes into its environment.
    """
    shutil.copytree(_ROOT / "omero_jlab" / "labextension", folder / "labextensions" / "omero-jlab")
    (folder / "notebooks").mkdir()
    news = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    # Its question would lie over what is tested.
    (news / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name not in _OUTER}
    environment |= {name: str(folder / name.lower()) for name in _HOMES}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), str(_ROOT)])
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=secret",
        f"--ServerApp.root_dir={folder / 'notebooks'}",
        f"--ServerApp.jpserver_extensions={extensions}",
        f"--LabApp.extra_labextensions_path={folder / 'labextensions'}",
        "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment | (more or {}),
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_for(f"{url}/api/status?token=secret", server, folder / "log")
            yield url
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
        try:
            urllib.request.urlopen(url).close()
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()}")
