"""How gradtier is installed elsewhere: as it is here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import gradtier
from gradtier import sources
from gradtier.sources import Source, here

ROOT = Path(__file__).parents[2]


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path, noted: dict | None) -> Source:
    """The source of a gradtier that lies in site-packages."""
    monkeypatch.setattr(gradtier, "__file__", str(folder / "site" / "gradtier" / "__init__.py"))
    monkeypatch.setattr(sources, "_direct_url", lambda: noted or {})
    return here()


def test_a_checkout_is_installed_from_its_folder() -> None:
    assert here().words("jax", [], []) == ("--editable", f"{ROOT}[jax]")


def test_a_release_is_installed_by_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = installed(monkeypatch, tmp_path, None).words("jax", [], [])
    assert words == (f"gradtier[jax]=={gradtier.__version__}",)


@pytest.mark.parametrize(
    ("noted", "address"),
    [
        ({"url": "file:///src", "dir_info": {}}, "file:///src"),
        (
            {"url": "https://example.org/g.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://example.org/g.git@abc",
        ),
        (
            {"url": "https://example.org/g.zip", "subdirectory": "py", "archive_info": {}},
            "https://example.org/g.zip#subdirectory=py",
        ),
    ],
)
def test_what_came_from_an_address_is_installed_from_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, noted: dict, address: str
) -> None:
    source = installed(monkeypatch, tmp_path, noted)
    (word,) = source.words("jax", [], [])
    assert Requirement(word).url == address and Requirement(word).extras == {"jax"}
    assert json.dumps(noted) in source.made_of


def test_settings_of_tools_are_no_part_of_an_installation_but_dependencies_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = tmp_path / "harness" / "gradtier" / "__init__.py"
    monkeypatch.setattr(gradtier, "__file__", str(module))

    def made_of(text: str) -> str:
        (tmp_path / "pyproject.toml").write_text(text)
        return here().made_of

    plain = made_of('[project]\nname = "gradtier"\ndependencies = ["a"]\n')
    assert plain == made_of('[project]\nname="gradtier"\ndependencies=["a"]\n[tool.ruff]\nx=1\n')
    assert plain != made_of('[project]\nname = "gradtier"\ndependencies = ["b"]\n')


def test_a_project_of_another_name_around_site_packages_is_no_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "theirs"\n')
    assert not installed(monkeypatch, tmp_path, None).flags


def test_requirements_on_top_join_the_environments_that_they_are_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(sources.ALSO, "jax[cuda13] Array_API-Compat>=1 --pre common")
    source = here()
    rows = {"jax": ["jax", "jaxlib"], "torch": ["torch", "array-api-compat"]}
    jax = source.words("jax", rows["jax"], rows["torch"])
    assert jax[2:] == ("jax[cuda13]", "--pre", "common")
    torch = source.words("torch", rows["torch"], rows["jax"])
    assert torch[2:] == ("Array_API-Compat>=1", "--pre", "common")
