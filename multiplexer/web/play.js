// Wires the page: input, output, settings, panel, connection.
import { History } from "./history.js";
import { Log } from "./log.js";
import { measureBackground } from "./paint.js";
import { Panel } from "./panel.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";

const $ = (id) => document.getElementById(id);
const SPEAK = { "politely": "polite", "at once": "assertive", "not at all": "off" };

const settings = new Settings();
const log = new Log($("log"), $("below"), settings);
const history = new History();
const input = $("input");
const session = new Session(socketUrl(), introduce);
const panel = new Panel($("panel"), $("panel-button"), settings, sendLine);
let hidden = false; // what is typed is not to be seen
let quiet = false;  // what comes was heard before: it is not spoken
let asked = "";     // the last prompt there was, whether it is shown still or not

function socketUrl() {
	const url = new URL(location.href);
	url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
	url.hash = "";
	url.search = "";
	return url.href;
}

// Letters that fit across and lines down, as a terminal would tell.
function describeClient() {
	const size = Number(settings.values.size);
	const width = settings.values.narrow ? 80 : Math.floor($("log").clientWidth / (size * 0.6));
	return {
		client: "Holdfast play page",
		terminal: "BROWSER",
		w: Math.min(Math.max(width, 20), 1000),
		h: Math.min(Math.max(Math.floor($("log").clientHeight / (size * 1.4)), 5), 1000),
		utf8: true,
		colors: settings.values.colours ? 16777216 : 0,
		reader: settings.values.reader,
	};
}

let told = ""; // the same, as the game has it
function introduce() {
	const client = describeClient();
	told = JSON.stringify(client);
	return client;
}

function sendLine(line) {
	if (!session.sendLine(line, hidden)) {
		$("status").textContent = session.isOpen ? "Too much is under way: your line stays in the input." :
			"Not connected: your line stays in the input.";
		return false;
	}
	if (settings.values.echo && !settings.values.reader && !hidden)
		log.note(line, "typed");
	if (/[:?]$/.test(asked))
		asked = ""; // a question that comes again is a new one
	showPrompt("");
	log.toEnd();
	return true;
}

function submit(event) {
	event.preventDefault();
	const line = input.value;
	if (!sendLine(line))
		return;
	if (!hidden)
		history.add(line);
	if (settings.values.keep && !hidden && !settings.values.reader)
		input.select();
	else
		input.value = "";
	input.focus();
}

function inputKey(event) {
	if (event.key !== "ArrowUp" && event.key !== "ArrowDown" || hidden ||
		event.ctrlKey || event.altKey || event.metaKey || event.shiftKey)
		return;
	event.preventDefault();
	const line = history.move(event.key === "ArrowUp" ? -1 : 1, input.value);
	if (line !== null) {
		input.value = line;
		input.setSelectionRange(line.length, line.length);
	}
}

// Escape and F6 go between input and output; a letter typed in the output begins a line.
function pageKey(event) {
	if ($("settings").open)
		return;
	if (event.key === "Escape" || event.key === "F6") {
		event.preventDefault();
		(document.activeElement === input ? $("log") : input).focus();
	} else if (event.target === $("log") && event.key.length === 1 && event.key !== " " &&
		!event.ctrlKey && !event.altKey && !event.metaKey) {
		input.focus();
	}
}

function hideInput(hide) {
	if (hide === hidden)
		return;
	hidden = hide;
	input.type = hide ? "password" : "text";
	input.value = "";
	$("input-label").textContent = hide ? "Hidden input (a password)" : "Command";
	$("status").textContent = hide ? "What you type now is hidden." : "What you type can be seen again.";
}

function showPrompt(text) {
	const plain = text.replace(/\x1b\[[0-?]*[ -/]*[@-~]/g, "").trim();
	const words = /[\p{L}\p{N}]/u.test(plain); // ">" would only be read as "greater than"
	$("prompt").textContent = plain;
	$("prompt").hidden = plain === "" || settings.values.reader;
	$("prompt").ariaHidden = words || plain === "" ? null : "true";
	input.setAttribute("aria-describedby", words ? "prompt keys" : "keys");
	$("question").textContent = "";
	if (words && plain !== asked)
		speakPrompt(plain);
	if (plain !== "")
		asked = plain;
}

// Once, when it is another than the last: a game sends the same one after each line.
function speakPrompt(words) {
	if (settings.values.reader)
		log.note(words, "prompt");
	else
		$("question").textContent = words;
}

function onMessage({ detail }) {
	if (detail.name === "Mux.Echo")
		hideInput(detail.data?.on === false);
	else if (detail.name === "Mux.Prompt")
		showPrompt(String(detail.data?.text ?? ""));
	else
		panel.message(detail);
}

function onSession({ how, lost, unsent }) {
	offer(null);
	if (how === "new" || how === "gone")
		asked = "";
	if (how === "reloaded") {
		log.note(lost ? "Picked up your session. The last lines of it:" : "Picked up your session.", "own");
	} else if (how === "gone") {
		hideInput(false);
		showPrompt("");
		log.note("Your old session is over, so this is a new one." + (unsent === 0 ? "" :
			` What you typed meanwhile was not sent: ${unsent} ${unsent === 1 ? "line" : "lines"}.`), "own");
	} else if (how === "again" && lost) {
		log.note("Some lines of the game were lost here.", "own");
	}
}

function onReplay(begins) {
	const set = () => {
		quiet = begins;
		setSpeaking();
	};
	if (begins)
		set();
	else
		setTimeout(set, 500); // the log shows with the next frame what it has got
}

function setSpeaking() {
	for (const id of ["log", "question"])
		$(id).setAttribute("aria-live", quiet ? "off" : SPEAK[settings.values.speak]);
}

// The button to connect; null: there is no need for one. The focus is not lost with it.
function offer(words) {
	if (words === null && document.activeElement === $("again"))
		input.focus();
	$("again").hidden = words === null;
	if (words !== null)
		$("again").textContent = words;
	$("leave").disabled = words === "Connect";
}

let waiting = 0;
function showWaiting(seconds) {
	const until = performance.now() + seconds * 1000;
	const show = () => {
		const left = Math.ceil((until - performance.now()) / 1000);
		$("waiting").hidden = left < 2;
		$("waiting").textContent = `Next attempt in ${left} seconds.`;
		if (left < 2)
			clearInterval(waiting);
	};
	clearInterval(waiting);
	if (seconds > 0)
		offer("Try now");
	waiting = setInterval(show, 250);
	show();
}

function quickButtons() {
	const words = settings.values.quick.split(",").map((w) => w.trim()).filter((w) => w !== "");
	$("quick").hidden = words.length === 0;
	$("quick").replaceChildren(...words.slice(0, 20).map((word) => {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = word;
		button.addEventListener("click", () => sendLine(word));
		return button;
	}));
}

function applySettings() {
	const { size, theme, narrow, reader } = settings.values;
	const root = document.documentElement;
	root.style.setProperty("--size", `${size}px`);
	root.dataset.theme = theme === "as the system" ? "" : theme;
	root.classList.toggle("narrow", narrow);
	root.classList.toggle("reader", reader);
	setSpeaking();
	measureBackground();
	quickButtons();
	tellClient();
}

let telling = 0;
function tellClient() {
	clearTimeout(telling);
	telling = setTimeout(() => {
		if (session.isOpen && JSON.stringify(describeClient()) !== told)
			session.sendMessage("Mux.Client", introduce());
	}, 300);
}

function saveLog() {
	const a = document.createElement("a");
	a.href = URL.createObjectURL(new Blob([log.text()], { type: "text/plain" }));
	a.download = `game ${new Date().toISOString().slice(0, 16).replace(":", ".")}.txt`;
	a.click();
	URL.revokeObjectURL(a.href);
}

session.addEventListener("text", ({ detail }) => log.write(detail));
session.addEventListener("message", onMessage);
session.addEventListener("state", ({ detail }) => { $("status").textContent = detail; });
session.addEventListener("name", ({ detail }) => {
	$("title").textContent = detail;
	document.title = `${detail} - Play`;
});
session.addEventListener("waiting", ({ detail }) => showWaiting(detail));
session.addEventListener("session", ({ detail }) => onSession(detail));
session.addEventListener("replay", ({ detail }) => onReplay(detail));
session.addEventListener("over", () => {
	hideInput(false);
	showPrompt("");
	offer("Connect");
});
$("again").addEventListener("click", () => {
	session.open();
	input.focus();
});
$("leave").addEventListener("click", () => {
	$("settings").close();
	session.leave();
});
$("line").addEventListener("submit", submit);
input.addEventListener("keydown", inputKey);
input.addEventListener("input", () => history.typed());
document.addEventListener("keydown", pageKey);
$("save-log").addEventListener("click", saveLog);
$("settings-button").addEventListener("click", () => $("settings").showModal());
$("settings").addEventListener("close", () => input.focus());
settings.build($("settings-rows"));
settings.addEventListener("change", applySettings);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", measureBackground);
addEventListener("resize", () => {
	if (log.atEnd)
		log.toEnd();
	tellClient();
});
applySettings();
session.open();
input.focus();
