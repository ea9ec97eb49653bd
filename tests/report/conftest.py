"""A headless Chromium, started once, and what the tests ask of a page in it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import numpy
import pytest
from PIL import Image

FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")
# Once the page has drawn: what its pad, its views and its bars show.
STATE = """const done = arguments[0], get = (id) => document.getElementById(id), all = document;
requestAnimationFrame(() => requestAnimationFrame(() => done({
  predicted: Number(get("class").dataset.index),
  probabilities: [...all.querySelectorAll(".bar")].map((bar) => Number(bar.dataset.probability)),
  pad: get("pad").toDataURL(), seen: get("seen").toDataURL(), evidence: get("evidence").toDataURL(),
})));"""


@pytest.fixture(scope="session")
def chromium():
    """The browser, of which every request and every line of the console is kept."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (browser and driver):
        pytest.skip("there is no chromium, or no chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))
    window.set_window_size(1200, 1000)
    yield window
    window.quit()


@pytest.fixture
def open_page(chromium):
    """Open a page of disk; after the test, nothing was asked of a network, and nothing failed."""

    def open_page(path):
        chromium.get(Path(path).resolve().as_uri())
        return chromium

    yield open_page
    assert chromium.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    urls = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert {url.split(":")[0] for url in urls} <= {"file", "data"}
    assert len([url for url in urls if url.startswith("file")]) >= 1


@pytest.fixture
def state(chromium):
    """What the page shows, once it has drawn."""

    def state():
        told = chromium.execute_async_script(STATE)
        for canvas in ("pad", "seen", "evidence"):
            told[canvas] = numpy.array(Image.open(urlopen(told[canvas])).convert("RGB"))
        return SimpleNamespace(**told)

    return state
