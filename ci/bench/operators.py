"""What ``gradtier.operators`` costs over native calls: ``python ci/bench/operators.py``.

Each backend is measured in a process of its own. Native calls and operators take turns, in short
blocks; the overhead is the median of the differences between neighbouring blocks, so that what
else the machine does strikes both. The promise: at most 5 % of the native call or 20 microseconds
a call, whichever is more; for prepared operators, and for plain calls where nothing is compiled.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = ("jax", "torch", "tensorflow-cpu", "autograd", "numpy", "gradtier")
SHARE, MICROSECONDS = 0.05, 20.0
OPERATORS = ("gradient", "pushforward", "jacobian", "hvp")
SIZES = ("small", "medium")
#: Name -> (adapter, options, whether a plain call compiles anew).
BACKENDS = {
    "jax.jit": ("jax", {"jit": True}, True),
    "torch.autograd": ("torch:TorchAutograd", {}, False),
    "torch.func": ("torch:TorchFunc", {}, False),
    "tf.function": ("tensorflow", {"function": True}, True),
    "autograd": ("autograd", {}, False),
}
Call = Callable[[], Any]


def main(arguments: Sequence[str]) -> int:
    """Measure, write the report, and with ``--check`` say whether the promise holds."""
    parser = argparse.ArgumentParser(prog="ci/bench/operators.py", description=__doc__)
    parser.add_argument("backends", nargs="*", metavar="BACKEND", help=", ".join(BACKENDS))
    parser.add_argument("--rounds", type=int, default=300, help="neighbouring blocks of a pair")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "bench")
    parser.add_argument("--check", action="store_true", help="exit 1 if the promise does not hold")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.backends if name not in BACKENDS]:
        parser.error(f"{unknown[0]!r} is no backend; the backends are {', '.join(BACKENDS)}")
    if asked.alone:
        print("\n" + json.dumps(measured(asked.backends[0], asked.rounds)))
        return 0
    cells = [c for name in asked.backends or BACKENDS for c in in_a_process(name, asked.rounds)]
    report = {
        "schema": "gradtier/bench-operators/1",
        "made": datetime.date.today().isoformat(),
        "versions": {d: metadata.version(d) for d in DISTRIBUTIONS},
        "machine": machine(),
        "promise": {"share": SHARE, "microseconds": MICROSECONDS},
        "rounds": asked.rounds,
        "cells": cells,
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1) + "\n"
    (asked.out / "operators.json").write_text(text, encoding="utf-8")
    (asked.out / "operators.md").write_text(page(report), encoding="utf-8")
    broken = [cell for cell in cells if not cell["holds"]]
    for cell in broken:
        print(f"over the promise: {line(cell)}", file=sys.stderr)
    return 1 if asked.check and broken else 0


def in_a_process(name: str, rounds: int) -> list[dict[str, Any]]:
    """The cells of one backend."""
    environment = {
        **os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": os.pathsep.join(
            p for p in (os.environ.get("PYTHONPATH", ""), str(ROOT / "harness")) if p
        ),
    }  # fmt: skip
    words = [sys.executable, __file__, name, "--alone", "--rounds", str(rounds)]
    start = time.perf_counter()
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    cells: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return cells


def measured(name: str, rounds: int) -> list[dict[str, Any]]:
    """All operators and sizes of one backend."""
    from gradtier import operators as op

    warnings.simplefilter("ignore")
    adapter, options, compiles = BACKENDS[name]
    backend = op.backend(adapter, **options)
    cells = []
    for size in SIZES:
        for operator in OPERATORS:
            f, x, v = task(backend, operator, size)
            arguments = (x, v) if operator in ("pushforward", "hvp") else (x,)
            native = natives(name, operator, f, backend)
            ready = op.prepare(operator, f, backend, *arguments)
            calls: dict[str, Call] = {
                "native": lambda n=native, a=arguments: n(*a),
                "prepared": lambda r=ready, a=arguments: r(*a),
            }
            if not compiles:
                plain = getattr(op, operator)
                calls["plain"] = lambda p=plain, f=f, a=arguments: p(f, backend, *a)
            agree(backend, calls)
            found = compared(calls, backend.synchronize, rounds)
            cells += [
                {"backend": name, "size": size, "operator": operator, "how": ready.how, **row}
                for row in found
            ]
    return cells


def task(backend: Any, operator: str, size: str) -> tuple[Any, Any, Any]:
    """A function with a point and a direction, as native arrays."""
    xp, rng = backend.namespace, np.random.default_rng(2)

    def array(*shape: int) -> Any:
        return backend.from_numpy(rng.standard_normal(shape) / 4, "cpu")

    one_number = operator in ("gradient", "hvp")
    if size == "small":
        f = (lambda x: xp.sum(xp.sin(x) * x)) if one_number else (lambda x: xp.sin(x) * x)
        return f, array(8), array(8)
    if one_number:
        batch = array(64, 32)

        def network(w: Any) -> Any:
            y = xp.tanh(xp.matmul(batch, w))
            return xp.sum(y * y)

        return network, array(32, 32), array(32, 32)
    wide, back = array(64, 16), array(12, 64)
    layers = lambda x: xp.tanh(xp.matmul(back, xp.tanh(xp.matmul(wide, x))))  # noqa: E731
    if backend.__class__.__module__.endswith("tensorflow"):  # its matmul wants matrices
        layers = lambda x: xp.tanh(  # noqa: E731
            xp.matmul(back, xp.tanh(xp.matmul(wide, x[:, None])))
        )[:, 0]
    return layers, array(16), array(16)


def natives(name: str, operator: str, f: Any, backend: Any) -> Callable[..., Any]:
    """What somebody who knows the library would write for the same derivative in the same mode."""
    build = {
        "jax.jit": native_jax,
        "torch.autograd": native_torch_autograd,
        "torch.func": native_torch_func,
        "tf.function": native_tensorflow,
        "autograd": native_autograd,
    }[name]
    made: Callable[..., Any] = build(f)[operator]
    return made


def native_jax(f: Any) -> dict[str, Any]:
    """``jax.jit`` around JAX's own operators."""
    import jax

    return {
        "gradient": jax.jit(jax.grad(f)),
        "pushforward": jax.jit(lambda x, v: jax.jvp(f, (x,), (v,))[1]),
        "jacobian": jax.jit(jax.jacrev(f)),
        "hvp": jax.jit(lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1]),
    }


def native_torch_func(f: Any) -> dict[str, Any]:
    """PyTorch's function transforms."""
    import torch

    return {
        "gradient": torch.func.grad(f),
        "pushforward": lambda x, v: torch.func.jvp(f, (x,), (v,))[1],
        "jacobian": torch.func.jacrev(f),
        "hvp": lambda x, v: torch.func.jvp(torch.func.grad(f), (x,), (v,))[1],
    }


def native_torch_autograd(f: Any) -> dict[str, Any]:
    """PyTorch's tape; its forward mode around it for products with a Hessian."""
    import torch
    from torch.autograd import forward_ad

    def gradient(x: Any) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(f(x), x)[0]

    def hvp(x: Any, v: Any) -> Any:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(x.detach().requires_grad_(), v)
            found = torch.autograd.grad(f(dual), dual, create_graph=True)[0]
            return forward_ad.unpack_dual(found).tangent

    return {
        "gradient": gradient,
        "pushforward": lambda x, v: torch.autograd.functional.jvp(f, x, v)[1],
        "jacobian": lambda x: torch.autograd.functional.jacobian(f, x),
        "hvp": hvp,
    }


def native_tensorflow(f: Any) -> dict[str, Any]:
    """``tf.function`` around tapes and accumulators."""
    import tensorflow as tf

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.gradient(y, x)

    def pushforward(x: Any, v: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            y = f(x)
        return accumulator.jvp(y)

    def jacobian(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = f(x)
        return tape.jacobian(y, x)

    def hvp(x: Any, v: Any) -> Any:
        with tf.autodiff.ForwardAccumulator(x, v) as accumulator:
            found = gradient(x)
        return accumulator.jvp(found)

    found = {"gradient": gradient, "pushforward": pushforward, "jacobian": jacobian, "hvp": hvp}
    return {name: tf.function(function) for name, function in found.items()}


def native_autograd(f: Any) -> dict[str, Any]:
    """HIPS autograd's own operators."""
    import autograd

    return {
        "gradient": autograd.grad(f),
        "pushforward": lambda x, v: autograd.make_jvp(f)(x)(v)[1],
        "jacobian": autograd.jacobian(f),
        "hvp": lambda x, v: autograd.make_jvp(autograd.grad(f))(x)(v)[1],
    }


def agree(backend: Any, calls: dict[str, Call]) -> None:
    """Raise if the calls that are compared do not compute the same numbers."""
    wanted = backend.to_numpy(calls["native"]())
    for call in calls.values():
        np.testing.assert_allclose(backend.to_numpy(call()), wanted, 1e-9, 1e-12)


def compared(
    calls: dict[str, Call], synchronize: Callable[[Any], None], rounds: int
) -> list[dict[str, Any]]:
    """Blocks of calls taking turns; each operator's overhead over the native call."""
    start = time.perf_counter()
    for _ in range(5):
        synchronize(calls["native"]())
    each = (time.perf_counter() - start) / 5
    count = max(1, min(50, int(5e-4 / each)))
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    gc.disable()
    for i in range(rounds + 5):  # the first five warm up
        order = list(calls) if i % 2 else list(reversed(calls))
        for name in order:
            call, begin = calls[name], time.perf_counter()
            for _ in range(count):
                synchronize(call())
            if i >= 5:
                seconds[name].append((time.perf_counter() - begin) / count * 1e6)
    gc.enable()
    native = statistics.median(seconds["native"])
    rows = []
    for form in (name for name in calls if name != "native"):
        pairs = zip(seconds[form], seconds["native"], strict=True)
        over = statistics.median(a - b for a, b in pairs)
        least = min(seconds[form]) - min(seconds["native"])
        rows.append(
            {
                "form": form,
                "native_us": round(native, 2),
                "least_native_us": round(min(seconds["native"]), 2),
                "over_us": round(over, 2),
                "least_over_us": round(least, 2),
                "ratio": round(1 + over / native, 3),
                "holds": over <= max(SHARE * native, MICROSECONDS),
            }
        )
    return rows


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    from gradtier.host import probe

    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {**probe().facts, "load at the end": load, "python": platform.python_version()}


def line(cell: dict[str, Any]) -> str:
    """One cell in a line."""
    return (
        f"{cell['backend']} {cell['operator']} {cell['size']} {cell['form']}: native "
        f"{cell['native_us']} us, over it {cell['over_us']} us, ratio {cell['ratio']}"
    )


def page(report: dict[str, Any]) -> str:
    """The report for readers."""
    kept = sum(cell["holds"] for cell in report["cells"])
    versions = ", ".join(f"{k} {v}" for k, v in report["versions"].items())
    rows = [
        f"| {c['backend']} | {c['operator']} | {c['size']} | {c['form']} | {c['native_us']:.1f} | "
        f"{c['over_us']:+.1f} | {c['least_over_us']:+.1f} | {c['ratio']:.2f} | "
        f"{'yes' if c['holds'] else 'no'} | {c['how']} |"
        for c in report["cells"]
    ]
    return "\n".join(
        [
            "# What the operators cost over native calls",
            "",
            "Written by `python ci/bench/operators.py` from what it measured; not edited by hand.",
            f"Measured on {report['made']}: {versions}; "
            + ", ".join(f"{k} {v}" for k, v in report["machine"].items())
            + ".",
            "",
            "Microseconds a call, float64, one thread. *Native* is what somebody who knows the",
            "library would write for the same derivative, compiled where the operator is; *over*",
            f"is the median of the differences of {report['rounds']} neighbouring blocks of calls;",
            "*least* is the difference of the fastest blocks. *Plain* is `op(f, backend, x)`,",
            "*prepared* is `prepare(op, f, backend, x)(x)`.",
            "",
            f"The promise, at most 5 % or 20 µs over the native call: kept in {kept} of "
            f"{len(report['cells'])}.",
            "",
            "| backend | operator | size | form | native | over | least | ratio | kept | how |",
            "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | --- | --- |",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
