"""The play page in a real browser, headless Chromium."""

import pytest

from browsers import chromium, quit_chromium
from daemons import wait_for


@pytest.fixture
def browser():
    driver, why = chromium()
    if driver is None:
        pytest.skip(why)
    yield driver
    quit_chromium(driver)


def log_of(browser):
    return browser.execute_script("return document.querySelector('[role=log]').innerText")


def test_a_browser_plays_a_line_and_complains_of_nothing(holdfast, browser):
    holdfast.map = "talker"
    holdfast.listen("web", "websocket")
    holdfast.start()
    host, port = holdfast.addresses["web"]
    browser.get(f"http://{host}:{port}/")
    wait_for(lambda: "hello websocket" in log_of(browser), "the game's text is shown")
    field = browser.find_element("css selector", "form input")
    field.send_keys("echo some words\n")
    wait_for(lambda: "[10] some words" in log_of(browser), "the answer is shown")
    holdfast.restart()
    field.send_keys("echo and more\n")
    wait_for(lambda: "[8] and more" in log_of(browser), "it goes on after a restart of the game")
    worse = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not worse, worse
    user, = holdfast.users()
    assert user["listener"] == "web"
    fetched = browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)")
    assert fetched and all(name.startswith(f"http://{host}:{port}/") for name in fetched), fetched


def test_who_goes_to_another_page_is_waited_for_and_is_back_with_the_back_button(holdfast, browser):
    holdfast.map = "talker"
    holdfast.listen("web", "websocket")
    holdfast.start()
    host, port = holdfast.addresses["web"]
    browser.get(f"http://{host}:{port}/")
    wait_for(lambda: "hello websocket" in log_of(browser), "the game's text is shown")
    user, = holdfast.users()
    browser.get(f"http://{host}:{port}/style.css")  # the page is kept for the way back
    wait_for(lambda: [u["state"] for u in holdfast.users()] == ["detached"], "he is waited for")
    browser.back()
    wait_for(lambda: [u["state"] for u in holdfast.users()] == ["connected"], "he is back")
    assert holdfast.users()[0]["key"] == user["key"]
    field = browser.find_element("css selector", "form input")
    field.send_keys("echo again\n")
    wait_for(lambda: "[5] again" in log_of(browser), "and plays")
