"""Asynchronous sources, two at once: whoever reads the results sets the pace."""

import asyncio
from collections.abc import AsyncIterator

import cep

RULES = """
stream Order ordered by at { at: time(s), id: int }
stream Paid ordered by at { at: time(s), id: int }
rule Sold keyed by id when Order as o then Paid as p within 1 h emit Sale { id, took = p.at - o.at }
"""


async def orders() -> AsyncIterator[dict[str, int]]:
    """Orders, as a broker would bring them."""
    for n in range(3):
        await asyncio.sleep(0)
        yield {"at": 10 * n, "id": n}


async def payments() -> AsyncIterator[dict[str, int]]:
    """Payments, a little later."""
    for n in range(3):
        await asyncio.sleep(0)
        yield {"at": 10 * n + 5, "id": n}


async def main() -> None:
    """Print the sales."""
    engine = cep.Engine(cep.loads(RULES))
    async for batch in engine.astream({"Order": orders(), "Paid": payments()}):
        for sale in batch.to_dicts():
            print(sale["id"], sale["took"])


asyncio.run(main())
