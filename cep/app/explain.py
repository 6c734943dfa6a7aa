"""Explanations: what became of each rule, read from the checked rules, the plan and the compiled programs.

A rule is shown with what it reads and emits, its place in the operator graph, each conjunct of its conditions in the
author's words and where it is decided, its automaton, its matcher, its cost and the bound on its state. The automaton
is read from the matcher's tables, not from the rule: what is shown is what runs.

States. ``(start)`` has bound nothing; ``x`` has bound step x as often as may be enough; ``x: fewer than 3`` has bound
it, and must bind it again.
Tested by: tests/cli/test_explain.py
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING

from cep.app.graphs import Edge, Graph, Node
from cep.compiler.counting import CountingTables
from cep.compiler.folding import FoldingTables
from cep.compiler.graph import GraphTables
from cep.compiler.onepass import OnePassTables
from cep.compiler.pattern import PatternProgram, is_alone
from cep.compiler.tables import UNLIMITED
from cep.compiler.window import WindowProgram, window_cost, window_text
from cep.kernels import program as tables
from cep.kernels.runs import CLOSE_BIT, FOREVER
from cep.language import ast
from cep.language.fingerprint import externals_of
from cep.language.spelling import event_text, expression_text
from cep.language.typed import Apply, Attr, CheckedFilter, CheckedPattern, CheckedQuery, Key
from cep.model.time import format_duration
from cep.plan.plan import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cep.app.rules import Rules
    from cep.compiler.choice import Choice, DirectTables
    from cep.language.typed import CheckedAbsence, CheckedOutput, CheckedRule, CheckedStep, Typed
    from cep.model.batch import Int64Array
    from cep.plan.plan import Operator
    from cep.runtime.operators.filter import FilterProgram

Written = Mapping[tuple[int, int], "ast.Step | ast.Absence | ast.Event"]
_MISSING = "if it is missing"
COLUMNS, GENERATED, BOTH = "a column at a time", "generated code, for each run", "in part each way"


@dataclass(frozen=True, slots=True)
class Conjunct:
    """A conjunct of the condition of ``owner`` (a step, an absence, or the whole rule), and where it is decided."""

    owner: str
    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Move:
    """From a state to another by binding ``step``; ``is_next``: by the very next event; ``without``: absences.

    ``until``: what closes the loop; ``begins``: the group whose next iteration begins; ``reluctant``: preferred last;
    ``silent``: absences with how long they last; ``note``: what of an ``all of`` must be there.
    ``is_any``: every later event may be bound.
    """

    step: str
    target: str
    is_next: bool
    without: tuple[str, ...]
    until: tuple[str, ...] = ()
    begins: str = ""
    reluctant: bool = False
    silent: tuple[str, ...] = ()
    note: str = ""
    is_any: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """A state of the automaton: its moves, and how it completes (empty: it does not)."""

    name: str
    moves: tuple[Move, ...]
    completes: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is said of one rule. ``states`` is empty for a filter; ``programs`` are (title, generated text)."""

    rule: CheckedRule
    level: int
    part: int
    conjuncts: tuple[Conjunct, ...]
    states: tuple[State, ...]
    facts: tuple[tuple[str, str], ...]
    programs: tuple[tuple[str, str], ...]


def explain(rules: Rules) -> list[Explanation]:
    """An explanation of each rule, in written order."""
    nodes = {n.name.text: n for f in rules.rulebook.files for n in f.declarations if isinstance(n, ast.Rule)}
    parts = {o.rule.index: number for number, part in enumerate(rules.plan.parts, 1) for o in part}
    out = []
    for operator in rules.plan.operators:
        rule = operator.rule
        program = rules.programs.by_rule[rule.name]
        part = parts[rule.index]
        if isinstance(program, PatternProgram):
            choice = rules.programs.choices[rule.name]
            out.append(_of_pattern(operator, part, program, choice, nodes.get(rule.name)))
        elif isinstance(program, WindowProgram):
            out.append(_of_window(operator, part, program, nodes.get(rule.name)))
        else:
            out.append(_of_filter(operator, part, program, nodes.get(rule.name)))
    return out


# ----------------------------------------------------------------------------------------------------------- text


def plan_text(rules: Rules) -> str:
    """The operator graph in words."""
    parts, levels = len(rules.plan.parts), 1 + max((o.level for o in rules.plan.operators), default=-1)
    head = f"{_count(len(rules.plan.operators), 'operator')}, {_count(levels, 'level')}, {_count(parts, 'part')}"
    return "\n".join([head, *(f"  {line}" for line in str(rules.plan).splitlines())]) + "\n"


def rule_text(explained: Explanation) -> str:
    """An explanation as text, without the programs."""
    rule = explained.rule
    lines = [f'{rule.name} "{rule.description}"' if rule.description else rule.name]
    pairs = [
        ("reads", ", ".join(rule.inputs)),
        ("emits", ", ".join(dict.fromkeys(e.type for e in rule.emits))),
        ("key", ", ".join(k.name for k in rule.keys) or "none: one state for all events"),
        ("place", f"level {explained.level}, part {explained.part}"),
        *explained.facts,
        *_output(rule.output),
        *(("calls", f"{f.name}, Python: {f.reference}") for f in externals_of(rule)),
        ("state", rule.state_bound or "none"),
    ]
    lines += [f"  {name:<8} {value}" for name, value in pairs]
    if explained.conjuncts:
        lines += ["", "  conditions", *_columns([(c.owner, c.text, c.where) for c in explained.conjuncts])]
    if explained.states:
        rows = [("state", "may bind next", "completes")]
        for state in explained.states:
            moves = [_move_text(m) for m in state.moves] or ["nothing"]
            rows += [(state.name, moves[0], state.completes or "no"), *(("", move, "") for move in moves[1:])]
        lines += ["", "  automaton", *_columns(rows)]
    return "\n".join(lines) + "\n"


def program_text(explained: Explanation) -> str:
    """The generated programs of a rule, each under its title."""
    blocks = [f"  -- {title}\n\n{_indented(text)}" for title, text in explained.programs]
    return "\n".join(blocks)


def _move_text(move: Move) -> str:
    text = f"{move.step} -> {move.target}" + ", by the very next event" * move.is_next
    text += ", by any later event" * move.is_any
    text += "".join(f", unless {absence} came" for absence in move.without)
    text += "".join(f", after {silence}" for silence in move.silent)
    text += "".join(f", until {end}" for end in move.until)
    text += f", the next {move.begins}" * bool(move.begins)
    text += f", {move.note}" * bool(move.note)
    return text + ", rather not" * move.reluctant


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["    " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _indented(text: str) -> str:
    return "".join(f"    {line}".rstrip() + "\n" for line in text.rstrip().splitlines())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


# --------------------------------------------------------------------------------------------------------- graphs


def operator_graph(rules: Rules, only: Sequence[str] | None = None) -> Graph:
    """Streams and rules, from what is read to what is emitted; of the rules named in ``only``, or of all."""
    operators = [o for o in rules.plan.operators if only is None or o.rule.name in only]
    emitted = dict.fromkeys(name for o in operators for name in o.outputs)
    streams = dict.fromkeys([name for o in operators for name in o.inputs if name not in emitted])
    nodes = [Node(f"stream {name}", (name,), "stream") for name in streams]
    for o in operators:
        kind = kind_of(o.rule)
        keys = ", ".join(k.name for k in o.rule.keys)
        nodes.append(Node(f"rule {o.rule.name}", (o.rule.name, kind + (f" by {keys}" if keys else "")), "rule"))
    nodes += [Node(f"stream {name}", (name,), "derived") for name in emitted]
    edges = [Edge(f"stream {name}", f"rule {o.rule.name}") for o in operators for name in o.inputs]
    edges += [Edge(f"rule {o.rule.name}", f"stream {name}") for o in operators for name in o.outputs]
    return Graph("operators", tuple(nodes), tuple(edges))


def automaton_graph(explained: Explanation) -> Graph:
    """The states of a rule and what leads from one to another; for a filter, its one decision."""
    if not explained.states:
        emits = ", ".join(dict.fromkeys(e.type for e in explained.rule.emits))
        where = " and ".join(c.text for c in explained.conjuncts)
        nodes = (Node("event", ("event",), "state"), Node("match", (emits,), "match"))
        return Graph(explained.rule.name, nodes, (Edge("event", "match", (where,) if where else ()),))
    nodes_ = [Node(s.name, (s.name,), "state") for s in explained.states]
    edges = []
    for state in explained.states:
        for move in state.moves:
            link = ["very next"] * move.is_next + ["any later"] * move.is_any
            label = [move.step, *link, *(f"no {a}" for a in move.without)]
            label += (
                [f"after {s}" for s in move.silent]
                + [f"until {u}" for u in move.until]
                + ([f"next {move.begins}"] if move.begins else [])
            )
            edges.append(Edge(state.name, move.target, tuple(label)))
        if state.completes:
            edges.append(Edge(state.name, "(match)", (state.completes,)))
    return Graph(explained.rule.name, (*nodes_, Node("(match)", ("match",), "match")), tuple(edges))


# --------------------------------------------------------------------------------------------------- conditions


def _conjuncts(owner: str, written: ast.Expr | None, where: Typed | None) -> list[Conjunct]:
    out = []
    for node, members in paired(written, where):
        alone = {is_alone(member) for member in members}
        text = expression_text(node) if node is not None else "(a condition)"
        out.append(Conjunct(owner, text, BOTH if len(alone) == 2 else COLUMNS if True in alone else GENERATED))
    return out


def paired(written: ast.Expr | None, where: Typed | None) -> list[tuple[ast.Expr | None, list[Typed]]]:
    """The conjuncts of a condition as written, each with what it became."""
    if where is None:
        return []
    decided = list(where.args) if isinstance(where, Apply) and where.op == "and" else [where]
    shown = list(written.operands) if isinstance(written, ast.Logic) and written.op == "and" else [written]
    if len(shown) == len(decided):
        return [(s, [d]) for s, d in zip(shown, decided, strict=True)]
    return [(written, decided)]  # one that stands for several, as between does


def by_place(node: object) -> Iterator[tuple[tuple[int, int], ast.Step | ast.Absence | ast.Event]]:
    """All steps, absences and ``until`` below a node, groups and choices entered, by where they are written."""
    if isinstance(node, ast.Step | ast.Absence | ast.Event):
        yield (node.span.start, node.span.end), node
    if isinstance(node, tuple):
        for item in node:
            yield from by_place(item)
    elif isinstance(node, ast.Pattern | ast.Group | ast.Choice | ast.Step) and is_dataclass(node):
        for each in fields(node):
            yield from by_place(getattr(node, each.name))


# ------------------------------------------------------------------------------------------------------- filters


def _of_filter(operator: Operator, part: int, program: FilterProgram, node: ast.Rule | None) -> Explanation:
    rule = operator.rule
    assert isinstance(rule.body, CheckedFilter)
    written = node.body.where if node is not None and isinstance(node.body, ast.Query) else None
    programs = [("condition, a column at a time", c.text) for c in program.conditions]
    for emit in program.emits:
        if emit.picked:
            yielded = "\n".join(f"{name} = {_attribute_name(rule, shown)}" for name, shown in emit.picked)
            programs.append((f"emit {emit.type}, columns as they are", yielded))
        if emit.computed:
            programs.append((f"emit {emit.type}, a column at a time", emit.values.text))
    facts = (
        ("matcher", "none: each event is decided by itself"),
        ("cost", f"O(1) an event: {_count(len(program.conditions), 'condition')} and the fields, a column at a time"),
    )
    conjuncts = tuple(_conjuncts("where", written, rule.body.where))
    return Explanation(rule, operator.level, part, conjuncts, (), facts, tuple(programs))


def _of_window(operator: Operator, part: int, program: WindowProgram, node: ast.Rule | None) -> Explanation:
    rule = operator.rule
    assert isinstance(rule.body, CheckedQuery)
    query = node.body if node is not None and isinstance(node.body, ast.Query) else None
    programs = [("condition, a column at a time", c.text) for c in program.conditions]
    if program.having is not None:
        programs.append(("having, for all windows of a call", program.having.text))
    programs += [(f"emit {e.type}, for all windows of a call", e.values.text) for e in program.emits if e.names]
    facts = (("window", window_text(rule.body.window)), ("cost", window_cost(rule.body.window)))
    conjuncts = _conjuncts("where", None if query is None else query.where, rule.body.where)
    having = [replace(c, where="of each window, aggregates in columns") for c in
              _conjuncts("having", None if query is None else query.having, rule.body.having)]  # fmt: skip
    return Explanation(rule, operator.level, part, (*conjuncts, *having), (), facts, tuple(programs))


def _attribute_name(rule: CheckedRule, node: Attr | Key) -> str:
    return node.name if isinstance(node, Attr) else rule.keys[node.index].name


# ------------------------------------------------------------------------------------------------------ patterns


def _of_pattern(
    operator: Operator, part: int, program: PatternProgram, choice: Choice, node: ast.Rule | None
) -> Explanation:
    rule, pattern = operator.rule, operator.rule.body
    assert isinstance(pattern, CheckedPattern)
    written = dict(by_place(node.body.pattern)) if node is not None and isinstance(node.body, ast.Matching) else {}
    absences = [*pattern.between, *pattern.final, *pattern.untils]
    steps = step_names(pattern.steps)
    without = [_absence_text(written, a) for a in absences]
    owners = [f"no {' | '.join(a.streams)}" for a in (*pattern.between, *pattern.final)]
    owners += [f"until {' | '.join(u.streams)}" for u in pattern.untils]
    conjuncts: list[Conjunct] = []
    for name, step in zip(steps, pattern.steps, strict=True):
        conjuncts += _conjuncts(name, written_where(written, step), step.where)
    for owner, absence in zip(owners, absences, strict=True):
        conjuncts += _conjuncts(owner, written_where(written, absence), absence.where)
    states = _Automaton(program, steps, without, _group_names(pattern)).states()
    return Explanation(
        rule,
        operator.level,
        part,
        tuple(conjuncts),
        states,
        _pattern_facts(rule, program, states, choice),
        tuple(_pattern_programs(program, choice, [*steps, *owners])),
    )


def written_where(written: Written, checked: CheckedStep | CheckedAbsence) -> ast.Expr | None:
    """The condition of a step, an absence or an ``until`` as written; of a step with those of the groups around it."""
    start, end = checked.span.start, checked.span.end
    node = written.get((start, end))
    if not isinstance(node, ast.Step):
        return node.event.where if isinstance(node, ast.Absence) else node.where if node is not None else None
    around = [(b - a, n.where) for (a, b), n in written.items() if isinstance(n, ast.Step) and a <= start and end <= b]
    wheres = [where for _, where in sorted(around, key=lambda pair: pair[0]) if where is not None]
    if len(wheres) < 2:
        return wheres[0] if wheres else None
    parts = [p for w in wheres for p in (w.operands if isinstance(w, ast.Logic) and w.op == "and" else (w,))]
    return ast.Logic("and", tuple(parts), wheres[0].span)


def step_names(steps: Sequence[CheckedStep]) -> list[str]:
    """Each step by its alias, else by its streams, told apart by number where two are alike."""
    names = [" | ".join(s.streams) if s.variable.startswith("$") else s.variable for s in steps]
    return [f"{n} ({i})" if names.count(n) > 1 else n for i, n in enumerate(names, 1)]


def _absence_text(written: Written, absence: CheckedAbsence) -> str:
    node = written.get((absence.span.start, absence.span.end))
    event = node.event if isinstance(node, ast.Absence) else node
    return event_text(event) if isinstance(event, ast.Event) else " | ".join(absence.streams)


def _group_names(pattern: CheckedPattern) -> list[str]:
    """The counted groups with how many iterations they take, in the order of their counters."""
    counted = [n for n in pattern.nodes if n.is_counted]
    out = []
    for item in counted:
        low, high = item.low, item.high
        many = f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}"
        out.append(f"{item.variable or 'iteration'} of {many}")
    return [f"{name} ({i})" if out.count(name) > 1 else name for i, name in enumerate(out, 1)]


class _Automaton:
    """Reads the states of a pattern from the matcher's tables."""

    def __init__(
        self, program: PatternProgram, steps: Sequence[str], without: Sequence[str], groups: Sequence[str]
    ) -> None:
        self.program, self.tables = program, program.tables
        self.steps, self.without, self.groups = steps, without, groups

    def states(self) -> tuple[State, ...]:
        rows, n = self.tables.steps, len(self.steps)
        found = [State("(start)", tuple(self._moves(n, -1)), "")]
        for i in range(n):
            low, high, again = (int(rows[i, c]) for c in (tables.LOW, tables.HIGH, tables.AGAIN))
            if low > 1:
                once_more = replace(self._moves(i, again)[0], target=self.steps[i])
                found.append(State(self._few(i), (*self._moves(i, again)[: low > 2], once_more), ""))
            after = int(rows[i, tables.AFTER])
            goes_on = high > max(low, 1)
            onward = [replace(m, target=self.steps[i]) for m in self._moves(i, again)] if goes_on else []
            onward += self._moves(i, after)
            goes_on = any(m.note != _MISSING for m in onward)
            found.append(State(self.steps[i], tuple(onward), self._completion(i, after, goes_on)))
        return tuple(found)

    def _few(self, i: int) -> str:
        low = int(self.tables.steps[i, tables.LOW])
        return f"{self.steps[i]}: fewer than {low}" if low > 1 else self.steps[i]

    def _moves(self, state: int, mask: int) -> list[Move]:
        first, count = (int(self.tables.steps[state, c]) for c in (tables.FIRST_MOVE, tables.MOVES))
        out = []
        for e in range(count):
            if not mask >> e & 1:
                continue
            row = [int(v) for v in self.tables.moves[first + e]]
            step = row[tables.TARGET]
            begins = ""
            if row[tables.ROUND] == tables.NEXT_ROUND:
                begins = self.groups[int(self.tables.nests[step, row[tables.KEEP]])]
            out.append(
                Move(
                    self.steps[step],
                    self._few(step),
                    bool(row[tables.STRICT]),
                    self._named(row[tables.GUARDS]),
                    self._named(row[tables.UNTILS]),
                    begins,
                    row[tables.RELUCTANT] != tables.EAGER,
                    self._silent(row[tables.SILENCES]),
                    self._note(state, bool(row[tables.INSIDE])),
                    bool(row[tables.EVERY]),
                )
            )
        return out

    def _named(self, mask: int) -> tuple[str, ...]:
        n = len(self.steps)
        return tuple(self.without[p - n] for p in range(n, n + len(self.without)) if mask >> p & 1)

    def _note(self, state: int, is_member: bool) -> str:
        if is_member:
            return _MISSING
        needed = int(self.tables.steps[state, tables.NEEDED])
        return f"once {needed} of {self._members(state)} are there" if needed else ""

    def _members(self, i: int) -> int:
        """How many members the ``all of`` around a step has."""
        rows = self.tables.steps
        return int((rows[:-1, tables.SET] == rows[i, tables.SET]).sum())

    def _silent(self, mask: int) -> tuple[str, ...]:
        n, waits = len(self.steps), self.tables.waits
        places = [p for p in range(n, n + len(self.without)) if mask >> p & 1]
        return tuple(f"{format_duration(int(waits[p]))} without {self.without[p - n]}" for p in places)

    def _completion(self, i: int, after: int, goes_on: bool) -> str:
        if not after & int(CLOSE_BIT):
            return ""
        scalars = self.tables.scalars
        final = int(scalars[tables.FINAL])
        enough = self._enough(i)
        if final:
            names = self._named(final)
            return f"when no {', no '.join(names)} came for {format_duration(int(scalars[tables.FINAL_WAIT]))}{enough}"
        if not goes_on:
            return f"at once{enough}"
        until = self._named(int(self.tables.steps[i, tables.UNTIL]))
        ends = "".join(f", at {end}" for end in until)
        return f"when it can bind no more{ends}, or at its deadline{enough}"

    def _enough(self, i: int) -> str:
        """What the groups around a step must have before it may be left."""
        around = self.tables.nests[i, : int(self.tables.steps[i, tables.DEPTH])]
        needed = int(self.tables.steps[i, tables.NEEDED])
        inside = f", {needed} of {self._members(i)} there" if needed else ""
        lows = [(self.groups[g], int(self.tables.groups[g, tables.GROUP_LOW])) for g in around]
        return inside + "".join(f", {low} of {name.partition(' of ')[0]} there" for name, low in lows if low > 1)


def _pattern_facts(
    rule: CheckedRule, program: PatternProgram, states: Sequence[State], choice: Choice
) -> tuple[tuple[str, str], ...]:
    scalars, pattern = program.tables.scalars, rule.body
    assert isinstance(pattern, CheckedPattern)
    widest = max(len({m.step for m in s.moves}) for s in states)
    test = ", each with a call of the generated `test`" if scalars[tables.TESTED] else ""
    cost = (
        "a column operation a condition for every event; then for each open run of the event's key "
        f"at most {_count(widest, 'step')} tried{test}"
    )
    counted = min(int(scalars[tables.EVENTS]), *program.tables.groups[:, tables.GROUP_EVENTS].tolist()) < UNLIMITED
    seen = (
        f"every event of {', '.join(rule.inputs)}, because {'they are counted' if counted else 'a link is strict'}"
        if program.selects_all
        else "the events that fit a step or an absence by themselves"
    )
    return (
        ("within", _bounds_text(scalars)),
        ("matches", _matches_text(rule)),
        *_limit(rule),
        *_timeouts(rule),
        ("matcher", f"the {choice.name}: {choice.why}"),
        ("sees", seen),
        ("cost", _direct_cost(choice.tables) if choice.tables else cost),
        ("bytes", _bytes_text(program, choice)),
        *((("holds", _held_text(choice.tables, pattern)),) if choice.tables is not None else ()),
    )


def _direct_cost(tables: DirectTables) -> str:
    columns = "a column operation a condition for every event; then "
    if isinstance(tables, OnePassTables) and tables.live is not None:
        return f"{columns}one look into a table of {_count(tables.cells.size, 'cell')}"
    if isinstance(tables, OnePassTables):
        return f"{columns}one look at each of the key's {_count(tables.states, 'state')}"
    if isinstance(tables, CountingTables):
        return f"{columns}O(steps^2) an event, whatever is open"
    if isinstance(tables, FoldingTables):
        of = f" for each of {_count(len(tables.parts), 'aggregate')}" if tables.parts else ""
        return f"{columns}O(steps) an event{of}, amortised, whatever is open"
    each = " and O(steps) a match" if isinstance(tables, GraphTables) else ""
    return f"{columns}O(steps) an event, whatever is open{',' * bool(each)}{each}"


def _held_text(tables: DirectTables, pattern: CheckedPattern) -> str:
    """What a direct matcher holds of a key, where that is less than the rule's bound says."""
    if isinstance(tables, OnePassTables):
        return f"at most one run in each of the key's {_count(tables.states, 'state')}, whatever was begun"
    if isinstance(tables, CountingTables):
        return "no runs: for each event that starts one, how many there are at each step"
    if isinstance(tables, FoldingTables):
        return "no runs: each event that fits a step but the last, as long as the bound reaches back"
    if isinstance(tables, GraphTables):
        kept = "for ever" if pattern.skip == "keep all" else "until a match lets go of it"
        reach = kept if pattern.within is None else "as long as the bound reaches back"
        return f"no runs: each event that fits a step, once for each step, {reach}"
    return "one run for each event that starts one"


def _bytes_text(program: PatternProgram, choice: Choice) -> str:
    if isinstance(choice.tables, OnePassTables):
        return f"{8 * choice.tables.slots_width} a key with open runs, 12 an event that they have bound"
    if isinstance(choice.tables, CountingTables):
        return f"{8 * choice.tables.start_width} an open start"
    if isinstance(choice.tables, FoldingTables):
        floats = ", and more for the limbs of floats" if any(width == 0 for width, _ in choice.tables.bands) else ""
        return f"{8 * choice.tables.node_width(choice.tables.bands)} an event that may still be part of a match{floats}"
    if isinstance(choice.tables, GraphTables):
        return f"{8 * choice.tables.node_width} an event that may still be part of a match"
    if choice.tables is not None:
        return f"{8 * choice.tables.run_width} an open run"
    return f"{8 * program.layout.row_width} a kept event, {8 * program.layout.run_width} an open run"


def _bounds_text(scalars: Int64Array) -> str:
    within, gap, events = (int(scalars[c]) for c in (tables.WITHIN, tables.GAP, tables.EVENTS))
    parts = [format_duration(within)] if within != FOREVER else []
    parts += [f"{events:,} events"] if events < UNLIMITED else []
    parts += [f"{format_duration(gap)} from each event to the next"] if gap != FOREVER else []
    return ", ".join(parts) or "no bound"


def _timeouts(rule: CheckedRule) -> Iterator[tuple[str, str]]:
    if isinstance(rule.body, CheckedPattern) and rule.body.timeout is not None:
        where = ", if its condition holds" if rule.body.timeout.where is not None else ""
        yield "timeouts", f"a start whose bound passes, with the run that came furthest{where}"


def _limit(rule: CheckedRule) -> Iterator[tuple[str, str]]:
    if isinstance(rule.body, CheckedPattern) and rule.body.limit is not None:
        yield "limit", f"of the matches that one event decides the first {rule.body.limit:,}; the others are counted"


def _output(output: CheckedOutput | None) -> Iterator[tuple[str, str]]:
    if output is None:
        return
    told = {
        "first": "the first event of each period, at once",
        "last": "the last event of each period, at its end",
        "all": "the events of each period, at its end",
        "snapshot": "the newest events, at the end of each period in which some came",
    }[output.mode]
    apart = f", for each {', '.join(output.per)}" if output.per else ""
    yield "output", f"{told}; a period lasts {format_duration(output.every)}{apart}"


def _matches_text(rule: CheckedRule) -> str:
    pattern = rule.body
    assert isinstance(pattern, CheckedPattern)
    text = {
        "past last": "after a match, on with the event after its last",
        "keep all": "all are kept",
        "next": "after a match, on with the event after its first",
        "first": f"after a match, on with its first `{pattern.skip_variable}`",
        "last": f"after a match, on with its last `{pattern.skip_variable}`",
    }[pattern.skip]
    if pattern.prefer_earliest:
        text += "; a match waits until every earlier start is decided"
    names = ["an unnamed step" if name.startswith("$") else f"`{name}`" for name in pattern.consume]
    return text + f"; uses up {', '.join(dict.fromkeys(names))}" * bool(names)


def _pattern_programs(program: PatternProgram, choice: Choice, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    if isinstance(choice.tables, OnePassTables):
        yield "the matcher", choice.tables.text
    for source in program.inputs:
        for p, conditions in source.predicates:
            for condition in conditions:
                yield f"{source.stream}, condition of {names[p]}, a column at a time", condition.text
        yield f"{source.stream}, what is kept of an event, a column at a time", source.values.text
    if program.text and choice.tables is None:
        yield "test and update, for each run", program.text
    for emit in program.emits:
        yield f"emit {emit.type}, for all matches of a batch", emit.text
