"""The tree builder: the tree of one declaration (syntax.py) to the nodes of ast.py.

A tree is walked once, whatever number of declarations have its form, and gives the steps by which each is built. The
walk keeps its own stack, so that a chain of ten thousand terms needs none of Python's; what nests deeper
than `MAX_DEPTH` is refused on the way down, so that every later stage may recurse. A node is built by the
method of its name, or by nodes.py where there is nothing to check. Clauses written in any order find their
places here, and what the grammar cannot say (a clause twice, a rule without an action) is reported.
Tested by: tests/language/test_parser.py, tests/language/test_syntax_errors.py
"""

# ruff: noqa: D102 - each method is named after its node in grammar.lark, and is said there

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from cep.language import ast
from cep.language.lexing import MAX_DEPTH, too_deep
from cep.language.nodes import (
    Kids,
    duration_of,
    maybe_name,
    maybe_text,
    name_of,
    node_of,
    span_of,
    text_of,
)
from cep.model.diagnostics import Diagnostic, Source, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cep.language.lexing import Lexeme
    from cep.language.syntax import Tree


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause of a rule or an assertion, before it has found its place."""

    kind: str
    value: Any
    span: Span


class _TooDeepError(Exception):
    def __init__(self, span: Span) -> None:
        self.span = span


_Step = tuple[Callable[[Kids, Span], Any], tuple[int | None, ...], int, int]
"""How to build a node, from which lexemes (numbers) and earlier steps (-1 - number), its first and last lexeme."""


def _too_deep(_kids: Kids, span: Span) -> Any:
    raise _TooDeepError(span)


# Nodes that are a level of nesting; brackets alone are counted by the lexer.
_NESTING_NODES = """
    or_ and_ not_ compare between in_ text_match is_null chain negative call case any_in every_in lookup list index
    group one_of all_of n_of list_type map_type
    causes requires forbids implies iff f_or f_and f_until f_since f_unless always never eventually once historically
    f_not previous next_event
"""
_NESTING = frozenset(_NESTING_NODES.split())


class Builder:
    """Builds declarations of one source; ``problems`` collects what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self._known: dict[int, tuple[Tree, list[_Step]]] = {}  # by identity of a tree, with it so that it stays

    def build(self, root: Tree, lexemes: Sequence[Lexeme]) -> Any:
        """The node of a tree over these lexemes, or None where it is nested too deep."""
        known = self._known.get(id(root))
        if known is None:
            known = self._known[id(root)] = (root, self._steps(root))
        made: list[Any] = []
        try:
            for build, kids, first, last in known[1]:
                begin = lexemes[first]
                place = Span(begin.start, lexemes[last].end, begin.line, begin.column)
                made.append(build([None if k is None else lexemes[k] if k >= 0 else made[-1 - k] for k in kids], place))
        except _TooDeepError as error:
            fault = too_deep()
            self.problem(fault.code, fault.message, error.span, fault.hint)
            return None
        return made[-1]

    def problem(self, code: str, message: str, span: Span, hint: str | None = None, first: Span | None = None) -> None:
        """Add one mistake; ``first`` is the place that it repeats."""
        related = (("the first one is here", self.source, first),) if first else ()
        self.problems.append(Diagnostic(code, message, self.source, span, hint, related=related))

    def _steps(self, root: Tree) -> list[_Step]:
        """What to build for a tree, in order: what nests too deep ends it."""
        steps: list[_Step] = []
        # one frame for each open tree: the tree, what is known of its children, its depth
        stack: list[tuple[Tree, list[int | None], int]] = [(root, [], 0)]
        while stack:
            tree, kids, depth = stack[-1]
            if len(kids) < len(tree.children):
                child = tree.children[len(kids)]
                if child is None or isinstance(child, int):
                    kids.append(child)
                    continue
                inner = depth + (child.kind in _NESTING)
                if inner > MAX_DEPTH:
                    steps.append((_too_deep, (), child.first, child.last))
                    return steps
                stack.append((child, [], inner))
                continue
            stack.pop()
            build = getattr(self, tree.kind, None) or partial(node_of, tree.kind)
            steps.append((build, tuple(kids), tree.first, tree.last))
            if stack:
                stack[-1][1].append(-len(steps))
        return steps

    # ------------------------------------------------------------------------------------------ declarations

    def stream(self, kids: Kids, span: Span) -> ast.Stream:
        name, extends, *options, fields = kids
        found = self._once(options, "stream")
        return ast.Stream(
            name_of(name),
            maybe_name(extends),
            found.get("ordered by"),
            found.get("late"),
            found.get("idle"),
            found.get("ties by"),
            fields,
            span,
        )

    def ordered(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("ordered by", name_of(kids[0]), span)

    def late(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("late", duration_of(kids[0]), span)

    def idle(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("idle", duration_of(kids[0]), span)

    def ties(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("ties by", kids[0], span)

    def table(self, kids: Kids, span: Span) -> ast.Table:
        name, *options, fields = kids
        found = self._once(options, "table")
        if "keyed by" not in found:
            hint = f"write 'table {name.text} keyed by …' with the fields that find a row"
            self.problem("missing-clause", f"table {name.text} has no 'keyed by'", span_of(name), hint)
        return ast.Table(name_of(name), found.get("keyed by", ()), found.get("from"), fields, span)

    def table_keys(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("keyed by", kids[0], span)

    def table_path(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("from", text_of(kids[0]), span)

    # ------------------------------------------------------------------------------------------------ rules

    def rule(self, kids: Kids, span: Span) -> ast.Rule:
        name, description, *rest = kids
        clauses, actions, timeout = self._with_actions(rest)
        bounds = [c.value for c in clauses if c.kind == "bound"]
        self._bounds_once(bounds)
        found = self._once([c for c in clauses if c.kind != "bound"], "rule")
        body: ast.Matching | ast.Query
        if (pattern := found.get("when")) is not None:
            body = ast.Matching(
                pattern,
                tuple(bounds),
                self._skip(clauses),
                found.get("consume", ()),
                _cover([c.span for c in clauses if c.kind in ("when", "bound", "after match", "prefer", "consume")]),
            )
        else:
            for clause in clauses:
                if clause.kind in ("bound", "after match", "prefer", "consume"):
                    word = _bound_word(clause.value) if clause.kind == "bound" else clause.kind
                    hint = "a rule with 'from' is bounded by its window: 'over last …'"
                    self.problem("misplaced-clause", f"'{word}' belongs to a rule with 'when'", clause.span, hint)
            having, window = found.get("having"), found.get("over")
            spans = [c.span for c in clauses if c.kind in ("from", "over", "having")]
            body = replace(cast(ast.Query, found["from"]), window=window, having=having, span=_cover(spans))
        if not actions and name is not None:
            hint = f"end it with 'emit {name.text} {{ … }}' or the like"
            if timeout:
                hint = (
                    f"write 'emit {name.text} {{ … }}' before 'on timeout', to which all that stands behind it belongs"
                )
            self.problem("missing-clause", f"rule {name.text} has no 'emit', 'upsert' or 'delete'", span_of(name), hint)
        return ast.Rule(
            name_of(name),
            maybe_text(description),
            found.get("tags", ()),
            found.get("keyed by", ()),
            body,
            tuple(actions),
            timeout.get("on timeout"),
            found.get("output"),
            span,
        )

    def _with_actions(self, rest: Kids) -> tuple[list[_Clause], list[ast.Emit | ast.Delete], dict[str, Any]]:
        """Clauses, the actions of the rule itself, and what stands under 'on …' with the actions that follow it."""
        clauses: list[_Clause] = []
        actions: list[ast.Emit | ast.Delete] = []
        under: dict[str, Any] = {}
        places: dict[str, Span] = {}
        at = 0
        while at < len(rest):
            item = rest[at]
            at += 1
            if isinstance(item, ast.Emit | ast.Delete):
                actions.append(item)
            elif isinstance(item, _Clause) and item.kind.startswith("on "):
                own: list[ast.Emit | ast.Delete] = []
                while at < len(rest) and isinstance(rest[at], ast.Emit | ast.Delete):
                    own.append(rest[at])
                    at += 1
                if not own:
                    hint = f"write '{item.kind} emit … {{ … }}'"
                    self.problem("missing-clause", f"'{item.kind}' has no action", item.span, hint)
                if item.kind in places:
                    message = f"'{item.kind}' stands here twice"
                    self.problem("repeated-clause", message, item.span, "put their actions together", places[item.kind])
                places.setdefault(item.kind, item.span)
                whole = _cover([item.span, *(a.span for a in own)])
                under[item.kind] = ast.Timeout(item.value, tuple(own), whole)
            else:
                clauses.append(item)
        return clauses, actions, under

    def _once(self, clauses: Sequence[_Clause], owner: str) -> dict[str, Any]:
        """The value of each kind of clause; a second one of a kind is a mistake."""
        found: dict[str, _Clause] = {}
        for clause in clauses:
            if clause.kind in found:
                message = f"a {owner} has one '{clause.kind}', this is the second"
                self.problem("repeated-clause", message, clause.span, "keep one of the two", found[clause.kind].span)
            else:
                found[clause.kind] = clause
        return {kind: clause.value for kind, clause in found.items()}

    def _bounds_once(self, bounds: Sequence[ast.Bound]) -> None:
        seen: dict[str, ast.Bound] = {}
        for bound in bounds:
            if bound.kind in seen:
                message = f"a pattern has one '{_bound_word(bound)}' of a kind, this is the second"
                self.problem("repeated-clause", message, bound.span, "keep the tighter one", seen[bound.kind].span)
            seen.setdefault(bound.kind, bound)

    def _skip(self, clauses: Sequence[_Clause]) -> ast.Skip | None:
        skip = next((c.value for c in clauses if c.kind == "after match"), None)
        prefer = next((c for c in clauses if c.kind == "prefer"), None)
        if prefer is None:
            return cast("ast.Skip | None", skip)
        if skip is None:
            return ast.Skip(None, None, prefer.value, prefer.span)
        return replace(cast(ast.Skip, skip), prefer=prefer.value, span=_cover([skip.span, prefer.span]))

    def tags(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("tags", kids[0], span)

    def keyed(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("keyed by", tuple(kids), span)

    def matching(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("when", kids[0], span)

    def _bound(self, bound: ast.Bound) -> _Clause:
        return _Clause("bound", bound, bound.span)

    def within(self, kids: Kids, span: Span) -> _Clause:
        return self._bound(ast.Bound("within", kids[0], None, span))

    def within_events(self, kids: Kids, span: Span) -> _Clause:
        return self._bound(ast.Bound("within_events", None, int(kids[0].text), span))

    def gap(self, kids: Kids, span: Span) -> _Clause:
        return self._bound(ast.Bound("gap", kids[0], None, span))

    def allow_unbounded(self, kids: Kids, span: Span) -> _Clause:
        return self._bound(ast.Bound("allow_unbounded", None, None, span))

    def at_most(self, kids: Kids, span: Span) -> _Clause:
        return self._bound(ast.Bound("at_most", None, int(kids[0].text), span))

    def _after(self, to: Literal["past last", "next", "first", "last", "keep all"], kids: Kids, span: Span) -> _Clause:
        return _Clause("after match", ast.Skip(to, name_of(kids[0]) if kids else None, None, span), span)

    def skip_past_last(self, kids: Kids, span: Span) -> _Clause:
        return self._after("past last", [], span)

    def skip_to_next(self, kids: Kids, span: Span) -> _Clause:
        return self._after("next", [], span)

    def skip_to_first(self, kids: Kids, span: Span) -> _Clause:
        return self._after("first", kids[-1:], span)

    def skip_to_last(self, kids: Kids, span: Span) -> _Clause:
        return self._after("last", kids[-1:], span)

    def keep_all(self, kids: Kids, span: Span) -> _Clause:
        return self._after("keep all", [], span)

    def prefer(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("prefer", kids[0].text, span)

    def consume(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("consume", kids[0], span)

    # --------------------------------------------------------------------------------------------- patterns

    def group(self, kids: Kids, span: Span) -> ast.Group:
        bounds = [clause.value for clause in kids[1:]]
        self._bounds_once(bounds)
        return ast.Group(kids[0], tuple(bounds), span)

    # ---------------------------------------------------------------------------------------------- queries

    def query(self, kids: Kids, span: Span) -> _Clause:
        kind, alias, unnest, where, *joins = kids
        node = ast.Query(kind, maybe_name(alias), unnest, where, tuple(joins), None, None, span)
        return _Clause("from", node, span)

    def interval_after(self, kids: Kids, span: Span) -> tuple[tuple[int, int], str]:
        return (0, duration_of(kids[0]).value), self.source.text[span.start : span.end]

    def interval_around(self, kids: Kids, span: Span) -> tuple[tuple[int, int], str]:
        before, after = duration_of(kids[1]), duration_of(kids[2])
        return (-before.value, after.value), self.source.text[span.start : span.end]

    def over(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("over", kids[0], span)

    def having(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("having", kids[0], span)

    # --------------------------------------------------------------------------------------------- outcomes

    def timeout(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("on timeout", kids[0], span)

    def limited(self, kids: Kids, span: Span) -> _Clause:
        mode = cast("Literal['first', 'last', 'all', 'snapshot']", kids[0].text)
        amount, per = kids[1], kids[2] or ()
        if amount.kind == "duration":
            return _Clause("output", ast.Output(mode, duration_of(amount), None, per, span), span)
        return _Clause("output", ast.Output(mode, None, int(amount.text), per, span), span)

    def output_final(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("output", ast.Output("final", None, None, (), span), span)

    def output_early(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("output", ast.Output("early", None, None, (), span), span)

    def shorthand(self, kids: Kids, span: Span) -> ast.Assign:
        path: ast.Path = kids[0]
        if not isinstance(path.parts[-1], ast.Name):
            self.problem("missing-name", "this value has no name", span, "write 'name = …'")
        return ast.Assign(None, path, span)

    # ------------------------------------------------------------------------------------------- assertions

    def assertion(self, kids: Kids, span: Span) -> ast.Assertion:
        name, description, *rest = kids
        head: list[_Clause] = []
        while isinstance(rest[0], _Clause):
            head.append(rest.pop(0))
        scope, claim, *rest = rest
        _, _, under = self._with_actions(rest)
        found = self._once(head, "assertion")
        violation, satisfied = under.get("on violation"), under.get("on satisfied")
        return ast.Assertion(
            name_of(name),
            maybe_text(description),
            found.get("tags", ()),
            found.get("keyed by", ()),
            scope,
            claim,
            violation.actions if violation else (),
            satisfied.actions if satisfied else (),
            span,
        )

    def assertion_keys(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("keyed by", kids[0], span)

    def violation(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("on violation", None, span)

    def satisfied(self, kids: Kids, span: Span) -> _Clause:
        return _Clause("on satisfied", None, span)

    # ------------------------------------------------------------------------------------------------ tests

    def values(self, kids: Kids, _span: Span) -> tuple[ast.Assign, ...]:
        return tuple(k for k in kids if k is not None)

    def dotted(self, kids: Kids, span: Span) -> ast.Assign:
        names = [name_of(k) for k in kids[:-1]]
        place = _cover([n.span for n in names])
        return ast.Assign(ast.Name(".".join(n.text for n in names), place), kids[-1], span)

    def bare(self, kids: Kids, span: Span) -> ast.Assign:
        name = name_of(kids[0])
        return ast.Assign(None, ast.Path((name,), name.span), span)

    # ------------------------------------------------------------------------------------------ expressions


def _bound_word(bound: ast.Bound) -> str:
    """A bound as it is written."""
    return "at most … matches per event" if bound.kind == "at_most" else bound.kind.split("_")[0]


def _cover(spans: Sequence[Span]) -> Span:
    """From the first of them to the last, in the order of the text."""
    first = min(spans, key=lambda s: s.start)
    return Span(first.start, max(s.end for s in spans), first.line, first.column)
