"""Fixtures of the triggers."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def short_sleeps(monkeypatch):
    """Shorten sleeps to a hundredth and return their original lengths in seconds."""
    pauses, sleep = [], asyncio.sleep

    async def shorter(seconds):
        # Keep the short sleeps of the sandbox's server.
        if seconds >= 1:
            pauses.append(seconds)
        await sleep(seconds / 100 if seconds >= 1 else seconds)

    monkeypatch.setattr(asyncio, "sleep", shorter)
    return pauses
