"""Images as OME-Zarr over HTTP: what clients read, who may read it, and what logs say of it."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile
import zarr

import omero_jlab.remote.zarr as remote_zarr
import omero_jlab.repository.people.capabilities as capabilities_module
from omero_jlab.database import FieldRow, PlateRow, WellRow
from omero_jlab.model import GroupType, ImportRequest, Placement
from omero_jlab.remote import RemoteSession, Transport
from omero_jlab.repository import Session, Store
from omero_jlab.server import Holder, Listener

API = "omero-jlab/api/v1/"
VERSIONS = ["0.4", "0.5"]
STACK = np.random.default_rng(5).integers(0, 4000, (2, 3, 2, 700, 900), dtype=np.uint16)
LABELS = (STACK[0, 0, 0] % 7).astype(np.uint8)
ZARRITA = Path(__file__).parents[2] / "extension" / "node_modules" / "zarrita"


class Served:
    """Ada's and Ben's group, Eve outside of it; Ada's images, and a server for them."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "repository", create=True)
        self.listener = Listener(Holder.of(self.store))
        self.url = self.listener.start().url
        self.root = self.store.session()
        accounts = self.root.accounts
        self.users = {name: accounts.add_user(name).id for name in ("ada", "ben", "eve")}
        self.group = accounts.add_group("lab", GroupType.READ_ONLY).id
        elsewhere = accounts.add_group("elsewhere", GroupType.READ_WRITE).id
        for name in ("ada", "ben"):
            accounts.put_member(self.group, self.users[name])
        accounts.put_member(elsewhere, self.users["eve"])
        self.tokens = {name: accounts.add_token(id).secret for name, id in self.users.items()}
        ada = self.here("ada")
        self.image = ada.add_image(STACK, "stack", channels=["DNA", "ER", "AGP"]).id
        half = Placement(y=100, x=50, scale_y=2, scale_x=2)
        self.labels = ada.add_labels(self.image, "nuclei", LABELS).id
        ada.add_labels(self.image, "a/b ü", LABELS[:300, :400], half)
        self.other = ada.add_image(STACK[:1, :1, :1], "another").id
        self.tiffs = self._tiffs(folder / "tiffs")

    def here(self, name: str) -> Session:
        return self.store.session(name)

    def client(self, name: str | None, **headers: str) -> httpx.Client:
        if name is not None:
            headers["Authorization"] = f"Bearer {self.tokens[name]}"
        return httpx.Client(base_url=self.url + API, headers=headers, trust_env=False)

    def at(self, image: int, version: str, secret: str | None = None) -> str:
        """An address without a login in it, or with a capability."""
        part = "" if secret is None else f"cap/{secret}/"
        return f"{self.url}{API}zarr/{part}{version}/images/{image}.zarr/"

    def capability(self, image: int, name: str = "ada", seconds: int = 3600) -> str:
        secret = self.here(name).zarr.add_capability(image, seconds).secret
        assert secret is not None
        return secret

    def _tiffs(self, folder: Path) -> dict[str, tuple[int, np.ndarray]]:
        folder.mkdir()
        random = np.random.default_rng(6)
        gray = random.integers(0, 60_000, (300, 700), dtype=np.uint16)
        rgb = random.integers(0, 255, (300, 400, 3), dtype=np.uint8)
        rows = {
            "big.tif": (gray, {"byteorder": ">", "tile": (128, 256), "compression": "zlib"}),
            "rgb.tif": (rgb, {"photometric": "rgb", "tile": (128, 128), "compression": "jpeg"}),
            "plain.tif": (np.tile(gray % 50, (1, 1)), {"tile": (256, 256)}),
            "float.tif": (random.normal(size=(90, 80)).astype("f4"), {"rowsperstrip": 7}),
        }
        for name, (array, options) in rows.items():
            tifffile.imwrite(folder / name, array, **options)  # type: ignore[arg-type]
        ada = self.store.session("ada", shares_disk=True)
        paths = tuple(str(folder / name) for name in rows)
        job = ada.ingest.start(ImportRequest(paths=paths))
        while ada.jobs.get(job.id).finished_at is None:
            time.sleep(0.02)
        found = {}
        for name in rows:
            (image,) = ada.images.find(name=name)
            planes = [
                ada.region(image.id, 0, 0, c, 0, 0, 0, image.sizes.y, image.sizes.x)
                for c in range(image.sizes.c)
            ]
            found[name] = (image.id, np.stack(planes)[None, :, None])
        return found

    def close(self) -> None:
        self.listener.stop()
        self.listener.holder.close()
        self.store.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        made = Served(tmp_path_factory.mktemp("served"))
        try:
            yield made
        finally:
            made.close()


# -- what clients read


@pytest.mark.parametrize("version", VERSIONS)
def test_zarr_python_reads_every_level(served: Served, version: str) -> None:
    pytest.importorskip("aiohttp")
    bearer = {"headers": {"Authorization": f"Bearer {served.tokens['ben']}"}}
    group = zarr.open_group(
        served.at(served.image, version), mode="r", storage_options={"client_kwargs": bearer}
    )
    assert group.metadata.zarr_format == (2 if version == "0.4" else 3)
    assert np.array_equal(group["0"][:], STACK)  # type: ignore[index]
    level = served.here("ben").region(served.image, 0, 1, 2, 1, 100, 200, 300, 400)
    assert np.array_equal(group["0"][1, 2, 1, 100:400, 200:600], level)  # type: ignore[index]
    nuclei: Any = group["labels/nuclei/0"]
    assert np.array_equal(nuclei[0, 0, 0], LABELS)
    assert {"labels", "0"} <= set(group.keys())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["big.tif", "rgb.tif", "float.tif", "plain.tif"])
def test_imported_files_come_pixel_by_pixel(served: Served, version: str, name: str) -> None:
    pytest.importorskip("aiohttp")
    image, pixels = served.tiffs[name]
    array = zarr.open_group(served.at(image, version, served.capability(image)), mode="r")["0"]
    assert isinstance(array, zarr.Array)
    assert np.array_equal(array[:], pixels)


@pytest.mark.parametrize("version", VERSIONS)
def test_ome_zarr_reads_image_and_labels(served: Served, version: str) -> None:
    pytest.importorskip("aiohttp")
    reader = pytest.importorskip("ome_zarr.reader")
    location = pytest.importorskip("ome_zarr.io").parse_url(
        served.at(served.image, version, served.capability(served.image))
    )
    nodes = list(reader.Reader(location)())
    image = nodes[0]
    assert np.array_equal(np.asarray(image.data[0]), STACK)
    assert image.metadata["channel_names"] == ["DNA", "ER", "AGP"]
    names = {node.zarr.basename() for node in nodes}
    assert {"nuclei", "a_b"} <= names
    (nuclei,) = (node for node in nodes if node.zarr.basename() == "nuclei")
    assert np.array_equal(np.asarray(nuclei.data[0])[0, 0, 0], LABELS)


@pytest.mark.parametrize("name", ["big.tif", "plain.tif", "float.tif", "own"])
@pytest.mark.parametrize("version", VERSIONS)
def test_zarrita_reads_in_javascript(served: Served, version: str, name: str) -> None:
    if shutil.which("node") is None or not ZARRITA.is_dir():
        pytest.skip("needs node, and zarrita among the extension's packages")
    image, pixels = (served.image, STACK) if name == "own" else served.tiffs[name]
    program = f"""
        import * as zarr from "zarrita";
        const store = new zarr.FetchStore("{served.at(image, version, served.capability(image))}");
        const group = await zarr.open(store, {{kind: "group"}});
        const array = await zarr.open(group.resolve("0"), {{kind: "array"}});
        const found = await zarr.get(array, [0, 0, 0, null, null]);
        process.stdout.write(JSON.stringify({{shape: found.shape, data: [...found.data]}}));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program],
        cwd=ZARRITA.parents[1], capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert np.array_equal(np.reshape(found["data"], found["shape"]), pixels[0, 0, 0])


def test_the_metadata_say_where_and_how(served: Served) -> None:
    ada = served.here("ada")
    image, _ = served.tiffs["rgb.tif"]
    with served.client("ada") as http:
        drawn = ada.images.settings(served.image)
        channels = (drawn.channels[0].model_copy(update={"end": 1234.0, "color": "00FFFF"}),)
        other = drawn.model_copy(update={"channels": (*channels, *drawn.channels[1:])})
        ada.images.put_settings(served.image, other)
        ome = http.get(f"zarr/0.5/images/{served.image}.zarr/zarr.json").json()["attributes"]["ome"]
        assert ome["version"] == "0.5"
        first = ome["omero"]["channels"][0]
        assert (first["label"], first["color"], first["window"]["end"]) == ("DNA", "00FFFF", 1234)
        assert [axis["name"] for axis in ome["multiscales"][0]["axes"]] == list("tczyx")
        ada.images.reset_settings(served.image)
        rgb = http.get(f"zarr/0.4/images/{image}.zarr/.zattrs").json()
        assert [c["color"] for c in rgb["omero"]["channels"]] == ["FF0000", "00FF00", "0000FF"]
        assert rgb["multiscales"][0]["version"] == "0.4"
        placed = http.get(f"zarr/0.5/images/{served.image}.zarr/labels/a_b/zarr.json").json()
        ome = placed["attributes"]["ome"]
        scale, move = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"]
        assert scale["scale"][3:] == [2, 2] and move["translation"][3:] == [100.5, 50.5]
        assert ome["image-label"]["source"] == {"image": "../../"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_validator_of_the_format_finds_nothing(served: Served, version: str) -> None:
    models = pytest.importorskip(f"ome_zarr_models.v{version.replace('.', '')}.image")
    labels = pytest.importorskip(f"ome_zarr_models.v{version.replace('.', '')}.image_label")
    pytest.importorskip("aiohttp")
    address = served.at(served.image, version, served.capability(served.image))
    models.Image.from_zarr(zarr.open_group(address, mode="r"))
    labels.ImageLabel.from_zarr(zarr.open_group(f"{address}labels/nuclei", mode="r"))


# -- HTTP


CHUNK = {"0.4": "0/1/2/1/0/1", "0.5": "0/c/1/2/1/0/1"}


@pytest.mark.parametrize("version", VERSIONS)
def test_ranges_and_tags(served: Served, version: str) -> None:
    with served.client("ben") as http:
        path = f"zarr/{version}/images/{served.image}.zarr/{CHUNK[version]}"
        whole = http.get(path)
        data, tag = whole.content, whole.headers["etag"]
        assert whole.headers["content-type"] == "application/octet-stream"
        assert whole.headers["cache-control"] == "private, max-age=0"
        assert whole.headers["accept-ranges"] == "bytes"
        head = http.head(path)
        assert head.content == b"" and head.headers["content-length"] == str(len(data))
        for wanted, expected in [
            ("bytes=0-9", data[:10]),
            ("bytes=100-", data[100:]),
            ("bytes=-7", data[-7:]),
            (f"bytes=5-{10**12}", data[5:]),
            (f"bytes=-{10**12}", data),
        ]:
            part = http.get(path, headers={"Range": wanted})
            assert part.status_code == 206 and part.content == expected
            start = len(data) - len(expected) if wanted[6] == "-" or wanted[-1] == "-" else None
            if start is not None:
                size = len(data)
                assert part.headers["content-range"] == f"bytes {start}-{size - 1}/{size}"
        beyond = http.get(path, headers={"Range": f"bytes={len(data)}-"})
        assert beyond.status_code == 416
        assert beyond.headers["content-range"] == f"bytes */{len(data)}"
        for ignored in ("bytes=0-1,4-5", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=x-y"):
            assert http.get(path, headers={"Range": ignored}).content == data
        stale = {"Range": "bytes=0-9", "If-Range": '"other"'}
        assert http.get(path, headers=stale).status_code == 200
        assert http.get(path, headers={"If-None-Match": tag}).status_code == 304
        with served.client("eve") as eve:
            assert eve.get(path, headers={"If-None-Match": tag}).status_code == 404


def test_metadata_have_a_type_and_a_tag_of_what_they_say(served: Served) -> None:
    with served.client("ada") as http:
        path = f"zarr/0.5/images/{served.image}.zarr/zarr.json"
        answer = http.get(path)
        assert answer.headers["content-type"] == "application/json"
        tag = {"If-None-Match": answer.headers["etag"]}
        assert http.get(path, headers=tag).status_code == 304
        settings = served.here("ada").images.settings(served.image)
        grey = settings.model_copy(update={"greyscale": True})
        served.here("ada").images.put_settings(served.image, grey)
        assert http.get(path, headers=tag).status_code == 200
        served.here("ada").images.reset_settings(served.image)


@pytest.mark.parametrize(
    "path",
    ["0.5/images/{}.zarr/0/c/0/0/0/9/9", "0.5/images/{}.zarr/nothing", "0.5/images/{}.zarr/",
     "0.6/images/{}.zarr/zarr.json", "0.5/images/x.zarr/zarr.json", "0.5/images/{}.zarr/.zgroup",
     "0.4/images/{}.zarr/zarr.json", "0.5/images/987654.zarr/zarr.json",
     "0.5/images/{}.zarr/../../{}.zarr/zarr.json", "0.5/images/{}.zarr/labels/zarr.json/x"],
)  # fmt: skip
def test_what_is_not_there_is_told_to_pages_of_other_origins_too(served: Served, path: str) -> None:
    with served.client("ada", Origin="https://viewer.example") as http:
        answer = http.get("zarr/" + path.replace("{}", str(served.image)))
        assert answer.status_code == 404
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


def test_a_browser_may_ask_before_it_asks(served: Served) -> None:
    asked = {
        "Origin": "https://viewer.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, range",
        "Access-Control-Request-Private-Network": "true",
    }
    with served.client(None) as http:
        for path in ("zarr/0.5/images/1.zarr/zarr.json", "zarr/cap/xyz/0.5/images/1.zarr/x"):
            answer = http.options(path, headers=asked)
            assert answer.status_code == 204
            allowed = answer.headers["access-control-allow-headers"].lower()
            assert "authorization" in allowed and "range" in allowed
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-allow-private-network"] == "true"


def test_origins_are_the_administrators_to_choose(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = served.store.config.zarr.model_copy(update={"origins": ("https://ours.example",)})
    config = served.store.config.model_copy(update={"zarr": chosen})
    monkeypatch.setattr(served.store, "config", config)
    with served.client("ada") as http:
        path = f"zarr/0.5/images/{served.image}.zarr/zarr.json"
        ours = http.get(path, headers={"Origin": "https://ours.example"})
        assert ours.headers["access-control-allow-origin"] == "https://ours.example"
        other = http.get(path, headers={"Origin": "https://ours.example.evil"})
        assert "access-control-allow-origin" not in other.headers


def test_a_plate_over_http(served: Served) -> None:
    with served.here("ada").writing() as unit:
        plate = unit.new(PlateRow(name="plate", rows=1, columns=1)).id
        well = unit.new(WellRow(plate_id=plate, row=0, column=0)).id
        unit.new(FieldRow(well_id=well, image_id=served.image, site=1))
    with served.client("ben") as http:
        root = f"zarr/0.4/plates/{plate}.zarr/"
        assert http.get(root + ".zattrs").json()["plate"]["wells"][0]["path"] == "A/1"
        chunk = http.get(root + "A/1/0/" + CHUNK["0.4"])
        assert chunk.status_code == 200
        same = http.get(f"zarr/0.4/images/{served.image}.zarr/{CHUNK['0.4']}")
        assert chunk.content == same.content
        tag = {"If-None-Match": chunk.headers["etag"]}
        assert http.get(root + "A/1/0/" + CHUNK["0.4"], headers=tag).status_code == 304
        assert http.get(root + "A/2/0/.zattrs").status_code == 404
    with served.client("eve") as http:
        assert http.get(root + ".zattrs").status_code == 404
        assert http.get(root + "A/1/0/" + CHUNK["0.4"], headers=tag).status_code == 404


def test_nobody_reads_without_a_login(served: Served) -> None:
    for image in (served.image, 987654):
        answer = httpx.get(served.at(image, "0.5") + "zarr.json", trust_env=False)
        assert answer.status_code == 401


def test_hidden_is_missing(served: Served) -> None:
    with served.client("eve") as http:
        for key in ("zarr.json", CHUNK["0.5"], "labels/nuclei/zarr.json"):
            answers = [
                http.get(f"zarr/0.5/images/{id}.zarr/{key}") for id in (served.image, 987654)
            ]
            texts = {a.text.replace(str(served.image), "N").replace("987654", "N") for a in answers}
            assert {a.status_code for a in answers} == {404} and len(texts) == 1


# -- capabilities


def test_a_capability_is_for_one_image_and_for_reading(served: Served) -> None:
    secret = served.capability(served.image)
    with served.client(None) as http:
        good = http.get(f"zarr/cap/{secret}/0.5/images/{served.image}.zarr/zarr.json")
        assert good.status_code == 200
        assert good.headers["referrer-policy"] == "no-referrer"
        assert good.headers["cache-control"] == "private, max-age=0"
        for path in (
            f"zarr/cap/{secret}/0.5/images/{served.other}.zarr/zarr.json",
            f"zarr/cap/{secret}/0.5/images/987654.zarr/zarr.json",
            f"zarr/cap/{secret}/0.5/plates/{served.image}.zarr/zarr.json",
            f"zarr/cap/{secret}/0.5/images/0{served.image}.zarr/zarr.json",
            f"zarr/cap/{secret}/status",
            f"zarr/cap/{secret}/",
            f"zarr/cap/{secret}",
            "zarr/cap//0.5",
        ):
            answer = http.get(path)
            assert answer.status_code == 404 and secret not in answer.text, path
        assert http.post(f"zarr/cap/{secret}/0.5/images/1.zarr/zarr.json").status_code >= 400
        as_token = {"Authorization": f"Bearer {secret}"}
        for path in ("status", f"images/{served.image}", f"zarr/0.5/images/{served.image}.zarr/x"):
            assert http.get(path, headers=as_token).status_code == 401
        path = f"zarr/cap/-/0.5/images/{served.image}.zarr/zarr.json"
        assert http.get(path, headers=as_token).status_code == 200
        assert http.get(path).status_code == 404


def test_a_capability_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = served.here("ada")
    made = ada.zarr.add_capability(served.image, seconds=60)
    assert [c.id for c in ada.zarr.capabilities(served.image)][-1] == made.id
    assert all(c.secret is None for c in ada.zarr.capabilities())
    assert made.id not in {c.id for c in served.here("ben").zarr.capabilities()}
    path = f"zarr/cap/{made.secret}/0.5/images/{served.image}.zarr/zarr.json"
    with served.client(None) as http:
        assert http.get(path).status_code == 200
        later = made.expires_at
        with monkeypatch.context() as patch:
            patch.setattr(capabilities_module, "now", lambda: later)
            assert http.get(path).status_code == 401
        assert http.get(path).status_code == 200
        ada.zarr.remove_capability(made.id)
        assert http.get(path).status_code == 401
        assert http.get(path.replace(made.secret or "", "x" * 43)).status_code == 401


def test_what_the_maker_lost_is_lost_with_it(served: Served) -> None:
    secret = served.capability(served.image, "ben")
    path = f"zarr/cap/{secret}/0.5/images/{served.image}.zarr/"
    accounts = served.root.accounts
    with served.client(None) as http:
        tag = {"If-None-Match": http.get(path + CHUNK["0.5"]).headers["etag"]}
        accounts.remove_member(served.group, served.users["ben"])
        try:
            assert http.get(path + "zarr.json").status_code == 404
            assert http.get(path + CHUNK["0.5"], headers=tag).status_code == 404
        finally:
            accounts.put_member(served.group, served.users["ben"])
        assert http.get(path + "zarr.json").status_code == 200
        accounts.update_user(served.users["ben"], active=False)
        try:
            assert http.get(path + "zarr.json").status_code == 401
        finally:
            accounts.update_user(served.users["ben"], active=True)


def test_a_deleted_image_is_gone_for_everybody(served: Served) -> None:
    ada = served.here("ada")
    image = ada.add_image(STACK[:1, :1, :1], "short-lived").id
    secret = served.capability(image)
    ada.graph.delete("image", image)
    answer = httpx.get(served.at(image, "0.5", secret) + "zarr.json", trust_env=False)
    assert answer.status_code == 404


def test_secrets_stand_in_no_log_and_no_error(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = served.capability(served.image)
    caplog.set_level(logging.DEBUG)
    addresses = [
        f"zarr/cap/{secret}/0.5/images/{served.image}.zarr/zarr.json",
        f"zarr/cap/{secret}/0.5/images/{served.image}.zarr/nothing",
        f"zarr/cap/{secret}/0.5/images/{served.other}.zarr/x",
        f"zarr/cap/{secret}",
        f"zarr/cap/{secret}?x={secret[:1]}",
        f"zarr/%63ap/{secret}/0.5/images/{served.image}.zarr/zarr.json",
    ]
    answers = []
    with served.client(None, Referer=f"https://viewer.example/?source=cap/{secret}/") as http:
        logging.getLogger("httpx").setLevel(logging.WARNING)
        logging.getLogger("httpcore").setLevel(logging.WARNING)
        answers += [http.request(verb, a) for a in addresses for verb in ("GET", "POST", "HEAD")]
        monkeypatch.setattr(Session, "zarr_file", lambda *_: 1 / 0)
        answers.append(http.get(addresses[0].replace("zarr.json", CHUNK["0.5"])))
        assert answers[-1].status_code == 500
    assert not any(secret in answer.text for answer in answers)
    assert caplog.records and "ZeroDivisionError" in caplog.text
    assert secret not in caplog.text


def test_a_capability_is_stored_as_a_hash(served: Served) -> None:
    secret = served.capability(served.image)
    database = served.store.layout.database
    stored = b"".join(p.read_bytes() for p in database.parent.glob(database.name + "*"))
    assert secret.encode() not in stored


@pytest.mark.parametrize("seconds", [0, -1, 3601])
def test_no_capability_for_longer_than_an_hour(served: Served, seconds: int) -> None:
    with pytest.raises(ValueError, match="3600"):
        served.here("ada").zarr.add_capability(served.image, seconds)


# -- in a notebook


def test_what_goes_far_is_compressed_on_its_way(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    fetch = Transport.fetch

    def counting(self: Transport, *args: Any, **given: Any) -> Any:
        answer = fetch(self, *args, **given)
        sent.append((answer[0].get("X-packed"), len(answer[1])))
        return answer

    monkeypatch.setattr(Transport, "fetch", counting)
    session = RemoteSession(served.url, served.tokens["ben"])
    for name, packed in (("plain.tif", "zstd"), ("big.tif", None)):
        image, _ = served.tiffs[name]
        near = session.zarr_file(image, "0/c/0/0/0/0/0")
        with monkeypatch.context() as patch:
            patch.setattr(remote_zarr, "is_loopback", lambda _: False)
            assert session.zarr_file(image, "0/c/0/0/0/0/0") == near
            assert session.zarr_file(image, "0/c/0/0/0/9/0") is None
        assert [each[0] for each in sent] == [None, packed, None]
        assert (sent[1][1] < sent[0][1]) == (packed is not None)
        sent.clear()
    session.close()


def test_who_may_not_read_the_disk_is_not_told_of_it(served: Served) -> None:
    ben = RemoteSession(served.url, served.tokens["ben"])
    assert ben.zarr.parts(served.image) is None
    owner = RemoteSession(served.url, served.listener.holder.secret)
    parts = owner.zarr.parts(served.image)
    assert parts is not None and {p.path for p in parts} == {"", "labels/nuclei", "labels/a_b"}
    ben.close(), owner.close()
