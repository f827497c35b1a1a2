"""The HTTP API from pages in a real browser: its own origin, one that is listed, and one that is not."""

import http.server
import threading

import pytest

from browsers import chromium, quit_chromium
from daemons import free_port, wait_for
from test_api import start

# What a page can do: its fetch answered, or refused by the browser.
FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then(async r => done([r.status, await r.text()]), () => done(["refused", ""]));
"""


@pytest.fixture
def browser():
    driver, why = chromium()
    if driver is None:
        pytest.skip(why)
    driver.set_script_timeout(20)
    yield driver
    quit_chromium(driver)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page</title>")

    def log_message(self, *_):
        pass


def serve_page(holdfast):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    holdfast.closers.append(server.shutdown)
    holdfast.closers.append(server.server_close)
    return f"http://127.0.0.1:{server.server_address[1]}"


def test_pages_that_are_listed_may_use_it_and_others_may_not(holdfast, browser):
    good, evil = serve_page(holdfast), serve_page(holdfast)
    start(holdfast, sv_api_origins=good)
    api = f"http://127.0.0.1:{holdfast.port}"
    post = {"method": "POST", "body": "7", "headers": {"Content-Type": "application/json"}}
    form = {"method": "POST", "body": "7", "mode": "no-cors"}  # asks nobody whether it may

    def fetch(path, options=None):
        return browser.execute_async_script(FETCH, api + path, options or {})
    browser.get(good + "/")
    assert fetch("/test") == [200, '{"message":{"content":"yay!","type":"string"},"status":"success"}']
    assert fetch("/echo", post)[0] == 200
    browser.get(evil + "/")
    assert fetch("/test") == ["refused", ""]
    assert fetch("/echo", post) == ["refused", ""]
    calls = holdfast.admin("server", "metrics")["api_calls"]
    fetch("/shout", form)
    assert holdfast.admin("server", "metrics")["api_calls"] == calls, "a form of another page's was heard"
    browser.get(api + "/status")
    assert fetch("/test")[0] == 200 and fetch("/echo", post)[0] == 200


def test_an_event_source_hears_events(holdfast, browser):
    page = serve_page(holdfast)
    start(holdfast, sv_api_origins=page)
    browser.get(page + "/")
    api = f"http://127.0.0.1:{holdfast.port}"
    browser.execute_script("""
        window.heard = [];
        const source = new EventSource(arguments[0]);
        source.addEventListener("shout", e => window.heard.push(JSON.parse(e.data).text));
        source.onopen = () => window.heard.push("open");
    """, api + "/events")
    wait_for(lambda: browser.execute_script("return window.heard") == ["open"], "it is open")
    post = {"method": "POST", "body": '"hey"', "headers": {"Content-Type": "application/json"}}
    assert browser.execute_async_script(FETCH, api + "/shout", post)[0] == 200
    wait_for(lambda: browser.execute_script("return window.heard") == ["open", "hey"], "it is heard")
    holdfast.admin("server", "reload")  # and it comes back by itself
    wait_for(lambda: browser.execute_script("return window.heard").count("open") == 2, "open again")
