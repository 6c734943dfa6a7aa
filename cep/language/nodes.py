"""Nodes of the tree that are what their grammar rule says: their children, put into a dataclass of ast.py.

Nothing is checked or sorted here (see build.py); a function is named after its node in grammar.lark, and so
is an entry of the tables of operators.
Tested by: tests/language/test_parser.py
"""

# ruff: noqa: D103 - each function is named after its node in grammar.lark, and is said there

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from cep.language import ast
from cep.language.lexing import Lexeme, duration_ns, unescape
from cep.model.diagnostics import Span

if TYPE_CHECKING:
    from collections.abc import Callable

# The children of a node are what its grammar rule says, of many types: the one place where Any is honest.
Kids = list[Any]

NODES: dict[str, Callable[[Kids, Span], Any]] = {}


def _node(build: Callable[[Kids, Span], Any]) -> Callable[[Kids, Span], Any]:
    NODES[build.__name__.lstrip("_")] = build
    return build


# Nodes that are a word.
WORDS = {
    "left": "left",
    "right": "right",
    "full": "full",
    "in_a_row": "in a row",
    "in_any_combination": "in any combination",
}

# Formulas: two operands and perhaps a time; perhaps a time and one operand; one or many operands.
BINARY = {
    "causes": "causes",
    "requires": "requires",
    "forbids": "forbids",
    "implies": "implies",
    "iff": "iff",
    "f_until": "until",
    "f_since": "since",
    "f_unless": "unless",
}
TIMED = {word: word for word in ("always", "never", "eventually", "once", "historically")}
PLAIN = {"f_or": "or", "f_and": "and", "f_not": "not", "previous": "previous", "next_event": "next"}
SEQUENCES = frozenset({"fields", "paths", "exprs", "arguments"})
LINKS: dict[str, Literal["then", "then any", "next"]] = {
    "then": "then",
    "then_any": "then any",
    "strictly_next": "next",
}


def node_of(kind: str, kids: Kids, span: Span) -> Any:
    """The node of a tree of this kind."""
    if kind in NODES:
        return NODES[kind](kids, span)
    if kind in BINARY:
        return ast.Temporal(BINARY[kind], (kids[0], kids[1]), kids[2] if len(kids) > 2 else None, span)
    if kind in TIMED:
        return ast.Temporal(TIMED[kind], (kids[1],), kids[0], span)
    if kind in PLAIN:
        # `not` has a name in the grammar, and so is among the children.
        return ast.Temporal(PLAIN[kind], tuple(k for k in kids if not isinstance(k, Lexeme)), None, span)
    if kind in LINKS:
        return ast.Link(LINKS[kind], span)
    return tuple(kids) if kind in SEQUENCES else WORDS[kind]


def span_of(token: Lexeme) -> Span:
    """The place of a lexeme."""
    return Span(token.start, token.end, token.line, token.column)


def name_of(token: Lexeme) -> ast.Name:
    """A name with its place."""
    return ast.Name(token.text, span_of(token))


def maybe_name(token: Lexeme | None) -> ast.Name | None:
    """A name, or None where none is written."""
    return None if token is None else name_of(token)


def text_of(token: Lexeme) -> str:
    """What stands between the quotes."""
    return unescape(token.text)[0]


def maybe_text(token: Lexeme | None) -> str | None:
    """The same, or None where none is written."""
    return None if token is None else text_of(token)


def duration_of(token: Lexeme) -> ast.DurationLiteral:
    """A duration in nanoseconds."""
    # One that is not whole is reported by the lexer; the tree is then not used.
    return ast.DurationLiteral(duration_ns(token.text) or 0, token.text, span_of(token))


def maybe_duration(token: Lexeme | None) -> ast.DurationLiteral | None:
    """A duration, or None where none is written."""
    return None if token is None else duration_of(token)


# ------------------------------------------------------------------------------------------------ declarations


@_node
def module(kids: Kids, span: Span) -> ast.Module:
    return ast.Module(".".join(k.text for k in kids), span)


@_node
def use(kids: Kids, span: Span) -> ast.Use:
    return ast.Use(text_of(kids[0]), span)


@_node
def param(kids: Kids, span: Span) -> ast.Param:
    return ast.Param(name_of(kids[0]), kids[1], kids[2], span)


@_node
def record(kids: Kids, span: Span) -> ast.Record:
    return ast.Record(name_of(kids[0]), kids[1], span)


@_node
def variant(kids: Kids, span: Span) -> ast.Variant:
    return ast.Variant(name_of(kids[0]), tuple(name_of(k) for k in kids[1:]), span)


@_node
def timer(kids: Kids, span: Span) -> ast.Timer:
    return ast.Timer(name_of(kids[0]), duration_of(kids[1]), maybe_text(kids[2]), span)


@_node
def function(kids: Kids, span: Span) -> ast.Function:
    return ast.Function(name_of(kids[0]), kids[1] or (), kids[2], None, None, span)


@_node
def external(kids: Kids, span: Span) -> ast.Function:
    return ast.Function(name_of(kids[0]), kids[1] or (), None, kids[2], text_of(kids[3]), span)


@_node
def field(kids: Kids, span: Span) -> ast.Field:
    return ast.Field(name_of(kids[0]), kids[1], maybe_text(kids[2]), span)


@_node
def plain_type(kids: Kids, span: Span) -> ast.TypeName:
    argument = kids[1]
    text = None if argument is None else text_of(argument) if argument.kind == "string" else argument.text
    return ast.TypeName(kids[0].text, text, False, (), span)


@_node
def named_type(kids: Kids, span: Span) -> ast.TypeName:
    return ast.TypeName(kids[0].text, None, False, (), span)


@_node
def optional_type(kids: Kids, span: Span) -> ast.TypeName:
    return replace(cast(ast.TypeName, kids[0]), optional=True, span=span)


@_node
def list_type(kids: Kids, span: Span) -> ast.TypeName:
    return ast.TypeName("list", None, False, tuple(kids), span)


@_node
def map_type(kids: Kids, span: Span) -> ast.TypeName:
    return ast.TypeName("map", None, False, tuple(kids), span)


# ------------------------------------------------------------------------------------------------------- rules


@_node
def key_item(kids: Kids, span: Span) -> ast.KeyItem:
    others = [(name_of(kids[i]), name_of(kids[i + 1])) for i in range(1, len(kids), 2)]
    return ast.KeyItem(kids[0], tuple(others), span)


@_node
def duration(kids: Kids, span: Span) -> ast.DurationLiteral | ast.Name:
    token = kids[0]
    return duration_of(token) if token.kind == "duration" else name_of(token)


# ---------------------------------------------------------------------------------------------------- patterns


@_node
def pattern(kids: Kids, span: Span) -> ast.Pattern:
    return ast.Pattern(tuple(kids[::2]), tuple(kids[1::2]), span)


@_node
def absence(kids: Kids, span: Span) -> ast.Absence:
    return ast.Absence(kids[0], kids[1], span)


@_node
def item(kids: Kids, span: Span) -> ast.Step:
    quantifier, source, adjacency, alias, where, until = kids
    return ast.Step(quantifier, source, adjacency, maybe_name(alias), where, until, span)


@_node
def event(kids: Kids, span: Span) -> ast.Event:
    return ast.Event(kids[0], maybe_name(kids[1]), kids[2], span)


@_node
def event_type(kids: Kids, span: Span) -> ast.EventType:
    if kids[1] is None:
        return ast.EventType(None, name_of(kids[0]), span)
    return ast.EventType(name_of(kids[0]), name_of(kids[1]), span)


@_node
def exactly(kids: Kids, span: Span) -> ast.Quantifier:
    return ast.Quantifier(int(kids[1].text), int(kids[1].text), kids[0] is not None, "exactly", span)


@_node
def at_least(kids: Kids, span: Span) -> ast.Quantifier:
    return ast.Quantifier(int(kids[1].text), None, kids[0] is not None, "at_least", span)


@_node
def between_n(kids: Kids, span: Span) -> ast.Quantifier:
    return ast.Quantifier(int(kids[1].text), int(kids[2].text), kids[0] is not None, "between", span)


@_node
def optional(kids: Kids, span: Span) -> ast.Quantifier:
    return ast.Quantifier(0, 1, False, "optional", span)


@_node
def one_of(kids: Kids, span: Span) -> ast.Choice:
    return ast.Choice("one", None, tuple(kids), span)


@_node
def all_of(kids: Kids, span: Span) -> ast.Choice:
    # The word is a token here, for it has a name in the grammar.
    return ast.Choice("all", None, tuple(k for k in kids if not isinstance(k, Lexeme)), span)


@_node
def n_of(kids: Kids, span: Span) -> ast.Choice:
    return ast.Choice("count", int(kids[0].text), tuple(kids[1:]), span)


# ----------------------------------------------------------------------------------------------------- queries


@_node
def unnest(kids: Kids, span: Span) -> tuple[ast.Path, ast.Name]:
    return kids[0], name_of(kids[1])


@_node
def join(kids: Kids, span: Span) -> ast.Join:
    side, kind, alias, on, interval = kids
    low_high, text = interval or (None, None)
    return ast.Join(side or "inner", kind, name_of(alias), on, low_high, text, span)


@_node
def sliding(kids: Kids, span: Span) -> ast.Window:
    length, every = kids
    return ast.Window("sliding", span, duration=duration_of(length), every=maybe_duration(every))


@_node
def sliding_count(kids: Kids, span: Span) -> ast.Window:
    count, within = kids
    return ast.Window("sliding_count", span, count=int(count.text), duration=maybe_duration(within))


@_node
def tumbling(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("tumbling", span, every=duration_of(kids[0]), zone=maybe_text(kids[1]))


@_node
def tumbling_count(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("tumbling_count", span, count=int(kids[0].text))


@_node
def session(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("session", span, duration=duration_of(kids[0]), every=maybe_duration(kids[1]))


@_node
def latest_per(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("latest_per", span, count=None if kids[0] is None else int(kids[0].text), per=kids[1])


@_node
def ranked(kids: Kids, span: Span) -> ast.Window:
    order = cast("Literal['asc', 'desc'] | None", None if kids[2] is None else kids[2].text)
    return ast.Window("ranked", span, count=int(kids[0].text), by=kids[1], order=order)


@_node
def span_window(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("span", span, opens=kids[0], closes=kids[1])


@_node
def everything(kids: Kids, span: Span) -> ast.Window:
    return ast.Window("unbounded", span)


# ---------------------------------------------------------------------------------------------------- outcomes


@_node
def emit(kids: Kids, span: Span) -> ast.Emit:
    return ast.Emit("emit", name_of(kids[0]), kids[1], span)


@_node
def upsert(kids: Kids, span: Span) -> ast.Emit:
    return ast.Emit("upsert", name_of(kids[0]), kids[1], span)


@_node
def delete(kids: Kids, span: Span) -> ast.Delete:
    return ast.Delete(name_of(kids[0]), kids[1], span)


@_node
def body(kids: Kids, span: Span) -> tuple[ast.Assign, ...]:
    return tuple(k for k in kids if k is not None)


@_node
def named(kids: Kids, span: Span) -> ast.Assign:
    return ast.Assign(name_of(kids[0]), kids[1], span)


# -------------------------------------------------------------------------------------------------- assertions


@_node
def scope_after_until(kids: Kids, span: Span) -> ast.Scope:
    return ast.Scope("after_until", kids[0], kids[1], span)


@_node
def scope_after(kids: Kids, span: Span) -> ast.Scope:
    return ast.Scope("after", kids[0], None, span)


@_node
def scope_until(kids: Kids, span: Span) -> ast.Scope:
    return ast.Scope("until", None, kids[0], span)


@_node
def scope_between(kids: Kids, span: Span) -> ast.Scope:
    return ast.Scope("between", kids[0], kids[1], span)


@_node
def within_span(kids: Kids, span: Span) -> ast.TimeSpan:
    return ast.TimeSpan("within", None, kids[0], span)


@_node
def for_span(kids: Kids, span: Span) -> ast.TimeSpan:
    return ast.TimeSpan("for", None, kids[0], span)


@_node
def between_span(kids: Kids, span: Span) -> ast.TimeSpan:
    return ast.TimeSpan("between", kids[0], kids[1], span)


@_node
def happens(kids: Kids, span: Span) -> ast.Happens:
    return ast.Happens(ast.Event(kids[0], maybe_name(kids[1]), None, span), span)


@_node
def happens_where(kids: Kids, span: Span) -> ast.Happens:
    return ast.Happens(ast.Event(kids[0], maybe_name(kids[1]), kids[2], span), span)


@_node
def holds(kids: Kids, span: Span) -> ast.Holds:
    return ast.Holds(kids[0], span)


# ------------------------------------------------------------------------------------------------------- tests


@_node
def test(kids: Kids, span: Span) -> ast.Test:
    return ast.Test(text_of(kids[0]), tuple(kids[1:]), span)


@_node
def send(kids: Kids, span: Span) -> ast.Send:
    return ast.Send(kids[0], kids[1], duration_of(kids[2]), span)


@_node
def advance(kids: Kids, span: Span) -> ast.Advance:
    return ast.Advance(duration_of(kids[0]), span)


@_node
def set_param(kids: Kids, span: Span) -> ast.SetParam:
    return ast.SetParam(name_of(kids[0]), kids[1], span)


@_node
def close(kids: Kids, span: Span) -> ast.Close:
    return ast.Close(span)


@_node
def expect(kids: Kids, span: Span) -> ast.Expect:
    count, kind, body, at = kids
    return ast.Expect(None if count is None else int(count.text), kind, body, maybe_duration(at), span)


@_node
def expect_no(kids: Kids, span: Span) -> ast.Expect:
    return ast.Expect(0, kids[0], None, None, span)


# ------------------------------------------------------------------------------------------------- expressions


@_node
def lone_expression(kids: Kids, span: Span) -> ast.Expr:
    return cast(ast.Expr, kids[0])


@_node
def names(kids: Kids, span: Span) -> tuple[ast.Name, ...]:
    return tuple(name_of(k) for k in kids)


@_node
def or_(kids: Kids, span: Span) -> ast.Logic:
    return ast.Logic("or", tuple(kids), span)


@_node
def and_(kids: Kids, span: Span) -> ast.Logic:
    return ast.Logic("and", tuple(kids), span)


@_node
def not_(kids: Kids, span: Span) -> ast.Unary:
    return ast.Unary("not", kids[-1], span)


@_node
def negative(kids: Kids, span: Span) -> ast.Unary:
    return ast.Unary("-", kids[-1], span)


@_node
def compare(kids: Kids, span: Span) -> ast.Compare:
    op = cast("Literal['=', '!=', '<', '<=', '>', '>=']", kids[1].text)
    return ast.Compare(op, kids[0], kids[2], span)


@_node
def between(kids: Kids, span: Span) -> ast.Between:
    return ast.Between(kids[0], kids[1], kids[2], span)


@_node
def in_(kids: Kids, span: Span) -> ast.In:
    return ast.In(kids[0], kids[2], kids[1] is not None, span)


@_node
def text_match(kids: Kids, span: Span) -> ast.TextMatch:
    op = cast("Literal['like', 'matches']", kids[2].text)
    return ast.TextMatch(op, kids[0], kids[3], kids[1] is not None, span)


@_node
def is_null(kids: Kids, span: Span) -> ast.IsNull:
    return ast.IsNull(kids[0], kids[1] is not None, span)


@_node
def chain(kids: Kids, span: Span) -> ast.Chain:
    return ast.Chain(tuple(kids[::2]), tuple(op.text for op in kids[1::2]), span)


@_node
def int_(kids: Kids, span: Span) -> ast.IntLiteral:
    return ast.IntLiteral(int(kids[0].text), span)


@_node
def point(kids: Kids, span: Span) -> ast.PointLiteral:
    return ast.PointLiteral(kids[0].text, span)


@_node
def string(kids: Kids, span: Span) -> ast.StringLiteral:
    return ast.StringLiteral(text_of(kids[0]), span)


@_node
def duration_literal(kids: Kids, span: Span) -> ast.DurationLiteral:
    return duration_of(kids[0])


@_node
def true(kids: Kids, span: Span) -> ast.BoolLiteral:
    return ast.BoolLiteral(True, span)


@_node
def false(kids: Kids, span: Span) -> ast.BoolLiteral:
    return ast.BoolLiteral(False, span)


@_node
def null(kids: Kids, span: Span) -> ast.NullLiteral:
    return ast.NullLiteral(span)


@_node
def call(kids: Kids, span: Span) -> ast.Call:
    return ast.Call(name_of(kids[0]), kids[1] or (), span)


@_node
def argument(kids: Kids, span: Span) -> ast.Argument:
    return ast.Argument(kids[1], kids[0] is not None, kids[2], span)


@_node
def argument_where(kids: Kids, span: Span) -> ast.Argument:
    return ast.Argument(None, False, kids[0], span)


@_node
def case(kids: Kids, span: Span) -> ast.Case:
    *branches, otherwise = kids
    return ast.Case(tuple(branches), otherwise, span)


@_node
def branch(kids: Kids, span: Span) -> tuple[ast.Expr, ast.Expr]:
    return kids[0], kids[1]


@_node
def any_in(kids: Kids, span: Span) -> ast.Quantified:
    return ast.Quantified("any", name_of(kids[0]), kids[1], kids[2], span)


@_node
def every_in(kids: Kids, span: Span) -> ast.Quantified:
    return ast.Quantified("every", name_of(kids[0]), kids[1], kids[2], span)


@_node
def lookup(kids: Kids, span: Span) -> ast.Lookup:
    return ast.Lookup(name_of(kids[0]), kids[1], name_of(kids[2]), span)


@_node
def latest(kids: Kids, span: Span) -> ast.Latest:
    return ast.Latest(name_of(kids[0]), name_of(kids[1]), span)


@_node
def _list(kids: Kids, span: Span) -> ast.ListLiteral:
    return ast.ListLiteral(kids[0] or (), span)


@_node
def path(kids: Kids, span: Span) -> ast.Path:
    return ast.Path(tuple(name_of(k) if isinstance(k, Lexeme) else k for k in kids), span)


@_node
def index(kids: Kids, span: Span) -> ast.Index:
    return ast.Index(kids[0], span)
