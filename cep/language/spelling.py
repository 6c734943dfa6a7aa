"""Spelling: the parts of a syntax tree as text on one line.

Parentheses stand where the grammar needs them, and around ``until``, ``since`` and ``unless`` inside another
formula, where a reader does.
Law: parsing the text of an expression gives the expression, but for its spans.
Tested by: tests/language/test_format.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cep.language import ast
from cep.language.lexing import duration_parts, escape

if TYPE_CHECKING:
    from collections.abc import Sequence


def optional(prefix: str, text: str | None) -> str:
    """``prefix`` and ``text``, or nothing where there is no text."""
    return "" if text is None else prefix + text


def quoted(text: str | None) -> str | None:
    """A text in quotes, or None."""
    return None if text is None else escape(text)


def duration_text(duration: ast.DurationLiteral) -> str:
    """A duration with a space between numbers and units."""
    return " ".join(f"{number} {unit}" for number, unit in duration_parts(duration.text))


def duration_or_name(duration: ast.DurationLiteral | ast.Name | None) -> str | None:
    """A duration, or the name of the parameter that holds it."""
    if duration is None:
        return None
    return duration_text(duration) if isinstance(duration, ast.DurationLiteral) else duration.text


def type_text(node: ast.TypeName) -> str:
    """A type as it is written."""
    text = node.name
    if node.items:
        text += f"<{', '.join(type_text(t) for t in node.items)}>"
    if node.argument is not None:
        bare = node.argument.isascii() and node.argument.isidentifier() and node.argument.islower()
        bare = bare or (node.argument.isascii() and node.argument.isdigit())
        text += f"({node.argument})" if bare else f"({escape(node.argument)})"
    return f"{text}?" if node.optional else text


def field_text(node: ast.Field) -> str:
    """``amount: decimal from "Amount (EUR)"``."""
    return f"{node.name.text}: {type_text(node.type)}" + optional(" from ", quoted(node.column))


def stream_head(node: ast.Stream) -> str:
    """A stream up to its brace."""
    head = f"stream {node.name.text}" + optional(" extends ", node.extends.text if node.extends else None)
    head += optional(" ordered by ", node.ordered.text if node.ordered else None)
    head += optional(" late ", duration_text(node.late) if node.late else None)
    head += optional(" idle ", duration_text(node.idle) if node.idle else None)
    return head + (f" ties by {', '.join(n.text for n in node.ties)}" if node.ties else "")


def key_text(node: ast.KeyItem) -> str:
    """``user or Wire.payer``."""
    return " or ".join([path_text(node.path), *(f"{stream.text}.{name.text}" for stream, name in node.others)])


def assign_text(node: ast.Assign) -> str:
    """``spent = sum(amount)``, or ``card``."""
    if node.name is None:
        assert isinstance(node.value, ast.Path)
        return path_text(node.value)
    return f"{node.name.text} = {expression_text(node.value)}"


def action_text(node: ast.Emit | ast.Delete) -> str:
    """An action on one line."""
    if isinstance(node, ast.Delete):
        return f"delete {node.type.text} where {expression_text(node.where)}"
    body = ", ".join(assign_text(a) for a in node.body)
    return f"{node.word} {node.type.text} {{ {body} }}" if body else f"{node.word} {node.type.text} {{}}"


def output_text(node: ast.Output) -> str:
    """``output first every 1 h per card``."""
    if node.mode in ("final", "early"):
        return f"output {node.mode}"
    every = duration_text(node.every) if node.every else f"{node.events} events"
    return f"output {node.mode} every {every}" + _per_text(node.per)


def _per_text(per: Sequence[ast.Path]) -> str:
    return f" per {', '.join(path_text(p) for p in per)}" if per else ""


def bound_text(node: ast.Bound) -> str:
    """``within 10 min``."""
    if node.kind == "allow_unbounded":
        return "allow unbounded"
    if node.kind == "within_events":
        return f"within {node.events} events"
    if node.kind == "at_most":
        return f"at most {node.events} matches per event"
    return f"{node.kind} {duration_or_name(node.duration)}"


def skip_text(node: ast.Skip) -> str:
    """``after match skip to next prefer earliest``."""
    prefer = optional("prefer ", node.prefer)
    if node.to is None:
        return prefer
    skip = "keep all" if node.to == "keep all" else f"skip {'' if node.to == 'past last' else 'to '}{node.to}"
    skip += optional(" ", node.variable.text if node.variable else None)
    return f"after match {skip}" + (f" {prefer}" if prefer else "")


def quantifier_text(node: ast.Quantifier | None) -> str:
    """``3 or more`` and the space behind it."""
    if node is None:
        return ""
    fewest = "fewest " if node.fewest else ""
    match node.word:
        case "optional":
            return "optional "
        case "exactly":
            return f"{fewest}{node.low} "
        case "at_least":
            return f"{fewest}{node.low} or more "
        case "between":
            return f"{fewest}{node.low} to {node.high} "


def choice_word(node: ast.Choice) -> str:
    """``one``, ``all``, or the number before ``of``."""
    return str(node.count) if node.kind == "count" else node.kind


def event_text(node: ast.Event) -> str:
    """``Fill as hit where side = "buy"``."""
    text = node.type.text + optional(" as ", node.alias.text if node.alias else None)
    return text + optional(" where ", expression_text(node.where) if node.where else None)


def step_text(node: ast.Step | ast.Absence) -> str:
    """A step of a pattern, on one line."""
    if isinstance(node, ast.Absence):
        return f"no {event_text(node.event)}" + optional(" for ", duration_or_name(node.duration))
    text = quantifier_text(node.quantifier)
    if isinstance(node.source, ast.EventType):
        text += node.source.text
    elif isinstance(node.source, ast.Group):
        inner = [pattern_text(node.source.pattern), *(bound_text(b) for b in node.source.bounds)]
        text += f"({' '.join(inner)})"
    else:
        text += f"{choice_word(node.source)} of ({', '.join(step_text(s) for s in node.source.steps)})"
    text += optional(" ", node.adjacency) + optional(" as ", node.alias.text if node.alias else None)
    text += optional(" where ", expression_text(node.where) if node.where else None)
    return text + optional(" until ", event_text(node.until) if node.until else None)


def pattern_text(node: ast.Pattern) -> str:
    """A pattern, on one line."""
    rest = (f" {link.word} {step_text(step)}" for link, step in zip(node.links, node.steps[1:], strict=True))
    return step_text(node.steps[0]) + "".join(rest)


def interval_text(node: ast.Join) -> str | None:
    """``5 s`` or ``-1 s to 5 s``."""
    if node.interval_text is None:
        return None
    ends = node.interval_text.removeprefix("-").split("to")
    ends = [" ".join(f"{number} {unit}" for number, unit in duration_parts(end)) for end in ends]
    return f"-{ends[0]} to {ends[1]}" if len(ends) == 2 else ends[0]


def window_text(node: ast.Window) -> str:
    """What follows ``over``."""
    duration = duration_text(node.duration) if node.duration else None
    every = duration_text(node.every) if node.every else None
    match node.kind:
        case "sliding":
            return f"last {duration}" + optional(" every ", every)
        case "sliding_count":
            return f"last {node.count} events" + optional(" within ", duration)
        case "tumbling":
            return f"every {every}" + optional(" in ", quoted(node.zone))
        case "tumbling_count":
            return f"every {node.count} events"
        case "session":
            return f"session gap {duration}" + optional(" max ", every)
        case "latest_per":
            return "latest" + ("" if node.count is None else f" {node.count}") + _per_text(node.per)
        case "ranked":
            assert node.by is not None
            return f"top {node.count} by {expression_text(node.by)}" + optional(" ", node.order)
        case "span":
            assert node.opens is not None
            assert node.closes is not None
            return f"span {event_text(node.opens)} until {event_text(node.closes)}"
        case "unbounded":
            return "everything"


# ------------------------------------------------------------------------------------------------- expressions

_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _NEGATION, _ATOM = range(1, 9)


def level_of(node: ast.Expr) -> int:
    """How tightly an expression binds."""
    match node:
        case ast.Logic(op="or"):
            return _OR
        case ast.Logic():
            return _AND
        case ast.Unary(op="not"):
            return _NOT
        case ast.Unary():
            return _NEGATION
        case ast.Compare() | ast.Between() | ast.In() | ast.TextMatch() | ast.IsNull():
            return _COMPARISON
        case ast.Chain(ops=(("+" | "-" | "||"), *_)):
            return _SUM
        case ast.Chain():
            return _PRODUCT
        case _:
            return _ATOM


def expression_text(node: ast.Expr, level: int = _OR) -> str:
    """An expression on one line, in parentheses where it binds less tightly than ``level``."""
    text = _bare_text(node)
    return f"({text})" if level_of(node) < level else text


def _bare_text(node: ast.Expr) -> str:
    match node:
        case ast.IntLiteral():
            return str(node.value)
        case ast.PointLiteral():
            return node.text
        case ast.StringLiteral():
            return escape(node.value)
        case ast.DurationLiteral():
            return duration_text(node)
        case ast.BoolLiteral():
            return "true" if node.value else "false"
        case ast.NullLiteral():
            return "null"
        case ast.Path():
            text, first = path_text(node), node.parts[0]
            return f"({text})" if text in _KEYWORD_NAMES or _is_operator(first) else text
        case ast.Call():
            text = f"{node.name.text}({', '.join(_argument_text(a) for a in node.arguments)})"
            return f"({text})" if _is_operator(node.name) else text
        case ast.Unary(op="not"):
            return f"not {expression_text(node.operand, _NOT)}"
        case ast.Unary():
            # Two dashes would start a comment.
            inner = _ATOM if isinstance(node.operand, ast.Unary) else _NEGATION
            return f"-{expression_text(node.operand, inner)}"
        case ast.Logic():
            level = _AND if node.op == "or" else _NOT
            return f" {node.op} ".join(expression_text(o, level) for o in node.operands)
        case ast.Chain():
            level = level_of(node) + 1
            out = [expression_text(node.operands[0], level)]
            for op, operand in zip(node.ops, node.operands[1:], strict=True):
                out += [op, expression_text(operand, level)]
            return " ".join(out)
        case ast.Compare():
            return f"{expression_text(node.left, _SUM)} {node.op} {expression_text(node.right, _SUM)}"
        case ast.Between():
            ends = f"{expression_text(node.low, _SUM)} and {expression_text(node.high, _SUM)}"
            return f"{expression_text(node.value, _SUM)} between {ends}"
        case ast.In():
            word = "not in" if node.negated else "in"
            return f"{expression_text(node.value, _SUM)} {word} ({', '.join(expression_text(i) for i in node.items)})"
        case ast.TextMatch():
            word = f"not {node.op}" if node.negated else node.op
            return f"{expression_text(node.value, _SUM)} {word} {expression_text(node.pattern, _SUM)}"
        case ast.IsNull():
            return f"{expression_text(node.value, _SUM)} is {'not ' if node.negated else ''}null"
        case ast.Case():
            branches = " ".join(f"when {expression_text(c)} then {expression_text(v)}" for c, v in node.branches)
            otherwise = optional(" else ", expression_text(node.otherwise) if node.otherwise else None)
            return f"case {branches}{otherwise} end"
        case ast.Quantified():
            items = path_text(node.items) if isinstance(node.items, ast.Path) else expression_text(node.items)
            return f"{node.op} {node.variable.text} in {items} satisfies ({expression_text(node.condition)})"
        case ast.Lookup():
            return f"{node.table.text}[{', '.join(expression_text(k) for k in node.keys)}].{node.field.text}"
        case ast.Latest():
            return f"{node.stream.text}.{node.field.text}"
        case ast.ListLiteral():
            return f"[{', '.join(expression_text(i) for i in node.items)}]"


# Fields of these names are told from the keywords by what follows them: a closing parenthesis always tells.
_KEYWORD_NAMES = frozenset({"not", "distinct", "where", "any", "every", "case"})
# Names that, behind a keyword, would make a name of that: `not in (1, 2)` is about a field `not`.
_OPERATOR_NAMES = frozenset({"and", "or", "is", "in", "like", "matches", "between", "div", "where"})


def _is_operator(part: ast.Name | ast.Index) -> bool:
    return isinstance(part, ast.Name) and part.text in _OPERATOR_NAMES


def path_text(node: ast.Path) -> str:
    """A path where nothing but a path may stand: no word needs parentheses there."""
    out = []
    for part in node.parts:
        if isinstance(part, ast.Index):
            out.append(f"[{expression_text(part.value)}]")
        else:
            out.append(f".{part.text}" if out else part.text)
    return "".join(out)


def _argument_text(node: ast.Argument) -> str:
    where = optional("where ", expression_text(node.where) if node.where else None)
    if node.value is None:
        return where
    value = expression_text(node.value)
    if value.startswith(("distinct(", "where(")):
        value = f"({value})"
    return ("distinct " if node.distinct else "") + value + (f" {where}" if where else "")


# --------------------------------------------------------------------------------------------------- formulas

_FORMULA_LEVELS = {
    "causes": 0, "requires": 0, "forbids": 0,
    "implies": 1, "iff": 1, "or": 2, "and": 3, "until": 4, "since": 4, "unless": 4,
}  # fmt: skip
_UNARY = 5


def formula_text(node: ast.Formula, level: int = 0) -> str:
    """A formula on one line, in parentheses where it binds less tightly than ``level``."""
    if isinstance(node, ast.Holds):
        return f"holds ({expression_text(node.condition)})"
    if isinstance(node, ast.Happens):
        return f"({event_text(node.event)})" if node.event.where else event_text(node.event)
    own = _FORMULA_LEVELS.get(node.op, _UNARY)
    time = optional(" ", _time_text(node.time) if node.time else None)
    if own == _UNARY:
        text = f"{node.op}{time} {formula_text(node.operands[0], _UNARY)}"
    elif node.op == "implies":
        text = f"{formula_text(node.operands[0], 2)} implies {formula_text(node.operands[1], _right(node.operands[1]))}"
    elif node.op == "iff":
        text = " iff ".join(formula_text(o, max(2, _right(o))) for o in node.operands)
    elif node.op in ("and", "or"):
        # until, since and unless would not need parentheses here; nobody knows that by heart.
        text = f" {node.op} ".join(formula_text(o, max(own + 1, _right(o))) for o in node.operands)
    else:
        text = f" {node.op} ".join(formula_text(o, _UNARY) for o in node.operands) + time
    return f"({text})" if own < level else text


def _right(node: ast.Formula) -> Literal[1, 5]:
    return 5 if isinstance(node, ast.Temporal) and node.op in ("until", "since", "unless") else 1


def _time_text(node: ast.TimeSpan) -> str:
    if node.word == "between":
        return f"between {duration_or_name(node.low)} and {duration_or_name(node.high)}"
    return f"{node.word} {duration_or_name(node.high)}"


def scope_text(node: ast.Scope) -> str:
    """``after P until Q:``."""
    opens = formula_text(node.opens, _UNARY) if node.opens else None
    closes = formula_text(node.closes, _UNARY) if node.closes else None
    match node.kind:
        case "after_until":
            return f"after {opens} until {closes}:"
        case "after":
            return f"after {opens}:"
        case "until":
            return f"until {closes}:"
        case "between":
            return f"between {opens} and {closes}:"
