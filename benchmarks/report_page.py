"""Time the offline report in Chromium: first paint, a filter, the heap, and what leaves the folder.

    python benchmarks/report_page.py --images 10000 --browser /usr/bin/chromium

Runs of the real layout are made up in a temporary folder (unedited, uce, emcid, prompt_swap), so the numbers on the
page mean nothing; the size of the page, its data and its thumbnails do. It fails above the limits of the page.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from made_up_runs import Shape, make_runs
from playwright.sync_api import Page, sync_playwright

from iceb.report.site.build import write_report

LIMITS = {"first_paint_ms": 2000, "filter_ms": 200, "heap_mb": 300, "left_the_folder": 0}
SIDES = 4  # images of a prompt: unedited, uce, emcid, prompt_swap
FILTER = """async (text) => {
  const field = document.querySelector('input[type=search]'), main = document.getElementById('main');
  const before = main.dataset.drawn, began = performance.now();
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  while (main.dataset.drawn === before) await new Promise((done) => setTimeout(done, 0));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
  return performance.now() - began;
}"""


def main() -> None:
    """Make the runs, write the report, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        each, prompts = 5, asked.images / SIDES
        shape = Shape(concepts=round(prompts / (each * 1.2)), each=each)
        runs, cache = make_runs(Path(folder), shape)
        began = time.perf_counter()
        made = write_report([runs], Path(folder) / "site", cache)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in (Path(folder) / "site").rglob("*") if path.is_file())
        found = {"images": made.images, "written_s": round(seconds, 1), "folder_mb": round(size / 1e6, 1)}
        found |= measure(made.page, asked.browser)
    print(json.dumps(found, indent=2))
    over = [name for name, limit in LIMITS.items() if found[name] > limit]
    raise SystemExit(f"over the limit: {', '.join(over)}" if over else 0)


def measure(page: Path, browser: str) -> dict[str, Any]:
    """Open the view of images in a fresh browser and measure it."""
    with sync_playwright() as running:
        chromium = running.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--enable-precise-memory-info"]
        )
        shown = chromium.new_page(viewport={"width": 1280, "height": 900})
        left: list[str] = []
        inside = page.parent.as_uri()
        shown.on("request", lambda request: None if _is_inside(request.url, inside) else left.append(request.url))
        shown.goto(f"{page.as_uri()}#view=images")
        shown.wait_for_selector("article.prompt img")
        paint = shown.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        ready = shown.evaluate("performance.now()")
        filters = [shown.evaluate(FILTER, text) for text in ("hen", "hen garden", "", "night", "zzz", "")]
        found = {"first_paint_ms": round(paint), "images_shown_ms": round(ready), "filter_ms": round(max(filters))}
        found |= {"heap_mb": round(_heap(shown) / 1e6, 1), "left_the_folder": len(left)}
        chromium.close()
    return found


def _is_inside(url: str, folder: str) -> bool:
    return url.startswith((folder, "data:"))


def _heap(page: Page) -> float:
    """The JavaScript heap after a walk through every view, without a collection of garbage."""
    for view in ("concepts", "curves", "scores", "images"):
        page.evaluate("view => { location.hash = `view=${view}`; }", view)
        page.wait_for_timeout(400)
    return float(page.evaluate("performance.memory.usedJSHeapSize"))


if __name__ == "__main__":
    main()
