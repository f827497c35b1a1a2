"""The play page in headless Chromium: it comes back, and everybody can use it."""

import os
import pathlib
import random
import re

import pytest

from browsers import chromium, quit_chromium
from daemons import wait_for
from pages import Proxy

AXE = pathlib.Path(__file__).resolve().parent / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def chrome():
    driver, why = chromium()
    if driver is None:
        pytest.skip(why)
    yield driver
    quit_chromium(driver)


class Tab:
    """The page in one tab, through a proxy that can lose its connections."""

    def __init__(self, driver, holdfast, game="talker", **options):
        holdfast.map = game
        holdfast.listen("web", "websocket")
        holdfast.start(**options)
        self.driver = driver
        self.proxy = Proxy(holdfast.addresses["web"])
        holdfast.closers.append(self.close)
        self.holdfast = holdfast
        self.first = driver.current_window_handle
        host, port = self.proxy.address
        self.url = f"http://{host}:{port}/"
        driver.get(self.url)
        self.shows("hello websocket")

    def close(self):
        for handle in self.driver.window_handles:
            if handle != self.first:
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(self.first)
        self.driver.get("about:blank")
        self.proxy.close()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def log(self):
        # not innerText: blocks out of sight are not laid out, and would be missing
        return self.run("""return Array.from(document.querySelectorAll('#log .line'),
            (line) => line.textContent).join('\\n')""")

    def status(self):
        return self.run("return document.getElementById('status').textContent")

    def says(self, words):
        wait_for(lambda: words in self.status(), f"the status is {words!r}")

    def shows(self, words):
        wait_for(lambda: words in self.log(), f"{words!r} is shown")

    def type(self, *lines):
        self.run("""for (const line of arguments[0]) {
            document.getElementById('input').value = line;
            document.getElementById('line').requestSubmit();
        }""", lines)

    def press(self, name):
        self.driver.find_element("id", name).click()

    def key(self):
        user, = self.holdfast.users()
        return user["key"]

    def complaints(self):
        return [entry for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE" and
                "WebSocket" not in entry["message"] and "favicon" not in entry["message"]]


def test_a_page_that_is_loaded_anew_goes_on_where_it_was(holdfast, chrome):
    tab = Tab(chrome, holdfast, game="teller")
    tab.type("echo some words", "gmcp Room.Info {\"name\":\"Attic\",\"exits\":{\"n\":1}}", "hide")
    wait_for(lambda: tab.run("return document.getElementById('input').type") == "password", "it hides")
    key = tab.key()
    chrome.refresh()
    tab.shows("Picked up your session.")
    tab.shows("[some words]")
    wait_for(lambda: tab.run("return document.getElementById('input').type") == "password", "and again")
    assert tab.run("return document.getElementById('panel-button').hidden") is False
    tab.type("secret")
    tab.shows("it has 6 bytes")
    assert tab.log().count("hello websocket") == 1 and "secret" not in tab.log()
    assert "secret" not in str(tab.run("return {...sessionStorage}"))
    assert tab.key() == key and holdfast.metric("users_accepted") == 1
    wait_for(lambda: tab.run("return document.getElementById('log').ariaLive") == "polite",
             "what comes now is spoken")
    assert not tab.complaints()


def test_the_page_is_called_what_the_game_is(holdfast, chrome):
    tab = Tab(chrome, holdfast, game="teller")
    tab.says("Connected.")
    assert tab.run("return [document.title, document.getElementById('title').textContent]") == [
        "Teller's Hall - Play", "Teller's Hall"]


def test_what_is_typed_without_a_connection_is_kept_and_it_is_said_once(holdfast, chrome):
    tab = Tab(chrome, holdfast)
    tab.run("""window.said = [];
        new MutationObserver(() => said.push(document.getElementById('status').textContent))
            .observe(document.getElementById('status'), {childList: true, characterData: true});""")
    tab.proxy.refusing = True
    tab.proxy.cut()
    tab.says("The connection is lost. Trying again; what you type is kept.")
    tab.type("echo first", "echo second")
    wait_for(lambda: tab.run("return document.getElementById('waiting').textContent") != "", "tries")
    tab.proxy.refusing = False
    tab.shows("] second")
    tab.says("Connected again. Nothing was lost.")
    assert tab.run("return said") == [
        "The connection is lost. Trying again; what you type is kept.",
        "Connected again. Nothing was lost."]
    assert re.findall(r"\] (\w+)", tab.log()) == ["first", "second"]
    # silence instead of an end: it asks when the network is said to be back
    tab.proxy.stall()
    tab.type("echo third")
    tab.run("window.dispatchEvent(new Event('online'))")
    tab.shows("] third")
    assert holdfast.metric("users_accepted") == 1 and holdfast.metric("sessions_resumed") >= 2


def test_a_copied_tab_takes_the_game_and_the_old_one_says_so(holdfast, chrome):
    tab = Tab(chrome, holdfast)
    key = tab.key()
    chrome.execute_script("window.open(location.href)")
    other = next(h for h in chrome.window_handles if h != tab.first)
    tab.says("Your game goes on in another window or tab.")
    chrome.switch_to.window(other)
    tab.shows("Picked up your session.")
    tab.type("echo mine now")
    tab.shows("] mine now")
    assert tab.key() == key and holdfast.metric("sessions_resumed") == 1
    chrome.switch_to.window(tab.first)
    chrome.refresh() # there is nothing left to pick up
    tab.shows("hello websocket")
    assert "Picked up" not in tab.log()
    assert len(holdfast.users()) == 2


def test_disconnect_leaves_at_once_and_a_session_that_is_over_is_told(holdfast, chrome):
    tab = Tab(chrome, holdfast, session_ttl="500ms")
    tab.press("settings-button")
    tab.press("leave")
    tab.says("You have left.")
    wait_for(lambda: not holdfast.users(), "he has left")
    assert holdfast.metric("sessions_detached") == 0
    tab.press("again")
    tab.says("Connected.")
    tab.proxy.refusing = True
    tab.proxy.cut()
    tab.says("The connection is lost.")
    tab.type("echo too late")
    wait_for(lambda: holdfast.metric("closed_expired") == 1, "his time is over")
    tab.proxy.refusing = False
    tab.run("const again = document.getElementById('again'); again.hidden || again.click()")
    tab.shows("Your old session is over, so this is a new one. What you typed meanwhile was not sent: 1 line.")
    tab.type("echo in time")
    tab.shows("] in time")
    assert "too late\n" not in re.sub(r"echo too late", "", tab.log())


def test_a_thousand_lines_through_restarts_and_losses_are_each_seen_once(holdfast, chrome):
    lines, seed = 1000, random.Random(5)
    tab = Tab(chrome, holdfast, input_burst_lines="1000")
    turns = [("restart", n) for n in range(15)] + [("kill", n) for n in range(5)] + \
        [("lose", n) for n in range(10)]
    seed.shuffle(turns)
    typed, games = 0, 1
    for kind, how in turns:
        some = range(typed + 1, min(typed + seed.randrange(25, 45), lines) + 1)
        tab.type(*(f"echo line {n}." for n in some))
        typed = some[-1] if some else typed
        if kind == "lose":
            connections = tab.proxy.connections
            tab.proxy.cut(reset=how % 2 == 0)
            # the page may be between two connections when the game goes
            if how % 3 == 0:
                wait_for(lambda: tab.proxy.connections > connections, "it comes back")
                tab.says("Connected again.")
            continue
        holdfast.wait_ready(games)
        games += 1
        if kind == "kill":
            tab.shows(f"] line {typed}.")
            holdfast.server.kill9()
            holdfast.start_server()
        else:
            holdfast.restart(wait=False)
    tab.type(*(f"echo line {n}." for n in range(typed + 1, lines + 1)))
    tab.shows(f"] line {lines}.")
    answers = [int(n) for n in re.findall(r"\] line (\d+)\.", tab.log())]
    assert answers == list(range(1, lines + 1))
    assert holdfast.metric("users_accepted") == 1 and holdfast.metric("sessions_gaps") == 0
    holdfast.wait_ready(21)
    assert not tab.complaints()


def test_the_last_line_stays_in_sight_when_a_prompt_comes_below_it(holdfast, chrome):
    tab = Tab(chrome, holdfast, game="teller")
    tab.type("lines 60")
    tab.shows("60 all work")
    wait_for(lambda: last_line_below(tab) <= 1, "the last line is in sight")
    tab.type("prompt HP 30")
    wait_for(lambda: tab.run("return !document.getElementById('prompt').hidden"), "the prompt is shown")
    wait_for(lambda: last_line_below(tab) <= 1, "the last line is in sight still")


def test_the_output_is_followed_while_answers_and_prompts_come_in_turn(holdfast, chrome, request):
    request.addfinalizer(lambda: emulate_nothing(chrome))
    emulate(chrome, 1100, "dark", height=750)
    tab = Tab(chrome, holdfast, game="teller")
    tab.run("""window.offered = 0;
        new MutationObserver(() => offered += !document.getElementById('below').hidden)
            .observe(document.getElementById('below'), {attributes: true});""")
    for turn in range(8):
        tab.type(f"lines {20 + turn}", "prompt HP 30")
        tab.shows(f"{20 + turn} all work")
        wait_for(lambda: tab.run("return !document.getElementById('prompt').hidden"), "the prompt is shown")
        wait_for(lambda: last_line_below(tab) <= 1, "the last line is in sight")
    assert tab.run("return offered") == 0


def test_who_has_scrolled_back_stays_there_while_others_talk(holdfast, chrome):
    holdfast.listen()
    tab = Tab(chrome, holdfast, game="teller")
    other = holdfast.player()
    tab.type("lines 120", "prompt HP 30")
    tab.shows("120 all work")
    wait_for(lambda: tab.run("return !document.getElementById('prompt').hidden"), "the prompt is shown")
    wait_for(lambda: last_line_below(tab) <= 1, "the last line is in sight")
    tab.run("document.getElementById('log').scrollTop -= 300")
    place = tab.run("return document.getElementById('log').scrollTop")
    for n in range(5):
        other.line(f"all words {n}")
        tab.shows(f"words {n}")
    wait_for(lambda: tab.run("return !document.getElementById('below').hidden"), "it is said that there is more")
    assert tab.run("return document.getElementById('log').scrollTop") == place
    tab.press("below")
    wait_for(lambda: last_line_below(tab) <= 1, "the last line is in sight again")


def last_line_below(tab):
    """How far the last line is below what can be seen, pixels."""
    return tab.run("""const last = document.querySelector('#log .block:last-child').lastChild;
        return last.getBoundingClientRect().bottom - document.getElementById('log').getBoundingClientRect().bottom;""")


# -- prompts ---------------------------------------------------------------------------------------

def description(tab):
    """What a screen reader says of the input beside its name."""
    node, = tab.driver.execute_cdp_cmd("Accessibility.queryAXTree", {
        "objectId": tab.driver.execute_cdp_cmd("Runtime.evaluate", {
            "expression": "document.getElementById('input')"})["result"]["objectId"]})["nodes"][:1]
    return node["description"]["value"]


def ask(tab, prompt):
    """Asks for this prompt, and waits until the page has it."""
    tab.type(f"ask {prompt}")
    wait_for(lambda: tab.run("return document.getElementById('prompt').textContent") == prompt, "it is there")


def test_a_question_is_spoken_and_describes_the_input(holdfast, chrome):
    tab = Tab(chrome, holdfast, game="teller")
    tab.run("""window.spoken = [];
        new MutationObserver(() => spoken.push(document.getElementById('question').textContent))
            .observe(document.getElementById('question'), {childList: true});""")
    for prompt in ("Your name:", "Your name:", ">", "HP 30>", "HP 30>", "HP 29>"):
        ask(tab, prompt)
        is_bare = prompt == ">"
        assert tab.run("return document.getElementById('prompt').ariaHidden") == ("true" if is_bare else None)
        assert description(tab).startswith("Up and Down" if is_bare else prompt)
    # a question that is asked again is a new one; what only stands there is not
    assert [words for words in tab.run("return spoken") if words] == [
        "Your name:", "Your name:", "HP 30>", "HP 29>"]
    assert tab.run("return document.getElementById('question').ariaLive") == "polite"


def test_with_a_screen_reader_questions_are_lines_of_the_output(holdfast, chrome, request):
    request.addfinalizer(lambda: chrome.execute_script("localStorage.clear()"))
    tab = Tab(chrome, holdfast, game="teller")
    tab.press("settings-button")
    tab.press("setting-reader")
    tab.press("settings-close")
    for prompt in ("Your new password:", "The same once more:", ">", "HP 30>", "HP 30>"):
        ask(tab, prompt)
        assert tab.run("return document.getElementById('prompt').hidden")
    assert description(tab).startswith("HP 30>")
    tab.type("echo done")
    tab.shows("[done]")
    # The game shows what it hears of the page as well, whenever that comes.
    lines = [line for line in tab.log().split("\n") if not line.startswith("event caps ")]
    assert lines[-4:] == ["Your new password:", "The same once more:", "HP 30>", "[done]"]


# -- everybody ------------------------------------------------------------------------------------

MODES = {
    "dark": {"width": 1000, "scheme": "dark"},
    "light": {"width": 1000, "scheme": "light"},
    "phone": {"width": 360, "scheme": "dark", "height": 640},
    "zoomed": {"width": 500, "scheme": "light", "height": 350, "scale": 2, "still": True},
}


def emulate(driver, width, scheme, height=700, scale=1, still=False):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}]})


def emulate_nothing(driver):
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def look(tab, screen, pictures):
    """Axe's complaints, and what does not fit, in every mode."""
    found = []
    for mode, how in MODES.items():
        emulate(tab.driver, **how)
        for v in tab.driver.execute_async_script("""const done = arguments[0];
                document.getAnimations().forEach((a) => a.finish());
                requestAnimationFrame(() => axe.run().then(({violations}) => done(violations), done))"""):
            found.append((screen, mode, v["id"], [n["html"][:200] for n in v["nodes"][:3]]))
        wide = tab.run("return document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append((screen, mode, "it is wider than the window", wide))
        # what is typed, and where, is never covered, and some of the game is seen
        high = tab.run("""const box = (id) => document.getElementById(id).getBoundingClientRect();
            return [box('log').bottom - box('line').top, box('line').bottom - innerHeight,
                60 - box('log').height];""")
        if max(high) > 1:
            found.append((screen, mode, "it is higher than the window", high))
        below = last_line_below(tab)
        if screen == "connected" and below > 1:
            found.append((screen, mode, "the last line is out of sight", below))
        if pictures:
            tab.driver.save_screenshot(str(pictures / f"{screen}-{mode}.png"))
    return found


def test_axe_finds_nothing_on_any_screen(holdfast, chrome, request):
    # HOLDFAST_PICTURES=folder keeps what is seen
    pictures = os.environ.get("HOLDFAST_PICTURES")
    pictures = pictures and pathlib.Path(pictures)
    request.addfinalizer(lambda: emulate_nothing(chrome))
    chrome.set_script_timeout(60)
    tab = Tab(chrome, holdfast, game="teller")
    tab.run(AXE.read_text())
    tab.type("gmcp Char.Vitals {\"hp\":30,\"maxhp\":50,\"mp\":5,\"maxmp\":20}",
             "gmcp Room.Info {\"name\":\"The long hall\",\"exits\":{\"north\":1,\"south\":2}}",
             "gmcp Comm.Channel.Text {\"channel\":\"ooc\",\"talker\":\"Ann\",\"text\":\"hello all\"}",
             "lines 30", "colours", "prompt HP 30")
    tab.shows("orange")
    wait_for(lambda: tab.run("return document.getElementById('panel').hidden") is False, "the panel")
    found = look(tab, "connected", pictures)
    tab.run("document.getElementById('log').scrollTop = 0")
    found += look(tab, "scrolled", pictures)
    tab.press("settings-button")
    found += look(tab, "settings", pictures)
    tab.press("settings-close")
    tab.type("hide")
    wait_for(lambda: tab.run("return document.getElementById('input').type") == "password", "it hides")
    found += look(tab, "password", pictures)
    tab.type("secret")
    tab.says("What you type can be seen again.")
    tab.proxy.refusing = True
    tab.proxy.cut()
    tab.says("The connection is lost.")
    wait_for(lambda: tab.run("return !document.getElementById('waiting').hidden"), "it waits")
    found += look(tab, "lost", pictures)
    tab.proxy.refusing = False
    tab.run("const again = document.getElementById('again'); again.hidden || again.click()")
    tab.says("Connected again.")
    tab.press("settings-button")
    tab.press("leave")
    tab.says("You have left.")
    found += look(tab, "left", pictures)
    assert not found, found
