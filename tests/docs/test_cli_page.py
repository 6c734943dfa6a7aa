"""docs/cli.md has every command and every option, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cep.cli.program import program

TEXT = (Path(__file__).parent.parent.parent / "docs" / "cli.md").read_text("utf-8")
SYNOPSIS = TEXT.split("```text\n", 1)[1].split("```", 1)[0]
SECTIONS = dict(re.findall(r"^## cep (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
COMMANDS = program.commands


def options_of(name: str) -> set[str]:
    """The long options of a command; a flag that can be turned off counts once."""
    return {p.opts[-1] for p in COMMANDS[name].params if p.param_type_name == "option"} - {"--help"}


def synopsis_of(name: str) -> str:
    return "\n".join(line for line in SYNOPSIS.splitlines() if line.startswith(f"cep {name} "))


def test_every_command_has_a_section_and_a_line_above():
    assert set(SECTIONS) == set(COMMANDS)
    assert not [name for name in COMMANDS if not synopsis_of(name)]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_options_of_a_command_are_those_of_its_section(name):
    said = SECTIONS[name] + synopsis_of(name)
    explained = set(re.findall(r"`(--[a-z][a-z-]*)", SECTIONS[name])) | set(
        re.findall(r"(--[a-z][a-z-]*)", synopsis_of(name))
    )
    own = options_of(name)
    assert own <= set(re.findall(r"--[a-z][a-z-]*", said)), f"options of cep {name} that docs/cli.md does not have"
    others = {option for other in COMMANDS for option in options_of(other)}
    assert explained - own <= others, f"docs/cli.md has options that cep {name} does not"


def test_the_options_of_the_program_itself_are_above():
    own = {p.opts[-1] for p in program.params if p.param_type_name == "option"} - {"--help"}
    assert own <= set(re.findall(r"--[a-z-]+", SYNOPSIS))


def test_every_exit_code_is_told():
    from cep.cli import ends

    table = TEXT.split("## Exit codes", 1)[1]
    codes = {ends.OK, ends.INPUT, ends.RULE, ends.FAILED, ends.USAGE, ends.FAULT}
    assert codes <= {int(n) for n in re.findall(r"^\| (\d+)", table, re.MULTILINE)}
