"""Workers in other languages: what they say wrong is found, and they need nothing but the page."""

import json
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gradtier.backends.base import Unsupported
from gradtier.backends.cppad import CppAD
from gradtier.backends.external import External
from gradtier.backends.julia import PACKAGES, Julia
from gradtier.backends.program_values import CORE
from gradtier.backends.program_worker import Worker, WorkerError, WorkerFault
from gradtier.derivatives import derivative
from gradtier.host import Host
from gradtier.model import Mode, Nesting

WORKERS = Path(__file__).parents[1] / "workers"
PROTOCOL = Path(sys.modules[External.__module__].__file__).parents[1] / "workers" / "PROTOCOL.md"


def command(name, *arguments):
    return shlex.join([sys.executable, "-S", str(WORKERS / name), *arguments])


def start(name, *arguments):
    return External(command(name, *arguments))


def array(adapter, value):
    return adapter.from_numpy(np.asarray(value, dtype=np.float64), "cpu")


def asked(adapter, mode="reverse"):
    """The derivative of x * x at 3, with seed 3; a faulty worker says 6 whatever the seed."""
    x = (array(adapter, [3.0]),)
    way = adapter.pullback if mode == "reverse" else adapter.pushforward
    value, answer = way(lambda a: (a * a,), x, x)
    return value[0], answer[0]


@pytest.fixture
def dual():
    adapter = start("dual.py")
    yield adapter
    adapter._worker.close()


def test_a_worker_that_knows_only_the_page_gives_right_derivatives(dual):
    xp = dual.namespace

    def f(a, b):
        kept = xp.where(a > 0.0, xp.log(xp.exp(a) + 1.0), a / b)
        return xp.sum(kept * xp.sin(b), axis=0), xp.max(a), xp.matmul(a, b)

    rng = np.random.default_rng(1)
    x, u = (tuple(array(dual, rng.standard_normal((2, 2))) for _ in "ab") for _ in "xu")
    h = 1e-5

    def at(step):
        moved = tuple(array(dual, a.numpy() + step * d.numpy()) for a, d in zip(x, u, strict=True))
        return moved

    first = derivative(dual, f, Mode.FORWARD, Nesting.NONE)
    value, slope = first(x, u)
    for got, wanted in zip(value, f(*x), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), 1e-14)
    for got, high, low in zip(slope, f(*at(h)), f(*at(-h)), strict=True):
        wanted = (high.numpy() - low.numpy()) / (2 * h)
        np.testing.assert_allclose(got.numpy(), wanted, 1e-7, 1e-8)
    inner, second = derivative(dual, f, Mode.FORWARD, Nesting.FORWARD)(x, (*u, *u))
    for got, wanted in zip(inner, slope, strict=True):
        np.testing.assert_array_equal(got.numpy(), wanted.numpy())
    above, below = first(at(h), u)[1], first(at(-h), u)[1]
    for got, high, low in zip(second, above, below, strict=True):
        wanted = (high.numpy() - low.numpy()) / (2 * h)
        np.testing.assert_allclose(got.numpy(), wanted, 1e-6, 1e-7)


def test_the_value_alone_comes_from_the_worker_too(dual):
    (y,) = dual.evaluate(lambda a: (dual.namespace.exp(a),), (array(dual, [0.5, 1.0]),))
    np.testing.assert_allclose(y.numpy(), np.exp([0.5, 1.0]))
    assert dual.placement(y) == ("cpu", "float64")


def test_the_example_imports_nothing_of_gradtier():
    code = (WORKERS / "dual.py").read_text(encoding="utf-8")
    imported = re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)
    assert set(imported) == {"functools", "json", "math", "sys"}


def test_the_page_describes_every_operation_and_derivative():
    page = PROTOCOL.read_text(encoding="utf-8")
    described = set(re.findall(r"`(\w+)`", page[page.index("### Operations") :]))
    assert set(CORE) <= described
    for mode in Mode:
        for nesting in Nesting:
            assert f"`{mode.value}/{nesting.value}`" in page


def test_what_a_worker_says_of_itself_reaches_the_record():
    adapter = start("faulty.py", "none")
    assert adapter.versions() == {"faulty": "0.1"}
    assert adapter.settings() == {"worker": "faulty", "mood": "bad"}
    assert adapter.devices() == ("cpu",)
    assert asked(adapter)[1].numpy() == 6.0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("silent", r"ended \(status 3\)"),
        ("noise-only", "printed 200 lines, none of them a message"),
        ("version", "speaks 'gradtier/worker/9'; expected 'gradtier/worker/1'"),
        ("no-ops", "says no 'ops' in its first message"),
        ("ops-text", "'multiply' where a list of strings was expected"),
        ("half-hello", "ended in the middle of a message"),
    ],
)
def test_a_worker_that_does_not_start_says_why(fault, message):
    with pytest.raises(WorkerFault, match=message):
        start("faulty.py", fault)


def test_a_worker_that_is_not_there_says_so():
    with pytest.raises(WorkerFault, match="there is no program 'no-such-ad' on PATH"):
        External("no-such-ad --fast")
    with pytest.raises(TypeError, match="needs a command"):
        External()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("garbage", "sent what is no JSON .*certainly!"),
        ("list", r"sent '\[1, 2\]'; expected a JSON object"),
        ("nan", "NaN is no JSON; a number that is not finite is a string"),
        ("id", "answered question 99, not 1"),
        ("leaves", "sent answer of 2 leaves; expected 1"),
        ("length", "sent a leaf of 2 numbers; expected 1"),
        ("huge", "sent a leaf of 200000 numbers; expected 1"),
        ("null-value", "sent a leaf of None numbers"),
        ("text", "sent 'six' for a number"),
        ("boolean", "sent True for a number"),
        ("dtype", "says its numbers are 'float16'"),
        ("killed", "ended .killed by SIGKILL"),
        ("half", r"ended in the middle of a message \(status 7\)"),
        ("odd-error", "sent an error of kind 'sulks'"),
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error_and_ends_the_worker(fault, message):
    adapter = start("faulty.py", fault)
    process = adapter._worker._process
    with pytest.raises(WorkerFault, match=message) as caught:
        asked(adapter)
    assert not adapter.declines(caught.value)
    assert process.poll() is not None


def test_a_worker_that_died_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setenv("FAULTY_STARTED", str(tmp_path / "started"))
    adapter = start("faulty.py", "killed-once")
    with pytest.raises(WorkerFault):
        asked(adapter)
    assert asked(adapter)[1].numpy() == 6.0


def test_noise_before_the_first_message_is_no_fault(capsys):
    assert asked(start("faulty.py", "noise"))[1].numpy() == 6.0
    assert "loading ..." in capsys.readouterr().err


def test_refusals_and_errors_of_a_worker_are_told_apart():
    adapter = start("faulty.py", "declines")
    with pytest.raises(Unsupported, match="no rule for multiply"):
        asked(adapter)
    adapter = start("faulty.py", "raises")
    with pytest.raises(WorkerError, match="DomainError: too small") as caught:
        asked(adapter)
    assert not adapter.declines(caught.value)


def test_not_connected_and_numbers_that_are_not_finite_come_through():
    assert asked(start("faulty.py", "null"))[1] is None
    value, answer = asked(start("faulty.py", "infinite"))
    assert np.isnan(value.numpy())
    assert answer.numpy() == -np.inf


def test_numbers_computed_elsewhere_are_seen():
    adapter = start("faulty.py", "elsewhere")
    assert adapter.placement(asked(adapter)[1]) == ("cuda", "float32")


def test_what_a_worker_does_not_offer_is_declined_before_it_is_asked():
    adapter = start("faulty.py", "killed")
    xp, x = adapter.namespace, (array(adapter, [3.0]),)
    with pytest.raises(Unsupported, match="the worker has no operation sin"):
        adapter.pullback(lambda a: (xp.sin(a),), x, x)
    with pytest.raises(Unsupported, match="no derivative reverse/forward"):
        adapter.whole(lambda a: (a,), Mode.REVERSE, Nesting.FORWARD)
    with pytest.raises(Unsupported, match="no float32"):
        half = (adapter.from_numpy(np.ones(1, np.float32), "cpu"),)
        adapter.pullback(lambda a: (a,), half, half)
    with pytest.raises(Unsupported, match="no device 'cuda'"):
        adapter.from_numpy(np.ones(1), "cuda")
    with pytest.raises(Unsupported, match="complex128"):
        adapter.from_numpy(np.ones(1, complex), "cpu")
    with pytest.raises(Unsupported, match="no output that is a real number"):
        adapter.pullback(lambda a: (xp.argmax(a),), x, x)


def test_nested_maps_of_two_recordings_are_declined(dual):
    x = (array(dual, [0.5]),)
    with pytest.raises(Unsupported, match="do not nest"):
        dual.pushforward(lambda a: dual.pushforward(lambda b: (b * b,), (a,), x)[1], x, x)


def test_a_branch_on_a_value_is_taken_anew_at_every_point(dual):
    xp = dual.namespace

    def f(a):
        return (xp.sin(a) if a[0] > 0.0 else 3.0 * a,)

    run = derivative(dual, f, Mode.FORWARD, Nesting.NONE)
    for point, slope in ((2.0, np.cos(2.0)), (-1.0, 3.0), (2.0, np.cos(2.0))):
        _, (found,) = run((array(dual, [point]),), (array(dual, [1.0]),))
        np.testing.assert_allclose(found.numpy(), [slope])


def test_a_worker_ends_with_its_parent():
    code = (
        "import sys; from gradtier.backends.external import External; "
        "print(External(sys.argv[1])._worker._process.pid, flush=True); "
        "import os; os._exit(1)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command("dual.py")],
        capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(PROTOCOL.parents[2])},
    )  # fmt: skip
    pid = int(done.stdout)
    for _ in range(100):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError("the worker outlived the process that asked it")


def test_bye_ends_a_worker():
    done = subprocess.run(
        shlex.split(command("dual.py")),
        input='{"do": "bye"}\n{"do": "derivative"}\n',
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["name"] == "dual numbers"


def test_a_question_may_be_longer_than_a_pipe(dual):
    x = (array(dual, np.linspace(0.0, 1.0, 20_000)),)
    (total,), (slope,) = dual.pushforward(lambda a: (dual.namespace.sum(a * a),), x, x)
    np.testing.assert_allclose(slope.numpy(), 2 * total.numpy())


def test_a_worker_that_is_closed_is_gone():
    worker = Worker(shlex.split(command("dual.py")))
    worker.close()
    assert worker._process.poll() is not None


def program(folder, name, *lines):
    """A shell script on a PATH that holds nothing else."""
    file = folder / name
    file.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    file.chmod(0o755)
    return str(folder)


def test_julia_is_unavailable_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="there is no julia on PATH"):
        Julia(package="zygote")
    assert Julia.lacks() == "there is no julia on PATH"  # so a plan knows it without a start
    with pytest.raises(TypeError, match="package 'zigote' is none of chainrules, "):
        Julia(package="zigote")


@pytest.mark.parametrize(
    ("adapter", "said"), [("julia:Julia", "no julia"), ("cppad:CppAD", "no C++ compiler")]
)
def test_a_plan_knows_what_a_row_lacks_without_starting_it(tmp_path, monkeypatch, adapter, said):
    row = SimpleNamespace(adapter=f"gradtier.backends.{adapter}", extra=None)
    host = Host({}, {})
    if not host.has(row):
        pytest.skip("its package is not installed here")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert host.why_not(row, "cpu").startswith(f"there is {said} on PATH")
    assert Host({}, {}, packages=False).why_not(row, "cpu") == ""


def test_julia_would_be_started_with_other_words_if_this_failed(tmp_path, monkeypatch):
    said = tmp_path / "said"
    run = command("dual.py")
    path = program(tmp_path, "julia", f'echo "$@" > {shlex.quote(str(said))}', f"exec {run}")
    monkeypatch.setenv("PATH", path)
    adapter = Julia(package="forwarddiff", project="here")
    assert asked(adapter, "forward")[1].numpy() == 18.0
    words = said.read_text(encoding="utf-8").split()
    assert words[:2] == ["--startup-file=no", "--project=here"]
    assert Path(words[2]).is_file()
    assert words[3:] == ["--backend", "forwarddiff"]


def test_the_worker_for_julia_knows_the_packages_and_operations_of_the_page():
    code = (PROTOCOL.parent / "julia.jl").read_text(encoding="utf-8")
    assert code.startswith("# A worker of gradtier/worker/1") and "NOT VERIFIED" in code
    assert set(re.findall(r'^    "([\w-]+)" => \(:', code, re.MULTILINE)) == set(PACKAGES)
    # logaddexp is in a package of its own, and is written in terms of others
    assert set(CORE) - set(re.findall(r'"(\w+)" =>', code)) == {"logaddexp"}


@pytest.mark.skipif(not CppAD.installed(), reason="cmeel-cppad is not installed")
def test_cppad_is_unavailable_where_it_can_not_be_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADTIER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match=r"there is no C\+\+ compiler on PATH"):
        CppAD()
    lines = ('[ "$1" = --version ] && exit', 'echo "x.hpp:1: error: no such thing" >&2', "exit 1")
    program(tmp_path, "c++", *lines)
    with pytest.raises(ImportError, match=r"does not compile: x\.hpp:1: error: no such thing"):
        CppAD()
    assert not any((tmp_path / "cache" / "cppad").iterdir())


@pytest.mark.skipif(not CppAD.installed(), reason="cmeel-cppad is not installed")
def test_a_compiled_worker_is_kept_for_its_source_and_compiler_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADTIER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    run = f"exec {command('dual.py')}"
    for version, builds in (("1", 1), ("1", 1), ("2", 2)):
        program(
            tmp_path, "c++", f'[ "$1" = --version ] && echo {version} && exit',
            'while [ "$1" != -o ]; do shift; done',
            f"echo '#!/bin/sh' > $2; echo {shlex.quote(run)} >> $2; echo built >> {tmp_path}/log",
        )  # fmt: skip
        assert CppAD().settings()["worker"] == "dual numbers"
        assert len((tmp_path / "log").read_text(encoding="utf-8").split()) == builds
