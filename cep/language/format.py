"""Formatting: a syntax tree as canonical text.

A declaration becomes a list of lines, each with the offset of what it came from. Comments are then set back:
one that stood alone goes above the first line that came from behind it, one at a line's end goes to the end
of the line that came from before it. So sorting clauses takes their comments along, and none can be lost.

Laws: parsing the text gives the same tree but for spans; formatting it again gives the same text; the
comments are the same ones.
Cost: O(n) lines, each comment found by bisection.
Tested by: tests/language/test_format.py
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING

from cep.language import ast
from cep.language.lexing import escape
from cep.language.spelling import (
    action_text,
    assign_text,
    bound_text,
    choice_word,
    duration_or_name,
    duration_text,
    event_text,
    expression_text,
    field_text,
    formula_text,
    interval_text,
    key_text,
    level_of,
    optional,
    output_text,
    path_text,
    quantifier_text,
    quoted,
    scope_text,
    skip_text,
    step_text,
    stream_head,
    type_text,
    window_text,
)
from cep.model.diagnostics import Source, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 100
_ROUNDS = 5


def format_file(file: ast.File) -> str:
    """The canonical text of a file."""
    text = _render(file)
    if not _has_inner_comments(file):
        return text
    # A comment may keep a clause broken and yet move out of it; the text is canonical once it stands still.
    from cep.language.parser import parse

    for _ in range(_ROUNDS):
        again = _render(parse(Source(file.source.name, text)))
        if again == text:
            break
        text = again
    return text


def format_declaration(node: ast.Declaration) -> str:
    """The canonical text of one declaration, without comments."""
    return "\n".join(f"{' ' * line.indent}{line.text}" for line in _Writer([]).declaration(node))


def same_meaning(a: ast.File, b: ast.File) -> bool:
    """Whether two files differ in nothing but places, comments, and the spelling of durations."""
    left: list[object] = [a.module, a.declarations]
    right: list[object] = [b.module, b.declarations]
    while left:
        one, other = left.pop(), right.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, tuple) and isinstance(other, tuple):
            if len(one) != len(other):
                return False
            left.extend(one)
            right.extend(other)
        elif is_dataclass(one):
            if isinstance(one, Span):
                continue
            for part in fields(one):
                if part.name == "interval_text" or (part.name == "text" and isinstance(one, ast.DurationLiteral)):
                    continue
                left.append(getattr(one, part.name))
                right.append(getattr(other, part.name))
        elif one != other:
            return False
    return True


@dataclass(slots=True)
class _Line:
    """A line of text, and the offset of what it came from."""

    indent: int
    text: str
    at: int
    above: list[str] = field(default_factory=list)
    behind: str | None = None

    def render(self) -> list[str]:
        pad = " " * self.indent
        end = f"  {self.behind}" if self.behind else ""
        return [*(f"{pad}{comment}" for comment in self.above), f"{pad}{self.text}{end}"]


@dataclass(slots=True)
class _Block:
    """What stands between blank lines: a declaration with its lines, or a comment between declarations."""

    start: int
    end: int
    lines: list[str]
    node: ast.Declaration | ast.Module | None
    size: int = 1


def _has_inner_comments(file: ast.File) -> bool:
    starts = [c.span.start for c in file.comments]
    return any(_inside(starts, d.span) for d in file.declarations)


def _inside(starts: Sequence[int], span: Span) -> bool:
    return bisect_left(starts, span.start) < bisect_left(starts, span.end)


def _render(file: ast.File) -> str:
    text = file.source.text
    starts = [c.span.start for c in file.comments]
    writer = _Writer(starts)
    nodes = [*([file.module] if file.module else []), *file.declarations]
    blocks: list[_Block] = []
    taken = 0
    for number, node in enumerate(nodes):
        until = nodes[number + 1].span.start if number + 1 < len(nodes) else len(text)
        first, last = bisect_left(starts, node.span.start), bisect_left(starts, node.span.end)
        blocks += [_comment_block(c) for c in file.comments[taken:first]]
        if last < len(starts) and starts[last] < until and not _alone(text, file.comments[last]):
            last += 1  # the one at the end of its last line
        own = file.comments[first:last]
        lines = writer.declaration(node)
        _set_back(text, lines, own)
        end = max(node.span.end, own[-1].span.end if own else 0)
        rendered = [piece for line in lines for piece in line.render()]
        blocks.append(_Block(node.span.start, end, rendered, node, len(rendered)))
        taken = last
    blocks += [_comment_block(c) for c in file.comments[taken:]]
    out: list[str] = []
    for number, block in enumerate(blocks):
        if number and _blank_between(text, blocks, number):
            out.append("")
        out += block.lines
    return "\n".join(out) + "\n" if out else ""


def _comment_block(comment: ast.Comment) -> _Block:
    return _Block(comment.span.start, comment.span.end, [f"--{comment.text}"], None)


def _blank_between(text: str, blocks: Sequence[_Block], number: int) -> bool:
    before, after = blocks[number - 1], blocks[number]
    written = text.count("\n", before.end, after.start) > 1
    if before.node is None:
        return written
    following = next((b for b in blocks[number:] if b.node is not None), None)
    if following is None:
        return written
    return written or isinstance(before.node, ast.Module) or before.size > 1 or following.size > 1


def _alone(text: str, comment: ast.Comment) -> bool:
    line_start = text.rfind("\n", 0, comment.span.start) + 1
    return not text[line_start : comment.span.start].strip("\ufeff \t\r\f\v")


def _set_back(text: str, lines: list[_Line], comments: Sequence[ast.Comment]) -> None:
    ordered = sorted(lines, key=lambda line: line.at)
    places = [line.at for line in ordered]
    for comment in comments:
        said = f"--{comment.text}"
        start = comment.span.start
        if _alone(text, comment):
            behind = bisect_left(places, comment.span.end)
            ordered[behind if behind < len(ordered) else -1].above.append(said)
        else:
            line = ordered[max(0, bisect_right(places, start) - 1)]
            if line.behind is None:
                line.behind = said
            else:
                line.above.append(said)


class _Writer:
    """Writes declarations as lines; where comments stand inside something, that is not put on one line."""

    def __init__(self, starts: Sequence[int]) -> None:
        self._starts = starts
        self._lines: list[_Line] = []

    def declaration(self, node: ast.Declaration | ast.Module) -> list[_Line]:
        """The lines of a declaration."""
        self._lines = []
        match node:
            case ast.Module():
                self._add(0, f"module {node.path}", node.span.start)
            case ast.Use():
                self._add(0, f"use {escape(node.path)}", node.span.start)
            case ast.Param():
                head = f"param {node.name.text}: {type_text(node.type)} = "
                self._condition(0, head, node.value, node.span.start)
            case ast.Record():
                self._fields(f"record {node.name.text}", node.fields, node.span)
            case ast.Stream():
                self._fields(stream_head(node), node.fields, node.span)
            case ast.Variant():
                members = " | ".join(m.text for m in node.members)
                self._add(0, f"stream {node.name.text} = {members}", node.span.start)
            case ast.Table():
                head = f"table {node.name.text} keyed by {', '.join(k.text for k in node.keys)}"
                self._fields(head + optional(" from ", quoted(node.path)), node.fields, node.span)
            case ast.Timer():
                head = f"timer {node.name.text} every {duration_text(node.every)}"
                self._add(0, head + optional(" at ", quoted(node.at)), node.span.start)
            case ast.Function():
                self._function(node)
            case ast.Rule():
                self._rule(node)
            case ast.Assertion():
                self._assertion(node)
            case ast.Test():
                self._test(node)
        return self._lines

    def _add(self, indent: int, text: str, at: int) -> None:
        self._lines.append(_Line(indent, text, at))

    def _append(self, text: str) -> None:
        self._lines[-1].text += text

    def _fits(self, indent: int, text: str, span: Span) -> bool:
        return indent + len(text) <= WIDTH and not _inside(self._starts, span)

    # ---------------------------------------------------------------------------------------- declarations

    def _fields(self, head: str, parts: Sequence[ast.Field], span: Span) -> None:
        self._braces(0, head, [(field_text(f), f.span.start) for f in parts], span, "")

    def _braces(self, indent: int, head: str, parts: list[tuple[str, int]], span: Span, tail: str) -> None:
        """``head { a, b } tail``: on one line, or the parts on one line of their own, or each on one."""
        if not parts and not _inside(self._starts, span):
            self._add(indent, f"{head} {{}}{tail}", span.start)
            return
        joined = ", ".join(text for text, _ in parts)
        if self._fits(indent, whole := f"{head} {{ {joined} }}{tail}", span):
            self._add(indent, whole, span.start)
            return
        self._add(indent, f"{head} {{", span.start)
        if parts and self._fits(indent + 2, joined, span):
            self._add(indent + 2, joined, parts[0][1])
        else:
            for number, (text, at) in enumerate(parts):
                self._add(indent + 2, text + ("," if number + 1 < len(parts) else ""), at)
        self._add(indent, f"}}{tail}", span.end - 1)

    def _function(self, node: ast.Function) -> None:
        head = f"function {node.name.text}({', '.join(field_text(p) for p in node.parameters)})"
        if node.body is not None:
            self._condition(0, f"{head} = ", node.body, node.span.start)
        else:
            assert node.returns is not None
            assert node.origin is not None
            self._add(0, f"{head} -> {type_text(node.returns)} from {escape(node.origin)}", node.span.start)

    def _rule(self, node: ast.Rule) -> None:
        self._head("rule", node.name, node.description, node.tags, node.span)
        if node.keys:
            keys = ", ".join(key_text(k) for k in node.keys)
            self._add(0, f"keyed by {keys}", node.keys[0].span.start)
        if isinstance(node.body, ast.Matching):
            self._matching(node.body)
        else:
            self._query(node.body)
        for action in node.actions:
            self._action(0, "", action)
        if node.timeout is not None:
            self._reaction("on timeout", node.timeout)
        if node.output is not None:
            self._add(0, output_text(node.output), node.output.span.start)

    def _head(self, word: str, name: ast.Name, description: str | None, tags: Sequence[ast.Assign], span: Span) -> None:
        self._add(0, f"{word} {name.text}" + optional(" ", quoted(description)), span.start)
        if tags:
            first, last = tags[0].span, tags[-1].span
            inner = Span(first.start, last.end, first.line, first.column)
            self._braces(0, "tags", [(assign_text(a), a.span.start) for a in tags], inner, "")

    def _matching(self, node: ast.Matching) -> None:
        self._pattern(node.pattern, 0, "when ", 5)
        for bound in node.bounds:
            self._add(0, bound_text(bound), bound.span.start)
        if node.skip is not None:
            self._add(0, skip_text(node.skip), node.skip.span.start)
        if node.consume:
            self._add(0, f"consume {', '.join(n.text for n in node.consume)}", node.consume[0].span.start)

    def _pattern(self, node: ast.Pattern, indent: int, prefix: str, inner: int) -> None:
        """Its first step behind ``prefix`` at ``indent``, the others at ``inner``."""
        self._step(indent, prefix, node.steps[0], node.span.start)
        for link, step in zip(node.links, node.steps[1:], strict=True):
            self._step(inner, f"{link.word} ", step, link.span.start)

    def _step(self, indent: int, prefix: str, step: ast.Step | ast.Absence, at: int) -> None:
        if self._fits(indent, whole := prefix + step_text(step), step.span):
            self._add(indent, whole, at)
            return
        if isinstance(step, ast.Absence):
            self._event(indent, f"{prefix}no ", step.event, at)
            self._append(optional(" for ", duration_or_name(step.duration)))
            return
        head = prefix + quantifier_text(step.quantifier)
        if isinstance(step.source, ast.EventType):
            head += step.source.text
        elif isinstance(step.source, ast.Group):
            self._add(indent, f"{head}(", at)
            self._pattern(step.source.pattern, indent + 2, "", indent + 2)
            for bound in step.source.bounds:
                self._add(indent + 2, bound_text(bound), bound.span.start)
            head, at = ")", step.source.span.end - 1
        else:
            self._add(indent, f"{head}{choice_word(step.source)} of (", at)
            for number, choice in enumerate(step.source.steps):
                self._step(indent + 2, "", choice, choice.span.start)
                self._append("," if number + 1 < len(step.source.steps) else "")
            head, at = ")", step.source.span.end - 1
        head += optional(" ", step.adjacency) + optional(" as ", step.alias.text if step.alias else None)
        if step.where is None:
            self._add(indent, head, at)
        else:
            self._condition(indent, f"{head} where ", step.where, at)
        self._append(optional(" until ", event_text(step.until) if step.until else None))

    def _event(self, indent: int, prefix: str, event: ast.Event, at: int) -> None:
        head = prefix + event.type.text + optional(" as ", event.alias.text if event.alias else None)
        if event.where is None:
            self._add(indent, head, at)
        else:
            self._condition(indent, f"{head} where ", event.where, at)

    def _condition(self, indent: int, prefix: str, value: ast.Expr, at: int) -> None:
        """``prefix`` and an expression; one of ``and`` or ``or`` that is too long has a line for each part."""
        whole = prefix + expression_text(value)
        if not isinstance(value, ast.Logic) or self._fits(indent, whole, value.span):
            self._add(indent, whole, at)
            return
        level = level_of(value) + 1
        column = indent + 2 + max(prefix.rfind("where "), 0)
        for number, operand in enumerate(value.operands):
            text = expression_text(operand, level)
            if number == 0:
                self._add(indent, prefix + text, at)
            else:
                self._add(column, f"{value.op} {text}", operand.span.start)

    def _query(self, node: ast.Query) -> None:
        head = f"from {node.type.text}" + optional(" as ", node.alias.text if node.alias else None)
        if node.unnest is not None:
            head += f" unnest {path_text(node.unnest[0])} as {node.unnest[1].text}"
        if node.where is None:
            self._add(0, head, node.type.span.start)
        else:
            self._condition(0, f"{head} where ", node.where, node.type.span.start)
        for join in node.joins:
            side = "" if join.side == "inner" else f"{join.side} "
            prefix = f"{side}join {join.type.text} as {join.alias.text} on "
            self._condition(0, prefix, join.on, join.span.start)
            self._append(optional(" within ", interval_text(join)))
        if node.window is not None:
            self._add(0, f"over {window_text(node.window)}", node.window.span.start)
        if node.having is not None:
            self._condition(0, "having ", node.having, node.having.span.start)

    def _action(self, indent: int, prefix: str, action: ast.Emit | ast.Delete) -> None:
        if isinstance(action, ast.Delete):
            head = f"{prefix}delete {action.type.text} where "
            self._condition(indent, head, action.where, action.span.start)
        else:
            head = f"{prefix}{action.word} {action.type.text}"
            parts = [(assign_text(a), a.span.start) for a in action.body]
            self._braces(indent, head, parts, action.span, "")

    def _reaction(self, word: str, node: ast.Timeout) -> None:
        if node.where is None and len(node.actions) == 1:
            whole = f"{word} {action_text(node.actions[0])}"
            if self._fits(0, whole, node.span):
                self._add(0, whole, node.span.start)
                return
        if node.where is None:
            self._add(0, word, node.span.start)
        else:
            self._condition(0, f"{word} where ", node.where, node.span.start)
        for action in node.actions:
            self._action(2, "", action)

    def _assertion(self, node: ast.Assertion) -> None:
        self._head("assert", node.name, node.description, node.tags, node.span)
        if node.keys:
            keys = ", ".join(path_text(k) for k in node.keys)
            self._add(0, f"keyed by {keys}", node.keys[0].span.start)
        scope, at = "", node.claim.span.start
        if node.scope is not None:
            scope, at = f"{scope_text(node.scope)} ", node.scope.span.start
        self._add(0, scope + formula_text(node.claim), at)
        for word, actions in (("on violation", node.violation), ("on satisfied", node.satisfied)):
            if actions:
                first = actions[0].span
                span = Span(first.start, actions[-1].span.end, first.line, first.column)
                self._reaction(word, ast.Timeout(None, actions, span))

    def _test(self, node: ast.Test) -> None:
        self._add(0, f"test {escape(node.description)} {{", node.span.start)
        for step in node.steps:
            at = step.span.start
            match step:
                case ast.Send():
                    tail = f" at {duration_text(step.at)}"
                    parts = [(assign_text(a), a.span.start) for a in step.body]
                    self._braces(2, f"send {step.type.text}", parts, step.span, tail)
                case ast.Advance():
                    self._add(2, f"advance to {duration_text(step.to)}", at)
                case ast.SetParam():
                    self._condition(2, f"set {step.name.text} = ", step.value, at)
                case ast.Close():
                    self._add(2, "close", at)
                case ast.Expect():
                    count = "" if step.count is None else f"{step.count} "
                    if step.count == 0 and step.body is None and step.at is None:
                        count = "no "
                    head = f"expect {count}{step.type.text}"
                    tail = optional(" at ", duration_text(step.at) if step.at else None)
                    if step.body is None:
                        self._add(2, head + tail, at)
                    else:
                        parts = [(assign_text(a), a.span.start) for a in step.body]
                        self._braces(2, head, parts, step.span, tail)
        self._add(0, "}", node.span.end - 1)
