"""The Python reference: signatures and docstrings of the names in ``cep.__all__``.

Examples in docstrings run as tests (tests/test_doctests.py).
Tested by: tests/docs/test_reference.py
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import cep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORDER = ("load", "loads", "run", "Rules", "Result", "Engine", "Summary", "EventBatch")

BUILT = ("Engine",)
"""Classes that a user makes objects of; the others come from calls."""

HEAD = """\
# Python reference

Every name of the package, from its docstrings. A guide is [Python](../python.md). `import cep` costs nothing: what a
name needs is imported when it is first used.
"""


def names() -> list[str]:
    """The public names, functions and classes first, as one would meet them, then the errors."""
    public = [name for name in cep.__all__ if not name.startswith("__")]
    return [*(n for n in ORDER if n in public), *(n for n in public if n not in ORDER)]


def page() -> str:
    """The page."""
    return "\n".join([HEAD, *(_entry(name, getattr(cep, name)) for name in names())])


def _entry(name: str, value: object) -> str:
    parts = [f"## cep.{name}\n"]
    if isinstance(value, type):
        init = vars(value).get("__init__")
        if is_dataclass(value):
            parts.append(
                _code("\n".join(f"{_variable(name)}.{f.name}: {f.type}" for f in fields(value) if f.name[0] != "_"))
            )
        elif callable(init) and name in BUILT:
            parts.append(_code(f"cep.{name}{_signature(init)}"))
        parts += [_prose(value.__doc__ or ""), *(_member(name, n, m) for n, m in _members(value))]
    elif callable(value):
        parts += [_code(f"cep.{name}{_signature(value)}"), _prose(value.__doc__ or "")]
    return "\n".join(parts)


def _members(owner: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(owner).items():
        if not name.startswith("_") and (callable(member) or isinstance(member, property | classmethod | staticmethod)):
            yield name, member


def _member(owner: str, name: str, member: object) -> str:
    of = _variable(owner)
    if isinstance(member, property):
        assert member.fget is not None
        shown, text = f"{of}.{name}{_gives(member.fget)}", member.fget.__doc__
    else:
        plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        prefix = f"cep.{owner}" if plain is not member else of
        shown, text = f"{prefix}.{name}{_signature(plain)}", plain.__doc__  # type: ignore[arg-type]
    return f"### {owner}.{name}\n\n{_code(shown)}\n{_prose(text or '')}"


def _variable(owner: str) -> str:
    """What the page calls an object of a class: event_batch."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", owner).lower()


def _code(text: str) -> str:
    return f"```py signature\n{text}\n```\n"


def _node(function: Callable[..., object]) -> ast.FunctionDef:
    found = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function)))).body[0]
    assert isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
    return found  # type: ignore[return-value]


def _signature(function: Callable[..., object]) -> str:
    """The arguments and the result as written, one argument a line where they are many."""
    node = _node(function)
    arguments = node.args
    if arguments.args and arguments.args[0].arg in ("self", "cls"):
        arguments.args.pop(0)
    parts = _separate(ast.unparse(arguments)) if ast.unparse(arguments) else []
    one_line = f"({', '.join(parts)}){_gives(function)}"
    if len(one_line) <= 80:
        return one_line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + f"){_gives(function)}"


def _separate(text: str) -> list[str]:
    """The arguments of a signature: split at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [re.sub(r"^(\w+: .*?)=", r"\1 = ", part.strip()) for part in parts]


def _gives(function: Callable[..., object]) -> str:
    returns = _node(function).returns
    return "" if returns is None or ast.unparse(returns) == "None" else f" -> {ast.unparse(returns)}"


def _prose(docstring: str) -> str:
    """A docstring as Markdown: its examples fenced, its double backquotes single."""
    out: list[str] = []
    for part in re.split(r"\n\n(?=>>>)|(?<=\n)\n(?=\S)|\n\n", inspect.cleandoc(docstring)):
        text = part.strip("\n")
        out.append(f"```pycon\n{text}\n```" if text.startswith(">>>") else text.replace("``", "`"))
    return "\n\n".join(out) + "\n"
