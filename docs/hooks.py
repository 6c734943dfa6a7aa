"""What the site needs beyond Markdown: names of fences as titles, pages from outside docs/, colours for rules.

Loaded by MkDocs (mkdocs.yml). Pages stay readable as files: their links lead to files, here to pages.
Tested by: tests/docs/test_site.py
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pygments.lexers
from mkdocs.structure.files import File
from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String, Text

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.cep")
ROOT = Path(__file__).parent.parent
GUESTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
NO_TITLES = {"signature", "declarations", "syntax", "demo", "exit 0"}
GRAMMAR = (ROOT / "cep" / "language" / "grammar.lark").read_text("utf-8")
KEYWORDS = sorted(set(re.findall(r'"([a-z]{2,})"', re.sub(r"//.*", "", GRAMMAR))))


class RulesLexer(RegexLexer):
    """Rule files, for Pygments."""

    name = "cep"
    aliases = ("cep",)
    tokens = {  # noqa: RUF012  (the form that Pygments reads)
        "root": [
            (r"(?<!\S)--[^\n]*", Comment.Single),
            (r'"([^"\\\n]|\\.)*"', String.Double),
            (r"\d+(\.\d+)?\s*(us|ms|s|min|h|d|w)\b", Literal.Date),
            (r"\d+(\.\d+)?", Number),
            (words(("true", "false", "null"), suffix=r"\b"), Keyword.Constant),
            (words(("int", "float", "bool", "string", "time", "duration", "decimal"), prefix=r"(?<=: )", suffix=r"\b"),
             Keyword.Type),
            (r"[A-Z]\w*", Name.Class),
            (r"[a-z_]\w*(?=\()", Name.Function),
            (r"(?<=\.)[a-z_]\w*|[a-z_]\w*(?=:)", Name),
            (words(KEYWORDS, suffix=r"\b"), Keyword),
            (r"[a-z_]\w*", Name),
            (r"[-+*/%=<>!|]+", Operator),
            (r"[{}()\[\],.?:]", Punctuation),
            (r"\s+|.", Text),
        ]
    }  # fmt: skip


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make the lexer known."""
    pygments.lexers.LEXERS["RulesLexer"] = (__name__, RulesLexer.name, RulesLexer.aliases, (), ())
    pygments.lexers._lexer_cache[RulesLexer.name] = RulesLexer
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take in the pages that stand at the top of the project."""
    for name in GUESTS:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fences with their name as a title, and links to what is no page as plain text."""
    name = page.file.src_uri
    folder = ROOT if name in GUESTS else (Path(config.docs_dir) / name).parent
    pieces = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        _titled(piece) if piece.startswith("```") else _linked(piece, folder, name, files) for piece in pieces
    )


def _titled(fence: str) -> str:
    head, rest = fence.split("\n", 1)
    found = re.fullmatch(r"```(\w+) (.+)", head)
    if found is None:
        return fence
    name = re.sub(r"^(mistaken|failing) ", "", found[2])
    title = "" if name in NO_TITLES else f' title="{name}"'
    return f"```{found[1]}{title}\n{rest}"


def _linked(text: str, folder: Path, page: str, files: Files) -> str:
    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        path = (folder / target).resolve()
        for base in (ROOT / "docs", ROOT):
            if path.is_dir():
                path = path / "index.md"
            if path.is_relative_to(base) and files.get_file_from_path(path.relative_to(base).as_posix()):
                uri = path.relative_to(base).as_posix()
                return f"[{words}]({os.path.relpath(uri, Path(page).parent or '.')}{anchor})"
        return words if words.startswith("`") else f"{words} (`{path.relative_to(ROOT).as_posix()}`)"

    text = re.sub(r"\[([^\]]+)\]\(([^)#:\s]+)(#[^)]*)?\)", link, text)
    # a bar in the code of a table is escaped, which Python-Markdown would show
    return re.sub(
        r"^\|.*", lambda row: re.sub(r"`[^`]+`", lambda c: c[0].replace(r"\|", "|"), row[0]), text, flags=re.M
    )


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Warn of a page that needs something from outside to be shown; a strict build then fails."""
    for wanted in re.findall(r"""<(?:script|img|iframe|link)\b[^>]*(?:src|href)="(https?:[^"]*)""", output):
        log.warning("%s needs %s", page.file.src_uri, wanted)
    return output
