"""Typed expressions to Python text: one emitter, two printers.

The same templates print for a column at a time (numpy arrays) and for one event (scalars, which numba compiles and
plain Python runs). A term is a value and a null flag, each a variable of the text; a term that cannot be null has no
flag. Booleans keep the law *a null is never true*: the value under a null flag is False, so a condition is its value.
Constants are lifted into ``ints``, ``floats`` and ``texts``, so that rules of one shape share one text.

What may fail at run time - division by zero, overflow, a float that is no number - becomes null and is counted in
``faults`` (0 division, 1 overflow, 2 not a number).
Tested by: tests/compiler/test_emit.py, tests/compiler/test_functions.py, tests/properties/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from cep.compiler.walk import walk_typed
from cep.language.beforehand import elements_of, is_beforehand
from cep.language.typed import Apply, Attr, Call, Const, Element, Fold, Key, OfMatch, ParamRef, Present, Prev, Typed
from cep.model.strings import FUNCTIONS as OF_STRINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cep.language.rulebook import CheckedParam
    from cep.language.typed import External
    from cep.model.table import TableRead

Target = Literal["column", "event"]

_MAX = 2**63 - 1
_COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
DIVISION, OVERFLOW, NOT_A_NUMBER = 0, 1, 2
FUNCTIONS = OF_STRINGS | {
    *(
        "abs",
        "round",
        "floor",
        "ceil",
        "sqrt",
        "log",
        "exp",
        "pow",
        "in_unit",
        "coalesce",
        "least",
        "greatest",
        "select",
    ),
    *("hour_of", "day_of", "weekday_of", "truncate", "distance_km"),
}


class Term(NamedTuple):
    """A value and its null flag (None: never null), both as text."""

    value: str
    null: str | None


@dataclass
class Constants:
    """Lifted constants, in order of first use; ``codes`` are the places in ``ints`` of what stands for a text.

    ``functions`` are those of Python modules that the text calls.
    """

    ints: list[int] = field(default_factory=list)
    floats: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    functions: list[External | TableRead] = field(default_factory=list)


class Emitter:
    """Collects the lines that compute terms; ``leaf`` says how an attribute, key, fold or neighbour is read."""

    def __init__(
        self,
        target: Target,
        leaf: Callable[[Emitter, Typed], Term],
        params: Mapping[str, CheckedParam],
        constants: Constants,
        names: int = 0,
        prefix: str = "v",
        own: frozenset[int] | None = None,
    ) -> None:
        self.target = target
        self.size = "size"  # for columns: what stands for the number of rows
        self.spans: dict[str, str] = {}  # elements that are bytes, not codes: by name, how many bytes
        self._prefix, self._own = prefix, own
        self.lines: list[str] = []
        self.constants = constants
        self._leaf = leaf
        self._params = params
        self._names = names  # variables are numbered on from here
        self._known: dict[int, tuple[Typed, Term]] = {}
        self._leaves: dict[Typed, Term] = {}

    # ------------------------------------------------------------------------------------------------ writing

    def let(self, expression: str) -> str:
        """A new variable for ``expression``."""
        name = f"{self._prefix}{self._names}"
        self._names += 1
        self.lines.append(f"{name} = {expression}")
        return name

    def select(self, condition: str, yes: str, no: str) -> str:
        """The text for *yes where condition, else no*."""
        if self.target == "column":
            return f"where({condition}, {yes}, {no})"
        return f"({yes} if {condition} else {no})"

    def fault(self, kind: int, flag: str, null: str | None) -> None:
        """Count where ``flag`` holds and ``null`` does not."""
        real = flag if null is None else f"({flag} & ({null} ^ True))"
        if self.target == "column":
            self.lines.append(f"faults[{kind}] += count_where({real}, {self.size})")
        else:
            self.lines.append(f"if {real}:")
            self.lines.append(f"    faults[{kind}] += 1")

    def either(self, *flags: str | None) -> str | None:
        """A flag that holds where any of the given does."""
        known = [f for f in flags if f is not None]
        if not known:
            return None
        return known[0] if len(known) == 1 else self._join("|", known)

    def _join(self, sign: str, operands: list[str]) -> str:
        # a hundred at a time: Python's compiler goes down a long chain by recursion
        while len(operands) > 100:
            operands = [self._join(sign, operands[i : i + 100]) for i in range(0, len(operands), 100)]
        return self.let(f" {sign} ".join(operands))

    # ---------------------------------------------------------------------------------------------------- terms

    def term(self, node: Typed) -> Term:
        """The term of an expression; one that is met again is not computed again."""
        # a chain of ten thousand terms nests to the left: go down it and come up without recursion
        spine: list[Apply] = []
        current = node
        while isinstance(current, Apply) and id(current) not in self._known and not self._is_read(current):
            spine.append(current)
            current = current.args[0]
        self._leaf_term(current)
        for apply in reversed(spine):
            self._known[id(apply)] = (apply, self._apply(apply))
        return self._leaf_term(node)

    def _is_read(self, node: Apply) -> bool:
        # inside a matcher, what exists for columns alone has been decided beforehand
        if self._own is not None and id(node) not in self._own:
            return True
        return self.target == "event" and (node.op == "any" or is_beforehand(node))

    def inside(self, body: Typed, at: Term, element: Element, bring: Callable[[Term], Term]) -> Emitter:
        """An emitter for what is asked of each element of a list; what does not read elements is computed out here."""
        own = frozenset(id(n) for n in walk_typed(body) if isinstance(n, Apply) and elements_of(n))

        def leaf(inner: Emitter, node: Typed) -> Term:
            if id(node) in own:  # a list inside: who reads it reads it in here
                return self._leaf(inner, node)
            return at if node == element else bring(self.term(node))

        inner = Emitter(self.target, leaf, self._params, self.constants, prefix=f"{self.let('0')}_", own=own)
        inner.spans = dict(self.spans)
        return inner

    def _leaf_term(self, node: Typed) -> Term:
        known = self._known.get(id(node))
        if known is None:
            term = self._leaves.get(node)
            if term is None:
                term = self._leaves[node] = self._term(node)
            known = self._known[id(node)] = (node, term)
        return known[1]

    def condition(self, node: Typed) -> str:
        """The value that is true where the condition holds, false where it is false or null."""
        return self.term(node).value

    def _term(self, node: Typed) -> Term:
        match node:
            case Const():
                return self._constant(node)
            case ParamRef():
                value = self._params[node.name].value
                if value.type.kind == "bool":  # an operand too: another value of a param is the same text
                    return Term(f"({self._int(int(bool(value.value)))} != 0)", None)
                return self._constant(value)
            case Attr() | Key() | Fold() | Present() | Prev() | Element() | OfMatch():
                return self._leaf(self, node)
            case Apply():
                return self._leaf(self, node) if self._is_read(node) else self._apply(node)

    def _constant(self, node: Const) -> Term:
        kind, value = node.type.kind, node.value
        if value is None and kind == "string" and self.target == "column":
            return Term("''", "True")
        if value is None:
            return Term("False" if kind == "bool" else "0.0" if kind == "float" else "0", "True")
        if kind == "bool":
            return Term(str(bool(value)), None)
        if kind == "float":
            self.constants.floats.append(float(value))
            return Term(f"floats[{len(self.constants.floats) - 1}]", None)
        if kind == "string":
            assert isinstance(value, str)
            if value not in self.constants.texts:
                self.constants.texts.append(value)
            place = self.constants.texts.index(value)
            if self.target == "column":
                return Term(f"texts[{place}]", None)
            # of one event: the code, which every store gives to its constants first and in this order
            self.constants.codes.append(len(self.constants.ints))
            return Term(self._int(place), None)
        assert isinstance(value, int)
        return Term(self._int(value), None)

    def _int(self, value: int) -> str:
        self.constants.ints.append(value)
        return f"ints[{len(self.constants.ints) - 1}]"

    def _apply(self, node: Apply) -> Term:
        op, args = node.op, node.args
        if isinstance(node, Call):
            return self._call(node)
        if op in ("and", "or"):
            return self._logic(op, [self.term(a) for a in args])
        if op in ("is_null", "is_not_null"):
            null = self.term(args[0]).null
            if null is None:
                return Term(str(op == "is_not_null"), None)
            return Term(null if op == "is_null" else self.let(f"{null} ^ True"), None)
        if op == "not":
            value, null = self.term(args[0])
            return Term(self.let(f"({value} ^ True)" + (f" & ({null} ^ True)" if null else "")), null)
        if op == "in":
            return self._logic("or", [self._compare("eq", args[0], item) for item in args[1:]])
        if op == "in_list":
            from cep.compiler.lists import member_term

            return self._leaf(self, node) if self.target == "event" else member_term(self, *args)
        if op == "any":
            from cep.compiler.elements import any_term

            return any_term(self, node)
        if op in _COMPARE:
            return self._compare(op, args[0], args[1])
        if op in ("like", "matches"):
            return self._pattern(node)
        if op in FUNCTIONS:
            from cep.compiler.functions import function_term

            return function_term(self, node)
        return self._arithmetic(node)

    def _call(self, node: Call) -> Term:
        assert self.target == "column", "inside a matcher it has been decided beforehand"
        known = self.constants.functions
        if node.function not in known:
            known.append(node.function)
        given = "".join(f", ({t.value}, {t.null or False})" for t in map(self.term, node.args))
        found = self.let(f"calls[{known.index(node.function)}](faults, size{given})")
        return Term(f"{found}[0]", f"{found}[1]" if node.type.optional else None)

    def _logic(self, op: str, terms: list[Term]) -> Term:
        sign = "&" if op == "and" else "|"
        value = self._join(sign, [t.value for t in terms])
        null = self.either(*(t.null for t in terms))
        if null is None:
            return Term(value, None)
        if op == "or":  # unknown unless something is true
            return Term(value, self.let(f"{null} & ({value} ^ True)"))
        # unknown unless something is false; value is already true only where all are
        false = [f"({t.value} ^ True)" + (f" & ({t.null} ^ True)" if t.null else "") for t in terms]
        some_false = self._join("|", [f"({f})" for f in false])
        return Term(value, self.let(f"{null} & ({some_false} ^ True)"))

    def _boolean(self, value: str, null: str | None) -> Term:
        # the law of booleans: False under a null
        return Term(value if null is None else self.let(f"{value} & ({null} ^ True)"), null)

    def _compare(self, op: str, left: Typed, right: Typed) -> Term:
        (a, an), (b, bn) = self.term(left), self.term(right)
        null = self.either(an, bn)
        kinds = {left.type.kind, right.type.kind}
        if kinds & {"string"}:
            if self.target == "column":
                return self._boolean(self.let(f"compare_texts({op!r}, {a}, {b})"), null)
            if any(isinstance(n, Element) and n.name in self.spans for n in (left, right)):
                places = f"{self._span(left, a)}, {self._span(right, b)}"
                return self._boolean(self.let(f"compare_bytes(heap, {places}) {_COMPARE[op]} 0"), null)
            if op in ("eq", "ne"):
                return self._boolean(self.let(f"{a} {_COMPARE[op]} {b}"), null)
            return self._boolean(self.let(f"compare_text(heap, spans, {a}, {b}) {_COMPARE[op]} 0"), null)
        difference = left.type.scale - right.type.scale
        if difference:
            return self._boolean(self._compare_scaled(op, a, b, difference), null)
        return self._boolean(self.let(f"{a} {_COMPARE[op]} {b}"), null)

    def _span(self, node: Typed, value: str) -> str:
        """Where a string's bytes begin, and how many they are."""
        if isinstance(node, Element) and node.name in self.spans:
            return f"{value}, {self.spans[node.name]}"
        return f"spans[4 * {value}], spans[4 * {value} + 1]"

    def _compare_scaled(self, op: str, a: str, b: str, difference: int) -> str:
        # a / 10^k against b without leaving int64: a < b m  iff  ceil(a / m) ..., by floor division alone
        if difference < 0:
            swapped = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}.get(op, op)
            return self._compare_scaled(swapped, b, a, -difference)
        m = 10**difference
        floor = self.let(f"{a} // {m}")
        whole = self.let(f"{a} - {floor} * {m} == 0")
        if op in ("eq", "ne"):
            same = self.let(f"({floor} == {b}) & {whole}")
            return same if op == "eq" else self.let(f"{same} ^ True")
        if op == "lt":  # a < b m  iff  floor(a / m) < b
            return self.let(f"{floor} < {b}")
        if op == "ge":
            return self.let(f"{floor} >= {b}")
        at_most = self.let(f"({floor} < {b}) | (({floor} == {b}) & {whole})")
        return at_most if op == "le" else self.let(f"{at_most} ^ True")

    def _pattern(self, node: Apply) -> Term:
        a, null = self.term(node.args[0])
        return self._boolean(self.let(f"{node.op}_text({a}, {self.term(node.args[1]).value})"), null)

    # ----------------------------------------------------------------------------------------------- arithmetic

    def _arithmetic(self, node: Apply) -> Term:
        op, args = node.op, node.args
        terms = [self.term(a) for a in args]
        null = self.either(*(t.null for t in terms))
        a = terms[0].value
        if op == "to_float":
            scale = args[0].type.scale
            return Term(self.let(f"{a} / {float(10**scale)!r}" if scale else f"{a} * 1.0"), null)
        if op == "rescale":
            factor = 10 ** (node.type.scale - args[0].type.scale)
            if factor == 1:  # an int as a decimal without digits: the least one too
                return Term(a, null)
            return self.checked(f"{a} * {factor}", f"({a} > {_MAX // factor}) | ({a} < {-(_MAX // factor)})", null)
        if node.type.kind == "float":
            return self._float(op, [t.value for t in terms], null)
        return self._integer(op, [t.value for t in terms], null)

    def checked(self, expression: str, overflow: str, null: str | None) -> Term:
        """Null where an integer leaves 64 bits; counted."""
        value, flag = self.let(expression), self.let(overflow)
        self.fault(OVERFLOW, flag, null)
        return Term(value, self.either(flag, null))

    def _integer(self, op: str, v: list[str], null: str | None) -> Term:
        a, b = v[0], v[-1]
        least = f"{a} == {-_MAX - 1}"
        if op == "neg":
            return self.checked(f"-{a}", least, null)
        if op == "add":
            s = self.let(f"{a} + {b}")
            return self.checked(s, f"(({a} ^ {s}) & ({b} ^ {s})) < 0", null)
        if op == "sub":
            s = self.let(f"{a} - {b}")
            return self.checked(s, f"(({a} ^ {b}) & ({a} ^ {s})) < 0", null)
        if op == "mul":
            s = self.let(f"{a} * {b}")
            safe = self.let(self.select(f"({a} == 0) | ({a} == -1)", "1", a))
            wrong = f"(({a} != 0) & ({a} != -1) & ({s} // {safe} != {b})) | (({a} == -1) & ({b} == {-_MAX - 1}))"
            return self.checked(s, wrong, null)
        assert op in ("idiv", "mod"), op
        zero = self.let(f"{b} == 0")
        self.fault(DIVISION, zero, null)
        safe = self.let(self.select(f"{zero} | ({b} == -1)", "1", b))
        floor = self.let(f"{a} // {safe}")
        rest = self.let(f"{a} - {floor} * {safe}")
        # floor division rounds down; toward zero is one more where signs differ and something is left
        up = self.let(f"({rest} != 0) & (({a} < 0) ^ ({safe} < 0))")
        null = self.either(zero, null)
        if op == "mod":
            inside = self.select(up, f"{rest} - {safe}", rest)
            return Term(self.let(self.select(f"{b} == -1", "0", inside)), null)
        quotient = self.let(self.select(up, f"{floor} + 1", floor))
        minus = self.let(f"{b} == -1")
        return self.checked(self.select(minus, f"-{a}", quotient), f"{minus} & ({least})", null)

    def _float(self, op: str, v: list[str], null: str | None) -> Term:
        a, b = v[0], v[-1]
        if op == "neg":
            return Term(self.let(f"-{a}"), null)
        if op == "div":
            zero = self.let(f"{b} == 0.0")
            self.fault(DIVISION, zero, null)
            null = self.either(zero, null)
            b = self.let(self.select(zero, "1.0", b))
        sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[op]
        value = self.let(f"{a} {sign} {b}")
        return self.number(value, [a, b], null)

    def number(self, value: str, operands: list[str], null: str | None) -> Term:
        """Null where a float is NaN, or infinite though no operand is; counted."""
        infinite = " | ".join(f"(abs({o}) == inf)" for o in operands)
        wrong = self.let(f"({value} != {value}) | ((abs({value}) == inf) & (({infinite}) ^ True))")
        self.fault(NOT_A_NUMBER, wrong, null)
        return Term(value, self.either(wrong, null))
