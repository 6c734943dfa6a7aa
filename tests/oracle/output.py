"""``output first every d per …``: which of a rule's results go out, and when."""

from __future__ import annotations

from dataclasses import replace

from oracle.sequence import BY_OUTPUT
from oracle.values import HIGH


def limited(rule, level, position, fields, results, horizon):
    """What a rule gives out of its ``results``, each with its place, in order: 'each `emit` has periods of its own'.

    ``fields`` are the names that each `emit` gives.
    """
    mode, every = rule.output.mode, rule.output.every.value
    names = [".".join(item.path.names) for item in rule.keys]
    per = [".".join(path.names) for path in rule.output.per]

    def told_apart(emit, result):
        """'A name is a field of what is emitted, else a part of the key.'"""
        key = dict(zip(names, result.key, strict=True))
        return tuple(result.fields[name] if name in fields[emit] else key[name] for name in per)

    out = []
    for emit in sorted({place[-1] for place, _ in results}):
        mine = [(n, place, told_apart(emit, r), r) for n, (place, r) in enumerate(results) if place[-1] == emit]
        if mode == "first":
            out += first(mine, every)
            continue
        for end, told in (snapshots if mode == "snapshot" else periods)(mine, every):
            if end <= horizon and end < HIGH:
                for n, result in told[-1:] if mode == "last" else sorted(told, key=lambda pair: pair[0]):
                    place = (end, level, BY_OUTPUT, (), position, (), n, emit)
                    out.append((place, replace(result, time_ns=end)))
    return out


def first(results, every):
    """'The event that opens a period goes out at once; the others of the period do not.'"""
    ends, out = {}, []
    for _, place, value, result in results:
        if value not in ends or place[0] >= ends[value]:
            ends[value] = place[0] + every
            out.append((place, result))
    return out


def periods(results, every):
    """The end of each period and what came in it: 'a period begins with the first event when none is open'."""
    open_, out = {}, []
    for n, place, value, result in results:
        if value in open_ and place[0] >= open_[value][0]:
            out.append(open_.pop(value))
        open_.setdefault(value, (place[0] + every, []))[1].append((n, result))
    return [*out, *open_.values()]


def snapshots(results, every):
    """The end of each period, one for all values of `per`, and the newest event of each value up to there."""
    newest, end, out = {}, None, []
    for n, place, value, result in results:
        if end is not None and place[0] >= end:
            out.append((end, list(newest.values())))
            end = None
        end = place[0] + every if end is None else end
        newest[value] = (n, result)
    return [*out, *([(end, list(newest.values()))] if newest else [])]
