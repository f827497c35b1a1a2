-- The anteroom: a small house to meet in. Whoever connects says a name, and can then walk, look and talk.
-- Copy it: it is meant as the beginning of your own game.
--
-- This file says what happens when. The others:
--
--   rooms      the rooms, as a table            names      which names are good
--   people     who is here, and where           accounts   names that have a password
--   screen     what players are shown           wrong      who tried too many wrong passwords
--   questions  what somebody is being asked     login      from the first question to the hall
--   turns      one line after the other         commands   what a typed line does
--   comings    who comes and goes, told         roll       names in order, of thousands too
--   walking, talking, house, passwords, admin   the commands themselves
--   news       what has changed, newest first   api        what other programs can ask

local comings = require("comings")
local commands = require("commands")
local login = require("login")
local people = require("people")
local questions = require("questions")
local screen = require("screen")
local turns = require("turns")

require("walking")
require("talking")
require("house")
require("passwords")
require("admin")
require("api")

game.on("join", login.begin)

-- The game was started again under players who never left. Everything about them was saved, so nothing
-- is said: they are where they were, even in the middle of a question. Who comes from another map comes
-- in by the door.
game.on("restore", function(p, saved, from)
	if saved and not from then
		people.restore(p, saved)
		questions.again(p)
	else
		login.begin(p)
	end
end)

-- One line of each player at a time: some answers take a moment.
game.on("input", turns.one_by_one(function(p, line)
	if people.of[p].asking then
		questions.answer(p, line)
	else
		screen.answered(p)
		commands.run(p, line)
	end
	if p.here then
		screen.prompt_soon(p)
	end
end))

game.on("event", function(p, channel)
	if channel == "caps" then
		screen.client_changed(p)
	end
end)

game.on("leave", function(p)
	local known = people.forget(p)
	turns.forget(p)
	screen.forget(p)
	if known and known.room then -- else he was never in, or another connection has taken his place
		comings.tell("gone", p, known.room, fmt("{bold}%s{/} has left.", p.name))
	end
end)

game.on("stop", function(why)
	comings.tell_all()
	if why == "map" then
		screen.end_prompts()
	else
		screen.show_prompts()
	end
end)
