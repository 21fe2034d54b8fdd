"""A page is opened where somebody would see it, and else the reason is told."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import pytest

from onnxinv.commands.browser import open_page

HERE = {"DISPLAY": ":0", "WAYLAND_DISPLAY": "", "CI": ""}


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Return the addresses that a browser was asked to open."""
    asked: list[str] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or True)
    return asked


@pytest.mark.parametrize(
    ("platform", "environment", "told"),
    [
        pytest.param("linux", {}, "", id="a display"),
        pytest.param("linux", {"DISPLAY": "", "WAYLAND_DISPLAY": "wayland-0"}, "", id="another display"),
        pytest.param("linux", {"CI": "false"}, "", id="no integration"),
        pytest.param("linux", {"DISPLAY": ""}, "there is no display", id="no display"),
        pytest.param("darwin", {"DISPLAY": ""}, "", id="a Mac"),
        pytest.param("linux", {"CI": "true"}, "this is a run of continuous integration", id="integration"),
        pytest.param("win32", {"CI": "1"}, "this is a run of continuous integration", id="integration on Windows"),
    ],
)
def test_a_page_is_opened_where_somebody_sees_it(monkeypatch, tmp_path, opened, platform, environment, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in {**HERE, **environment}.items():
        monkeypatch.setenv(name, value)
    assert open_page(Path("a b") / "report.html") == told
    assert opened == ([] if told else [(tmp_path / "a b" / "report.html").as_uri()])


@pytest.mark.parametrize("kind", ["none", "broken"])
def test_a_browser_that_does_not_start_is_told(monkeypatch, opened, kind):
    def broken(address: str) -> bool:
        if kind == "broken":
            raise webbrowser.Error("no such program")
        return False

    for name, value in HERE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(webbrowser, "open", broken)
    assert open_page(Path("report.html")) == (
        "no browser could be started (no such program)" if kind == "broken" else "no browser was found"
    )
