"""How a script begins and how it ends: the words at its head, and what decides its exit status."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from gradtier.errors import InputError
from gradtier.evidence import Record
from gradtier.model import Mode, Nesting, Outcome, Reason
from gradtier.repro.casing import namespace
from gradtier.repro.drafts import Written
from gradtier.repro.literals import literal
from gradtier.repro.mapping import maps
from gradtier.repro.shrunk import MARK

#: What differs from the right value by less than this share of the largest one is no fault here;
#: the recorded element has a tolerance of its own.
SLACK = {"float64": "1e-9", "float32": "1e-3"}

CALLS = 40  # of a derivative that is not the same each time


def heading(made: Written) -> str:
    """The docstring: what is wrong, where it was seen, what the exit status means."""
    record, title = made.record, made.asked.case.title
    lines = [f"{_named(made)}: {_what(made)} of: {title}", "", f"Trial {made.trial}"]
    if record is None:
        lines.append("It was not measured: what it shows is not known.")
    else:
        reason = f" ({record.reason})" if record.reason else ""
        versions = ", ".join(f"{k} {v}" for k, v in sorted(record.versions.items()))
        on = f", {record.finished[:10]}" if record.finished else ""
        lines.append(
            f"Outcome {record.outcome}{reason}{on}" + (f", with {versions}" if versions else "")
        )
        lines += [record.detail] if record.detail else []
    if MARK in made.asked.case.name:
        lines.append("Its inputs were made smaller since; the outcome stayed.")
    fault = _kind(record)[0] not in (None, Outcome.AGREE, Outcome.INCONCLUSIVE)
    when = "while this is so, with 0 when it is not" if fault else "where it is wrong, else with 0"
    lines += ["", f"Exits with 1 {when}, with 2 if it can't be asked."]
    return '"""' + "\n".join(_plain(line) for line in lines) + '\n"""'


def _plain(text: str) -> str:
    """A line for a docstring: whatever stands in a record can't end it."""
    line = "".join(c if c.isprintable() else " " for c in text)[:400]
    line = line.replace("\\", "\\\\").replace('"""', "'''")
    words, out, row = line.split(" "), [], ""
    for word in words:
        if row and len(row) + 1 + len(word) > 98:
            out.append(row)
            row = word
        else:
            row = f"{row} {word}" if row else word
    return "\n".join([*out, row]).replace('"\n', "'\n").removesuffix('"')


def _named(made: Written) -> str:
    return made.row.title or made.row.package


def _what(made: Written) -> str:
    q = made.asked
    inner = "pullback (VJP)" if q.mode is Mode.REVERSE else "pushforward (JVP)"
    if q.nesting is Nesting.NONE:
        return f"the {inner}"
    outer = "pullback" if q.nesting is Nesting.REVERSE else "pushforward"
    return f"the {outer} of the {inner.split(' ')[0]}"


def of(made: Written) -> tuple[list[str], list[str]]:
    """The lines from the namespace to the derivative, and those from there to the exit."""
    start, ready = _start(made)
    outcome, reason = _kind(made.record)
    match outcome:
        case Outcome.RAISED | Outcome.UNSUPPORTED:
            return start, _raising(made, ready)
        case Outcome.CRASH | Outcome.TIMEOUT:
            return [*_guarded(made), *start], [*ready, *_answering(made)]
    endings: dict[Reason, Callable[[Written], list[str]]] = {
        Reason.DTYPE: _dtype, Reason.UNSTABLE: _unstable, Reason.MUTATED: _mutated,
        Reason.STALE: _stale, Reason.PRIMAL: _primal, Reason.RULE: _rule,
    }  # fmt: skip
    if reason == Reason.DEVICE:
        raise InputError(f"{made.trial}: no script is made of what was computed on another device")
    decided = _numeric if reason is None else endings.get(reason, _numeric)
    return start, [*ready, *decided(made)]


def _kind(record: Record | None) -> tuple[Outcome | None, Reason | None]:
    return (None, None) if record is None else (record.outcome, record.reason)


def _start(made: Written) -> tuple[list[str], list[str]]:
    """The namespace and the derivative; the function and its arguments as the library's arrays."""
    q = made.asked
    convert = made.role("array")  # another name where "array" is taken
    lines = []
    if q.dtype == "float32":
        lines = [
            "def array(a):",
            "    a = np.asarray(a)",
            '    dtype = {"f": "float32", "c": "complex64"}.get(a.dtype.kind, a.dtype)',
            f"    return {convert}(a.astype(dtype))", "", "",
        ]  # fmt: skip
    seed = _turned(made) or ("(*FIXED, *SEED)" if q.nesting is not Nesting.NONE else "SEED")
    lines += [f"xp = {namespace(made)}", "", "", *maps(made)]
    ready = [
        "f = function(xp, array)",
        f"x, seed = tuple(map(array, X)), tuple(map(array, {seed}))",
    ]
    if made.has("compiled"):
        ready.append(f"derivative = {made.role('compiled')}(derivative)")
    return lines, ready


def _turned(made: Written) -> str:
    """The seed in the library's convention for complex pullbacks, where that is another one."""
    q = made.asked
    if made.adapter.get("convention") != "transpose" or not q.is_complex:
        return ""
    return {
        "vjp": "map(np.conj, SEED)", "hvp": "[*map(np.conj, FIXED), *SEED]",
    }.get(q.map_name, "")  # fmt: skip


def _asked(made: Written) -> list[str]:
    """The derivative, computed: some libraries wait until somebody looks."""
    settled = [f"{made.role('settled')}(y, got)"] if made.has("settled") else []
    return ["y, got = derivative(x, seed)", *settled]


def _call(made: Written) -> list[str]:
    """One call of the derivative; that it raises is told as it is."""
    numpy, filled = made.role("numpy"), made.part("filled")
    turned = ["    got = [np.conj(a) for a in got]"] if _turned(made) else []
    return [
        "try:",
        *(f"    {line}" for line in _asked(made)),
        f"    got = {filled}(got, LIKE, {numpy})", *turned,
        "except Exception as error:",
        f'    {made.part("ended")}(TITLE, [f"raises {{type(error).__name__}}: {{error}}"])',
    ]  # fmt: skip


def _title(made: Written) -> str:
    names = list(made.record.versions if made.record else {}) or list(made.kind.distributions)
    kept = [n for n in names if re.fullmatch(r"[\w.-]+", n)]
    told = made.part("versions")
    name = getattr(made.asked.case.function, "__name__", "f")
    spoken = ", ".join(f'"{n}"' for n in kept)
    return f'TITLE = {told}({spoken}) + ": {_what(made)} of {name}"'


def _witness(made: Written) -> list[str]:
    """The function as finite differences see it, and what an answer is shaped like."""
    quiet = made.part("quiet")
    if made.asked.case.natives:
        lines = [
            "# a function that NumPy has not is differenced as the library itself computes it",
            f"f0 = {quiet}(lambda *x: map({made.role('numpy')}, f(*map(array, x))))",
        ]
    else:
        lines = [f"f0 = {quiet}(function(np, np.asarray))"]
    like = "X" if made.asked.map_name in ("vjp", "hvp") else "f0(*X)"
    return [*lines, f"LIKE = {like}"]


def _numeric(made: Written) -> list[str]:
    lines = [_title(made), *_witness(made), *_call(made), *_told(made)]
    return [*lines, f"{made.part('ended')}(TITLE, found)"]


def _told(made: Written) -> list[str]:
    q = made.asked
    fixed = ", FIXED" if q.nesting is not Nesting.NONE else ""
    differences = made.part(q.way)
    slack = SLACK[q.dtype]
    lines = [
        f"found = {made.part('compare')}(got, LIKE, {differences}(f0, X{fixed}, SEED), {slack})"
    ]
    plain = q.map_name == "vjp" and not q.is_complex
    if q.worst is None and plain and _kind(made.record)[0] == Outcome.WRONG:
        lines.append(f"found += {made.part('together')}(f0, X, SEED, got, {slack})")
    if q.worst is not None:
        w = q.worst
        part = {"real": "np.real", "imaginary": "np.imag"}.get(w.part or "")
        got = f"[{part}(a) for a in got]" if part else "got"
        reference, allowed = repr(w.reference), f"{w.allowed:.3g}"
        lines.append(
            f"found += {made.part('against')}({got}, {w.leaf}, {w.index}, {reference}, {allowed})"
        )
    return lines


def _raising(made: Written, ready: list[str]) -> list[str]:
    return [
        _title(made),
        "try:",
        *(f"    {line}" for line in ready),
        *(f"    {line}" for line in _asked(made)),
        f"    got = [None if a is None else {made.role('numpy')}(a) for a in got]",
        "except Exception as error:",
        f'    {made.part("ended")}(TITLE, [f"raises {{type(error).__name__}}: {{error}}"])',
        f"{made.part('ended')}(TITLE, [])",
    ]


def _answering(made: Written) -> list[str]:
    return [
        "for size in (1.0, 0.75, 1.25, 1.0):  # the same, and others beside it",
        "    x = tuple(array(size * a) for a in X)",
        *(f"    {line}" for line in _asked(made)),
        f"    print([None if a is None else {made.role('numpy')}(a) for a in got])",
    ]


def _guarded(made: Written) -> list[str]:
    """The rest of the script in a process of its own, which may hang or die."""
    made.emitter.imports["import subprocess"] = None
    return [
        'if "--here" not in sys.argv:',
        "    try:",
        '        done = subprocess.run([sys.executable, __file__, "--here"], timeout=300)',
        "    except subprocess.TimeoutExpired:",
        '        print("no answer within 300 s")',
        "        sys.exit(1)",
        "    if done.returncode < 0:",
        '        print(f"the process was killed by signal {-done.returncode}")',
        "    sys.exit(1 if done.returncode < 0 else 2 if done.returncode else 0)",
        "",
    ]


def _dtype(made: Written) -> list[str]:
    wanted = {"float64": ("float64", "complex128"), "float32": ("float32", "complex64")}
    return [
        _title(made),
        *_asked(made),
        f"dtypes = [str({made.role('numpy')}(a).dtype) for a in got if a is not None]",
        f"strange = [d for d in dtypes if d not in {wanted[made.asked.dtype]}]",
        f'told = [f"the result is {{d}}, not {made.asked.dtype}" for d in strange]',
        f"{made.part('ended')}(TITLE, told)",
    ]


def _unstable(made: Written) -> list[str]:
    numpy = made.role("numpy")
    if made.record is not None and "earlier result" in made.record.detail:
        return [
            _title(made),
            *_asked(made),
            f"before = [np.array({numpy}(a)) for a in got if a is not None]",
            "other = tuple(array(a * 1.25) for a in (*FIXED, *SEED))"
            if made.asked.nesting is not Nesting.NONE
            else "other = tuple(array(a * 1.25) for a in SEED)",
            "derivative(x, other)",
            f"after = [{numpy}(a) for a in got if a is not None]",
            "same = all(map(np.array_equal, before, after))",
            f'{made.part("ended")}(TITLE, [] if same else ["an earlier result changed"])',
        ]
    return [
        _title(made),
        "answers = set()",
        f"for _ in range({CALLS}):",
        *(f"    {line}" for line in _asked(made)),
        f"    answers.add(tuple(b'' if a is None else {numpy}(a).tobytes() for a in got))",
        f'several = [f"{{len(answers)}} different answers to the same of {CALLS}"]',
        f"{made.part('ended')}(TITLE, several if len(answers) > 1 else [])",
    ]


def _mutated(made: Written) -> list[str]:
    numpy = made.role("numpy")
    return [
        _title(made),
        f"before = [np.array({numpy}(a)) for a in (*x, *seed)]",
        "derivative(x, seed)",
        f"after = [{numpy}(a) for a in (*x, *seed)]",
        "changed = [f'input {i} was changed' for i, (a, b) in enumerate(zip(before, after))",
        "           if not np.array_equal(a, b, equal_nan=True)]",
        f"{made.part('ended')}(TITLE, changed)",
    ]


def _stale(made: Written) -> list[str]:
    there = ", ".join(literal(a) for a in made.asked.elsewhere)
    made.asked = replace(made.asked, worst=None)
    return [
        "derivative(x, seed)  # right here; then it is used again at another point",
        f"X = [{there}]",
        "x = tuple(map(array, X))",
        *_numeric(made),
    ]


def _primal(made: Written) -> list[str]:
    q = made.asked
    numpy = made.role("numpy")
    if q.nesting is Nesting.NONE:
        plain = ["def plain(x):", "    return f(*x)"]
    else:
        own = "pullback" if q.mode is Mode.REVERSE else "pushforward"
        count = len(q.fixed) if q.map_name in ("hvp", "second") else 0
        given = (
            f"seed[{count}:]"
            if (q.mode, q.nesting) == (Mode.FORWARD, Nesting.REVERSE)
            else (f"seed[:{count}]")
        )
        plain = ["def plain(x):", f"    return {made.role(own)}(f, x, {given})[1]"]
    return [
        *plain, "", "",
        _title(made),
        "value, _ = derivative(x, seed)",
        f"found = {made.part('unlike')}(",
        f"    [np.zeros(()) if a is None else {numpy}(a) for a in value],",
        "    lambda x: [",
        f"        np.zeros(()) if a is None else {numpy}(a)",
        "        for a in plain(tuple(map(array, x)))",
        "    ],",
        "    X,",
        ")",
        f"{made.part('ended')}(TITLE, found)",
    ]  # fmt: skip


def _rule(made: Written) -> list[str]:
    return [
        _title(made),
        "derivative(x, seed)",
        'found = [] if CALLS else ["the rule that was stated was not called"]',
        f"{made.part('ended')}(TITLE, found)",
    ]


def stated(counted: bool) -> list[str]:
    """``stated``: a rule in the library's own way; on NumPy the function as it is."""
    count = ["        CALLS.append(1)"] if counted else []
    head = ["CALLS = []", ""] if counted else []
    return [
        *head, "",
        "def stated(xp, primal, pushforward, pullback):",
        "    if xp is np:",
        "        return lambda *x: primal(np, *x)", "",
        "    def push(x, dx):", *count,
        "        return pushforward(xp, apply, tuple(x), tuple(dx))", "",
        "    def pull(x, dy):", *count,
        "        return tuple(pullback(xp, apply, tuple(x), dy))", "",
        "    def apply(*x):",
        "        return own(*x)", "",
        "    own = ruled(lambda *x: primal(xp, *x), push, pull)",
        "    return apply", "",
    ]  # fmt: skip
