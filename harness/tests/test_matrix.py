"""Bad declarations: every problem at once, with line, finding, expectation and nearest word."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from small_world import SUITE, World, faulty

from gradtier.cli import CONTRACTS
from gradtier.errors import InputError
from gradtier.lint import load_checked
from gradtier.loading import load_partly
from gradtier.matrix import Matrix
from gradtier.running import open_matrix
from gradtier.schemas import schema, schema_text

ROOT = Path(__file__).parents[2]
FLAGSHIP = ROOT / "matrix.yaml"


def problems(file: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        load_checked(file)
    return [str(p) for p in caught.value.problems]


def edited(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """The flagship with some text replaced, beside the real suites."""
    text = FLAGSHIP.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    file = tmp_path / "matrix.yaml"
    file.write_text(text, encoding="utf-8")
    if not (tmp_path / "suites").exists():
        (tmp_path / "suites").symlink_to(ROOT / "suites")
    return file


def line_of(file: Path, text: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


def test_the_flagship_is_fine() -> None:
    loaded, suites = load_checked(FLAGSHIP)
    assert len(loaded.matrix.backends) >= 13
    assert sum(len(s.cases) for s in suites.values()) >= 60


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_one(tmp_path: Path) -> None:
    file = edited(tmp_path, ("    package: jax\n", "    pakage: jax\n"))
    found = problems(file)
    line = line_of(file, "pakage")
    assert f"matrix.yaml:{line}: backends.jax-reverse.pakage: unknown key 'pakage'" in found[1]
    assert "did you mean 'package'?" in found[1]
    assert "the key 'package' is missing" in found[0]


def test_all_structural_problems_are_told_at_once(tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        ("    mode: reverse\n", "    mode: backwards\n"),
        ("    link: https://docs.jax.dev/\n", "    link: javascript:alert(1)\n"),
        ("        agreement: 0.9\n", "        agreement: 90\n"),
        ("  dtypes: [float64, float32]", "  dtypes: [double]"),
    )
    text = "\n".join(problems(file))
    assert "'backwards' is not allowed" in text
    assert "'javascript:alert(1)' is not of the expected form" in text
    assert "less than or equal to 1" in text
    assert "'double' is not allowed" in text
    assert text.count("matrix.yaml:") == 4


def test_problems_of_structure_do_not_hide_wrong_words_elsewhere(tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        ("    package: jax\n", "    pakage: jax\n"),
        (
            "    devices: [cpu, cuda]\n    extra: torch",
            "    devices: [cpu, cdua]\n    extra: torch",
        ),
        ("gradtier.backends.autograd:Autograd", "gradtier.backends.autograd:Autogard"),
    )
    text = "\n".join(problems(file))
    assert "unknown key 'pakage'" in text
    assert "'cdua' is not in axes.devices; did you mean 'cuda'?" in text
    assert "has no adapter class 'Autogard'" in text
    assert "is no backend" not in text, "a row that was left out is not missed elsewhere"


def test_a_duplicate_key_does_not_silently_win(tmp_path: Path) -> None:
    file = edited(tmp_path, ("    package: jax\n", "    package: jax\n    package: torch\n"))
    (found,) = problems(file)
    assert "duplicate key 'package'; first at line" in found


def test_all_cross_references_are_checked_at_once(tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        ("    devices: [cpu, cuda]\n    extra: jax", "    devices: [cpu, tpu]\n    extra: jax"),
        ("  - {reverse: torch-autograd-reverse,", "  - {reverse: torch-autogard-reverse,"),
        ("notes:\n", "notes:\n  lonely: Nobody uses me.\n"),
        ("{cuda: [tensorflow-cpu-build]}", "{cuda: [tensorflow-cpu-biuld]}"),
    )
    text = "\n".join(problems(file))
    assert "'tpu' is not in axes.devices; did you mean 'cpu'? known: cpu, cuda; add" in text
    assert "'torch-autogard-reverse' is no backend; did you mean 'torch-autograd-reverse'?" in text
    assert "the note 'lonely' is used nowhere" in text
    assert "the note 'tensorflow-cpu-biuld' is not defined; did you mean" in text
    assert text.count("matrix.yaml:") == 4


def test_a_claim_that_matches_no_trial_is_a_problem(world: World) -> None:
    world.matrix["claims"] = [
        {"match": {"case": "dens"}, "outcome": "wrong", "because": "of a typing error"}
    ]
    (found,) = problems(world.file)
    assert "claims[0].match.case: this claim matches no trial; did you mean 'dense'?" in found


def test_a_claim_on_what_is_excluded_is_a_problem(world: World) -> None:
    rule = {"match": {"case": "dense"}}
    world.matrix["exclusions"] = [{**rule, "reason": "by-design", "because": "it is so"}]
    world.matrix["claims"] = [{**rule, "outcome": "wrong", "because": "it is so"}]
    (found,) = problems(world.file)
    assert found.startswith("matrix.yaml:") and "this claim matches no trial" in found


def test_an_adapter_that_does_not_import_is_told_with_its_line(world: World) -> None:
    world.matrix["backends"]["exact-reverse"]["adapter"] = "no_such_module:Adapter"
    world.matrix["backends"]["exact-forward"]["adapter"] = "gradtier.backends.numpy:Numpy"
    found = problems(world.file)
    assert "'no_such_module' does not import" in found[0]
    assert "has no adapter class 'Numpy'" in found[1]


def test_a_row_without_adapter_must_say_why_it_is_unavailable(world: World) -> None:
    block = faulty("exact")
    world.add("silent", {k: v for k, v in block.items() if k != "adapter"})
    world.add("both", block | {"unavailable": "no licence"})
    (text,) = {line.partition(": ")[2] for line in problems(world.file) if "silent" in line}
    assert text == "backends.silent: expected either an adapter, or why the system is unavailable"
    assert any("backends.both: expected either" in line for line in problems(world.file))


def test_an_unavailable_row_is_planned_nowhere_and_says_why_in_every_cell(world: World) -> None:
    block = {k: v for k, v in faulty("exact").items() if k not in ("adapter", "options")}
    world.add("absent", block | {"unavailable": "needs a licence"})
    plan = open_matrix(world.file).plan
    assert not [t for t in plan.trials if t.id.cell.backend == "absent"]
    said = {(e.case, e.reason, e.because) for e in plan.exclusions if e.cell.backend == "absent"}
    assert said == {("*", "unavailable", "needs a licence")}


def test_an_unavailable_row_is_no_reference(world: World) -> None:
    block = {k: v for k, v in faulty("exact").items() if k not in ("adapter", "options")}
    world.add("absent", block | {"unavailable": "needs a licence"})
    world.matrix["reference"] = [{"reverse": "absent", "forward": "exact-forward"}]
    assert any(
        "'absent' is unavailable and can't be a reference" in p for p in problems(world.file)
    )


def test_a_row_about_one_suite_leaves_the_others_out_with_a_reason(world: World) -> None:
    (world.folder / "more.py").write_text(SUITE.replace('"small"', '"more"'), encoding="utf-8")
    world.matrix["suites"]["more"] = {"path": "more.py"}
    world.add("narrow", faulty("exact") | {"suites": ["more"]})
    plan = open_matrix(world.file).plan
    assert {t.id.suite for t in plan.trials if t.id.cell.backend == "narrow"} == {"more"}
    left = {e.case: e.because for e in plan.exclusions if e.cell.backend == "narrow"}
    assert left == {"small/*": "the row is about more alone"}
    world.add("typo", faulty("exact") | {"suites": ["mroe"]})
    assert any("'mroe' is no suite; did you mean 'more'?" in p for p in problems(world.file))


def test_a_reference_of_the_wrong_mode_is_a_problem(world: World) -> None:
    world.matrix["reference"] = [{"reverse": "exact-forward", "forward": "exact-forward"}]
    (found,) = problems(world.file)
    assert "'exact-forward' has mode forward; expected one of mode reverse" in found


@pytest.mark.parametrize(
    ("suite", "says"),
    [
        (None, "there is no suite file 'small.py'"),
        ("import no_such_module", "does not import: ModuleNotFoundError"),
        ("x = (", "does not import: SyntaxError"),
        ("suite = 3", "has no object `suite`"),
        ("from gradtier.cases import Suite\nsuite = Suite('big')", "calls itself 'big'"),
        ("from gradtier.cases import Suite\nsuite = Suite('small')", "the suite has no case"),
    ],
)
def test_a_bad_suite_file_is_told(world: World, suite: str | None, says: str) -> None:
    if suite is None:
        (world.folder / "small.py").unlink()
    else:
        world.suite(suite)
    (found,) = problems(world.file)
    assert says in found and "matrix.yaml:" in found


def test_a_case_with_a_wrong_declaration_is_told_with_its_place(world: World) -> None:
    world.suite(
        "from gradtier.cases import Suite, normal, integers\n"
        "suite = Suite('small')\n"
        "@suite.case(x=normal(3), y=normal(3))\n"
        "def one(xp, x, z):\n"
        "    return x\n"
    )
    found = problems(world.file)
    assert all("small.py:3: small/one: " in f and str(world.folder) not in f for f in found)
    assert "inputs are declared for y, which it does not take" in found[0]
    assert "no input is declared for z" in found[1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the key 'schema' is missing"),
        ("a: [1, 2", "not valid YAML"),
        ("a: &x [*x]", "alias that contains itself"),
        ("a: !!python/object/apply:os.system ['true']", "not allowed"),
        ("\t", "not valid YAML"),
        ("- 1\n", "found"),
    ],
)
def test_a_file_that_is_no_matrix_gets_a_message_and_no_traceback(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "matrix.yaml"
    file.write_text(text, encoding="utf-8")
    assert says in "\n".join(problems(file))


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    assert "there is no such file" in problems(tmp_path / "matrix.yaml")[0]
    (tmp_path / "matrix.yaml").write_bytes(b"\xff\xfe\x00")
    assert "can't be read" in problems(tmp_path / "matrix.yaml")[0]


def digest_of(world: World) -> str:
    """Of the declaration as it is read; whether its parts fit together does not matter here."""
    loaded, problems = load_partly(world.file)
    assert loaded is not None and not problems
    return loaded.matrix.digest


def test_texts_notes_and_claims_do_not_make_evidence_stale(world: World) -> None:
    before = digest_of(world)
    world.matrix["title"] = "Another title"
    world.matrix["policy"]["version"] = 2
    assert digest_of(world) == before
    world.matrix["backends"]["exact-reverse"]["mode"] = "forward"
    assert digest_of(world) != before


def test_the_published_schema_accepts_the_flagship_and_refuses_a_typing_error() -> None:
    data = yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8"))
    typed = json.loads(json.dumps(data, default=str))  # dates as an editor sees them
    validator = jsonschema.Draft202012Validator(schema("matrix"))
    assert not list(validator.iter_errors(typed))
    assert Matrix.model_validate(data)
    assert list(validator.iter_errors({**typed, "backend": {}}))
    assert data["schema"] == "gradtier/matrix/1"
    claims = yaml.safe_load((ROOT / data["claims_from"]).read_text(encoding="utf-8"))
    typed = json.loads(json.dumps(claims, default=str))
    assert not list(jsonschema.Draft202012Validator(schema("claims")).iter_errors(typed))


CLAIM = {"match": {"backend": "exact-reverse"}, "outcome": "wrong", "because": "known"}


def apart(world: World, **content: object) -> list[str]:
    """Problems of a matrix whose claims stand in ``known.yaml`` with this content."""
    world.matrix["claims_from"] = "known.yaml"
    (world.folder / "known.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        load_checked(world.file)
    except InputError as error:
        return [str(p) for p in error.problems]
    return []


def test_claims_of_another_file_are_those_of_the_matrix(world: World) -> None:
    noted = {**CLAIM, "note": "why"}
    assert not apart(world, schema="gradtier/claims/1", claims=[noted], notes={"why": "so"})
    matrix = load_checked(world.file)[0].matrix
    assert [c.note for c in matrix.claims] == ["why"]
    assert matrix.notes["why"] == "so"


def test_what_is_wrong_in_a_file_of_claims_is_told_with_that_files_line(world: World) -> None:
    wrong = {"match": {"backend": "exakt-reverse"}, "outcome": "wrong", "because": "x"}
    odd = {**CLAIM, "outcome": "wrog"}
    (found,) = apart(world, schema="gradtier/claims/1", claims=[wrong])
    assert found.startswith("known.yaml:") and "did you mean 'exact-reverse'?" in found
    (found,) = apart(world, schema="gradtier/claims/1", claims=[odd])
    assert found.startswith("known.yaml:") and "claims[0].outcome" in found and "'wrong'" in found


def test_a_file_of_claims_with_several_faults_tells_all_of_them(world: World) -> None:
    world.matrix["claims"] = [CLAIM]
    world.matrix["notes"] = {"why": "here"}
    found = "\n".join(apart(world, schema="x", claim=[CLAIM], claims=[CLAIM], notes={"why": "so"}))
    for said in (
        "unknown key 'claim'; did you mean 'claims'?",
        "found 'x'; expected gradtier/claims/1",
        "claims stand here and in 'known.yaml'",
        "duplicate note 'why'; also at matrix.yaml:",
    ):
        assert said in found, found


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "there is no such file"), ("a: [1", "not valid YAML"), ("- 1", "found no mapping")],
)
def test_a_file_of_claims_that_is_none_is_told_where(
    world: World, text: str | None, says: str
) -> None:
    world.matrix["claims_from"] = "known.yaml"
    if text is not None:
        (world.folder / "known.yaml").write_text(text, encoding="utf-8")
    (found, *_) = problems(world.file)
    assert says in found
    assert found.startswith("known.yaml" if text else "matrix.yaml:")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_schema_files_are_what_the_types_say(contract: str) -> None:
    file = ROOT / "harness" / "gradtier" / "schemas" / f"{contract}-1.json"
    text = file.read_text(encoding="utf-8")
    assert text == schema_text(contract), f"run: gradtier schema {contract} > {file.name}"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_what_the_policy_names_must_be_there(world: World) -> None:
    world.matrix["policy"]["classes"][0]["criteria"] |= {"suites": {"smal": 1}, "devices": ["gpu"]}
    world.matrix["backends"]["exact-forward"] |= {"at_most": "III", "at_most_because": "Beta."}
    world.matrix["waivers"] = [
        {"match": {"case": "densee"}, "owner": "Ada", "link": "https://example.org/1",
         "because": "x", "until": "2027-01-01"}
    ]  # fmt: skip
    found = problems(world.file)
    assert len(found) == 4
    for words in (
        ("backends.exact-forward.at_most: 'III' is no class of the policy", "'II'"),
        ("criteria.suites.smal: 'smal' is no suite", "'small'"),
        ("'gpu' is not in axes.devices", "cpu"),
        ("waivers[0].match.case: this waiver matches no trial", "'dense'"),
    ):
        assert any(all(word in line for word in words) for line in found), (words, found)


def test_a_waiver_without_an_end_or_a_cap_without_a_reason_is_refused(world: World) -> None:
    world.matrix["backends"]["exact-forward"]["at_most"] = "II"
    world.matrix["waivers"] = [{"match": {}, "owner": "Ada", "because": "x"}]
    found = "\n".join(problems(world.file))
    assert "expected at_most and at_most_because together, or neither" in found
    assert "the key 'until' is missing" in found and "the key 'link' is missing" in found
