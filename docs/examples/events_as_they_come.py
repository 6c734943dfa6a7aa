"""Events as they come: `send`, a param that changes, time that moves on, and what the engine holds."""

from datetime import UTC, datetime

import cep

RULES = """
param limit: float = 90
stream Temp ordered by at { at: time(s), machine: string, celsius: float }
rule Hot from Temp where celsius > limit emit Heat { machine, celsius }
rule Silent keyed by machine when Temp as seen then no Temp for 5 min emit Quiet { machine, since = seen.at }
"""


def tell(batch: cep.EventBatch) -> None:
    """Print the events of a batch."""
    for event in batch.to_dicts(meta=True):
        print(event["_time"], event["_type"], event["machine"])


engine = cep.Engine(cep.loads(RULES))
engine.on("Heat", tell)
engine.on("Quiet", tell)
engine.send("Temp", {"at": 0, "machine": "m1", "celsius": 95.0})
engine.set("limit", 100)  # for what is sent from now on
engine.send("Temp", {"at": 60, "machine": "m1", "celsius": 95.0})
engine.advance(datetime(1970, 1, 1, 0, 10, tzinfo=UTC))

stats: cep.Stats = engine.stats()
print(stats.streams["Temp"].events, "events;", stats.rules["Silent"].open_runs, "open")
engine.close()
