"""What README.md and its neighbours promise: files, commands, options, extras, versions."""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from pathlib import Path

import pytest

import omero_jlab
from omero_jlab.cli import _parser
from omero_jlab.objects import Repository

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
    if path.name != "CHANGELOG.md"
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), f"{path.name} links to {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(path: Path) -> None:
    commands = _commands()
    text = path.read_text(encoding="utf-8")
    for command, rest in re.findall(r"\bomero-jlab ([a-z]+)\b([^`\n]*)", text):
        if not re.search(rf"(`|bin/|^ *)omero-jlab {command}\b", text, re.MULTILINE):
            # Prose about the project, not a command to type.
            continue
        assert command in commands, f"{path.name} has `omero-jlab {command}`"
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in commands[command], f"{path.name}: {command} has no {option}"


def test_extras_exist() -> None:
    named = set(re.findall(r"pip install (?:-e )?\"?\.\[([a-z,]+)\]", README))
    assert named, "README does not say how to install"
    for extras in named:
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_versions_of_python_agree() -> None:
    lowest = PROJECT["requires-python"].removeprefix(">=")
    classified = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.M)
    assert f"Python {lowest} or newer" in README
    assert f"Python {classified[0]} to {classified[-1]}" in README
    assert classified[0] == lowest


def test_what_the_examples_call_exists() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "repo":
                    assert hasattr(Repository, node.attr), node.attr
                if node.value.id == "omero_jlab":
                    assert hasattr(omero_jlab, node.attr), node.attr


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are made from their words."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def _commands() -> dict[str, set[str]]:
    """The options of each command, those of its own commands included."""
    (choices,) = (action.choices for action in _parser()._actions if action.choices)
    return {name: _options(command) for name, command in choices.items()}


def _options(command: argparse.ArgumentParser) -> set[str]:
    found = set(command._option_string_actions)
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {option for each in action.choices.values() for option in _options(each)}
    return found
