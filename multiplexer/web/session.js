// The connection to the game, over as many sockets as it takes. A session that was cut off is taken up
// again by its token: output is played back from the byte where it broke off, and lines that the other
// side has not seen are sent again, so that nothing is lost or doubled.
//
// Frames (WebSocket subprotocol gmcp.mudstandards.org): binary is text, text is "Package.Name json".
// Packages beginning with "Mux." are between this page and the multiplexer:
//   down  Mux.Session {token, seq, ttl, received, resumed}   seq: bytes of output so far
//   up    Mux.Resume {token, seq}                           first frame of a new socket
//   down  Mux.Echo {on}, Mux.Prompt {text}; up Mux.Client {...}

const PROTOCOL = "gmcp.mudstandards.org";
const BACK_OFF = [1, 2, 4, 8, 15, 30]; // seconds
const UNSEEN_MAX = 200;                // frames kept until the other side has them

const CLOSED_BY_US = 1000;
const TAKEN_OVER = 4001;

// Why a connection ended, in words, and whether to come back by ourselves.
const ENDINGS = {
	1001: ["The game is closing down.", true],
	1002: ["The connection was refused: this page and the game do not understand each other.", false],
	1007: ["The connection was refused: what was sent is not UTF-8.", false],
	1008: ["The connection was refused by the game's rules.", false],
	1009: ["The connection was refused: a message was too long.", false],
	[TAKEN_OVER]: ["Your game goes on in another window or tab.", false],
};

export function parseMessage(text) {
	const at = text.indexOf(" ");
	if (at < 0)
		return { name: text, data: undefined };
	try {
		return { name: text.slice(0, at), data: JSON.parse(text.slice(at + 1)) };
	} catch {
		return { name: text.slice(0, at), data: undefined };
	}
}

export class Session extends EventTarget {
	// Events: text {detail: string}, message {detail: {name, data}}, state {detail: string},
	// fresh {detail: bool: a game was going on before}, over.
	constructor(url, client) {
		super();
		this.url = url;
		this.client = client; // () => what Mux.Client says
		this.socket = null;
		this.token = null;
		this.seq = 0;         // bytes of output received
		this.sent = 0;        // frames of input sent in this session
		this.unseen = [];     // the last of them, not known to be seen
		this.tries = 0;
		this.timer = 0;
		this.stopped = false;
		this.joined = false;
		window.addEventListener("online", () => this.soon());
		// A page that is put away is kept by browsers for the way back, with its connection.
		window.addEventListener("pagehide", () => this.leave());
		window.addEventListener("pageshow", (e) => e.persisted && !this.stopped && this.open());
		document.addEventListener("visibilitychange", () => document.hidden || this.soon());
	}

	tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}

	get isOpen() {
		return this.joined && this.socket !== null && this.socket.readyState === WebSocket.OPEN;
	}

	open() {
		clearTimeout(this.timer);
		this.stopped = false;
		this.joined = false;
		this.decoder = new TextDecoder();
		this.tell("state", this.tries === 0 ? "Connecting." : "Connecting again.");
		const socket = new WebSocket(this.url, PROTOCOL);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => this.opened(socket);
		socket.onmessage = (e) => socket === this.socket && this.received(e.data);
		socket.onclose = (e) => socket === this.socket && this.closed(e);
		this.socket = socket;
	}

	opened(socket) {
		if (socket !== this.socket)
			return;
		if (this.token !== null)
			socket.send(`Mux.Resume ${JSON.stringify({ token: this.token, seq: this.seq })}`);
		else
			this.join();
		this.tell("state", "Connected.");
	}

	join() {
		this.joined = true;
		this.sendMessage("Mux.Client", this.client());
		for (const frame of this.unseen)
			this.socket.send(frame);
	}

	received(data) {
		if (typeof data !== "string") {
			this.seq += data.byteLength;
			this.tell("text", this.decoder.decode(data, { stream: true }));
			return;
		}
		const message = parseMessage(data);
		if (message.name === "Mux.Session") {
			this.session(message.data ?? {});
			return;
		}
		this.seq += new TextEncoder().encode(data).length;
		this.tell("message", message);
	}

	session({ token, seq, received, resumed }) {
		const before = this.token !== null;
		this.tries = 0;
		this.token = token ?? null;
		if (before && resumed) {
			const missing = Math.min(this.sent - (received ?? this.sent), this.unseen.length);
			this.unseen = missing > 0 ? this.unseen.slice(-missing) : [];
			this.tell("state", "Connected again. Nothing was lost.");
		} else {
			this.seq = seq ?? 0;
			this.sent = 0;
			this.unseen = [];
			if (before)
				this.tell("fresh");
		}
		if (!this.joined)
			this.join();
	}

	closed({ code, reason }) {
		this.socket = null;
		this.joined = false;
		const [words, again] = ENDINGS[code] ??
			[code === CLOSED_BY_US ? "The game has ended the connection." : "The connection is lost.",
				code !== CLOSED_BY_US];
		const why = reason === "" ? words : `${words} (${reason})`;
		if (!again || this.stopped) {
			this.token = null;
			this.unseen = [];
			this.tell("state", why);
			this.tell("over");
			return;
		}
		const base = BACK_OFF[Math.min(this.tries++, BACK_OFF.length - 1)];
		const seconds = Math.ceil(base * (0.8 + 0.4 * Math.random()));
		this.tell("state", `${why} Trying again in ${seconds} ${seconds === 1 ? "second" : "seconds"}.`);
		this.timer = setTimeout(() => this.open(), seconds * 1000);
	}

	leave() {
		const socket = this.socket;
		clearTimeout(this.timer);
		this.socket = null;
		this.joined = false;
		this.tries = 0;
		socket?.close(CLOSED_BY_US);
	}

	// The network or the player is back: no need to wait out the time.
	soon() {
		if (this.socket === null && !this.stopped && this.timer !== 0 && this.tries > 0)
			this.open();
	}

	// A line of input. False: there is no connection, and no session to keep it for.
	sendLine(line) {
		const frame = new TextEncoder().encode(line + "\n");
		if (!this.isOpen && this.token === null)
			return false;
		if (this.unseen.length >= UNSEEN_MAX && !this.isOpen)
			return false;
		this.sent++;
		if (this.token !== null)
			this.unseen.push(frame);
		if (this.unseen.length > UNSEEN_MAX)
			this.unseen.shift();
		if (this.isOpen)
			this.socket.send(frame);
		return true;
	}

	sendMessage(name, data) {
		if (this.isOpen)
			this.socket.send(data === undefined ? name : `${name} ${JSON.stringify(data)}`);
	}
}
