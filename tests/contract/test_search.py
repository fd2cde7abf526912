"""Finding objects by words, and only those that the asking user may see."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omero_jlab.errors import Invalid
from omero_jlab.model import GroupType

PRIVATE, RA = GroupType.PRIVATE, GroupType.READ_ANNOTATE


def found(session: Any, text: str, **asked: Any) -> list[tuple[str, int]]:
    return [(hit.kind, hit.id) for hit in session.search.find(text, **asked)]


def test_words_are_found_wherever_they_stand(world: Any, session_of: Any) -> None:
    session = session_of("owner", RA)
    places: dict[str, int] = {}
    words = {p: world.word() for p in ("name", "description", "tag", "key", "value", "comment")}
    for place, word in words.items():
        image = places[place] = world.image("owner", RA, word if place == "name" else "other")
        match place:
            case "description":
                session.graph.update("image", image, description=f"fixed, {word}, washed")
            case "tag":
                session.annotations.add_tag("image", image, word)
            case "key":
                session.annotations.add_key_values("image", image, ((word, "1"),))
            case "value":
                session.annotations.add_key_values("image", image, (("gene", word),))
            case "comment":
                session.annotations.add_comment("image", image, f"looks {word} to me")
    for place, word in words.items():
        (hit,) = session.search.find(word.upper())
        assert (hit.kind, hit.id) == ("image", places[place])
        field = "key" if place == "value" else place
        assert hit.detail.startswith(f"{field}: ") and word in hit.detail
        assert found(session, f"{field}:{word}") == [("image", places[place])]
        other = "comment" if field != "comment" else "name"
        assert found(session, f"{other}:{word}") == []


def test_every_word_is_needed(world: Any, session_of: Any) -> None:
    session, (one, two) = session_of("owner", RA), (world.word(), world.word())
    image = world.image("owner", RA, one)
    session.annotations.add_tag("image", image, two)
    world.image("owner", RA, one)
    assert found(session, f"{one} {two}") == [("image", image)]
    assert found(session, f"{one} & {two}") == [("image", image)]
    assert found(session, f"{one} tag:{two}") == [("image", image)]
    assert found(session, f"{one} {world.word()}") == []


def test_phrases_and_beginnings(world: Any, session_of: Any) -> None:
    session, word = session_of("owner", RA), world.word()
    image = world.image("owner", RA, f"{word} mitotic cells")
    world.image("owner", RA, f"cells, not mitotic, {word}")
    assert found(session, f'"{word} mitotic cells"') == [("image", image)]
    assert found(session, f'name:"{word} mitotic"') == [("image", image)]
    assert len(found(session, f"{word} mitotic cells")) == 2
    assert len(found(session, f"{word[:-2]}*")) >= 2
    assert found(session, word[:-2]) == []
    assert found(session, f'"{word} mito"*') == [("image", image)]


def test_the_best_come_first(world: Any, session_of: Any) -> None:
    session, word = session_of("owner", RA), world.word()
    remarked = world.image("owner", RA, "one")
    session.annotations.add_comment("image", remarked, f"a long remark that has {word} in it")
    named = world.image("owner", RA, word)
    assert found(session, word) == [("image", named), ("image", remarked)]


def test_kinds(world: Any, session_of: Any) -> None:
    session, word = session_of("owner", RA), world.word()
    image = world.image("owner", RA, word)
    dataset = session.containers.add_dataset(word).id
    assert set(found(session, word)) == {("image", image), ("dataset", dataset)}
    assert found(session, word, kinds=("dataset",)) == [("dataset", dataset)]
    assert found(session, word, kinds=("plate", "well")) == []


def test_changes_are_found_at_once(world: Any, session_of: Any) -> None:
    session, (old, new) = session_of("owner", RA), (world.word(), world.word())
    image = world.image("owner", RA, old)
    session.graph.update("image", image, name=new)
    assert found(session, old) == [] and found(session, new) == [("image", image)]
    tag = session.annotations.add_tag("image", image, old)
    assert found(session, old) == [("image", image)]
    renamed = world.word()
    session.annotations.update(tag.annotation.id, tag.annotation.version, name=renamed)
    assert found(session, old) == [] and found(session, renamed) == [("image", image)]
    session.annotations.unlink(tag.link_id)
    assert found(session, renamed) == []
    session.graph.delete("image", image)
    assert found(session, new) == []


def test_only_what_may_be_seen_is_found(world: Any, session_of: Any) -> None:
    word = world.word()
    image = world.image("owner", PRIVATE, word)
    for user, sees in (("owner", True), ("leader", True), ("admin", True), ("member", False)):
        assert found(session_of(user, PRIVATE), word) == ([("image", image)] if sees else [])
    assert found(session_of("outsider"), word) == []


def test_hidden_hits_do_not_use_up_the_limit(world: Any, session_of: Any) -> None:
    word = world.word()
    world.images("owner", PRIVATE, (word,) * 450)
    ids = world.images("member", PRIVATE, (f"{word} and many words more that rank it last",) * 3)
    hits = found(session_of("member", PRIVATE), word, limit=3)
    assert sorted(hits) == [("image", i) for i in ids]
    assert len(found(session_of("leader", PRIVATE), word, limit=7)) == 7


def test_who_left_a_group_reads_no_remarks_of_others_there(world: Any, session_of: Any) -> None:
    word, name = world.word(), world.word()
    group = world.add_group(name, RA, owner=False, member=False)
    image = world.image("owner", name)
    session_of("member", name).annotations.add_comment("image", image, f"{word} between us")
    assert session_of("owner", RA).search.find(word)[0].detail == f"comment: {word} between us"
    world.root.accounts.remove_member(group, world.users["owner"])
    assert session_of("owner", RA).search.find(word) == ()


@pytest.mark.parametrize("text", ["", "   ", '""', "& | -", "*"])
def test_a_search_without_a_word_is_refused(session_of: Any, text: str) -> None:
    with pytest.raises(Invalid, match="no word"):
        session_of("owner").search.find(text)


def test_an_unknown_place_is_named(session_of: Any) -> None:
    with pytest.raises(Invalid, match="tag:"):
        session_of("owner").search.find("tags:control")
    with pytest.raises(Invalid):
        session_of("owner").search.find("word", limit=0)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(
        st.one_of(st.characters(), st.sampled_from('"*():^+-{}AND NOR TE')),
        min_size=1,
        max_size=30,
    )
)
def test_no_text_is_a_syntax_error(world: Any, text: str) -> None:
    with suppress(Invalid):
        assert isinstance(world.here("owner", RA).search.find(text), tuple)
