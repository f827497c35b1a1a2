// What was typed before, newest last. Up and Down go through what begins as the line now does.

const MAX = 500;

export class History {
	constructor() {
		this.lines = [];
		this.at = -1;      // where we stand while going through; -1: not at all
		this.begun = "";   // what was in the input when we started
	}

	add(line) {
		this.at = -1;
		if (line === "" || line === this.lines[this.lines.length - 1])
			return;
		this.lines.push(line);
		if (this.lines.length > MAX)
			this.lines.shift();
	}

	// direction -1: older, 1: newer. Null: there is none.
	move(direction, now) {
		if (this.at < 0) {
			if (direction > 0)
				return null;
			this.begun = now;
			this.at = this.lines.length;
		}
		for (let i = this.at + direction; i >= 0 && i < this.lines.length; i += direction) {
			if (this.lines[i].startsWith(this.begun) && this.lines[i] !== now) {
				this.at = i;
				return this.lines[i];
			}
		}
		if (direction < 0)
			return null;
		this.at = -1;
		return this.begun;
	}

	typed() {
		this.at = -1;
	}
}
