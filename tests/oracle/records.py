"""Records in `emit`: a record is its presence and its fields, under dotted names."""

from __future__ import annotations

from dataclasses import replace

from cep.language import ast


def assigned(house, rule, action):
    """(name, expression) of all fields that an `emit` gives, those inside its records after them."""
    for assign in action.body:
        name = assign.name.text if assign.name else assign.value.names[-1]
        yield name, assign.value
        for rest in members(house, rule, assign.value):
            inner = tuple(ast.Name(part, assign.value.span) for part in rest.split("."))
            yield f"{name}.{rest}", replace(assign.value, parts=(*assign.value.parts, *inner))


def members(house, rule, value):
    """The names of what stands inside the record that an expression names; none when it is no record."""
    if not isinstance(value, ast.Path) or value.names is None:
        return []
    names, streams = value.names, None
    if isinstance(rule.body, ast.Query):
        streams = house.unfold(rule.body.type)
        if rule.body.alias and rule.body.alias.text == names[0]:
            names = names[1:]
    else:
        for step in steps_of(rule.body.pattern.steps):
            if step.alias and step.alias.text == names[0]:
                streams, names = house.unfold(step.source), names[1:]
    prefix = ".".join(names) + "."
    known = house.names_of(streams[0]) if streams and names else []
    return [n[len(prefix) :] for n in known if n.startswith(prefix)]


def steps_of(steps):
    """The steps that bind single events, groups and choices opened."""
    for step in steps:
        if isinstance(step, ast.Step):
            match step.source:
                case ast.Group(pattern=pattern):
                    yield from steps_of(pattern.steps)
                case ast.Choice(steps=alternatives):
                    yield from steps_of(alternatives)
                case _:
                    yield step
