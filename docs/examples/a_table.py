"""Rules over a table that is there: `cep.run`."""

import cep

RULES = """
stream Pay ordered by at { at: time, card: string, amount: decimal }

rule CardTesting "A tiny test payment, then a big one, same card"
keyed by card
when Pay as small where amount < 5
     then Pay as big where amount > 40 * small.amount
within 10 min
emit Alert { card, tested = small.amount, taken = big.amount }
"""

pays = [
    {"at": "2024-05-01T10:00:00Z", "card": "c1", "amount": "1.00"},
    {"at": "2024-05-01T10:04:00Z", "card": "c1", "amount": "480.00"},
    {"at": "2024-05-01T10:05:00Z", "card": "c2", "amount": "much"},
]
result: cep.Result = cep.run(cep.loads(RULES), {"Pay": pays})

for alert in result["Alert"].to_dicts():
    print(alert["card"], alert["taken"])
for row in result["Rejected.Pay"].to_dicts():
    print("rejected:", row["reason"])
print(result.summary)
