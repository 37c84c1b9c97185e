"""Fixtures of all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh small world: HIPS autograd reverse and forward as the reference."""
    pytest.importorskip("autograd")
    return World(tmp_path)
