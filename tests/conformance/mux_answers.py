"""Every message of a server in every state of the link, and what it is answered with: made from the
two tables below, which are section 3 again."""

import re
import time

from .cases import MUST, SHOULD
from .mux_bench import NOBODY, SUITE, case, require
from .wire import ID, read_listing, show

# message about a user: (values behind the key, names of the answers that are right)
ABOUT_A_USER = {
    "SEND SUBCLIENT TEXT": ((b"<shown>\r\n",), ()),
    "SAVE SUBCLIENT INFO": ((b"saved",), ("SAVED SUBCLIENT INFO",)),
    "DELETE SUBCLIENT SAVED INFO": ((), ("DELETED SUBCLIENT SAVED INFO",)),
    "GET SUBCLIENT DNS": ((), ("SUBCLIENT DNS IS",)),
    "GET SUBCLIENT IDENTD": ((), ("SUBCLIENT IDENTD IS",)),
    "GET SUBCLIENT IDLETIME": ((), ("SUBCLIENT IDLETIME IS",)),
    "GET SUBCLIENT CONNECTTIME": ((), ("SUBCLIENT CONNECTTIME IS",)),
    "GET SUBCLIENT SAVED INFO": ((), ("SUBCLIENT SAVED INFO IS", "THERE IS NO SUBCLIENT SAVED INFO",
                                      "COULD NOT GET SUBCLIENT SAVED INFO")),
    "KILL SUBCLIENT": ((), ("KILLED SUBCLIENT",)),
}
MODES = ("ACCEPTING ALL", "ACCEPTING LOCALHOST ONLY")
# message about no user: names of the answers that are right
ABOUT_NOBODY = {
    "NOT READY": (), "READY": (), "ARE YOU ALIVE": ("I AM ALIVE",),
    "ACCEPT LOCALHOST ONLY": ("ACCEPTING LOCALHOST ONLY",), "ACCEPT ALL": ("ACCEPTING ALL",),
    "TELL ME YOUR ACCEPT MODE": MODES, "GET ALL SUBCLIENT INFO": None,
}
# What this side may leave out; silence is then right, too.
MAY_BE_SILENT = {"DELETE SUBCLIENT SAVED INFO"}
# These may be answered later than a probe behind them.
TAKES_TIME = {"GET SUBCLIENT DNS", "GET SUBCLIENT IDENTD", "KILL SUBCLIENT"}
# These end the link or the multiplexer: mux_links.py, mux_end.py.
ENDINGS = {"SERVER GOING OFFLINE", "TERMINATE"}

STATES = {  # name: (level, what it is, whether input flows)
    "new": (SHOULD, "on a new link, before NOT READY", False),
    "held": (MUST, "on a new link, after NOT READY and a listing", False),
    "open": (MUST, "after READY", True),
    "held-again": (MUST, "after READY and then NOT READY", False),
}


class Scene:
    """A link in a state; one user who is known in it, and one key whose user has left."""

    def __init__(self, t, state):
        self.t = t
        link = t.start()
        self.user, gone = t.join(), t.join()
        t.leave(gone)
        self.gone = gone.key
        if state == "new":
            t.goodbye()
            link = t.accept()
        elif state == "held":
            link = t.restart(ready=False)
            require(self.user.key in link.users, "he is not listed")
        elif state == "held-again":
            link.send("NOT READY")
            link.sync()
        self.link = link
        self.flows = STATES[state][2]

    def check_state(self, flows):
        """Input flows, or is held back and comes after READY."""
        t = self.t
        if not flows:
            self.user.player.line("in between")
            t.nothing_comes(self.link, "while NOT READY input is held back")
            self.link.send("READY")
            require(t.input_of(self.user, 11) == b"in between\n", "the input comes as another")
        t.typed(self.user, "and then")


def about_a_user(t, state, name):
    scene = Scene(t, state)
    link, user = scene.link, scene.user
    values, answers = ABOUT_A_USER[name]
    for what, key in (("a user who left", scene.gone), ("nobody", NOBODY)):
        heard = t.ask(link, name, key, *values)
        silent = name in MAY_BE_SILENT and not heard
        require(silent or heard == [("NO SUCH SUBCLIENT", key)],
                f"about {what} the answer is {', '.join(map(show, heard)) or 'nothing'}")
    heard = t.ask(link, name, user.key, *values)
    if state == "new" and heard == [("NO SUCH SUBCLIENT", user.key)]:
        return  # "or not yet reported"
    if name == "KILL SUBCLIENT":
        user.player.expect_end()
        user.player.reset()
    if name in TAKES_TIME:
        while not heard:
            heard.append(link.next())
        heard += link.sync()
    right = [m for m in heard if m[0] in answers and m[1] == user.key]
    if answers and not (name in MAY_BE_SILENT and not heard):
        require(len(heard) == 1 and right == heard,
                f"the answer is {', '.join(map(show, heard)) or 'nothing'} "
                f"instead of {' or '.join(answers)}")
    else:
        require(heard == [], f"it is answered by {', '.join(map(show, heard))}")
    if name == "SEND SUBCLIENT TEXT":
        user.player.expect(b"<shown>")
    if name != "KILL SUBCLIENT":
        scene.check_state(scene.flows)


def about_nobody(t, state, name):
    scene = Scene(t, state)
    link, answers = scene.link, ABOUT_NOBODY[name]
    if name == "GET ALL SUBCLIENT INFO":
        link.send(name)
        require(set(read_listing(link)) == {scene.user.key}, "the listing is not complete")
        require(link.sync() == [], "something comes behind the listing")
    elif name == "ARE YOU ALIVE":
        link.send(name)
        link.expect("I AM ALIVE")
        require(link.sync() == [], "it is answered twice")
    else:
        link.send(name)
        heard = link.sync()
        if state == "new" and name == "READY" and heard:
            # There was no listing: he may be made known as if he came just now.
            heard = [m for m in heard if m[1] != scene.user.key]
        require([m[0] for m in heard] in ([[a] for a in answers] if answers else [[]]),
                f"the answer is {', '.join(map(show, heard)) or 'nothing'} instead of "
                f"{' or '.join(answers) or 'nothing'}")
    flows = {"READY": True, "NOT READY": False}.get(name, scene.flows)
    if state == "new":
        link.send("NOT READY")
        t.quiet_for_a_moment(link)
        link.sync()  # with it his acceptance, should there be one
        t.greet(link)
        flows = True
    scene.check_state(flows)


for STATE, (LEVEL, WHERE, _) in STATES.items():
    for NAME, (_, ANSWERS) in ABOUT_A_USER.items():
        SUITE.add(f"answers.{STATE}.{NAME.lower().replace(' ', '-')}", LEVEL,
                  f"section 3 (id {ID[NAME]}, 39)",
                  f"{NAME} {WHERE}: answered by {' or '.join(ANSWERS) or 'nothing'}; for nobody by 39",
                  about_a_user, (), (STATE, NAME))
    for NAME, ANSWERS in ABOUT_NOBODY.items():
        SAID = "a listing" if ANSWERS is None else " or ".join(ANSWERS) or "nothing"
        SUITE.add(f"answers.{STATE}.{NAME.lower().replace(' ', '-')}", LEVEL,
                  f"section 3 (id {ID[NAME]})", f"{NAME} {WHERE}: answered by {SAID}",
                  about_nobody, (), (STATE, NAME))


def down_messages():
    """What the tables above hold: it has to be all that section 3 lets a server say."""
    return set(ABOUT_A_USER) | set(ABOUT_NOBODY) | ENDINGS


# ---- what the answers say ----

@case("answers.many-at-once", MUST, "section 3 (each request is answered)")
def many(t):
    """Thousands of requests in one go are all answered, those about one user in the order of the requests."""
    link = t.start()
    user = t.join()
    count = 3000
    for n in range(count):
        link.send("SAVE SUBCLIENT INFO", user.key, b"%d" % n)
        link.send("GET SUBCLIENT SAVED INFO", NOBODY if n % 2 else user.key)
    wanted = []
    for n in range(count):
        wanted.append(("SAVED SUBCLIENT INFO", user.key))
        if n % 2 == 0:
            wanted.append(("SUBCLIENT SAVED INFO IS", user.key, b"%d" % n))
    answers = [link.next() for _ in range(2 * count)]
    require([m for m in answers if m[1:2] == (user.key,)] == wanted, "about him they are others")
    require(answers.count(("NO SUCH SUBCLIENT", NOBODY)) == count // 2, "about nobody they are others")


WORD = re.compile(rb"[!-~]{1,255}")


@case("names.always-answered", MUST, "section 3 (id 33, 34, 40, 41: always)")
def names(t):
    """DNS and IDENTD are answered for each user of each listener, as often as asked."""
    link = t.start()
    users = [t.join(raw=bool(t.options.raw) and n == 2) for n in range(3)]
    for _ in range(2):
        for user in users:
            link.send("GET SUBCLIENT DNS", user.key)
            link.send("GET SUBCLIENT IDENTD", user.key)
    due = [(name, u.key) for _ in range(2) for u in users
           for name in ("SUBCLIENT DNS IS", "SUBCLIENT IDENTD IS")]
    while due:
        message = link.next()
        require(message[:2] in due, f"then comes {show(message)}")
        due.remove(message[:2])
        require(WORD.fullmatch(message[2]), f"the name is {message[2]!r}")


@case("names.as-listed", SHOULD, "section 3 (id 40, 41 and fixed words)")
def names_as_listed(t):
    """The listing says the same names as the answers once they are known."""
    link = t.start()
    user = t.join()
    dns, = t.answer_later(link, "SUBCLIENT DNS IS", "GET SUBCLIENT DNS", user.key)
    ident, = t.answer_later(link, "SUBCLIENT IDENTD IS", "GET SUBCLIENT IDENTD", user.key)
    link.send("GET ALL SUBCLIENT INFO")
    row = read_listing(link)[user.key]
    require((row.dns, row.ident) == (dns, ident), f"{(row.dns, row.ident)} and {(dns, ident)}")
    require(user.dns in (None, dns) and user.ident in (None, ident),
            f"in his acceptance they were {(user.dns, user.ident)}")


@case("names.asked-for-one-who-leaves", MUST, "section 3 (id 33, 34: always)")
def names_of_one_who_leaves(t):
    """A question about a user who is just leaving is answered by a name or by NO SUCH SUBCLIENT."""
    link = t.start()
    for _ in range(5):
        user = t.join()
        link.send("GET SUBCLIENT DNS", user.key)
        link.send("GET SUBCLIENT IDENTD", user.key)
        user.player.reset()
        answers = []
        while len(answers) < 3 or "LOST SUBCLIENT" not in answers:
            message = link.next()
            require(message[1:2] == (user.key,), f"then comes {show(message)}")
            answers.append(message[0])
        answers.remove("LOST SUBCLIENT")
        require(set(answers) <= {"SUBCLIENT DNS IS", "SUBCLIENT IDENTD IS", "NO SUCH SUBCLIENT"},
                f"the answers are {answers}")


@case("times.begin-at-nothing", MUST, "section 3 (id 42, 43)")
def times_begin(t):
    """A user who has just come is connected and idle for next to no time."""
    link = t.start()
    began = time.monotonic()
    user = t.join()
    idle, connected = times(t, link, user)
    most = time.monotonic() - began + 1
    require(idle <= most and connected <= most, f"idle for {idle} s, connected for {connected} s")


def times(t, link, user):
    return (t.answer(link, ("SUBCLIENT IDLETIME IS",), "GET SUBCLIENT IDLETIME", user.key)[0],
            t.answer(link, ("SUBCLIENT CONNECTTIME IS",), "GET SUBCLIENT CONNECTTIME", user.key)[0])


@case("times.go-on", MUST, "section 3 (id 42, 43) and the clock")
def times_go_on(t):
    """Both times only grow, connect time also over input and a restart; input sets idle time back."""
    link = t.start()
    user = t.join()
    t.typed(user, "now")
    before = (0, 0)
    began = time.monotonic()
    while time.monotonic() - began < 2.3:
        now = times(t, link, user)
        require(now[0] >= before[0] and now[1] >= before[1], f"from {before} to {now} s")
        before = now
        time.sleep(0.1)
    require(2 <= before[0] <= time.monotonic() - began + 1, f"idle for {before[0]} s after 2.3 s")
    require(2 <= before[1], f"connected for {before[1]} s after 2.3 s")
    t.typed(user, "again")
    idle, connected = times(t, link, user)
    require(idle < before[0], f"idle for {idle} s though he typed just now")
    require(connected >= before[1], "connect time was set back by input")
    link = t.crash(ready=False)
    row = link.users[user.key]
    require(row.connected >= before[1], "connect time was set back by a new server")
    require(row.idle <= row.connected, f"idle for {row.idle} s, connected for {row.connected} s")


@case("times.output-is-not-input", SHOULD, "section 3 (id 42)")
def output_is_not_input(t):
    """What is sent to a user does not set back his idle time."""
    link = t.start()
    user = t.join()
    t.typed(user, "now")
    began = time.monotonic()
    while time.monotonic() - began < 1.3:
        link.send("SEND SUBCLIENT TEXT", user.key, b".")
        time.sleep(0.05)
    idle, _ = times(t, link, user)
    require(idle >= 1, f"idle for {idle} s after 1.3 s")
