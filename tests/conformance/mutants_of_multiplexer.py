"""The example multiplexer with one thing spoilt each: {what it does: (class, [cases that must fail])}."""

import time

from . import wire
from .example_multiplexer import ExampleMultiplexer as Right

MUTANTS = {}


def mutant(does, *patterns):
    def register(kind):
        MUTANTS[does] = (kind, patterns)
        return kind
    return register


# ---- section 1 ----

@mutant("goes on after a message that must be refused", "refused")
class _(Right):
    def refuse(self):
        self.rest = b""

    def handle(self, message):
        if message[2] in wire.DOWN:
            super().handle(message)


@mutant("drops every user when it refuses a message", "refused.zeros", "refused.left-over",
        "framing.noise")
class _(Right):
    def refuse(self):
        super().refuse()
        for user in self.users:
            self.user_ends(user)


@mutant("carries out what stands behind a refused message", "refused.zero-length-data",
        "refused.direction.8")
class _(Right):
    def refuse(self):
        at = self.rest.find(b"<behind>")
        for user in self.users:
            if at >= 0:
                self.show(user, b"<behind>")
        super().refuse()


@mutant("understands only messages that come in one piece", "framing.split-in-two",
        "framing.byte-by-byte")
class _(Right):
    def take(self, data):
        super().take(data)
        self.rest = b""


@mutant("understands one message of a write", "framing.many-in-one-write")
class _(Right):
    def take(self, data):
        super().take(data[:int.from_bytes(data[:2], "little")])


@mutant("ends the link at an unknown id", "framing.unknown-ids", "framing.largest-message")
class _(Right):
    def handle(self, message):
        if message[2] not in wire.PLAIN:
            raise wire.Deviation("unknown")
        super().handle(message)


@mutant("takes only 4000 bytes", "framing.largest-message")
class _(Right):
    def on_send_subclient_text(self, user, data):
        super().on_send_subclient_text(user, data[:4000])


@mutant("reads nothing while answers wait", "framing.never-stops-reading")
class _(Right):
    def on_link(self, event):
        if self.to_link:
            event &= ~1  # POLLIN
            time.sleep(0.001)
        if event:
            super().on_link(event)


@mutant("carries out half a message at the end", "framing.half-a-message-at-the-end",
        "saved.a-cut-message-changes-nothing")
class _(Right):
    def link_ends(self):
        if len(self.rest) > 4:
            whole = int.from_bytes(self.rest[:2], "little")
            self.take(b"x" * (whole - len(self.rest)))
        if self.link:
            super().link_ends()


# ---- keys ----

@mutant("gives the smallest free number", "keys.not-given-again",
        "keys.an-old-one-never-reaches-the-next-user", "saved.dies-with-the-user",
        "lost.told-once")
class _(Right):
    def new_key(self, listener):
        taken = {u.key[0] for u in self.users if not u.gone}
        return (next(n for n in range(1, 1000) if n not in taken), listener)

    def tell_lost(self, user):
        super().tell_lost(user)
        self.say("LOST SUBCLIENT", user.key)


@mutant("gives everybody one key", "keys.two-at-once", "broadcast.everyone-once", "output.to-one",
        "acceptance.only-while-ready", "server.who-came-meanwhile", "listing.or-acceptance-but-once")
class _(Right):
    def new_key(self, listener):
        return (7, listener)

    def forget_server(self):
        for user in self.users:
            user.known = False


@mutant("gives both listeners one number", "keys.listeners-differ")
class _(Right):
    def new_key(self, listener):
        return super().new_key(1)


@mutant("looks at the first number of a key only", "keys.every-depth")
class _(Right):
    def find(self, key):
        return next((u for u in self.users if u.key[0] == key[0] and u.known and not u.gone), None)


@mutant("makes keys of depth 1", "acceptance.what-is-told")
class _(Right):
    def new_key(self, listener):
        return super().new_key(listener)[:1]


@mutant("shows text for nobody to the next one", "keys.an-old-one-never-reaches-the-next-user",
        "kill.then-no-such-subclient")
class _(Right):
    stray = b""

    def carry_out(self, name, values):
        if values and name == "SEND SUBCLIENT TEXT" and not self.find(values[0]) and values[0][-1] != 255:
            self.stray += values[1]
            return
        super().carry_out(name, values)

    def tell_arrival(self, user):
        super().tell_arrival(user)
        self.show(user, self.stray)


# ---- start and listing ----

@mutant("does not dial", "start.dials")
class _(Right):
    def dial(self):
        pass


@mutant("speaks before it is asked", "start.dials")
class _(Right):
    def dial(self):
        super().dial()
        if self.link:
            self.say("ACCEPTING ALL")


@mutant("says the listing before the accept mode", "start.as-a-new-server-does")
class _(Right):
    def on_tell_me_your_accept_mode(self):
        self.say("DONE SENDING ALL SUBCLIENT INFO")
        super().on_tell_me_your_accept_mode()

    def on_get_all_subclient_info(self):
        pass


@mutant("is READY only after a listing", "start.without-questions")
class _(Right):
    listed = False

    def forget_server(self):
        self.listed = False
        super().forget_server()

    def on_get_all_subclient_info(self):
        self.listed = True
        super().on_get_all_subclient_info()

    def on_ready(self):
        self.ready = self.listed


@mutant("reports everybody again at each READY", "start.not-ready-and-ready-again",
        "listing.or-acceptance-but-once", "server.who-came-meanwhile")
class _(Right):
    def on_ready(self):
        super().on_ready()
        for user in self.users:
            user.known = False


@mutant("ends an empty listing twice", "listing.empty")
class _(Right):
    def on_get_all_subclient_info(self):
        super().on_get_all_subclient_info()
        if not self.users:
            self.say("DONE SENDING ALL SUBCLIENT INFO")


@mutant("lists identd before DNS", "listing.order-and-content", "answers.*.get-all-subclient-info")
class _(Right):
    def list_user(self, user):
        dns, self.on_get_subclient_dns = self.on_get_subclient_dns, self.on_get_subclient_identd
        super().list_user(user)
        self.on_get_subclient_dns = dns


@mutant("lists another address than it told", "listing.order-and-content")
class _(Right):
    def list_user(self, user):
        ip, user.ip = user.ip, "192.0.2.99"
        super().list_user(user)
        user.ip = ip


@mutant("answers two requests for a listing by one", "listing.twice")
class _(Right):
    asked = False

    def on_get_all_subclient_info(self):
        if not self.asked or not self.users:
            super().on_get_all_subclient_info()
        self.asked = bool(self.users)


@mutant("lists who has left", "listing.who-left-is-not-in-it", "server.who-left-meanwhile")
class _(Right):
    def __init__(self, *how):
        super().__init__(*how)
        self.past = []

    def user_ends(self, user):
        super().user_ends(user)
        self.past.append(user)

    def on_get_all_subclient_info(self):
        for user in self.past:
            self.list_user(user)
        super().on_get_all_subclient_info()


@mutant("does not tick", "tick.in-every-state")
class _(Right):
    def tick(self):
        pass


@mutant("ticks only while READY", "tick.in-every-state")
class _(Right):
    def tick(self):
        if self.ready:
            super().tick()


@mutant("answers a probe before what was asked earlier", "alive.answered-in-order")
class _(Right):
    def on_are_you_alive(self):
        self.to_link[:0] = wire.encode("I AM ALIVE")


@mutant("answers a probe late", "alive.soon", "answers.held.are-you-alive")
class _(Right):
    def on_are_you_alive(self):
        time.sleep(6)
        super().on_are_you_alive()


@mutant("answers a probe twice", "answers.*.are-you-alive", "alive.answered-in-order")
class _(Right):
    def on_are_you_alive(self):
        super().on_are_you_alive()
        super().on_are_you_alive()


@mutant("says an address that is none, and a protocol of its own", "acceptance.what-is-told",
        "acceptance.protocol-word", "acceptance.address-of-the-player")
class _(Right):
    def tell_arrival(self, user):
        user.ip, user.protocol = "somewhere", "pigeon"
        super().tell_arrival(user)


@mutant("reports the last who came first", "acceptance.in-order-of-arrival")
class _(Right):
    def on_listener(self, listener):
        super().on_listener(listener)
        for user in self.users[:-1]:
            self.say("GOT SUBCLIENT", user.key, user.protocol, user.ip)


@mutant("leaves DONE SENDING SUBCLIENT INFO out of an acceptance", "acceptance.what-is-told")
class _(Right):
    def tell_arrival(self, user):
        self.say("GOT SUBCLIENT", user.key, user.protocol, user.ip)
        user.known = user.ever_known = True


@mutant("does not care for NOT READY", "acceptance.only-while-ready", "input.held-while-not-ready",
        "input.nothing-behind-the-marker", "input.held-over-a-restart",
        "input.of-who-comes-while-not-ready", "answers.held.get-*", "answers.held-again.get-*",
        "answers.open.not-ready")
class _(Right):
    def on_not_ready(self):
        self.ready = True


# ---- output ----

@mutant("shows output to somebody else", "output.to-one",
        "broadcast.a-list-that-is-not-there")
class _(Right):
    def on_send_subclient_text(self, user, data):
        for other in self.users:
            self.show(other, data)

    def on_nobody(self, name, key):
        for user in self.users:
            self.show(user, b"<to a list>")
        super().on_nobody(name, key)


@mutant("shows output twice", "output.order-and-completeness", "broadcast.everyone-once",
        "framing.many-in-one-write")
class _(Right):
    def show(self, user, data):
        super().show(user, data * 2)


@mutant("shows the latest output first", "output.order-and-completeness", "output.before-a-crash")
class _(Right):
    def show(self, user, data):
        user.out = data + user.out

    def on_link(self, event):
        super().on_link(event)
        time.sleep(0.001)


@mutant("shows ASCII only", "output.every-byte")
class _(Right):
    def show(self, user, data):
        super().show(user, bytes(b for b in data if b < 128))


@mutant("shows nothing while not READY", "output.while-not-ready", "answers.held.send-subclient-text",
        "answers.held-again.send-subclient-text")
class _(Right):
    def show(self, user, data):
        if self.ready:
            super().show(user, data)


@mutant("throws output away at a goodbye", "output.before-a-goodbye", "end.terminate")
class _(Right):
    def on_server_going_offline(self):
        super().on_server_going_offline()
        for user in self.users:
            user.out = b""


@mutant("throws output away at a crash", "output.before-a-crash", "framing.half-a-message-at-the-end")
class _(Right):
    def show(self, user, data):
        user.late = getattr(user, "late", b"") + data

    def turn(self):
        super().turn()
        for user in self.users:
            if self.link and getattr(user, "late", b"") and not self.rest:
                time.sleep(0.02)
                user.out, user.late = user.out + user.late, b""

    def take(self, data):
        super().take(data)
        if self.link and wire.wait_io(self.link, 0.03)[0]:
            try:
                if not self.link.recv(1, 2):  # MSG_PEEK: it has ended
                    for user in self.users:
                        user.late = b""
            except OSError:
                pass


@mutant("broadcasts to the first user only", "broadcast.everyone-once", "broadcast.not-to-who-left")
class _(Right):
    def on_broadcast(self, data):
        for user in self.users[:1]:
            if user.gone or len(self.users) > 1:
                self.show(user, data)


@mutant("answers a broadcast", "broadcast.not-to-who-left", "broadcast.everyone-once")
class _(Right):
    def on_broadcast(self, data):
        super().on_broadcast(data)
        self.say("NO SUCH SUBCLIENT", wire.EVERYONE)


# ---- coming and going ----

@mutant("does not tell who leaves", "lost.*", "keys.not-given-again",
        "input.of-who-left-while-not-ready", "names.asked-for-one-who-leaves")
class _(Right):
    def tell_lost(self, user):
        self.users.remove(user)

    def tell_user(self, user):
        if not user.known and user.gone:
            self.tell_arrival(user)
        super().tell_user(user)

    def tell_news(self):
        for user in list(self.users):
            if user.gone and not user.known and self.ready:
                self.tell_arrival(user)
                self.users.remove(user)
        super().tell_news()

    def user_ends(self, user):
        super().user_ends(user)
        if not user.known and not self.ready:
            self.say("GOT SUBCLIENT", user.key, user.protocol, user.ip)


@mutant("tells a leaving before the last input", "lost.behind-his-last-line",
        "input.of-who-left-while-not-ready")
class _(Right):
    def tell_user(self, user):
        if user.gone:
            self.tell_lost(user)
            self.tell_input(user)
        else:
            super().tell_user(user)

    def on_input(self, user, data):
        super().on_input(user, data)
        time.sleep(0.05)  # so that his end is there too
        self.on_user(user, 1)


@mutant("forgets who left while not READY", "lost.while-not-ready")
class _(Right):
    def tell_news(self):
        if not self.ready:
            self.users = [u for u in self.users if not u.gone or u.dying]
        super().tell_news()


@mutant("kills without showing what was sent before", "kill.output-first-then-killed",
        "kill.many-in-one-write", "kill.while-not-ready")
class _(Right):
    def on_kill_subclient(self, user):
        user.out = b""
        super().on_kill_subclient(user)


@mutant("says KILLED before it is done", "kill.output-first-then-killed",
        "input.none-behind-killed")
class _(Right):
    def on_kill_subclient(self, user):
        self.say("KILLED SUBCLIENT", user.key)
        self.say("GOT SUBCLIENT TEXT", user.key, b"still here\n")
        user.dying = True
        self.user_ends(user)
        self.users.remove(user)


@mutant("says KILLED twice", "kill.twice", "kill.output-first-then-killed",
        "answers.h*.kill-subclient", "answers.open.kill-subclient")
class _(Right):
    def tell_killed(self, user):
        self.say("KILLED SUBCLIENT", user.key)
        super().tell_killed(user)


@mutant("says LOST for one who was killed", "kill.output-first-then-killed", "kill.twice",
        "kill.many-in-one-write", "input.none-behind-killed")
class _(Right):
    def tell_killed(self, user):
        self.tell_lost(user)


@mutant("says nothing to a KILL for one who has left", "kill.who-has-just-left")
class _(Right):
    def on_nobody(self, name, key):
        if name != "KILL SUBCLIENT":
            super().on_nobody(name, key)


@mutant("kills somebody else instead of nobody", "kill.a-key-of-nobody")
class _(Right):
    def on_nobody(self, name, key):
        super().on_nobody(name, key)
        if name == "KILL SUBCLIENT":
            self.user_ends(self.users[0])


@mutant("kills only while READY", "kill.while-not-ready", "answers.held.kill-subclient",
        "answers.held-again.kill-subclient")
class _(Right):
    def on_kill_subclient(self, user):
        if self.ready:
            super().on_kill_subclient(user)


# ---- input ----

@mutant("leaves the end of a line out", "input.a-line", "answers.*.accept-all")
class _(Right):
    def on_input(self, user, data):
        super().on_input(user, data)
        user.held = user.held.rstrip(b"\n")


@mutant("tells input in the wrong order", "input.many-lines-in-order", "input.pieces-that-fit",
        "input.cut-anywhere", "input.held-while-not-ready")
class _(Right):
    def tell_input(self, user):
        user.held = b"".join(line + b"\n" for line in reversed(user.held.split(b"\n")[:-1]))
        super().tell_input(user)

    def tell_news(self):
        if self.ready:
            time.sleep(0.01)
        super().tell_news()


@mutant("tells input twice", "input.many-lines-in-order", "input.cut-anywhere", "input.a-line",
        "input.held-while-not-ready", "input.nothing-behind-the-marker", "input.half-a-line-while-not-ready")
class _(Right):
    def on_input(self, user, data):
        before = len(user.held)
        super().on_input(user, data)
        user.held += user.held[before:]


@mutant("takes each piece of a line for a line", "input.cut-anywhere",
        "input.half-a-line-while-not-ready")
class _(Right):
    def on_input(self, user, data):
        user.held += data if data.endswith(b"\n") else data + b"\n"


@mutant("sends messages that are too long", "input.pieces-that-fit")
class _(Right):
    def tell_input(self, user):
        if len(user.held) > 2000:
            key = wire.pack_key(user.key)
            self.to_link += wire.pack(24, key, user.held + bytes(4100))
            user.held = b""
        super().tell_input(user)


@mutant("passes printable input only", "input.every-byte")
class _(Right):
    def on_input(self, user, data):
        super().on_input(user, bytes(b for b in data if 32 <= b < 127 or b in b"\r\n"))


@mutant("tells all input as that of the first user", "input.whose-it-is")
class _(Right):
    def tell_input(self, user):
        self.users[0].held, user.held = user.held, b""
        super().tell_input(self.users[0])


@mutant("throws away what is typed while not READY", "input.held-while-not-ready",
        "input.half-a-line-while-not-ready", "input.held-over-a-restart", "input.held-over-a-crash",
        "input.of-who-comes-while-not-ready", "input.of-who-left-while-not-ready",
        "input.much-while-away", "answers.held.get-subclient-dns", "input.nothing-behind-the-marker")
class _(Right):
    def on_input(self, user, data):
        if self.ready:
            super().on_input(user, data)


@mutant("keeps only a little of what is typed while not READY", "input.much-while-away")
class _(Right):
    def on_input(self, user, data):
        super().on_input(user, data)
        user.held = user.held[:20000]


@mutant("tells input of one who was killed", "input.none-behind-killed")
class _(Right):
    def tell_killed(self, user):
        super().tell_killed(user)
        self.say("GOT SUBCLIENT TEXT", user.key, b"typing\n")


# ---- saved info ----

@mutant("saves 4000 bytes at most", "saved.sizes", "saved.replaces")
class _(Right):
    def on_save_subclient_info(self, user, data):
        super().on_save_subclient_info(user, data[:4000])


@mutant("saves text up to a NUL", "saved.every-value", "saved.sizes")
class _(Right):
    def on_save_subclient_info(self, user, data):
        super().on_save_subclient_info(user, data.split(b"\0")[0] or b"?")


@mutant("saves too much", "saved.too-much")
class _(Right):
    def handle(self, message):
        if message[2] == 26 and len(message) > 4064:
            user = next(u for u in self.users)
            user.saved = b"x" * 4044
            self.say("SAVED SUBCLIENT INFO", user.key)
            return
        super().handle(message)


@mutant("adds to what was saved", "saved.replaces")
class _(Right):
    def on_save_subclient_info(self, user, data):
        super().on_save_subclient_info(user, ((user.saved or b"") + data)[:4044])


@mutant("deletes nothing", "saved.deleted")
class _(Right):
    def on_delete_subclient_saved_info(self, user):
        self.say("DELETED SUBCLIENT SAVED INFO", user.key)


@mutant("does not answer a deletion", "saved.deletion-is-answered")
class _(Right):
    def on_delete_subclient_saved_info(self, user):
        user.saved = None


@mutant("saves for all at once", "saved.for-each-user", "saved.dies-with-the-user",
        "saved.outlives-a-restart-and-a-crash", "keys.an-old-one-never-reaches-the-next-user")
class _(Right):
    saved = None

    def on_save_subclient_info(self, user, data):
        super().on_save_subclient_info(user, data)
        self.saved = data

    def on_nobody(self, name, key):
        if name == "SAVE SUBCLIENT INFO":
            self.saved = b"a secret"
        super().on_nobody(name, key)

    def on_get_subclient_saved_info(self, user):
        user.saved = self.saved
        super().on_get_subclient_saved_info(user)


@mutant("forgets what was saved when the server goes", "saved.outlives-a-restart-and-a-crash",
        "saved.a-cut-message-changes-nothing", "listing.order-and-content",
        "server.vanishes-in-its-start", "saved.every-value", "refused.key-depth-0")
class _(Right):
    def forget_server(self):
        super().forget_server()
        for user in self.users:
            user.saved = None


@mutant("saves only while READY", "saved.while-not-ready", "answers.held.save-subclient-info")
class _(Right):
    def on_save_subclient_info(self, user, data):
        if self.ready:
            super().on_save_subclient_info(user, data)


# ---- answers ----

def silent(name):
    # On a new link 39 is right, too: "not yet reported".
    states = ("held", "open", "held-again") if "SUBCLIENT" in name and "ALL" not in name else ("*",)

    @mutant(f"does nothing at {name}",
            *(f"answers.{state}.{name.lower().replace(' ', '-')}" for state in states))
    class _(Right):
        def carry_out(self, said, values):
            if said != name or not values or values[0][-1] == wire.LIST:
                return super().carry_out(said, values) if said != name else None
            return super().carry_out(said, values) if not self.find(values[0]) else None


for NAME in ("SEND SUBCLIENT TEXT", "SAVE SUBCLIENT INFO", "GET SUBCLIENT DNS", "GET SUBCLIENT IDENTD",
             "GET SUBCLIENT IDLETIME", "GET SUBCLIENT CONNECTTIME", "GET SUBCLIENT SAVED INFO",
             "KILL SUBCLIENT", "ACCEPT ALL", "ACCEPT LOCALHOST ONLY", "TELL ME YOUR ACCEPT MODE",
             "GET ALL SUBCLIENT INFO", "ARE YOU ALIVE", "READY"):
    silent(NAME)


@mutant("answers late for a key of nobody", "answers.*.*-subclient*",
        "keys.every-depth", "kill.then-no-such-subclient", "kill.a-key-of-nobody")
class _(Right):
    late = b""

    def on_nobody(self, _name, key):
        self.late += wire.encode("NO SUCH SUBCLIENT", key)

    def on_get_all_subclient_info(self):
        super().on_get_all_subclient_info()
        self.say("NO SUCH SUBCLIENT", (1, 2))  # late, and in the wrong place

    def on_are_you_alive(self):
        super().on_are_you_alive()
        self.to_link += self.late
        self.late = b""


@mutant("deletes what is saved for another one", "answers.[ho]*.delete-subclient-saved-info")
class _(Right):
    def on_delete_subclient_saved_info(self, user):
        self.say("DELETED SUBCLIENT SAVED INFO", (user.key[0] + 1, *user.key[1:]))


@mutant("answers the latest request first", "answers.many-at-once")
class _(Right):
    def say(self, name, *values):
        if name == "SUBCLIENT SAVED INFO IS":
            self.to_link[:0] = wire.encode(name, *values)
        else:
            super().say(name, *values)


@mutant("answers READY", "answers.*.ready", "start.not-ready-and-ready-again")
class _(Right):
    def on_ready(self):
        super().on_ready()
        self.say("I AM ALIVE")


@mutant("answers NOT READY", "answers.*.not-ready")
class _(Right):
    def on_not_ready(self):
        super().on_not_ready()
        self.say("DONE SENDING ALL SUBCLIENT INFO")


@mutant("answers for names once only", "names.always-answered")
class _(Right):
    def on_get_subclient_dns(self, user):
        if not getattr(user, "asked", False):
            super().on_get_subclient_dns(user)
        user.asked = True


@mutant("lists other names than it answers", "names.as-listed")
class _(Right):
    def list_user(self, user):
        say, self.say = self.say, lambda *words: say(*(w if w != "unsupported" else "x" for w in words))
        super().list_user(user)
        self.say = say


@mutant("says times in milliseconds", "times.begin-at-nothing", "times.go-on",
        "listing.order-and-content")
class _(Right):
    def say(self, name, *values):
        if name in ("SUBCLIENT IDLETIME IS", "SUBCLIENT CONNECTTIME IS"):
            values = (values[0], values[1] * 1000 + 5000 * (name == "SUBCLIENT IDLETIME IS"))
        super().say(name, *values)


@mutant("counts the connection from the last input", "times.go-on")
class _(Right):
    def on_input(self, user, data):
        super().on_input(user, data)
        user.since = user.input


@mutant("does not set idle time back", "times.go-on")
class _(Right):
    def on_input(self, user, data):
        before = user.input
        super().on_input(user, data)
        user.input = before


@mutant("takes output for input", "times.output-is-not-input")
class _(Right):
    def show(self, user, data):
        super().show(user, data)
        user.input = time.monotonic()


# ---- servers that go and come ----

@mutant("drops every user when the server goes", "server.goes-*", "server.vanishes*", "server.is-away*",
        "server.anything-behind-its-goodbye", "redial.after-many-short-lives", "refused.count-5",
        "saved.outlives-a-restart-and-a-crash", "input.held-over-a-crash", "input.held-over-a-restart")
class _(Right):
    def forget_server(self):
        for user in self.users:
            self.user_ends(user)
        super().forget_server()


@mutant("does not dial again after a goodbye", "server.goes-offline", "server.goes-offline-and-only-says-so",
        "server.goes-offline-while-not-ready", "server.anything-behind-its-goodbye")
class _(Right):
    over = False

    def on_server_going_offline(self):
        super().on_server_going_offline()
        self.over = True

    def dial(self):
        if not self.over:
            super().dial()


@mutant("does not dial again after a crash", "server.vanishes", "server.vanishes-in-its-start",
        "redial.after-many-short-lives")
class _(Right):
    over = False

    def link_ends(self):
        self.over = self.over or not self.leaving
        super().link_ends()

    def dial(self):
        if not self.over:
            super().dial()


@mutant("gives up when nobody listens", "server.is-away-for-a-while", "server.who-came-meanwhile",
        "server.who-left-meanwhile")
class _(Right):
    tries = 0

    def dial(self):
        if self.tries < 5:
            super().dial()
            self.tries = 0 if self.link else self.tries + 1


@mutant("dials a second link", "server.one-link-at-a-time")
class _(Right):
    second = None

    def dial(self):
        super().dial()
        if self.link:
            self.second = wire.connect(self.server, 5)


@mutant("forgets the accept mode with the server", "accept.outlives-the-server")
class _(Right):
    def forget_server(self):
        super().forget_server()
        self.localhost_only = False


@mutant("mixes the accept modes up", "accept.told-and-changed", "answers.*.accept-localhost-only",
        "answers.*.accept-all")
class _(Right):
    def on_tell_me_your_accept_mode(self):
        self.say("ACCEPTING ALL" if self.localhost_only else "ACCEPTING LOCALHOST ONLY")


@mutant("drops everybody when the accept mode changes", "accept.drops-nobody")
class _(Right):
    def on_accept_localhost_only(self):
        super().on_accept_localhost_only()
        for user in self.users:
            self.user_ends(user)


@mutant("does not end at TERMINATE", "end.terminate")
class _(Right):
    def on_terminate(self):
        self.on_server_going_offline()


@mutant("speaks section 5 without a hello", "extensions.silent-without-a-hello")
class _(Right):
    def tell_arrival(self, user):
        super().tell_arrival(user)
        self.say("SUBCLIENT CAPS ARE", user.key, "{}")


@mutant("carries out section 5 without a hello", "extensions.not-without-a-hello")
class _(Right):
    def handle(self, message):
        if message[2] == 82:
            self.say("HEARTBEAT ANSWER", 5)
        super().handle(message)
