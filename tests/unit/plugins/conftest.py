"""Fixtures for the tests of the orders page."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn


@contextmanager
def run_server(app):
    """Serve an application on a free port, and yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def sparse_list(ard):
    """Limit the rows of the sandbox's list to ID and status, the only documented keys."""
    for key in ("order", "created", "finished", "status_message"):
        ard.faults.add("GET /order", kind="drop_json", path=f"$.data[*].{key}")
