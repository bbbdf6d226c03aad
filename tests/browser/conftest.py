"""A report of made-up runs, opened in a real browser from its folder; every request and message of it is kept."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import Shape, make_runs

from iceb.report.site.build import write_report

CHROMIUM = os.environ.get("ICEB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
EVIL = "<script>window.hurt=1</script>"  # a concept's name that is markup


@dataclass
class Visit:
    """One page of the browser, and what it said and asked for."""

    page: Any
    home: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, address: str = "") -> Any:
        """Open a view of the report, and wait until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.home}/index.html{address}")
        self.page.wait_for_selector("main[data-drawn]")
        return self.page

    def turn(self, action: Any) -> None:
        """Do something that draws the view again, and wait until it has."""
        drawn = self.page.get_attribute("main", "data-drawn")
        action()
        self.page.wait_for_function("drawn => document.getElementById('main').dataset.drawn !== drawn", arg=drawn)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, started once."""
    missing = [name for name in ("playwright", "axe_playwright_python") if importlib.util.find_spec(name) is None]
    if missing or CHROMIUM is None:
        what = ", ".join([*missing, *(["Chromium"] if CHROMIUM is None else [])])
        pytest.skip(f"{what} not here: pip install -e '.[browser]', and a Chromium (ICEB_CHROMIUM names it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report: 14 concepts, four methods at 14 edits and again at 50, a few images missing."""
    root = tmp_path_factory.mktemp("report")
    shape = Shape(concepts=14, names=("hen", EVIL))
    runs, cache = make_runs(root, shape)
    make_runs(root, Shape(concepts=14, names=("hen", EVIL), methods=("unedited", "uce", "emcid")), num_edits=50)
    for image in sorted((cache / "images").glob("*/*.png"))[:3]:
        image.unlink()
    write_report([runs], root / "site", cache)
    return root / "site"


@pytest.fixture
def visit(chromium: Any, site: Path) -> Iterator[Visit]:
    """A fresh page; afterwards nothing was complained of and nothing came from elsewhere."""
    yield from _visit(chromium, site, width=1280)


@pytest.fixture
def phone(chromium: Any, site: Path) -> Iterator[Visit]:
    """Likewise as wide as a phone."""
    yield from _visit(chromium, site, width=390)


def _visit(chromium: Any, site: Path, width: int) -> Iterator[Visit]:
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme="light")
    made = Visit(context.new_page(), site.as_uri())
    made.page.on("console", lambda message: made.messages.append(f"{message.type}: {message.text}"))
    made.page.on("pageerror", lambda error: made.messages.append(str(error)))
    made.page.on("request", lambda request: made.requests.append(request.url))
    yield made
    context.close()
    assert made.messages == []
    assert [each for each in made.requests if not each.startswith((made.home, "data:", "about:"))] == []
