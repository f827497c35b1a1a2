// The connection to the game, over as many sockets as it takes. A session that was cut off is taken up
// again by its token: output is played back from the byte where it broke off, and lines that the other
// side has not seen are sent again, so that nothing is lost or doubled.
//
// Frames (WebSocket subprotocol play.holdfast): binary is text, text is "Package.Name json". Packages
// beginning with "Mux." are between this page and the multiplexer; webclient.h says what they mean. The
// token is good for once, and is kept where only this tab can see it: so a tab that is loaded anew goes
// on, and one that was copied takes the game with it.

const PROTOCOL = "play.holdfast";
const BACK_OFF = [0.5, 1, 2, 4, 8, 15, 30]; // seconds
const JOIN = 10;        // seconds until we are in, or try anew
const QUIET = 15;       // seconds of silence until we ask whether the connection is alive
const PATIENCE = 10;    // seconds for the answer
const HASTE = 3;        // the same when the network or the player is just back
const UNSEEN_MAX = 500; // lines kept until the other side has them
const ASK_AFTER = 50;   // lines until we ask which those are
const KEY = "holdfast.session";

const LEAVING = 1000;
const AWAY = 4000; // we may be back
const TAKEN_OVER = 4001;

// Why a connection ended, in words, and whether to come back by ourselves.
const LOST = ["The connection is lost. Trying again; what you type is kept.", true];
const ENDINGS = {
	[LEAVING]: ["The game has ended the connection.", false],
	1001: ["The game is closing down. Waiting for it to come back.", true],
	1002: ["The connection was refused: this page and the game do not understand each other.", false],
	1007: ["The connection was refused: what was sent is not UTF-8.", false],
	1008: ["The connection was refused by the game's rules.", false],
	1009: ["The connection was refused: a message was too long.", false],
	1013: ["The game cannot let you in at the moment. Trying again.", true],
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

// What this tab has kept of its session; null: nothing.
function kept() {
	try {
		const value = JSON.parse(sessionStorage.getItem(KEY));
		return typeof value?.token === "string" ? value : null;
	} catch {
		return null; // spoiled, or the browser keeps nothing
	}
}

function keep(value) {
	try {
		if (value === null)
			sessionStorage.removeItem(KEY);
		else
			sessionStorage.setItem(KEY, JSON.stringify(value));
	} catch {
		// A page that is loaded anew begins anew then.
	}
}

export class Session extends EventTarget {
	// Events: text {detail: string}, message {detail: {name, data}}, state {detail: words},
	// waiting {detail: seconds until the next attempt}, replay {detail: it begins, or has ended},
	// name {detail: the game's}, over, and session {detail: {how, lost, unsent}} with how
	//   new       the first one
	//   again     after a lost connection
	//   reloaded  after this page was loaded anew: what it showed comes again, as far as there is any
	//   gone      the old one is over, and this is a new one; unsent lines were not sent
	constructor(url, client) {
		super();
		this.url = url;
		this.client = client; // () => what Mux.Client says
		this.socket = null;
		this.seq = 0;         // bytes of output received
		this.upto = 0;        // while output comes again: where that ends
		this.unseen = [];     // {line, hidden}: the last lines typed, not known to be seen
		this.sent = 0;        // lines typed in this session
		this.tries = 0;
		this.timer = 0;
		this.heard = this.asked = 0;
		this.patience = PATIENCE;
		this.stopped = false;
		this.joined = false;
		this.decoder = new TextDecoder();
		const old = kept();
		this.token = old?.token ?? null;
		this.reloaded = old !== null;
		if (Array.isArray(old?.unseen) && Number.isInteger(old.sent)) {
			this.unseen = old.unseen;
			this.sent = old.sent;
		}
		window.addEventListener("online", () => this.soon());
		document.addEventListener("visibilitychange", () => document.hidden || this.soon());
		// A page that is put away is kept by browsers for the way back, but not its connection.
		window.addEventListener("pagehide", () => this.putAway());
		window.addEventListener("pageshow", (e) => e.persisted && !this.stopped && this.open());
		setInterval(() => this.check(), 1000);
	}

	tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}

	get isOpen() {
		return this.joined && this.socket !== null && this.socket.readyState === WebSocket.OPEN;
	}

	open() {
		clearTimeout(this.timer);
		this.timer = 0;
		this.stopped = false;
		this.joined = false;
		if (this.tries === 0)
			this.tell("state", "Connecting.");
		this.tell("waiting", 0);
		this.socket?.close();
		const socket = new WebSocket(this.url, PROTOCOL);
		socket.binaryType = "arraybuffer";
		socket.onopen = () => socket === this.socket && this.greet();
		socket.onmessage = (e) => socket === this.socket && this.received(e.data);
		socket.onclose = (e) => socket === this.socket && this.closed(e);
		this.socket = socket;
		setTimeout(() => socket === this.socket && !this.joined && this.abandon(), JOIN * 1000);
	}

	greet() {
		const client = this.client();
		const { token, seq } = this;
		this.asking = token !== null;
		this.socket.send(this.asking ? `Mux.Resume ${JSON.stringify({ token, seq, client })}` :
			`Mux.Client ${JSON.stringify(client)}`);
	}

	received(data) {
		this.heard = performance.now();
		if (typeof data !== "string") {
			this.seq += data.byteLength;
			this.tell("text", this.decoder.decode(data, { stream: true }));
		} else {
			const message = parseMessage(data);
			if (message.name === "Mux.Session")
				return this.session(message.data ?? {});
			if (message.name === "Mux.Seen")
				return this.forget(message.data?.received);
			this.seq += new TextEncoder().encode(data).length;
			this.tell("message", message);
		}
		if (this.upto > 0 && this.seq >= this.upto) {
			this.upto = 0;
			this.tell("replay", false);
		}
	}

	session({ token, seq, upto, received, resumed, lost, name }) {
		this.tries = 0;
		this.joined = true;
		this.token = token ?? null;
		this.seq = seq ?? 0;
		keep(this.token === null ? null : { token });
		if (typeof name === "string")
			this.tell("name", name);
		if (this.asking && resumed)
			this.goOn(received, upto, lost > 0);
		else
			this.begin();
		this.reloaded = false;
		this.ask(); // which also says that the token is here
	}

	begin() {
		const unsent = this.asking ? this.unseen.length : 0;
		this.unseen = [];
		this.sent = 0;
		this.decoder = new TextDecoder();
		this.tell("session", { how: this.asking ? "gone" : "new", lost: false, unsent });
		this.tell("state", "Connected.");
	}

	goOn(received, upto, lost) {
		if (this.reloaded && this.unseen.length === 0)
			this.sent = received;
		if (lost || this.reloaded)
			this.decoder = new TextDecoder();
		this.forget(received);
		this.unseen = this.unseen.filter(({ line }) => line !== null);
		this.sent = received + this.unseen.length;
		if (this.reloaded && upto > this.seq) {
			this.upto = upto;
			this.tell("replay", true);
		}
		this.tell("session", { how: this.reloaded ? "reloaded" : "again", lost, unsent: 0 });
		this.tell("state", this.reloaded ? "Connected. Your session goes on." : lost ?
			"Connected again. Some lines of the game were lost." :
			"Connected again. Nothing was lost.");
		for (const { line } of this.unseen)
			this.sendFrame(line);
	}

	// So many lines of this session have arrived.
	forget(received) {
		const missing = this.sent - received;
		if (missing >= 0 && missing <= this.unseen.length)
			this.unseen.splice(0, this.unseen.length - missing);
	}

	closed({ code, reason }) {
		const [words, again] = ENDINGS[code] ?? LOST;
		const why = reason === "" ? words : `${words} (${reason})`;
		this.socket = null;
		this.joined = false;
		this.upto = 0;
		if (!again || this.stopped) {
			this.over(why);
			return;
		}
		// Said once, however often it has to be tried.
		if (this.tries === 0)
			this.tell("state", why);
		const base = BACK_OFF[Math.min(this.tries++, BACK_OFF.length - 1)];
		const seconds = base * (0.5 + Math.random());
		this.tell("waiting", seconds);
		this.timer = setTimeout(() => this.open(), seconds * 1000);
	}

	over(why) {
		this.token = null;
		this.unseen = [];
		this.seq = 0;
		this.tries = 0;
		this.reloaded = false;
		keep(null);
		this.tell("waiting", 0);
		this.tell("state", why);
		this.tell("over");
	}

	// Takes leave of the game.
	leave() {
		const socket = this.socket;
		clearTimeout(this.timer);
		this.stopped = true;
		this.socket = null;
		this.joined = false;
		socket?.close(LEAVING);
		this.over("You have left.");
	}

	putAway() {
		const socket = this.socket;
		clearTimeout(this.timer);
		if (this.token !== null)
			keep({ token: this.token, sent: this.sent,
				unseen: this.unseen.map(({ line, hidden }) => hidden ? { line: null } : { line }) });
		this.socket = null;
		this.joined = false;
		this.tries = 0;
		socket?.close(AWAY);
	}

	// The socket does not work any more, whatever it says of itself.
	abandon() {
		const socket = this.socket;
		this.socket = null;
		socket.close(AWAY);
		this.closed({ code: 1006, reason: "" });
	}

	// The network or the player is back: no need to wait out the time, and a reason to look.
	soon() {
		if (this.socket === null && this.timer !== 0 && !this.stopped)
			this.open();
		else if (this.isOpen)
			this.ask(HASTE);
	}

	ask(patience = PATIENCE) {
		this.sendMessage("Mux.Seen", {});
		if (this.asked > this.heard && patience >= this.patience)
			return; // the answer is waited for already
		this.asked = performance.now();
		this.patience = patience;
	}

	check() {
		const now = performance.now();
		if (!this.isOpen)
			return;
		if (this.asked > this.heard && now - this.asked > this.patience * 1000)
			this.abandon();
		else if (this.asked <= this.heard && now - this.heard > QUIET * 1000)
			this.ask();
	}

	// A line of input; hidden: nobody is to find it here. False: there is no session to keep it for, or
	// more than can be kept.
	sendLine(line, hidden) {
		if ((!this.isOpen && this.token === null) || this.unseen.length >= UNSEEN_MAX)
			return false;
		this.sent++;
		if (this.token !== null)
			this.unseen.push({ line, hidden });
		if (this.isOpen)
			this.sendFrame(line);
		if (this.unseen.length % ASK_AFTER === ASK_AFTER - 1)
			this.ask();
		return true;
	}

	sendFrame(line) {
		this.socket.send(new TextEncoder().encode(line + "\n"));
	}

	sendMessage(name, data) {
		if (this.isOpen)
			this.socket.send(data === undefined ? name : `${name} ${JSON.stringify(data)}`);
	}
}
