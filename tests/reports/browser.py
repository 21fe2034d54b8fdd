"""A real browser to open pages in, for tests that look at what a reader would see."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from selenium import webdriver

BROWSER, DRIVER = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
MISSING = not (BROWSER and DRIVER)


def started(profile: Path) -> webdriver.Chrome:
    """Return a browser without a window, with a profile of its own."""
    options = webdriver.ChromeOptions()
    assert BROWSER is not None
    options.binary_location = BROWSER
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))


def shown(browser: webdriver.Chrome, path: Path, text: str, width: int = 1000) -> webdriver.Chrome:
    """Write a page and open it in a window of this width; the logs begin with it."""
    path.write_text(text, encoding="utf-8")
    for kind in ("browser", "performance"):
        browser.get_log(kind)  # what earlier pages left
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(path.as_uri())
    return browser


def complaints(browser: webdriver.Chrome) -> list[str]:
    """Return the errors and warnings that the page has caused."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def asked_for(browser: webdriver.Chrome) -> list[str]:
    """Return the addresses of what the page has loaded, its own among them; not what the browser loads for itself."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    return [each["request"]["url"] for each in sent if not each["documentURL"].startswith("chrome:")]


def sideways(browser: webdriver.Chrome) -> bool:
    """Whether the page is wider than its window."""
    return bool(browser.execute_script("return document.documentElement.scrollWidth > innerWidth"))
