"""The example server with one thing spoilt each: {what it does: (class, [cases that must fail])}."""

import time

from . import wire
from .example_server import ExampleServer as Right, Player

MUTANTS = {}


def mutant(does, *patterns):
    def register(kind):
        MUTANTS[does] = (kind, patterns)
        return kind
    return register


# ---- start ----

@mutant("asks for the listing first", "start.order")
class _(Right):
    def greet(self, link):
        self.say(link, "GET ALL SUBCLIENT INFO")
        self.say(link, "NOT READY")
        self.say(link, "TELL ME YOUR ACCEPT MODE")


@mutant("says NOT READY only after an answer", "start.not-ready-at-once")
class _(Right):
    def greet(self, link):
        self.say(link, "TELL ME YOUR ACCEPT MODE")
        self.say(link, "NOT READY")
        self.say(link, "GET ALL SUBCLIENT INFO")


@mutant("says READY at once", "start.ready-only-behind-the-listing")
class _(Right):
    def greet(self, link):
        super().greet(link)
        self.say(link, "READY")


@mutant("says READY only to who accepts all", "start.localhost-only")
class _(Right):
    def on_accepting_localhost_only(self, link):
        self.drop(link)


@mutant("ends the link at a TICK", "start.ticks", "messages.*.tick", "users.much-at-once",
        "start.byte-by-byte")
class _(Right):
    def on_tick(self, link):
        self.drop(link)


@mutant("knows only its own protocol words", "start.users-of-all-kinds")
class _(Right):
    def on_got_subclient(self, link, key, protocol, ip):
        if protocol in (b"telnet-line", b"raw"):
            super().on_got_subclient(link, key, protocol, ip)


@mutant("takes 46 for the end of the user", "start.no-saved-info-to-be-had",
        "messages.*.could-not-get-subclient-saved-info")
class _(Right):
    def on_could_not_get_subclient_saved_info(self, link, player):
        self.on_lost_subclient(link, player)


@mutant("ends the link at saved info that it cannot read", "start.saved-info-of-somebody-else",
        "framing.largest-message", "messages.*.subclient-saved-info-is", "saves.come-back",
        "restart.keeps-what-was-saved")
class _(Right):
    def on_subclient_saved_info_is(self, link, player, data):
        self.drop(link)


@mutant("has room for 100 users", "start.many-users")
class _(Right):
    def on_got_subclient(self, link, key, *what):
        if len(link.players) < 100:
            super().on_got_subclient(link, key, *what)


@mutant("takes keys of depth 2 only", "start.chained-keys")
class _(Right):
    def on_got_subclient(self, link, key, *what):
        if len(key) == 2:
            super().on_got_subclient(link, key, *what)


@mutant("looks at the first number of a key only", "start.keys-that-are-alike")
class _(Right):
    def carry_out(self, link, name, values):
        if values:
            values[0] = next((k for k in link.players if k[0] == values[0][0]), values[0])
        super().carry_out(link, name, values)


# ---- section 1 ----

@mutant("goes on after a message that must be refused", "refused.[!b]*")
class _(Right):
    def refuse(self, link):
        link.rest = b""

    def handle(self, link, message):
        if message[2] in wire.UP:
            super().handle(link, message)


@mutant("kills every user when it refuses a message", "refused.zeros", "refused.left-over")
class _(Right):
    def refuse(self, link):
        for key in link.players:
            self.say(link, "KILL SUBCLIENT", key)
        self.write(link)
        super().refuse(link)


@mutant("ends at garbage", "refused.before-the-start-is-through", "refused.count-255",
        "links.a-stranger-with-garbage")
class _(Right):
    def refuse(self, link):
        for each in list(self.links):
            self.drop(each)
        self.listening.close()
        self.listening = None


@mutant("understands only messages that come in one piece", "framing.split-in-two",
        "framing.random-pieces", "start.byte-by-byte")
class _(Right):
    def take(self, link, data):
        super().take(link, data)
        link.rest = b""


@mutant("understands one message of a write", "framing.many-in-one-write")
class _(Right):
    def take(self, link, data):
        super().take(link, data[:int.from_bytes(data[:2], "little")] if link.players else data)


@mutant("ends the link at an unknown id", "framing.unknown-ids")
class _(Right):
    def handle(self, link, message):
        if message[2] not in wire.PLAIN:
            raise wire.Deviation("unknown")
        super().handle(link, message)


@mutant("takes 4000 bytes at most", "framing.largest-message")
class _(Right):
    def handle(self, link, message):
        if len(message) > 4000:
            raise wire.Deviation("long")
        super().handle(link, message)


@mutant("handles half a message at the end", "framing.half-a-message-at-the-end")
class _(Right):
    left = b""

    def drop(self, link):
        if b"say <" in link.rest:
            self.left = b"You " + link.rest[link.rest.index(b"say <"):] + b">\r\n"
        super().drop(link)

    def show(self, link, player, text):
        super().show(link, player, self.left + text)


@mutant("makes users of keys of nobody", "keys.of-nobody", "users.lost", "users.no-such-subclient",
        "messages.ready.lost-subclient", "messages.ready.killed-subclient",
        "messages.ready.no-such-subclient", "users.killed", "links.who-left-meanwhile")
class _(Right):
    def on_link(self, link, event):
        super().on_link(link, event)

    def carry_out(self, link, name, values):
        if values and name != "GOT SUBCLIENT" and values[0] not in link.players:
            self.say(link, "SAVE SUBCLIENT INFO", values[0], b"for nobody")
        super().carry_out(link, name, values)

    def on_lost_subclient(self, link, player):
        pass

    on_killed_subclient = on_no_such_subclient = on_lost_subclient

    def show(self, link, player, text):
        for key in link.players:
            self.say(link, "SEND SUBCLIENT TEXT", key, b"Somebody speaks.\r\n")
        super().show(link, player, text)

    def __init__(self, *how):
        super().__init__(*how)
        self.known = {}

    def on_connection(self, sock):
        super().on_connection(sock)
        self.links[-1].players.update({k: Player(k) for k in self.known})

    def on_got_subclient(self, link, key, *what):
        super().on_got_subclient(link, key, *what)
        self.known[key] = True


# ---- users ----

@mutant("hears only who was listed", "users.come-and-play", "links.a-second-multiplexer",
        "users.come-and-go-often")
class _(Right):
    def on_got_subclient(self, link, key, *what):
        if not getattr(link, "is_ready", False):
            super().on_got_subclient(link, key, *what)

    def on_done_sending_all_subclient_info(self, link):
        super().on_done_sending_all_subclient_info(link)
        link.is_ready = True


@mutant("answers the wrong user", "users.answers-reach-who-asked", "start.keys-that-are-alike")
class _(Right):
    def show(self, link, player, text):
        super().show(link, next(iter(link.players.values())), text)


@mutant("takes each message for a line", "users.a-line-in-pieces", "users.lines-in-one-message")
class _(Right):
    def on_got_subclient_text(self, link, player, data):
        self.on_line(link, player, data.rstrip(b"\n"))


@mutant("hears the last line of a message only", "users.lines-in-one-message")
class _(Right):
    def on_got_subclient_text(self, link, player, data):
        lines = data.split(b"\n")
        super().on_got_subclient_text(link, player, b"\n".join(lines[-2:]))


@mutant("keeps half a line for whoever comes next", "users.lost-in-the-middle-of-a-line")
class _(Right):
    part = b""

    def on_got_subclient(self, link, key, *what):
        super().on_got_subclient(link, key, *what)
        link.players[key].part, self.part = self.part, b""

    def on_lost_subclient(self, link, player):
        self.part = player.part
        super().on_lost_subclient(link, player)


@mutant("ends the link when who is lost was hardly there", "users.lost-before-he-was-done",
        "users.come-and-go-often")
class _(Right):
    def on_lost_subclient(self, link, player):
        super().on_lost_subclient(link, player)
        self.drop(link)


@mutant("kills again until it is answered", "users.killed", "users.types-while-he-is-killed")
class _(Right):
    def on_line(self, link, player, line):
        super().on_line(link, player, line)
        for each in list(link.players.values()):
            if each.is_dying:
                self.say(link, "KILL SUBCLIENT", each.key)

    def on_killed_subclient(self, link, player):
        self.say(link, "KILL SUBCLIENT", player.key)
        super().on_killed_subclient(link, player)


@mutant("ends the link when a save is refused", "saves.answered-or-not",
        "messages.*.could-not-save-subclient-info")
class _(Right):
    def on_could_not_save_subclient_info(self, link, player):
        self.drop(link)


@mutant("waits for the answer to a save", "saves.never-answered")
class _(Right):
    def save(self, link, player, data):
        super().save(link, player, data)
        link.waits = True

    def on_saved_subclient_info(self, link, player):
        link.waits = False

    def on_got_subclient_text(self, link, player, data):
        if not getattr(link, "waits", False):
            super().on_got_subclient_text(link, player, data)


@mutant("saves on and on for who is gone", "saves.for-who-is-gone")
class _(Right):
    def on_no_such_subclient(self, link, player):
        pass

    def on_line(self, link, player, line):
        super().on_line(link, player, line)
        for each in link.players.values():
            if each is not player:
                self.save(link, each, b"again")


@mutant("stops reading when there is much", "users.much-at-once")
class _(Right):
    count = 0

    def take(self, link, data):
        self.count += len(data)
        if self.count < 200000:
            super().take(link, data)


def ends_at(name):
    @mutant(f"ends the link at {name}", f"messages.*.{name.lower().replace(' ', '-')}")
    class _(Right):
        def carry_out(self, link, said, values):
            asked = getattr(link, "asked", set())
            link.asked = asked | {said}
            # Each is right once; what is not asked for, or comes again, is too much for this one.
            if said == name and (said in asked or said not in (
                    "ACCEPTING ALL", "DONE SENDING ALL SUBCLIENT INFO")):
                self.drop(link)
            else:
                super().carry_out(link, said, values)


for NAME in ("I AM ALIVE", "ACCEPTING ALL", "ACCEPTING LOCALHOST ONLY",
             "DONE SENDING ALL SUBCLIENT INFO", "GOT SUBCLIENT", "LOST SUBCLIENT", "KILLED SUBCLIENT",
             "NO SUCH SUBCLIENT", "GOT SUBCLIENT TEXT", "SAVED SUBCLIENT INFO",
             "DELETED SUBCLIENT SAVED INFO", "SUBCLIENT DNS IS", "SUBCLIENT IDENTD IS",
             "SUBCLIENT IDLETIME IS", "SUBCLIENT CONNECTTIME IS", "THERE IS NO SUBCLIENT SAVED INFO",
             "DONE SENDING SUBCLIENT INFO"):
    ends_at(NAME)


# ---- links ----

@mutant("takes one link in its life", "links.lost-and-made-anew", "links.another-user-meanwhile",
        "links.lost-in-the-start", "links.a-half-that-is-closed")
class _(Right):
    first = None

    def on_connection(self, sock):
        super().on_connection(sock)
        link = self.links[-1]
        if self.first not in (None, link):
            self.drop(link)

    def take(self, link, data):
        self.first = self.first or link
        super().take(link, data)


@mutant("serves only the latest link", "links.a-silent-stranger", "links.a-second-multiplexer",
        "links.a-stranger-with-garbage")
class _(Right):
    def on_connection(self, sock):
        for link in list(self.links):
            self.drop(link)
        super().on_connection(sock)


@mutant("goes without a goodbye", "restart.says-goodbye")
class _(Right):
    def leave(self, link):
        self.drop(link)

    def go_on_restarting(self):
        for link in list(self.links):
            if not link.leaving and time.monotonic() - link.marked > 0.2:
                self.drop(link)
        super().go_on_restarting()


@mutant("kills everybody before it goes", "restart.says-goodbye", "end.multiplexer-goes-offline")
class _(Right):
    def leave(self, link):
        for key in link.players:
            self.say(link, "KILL SUBCLIENT", key)
        super().leave(link)


@mutant("throws away what comes before the mark", "restart.loses-no-line")
class _(Right):
    def on_got_subclient_text(self, link, player, data):
        if not link.marked:
            super().on_got_subclient_text(link, player, data)


@mutant("saves nothing and takes nothing back", "restart.keeps-what-was-saved", "saves.come-back",
        "saves.answered-or-not")
class _(Right):
    def save(self, link, player, data):
        pass


@mutant("waits for ever for the mark", "restart.without-an-answer")
class _(Right):
    def go_on_restarting(self):
        if not self.links:
            super().go_on_restarting()


@mutant("does not answer the multiplexer's goodbye", "end.multiplexer-goes-offline",
        "end.the-server-ends-too")
class _(Right):
    def on_mux_going_offline(self, link):
        pass

    def drop(self, link):
        if link.rest or not link.players:
            super().drop(link)


@mutant("speaks section 5 without an answer to its hello", "extensions.only-the-hello")
class _(Right):
    def on_done_sending_all_subclient_info(self, link):
        super().on_done_sending_all_subclient_info(link)
        self.say(link, "MAKE LIST", (7, 255))
