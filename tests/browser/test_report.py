"""The offline report in Chromium: each view, each control, no message, no request that leaves the folder."""

import importlib.resources
from pathlib import Path

import pytest

from iceb.report.site.build import write_report

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]  # axe-core's tags
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
VIEWS = ("scores", "curves", "images", "concepts", "runs", "reading")


def texts(page, selector: str) -> list[str]:
    return [text.strip() for text in page.locator(selector).all_inner_texts()]


def test_scores_sort_by_any_column_and_say_so(visit):
    page = visit.open("#n=14")
    names = texts(page, "tbody th .name")
    assert names[-1].startswith(("unedited", "prompt_swap"))  # controls stand last
    button = page.get_by_role("button", name="source2dest")
    visit.turn(button.click)
    values = [float(text.split(" ")[0].replace("−", "-")) for text in texts(page, "tbody td:nth-of-type(4) .score")]
    assert values == sorted(values, reverse=True)
    assert "source2dest" in page.locator("thead th[aria-sort=descending]").inner_text()
    visit.turn(button.click)
    assert page.locator("thead th[aria-sort=ascending]").count() == 1
    assert "source2dest" in page.evaluate("document.activeElement.innerText")  # the keyboard stays there


def test_a_filter_leaves_fitting_rows_and_the_address_keeps_it(visit):
    page = visit.open("#n=14")
    visit.turn(lambda: page.get_by_label("Filter methods").fill("emc"))
    assert [text.split(",")[0] for text in texts(page, "tbody th .name")] == ["emcid"]
    assert "q=emc" in page.url
    page.reload()
    page.wait_for_selector("main[data-drawn]")
    assert len(texts(page, "tbody th .name")) == 1


def test_a_row_opens_on_its_command(visit):
    page = visit.open("#n=14")
    name = page.locator("tbody th .name").first
    visit.turn(name.click)
    assert name.get_attribute("aria-expanded") == "true"
    assert "iceb evaluate --method" in page.locator(".detail .command code").inner_text()


def test_images_of_two_methods_stand_beside_unedited_and_ceiling(visit):
    page = visit.open("#view=images&n=14&role=source")
    first = page.locator("article.prompt").first
    who = [text.split("\n")[0] for text in texts(page, "article.prompt:first-of-type .who")]
    assert who[0] == "unedited"
    assert who[-1] == "ceiling"
    assert len(who) == 4
    page.wait_for_function(
        "() => [...document.querySelectorAll('article img')].slice(0, 4).every(one => one.naturalWidth)"
    )
    sizes = first.locator("img").evaluate_all("all => all.map(each => [each.clientWidth, each.naturalWidth])")
    assert all(shown == 128 and real == 32 for shown, real in sizes)  # four times, so that a person sees the edit
    visit.turn(lambda: page.get_by_label("B", exact=True).select_option(label="prompt_swap"))
    assert "prompt_swap" in texts(page, "article.prompt:first-of-type .who")


def test_the_worst_come_first_and_disagreements_are_found(visit):
    page = visit.open("#view=images&n=14&role=source&order=worst-a")
    verdicts = texts(page, "article.prompt figure:nth-of-type(2) figcaption")
    assert "✗" in verdicts[0]
    page = visit.open("#view=images&n=14&role=source&order=differ")
    pairs = zip(
        *(texts(page, f"article.prompt figure:nth-of-type({place}) figcaption") for place in (2, 3)), strict=True
    )
    first = next(iter(pairs))
    assert ("✓" in first[0]) != ("✓" in first[1])


def test_a_missing_image_is_said_in_words(visit):
    page = visit.open("#view=images&n=14")
    assert "3 images are not in the cache" in page.inner_text("main")
    broken = page.locator("img").evaluate_all("all => all.filter(each => each.complete && !each.naturalWidth).length")
    assert broken == 0


def test_a_concept_opens_with_every_metric_and_its_images(visit):
    page = visit.open("#view=concepts&n=14&metric=source2dest&order=worst-a")
    link = page.locator("tbody th a").first
    name = link.inner_text()
    visit.turn(link.click)
    assert page.locator("main h2").last.inner_text() == name
    assert page.locator("table").first.locator("tbody tr").count() == 4
    assert page.locator("article.prompt").count() == 3
    visit.turn(lambda: page.get_by_role("link", name="All concepts").click())
    assert page.locator("tbody tr").count() <= 20


def test_markup_in_a_name_stays_text(visit):
    page = visit.open("#view=concepts&n=14&q=script")
    assert "<script>window.hurt=1</script> →" in page.inner_text("tbody")
    visit.turn(page.locator("tbody th a").first.click)
    assert page.evaluate("window.hurt") is None


def test_curves_have_a_figure_and_its_numbers(visit):
    page = visit.open("#view=curves&n=14")
    page.wait_for_selector(".plot canvas")
    assert page.locator(".plot canvas").count() == 2
    page.locator("summary").first.click()
    head = texts(page, "details[open] thead th")
    assert head == ["method", "14", "50"]


def test_the_theme_follows_the_system_until_the_reader_chooses(visit):
    page = visit.open()
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => {paper} !== '{light}'")
    page.click("#theme")
    assert page.evaluate(paper) == light


def test_print_is_black_on_white_and_leaves_out_what_cannot_be_pressed(visit):
    page = visit.open("#n=14")
    visit.turn(lambda: page.click("#theme"))  # dark, as chosen by the reader
    page.emulate_media(media="print")
    controls = page.locator("#views, .controls, #theme, .skip")
    assert controls.count() == 4
    assert [each.is_visible() for each in controls.all()] == [False] * 4
    colours = page.evaluate(
        "(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.locator("tbody th .name").first.is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"


def test_search_in_images_keeps_the_prompts_that_hold_every_word(visit):
    page = visit.open("#view=images&n=14")
    field = page.get_by_label("Search prompts and concepts")

    def counts_at(text: str) -> list[int]:
        visit.turn(lambda: field.fill(text))
        (line,) = [each for each in texts(page, "main p.small") if each.endswith(" prompts")]
        return [int(word) for word in line.split() if word.isdigit()]

    shown, every = counts_at("hen")
    assert 0 < shown < every
    assert "q=hen" in page.url
    assert all("hen" in text.lower() for text in texts(page, "article.prompt"))
    assert page.evaluate("document.activeElement.type") == "search"  # the reader goes on typing
    assert counts_at("hen nothing-of-this-name") == [0, every]
    assert "No image fits." in page.inner_text("main")


def focus_text(page) -> str:
    return page.evaluate("document.activeElement.innerText || document.activeElement.id")


def tab_to(page, text: str) -> None:
    """Press Tab until what has the focus says this."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if focus_text(page).strip().startswith(text):  # the table is one region that the keyboard can scroll
            return
    raise AssertionError(f"no Tab leads to {text}")


def test_the_keyboard_alone_leads_to_every_view_and_into_a_row(visit):
    page = visit.open("#n=14")
    tab_to(page, "Images")
    visit.turn(lambda: page.keyboard.press("Enter"))
    assert page.locator("article.prompt").count() > 0
    tab_to(page, "Scores")
    visit.turn(lambda: page.keyboard.press("Enter"))
    tab_to(page, "uce")
    visit.turn(lambda: page.keyboard.press("Enter"))
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    tab_to(page, "Copy")


def test_the_link_past_the_navigation_leaves_the_view_as_it_is(visit):
    page = visit.open("#view=images&n=14&role=source")
    page.keyboard.press("Tab")
    assert focus_text(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.url.endswith("#view=images&n=14&role=source")
    assert page.locator("article.prompt").count() > 0


def test_an_address_opens_images_in_the_same_order_and_a_concept(visit):
    page = visit.open("#view=images&n=14&role=source")
    visit.turn(lambda: page.get_by_label("Order").select_option("differ"))
    visit.turn(lambda: page.get_by_label("B", exact=True).select_option(label="prompt_swap"))
    seen, address = texts(page, "article.prompt"), page.url.partition("index.html")[2]
    assert "order=differ" in address
    visit.open("#view=concepts&n=14")
    assert texts(visit.open(address), "article.prompt") == seen
    page = visit.open("#view=concepts&n=14")
    visit.turn(page.locator("tbody th a").first.click)
    name, address = page.locator("main h2").last.inner_text(), page.url.partition("index.html")[2]
    assert visit.open(address).locator("main h2").last.inner_text() == name
    assert page.locator("article.prompt").count() == 3


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_never_scrolls_sideways(phone, view):
    page = phone.open(f"#view={view}&n=14")
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("theme", "rules"), [("light", RULES), ("dark", CONTRAST)])
def test_axe_finds_no_barrier(visit, theme, rules):
    """axe-core's rules of WCAG 2 A and AA, in every view; of the dark theme its contrasts."""
    page = visit.open()
    page.emulate_media(color_scheme=theme)
    script = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for view in VIEWS:
        visit.open(f"#view={view}&n=14")
        page.evaluate(script)
        found = page.evaluate("rules => axe.run({ preload: false, runOnly: rules })", rules)
        said = [
            f"{view}: {each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary'][:300]}"
            for each in found["violations"]
        ]
        assert said == []


@pytest.mark.parametrize("sharp", [True, False])
def test_sensitive_images_are_sharp_only_where_they_were_written_so_and_clicked(
    chromium, site: Path, tmp_path, monkeypatch, sharp
):
    from dataclasses import replace

    from iceb import registry

    sensitive = replace(registry.load("tasks", "aice"), sensitive=True)
    real = registry.load
    monkeypatch.setattr(registry, "load", lambda group, name: sensitive if group == "tasks" else real(group, name))
    write_report([site.parent / "runs"], tmp_path / "site", site.parent / "cache", sharp=sharp)
    page = chromium.new_page()
    page.goto(f"{(tmp_path / 'site' / 'index.html').as_uri()}#view=images&n=14")
    page.wait_for_selector("article.prompt img")
    sources = page.locator("article.prompt img").evaluate_all("all => all.map(each => each.src)")
    assert all(".blurred." in each for each in sources)
    button = page.locator("article.prompt button.image").first
    button.click()
    shown = button.locator("img") if sharp else page.locator("dialog img").first
    assert (".blurred." in shown.get_attribute("src")) != sharp
    assert page.wait_for_function("one => one.naturalWidth > 0", arg=shown.element_handle())
    page.close()
