"""The place of the game server: a listening socket, the link that was dialled to it, players."""

import time

from . import wire
from .cases import PeerGone, Suite
from .people import Player
from .wire import Deviation, Silence, key_text, show

SUITE = Suite("AgNet, a multiplexer under test: we are the game server and the players")
case = SUITE.case

NOBODY = (4000000001, 239)  # a key that a multiplexer will hardly have given anybody


class User:
    """A player, and how the multiplexer told us of him."""

    def __init__(self, player, key, protocol, ip, dns, ident):
        self.player, self.key, self.protocol, self.ip = player, key, protocol, ip
        self.dns, self.ident = dns, ident  # told on acceptance; None where lookups are not automatic


class Bench:
    def __init__(self, options):
        self.options = options
        self.listening = wire.listen(options.listen)
        self.link = None
        self.is_clean = False  # the link may be used by the next case
        self.players = []

    # ---- the link ----

    def accept(self, knows=wire.PLAIN):
        """A new link, on which nothing was said."""
        self.listening.settimeout(self.options.redial)
        try:
            sock, _ = self.listening.accept()
        except TimeoutError:
            raise PeerGone(f"the multiplexer has not dialled for {self.options.redial:g} s "
                           "(section 4)") from None
        except OSError as why:
            if "timed out" not in str(why):
                raise
            raise PeerGone("the multiplexer does not dial (section 4)") from None
        self.link = wire.Link(sock, self.options.patience, knows)
        self.is_clean = False
        return self.link

    def fresh(self, knows=wire.PLAIN):
        """A link that was dialled just now."""
        if self.link is not None:
            self.goodbye()
        return self.accept(knows)

    def greet(self, link, ready=True):
        """What a new server says (section 4). The listing is link.users, the accept mode link.mode."""
        link.send("NOT READY")
        link.send("TELL ME YOUR ACCEPT MODE")
        link.mode = self.mode(link)
        link.send("GET ALL SUBCLIENT INFO")
        link.users = wire.read_listing(link)
        if ready:
            link.send("READY")
        return link

    def start(self, ready=True):
        """A link on which the start is through: the one at hand if it may be used, or a new one."""
        if self.link is None or not self.is_clean:
            self.fresh()
        self.is_clean = False
        return self.greet(self.link, ready)

    def restart(self, ready=True):
        """As an orderly restart of the server."""
        self.goodbye()
        return self.greet(self.accept(), ready)

    def crash(self, ready=True):
        """As a crash of the server, and the next one."""
        self.drop()
        return self.greet(self.accept(), ready)

    def goodbye(self):
        link, self.link = self.link, None
        try:
            link.send("SERVER GOING OFFLINE")
            link.half_close()
            link.expect_end()
        except OSError:
            pass
        finally:
            link.close()

    def drop(self):
        if self.link is not None:
            self.link.close()
            self.link = None

    @staticmethod
    def mode(link):
        message = link.next()
        if message[0] not in ("ACCEPTING ALL", "ACCEPTING LOCALHOST ONLY"):
            raise Deviation(f"the answer to TELL ME YOUR ACCEPT MODE is {show(message)}")
        return message[0]

    def stop_listening(self):
        """Nobody is there to be dialled, as between two servers."""
        self.listening.close()

    def listen_again(self):
        self.listening = wire.listen(self.options.listen)

    # ---- players ----

    def player(self, address=None, telnet=None):
        if address is None:
            address = self.options.player
            telnet = self.options.player_kind != "raw"
        player = Player(address, self.options.patience, bool(telnet))
        self.players.append(player)
        return player

    def raw_player(self):
        return self.player(self.options.raw, False)

    @staticmethod
    def newcomer(link, player=None):
        """The next acceptance: 20, [40], [41], 47 (section 3, id 47)."""
        key, protocol, ip = link.expect("GOT SUBCLIENT")
        told = {"SUBCLIENT DNS IS": None, "SUBCLIENT IDENTD IS": None}
        while True:
            message = link.next()
            if message[1:2] != (key,):
                raise Deviation(f"within the acceptance of {key_text(key)}: {show(message)}")
            if message[0] == "DONE SENDING SUBCLIENT INFO":
                return User(player, key, protocol, ip, told["SUBCLIENT DNS IS"],
                            told["SUBCLIENT IDENTD IS"])
            if message[0] in told and told[message[0]] is None:
                told[message[0]] = message[2]
            elif message[0] != "SUBCLIENT CAPS ARE":
                raise Deviation(f"within an acceptance: {show(message)} (section 3, id 47)")

    def join(self, link=None, raw=False):
        """A player who connects and is reported."""
        player = self.raw_player() if raw else self.player()
        return self.newcomer(link or self.link, player)

    def leave(self, user, link=None):
        """He goes, and is reported as lost."""
        user.player.reset()
        (link or self.link).expect("LOST SUBCLIENT", user.key)

    def input_of(self, user, length, link=None):
        """Input of one user, ends of lines as \\n whatever the multiplexer makes of them."""
        link = link or self.link
        data = b""
        while len(plain_lines(data)) < length:
            _, piece = link.expect("GOT SUBCLIENT TEXT", user.key, None)
            data += piece
        return plain_lines(data)

    def typed(self, user, text, link=None):
        """He types a line; it must come as it was typed."""
        user.player.line(text)
        text = text.encode() if isinstance(text, str) else text
        got = self.input_of(user, len(text) + 1, link)
        if got != text + b"\n":
            raise Deviation(f"typed was {text!r}, what came is {got!r} (section 3, id 24)")

    def shown(self, user, text, link=None):
        """Output reaches him."""
        (link or self.link).send("SEND SUBCLIENT TEXT", user.key, text)
        user.player.expect(text)

    # ---- asking ----

    def ask(self, link, name, *values):
        """Sends one message, and returns all that came before the answer to a probe behind it."""
        link.send(name, *values)
        return link.sync()

    def answer(self, link, names, name, key, *values):
        """The one answer, one of `names`, to a question about `key`; its values behind the key."""
        heard = self.ask(link, name, key, *values)
        if len(heard) != 1 or heard[0][0] not in names or heard[0][1] != key:
            said = ", ".join(map(show, heard)) or "nothing"
            raise Deviation(f"{name} about {key_text(key)} must be answered by "
                            f"{' or '.join(names)}; the answer is: {said}")
        return heard[0][2:]

    @staticmethod
    def answer_later(link, answer, name, key):
        """The answer to a question that may take its time, such as for a name."""
        link.send(name, key)
        return link.expect(answer, key)[1:]

    def quiet_time(self):
        time.sleep(self.options.settle)

    def nothing_comes(self, link, why):
        """Nothing but TICKs for the time that --settle says, and none in answer."""
        deadline = time.monotonic() + self.options.settle
        while time.monotonic() < deadline and not link.ended:
            link.read_some(deadline - time.monotonic())
        heard = [m for m in link.sync() if m[0] != "HEARTBEAT"]  # like TICK, if it was agreed on
        if heard:
            raise Deviation(f"{why}, but this comes: {', '.join(map(show, heard))}")

    def quiet_for_a_moment(self, link):
        """Time for what cannot be waited for: that bytes of a player have reached the multiplexer."""
        deadline = time.monotonic() + self.options.settle
        while time.monotonic() < deadline:
            link.read_some(deadline - time.monotonic())

    # ---- between cases ----

    def tidy(self):
        """Nobody is connected afterwards, and the link may be used again."""
        for player in self.players:
            player.reset()
        self.players = []
        if self.options.gone:
            return
        link = self.link
        if link is None or link.ended:
            self.drop()
            link = self.greet(self.accept(), ready=False)
        link.send("READY")
        deadline = time.monotonic() + self.options.patience
        while self.listed(link):
            if time.monotonic() > deadline:
                raise Silence("users whose connections have ended are still listed (section 3, 38)")
            time.sleep(0.01)
        link.send("ACCEPT ALL")
        link.send("NOT READY")
        link.sync()
        link.new, link.heard, link.skipped, link.ticks = [], [], [], 0
        self.is_clean = link.knows == wire.PLAIN

    @staticmethod
    def listed(link):
        link.send("GET ALL SUBCLIENT INFO")
        there = set()
        while True:
            message = link.next()
            if message[0] == "DONE SENDING ALL SUBCLIENT INFO":
                return there
            if message[0] == "GOT SUBCLIENT":
                there.add(message[1])
            elif message[0] in ("LOST SUBCLIENT", "KILLED SUBCLIENT"):
                there.discard(message[1])

    def abandon(self):
        """After a failure: nothing is left of it for the next case."""
        for player in self.players:
            player.reset()
        self.players = []
        self.drop()

    def close(self):
        """Whatever is left is given back; nothing is checked any more."""
        if self.link is not None and not self.link.ended:
            try:
                self.goodbye()
            except Deviation:
                pass
        self.abandon()
        self.listening.close()


def plain_lines(data):
    """With every end of line as \\n: the protocol does not say which one a multiplexer passes on."""
    return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")


def require(condition, text):
    if not condition:
        raise Deviation(text)
