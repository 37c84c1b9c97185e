"""What the parts of the benchmark add up to: one JSON document, one page of tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from defects import DEFECTS
from misses import why
from tables import cell, percent, table

SCHEMA = "gradtier/bench-oracle/1"
RIVALS = ("gradcheck slow", "gradcheck fast", "check_grads")
#: The verdict on the very gradient that gradcheck judges, by a dossier that is known already.
LIKE_FOR_LIKE = "further, autograd.grad"
BY_OTHER_INTERFACE = "further"


def whole(parts: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, Any]:
    """All results; what is promised stands on top."""
    right, wrong, compare = parts["right"], parts["wrong"], parts["compare"]
    operators = parts["operators"]["summary"]
    shares = {dtype: found["share"] for dtype, found in right["inconclusive"].items()}
    speed = operators["speed_vs_gradcheck_slow"]
    return {
        "schema": SCHEMA,
        **head,
        "functions": sum(right["functions"].values()),
        "functions_by_kind": right["functions"],
        "seeds": right["seeds"],
        "right_trials": right["right_trials"],
        "false_alarms": right["false_alarms"],
        "inconclusive_share": max(shares.values()),
        "inconclusive_share_by_dtype": shares,
        "inconclusive_share_of_all_by_dtype": {
            dtype: found["share"] for dtype, found in right["inconclusive_of_all"].items()
        },
        "detected_float64": wrong["detected_float64"]["share"],
        "detected_float32": wrong["detected_float32"]["share"],
        "speed_vs_gradcheck_slow": speed[LIKE_FOR_LIKE]["cpu"],
        "speed_vs_gradcheck_slow_torch_func": speed[BY_OTHER_INTERFACE]["cpu"],
        "speed_vs_gradcheck_slow_first": speed["first, with reference"]["cpu"],
        "operator_agreement": operators["agreement"]["further"]["rate"],
        "cost_targets": compare["targets"],
        "seconds": {name: part["seconds of the part"] for name, part in parts.items()},
        "right": _without(right, "functions", "seeds", "seconds of the part"),
        "wrong": _without(wrong, "seconds of the part"),
        "compare": _without(compare, "seconds of the part"),
        "operators": {
            **operators,
            "operators in short": {
                name: _in_short(records)
                for name, records in parts["operators"]["operators"].items()
            },
        },
        "adjoint": _without(parts["adjoint"], "seconds of the part"),
        "defects": [asdict(defect) for defect in DEFECTS],
    }


def summary(found: Mapping[str, Any]) -> str:
    """The promised figures, a line each."""
    shares = ", ".join(f"{d} {percent(s)}" for d, s in found["inconclusive_share_by_dtype"].items())
    return "\n".join(
        (
            f"right trials {found['right_trials']}, false alarms {found['false_alarms']}",
            f"inconclusive: {shares}",
            f"faults detected: float64 {percent(found['detected_float64'])},"
            f" float32 {percent(found['detected_float32'])}",
            f"operators: agreement with slow gradcheck {percent(found['operator_agreement'])},"
            f" further verdicts {found['speed_vs_gradcheck_slow']} times as fast",
        )
    )


def page(found: Mapping[str, Any]) -> str:
    """The page: Markdown."""
    sections = (
        _head(found), _promised(found), _right(found), _wrong(found), _rivals(found),
        _costs(found), _operators(found), _limits(found),
    )  # fmt: skip
    return "\n\n".join(sections) + "\n"


def _head(found: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    machine = ", ".join(str(word) for word in found["machine"].values())
    minutes = sum(found["seconds"].values()) / 60
    return (
        "# How far the oracle can be believed\n\n"
        "Written by `python3 ci/bootstrap.py -s oracle` from `oracle.json`; not edited by hand.\n"
        f"Measured on {found['made']} in {minutes:.0f} minutes on {machine}; {versions}.\n\n"
        f"{found['functions']} functions with right derivatives"
        f" ({', '.join(f'{n} {kind}' for kind, n in found['functions_by_kind'].items())}) are drawn"
        f" {found['seeds']} times and differentiated by JAX, PyTorch and HIPS autograd. The oracle"
        " knows a system by its answers alone; its reference is always another package. They were"
        " written after the oracle's constants had been chosen. What they showed to be wrong in its"
        " rules has been mended since, so that of these rules they are no blind test."
    )


def _promised(found: Mapping[str, Any]) -> str:
    targets = found["cost_targets"]
    rows = [
        ("right trials", found["right_trials"], "at least 5000"),
        ("false alarms", found["false_alarms"], "0"),
        *(
            (f"inconclusive where the derivative exists, {dtype}", percent(share), "at most 3 %")
            for dtype, share in found["inconclusive_share_by_dtype"].items()
        ),
        ("faults found, float64, of those above its resolution", percent(found["detected_float64"]),
         "at least 99 %"),
        ("faults found, float32", percent(found["detected_float32"]), ""),
        ("PyTorch's operators: slow gradcheck's time over that of further verdicts",
         found["speed_vs_gradcheck_slow"], "at least 20"),
        ("the same, of first verdicts with a reference",
         found["speed_vs_gradcheck_slow_first"], ""),
    ]  # fmt: skip
    for name, target in targets.items():
        ratios = target["as used"]
        rows.append((f"{name}: evaluations", ratios["evaluations"], f"at most {target['most']}"))
        rows.append((f"{name}: seconds", ratios["seconds"], f"at most {target['most']}"))
    return "## In short\n\n" + table(("", "measured", "asked"), rows)


def _right(found: Mapping[str, Any]) -> str:
    right = found["right"]
    text = (
        "## Right derivatives\n\nOutcomes of right derivatives, those of points without a"
        " derivative among them (`exists: false` in the JSON file). Evaluations are medians.\n\n"
    )
    rows = [(words, count) for words, count in right["outcomes"].items()]
    text += table(("precision and outcome", "trials"), rows)
    costs = [
        (f"{name} {which}", figures["verdicts"], *(figures[k]["median"] for k in (
            "primal_evaluations", "derivative_evaluations", "milliseconds")))
        for name, both in right["cost_by_map"].items()
        for which, figures in both.items()
        if figures["verdicts"]
    ]  # fmt: skip
    head = ("map and verdict", "verdicts", "primal evaluations", "derivative evaluations", "ms")
    text += "\n\n" + table(head, costs)
    lost = right["without_a_digit"]
    of_all = found["inconclusive_share_of_all_by_dtype"]
    text += (
        "\n\nWhere most of a function's own values in float32 have no correct digit, the function"
        " that is differentiated there is another one; such trials do not count among those whose"
        f" derivative exists: {', '.join(lost) or 'none'}. Over all trials the inconclusive share"
        " is " + ", ".join(f"{dtype} {percent(share)}" for dtype, share in of_all.items()) + "."
    )
    unsure = [(e["function"], e["map"], e["dtype"], e["system"], _first_line(e["verdict"]))
              for e in right["inconclusive_told"] if e["exists"]]  # fmt: skip
    if unsure:
        text += "\n\nInconclusive although the derivative exists:\n\n"
        text += table(("function", "map", "precision", "system", "verdict"), _unique(unsure))
    if right["false_alarms_told"]:
        alarms = [(e["function"], e["map"], e["dtype"], e["system"], _first_line(e["verdict"]))
                  for e in right["false_alarms_told"]]  # fmt: skip
        text += "\n\nFalse alarms:\n\n"
        text += table(("function", "map", "precision", "system", "verdict"), _unique(alarms))
    return text


def _wrong(found: Mapping[str, Any]) -> str:
    wrong, compare = found["wrong"], found["compare"]["broken"]["by_fault"]
    alone = found["adjoint"]["faults"]
    rows = []
    for name, fault in wrong["faults"].items():
        shares = [_joined(fault[dtype].values()) for dtype in ("float64", "float32")]
        theirs = [_found_by(compare.get(name, {}), rival) for rival in RIVALS]
        own = alone.get(name)
        rows.append((name, fault["about"], *shares, *theirs, _of(own) if own else ""))
    text = (
        "## Wrong derivatives\n\nEach fault is put into the right derivative of every function that"
        " can have it, in one system each, and counted where it is above what the precision"
        " resolves: larger than 16 times the measured rounding noise in some element. Found / put"
        " in. gradcheck and check_grads were asked about a quarter of the float64 ones, and only of"
        " functions whose right derivative they accept; the adjoint identity about pullbacks.\n\n"
    )
    head = ("fault", "", "float64", "float32", *RIVALS, "adjoint identity alone")
    text += table(head, rows)
    misses = [m for m in wrong["missed"] if m["dtype"] == "float64"]
    if misses:
        text += "\n\nEvery miss in float64:\n\n"
        told = [
            (m["fault"], m["function"], m["map"], m["system"], m["outcome"],
             _first_line(m["verdict"]), why(m))
            for m in misses
        ]  # fmt: skip
        text += table(
            ("fault", "function", "map", "system", "outcome", "verdict", "explanation"), told
        )
    return text


def _rivals(found: Mapping[str, Any]) -> str:
    outcomes = found["compare"]["right"]["outcomes"]
    rows = []
    for name, groups in outcomes.items():
        for group, by in groups.items():
            counted = [_complaints(by[procedure]) for procedure in ("oracle", *RIVALS)]
            if any(counted):
                rows.append((name, group, *counted))
    return (
        "## Right derivatives before gradcheck and check_grads\n\nComplaints / asked, at one draw."
        " In float32 gradcheck has the tolerances eps 1e-3, atol 1e-2, rtol 1e-2, without which it"
        " refuses nearly everything; all other settings are their own defaults.\n\n"
        + table(("precision and map", "point", "the oracle", *RIVALS), rows)
    )


def _costs(found: Mapping[str, Any]) -> str:
    text = (
        "## What a verdict costs\n\nPullbacks in float64 that every procedure accepts; geometric"
        " means of processor milliseconds / of evaluations of function and derivative together. A"
        " *first* verdict makes the dossier; a *further* one is on another backend of a known case."
        " *As used*: finite differences on NumPy and a reference of another package.\n\n"
    )
    buckets = found["compare"]["cost"]
    names = list(dict.fromkeys(p for b in buckets.values() for p in b.get("procedures", {})))
    rows = []
    for name in names:
        figures = [b.get("procedures", {}).get(name) for b in buckets.values()]
        rows.append((name, *(
            f"{cell(f['milliseconds'])} / {cell(f['evaluations'])}" if f else "" for f in figures
        )))  # fmt: skip
    head = ("procedure", *(f"{b} ({v['functions']})" for b, v in buckets.items()))
    return text + table(head, rows)


def _operators(found: Mapping[str, Any]) -> str:
    ops = found["operators"]
    text = (
        "## The operators that PyTorch tests\n\n"
        f"{ops['operators']} of the {ops['operators with a gradient']} operators with a gradient in"
        f" PyTorch's own database have samples that take part: {ops['samples']} samples of at most"
        f" {ops['limits']['elements']} inputs and outputs, {ops['limits']['samples']} per operator"
        " at most, spread from its smallest to its largest. All procedures judge the same point in"
        " one run, their order rotated. `further, autograd.grad` judges the very gradient that"
        " gradcheck judges, with `torch.func.vjp` as the reference of a known dossier; in `further`"
        " the two change places, and most of the time is that of torch.func.\n\n"
    )
    cost = ops["cost"]
    rows = [
        (name, f["cpu milliseconds"], f["milliseconds"], f["forward"], f["backward"],
         cost["speed"].get(name, {}).get("total, against slow", {}).get("cpu", ""),
         cost["speed"].get(name, {}).get("typical, against slow", ""),
         cost["speed"].get(name, {}).get("total, against fast", {}).get("cpu", ""))
        for name, f in cost["mean per sample"].items()
    ]  # fmt: skip
    head = (
        *("mean per sample", "processor ms", "ms", "forward", "backward"),
        *("slow gradcheck over it, total", "geometric mean", "fast gradcheck over it, total"),
    )
    text += table(head, rows)
    sizes = ops["cost by inputs plus outputs"]
    names = list(ops["speed_vs_gradcheck_slow"])
    by_size = [
        (size, s["samples"], *(s["speed"][n]["typical, against slow"] for n in names))
        for size, s in sizes.items() if s["samples"]
    ]  # fmt: skip
    text += "\n\nGeometric means of slow gradcheck's processor time over ours, by size:\n\n"
    text += table(("inputs plus outputs", "samples", *names), by_size)
    agreement = [(n, percent(a["rate"]), a["same"], a["of"]) for n, a in ops["agreement"].items()]
    text += "\n\nAgreement with slow gradcheck, where both accept or object:\n\n"
    text += table(("verdict", "rate", "same", "of"), agreement)
    text += "\n\nEvery operator on which a verdict differs:\n\n"
    return text + table(("operator", "samples", "ours that differ", "reason"), _differing(ops))


def _differing(ops: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    groups: dict[tuple[str, str], list[Any]] = {}
    for entry in ops["differences"]:
        groups.setdefault((entry["operator"], entry["reason"]), []).append(entry)
    return [
        (name, len(entries), ", ".join(dict.fromkeys(d for e in entries for d in e["differing"])),
         reason)
        for (name, reason), entries in groups.items()
    ]  # fmt: skip


def _limits(found: Mapping[str, Any]) -> str:
    told = found["right"]["known_defects"]["told"]
    defects = [
        (d["case"], d["system"], ", ".join(d["kinds"]), d["why"], _said(d, told, found["seeds"]))
        for d in found["defects"]
    ]
    unsupported = ", ".join(
        f"{name} {sum(refused['maps'].values())}"
        for name, refused in found["right"]["unsupported"].items()
    )
    return (
        "## Known defects of the released packages\n\nThese derivatives are wrong, or far less"
        " precise than their peers, by independent means; they are no right trials. Where all"
        " packages are wrong alike, the oracle says that finite differences contradict them; of a"
        " Hessian there is no such witness, since the differences are those of the gradient.\n\n"
        + table(("function", "system", "maps", "what is wrong", "the oracle says"), defects)
        + f"\n\nMaps that a system declines (no rule, or no such function): {unsupported}."
    )


def _said(defect: Mapping[str, Any], told: Sequence[Mapping[str, Any]], seeds: int) -> str:
    """What the oracle says of a defect; `told` are the verdicts on defects that are not "wrong"."""
    others = Counter(
        t["verdict"].split(" ")[0]
        for t in told
        if (t["function"], t["system"]) == (defect["case"], defect["system"])
        and t["map"] in defect["kinds"]
        and t["dtype"] in defect["dtypes"]
    )
    rest = seeds * len(defect["kinds"]) * len(defect["dtypes"]) - others.total()
    words = [f"{outcome} ({count})" for outcome, count in others.items()]
    return ", ".join([*words, f"wrong ({rest})"] if rest else words)


def _unique(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys(rows))


def _first_line(verdict: str) -> str:
    return verdict.splitlines()[0] if verdict else ""


def _joined(counts: Any) -> str:
    above = sum(c["above"] for c in counts)
    return f"{sum(c['detected'] for c in counts)} / {above}" if above else ""


def _of(counts: Mapping[str, Any]) -> str:
    return f"{counts['detected']} / {counts['above']}"


def _found_by(by: Mapping[str, Any], rival: str) -> str:
    counts = by.get(rival, {})
    asked = counts.get("asked", 0)
    return f"{counts.get('fail', 0) + counts.get('raised', 0)} / {asked}" if asked else ""


def _complaints(counts: Mapping[str, int]) -> str:
    asked = counts.get("asked", 0)
    return f"{counts.get('fail', 0) + counts.get('raised', 0)} / {asked}" if asked else ""


def _in_short(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One operator: samples, and per procedure its verdicts and summed processor microseconds."""
    names = list(dict.fromkeys(name for record in records for name in record["results"]))
    return {
        "samples": len(records),
        **{
            name: {
                "verdicts": sorted(
                    {r["results"][name][0] for r in records if name in r["results"]}
                ),
                "microseconds": sum(r["results"][name][2] for r in records if name in r["results"]),
            }
            for name in names
        },
    }


def _without(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}
