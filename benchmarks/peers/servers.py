"""The servers that clients order from: the sandbox, and the part of Planet's Orders API that its client uses."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import requests
from fastapi import FastAPI

from airflow_provider_ard.ordering.idempotency import KEY_TAG
from airflow_provider_ard.sandbox import Sandbox


class PlanetServer(Sandbox):
    """The part of Planet's Orders API that its client uses to order and wait, behind the sandbox's faults."""

    def __init__(self) -> None:
        super().__init__()
        self.order_ids: list[str] = []
        app = FastAPI()

        @app.post("/api/v1/orders/v2")
        def create() -> dict[str, str]:
            self.order_ids.append(str(uuid.uuid4()))
            return self._order(self.order_ids[-1])

        @app.get("/api/v1/orders/v2/{order_id}")
        def get(order_id: str) -> dict[str, str]:
            return self._order(order_id)

        self.replace_api(app)

    @staticmethod
    def _order(order_id: str) -> dict[str, str]:
        return {"id": order_id, "state": "running", "name": "peers"}


@dataclass(frozen=True)
class Endpoints:
    """Endpoints of a server to place an order, to request its status and to list orders."""

    order: str
    status: str
    list: str


ARD = Endpoints("POST /order", "GET /order/status/*", "GET /order")
PLANET = Endpoints("POST /orders/v2", "GET /orders/v2/*", "GET /orders/v2")


def create_server(client: str) -> tuple[Sandbox, Endpoints]:
    """Return a server for one measurement, not yet started, and its endpoints."""
    if client == "planet":
        return PlanetServer(), PLANET
    # max-ard supports HTTPS only.
    return Sandbox(order_duration="3d", tls=client == "max-ard"), ARD


def count_orders(server: Sandbox) -> int:
    """Return the number of orders that a server has accepted."""
    return len(server.order_ids) if isinstance(server, PlanetServer) else len(server.orders)


def access_token(server: Sandbox) -> str:
    """Return a token of the sandbox for clients that cannot log in; the Planet server needs none."""
    if isinstance(server, PlanetServer):
        return ""
    response = requests.post(
        f"{server.url}/api/v1/auth/authenticate",
        data={"grant_type": "password", "username": server.login, "password": server.password},
        verify=server.ca_file or True,
        timeout=10,
    )
    response.raise_for_status()
    return str(response.json()["access_token"])


def place_order(server: Sandbox, endpoints: Endpoints, token: str) -> str:
    """Place an order as another task, and return its ID."""
    cell = {"id": "1040010060C9AD00", "cells": ["Z13-031131111333"]}
    body = {
        "acquisitions": [cell],
        "output_config": {"amazon_s3": {"bucket": "peers", "prefix": "order"}},
        "metadata": {KEY_TAG: uuid.uuid4().hex},
    }
    path = endpoints.order.split(" ")[1]
    url = f"{server.url}/api/v1{path}{'' if isinstance(server, PlanetServer) else '/'}"
    headers = {"Authorization": f"Bearer {token}"}
    response = requests.post(url, json=body, headers=headers, verify=server.ca_file or True, timeout=10)
    response.raise_for_status()
    return str(response.json()["id"])
