"""Last of all, what ends the multiplexer: ids 2 and 3. Only one of these two can be tried in a run."""

from .cases import MUST, SHOULD, Skip, start_command
from .mux_bench import case, require
from .wire import Deviation, show


@case("end.terminate", MUST, "section 3 (id 2)", ("destructive",))
def terminate(t):
    """After TERMINATE the multiplexer ends: users get what was sent before and are disconnected."""
    if t.options.stop_command:
        raise Skip("--stop-command is given: tried is end.goes-offline")
    link = t.start()
    users = [t.join() for _ in range(3)]
    for user in users:
        link.send("SEND SUBCLIENT TEXT", user.key, b"<the end>\r\n")
    link.send("SERVER GOING OFFLINE")
    link.send("TERMINATE")
    over(t, link, users)


def over(t, link, users):
    t.options.gone = True
    for user in users:
        require(b"<the end>" in user.player.expect_end(), "the last output did not reach a user")
        user.player.reset()
    link.expect_end()
    t.drop()
    t.listening.settimeout(max(t.options.settle, 2))
    try:
        t.listening.accept()[0].close()
    except OSError:
        return
    raise Deviation("it dials again")


@case("end.goes-offline", SHOULD, "section 3 (id 3)", ("destructive", "stop_command"))
def mux_goes_offline(t):
    """A multiplexer that is ended says GOING OFFLINE (3) as its last message."""
    link = t.start()
    users = [t.join() for _ in range(3)]
    for user in users:
        link.send("SEND SUBCLIENT TEXT", user.key, b"<the end>\r\n")
    link.sync()
    process = start_command(t.options.stop_command)
    link.expect_end()
    process.wait(t.options.patience)
    said = [m for m in link.heard if m[0] != "LOST SUBCLIENT"]
    require(said and said[-1] == ("MUX GOING OFFLINE",), f"the last is {', '.join(map(show, said[-1:]))}")
    over(t, link, users)
