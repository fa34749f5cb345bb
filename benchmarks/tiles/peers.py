"""The peers, each in the environment that has it: `python benchmarks/tiles/peers.py NAME ADDRESS`.

Prints the seconds and the number of tiles whose assets were read.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from typing import Any


def max_ard(address: str) -> int:
    """Read the collection as `ARDCollection.from_order` does after it has requested the order, and each item."""
    os.environ |= {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}
    os.environ |= {"AWS_DEFAULT_REGION": "us-east-1"}
    from max_ard import ARDCollection  # noqa: PLC0415 -- installed for one peer only

    collection = ARDCollection("s3://bench/p/order_collections/1_root_collection.json")
    return sum(bool(tile.stac_item["assets"]) for tile in collection.tiles)


def pystac(address: str) -> int:
    """Read all items below the root collection, over HTTP."""
    import pystac as library  # noqa: PLC0415 -- as above

    root = library.Collection.from_file(f"{address}/bench/p/order_collections/1_collection.json")
    return sum(bool(item.assets) for item in root.get_items(recursive=True))


PEERS: dict[str, Any] = {"max-ard": max_ard, "pystac": pystac}


def main(name: str, address: str) -> None:
    """Run one peer and print its figures."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin, cpu = time.perf_counter(), time.process_time()
    tiles = PEERS[name](address)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "tiles": tiles, "memory": memory}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
