"""From checked rules to programs: automata as tables, predicates as generated code."""
