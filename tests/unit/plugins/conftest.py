"""A FastAPI application as a real server, and a sandbox with short rows in its list."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn


@contextmanager
def served(app):
    """Serve an application on a free port, and yield its address."""
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
def short_rows(ard):
    """Let the list of the sandbox contain only the ID and status of an order, which is all that the API promises."""
    for key in ("order", "created", "finished", "status_message"):
        ard.faults.add("GET /order", kind="drop_json", path=f"$.data[*].{key}")
