// How a piece of terminal text looks: classes for what a theme decides, colours that can be read.

const LINK = /\bhttps?:\/\/[^\s<>"'`{}|\\^]+[^\s<>"'`{}|\\^.,;:!?)\]]/g;
const CONTRAST = 4.5; // WCAG 2.2, 1.4.3

function luminance([r, g, b]) {
	const part = (c) => {
		c /= 255;
		return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	};
	return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
}

export function contrast(a, b) {
	const x = luminance(a), y = luminance(b);
	return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

// The colour, moved towards white or black until it can be read on the background.
export function readable(colour, background) {
	const target = luminance(background) < 0.18 ? 255 : 0;
	for (let step = 0; step <= 10; step++) {
		const c = colour.map((v) => Math.round(v + (target - v) * step / 10));
		if (contrast(c, background) >= CONTRAST)
			return c;
	}
	return [target, target, target];
}

let background = [16, 20, 24];
// The page's own background, as the theme has it; what was painted on another one is made readable.
export function measureBackground() {
	const before = String(background);
	const m = /rgba?\((\d+), (\d+), (\d+)/.exec(
		getComputedStyle(document.documentElement).backgroundColor);
	if (m !== null)
		background = [Number(m[1]), Number(m[2]), Number(m[3])];
	if (String(background) === before)
		return;
	for (const element of document.querySelectorAll("[data-colour]"))
		element.style.color = css(readable(element.dataset.colour.split(" ").map(Number), background));
}

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

function dress(element, style) {
	const names = ["bold", "faint", "italic", "underline", "strike"].filter((n) => style[n]);
	let { fg, bg } = style;
	if (style.inverse) {
		names.push(fg === null && bg === null ? "inverse" : "swapped");
		[fg, bg] = [bg, fg];
	}
	if (style.hidden)
		names.push("hidden");
	if (typeof fg === "number")
		names.push(`fg${fg}`);
	if (typeof bg === "number")
		names.push(`bg${bg}`);
	if (names.length > 0)
		element.className = names.join(" ");
	if (Array.isArray(bg))
		element.style.backgroundColor = css(bg);
	if (Array.isArray(fg)) {
		element.style.color = css(readable(fg, Array.isArray(bg) ? bg : background));
		if (!Array.isArray(bg))
			element.dataset.colour = fg.join(" "); // for another theme
	}
	if (Array.isArray(bg) && fg === null)
		element.style.color = css(readable([128, 128, 128], bg));
}

function anchor(target, text) {
	const a = document.createElement("a");
	a.href = target;
	a.target = "_blank";
	a.rel = "noopener noreferrer nofollow";
	a.textContent = text;
	return a;
}

// Text with what looks like an address of the web made into a link.
function addText(element, text) {
	let from = 0;
	for (const m of text.matchAll(LINK)) {
		element.append(text.slice(from, m.index), anchor(m[0], m[0]));
		from = m.index + m[0].length;
	}
	if (from < text.length)
		element.append(text.slice(from));
}

const isPlain = (s) => s.fg === null && s.bg === null && !s.bold && !s.faint && !s.italic &&
	!s.underline && !s.inverse && !s.hidden && !s.strike;

// Adds one piece ({text, style} of ansi.js, or {text, kind} of the page) to a line's element.
export function paint(line, { text, style, kind }, settings) {
	if (kind !== undefined) {
		const own = document.createElement("span");
		own.className = kind;
		own.textContent = text;
		line.append(own);
		return;
	}
	if (style.link !== null) {
		const a = anchor(style.link, text);
		if (settings.colours)
			dress(a, style);
		line.append(a);
	} else if (!settings.colours || isPlain(style)) {
		addText(line, text);
	} else {
		const span = document.createElement("span");
		dress(span, style);
		addText(span, text);
		line.append(span);
	}
}
