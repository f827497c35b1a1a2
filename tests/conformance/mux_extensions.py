"""Section 5: only after a hello, and only what both have."""

from . import wire
from .cases import EXTENSION, SHOULD, Skip
from .mux_bench import SUITE, case, require
from .wire import EVERYONE, MESSAGES, show

FEATURES = "lists events caps pause heartbeat handled flow bans"
WHERE = "section 5"


@case("extensions.silent-without-a-hello", SHOULD, "section 5 (only after the server's hello)")
def silent(t):
    """To a server that says no hello nothing of section 5 is said."""
    link = t.start()
    user = t.join()
    t.typed(user, "hello")
    link.send("GET ALL SUBCLIENT INFO")
    wire.read_listing(link)
    t.nothing_comes(link, "nothing was asked")
    said = [MESSAGES[number][0] for number, _ in link.skipped if number in MESSAGES and number != 70]
    require(not said, f"it says {', '.join(said)}")


@case("extensions.not-without-a-hello", SHOULD, "section 5 (only after the server's hello) and 1")
def not_without(t):
    """Without a hello the messages of section 5 are skipped like any unknown id, and do nothing."""
    link = t.start()
    user = t.join()
    for name, values in (("MAKE LIST", ((7, 255),)), ("ADD TO LIST", ((7, 255), user.key)),
                         ("PAUSE", ()), ("HEARTBEAT", (5,)), ("HANDLED", (1,))):
        link.send(name, *values)
    require(link.sync() == [] and not [n for n, _ in link.skipped if n != 70], "they are answered")
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"<to a list>\r\n")
    link.sync()
    t.typed(user, "input still flows")
    t.shown(user, b"<end>\r\n")
    require(b"<to a list>" not in user.player.all, "a list was made")


def hello(t, features=FEATURES, ready=True):
    """A new link on which both said hello: link.features are what both have, link.incarnation."""
    link = t.fresh(frozenset(MESSAGES))
    link.send("SERVER HELLO", 1, features)
    link.send("NOT READY")
    link.send("TELL ME YOUR ACCEPT MODE")
    message = link.next()
    if message[0] != "MULTIPLEXER HELLO":
        raise Skip("it does not answer SERVER HELLO")
    _, link.version, words, link.incarnation = message
    link.features = set(words.decode().split())
    t.mode(link)
    link.send("GET ALL SUBCLIENT INFO")
    link.users = wire.read_listing(link)
    if ready:
        link.send("READY")
    return link


def agreed(t, feature):
    link = hello(t, feature)  # alone: heartbeats would come between everything
    if feature not in link.features:
        raise Skip(f"it does not have {feature}")
    return link


@case("extensions.hello", EXTENSION, "section 5 (id 64, 65)")
def answers_hello(t):
    """The hello is answered first of all, with features out of ours and 16 bytes that stay for its run."""
    link = hello(t)
    require(link.version >= 1, f"version {link.version}")
    require(len(link.incarnation) == 16, f"an incarnation of {len(link.incarnation)} bytes")
    require(link.features - {"none"} <= set(FEATURES.split()), f"features {link.features}")
    one = hello(t, "lists")
    require(one.features - {"none"} <= {"lists"}, f"features {one.features} though we said lists")
    require(one.incarnation == link.incarnation, "another incarnation of the same run")


@case("extensions.unknown-features", EXTENSION, "section 5 (the features that both have)")
def unknown_features(t):
    """Features that it cannot know are not agreed on."""
    link = hello(t, "nonsense lists more-nonsense")
    require(link.features - {"none"} <= {"lists"}, f"features {link.features}")


@case("extensions.lists", EXTENSION, "section 5 (id 66 to 69)")
def lists(t):
    """A list takes users, text for it reaches each of them once, and they can be taken off."""
    link = agreed(t, "lists")
    users = [t.join() for _ in range(3)]
    link.send("MAKE LIST", (7, 255))
    for user in users[:2]:
        link.send("ADD TO LIST", (7, 255), user.key)
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"<both>\r\n")
    link.send("REMOVE FROM LIST", (7, 255), users[0].key)
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"<one>\r\n")
    link.send("MAKE LIST", (7, 255))
    link.send("SEND SUBCLIENT TEXT", (7, 255), b"<none>\r\n")
    link.send("SEND SUBCLIENT TEXT", EVERYONE, b"<all>\r\n")
    require(link.sync() == [], "something is answered")
    for user, wanted in zip(users, ((1, 0), (1, 1), (0, 0))):
        user.player.expect(b"<all>")
        seen = user.player.all
        require((seen.count(b"<both>"), seen.count(b"<one>")) == wanted and b"<none>" not in seen,
                f"he is shown {seen!r}")


@case("extensions.lists-and-leaving", EXTENSION, "section 5 (id 67, 68)")
def lists_and_leaving(t):
    """Who leaves falls out of a list; a dropped list reaches nobody; lists end with the link."""
    link = agreed(t, "lists")
    stays, goes = t.join(), t.join()
    link.send("MAKE LIST", (9, 255))
    for user in (stays, goes):
        link.send("ADD TO LIST", (9, 255), user.key)
    t.leave(goes)
    require(t.ask(link, "SEND SUBCLIENT TEXT", (9, 255), b"<staying>\r\n") == [], "it is answered")
    stays.player.expect(b"<staying>")
    link.send("DROP LIST", (9, 255))
    link.send("SEND SUBCLIENT TEXT", (9, 255), b"<dropped>\r\n")
    link.send("MAKE LIST", (8, 255))
    link.send("ADD TO LIST", (8, 255), stays.key)
    link.sync()
    link = hello(t, "lists")
    link.send("SEND SUBCLIENT TEXT", (8, 255), b"<of the last server>\r\n")
    link.sync()
    t.shown(stays, b"<end>\r\n")
    require(b"<dropped>" not in stays.player.all and b"<of the last" not in stays.player.all,
            f"he is shown {stays.player.all!r}")


@case("extensions.pause", EXTENSION, "section 5 (id 80, 81)")
def pause(t):
    """PAUSE is answered by PAUSED behind the last input; nothing more comes, and nothing is lost."""
    link = agreed(t, "pause")
    user = t.join()
    wanted = b"".join(b"%d\n" % n for n in range(300))
    user.player.send(wanted.replace(b"\n", b"\r\n"))
    link.send("PAUSE")
    data = b""
    while True:
        message = link.next()
        if message[0] == "PAUSED":
            break
        require(message[0] == "GOT SUBCLIENT TEXT", f"then comes {show(message)}")
        data += message[2]
    user.player.line("behind")
    t.nothing_comes(link, "PAUSED came")
    link = t.restart()
    data = data.replace(b"\r\n", b"\n")
    data += t.input_of(user, len(wanted) + 7 - len(data))
    require(data == wanted + b"behind\n", "what comes in all is not what was typed")


@case("extensions.heartbeat", EXTENSION, "section 5 (id 82, 83)")
def heartbeat(t):
    """HEARTBEAT is answered with its number, also while not READY."""
    link = agreed(t, "heartbeat")
    for state in ("READY", "NOT READY"):
        link.send(state)
        for number in (0, 7, 0xffffffff):
            link.send("HEARTBEAT", number)
        answers = []
        while len(answers) < 3:
            message = link.next()
            if message[0] == "HEARTBEAT":
                link.send("HEARTBEAT ANSWER", message[1])
                continue
            require(message[0] == "HEARTBEAT ANSWER", f"then comes {show(message)}")
            answers.append(message[1])
        require(answers == [0, 7, 0xffffffff], f"the answers are {answers}")


@case("extensions.caps", EXTENSION, "section 5 (id 74)")
def caps(t):
    """SUBCLIENT CAPS ARE is part of an acceptance and of a listing, before 47, and JSON."""
    import json
    link = agreed(t, "caps")
    user = t.join()
    link.send("GET ALL SUBCLIENT INFO")
    wire.read_listing(link)
    told = [m for m in link.heard if m[0] == "SUBCLIENT CAPS ARE" and m[1] == user.key]
    require(len(told) >= 2, "it is not told both times")
    for _, _, data in told:
        try:
            require(isinstance(json.loads(data), dict), f"{data!r} is no object")
        except ValueError:
            require(False, f"{data!r} is no JSON")


@case("extensions.link-refused", EXTENSION, "section 5 (id 70)")
def refused(t):
    """LINK REFUSED costs no user, and the multiplexer dials again."""
    t.start()
    user = t.join()
    t.goodbye()
    link = t.accept()
    link.send("LINK REFUSED", "only a test")
    link.half_close()
    link.expect_end()
    t.drop()
    link = t.greet(t.accept())
    require(user.key in link.users, "the user is not listed any more")
    t.shown(user, b"<still here>\r\n")


NET = b"192.0.2.0/24"
FOREVER = b'{"by":"suite","reason":"a test"}'


def bans_of(link):
    """{network: message} of the answer to TELL ME YOUR BANS."""
    link.send("TELL ME YOUR BANS")
    found = {}
    while True:
        message = link.next()
        if message[0] == "DONE SENDING BANS":
            return found
        require(message[0] in ("BAN IS", "UNBAN IS"), f"in the answer comes {show(message)}")
        found[message[1]] = message


@case("extensions.bans", EXTENSION, "section 5 (id 90-96)")
def bans(t):
    """A ban and its lifting are kept for the next server; the younger word about a network counts."""
    link = agreed(t, "bans")
    require(t.ask(link, "BAN", NET, 0, 1800000000, FOREVER) == [], "BAN is answered")
    link = agreed(t, "bans")
    message = bans_of(link).get(NET)
    require(message is not None and message[0] == "BAN IS", "the next server hears nothing of it")
    require(message[2:4] == (0, 1800000000), f"it has become {show(message)}")
    heard = t.ask(link, "UNBAN", NET, 0, 1799999999, b"suite")
    require([m[0] for m in heard] == ["BAN IS"], f"an older UNBAN is answered by {heard}")
    require(t.ask(link, "UNBAN", NET, 60, 1800000001, b"suite") == [], "UNBAN is answered")
    link = agreed(t, "bans")
    message = bans_of(link).get(NET)
    require(message is not None and message[0] == "UNBAN IS", "that it was lifted is not kept")
    heard = t.ask(link, "BAN", NET, 0, 1800000000, FOREVER)
    require([m[0] for m in heard] == ["UNBAN IS"], f"an older BAN is answered by {heard}")


@case("extensions.bans-refused", EXTENSION, "section 5 (id 96)")
def bans_refused(t):
    """What is no network, and a ban without a date, are refused by COULD NOT BAN; the link stays."""
    link = agreed(t, "bans")
    user = t.join()
    for net in (b"nonsense", b"192.0.2.1/24", b"192.0.2.0/33", b"::/129", b"0" * 300, b"1.2.3.4\0/8"):
        for name, about in (("BAN", FOREVER), ("UNBAN", b"suite")):
            heard = t.ask(link, name, net, 0, 1800000000, about)
            require([m[0] for m in heard] == ["COULD NOT BAN"] and heard[0][1] == net,
                    f"{name} of {net!r} is answered by {', '.join(map(show, heard))}")
    heard = t.ask(link, "BAN", NET, 0, 0, FOREVER)
    require([m[0] for m in heard] == ["COULD NOT BAN"], "a ban made at 0 is taken")
    t.typed(user, "input still flows")


def not_agreed(t, feature, name, values):
    others = " ".join(w for w in FEATURES.split() if w not in (feature, "heartbeat"))
    link = hello(t, others)
    user = t.join()
    values = [user.key if v == "user" else v for v in values]
    heard = t.ask(link, name, *values)
    require(heard == [], f"it is answered by {', '.join(map(show, heard))}")
    t.typed(user, "input still flows")


for FEATURE, NAME, VALUES in (("lists", "MAKE LIST", ((7, 255),)), ("pause", "PAUSE", ()),
                              ("heartbeat", "HEARTBEAT", (7,)), ("bans", "TELL ME YOUR BANS", ()),
                              ("handled", "HANDLED", (1,))):
    SUITE.add(f"extensions.not-agreed.{FEATURE}", EXTENSION, WHERE,
              f"{NAME} does nothing when {FEATURE} was not agreed on", not_agreed, (),
              (FEATURE, NAME, VALUES))
