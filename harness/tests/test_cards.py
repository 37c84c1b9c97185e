"""CUDA cells without a card: an adapter and a driver's tool that pretend to have one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pretend
import pytest
from small_world import World, row

from gradtier import oracle
from gradtier.checks import compared
from gradtier.direct import Direct, read
from gradtier.doctor import start_all
from gradtier.engine import Engines
from gradtier.evidence import Record
from gradtier.front import assessed
from gradtier.host import Card, Cards, cards, probe
from gradtier.messages import Ready
from gradtier.model import Outcome, Reason
from gradtier.oracle import Apart, Verdict
from gradtier.running import Order, open_matrix, runner
from gradtier.support import State
from gradtier.table import tabulate

ONE = "GPU-11, Pretend 9000, 570.10"
TWO = f"{ONE}\nGPU-22, Pretend 10, 570.10"


def tool(folder: Path, script: str) -> str:
    """A PATH on which nvidia-smi is this script, before everything else."""
    folder.mkdir(exist_ok=True)
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    file.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def saying(text: str) -> str:
    return f"cat <<'END'\n{text}\nEND"


def carded(folder: Path, *ways: str) -> World:
    """A world with a row per way to behave on a card."""
    shutil.copy(pretend.__file__, folder)
    world = World(folder)
    world.matrix["axes"]["devices"] = ["cpu", "cuda"]
    for way in ways:
        world.add(
            way.replace(" ", "-"),
            row("pretend:Carded", package="pretend", devices=["cpu", "cuda"], title=f"A {way} card",
                options={"way": way}),
        )  # fmt: skip
    return world


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Record]:
    """First-order trials of each way on the card, and a few more, measured once for all tests."""
    pytest.importorskip("autograd")
    folder = tmp_path_factory.mktemp("cards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", tool(folder / "bin", saying(ONE)))
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        opened = open_matrix(carded(folder, *pretend.WAYS).file)
        todo = runner(opened, Order("test", str(folder / "e.jsonl"), str(folder), {}, ()))
        try:
            return {name: todo.run(opened.plan.by_id[f"small/{name}"])[0] for name in _asked()}
        finally:
            todo.engines.close()


def _asked() -> list[str]:
    names = [f"dense@{way.replace(' ', '-')}/cuda/none/float64" for way in pretend.WAYS]
    more = ["dense@no-host/cpu/none/float64"]
    return [
        *names,
        *more,
        *(f"logs@right/cuda/{outer}/float64" for outer in ("forward", "reverse")),
    ]


def on_card(records: Mapping[str, Record], row: str) -> Record:
    return records[f"dense@{row}/cuda/none/float64"]


def test_a_record_of_a_trial_on_a_card_says_which_card_and_how_it_computed(
    records: Mapping[str, Record],
) -> None:
    record = on_card(records, "right")
    assert record.outcome is Outcome.AGREE, record
    assert record.observed == {
        "device": "cuda", "dtype": "float64", "card": "Pretend 9000", "driver": "570.10",
        "cuda": "99.1", "tf32": "off", "deterministic": "on",
    }  # fmt: skip


def test_a_record_of_a_trial_on_the_cpu_claims_no_card() -> None:
    ready = Ready({}, ("cpu", "cuda"), {"x64": "on"}, {"cuda": {"card": "A", "x64": "half"}})
    assert ready.observed("cpu") == {"x64": "on"}
    assert ready.observed("cuda") == {"x64": "half", "card": "A"}


def test_a_card_that_can_not_be_named_costs_no_trial(records: Mapping[str, Record]) -> None:
    record = on_card(records, "rounds")
    assert record.outcome is Outcome.AGREE
    assert record.observed["of the card"] == "unknown: RuntimeError: the driver is too old"
    assert (record.observed["card"], record.observed["driver"]) == ("Pretend 9000", "570.10")


def test_the_same_numbers_on_both_devices_are_said_to_be_the_same(
    records: Mapping[str, Record],
) -> None:
    assert on_card(records, "right").checks["cpu"] == "the same to the bit"
    assert on_card(records, "rounds").outcome is Outcome.AGREE
    assert on_card(records, "rounds").checks["cpu"] == "the same within 1 ulp"


def test_a_library_that_falls_back_in_silence_is_wrong_for_its_device(
    records: Mapping[str, Record],
) -> None:
    record = on_card(records, "falls-back")
    assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.DEVICE)
    assert record.detail == "computed on cpu, not on cuda alone"
    assert record.observed["device"] == "cpu"
    assert record.checks["cpu"] == "not compared: not on cuda alone, but on cpu too"


def test_a_derivative_on_the_host_beside_a_value_on_the_card_is_not_missed(
    records: Mapping[str, Record],
) -> None:
    record = on_card(records, "host-derivative")
    assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.DEVICE)
    assert record.observed["device"] == "cpu,cuda"


def test_what_is_wrong_on_the_card_alone_is_told_apart_from_what_is_wrong_everywhere(
    records: Mapping[str, Record],
) -> None:
    alone, both = on_card(records, "card-wrong"), on_card(records, "both")
    for record in (alone, both):
        assert (record.outcome, record.reason) == (Outcome.WRONG, Reason.VALUE)
    says = alone.checks["cpu"]
    assert says.startswith("right on the cpu: apart by ")
    assert " times what both may be off, at leaf 0[0]: cuda " in says
    assert both.checks["cpu"] == "wrong on the cpu too, by the same numbers"


def test_a_build_that_sees_no_card_is_unavailable_and_never_a_failure(
    records: Mapping[str, Record],
) -> None:
    record = on_card(records, "sees-none")
    assert record.outcome is Outcome.UNAVAILABLE
    assert record.detail == "pretend as installed here sees no cuda"


def test_a_card_without_memory_is_no_fault_of_the_backend(records: Mapping[str, Record]) -> None:
    record = on_card(records, "full-and-dies")
    assert record.outcome is Outcome.ERROR
    assert record.detail.startswith("the card's memory ran out, also when no other process")
    assert "status 7: PretendOutOfMemory" in record.detail


def test_memory_that_other_processes_held_is_taken_back_before_a_trial_is_given_up(
    records: Mapping[str, Record],
) -> None:
    assert on_card(records, "full-once").outcome is Outcome.AGREE


def test_a_cpu_that_does_not_answer_costs_the_card_nothing(records: Mapping[str, Record]) -> None:
    record = on_card(records, "no-host")
    assert record.outcome is Outcome.AGREE
    assert record.checks["cpu"].startswith("not compared: the cpu does not answer: ValueError")


def test_the_words_for_a_full_card_mean_nothing_on_the_cpu(records: Mapping[str, Record]) -> None:
    record = records["dense@no-host/cpu/none/float64"]
    assert record.outcome is Outcome.RAISED
    assert "card" not in record.observed


@pytest.mark.parametrize("outer", ["forward", "reverse"])
def test_nested_derivatives_are_compared_as_well(records: Mapping[str, Record], outer: str) -> None:
    record = records[f"logs@right/cuda/{outer}/float64"]
    assert (record.outcome, record.checks["cpu"]) == (Outcome.AGREE, "the same to the bit")


AGREES = Verdict(oracle.Outcome.AGREE, None, "")
WRONG = Verdict(oracle.Outcome.WRONG, oracle.Reason.VALUE, "")
STALE = replace(WRONG, reason=oracle.Reason.STALE)
NEARBY = replace(WRONG, findings=(oracle.Finding.WRONG_NEARBY.value,))
FAR = Apart(40.0, 1e9, "leaf 0[2]", 1.5, 1.25)
DIFFERS = "by 40 times what both may be off, at leaf 0[2]: cuda 1.5, cpu 1.25"


@pytest.mark.parametrize(
    "both, verdict, says",
    [
        (Apart(0.5, 3.0), AGREES, "the same within 4 ulp"),
        (Apart(0.5, 0.4), AGREES, "the same within 1 ulp"),
        (Apart(0.9, 1e6), AGREES, "the same within tolerance"),  # terms that cancel
        (FAR, AGREES, f"differs {DIFFERS}"),  # another convention at a kink
        (FAR, WRONG, f"differs {DIFFERS}"),  # without a reference nobody knows which is wrong
        (replace(FAR, first_right=False, second_right=False), WRONG, f"differs {DIFFERS}"),
        (
            replace(FAR, first_right=False, second_right=True), WRONG,
            f"right on the cpu: apart {DIFFERS}",
        ),
        # these numbers are right; what is wrong is not about them
        (Apart(first_right=True, second_right=True), STALE, "the same to the bit"),
        (Apart(first_right=True, second_right=True), NEARBY, "the same to the bit"),
        (Apart(), WRONG, "wrong on the cpu too, by the same numbers"),
        (Apart(first_fault="f", second_fault="f"), WRONG, "wrong on the cpu too, in the same way"),
        (Apart(np.inf, first_fault="3 leaves"), WRONG, "right on the cpu: 3 leaves"),
        (Apart(np.inf, second_fault="3 leaves"), AGREES, "differs: 3 leaves"),
    ],
)  # fmt: skip
def test_words_for_two_devices_blame_neither_without_knowing(
    both: Apart, verdict: Verdict, says: str
) -> None:
    assert compared(both, "cuda", verdict) == says
    assert read(says) is not Direct.UNKNOWN


def test_a_run_on_a_card_reports_its_cells_and_what_the_cpu_said_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("autograd")
    monkeypatch.setenv("PATH", tool(tmp_path / "bin", saying(ONE)))
    world = carded(tmp_path, "right", "card wrong")
    done = world.gradtier(
        "run", "--device", "cuda", "--nesting", "none", "--evidence", "e.jsonl"
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(x) for x in (world.folder / "e.jsonl").read_text().splitlines()]
    assert lines[0]["host"]["cards"] == "Pretend 9000, 570.10"
    assert {x["trial"].split("@")[1] for x in lines[1:]} == {
        "right/cuda/none/float64", "card-wrong/cuda/none/float64"
    }  # fmt: skip
    done = world.gradtier("report", "--evidence", "e.jsonl", "--out", "site")
    assert done.returncode == 0, done.stdout + done.stderr
    page = (world.folder / "site" / "backends" / "right.html").read_text()
    assert "On cuda and on the CPU: the same in 2 of 2 trials." in page
    page = (world.folder / "site" / "backends" / "card-wrong.html").read_text()
    assert "2 right on the cpu" in page


def test_a_run_of_which_nothing_can_run_here_says_so_and_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("autograd")
    monkeypatch.setenv("PATH", tool(tmp_path / "bin", "echo No devices were found; exit 6"))
    world = carded(tmp_path, "right")
    done = world.gradtier("run", "--device", "cuda", "--evidence", "e.jsonl")
    assert done.returncode == 1, done.stdout
    why = "nvidia-smi finds no CUDA device: No devices were found (6 trials)"
    assert f"None of them can run here: {why}" in done.stdout
    assert f"Nothing was measured: {why}" in done.stdout
    done = world.gradtier("run", "--device", "cuda", "--shard", "1/2", "--evidence", "part.jsonl")
    assert done.returncode == 0, "a part may well be all of what is not there"
    whole = assessed(world.file, (world.folder / "e.jsonl",), None)
    table = tabulate(whole.opened.plan, whole.assessments, whole.evidence, whole.today)
    (row_,) = [r for r in table.rows if r.id == "right"]
    assert {c.state for c in row_.cells if c.device == "cuda"} == {State.NOT_TESTED}


# ---------------------------------------------------------------------------- the driver's tool


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No card is chosen by whoever runs these tests."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)


@pytest.mark.parametrize(
    "script, why",
    [
        ("echo No devices were found", "nvidia-smi finds no CUDA device: No devices were found"),
        ("echo broken driver >&2; exit 9", "nvidia-smi finds no CUDA device: broken driver"),
        ("exit 0", "nvidia-smi finds no CUDA device: it says nothing"),
        ("exec sleep 60", "nvidia-smi gives no answer within 0.3 s"),
    ],
)
def test_a_driver_that_fails_is_no_card_and_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path, script))
    assert cards(0.3) == Cards(why_not=why)


def test_a_tool_that_can_not_be_run_is_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path, ""))
    (tmp_path / "nvidia-smi").write_text("#!/no/such/interpreter\n", encoding="ascii")
    assert cards().why_not.startswith("nvidia-smi can't be run: ")


def test_the_cards_of_a_host_are_among_its_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path, saying(TWO)))
    host = probe()
    assert host.facts["cards"] == "Pretend 9000, 570.10; Pretend 10, 570.10"
    assert not host.absent


@pytest.mark.parametrize("value", ["", "-1"])
def test_cards_that_are_hidden_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path, saying(ONE)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert probe().absent == {"cuda": "CUDA_VISIBLE_DEVICES hides every CUDA device"}


BY_BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(
    "environment, card",
    [
        ({}, "Fast or Slow"),  # CUDA counts by speed, the tool by the bus
        (BY_BUS, "Fast"),
        ({**BY_BUS, "CUDA_VISIBLE_DEVICES": "1,0"}, "Slow"),
        ({**BY_BUS, "CUDA_VISIBLE_DEVICES": "7"}, "Fast or Slow"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-2"}, "Slow"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, "Fast or Slow"),
    ],
)
def test_of_several_cards_the_one_that_is_used_is_named_or_none_is_singled_out(
    environment: Mapping[str, str], card: str
) -> None:
    found = Cards((Card("GPU-11", "Fast", "1"), Card("GPU-22", "Slow", "1")))
    assert found.seen(environment) == {"card": card, "driver": "1"}


def test_cards_that_are_alike_need_not_be_told_apart() -> None:
    found = Cards((Card("GPU-11", "Fast", "1"), Card("GPU-22", "Fast", "1")))
    assert found.seen({"CUDA_VISIBLE_DEVICES": "1"})["card"] == "Fast"


def test_the_doctor_names_the_card_that_a_library_sees_and_none_where_it_sees_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", tool(tmp_path / "bin", saying(ONE)))
    world = carded(tmp_path, "sees none", "right")
    opened = open_matrix(world.file)
    engines = Engines(opened.plan.matrix, opened.suites, opened.loaded.root)
    found = dict(start_all(engines, opened.plan.matrix, opened.host, 1))
    assert found["right"].settings["cuda card"] == "Pretend 9000"
    assert found["sees-none"].devices == ("cpu",)
    assert not found["sees-none"].settings
