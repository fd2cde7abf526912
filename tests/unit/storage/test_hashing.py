"""Checksums by OMERO's names."""

from __future__ import annotations

import pytest

from omero_jlab.errors import Invalid
from omero_jlab.model import CHECKSUMS
from omero_jlab.storage.hashing import ALGORITHMS, ALWAYS, Digests, digest_of

# The vectors ABC and EMPTYARRAY of the tests of ome.util.checksum; those of SHA are FIPS 180-4's.
VECTORS = {
    "SHA-256": (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    "SHA1-160": (
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ),
    "MD5-128": ("900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"),
    "Murmur3-128": ("6778ad3f3f3f96b4522dca264174a23b", "0" * 32),
    "Murmur3-32": ("fa93ddb3", "0" * 8),
    "CRC-32": ("352441c2", "0" * 8),
    "Adler-32": ("024d0127", "00000001"),
    "File-Size-64": ("0300000000000000", "0" * 16),
}


def test_every_algorithm_that_a_request_may_name_is_there() -> None:
    assert set(ALGORITHMS) == set(CHECKSUMS) == set(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_digests_are_those_of_omero(name: str) -> None:
    assert (digest_of(b"abc", name), digest_of(b"", name)) == VECTORS[name]


@pytest.mark.parametrize("threads", [False, True])
def test_a_stream_has_the_digests_of_its_bytes(threads: bool) -> None:
    blocks = [bytes([i]) * (70_000 + i) for i in range(30)]
    with Digests(threads, CHECKSUMS) as digests:
        for block in blocks:
            digests.update(block)
        found = digests.finish()
    assert found == {name: digest_of(b"".join(blocks), name) for name in CHECKSUMS}


def test_only_what_is_asked_for_is_computed() -> None:
    with Digests(threads=False) as digests:
        assert tuple(digests.finish()) == ALWAYS


def test_an_unknown_algorithm_names_those_that_there_are() -> None:
    with pytest.raises(Invalid, match=r"SHA-3.*File-Size-64"):
        digest_of(b"", "SHA-3")
