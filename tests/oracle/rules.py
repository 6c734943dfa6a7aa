"""Rules: a rule file run over arrivals, level by level, into results in their order."""

from __future__ import annotations

import decimal
from dataclasses import dataclass, replace
from functools import lru_cache

from cep.language import ast
from cep.language.checker.walk import walk
from cep.language.parser import parse
from cep.model.diagnostics import Source
from cep.model.time import parse_time
from oracle.earliest import earliest_matches
from oracle.expression import Scope, Window, evaluate, holds
from oracle.external import Asked
from oracle.order import Event, admit, declared_streams, frontier, order
from oracle.output import limited
from oracle.records import assigned
from oracle.sequence import BY_EVENT, Search, matches
from oracle.tables import joined, tables_of
from oracle.timeouts import timeouts
from oracle.values import HIGH, Point, Value
from oracle.window import spans, told_early, windows


@dataclass(frozen=True)
class Result:
    """One derived event: ``events`` is its lineage, (stream, arrival number) in the order bound."""

    rule: str
    type: str
    time_ns: int
    key: tuple[Value, ...]
    fields: dict[str, Value]
    events: list[tuple[str, int]]


@lru_cache(maxsize=32)
def syntax_tree(text: str) -> ast.File:
    """The tree of a rule file; a test may ask of one file many times."""
    return parse(Source("<text>", text))


def run(
    text: str,
    arrivals: list[tuple[str, dict]],
    end: str = "open",
    params: dict | None = None,
    changes: list | None = None,
) -> list[Result]:
    """All results of the rules of ``text`` over ``arrivals``, in result order.

    ``changes`` are (place, param, value): the value holds from the arrival at that place on.
    """
    house = House(syntax_tree(text), params or {}, changes or [])
    house.arrivals = arrivals
    events, seen, _ = order(arrivals, house.streams, house.params_at)
    # 'the watermark rises just past the greatest time seen on any of them'; final 'lets time run out instead'
    horizon = float("inf") if end == "final" else seen
    if seen is None:
        return []
    done = []
    for level in sorted({house.level(r) for r in house.rules}):
        found = []
        for rule in house.rules:
            if house.level(rule) == level:
                results = house.results(rule, events, horizon)
                if rule.output is not None and rule.output.mode not in ("final", "early"):
                    fields = [[name for name, _ in assigned(house, rule, a)] for a in actions_of(rule)]
                    place = house.level(rule), house.rules.index(rule)
                    results = limited(rule, *place, fields, sorted(results, key=lambda pair: pair[0]), horizon)
                found += results
        done = sorted(done + found, key=lambda pair: pair[0])
        events = sorted([e for e in events if e.stream not in house.derived] + house.derive(done), key=lambda e: e.rank)
    return [result for _, result in done]


def fates(text: str, arrivals: list[tuple[str, dict]]) -> list[str]:
    """What became of each arrival: "" (it takes its place in the order), "late" or "rejected"."""
    return order(arrivals, declared_streams(syntax_tree(text)))[2]


class House:
    """The declarations of a file, read."""

    def __init__(self, file, params, changes=()):
        self.file, self.changes = file, [place for place, _, _ in changes]
        self.rules = [d for d in file.declarations if isinstance(d, ast.Rule)]
        self.streams = declared_streams(file)
        self.variants = {d.name.text: d for d in file.declarations if isinstance(d, ast.Variant)}
        functions = {
            f"{d.name.text}()": d if d.origin is None else Asked(d)
            for d in file.declarations
            if isinstance(d, ast.Function)
        }
        declared = {d.name.text: d for d in file.declarations if isinstance(d, ast.Param)}
        functions |= tables_of(file)
        self.epochs = [functions | {name: held(params.get(name, d.value), d.type) for name, d in declared.items()}]
        for _, name, value in changes:
            self.epochs.append({**self.epochs[-1], name: held(value, declared[name].type)})
        self.params = self.epochs[0]
        # 'Its schema is the union of the fields of all rules that emit it', 'in order of the first rule that emits it'
        self.derived: dict[str, list[str]] = {a.type.text: [] for rule in self.rules for a in actions_of(rule)}
        for name in self.derived:
            self.names_of(name)

    def names_of(self, stream):
        """The flat names of a stream's fields; those of derived events are found once."""
        if stream not in self.derived:
            return list(self.streams[stream.rpartition(".")[2]].fields)
        names = self.derived[stream]
        if not names:
            for rule in self.rules:
                for action in actions_of(rule):
                    if action.type.text == stream:
                        names += [n for n, _ in assigned(self, rule, action) if n not in names]
                        names += ["_op"] if is_early(rule) and "_op" not in names else []
        return names

    def params_at(self, place):
        """The values that the arrival at a place meets."""
        return self.epochs[sum(change <= place for change in self.changes)]

    def params_of(self, place):
        """The values that a derived event meets: 'a derived event arrives when it is decided'."""
        time, level, kind, rank = place[:4]
        read = {name.removeprefix("Late.") for rule in self.rules for name in self.inputs(rule)} & set(self.streams)
        before = 0
        for change in self.changes:
            least, highest = frontier(self.arrivals[:change], self.streams, read)
            at_once = level == 0 and kind == BY_EVENT and time == least and rank[1] <= highest
            before += not (time < least or at_once)
        return self.epochs[before]

    def unfold(self, type_):
        """The streams that a written event type stands for: 'variants unfolded'."""
        name = type_ if isinstance(type_, str) else type_.text
        if name in self.variants:
            return tuple(s for member in self.variants[name].members for s in self.unfold(member.text))
        return (name,)

    def inputs(self, rule):
        """The streams whose events are E: 'every stream that the rule names as a step, an absence or an `until`'."""
        if isinstance(rule.body, ast.Query):
            window = rule.body.window
            ends = [window.opens, window.closes] if window is not None and window.kind == "span" else []
            return tuple(s for type_ in [rule.body.type, *(e.type for e in ends)] for s in self.unfold(type_))
        return tuple(name for type_ in types_of(rule.body.pattern.steps) for name in self.unfold(type_))

    def level(self, rule):
        """0 for a rule over declared streams; else one more than the rules that emit what it reads."""
        inputs = self.inputs(rule)
        emitting = [r for r in self.rules if any(a.type.text in inputs for a in actions_of(r))]
        return 1 + max(map(self.level, emitting)) if emitting else 0

    def key_of(self, rule, event):
        """The key's parts by name: 'where a stream calls it otherwise: `keyed by user or Wire.payer`'."""
        out = {}
        for item in rule.keys:
            names = [f.text for stream, f in item.others if event.stream in self.unfold(stream.text)]
            name = ".".join(item.path.names)
            out[name] = event.values[names[0] if names else name]
        return out

    def results(self, rule, events, horizon):
        """The results of one rule, each with the tuple that it sorts by."""
        inputs, by_key = self.inputs(rule), {}
        for event in events:
            if event.stream in inputs:
                key = self.key_of(rule, event)
                if None not in key.values():  # 'An event whose key is null is not matched' (row 37)
                    by_key.setdefault(tuple(key.values()), (key, []))[1].append(event)
        out = []
        for key, (names, mine) in by_key.items():
            for decider, first, bound, scope, actions in self.decided(rule, names, mine, horizon):
                for n, action in actions:
                    fields: dict[str, Value] = dict.fromkeys(self.derived[action.type.text])
                    fields |= {name: plain(evaluate(value, scope)) for name, value in assigned(self, rule, action)}
                    fields |= {"_op": scope.given["_op"]} if "_op" in scope.given else {}
                    lineage = [(e.stream, e.number) for e in bound]
                    result = Result(rule.name.text, action.type.text, decider[0], key, fields, lineage)
                    # 'by decider: …; inside each by rule order in the file, key, first event' (row 16)
                    place = (decider[0], self.level(rule), *decider[1:], self.rules.index(rule), key, first, n)
                    out.append((place, result))
        return out

    def decided(self, rule, names, mine, horizon):
        """(decider, rank of the first event, bound events, scope of `emit`, actions) for each match of one key."""
        body, actions = rule.body, list(enumerate(rule.actions))
        if isinstance(body, ast.Query) and body.window is not None:
            yield from self.windowed(rule, names, mine, horizon, actions)
            return
        if isinstance(body, ast.Query):
            for event in mine:
                own = body.alias.text if body.alias else None
                scope = Scope(event, own, {}, names, event.params, joins=joins_of(body))
                if is_wanted(body, scope):
                    yield (event.time, BY_EVENT, event.rank), event.rank, [event], scope, actions
            return
        search = Search(body.pattern, body.bounds, mine, self.unfold, names, self.params)
        consume = [name.text for name in body.consume]
        if body.skip is not None and body.skip.prefer == "earliest":
            found = earliest_matches(search, body.skip, consume)
        else:
            found = matches(search.all(), body.skip, consume)
        if counts_matches(rule):
            yield from ((*each, actions) for each in self.counted(search, found, mine))
            return
        told = [(match, actions, truncated) for match, truncated in within_limit(found, rule)]
        if rule.timeout is not None:
            where, consume = rule.timeout.where, [name.text for name in body.consume]

            def wanted(partial):
                return holds(where, search.scope(partial.bound, None, None, ()))

            late = list(enumerate(rule.timeout.actions, len(actions)))
            told += [(partial, late, 0) for partial in timeouts(search, found, body.skip, consume, wanted)]
        for match, done, truncated in told:
            time, kind, *place = match.completion
            if kind != BY_EVENT and (time > horizon or time >= HIGH):
                continue  # 'decided when the watermark has passed it: w > t'; what 64 bits cannot hold never passes
            rank = mine[place[0]].rank if kind == BY_EVENT else ()
            bound = [mine[b.event] for b in match.bound]
            scope = search.scope(match.bound, None, None, ())
            scope.counts["truncated"] = truncated
            yield (time, kind, rank), bound[0].rank, bound, scope, done

    def windowed(self, rule, names, mine, horizon, actions):
        """The same of a query: a window is of what `where` holds for, and is given out when `having` holds."""
        body = rule.body
        own = body.alias.text if body.alias else None
        of_query = self.unfold(body.type)
        joins = joins_of(body)
        wanted = (e for e in mine if e.stream in of_query)
        counted = [e for e in wanted if is_wanted(body, Scope(e, own, {}, names, e.params, joins=joins))]

        def ask(expression, event):
            return evaluate(expression, Scope(event, own, {}, names, event.params, joins=joins))

        def is_boundary(written, event):
            alias = written.alias.text if written.alias else None
            scope = Scope(event, alias, {}, names, event.params)
            return event.stream in self.unfold(written.type) and holds(written.where, scope)

        kind = body.window.kind
        if is_early(rule):
            for n, (event, op, events, start, end) in enumerate(told_early(body.window, counted)):
                window = Window(events, own, start, end)
                scope = Scope(None, own, {}, names, events[-1].params, joins=joins, window=window, given={"_op": op})
                if holds(body.having, scope):
                    yield (event.time, BY_EVENT, event.rank), (n,), events, scope, actions
            return
        if kind == "span":
            found = spans(mine, counted, body.window, is_boundary)
        else:
            found = windows(body.window, counted, horizon, ask)
        per_event = kind in ("sliding", "sliding_count", "latest_per", "ranked", "unbounded")
        for decider, events, start, end, *rest in found:
            # 'a bare field is that of the event that the window ends with'; 'params: those that its last event met'
            last = rest[0] if rest else events[-1]
            here = last if per_event and decider[1] == BY_EVENT else None
            window = Window(events, own, start, end, running=kind == "unbounded")
            scope = Scope(here, own, {}, names, last.params, joins=joins, window=window)
            if holds(body.having, scope):
                yield decider, (), rest[1] if rest[1:] else events, scope, actions

    def counted(self, search, found, mine):
        """'`count()` makes one event of all matches that an event decides; its lineage is that event.'

        Beside it 'an aggregate is over what all these matches have bound: the first match first'.
        """
        for completion in sorted({match.completion for match in found}):
            time, kind, last = completion
            together = [match for match in found if match.completion == completion]
            each = [search.scope(match.bound, None, None, ()) for match in together]
            scope = replace(
                each[0],
                bound={alias: [e for one in each for e in one.bound[alias]] for alias in each[0].bound},
                counts={alias: sum(one.counts[alias] for one in each) for alias in each[0].counts},
                match=tuple(pair for one in each for pair in one.match),
                together=True,
            )
            scope.counts[""] = len(together)
            yield (time, kind, mine[last].rank), together[0].bound[0].event, [mine[last]], scope

    def derive(self, done):
        """The derived events: 'A derived stream comes after all declared streams, in order of the first rule …'."""
        counts, out, position = {}, [], list(self.derived)
        for place, result in done:
            number = counts[result.type] = counts.get(result.type, -1) + 1
            rank = (result.time_ns, len(self.streams) + 1, (), position.index(result.type), number)
            out.append(Event(result.type, number, result.time_ns, result.fields, rank, self.params_of(place)))
        return out


def is_early(rule):
    """Whether windows are told of as they fill."""
    return rule.output is not None and rule.output.mode == "early"


def joins_of(body):
    """The joins of a query with tables, by alias."""
    return {join.alias.text: join for join in body.joins}


def is_wanted(body, scope):
    """Whether a query takes an event: 'an inner join passes over an event whose row is absent'."""
    there = (joined(j.alias.text, scope, holds) is not None for j in body.joins if j.side == "inner")
    return all(there) and holds(body.where, scope)


def actions_of(rule):
    """All that a rule may emit: at a match, and at a timeout."""
    return [*rule.actions, *(rule.timeout.actions if rule.timeout else ())]


def within_limit(found, rule):
    """The matches that are given out, each with how many the limit has left out beside it.

    'Of the matches that one event decides, and of those of one start that one deadline decides, the first 1,000 are
    given out', or as many as the rule says; 'only where a step is chosen freely'.
    """
    body = rule.body
    written = [bound.events for bound in body.bounds if bound.kind == "at_most"]
    most = written[0] if written else 1000 if chooses(body.pattern) else float("inf")

    def decider(match):
        return match.completion if match.completion[1] == BY_EVENT else (match.completion, match.start)

    deciders = [decider(match) for match in found]
    for place, match in enumerate(found):
        beside = deciders.count(deciders[place])
        if deciders[:place].count(deciders[place]) < most:
            yield match, max(beside - most, 0) if most < float("inf") else 0


def chooses(pattern):
    """Whether `then any` or `in any combination` stands in a pattern, its groups and choices among it."""
    if any(link.word == "then any" for link in pattern.links):
        return True
    return any(isinstance(step, ast.Step) and step_chooses(step) for step in pattern.steps)


def step_chooses(step):
    if step.adjacency == "in any combination":
        return True
    match step.source:
        case ast.Group(pattern=pattern):
            return chooses(pattern)
        case ast.Choice(steps=alternatives):
            return any(step_chooses(inner) for inner in alternatives)
    return False


def counts_matches(rule):
    """Whether `count()` without an alias stands in an `emit`."""
    calls = [n for action in rule.actions for assign in action.body for n in walk(assign.value)]
    return any(isinstance(n, ast.Call) and n.name.text == "count" and not n.arguments for n in calls)


def types_of(steps):
    """The event types that steps name: of themselves, of absences and of `until`, groups and choices opened."""
    for step in steps:
        match step.event if isinstance(step, ast.Absence) else step.source:
            case ast.Event(type=type_):
                yield type_
            case ast.Group(pattern=pattern):
                yield from types_of(pattern.steps)
            case ast.Choice(steps=alternatives):
                yield from types_of(alternatives)
            case type_:
                yield type_
        if isinstance(step, ast.Step) and step.until is not None:
            yield step.until.type


def held(value, type_):
    """A param's value: of Python, or written in the language, as on the command line."""
    if isinstance(value, str):
        (written,) = parse(Source("<set>", f"param p: int = {value}")).declarations
        value = written.value
    if not isinstance(value, int | float | decimal.Decimal):
        value = evaluate(value, Scope())
    if type_.name == "time" and isinstance(value, str):
        value = parse_time(value, type_.argument)
    if isinstance(value, Point):
        value = float(value.text) if type_.name == "float" else value.text
    return admit(value, type_)


def plain(value):
    """A literal with a point that met no decimal is a float."""
    return float(value.text) if isinstance(value, Point) else value


__all__ = ["Result", "fates", "run"]
