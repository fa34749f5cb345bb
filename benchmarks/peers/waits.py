"""How clients wait for an order whose status requests fail."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass

from benchmarks.peers.processes import environment, outcome, start
from benchmarks.peers.servers import access_token, create_server, place_order


@dataclass(frozen=True)
class Wait:
    """A wait as seen by the server: error responses, for how many seconds, and the outcome, None if it did not end."""

    requests: int
    seconds: float
    outcome: str | None


def measure_wait(client: str, status: int, limit: float) -> Wait:
    """Wait for an order whose status requests fail from the second one on."""
    server, endpoints = create_server(client)
    with server, tempfile.TemporaryDirectory() as home:
        token = access_token(server)
        order_id = place_order(server, endpoints, token)
        if client == "http-deferred":
            # It defers only after a 404, as for an order that is not listed yet.
            server.faults.add(endpoints.status, kind="status", status=404, nth=1)
        rule = server.faults.add(endpoints.status, kind="status", status=status, nth=2, times=10**9)
        env = environment(server, home, token) | {"PEER_ORDER": order_id}
        process = start(client, "wait", env)
        # The limit counts from the first error response, because process start times vary.
        while not rule.fired and process.poll() is None:
            time.sleep(0.01)
        result = outcome(process, env, limit)
        error_times = [record.time for record in server.requests if record.faults and record.status == status]
    # A client that ended has survived from its first error response to its last.
    seconds = (error_times[-1] - error_times[0]).total_seconds() if result else limit
    return Wait(len(error_times), seconds, result["outcome"] if result else None)
