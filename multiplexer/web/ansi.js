// Terminal text, cut into pieces that look alike. Keeps its state from call to call, so that a
// sequence may be cut anywhere. Understands SGR (ECMA-48 8.3.117, with 256 colours and RGB) and OSC 8
// links; every other control sequence is swallowed, none ever reaches the page as markup.

const NONE = Object.freeze({
	fg: null, bg: null, bold: false, faint: false, italic: false, underline: false,
	inverse: false, hidden: false, strike: false, link: null,
});
const SEQUENCE_MAX = 2048; // characters of one unfinished sequence, then it is given up

// 0..255 of the xterm palette as [r, g, b]; the first 16 are the theme's and come as a number.
export function paletteColour(n) {
	if (n < 16)
		return n;
	if (n < 232) {
		const level = (i) => (i === 0 ? 0 : 55 + 40 * i);
		n -= 16;
		return [level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6)];
	}
	const grey = 8 + 10 * (n - 232);
	return [grey, grey, grey];
}

function byte(text) {
	const n = Number(text);
	return Number.isInteger(n) && n >= 0 && n <= 255 ? n : 0;
}

// 38 and 48: the colour that begins at parameter i, and where the next parameter is.
function extendedColour(parts, i) {
	if (parts[i] === "5" && i + 1 < parts.length)
		return [paletteColour(byte(parts[i + 1])), i + 2];
	if (parts[i] === "2" && i + 3 < parts.length)
		return [[byte(parts[i + 1]), byte(parts[i + 2]), byte(parts[i + 3])], i + 4];
	return [undefined, parts.length];
}

export function applySgr(style, parameters) {
	// The colon form has an empty colour space in 38:2::r:g:b.
	const parts = parameters.replace(/([34]8):2::/g, "$1;2;").split(/[;:]/);
	let s = { ...style };
	for (let i = 0; i < parts.length;) {
		const n = Number(parts[i++] || 0);
		if (n === 0) s = { ...NONE, link: s.link };
		else if (n === 1) s.bold = true;
		else if (n === 2) s.faint = true;
		else if (n === 3) s.italic = true;
		else if (n === 4) s.underline = true;
		else if (n === 7) s.inverse = true;
		else if (n === 8) s.hidden = true;
		else if (n === 9) s.strike = true;
		else if (n === 21) s.underline = true;
		else if (n === 22) s.bold = s.faint = false;
		else if (n === 23) s.italic = false;
		else if (n === 24) s.underline = false;
		else if (n === 27) s.inverse = false;
		else if (n === 28) s.hidden = false;
		else if (n === 29) s.strike = false;
		else if (n >= 30 && n <= 37) s.fg = n - 30;
		else if (n === 39) s.fg = null;
		else if (n >= 40 && n <= 47) s.bg = n - 40;
		else if (n === 49) s.bg = null;
		else if (n >= 90 && n <= 97) s.fg = n - 82;
		else if (n >= 100 && n <= 107) s.bg = n - 92;
		else if (n === 38 || n === 48) {
			const [colour, next] = extendedColour(parts, i);
			if (colour !== undefined)
				s[n === 38 ? "fg" : "bg"] = colour;
			i = next;
		}
	}
	return s;
}

// The target of an OSC 8 link, or null: only the web and mail.
function safeLink(target) {
	return /^(https?:\/\/|mailto:)/i.test(target) ? target : null;
}

const START = /[\x1b\x9b\x9d]|[\x00-\x08\x0b-\x1f\x7f-\x9a\x9c\x9e\x9f\n]/;

export class Ansi {
	constructor() {
		this.style = { ...NONE };
		this.rest = ""; // a sequence that was begun
	}

	// Returns pieces in order: {text, style} and {newline: true}.
	feed(more) {
		const pieces = [];
		let text = this.rest + more;
		this.rest = "";
		while (text !== "") {
			const at = text.search(START);
			if (at !== 0) {
				const plain = at < 0 ? text : text.slice(0, at);
				pieces.push({ text: plain, style: this.style });
				text = text.slice(plain.length);
				continue;
			}
			const used = this.control(text, pieces);
			if (used === 0) { // it goes on in what comes next
				this.rest = text.length > SEQUENCE_MAX ? "" : text;
				break;
			}
			text = text.slice(used);
		}
		return pieces;
	}

	// How many characters the control at the start of text has; 0: it is not all there yet.
	control(text, pieces) {
		const c = text[0];
		if (c === "\n") {
			pieces.push({ newline: true });
			return 1;
		}
		if (c !== "\x1b" && c !== "\x9b" && c !== "\x9d")
			return 1; // CR, BEL and their like show nothing
		if (c === "\x1b" && text.length === 1)
			return 0;
		if (c === "\x9b" || text[1] === "[")
			return this.csi(text, c === "\x9b" ? 1 : 2);
		if (c === "\x9d" || text[1] === "]")
			return this.osc(text, c === "\x9d" ? 1 : 2);
		if ("PX^_".includes(text[1]))
			return this.string(text);
		return "()*+-./#%".includes(text[1]) ? (text.length > 2 ? 3 : 0) : 2;
	}

	csi(text, from) {
		const m = /^[0-?]*[ -/]*/.exec(text.slice(from));
		const end = from + m[0].length;
		if (end >= text.length)
			return 0;
		if (text[end] === "m" && /^[0-9;:]*$/.test(m[0]))
			this.style = applySgr(this.style, m[0]);
		// Anything but a final byte ends the sequence and is not part of it.
		return text[end] >= "@" && text[end] <= "~" ? end + 1 : end;
	}

	osc(text, from) {
		const m = /\x07|\x1b\\|\x9c/.exec(text.slice(from));
		if (m === null)
			return 0;
		const body = text.slice(from, from + m.index);
		const link = /^8;[^;]*;(.*)$/.exec(body);
		if (link !== null)
			this.style = { ...this.style, link: safeLink(link[1]) };
		return from + m.index + m[0].length;
	}

	string(text) {
		const m = /\x1b\\|\x9c/.exec(text.slice(2));
		return m === null ? 0 : 2 + m.index + m[0].length;
	}
}
