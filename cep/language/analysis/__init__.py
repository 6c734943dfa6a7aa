"""What can be known of rules before any event: conditions that never hold, always hold, or are always null.

A rule that never matches is lawful, so everything here is a warning or a note, and only what is certain is said: each
part keeps a set of values that *includes* what can happen, and speaks when that set is empty. What is too large is
given up in silence (`solve.FUEL`).

| module | what it knows |
|---|---|
| domain | a set of values of one term: bounds, a finite set, exceptions, texts, null |
| terms | expressions by structure, so that equal ones have one number; sums of them in lowest terms |
| context | what holds of a term before a condition is asked: types, keys, counts, the order of events, earlier steps |
| solve | whether conditions can hold together |
| blame | the smallest part that is to blame, in words |
| findings | walks the rules of a rulebook |
| unused | names that are declared and read nowhere |

Tested by: tests/language/test_analysis.py, tests/properties/test_analysis.py
"""
