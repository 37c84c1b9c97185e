"""Compiled code kept on disk: processes share it, and what is broken in it decides nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(__file__).parents[2]
SCRIPT = """
import json, sys
import numpy as np
from gradtier.host import adapter_class
adapter = adapter_class(sys.argv[1])(**json.loads(sys.argv[2]))
xp = adapter.namespace
x, one = (adapter.from_numpy(np.full(3, t), "cpu") for t in (0.5, 1.0))
f = lambda t: (xp.sin(t) * xp.exp(t),)
whole = adapter.compile(lambda x: adapter.pullback(f, (x,), (one,))[1])
print(json.dumps(adapter.to_numpy(whole(x)[0]).tolist()))
"""
#: Derivative of sin(x) exp(x) at one half.
RIGHT = 2.2373285
ADAPTERS = {
    "jax": ("gradtier.backends.jax:Jax", {"jit": True}),
    "drjit": ("gradtier.backends.drjit:DrJit", {}),
}


def start(name: str, cache: Path) -> subprocess.Popen[str]:
    adapter, options = ADAPTERS[name]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, adapter, json.dumps(options)],
        env={**os.environ, "PYTHONPATH": str(HARNESS), "GRADTIER_CACHE": str(cache)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def answer(process: subprocess.Popen[str]) -> list[float]:
    out, said = process.communicate(timeout=100)
    assert process.returncode == 0, said
    found: list[float] = json.loads(out.splitlines()[-1])
    return found


def kept(cache: Path, name: str) -> list[Path]:
    return [f for f in (cache / name).rglob("*") if f.is_file() and f.stat().st_size > 1]


@pytest.mark.integration
@pytest.mark.parametrize("name", ADAPTERS)
def test_two_processes_share_a_cache_and_a_file_that_was_cut_gives_no_other_answer(
    name: str, tmp_path: Path
) -> None:
    """As a worker leaves a file that is killed while it writes."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    first, second = (start(name, tmp_path) for _ in range(2))
    answers = [answer(first), answer(second)]
    files = kept(tmp_path, name)
    assert files, "nothing was kept"
    for file in files:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    answers.append(answer(start(name, tmp_path)))
    assert all(a == pytest.approx([RIGHT] * 3, rel=1e-6) for a in answers), answers


def test_code_compiled_for_one_processor_is_not_found_on_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gradtier import host

    def key(model: str, flags: str) -> str:
        text = f"processor: 0\nmodel name\t: {model}\nflags\t\t: {flags}\n"
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
        return host.processor_key()

    first = key("One", "sse avx512f")
    assert first == key("One", "avx512f sse")
    assert len({first, key("One", "sse"), key("Other", "sse avx512f")}) == 3
