"""A trial as the text of a script."""

from __future__ import annotations

from gradtier.errors import InputError
from gradtier.evidence import Record
from gradtier.matrix import Backend
from gradtier.model import Reason, TrialId
from gradtier.repro import endings
from gradtier.repro.asking import Asked
from gradtier.repro.casing import CaseText
from gradtier.repro.drafts import Written, begun
from gradtier.repro.emitting import UnscriptableError


def script(trial: TrialId, asked: Asked, record: Record | None, row: Backend) -> str:
    """The script's text.

    Raises:
        InputError: this backend, or something that the trial reaches, has no script.
    """
    try:
        return _script(begun(trial, asked, record, row))
    except UnscriptableError as why:
        raise InputError(f"{trial}: no script can be made of it: {why}") from why


def _script(made: Written) -> str:
    text = CaseText(made)
    body = [text.inputs()]
    if made.asked.case.rules:
        if "ruled" not in made.adapter:
            raise InputError(f"{made.trial}: {made.row.package} has no way to state a rule")
        made.role("ruled")
        counted = made.record is not None and made.record.reason == Reason.RULE
        body += endings.stated(counted)
    body += ["", "", *text.bound(), "", ""]
    start, end = endings.of(made)
    body += start
    head = endings.heading(made)
    e = made.emitter
    imports = dict.fromkeys(["import sys", "import numpy as np", *e.imports])
    if any("base64" in line for line in body):
        imports |= dict.fromkeys(["import base64", "import zlib"])
    if made.early:
        imports["import os"] = None
    standard = sorted(line for line in imports if "numpy" not in line)
    blocks = [head, "\n".join(standard), "import numpy as np"]
    if made.early:
        blocks.append("\n".join(made.early))
    if e.libraries:
        lines = [f"    {line}" for line in e.libraries]
        blocks.append("\n".join([
            "try:", *lines, "except ImportError as error:",
            '    print(f"can\'t be asked: {error}")', "    sys.exit(2)",
        ]))  # fmt: skip
    if made.setup:
        blocks.append("\n".join(made.setup))
    blocks += e.definitions
    blocks.append("\n".join(body))
    if made.machinery:
        blocks.append("# What it is judged by: finite differences with an error bar, on NumPy.")
        blocks += made.machinery
    whole = _spaced(blocks)
    return whole.rstrip() + "\n\n\n" + "\n".join(end).strip() + "\n"


def _spaced(blocks: list[str]) -> str:
    """Blocks with a blank line between them, two around functions and classes."""
    out, before = "", ""
    for block in blocks:
        large = any(b.lstrip().startswith(("def ", "class ", "@")) for b in (block, before))
        out += ("\n\n" if large else "\n") + block.strip("\n") + "\n" if out else block + "\n"
        before = block
    return out
