"""Tests of the badges: shields.io can read them, and their words say what their colours do."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
import support_world as world
from test_html import HOSTILE, hostile, nested

from gradtier.render import badges
from gradtier.table import SupportTable

#: As shields.io documents an endpoint: these three are required, and a badge of ours has a colour.
SCHEMA = {
    "type": "object",
    "required": ["schemaVersion", "label", "message", "color"],
    "additionalProperties": False,
    "properties": {
        "schemaVersion": {"const": 1},
        "label": {"type": "string"},
        "message": {"type": "string", "minLength": 1},
        "color": {
            "enum": ["brightgreen", "green", "yellowgreen", "yellow", "orange", "red", "lightgrey",
                     "blue"]
        },
    },
}  # fmt: skip


def made(table: SupportTable) -> dict[str, dict[str, str]]:
    files = list(badges.badges(table))
    assert len({name.casefold() for name, _ in files}) == len(files), "one would replace another"
    found = {}
    for name, text_of in files:
        assert re.fullmatch(r"badges/([A-Za-z0-9._-]+/){0,2}[A-Za-z0-9._-]+\.json", name), name
        assert ".." not in name and text_of().endswith("}\n")
        found[name] = json.loads(text_of())
        jsonschema.validate(found[name], SCHEMA)
    return found


@pytest.mark.parametrize("shown", [world.golden, nested], ids=["golden", "nested"])
def test_every_row_cell_and_class_has_a_badge_that_says_it_in_words(shown: object) -> None:
    table: SupportTable = shown()[0]  # type: ignore[operator]
    found = made(table)
    for row in table.rows:
        said = found[f"badges/{row.id}.json"]
        assert said["message"].startswith(row.support_class.title)
        assert said["label"] == f"{row.title}, {row.mode}"
        for cell in row.cells:
            said = found[f"badges/on/{cell.device}/{row.id}.json"]
            assert said["message"].startswith(cell.text) and cell.device.upper() in said["label"]
    for c in table.classes:
        assert found[f"badges/class/{c.id}.json"]["message"].split()[0] == str(len(c.backends))
    assert len(found) == sum(1 + len(r.cells) for r in table.rows) + len(table.classes)


def test_no_two_messages_that_differ_in_meaning_differ_by_colour_alone() -> None:
    colours: dict[str, set[str]] = {}
    for name, said in made(world.golden()[0]).items():
        if "/" not in name.removeprefix("badges/"):
            colours.setdefault(said["message"], set()).add(said["color"])
    assert len(colours) > 2 and all(len(found) == 1 for found in colours.values())


def test_what_is_not_tested_is_neither_green_nor_red() -> None:
    made_ = world.plan(world.declaration({"a": world.backend()}))
    found = made(world.show(made_, world.NO_EVIDENCE)[0])
    for name in ("badges/a.json", "badges/on/cpu/a.json"):
        assert (found[name]["message"], found[name]["color"]) == ("not tested", "lightgrey")


def test_better_classes_are_greener() -> None:
    table = world.golden()[0]
    found = made(table)
    by_class = {
        r.support_class.id: found[f"badges/{r.id}.json"]["color"]
        for r in table.rows if r.support_class.id
    }  # fmt: skip
    order = ["brightgreen", "green", "yellowgreen", "yellow"]
    ranks = [order.index(by_class[c.id]) for c in table.classes if c.id in by_class]
    assert ranks == sorted(set(ranks)) and len(ranks) > 1


def test_rows_that_differ_by_case_alone_or_are_called_like_a_device_do_not_share_a_file() -> None:
    backends = {name: world.backend() for name in ("a", "A", "cpu", "on", "class", "con")}
    table = world.show(world.plan(world.declaration(backends)), world.NO_EVIDENCE)[0]
    assert len(made(table)) == 2 * 6 + 3


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_stay_short_text(text: str) -> None:
    for said in made(hostile(text * 40)[0]).values():
        for side in (said["label"], said["message"]):
            assert side.isprintable() and len(side) <= 140
