"""An application of FastAPI as a real server, and a sandbox that lists little."""

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


class Short:
    """An order of which a list tells its id and status alone: all that is promised of the API's rows."""

    def __init__(self, order):
        self._order = order

    def __getattr__(self, name):
        return getattr(self._order, name)

    def describe(self, _):
        return {"id": self.id, "status": self.status}


@pytest.fixture
def short_rows(monkeypatch):
    """Let the sandbox list no more of an order than its id and status."""
    from airflow_provider_ard.sandbox.routes import orders

    page = orders.page

    def shortened(*args):
        found = page(*args)
        return found | {"data": [Short(order) for order in found["data"]]}

    monkeypatch.setattr(orders, "page", shortened)
