// The game output: one element a line, in blocks of a hundred, never rewritten once complete, so that
// screen readers speak each line once and a long session stays quick.
import { Ansi } from "./ansi.js";
import { paint } from "./paint.js";

const BLOCK_LINES = 100;
const LINES_MAX = 5000;

// Box drawing, block elements, braille patterns.
const DRAWING = /[\u2500-\u259f\u2800-\u28ff]/g;

// Whether a line is a picture rather than words: hardly a letter or digit in it.
export function isArt(text) {
	const dense = text.replace(/\s/g, "");
	const words = dense.replace(/[^\p{L}\p{N}]/gu, "");
	return dense.length >= 3 && words.length * 4 < dense.length;
}

export class Log {
	// root: the role=log element; below: the button that says there is more.
	constructor(root, below, settings) {
		this.root = root;
		this.below = below;
		this.settings = settings;
		this.ansi = new Ansi();
		this.block = null;
		this.blockLines = 0;
		this.lines = 0;
		this.line = null;     // the element of the unfinished line
		this.waiting = [];    // pieces not yet on the page
		this.due = false;
		this.atEnd = true;
		this.top = 0;         // where we were when we went to the end last
		root.addEventListener("scroll", () => this.scrolled(), { passive: true });
		below.addEventListener("click", () => this.toEnd());
		// A prompt below it, the panel, the keyboard of a phone: the last line stays in sight.
		new ResizeObserver(() => this.atEnd && this.toEnd()).observe(root);
	}

	write(text) {
		this.waiting.push(...this.ansi.feed(text));
		this.show();
	}

	// A line of the page's own, or what was typed.
	note(text, kind) {
		if (this.unfinished())
			this.waiting.push({ newline: true });
		this.waiting.push({ text, kind }, { newline: true });
		this.show();
	}

	// Whether a line was begun and has not ended, what waits included.
	unfinished() {
		const last = this.waiting[this.waiting.length - 1];
		return last === undefined ? this.line !== null : last.newline === undefined;
	}

	// In batches: once a frame, or soon when the page is not visible and has no frames.
	show() {
		if (this.due)
			return;
		this.due = true;
		const now = () => {
			this.due = false;
			this.render();
		};
		if (document.hidden)
			setTimeout(now, 50);
		else
			requestAnimationFrame(now);
	}

	render() {
		const pieces = this.waiting;
		const before = this.lines;
		this.waiting = [];
		for (const piece of pieces) {
			if (piece.newline) {
				this.endLine();
			} else {
				if (this.line === null)
					this.beginLine();
				paint(this.line, piece, this.settings.values);
			}
		}
		while (this.lines > LINES_MAX && this.root.firstChild !== this.block)
			this.dropBlock();
		if (this.atEnd)
			this.toEnd();
		else if (this.lines !== before)
			this.below.hidden = false;
	}

	beginLine() {
		if (this.block === null || this.blockLines >= BLOCK_LINES) {
			this.block = document.createElement("div");
			this.block.className = "block";
			this.blockLines = 0;
			this.root.append(this.block);
		}
		this.line = document.createElement("div");
		this.line.className = "line";
		this.block.append(this.line);
		this.blockLines++;
		this.lines++;
	}

	endLine() {
		if (this.line === null)
			this.beginLine();
		if (this.settings.values.reader)
			this.makeReadable(this.line);
		if (this.line.firstChild === null)
			this.line.append("\n"); // an empty line has a height, and is copied as one
		this.line = null;
	}

	makeReadable(line) {
		const text = line.textContent;
		if (isArt(text)) {
			line.setAttribute("aria-hidden", "true");
			return;
		}
		if (text.search(DRAWING) >= 0)
			line.textContent = text.replace(DRAWING, " ").replace(/ {2,}/g, " ").trim();
	}

	dropBlock() {
		const oldest = this.root.firstChild;
		this.lines -= oldest.childElementCount;
		oldest.remove();
	}

	scrolled() {
		const { scrollTop, clientHeight, scrollHeight } = this.root;
		const atEnd = scrollHeight - scrollTop - clientHeight < 8;
		// Nobody has scrolled back: it has become longer, or its window smaller.
		if (this.atEnd && !atEnd && scrollTop >= this.top)
			return this.toEnd();
		this.atEnd = atEnd;
		if (this.atEnd)
			this.below.hidden = true;
	}

	toEnd() {
		this.root.scrollTop = this.root.scrollHeight;
		this.top = this.root.scrollTop;
		this.atEnd = true;
		this.below.hidden = true;
	}

	text() {
		return Array.from(this.root.querySelectorAll(".line"),
			(line) => line.textContent.replace(/\n$/, "")).join("\n") + "\n";
	}
}
