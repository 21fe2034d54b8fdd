"""Takes the README's pictures of the pages that `onnxinv demo` writes, in a browser without a window.

.venv/bin/python -m tools.take_pictures
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver

from tests.reports.browser import started

FOLDER = Path(__file__).parent / "pictures"
WIDTH = 900

PICTURES = {"comparison": ("h1", "Layers that correspond"), "rotated": ("What was fed", "How it was measured")}
"""The heading that a picture begins with, and the one that it ends before, by the page's folder."""

HEIGHT = 1400
"""Of a picture, at most."""

EDGES = """
const named = text => text === "h1" ? document.querySelector("h1")
    : [...document.querySelectorAll("h2, h3")].find(each => each.textContent.trim() === text);
return arguments[0].map(text => named(text).getBoundingClientRect().top + scrollY);
"""


def main() -> None:
    """Write a picture of each page."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "onnxinv", "demo"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        browser = started(folder / "profile")
        try:
            for page, (first, beyond) in PICTURES.items():
                picture = taken(browser, folder / "onnxinv-demo" / page / "report.html", first, beyond)
                picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
                    FOLDER / f"{page}.png", optimize=True
                )
        finally:
            browser.quit()


def taken(browser: webdriver.Chrome, page: Path, first: str, beyond: str) -> Image.Image:
    """Return the part of a page between two headings."""
    metrics = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}  # without a scroll bar
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    top, bottom = browser.execute_script(EDGES, [first, beyond])
    clip = {"x": 0, "y": top - 16, "width": WIDTH, "height": min(bottom - top, HEIGHT), "scale": 1}
    shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
    return Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")


if __name__ == "__main__":
    main()
