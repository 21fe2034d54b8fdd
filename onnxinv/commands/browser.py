"""Opens a page in the reader's browser, where there is a reader."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def open_page(path: Path) -> str:
    """Open a file in a browser.

    Returns:
        Why it was not opened; empty where it was.
    """
    import webbrowser

    why = _unattended()
    if why:
        return why
    try:
        return "" if webbrowser.open(path.absolute().as_uri()) else "no browser was found"
    except webbrowser.Error as error:
        return f"no browser could be started ({error})"


def _unattended() -> str:
    """Return why nobody would see a page; empty where somebody would."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return "this is a run of continuous integration"
    if sys.platform not in ("win32", "darwin") and not any(os.environ.get(name) for name in _DISPLAYS):
        return "there is no display"
    return ""
