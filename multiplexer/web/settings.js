// What the player may choose, one row each; kept in this browser.

const KEY = "holdfast.settings";

const ROWS = [
	{ name: "size", label: "Size of the text", choices: ["14", "16", "18", "20", "24", "28", "32"], value: "16" },
	{ name: "theme", label: "Colours of the page", choices: ["as the system", "dark", "light"], value: "as the system" },
	{ name: "colours", label: "Show the game's colours", value: true },
	{ name: "narrow", label: "Keep lines short (80 letters)", value: false },
	{ name: "echo", label: "Show what I type in the output", value: true },
	{ name: "keep", label: "Keep the last command in the input, selected", value: false },
	{ name: "reader", label: "Screen reader: prompts in the output, no pictures made of letters, no echo", value: false },
	{ name: "speak", label: "Speak new lines", choices: ["politely", "at once", "not at all"], value: "politely" },
	{ name: "quick", label: "Quick buttons, separated by commas", text: true, value: "" },
	{ name: "panel", label: "Show the panel when the game has something for it", value: true },
];

function stored() {
	try {
		const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
		return typeof kept === "object" && kept !== null ? kept : {};
	} catch {
		return {}; // none, spoiled, or the browser keeps nothing
	}
}

function isFit(row, value) {
	return typeof value === typeof row.value &&
		(row.choices === undefined || row.choices.includes(value));
}

export class Settings extends EventTarget {
	constructor() {
		super();
		const kept = stored();
		this.values = {};
		for (const row of ROWS)
			this.values[row.name] = isFit(row, kept[row.name]) ? kept[row.name] : row.value;
	}

	set(name, value) {
		this.values[name] = value;
		try {
			localStorage.setItem(KEY, JSON.stringify(this.values));
		} catch {
			// It holds for this visit then.
		}
		this.dispatchEvent(new Event("change"));
	}

	// Fills the dialog, one labelled control a row.
	build(root) {
		for (const row of ROWS) {
			const control = row.choices !== undefined ? this.choice(row) : this.field(row);
			const label = document.createElement("label");
			const p = document.createElement("p");
			control.id = `setting-${row.name}`;
			label.htmlFor = control.id;
			label.textContent = row.label;
			if (control.type === "checkbox")
				p.append(control, " ", label);
			else
				p.append(label, " ", control);
			root.append(p);
		}
	}

	choice(row) {
		const select = document.createElement("select");
		for (const word of row.choices)
			select.append(new Option(word, word, false, word === this.values[row.name]));
		select.addEventListener("change", () => this.set(row.name, select.value));
		return select;
	}

	field(row) {
		const input = document.createElement("input");
		if (row.text) {
			input.type = "text";
			input.value = this.values[row.name];
			input.addEventListener("change", () => this.set(row.name, input.value));
		} else {
			input.type = "checkbox";
			input.checked = this.values[row.name];
			input.addEventListener("change", () => this.set(row.name, input.checked));
		}
		return input;
	}
}
