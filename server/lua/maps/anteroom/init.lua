-- The anteroom: a small house. Whoever connects says a name, and can then walk, look and talk.
--
-- This file says what happens when; rooms.lua has the rooms, people.lua knows who is where,
-- names.lua which names are good, commands.lua what can be typed.

local commands = require("commands")
local names = require("names")
local people = require("people")

local function welcome(p)
	people.set(p, { asking = "name" })
	p:send("Welcome to " .. cvar("sv_name") .. ".")
	p:send("What is your name?")
end

-- The answer to that question.
local function answer_name(p, line)
	if line:lower() == "quit" then
		p:kick("Goodbye.")
		return
	end
	local name, why = names.check(line)
	if not name then
		p:send(why)
		p:send("What is your name?")
		return
	end
	p.name = name
	p:send("Welcome, " .. name .. ". Type help to see what you can do here.")
	people.arrive(p, people.first_room, name .. " comes in from the road.")
	commands.run(p, "look")
end

game.on("join", welcome)

-- The game was started again under players who never left. Everything about them was saved, so
-- nothing is said: they are where they were, even in the middle of giving their name.
game.on("restore", function(p, saved)
	if saved then
		people.restore(p, saved)
	else
		welcome(p)
	end
end)

game.on("input", function(p, line)
	if people.of[p].asking then
		answer_name(p, line:match("^%s*(.-)%s*$"))
	else
		commands.run(p, line)
	end
end)

game.on("leave", function(p)
	local room = people.of[p].room
	people.forget(p)
	if room then
		people.tell(room, p.name .. " has left.")
	end
end)
