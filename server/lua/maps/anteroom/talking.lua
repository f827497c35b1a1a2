-- The commands by which people talk.

local people = require("people")
local screen = require("screen")

-- Ends a sentence that has no end.
local function sentence(text)
	return text:find("%p$") and text or text .. "."
end

command("say", {
	usage = "<text>",
	help = "talks to those in the same room. Short: 'hello",
	where = "game",
}, function(p, _, text)
	if text == "" then
		p:send("Say what? For example: say hello")
		return
	end
	local room = people.of[p].room
	p:send(fmt("You say: {cyan}%s{/}", text))
	screen.tell(room, fmt("{bold}%s{/} says: {cyan}%s{/}", p.name, text), p)
	screen.tell_channel(people.in_room(room), "say", p.name, text)
end)

command("emote", {
	usage = "<what you do>",
	help = "shows what you do: emote waves. Short: :waves",
	where = "game",
}, function(p, _, text)
	if text == "" then
		p:send("Do what? For example: emote waves")
		return
	end
	screen.tell(people.of[p].room, fmt("{bold}%s{/} %s", p.name, sentence(text)))
end)

command("tell", {
	usage = "<name> <text>",
	help = "says something to one person, wherever he is. Short: t ben hello",
	where = "game",
}, function(p, words, text)
	text = text:match("^%S+%s+(.+)$")
	if not text then
		p:send("Tell whom what? For example: tell ben hello")
		return
	end
	local other, why = people.find(words[1])
	if not other then
		p:send(why)
	elseif other == p then
		p:send("You mutter to yourself.")
	else
		p:send(fmt("You tell {bold}%s{/}: {magenta}%s{/}", other.name, text))
		screen.show(other, fmt("{bold}%s{/} tells you: {magenta}%s{/}", p.name, text))
		screen.tell_channel({ p, other }, "tell", p.name, text)
	end
end)
