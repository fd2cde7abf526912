"""Objects by their place in a list, alike in the process and over HTTP."""

from __future__ import annotations

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.model import GroupType
from omero_jlab.objects import Repository

from .conftest import World


@pytest.fixture
def repo(world: World) -> Repository:
    for _ in range(5):
        world.image("owner", GroupType.PRIVATE)
    return Repository(world.session("owner", GroupType.PRIVATE))


def test_images_are_numbered_as_they_are_listed(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omero_jlab.objects.image._PAGE", 2)
    ids = [image.id for image in repo.images]
    assert len(repo.images) == len(ids) >= 5
    assert [repo.images[i].id for i in range(-len(ids), len(ids))] == ids + ids
    assert [image.id for image in repo.images[1:4]] == ids[1:4]
    assert [image.id for image in repo.images[::-2]] == ids[::-2]
    assert repr(repo.images) == f"<{len(ids)} images>"
    # Whose pixels are lost are shown all the same.
    shown = repo.images._repr_html_()
    assert repo.images[0].name in shown and "no picture" in shown


def test_a_place_that_is_not_there_says_what_would_do(repo: Repository) -> None:
    count = len(repo.images)
    with pytest.raises(IndexError, match=rf"images\[{count}\] was asked, but there are {count}"):
        repo.images[count]
    with pytest.raises(IndexError, match=rf"images\[-{count + 1}\]"):
        repo.images[-count - 1]
    with pytest.raises(Invalid, match=r"images\['a'\] was asked: .* find\(name=…\)"):
        repo.images["a"]  # type: ignore[call-overload]


def test_datasets_too(repo: Repository) -> None:
    made = [repo.datasets.add(name) for name in ("one", "two")]
    listed = list(repo.datasets)
    assert {dataset.id for dataset in made} <= {dataset.id for dataset in listed}
    assert repo.datasets[0].id == listed[0].id
    assert [dataset.id for dataset in repo.datasets[-2:]] == [each.id for each in listed[-2:]]
