// What the game reports beside its text (GMCP): vitals as meters, the room with its exits as buttons,
// a list of what was said on channels. Nothing of it is spoken unasked.

const PAIRS = [["hp", "maxhp", "Health"], ["mp", "maxmp", "Mana"], ["sp", "maxsp", "Spirit"],
	["mv", "maxmv", "Moves"], ["ep", "maxep", "Endurance"], ["wp", "maxwp", "Willpower"]];
const CHAT_MAX = 100;

export class Panel {
	// root: the aside; button: shows and hides it; send: what a pressed exit sends.
	constructor(root, button, settings, send) {
		this.root = root;
		this.button = button;
		this.settings = settings;
		this.send = send;
		this.vitals = {};
		this.parts = {};
		button.addEventListener("click", () => this.show(root.hidden));
	}

	show(open) {
		this.root.hidden = !open;
		this.button.setAttribute("aria-expanded", String(open));
	}

	section(name, title) {
		if (this.parts[name] === undefined) {
			const part = document.createElement("section");
			const h2 = document.createElement("h2");
			const body = document.createElement("div");
			h2.id = `panel-${name}`;
			h2.textContent = title;
			part.setAttribute("aria-labelledby", h2.id);
			part.append(h2, body);
			this.root.append(part);
			this.parts[name] = { h2, body };
			if (this.button.hidden) {
				this.button.hidden = false;
				this.show(this.settings.values.panel && innerWidth >= 700);
			}
		}
		this.parts[name].h2.textContent = title;
		return this.parts[name].body;
	}

	message({ name, data }) {
		if (typeof data !== "object" || data === null)
			return;
		const handlers = {
			"char.vitals": () => this.showVitals(data),
			"char.maxstats": () => this.showVitals(data),
			"room.info": () => this.showRoom(data),
			"comm.channel.text": () => this.addChat(data),
		};
		handlers[name.toLowerCase()]?.();
	}

	showVitals(data) {
		Object.assign(this.vitals, data);
		const rows = [];
		for (const [now, max, label] of PAIRS) {
			const value = Number(this.vitals[now]), top = Number(this.vitals[max]);
			if (!Number.isFinite(value) || !(top > 0))
				continue;
			const row = document.createElement("label");
			const meter = document.createElement("meter");
			meter.max = top;
			meter.value = value;
			meter.low = top / 3;
			row.append(`${label} ${value} of ${top}`, meter);
			rows.push(row);
		}
		if (rows.length > 0)
			this.section("vitals", "You").replaceChildren(...rows);
	}

	showRoom(data) {
		const exits = Array.isArray(data.exits) ? data.exits : Object.keys(data.exits ?? {});
		const buttons = exits.slice(0, 40).map((exit) => {
			const button = document.createElement("button");
			button.type = "button";
			button.textContent = String(exit);
			button.addEventListener("click", () => this.send(String(exit)));
			return button;
		});
		this.section("room", String(data.name ?? "Here")).replaceChildren(...buttons);
	}

	addChat(data) {
		const body = this.section("chat", "Talk");
		const p = document.createElement("p");
		p.textContent = `${data.channel ?? ""} ${data.talker ?? ""}: ${data.text ?? ""}`.trim();
		body.append(p);
		while (body.childElementCount > CHAT_MAX)
			body.firstChild.remove();
		body.scrollTop = body.scrollHeight;
	}
}
