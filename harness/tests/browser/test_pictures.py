"""The script that takes pictures finds every kind of page, and says why where it can't take any."""

from __future__ import annotations

import sys
from pathlib import Path

import chromium
import pytest
import screenshots
from site_world import KINDS, Site


def test_a_picture_is_taken_of_every_kind_of_page(site: Site) -> None:
    found = screenshots.kinds(site.folder)
    assert set(found) == {"index" if kind == "overview" else kind for kind in KINDS}
    sizes = [f.stat().st_size for f in (site.folder / "backends").iterdir()]
    assert found["backends"].stat().st_size == max(sizes)


def test_a_folder_without_a_report_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chromium, "why_not", lambda: "")
    assert screenshots.main([str(tmp_path)]) == 2
    assert "holds no index.html" in capsys.readouterr().err
    assert screenshots.main(["one", "two"]) == 2
    assert "one folder at most" in capsys.readouterr().err


def test_without_a_browser_the_reason_is_said_and_nothing_is_touched(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert screenshots.main([]) == 2
    assert "no Chromium here" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert screenshots.main([]) == 2
    assert "Playwright is not installed" in capsys.readouterr().err
