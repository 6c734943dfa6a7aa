"""Rulebooks of different authors in one engine; a mistake in one is told with its place."""

import cep

PAY = "stream Pay ordered by at { at: time(s), card: string, amount: int }\n"
big = cep.loads(PAY + "rule Big from Pay where amount > 100 emit Alert { card, amount }", name="big.cep")
odd = cep.loads(PAY + "rule Odd from Pay where amount < 0 emit Strange { card }", name="odd.cep")

result = cep.run(
    [big, odd], [("Pay", {"at": 1, "card": "c1", "amount": 500}), ("Pay", {"at": 2, "card": "c2", "amount": -1})]
)
print({name: len(result[name]) for name in result})

try:
    cep.Rules.of([big, cep.loads(PAY.replace("int", "float"), name="other.cep")])
except cep.RuleError as error:
    for diagnostic in error.diagnostics:
        print(diagnostic.place, diagnostic.message)
