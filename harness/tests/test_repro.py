"""``gradtier repro``: scripts that stand by themselves, and say what the record says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small_world import World, row

from gradtier.errors import InputError
from gradtier.evidence import Record
from gradtier.host import NOWHERE
from gradtier.model import Outcome, Reason, TrialId
from gradtier.repro import lifting, parts
from gradtier.repro.asking import asked
from gradtier.repro.checking import ran
from gradtier.repro.literals import literal
from gradtier.repro.smaller import cost, shorter, simpler
from gradtier.repro.staging import Stage, Symbol
from gradtier.repro.writing import script
from gradtier.running import open_matrix

ROOT = Path(__file__).parents[2]

ADAPTER = '''
"""NumPy with derivatives by hand: finite differences, spoiled."""

import numpy as np

from gradtier.backends.numpy import NumPy
from gradtier.repro.parts import slope


class Mine(NumPy):
    def __init__(self, fault="", **options):
        super().__init__(**options)
        import mine_script

        self._own, self._fault = mine_script, fault

    def pushforward(self, f, x, v):
        given = getattr(self._own, f"fault_{self._fault}", None)
        return (given.pushforward if given else self._own.pushforward)(f, x, v)
'''

SCRIPT = '''
"""How a script asks it."""

import os

import numpy as np

xp = np


def array(a):
    return np.array(a)


def numpy(a):
    return np.asarray(a)


def pushforward(f, x, v):
    h = 2.0**-20
    y = [np.asarray(a) for a in f(*x)]
    right = f(*[a + h * b for a, b in zip(x, v)])
    left = f(*[a - h * b for a, b in zip(x, v)])
    return y, [(b - a) / (2 * h) for a, b in zip(left, right)]


class fault_double:
    def pushforward(f, x, v):
        return [np.asarray(a) for a in f(*x)], [2 * np.ones_like(a) for a in f(*x)]


class fault_raise:
    def pushforward(f, x, v):
        raise ValueError(f"no derivative of {len(x)} inputs")


class fault_none:
    def pushforward(f, x, v):
        return [np.asarray(a) for a in f(*x)], [None for a in f(*x)]


class fault_shape:
    def pushforward(f, x, v):
        return [np.asarray(a) for a in f(*x)], [np.ones(7) for a in f(*x)]


class fault_nan:
    def pushforward(f, x, v):
        return [np.asarray(a) for a in f(*x)], [np.full(np.shape(a), np.nan) for a in f(*x)]


class fault_exit:
    def pushforward(f, x, v):
        os.abort()


class fault_mutate:
    def pushforward(f, x, v):
        x[0][...] += 1.0
        return [np.asarray(a) for a in f(*x)], [np.ones(np.shape(a)) for a in f(*x)]


class fault_single:
    def pushforward(f, x, v):
        return [np.asarray(a) for a in f(*x)], [np.ones(np.shape(a), np.float32) for a in f(*x)]
'''


def mine(world: World, fault: str = "") -> None:
    """A backend of one's own beside the matrix, with its script."""
    (world.folder / "mine.py").write_text(ADAPTER, encoding="utf-8")
    (world.folder / "mine_script.py").write_text(SCRIPT, encoding="utf-8")
    block = row("mine:Mine", "forward", package="mine", options={"fault": fault})
    world.add("mine", block)


def record_of(outcome: Outcome, reason: Reason | None = None, detail: str = "") -> Record:
    """A record of the small world's trial."""
    return Record(
        run="r", trial=TRIAL, digest="d", outcome=outcome, reason=reason, detail=detail,
        versions={"numpy": "2"}, finished="2026-01-02T00:00:00Z",
    )  # fmt: skip


TRIAL = "small/logs@mine/cpu/none/float64"


def made(world: World, record: Record | None, trial: str = TRIAL) -> str:
    """The script's text, by a record that is given."""
    opened = open_matrix(world.file, NOWHERE)
    parsed = TrialId.parse(trial)
    plan = opened.plan
    question = asked(plan.matrix, plan.cases[parsed.case_id], parsed, record)
    return script(parsed, question, record, plan.matrix.backends[parsed.cell.backend])


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("", Outcome.AGREE, None),
        ("double", Outcome.WRONG, Reason.VALUE),
        ("none", Outcome.WRONG, Reason.SEVERED),
        ("nan", Outcome.WRONG, Reason.NONFINITE),
        ("shape", Outcome.WRONG, Reason.SHAPE),
        ("mutate", Outcome.WRONG, Reason.MUTATED),
        ("single", Outcome.WRONG, Reason.DTYPE),
        ("raise", Outcome.RAISED, None),
        ("exit", Outcome.CRASH, None),
    ],
)
def test_a_script_ends_with_1_while_the_fault_is_there_and_with_0_without(
    world: World, fault: str, outcome: Outcome, reason: Reason | None
) -> None:
    mine(world, fault)
    sys.path.append(str(world.folder))
    try:
        text = made(world, record_of(outcome, reason))
        mine(world, "")
        mended = made(world, record_of(outcome, reason))
    finally:
        sys.path.remove(str(world.folder))
        for name in ("mine", "mine_script"):
            sys.modules.pop(name, None)
    end = ran(text)
    assert end.status == (0 if outcome is Outcome.AGREE else 1), end.said
    end = ran(mended)
    assert end.status == 0, end.said


def test_a_script_cannot_see_gradtier_when_it_is_checked() -> None:
    end = ran("import gradtier\n")
    assert end.status == 3
    assert "gradtier" in end.said
    assert ran("import sys; sys.exit(1)").faulty
    assert not ran("raise ValueError('of its own')").faulty


def test_words_of_a_record_do_not_leave_the_docstring(world: World) -> None:
    mine(world)
    sys.path.append(str(world.folder))
    hostile = 'x"""\nimport os; os._exit(77)\n"""\\ \x1b[31m \\"""' + "'" * 3 + '"' * 5 + "\\"
    try:
        text = made(world, record_of(Outcome.WRONG, Reason.VALUE, hostile))
    finally:
        sys.path.remove(str(world.folder))
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert "_exit" not in "".join(ast.unparse(node) for node in tree.body[1:])
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize(
    "array",
    [
        np.array(0.1), np.array([-0.0, 5e-324, 1e300, -1 / 3]), np.zeros((3, 0)), np.zeros((0, 2)),
        np.array([1.5, -2.0]), np.float32([0.1, 1e-30]).astype(np.float64),
        np.array([np.nan, np.inf]),
        np.array([1 + 0j, complex(-0.0, -0.0), complex(0.0, -0.0)]), np.array([[True], [False]]),
        np.array([-(2**63), 2**63 - 1]), np.array([0.1], np.float32), np.arange(2000.0) / 7,
        np.array([1e-5, 123456789012.0]), np.array([0.1 + 0.2j], np.complex64),
    ],
)  # fmt: skip
def test_an_array_written_down_is_the_array_to_the_bit(array: Any) -> None:
    import base64
    import zlib

    back = eval(literal(array), {"np": np, "base64": base64, "zlib": zlib})
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


SMOOTH = [
    (lambda x: np.exp(x), 0.3, np.exp(0.3)),
    (lambda x: np.sin(50 * x), 0.2, 50 * np.cos(10.0)),
    (lambda x: np.log(x), 2.0**-10, 2.0**10),
    (lambda x: x**7, 1.25, 7 * 1.25**6),
    (lambda x: 1e8 + x, 1.0, 1.0),
    (lambda x: np.exp(-x * x) * 1e-20, 0.5, -np.exp(-0.25) * 1e-20),
    (lambda x: np.float64(np.float32(np.sin(x))), 0.7, np.cos(0.7)),
    (lambda x: 0 * x + 3.0, 0.7, 0.0),
]


@pytest.mark.parametrize(("f", "at", "right"), SMOOTH)
def test_an_error_bar_holds_the_right_slope(f: Any, at: float, right: float) -> None:
    step = 2.0 ** np.floor(np.log2(at))
    value, bar = parts.slope(lambda t: np.array([f(at + t * step)]))
    assert abs(value[0] / step - right) <= 8 * bar[0] / step
    assert bar[0] < np.inf


def test_the_bar_at_a_kink_spans_both_slopes_and_no_more() -> None:
    value, bar = parts.slope(lambda t: np.array([max(t, 0.0)]))
    assert 8 * bar[0] == pytest.approx(0.5, rel=0.1)
    assert value[0] == pytest.approx(0.5)


def test_a_jump_and_a_value_that_is_none_accuse_nobody() -> None:
    for f in (np.sign, lambda t: np.nan + t, lambda t: np.sqrt(t)):
        _, bar = parts.slope(lambda t, f=f: np.array([f(t)]))
        assert bar[0] == np.inf


@pytest.mark.parametrize(
    ("f", "right"),
    [(lambda s, t: np.exp(s + 2 * t), 2.0), (lambda s, t: np.sin(3 * s) * t + s**3, 3.0)],
)
def test_an_error_bar_holds_the_right_mixed_derivative(f: Any, right: float) -> None:
    value, bar = parts.mixed(lambda s, t: np.array([f(s, t)]))
    assert abs(value[0] - right) <= 8 * bar[0] < 1e-5


def test_each_kind_of_wrong_answer_is_told() -> None:
    told = np.array([1.0, 2.0]), np.array([1e-12, 1e-12])
    like = [np.zeros(2)]
    assert not parts.compare([np.array([1.0, 2.0])], like, told, 1e-9)
    for wrong in ([1.0, 2.1], [np.nan, 2.0], [1.0, np.inf], [0.0, 0.0]):
        assert parts.compare([np.array(wrong)], like, told, 1e-9), wrong
    assert parts.compare([np.zeros(3)], like, told, 1e-9)
    wide = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    assert not parts.compare([np.array([3.0, 2.0])], like, wide, 1e-9)
    assert parts.compare([np.array([np.nan, 2.0])], like, wide, 1e-9), "no number is no convention"
    blunt = np.array([1.0, 2.0]), np.array([np.inf, np.inf])
    assert not parts.compare([np.array([5.0, 5.0])], like, blunt, 1e-9)
    assert parts.against([np.array([np.nan])], 0, 0, 0.0, 1e300)
    assert parts.against([np.zeros(1)], 0, 9, 0.0, 1.0)


def test_complex_gradients_by_differences_are_those_of_the_oracles_convention() -> None:
    x, w = [np.array([1.0 + 0.5j])], [np.array([2.0 - 1.0j])]
    value, bar = parts.complex_vjp_by_differences(parts.quiet(lambda x: (x * x,)), x, w)
    assert abs(value[0] - np.conj(2 * x[0][0]) * w[0][0]) <= 8 * bar[0] < 1e-8


def test_every_smaller_point_is_smaller_so_that_shrinking_ends() -> None:
    point = (np.array([[1.25, 0.0, -3.0], [7.5, 1.0, 0.1]]), np.array([2, 1, 0]), np.array(0.3))
    made = list(shorter(point))
    assert made
    size = [(sum(a.size for a in p), sum(a.ndim for a in p)) for p in (point, *made)]
    assert all(s < size[0] for s in size[1:])
    assert any(p[0].shape[-1] == p[1].shape[0] == 2 for p in made), "lengths shrink together"
    simple = list(simpler(point, [True, False, True]))
    whole = sum(map(cost, point))
    assert simple
    assert all(sum(map(cost, p)) < whole for p in simple)
    assert all(np.array_equal(p[1], point[1]) for p in simple), "an index is no number"


def test_text_is_lifted_without_annotations_and_with_names_in_their_scope(tmp_path: Path) -> None:
    file = tmp_path / "piece.py"
    file.write_text(
        "import math\nK = 2\n\n\ndef made(op: int) -> object:\n"
        "    def inner(x: float, /, *, axis: int | None = None, K2: str = 'é') -> float:\n"
        '        """A docstring."""\n\n        op2: int = op(x)  # kept\n'
        "        return sum(op(K) for K in [x]) + K + op2\n\n    return inner\n",
        encoding="utf-8",
    )
    space: dict[str, Any] = {"__file__": str(file)}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), space)
    inner = space["made"](abs)
    node = lifting.node_of(inner.__code__)
    text = lifting.lifted(str(file), node, {"op": "np.abs", "K": "K_2"}, "renamed")
    assert ": int" not in text
    assert "->" not in text
    assert '"""' not in text
    assert "axis=None, K2='é'" in text
    assert "op2 = np.abs(x)  # kept" in text
    assert text.startswith("def renamed(x, /, *,")
    compile(text, "piece", "exec")


def test_a_stand_in_knows_by_what_it_was_reached() -> None:
    stage = Stage(["nowhere"])
    module = stage.symbol("nowhere.inner")
    assert module.f.g.symbol_text == "nowhere.inner.f.g"
    assert module.f(1, k="v").symbol_text == "nowhere.inner.f(1, k='v')"
    assert not hasattr(Symbol("a", "", frozenset({"_hidden"})), "_hidden")


ROWS = yaml.safe_load((ROOT / "matrix.yaml").read_text(encoding="utf-8"))["backends"]
WITHOUT = ("cppad", "julia", "absent", "numpy")  # no script: a worker's, none here, differences


@pytest.mark.parametrize(
    "backend", [n for n, b in ROWS.items() if b.get("adapter") and not b.get("suites")]
)
def test_a_script_of_every_row_is_python_that_names_no_gradtier(backend: str) -> None:
    opened = flagship()
    adapter = opened.plan.matrix.backends[backend].adapter
    module = adapter.partition(":")[0].rpartition(".")[2]
    for case in ("nn/dense", "fused/layer_norm", "structured/scan_cell", "linalg/norm_zero_row"):
        trial = TrialId.parse(f"{case}@{backend}/cpu/none/float64")
        matrix, found = opened.plan.matrix, opened.plan.cases[case]
        question = asked(matrix, found, trial, None)
        if module in WITHOUT:
            with pytest.raises(InputError, match="no script is offered"):
                script(trial, question, None, matrix.backends[backend])
            return
        text = script(trial, question, None, matrix.backends[backend])
        imported = {
            name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else
                         [a.name for a in node.names])
        }  # fmt: skip
        assert not {n for n in imported if str(n).startswith("gradtier")}
        assert ": Any" not in text


_FLAGSHIP: list[Any] = []


def flagship() -> Any:
    """The repository's own matrix, opened once."""
    if not _FLAGSHIP:
        _FLAGSHIP.append(open_matrix(ROOT / "matrix.yaml", NOWHERE))
    return _FLAGSHIP[0]


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        ("small/logs", "is no trial id"),
        ("small/lags@exact-reverse/cpu/none/float64", "did you mean 'logs'"),
        ("small/logs@exact-revers/cpu/none/float64", "did you mean 'exact-reverse'"),
        ("small/logs@exact-reverse/gpu/none/float32", "2 problems"),
    ],
)
def test_an_unknown_trial_is_answered_with_the_nearest_one(
    world: World, trial: str, words: str
) -> None:
    done = world.gradtier("repro", trial)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_what_was_not_measured_is_said_and_scripted_all_the_same(world: World) -> None:
    done = world.gradtier("repro", "small/dense@exact-reverse/cpu/none/float64", "--check")
    assert done.returncode == 0, done.stderr
    assert "not measured" in done.stderr
    assert "It was not measured" in done.stdout
    compile(done.stdout, "repro", "exec")


def test_a_record_of_an_older_declaration_is_no_record(world: World) -> None:
    trial = "small/logs@exact-reverse/cpu/none/float64"
    file = world.folder / "e.jsonl"
    ran_ = world.gradtier(
        "run", "--evidence", str(file), "--backend", "exact-reverse",
        "--case", "logs", "--nesting", "none",
    )  # fmt: skip
    assert ran_.returncode == 0, ran_.stderr
    done = world.gradtier("repro", trial, "--evidence", str(file), "--check")
    assert done.returncode == 0, done.stderr
    assert "it ends as recorded (agree)" in done.stderr
    world.suite((world.folder / "small.py").read_text().replace("positive(5)", "positive(6)"))
    done = world.gradtier("repro", trial, "--evidence", str(file))
    assert "not measured as it is declared now" in done.stderr


def test_shrinking_keeps_the_outcome_and_tells_from_what_to_what(world: World) -> None:
    mine(world, "double")
    done = world.gradtier("repro", TRIAL, "--minimize", "--seconds", "20", "--check")
    assert done.returncode == 0, done.stderr
    assert "from x (5,) to x ()" in done.stderr or "from x (5,) to x (1,)" in done.stderr
    assert "made smaller since" in done.stdout
    agreeing = "small/logs@exact-reverse/cpu/none/float64"
    done = world.gradtier("repro", agreeing, "--minimize", "--seconds", "20")
    assert done.returncode == 2
    assert "there is nothing to keep" in done.stderr


REAL = [
    ("jax", "linalg/norm_zero_row@jax-reverse/cpu/none/float64", 1),
    ("jax", "array/sign.complex@jax-jit-forward/cpu/none/float64", 1),
    ("torch", "special/y0@torch-autograd-reverse/cpu/none/float64", 1),
    ("torch", "nn/dense@torch-forward-ad/cpu/reverse/float64", 0),
    ("tensorflow", "nn/dense@tensorflow-tape-reverse/cpu/forward/float64", 0),
    ("autograd", "special/sinc@autograd-reverse/cpu/none/float64", 1),
    ("autograd", "rules/sine@autograd-primitive-forward/cpu/none/float64", 0),
]


@pytest.mark.integration
@pytest.mark.parametrize(("package", "trial", "status"), REAL, ids=[t for _, t, _ in REAL])
def test_real_packages_answer_their_scripts_as_is_known_of_them(
    package: str, trial: str, status: int
) -> None:
    pytest.importorskip(package)
    opened, parsed = flagship(), TrialId.parse(trial)
    matrix = opened.plan.matrix
    question = asked(matrix, opened.plan.cases[parsed.case_id], parsed, None)
    end = ran(script(parsed, question, None, matrix.backends[parsed.cell.backend]))
    assert end.status == status, end.said


def test_without_the_package_a_script_says_that_it_cannot_ask(world: World) -> None:
    done = world.gradtier("repro", "small/dense@exact-reverse/cpu/none/float64")
    text = done.stdout.replace("import autograd", "import autograd_that_is_not_here")
    end = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert end.returncode == 2
    assert "can't be asked" in end.stdout
