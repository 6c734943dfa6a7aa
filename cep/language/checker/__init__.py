"""The checker's parts, one idea a module; `cep.language.check` is the way in.

| module | what it knows |
|---|---|
| report, walk | diagnostics with the nearest name; every part of an expression |
| constants, params | values that need no event |
| attributes, declarations, shapes | types as written, the names of a rulebook, what an event looks like to a rule |
| scope, names, operations, calls, expressions | what names mean at a place; every operation with its type |
| patterns, rules | steps, absences and bounds; keys, queries and emits |
| bounds, lint | how much a rule keeps; what is lawful and seldom meant |

Tested by: tests/language/test_check.py, tests/language/test_check_refusals.py
"""
