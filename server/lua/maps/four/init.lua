-- Four in a row, for two. Who drops four of his marks next to each other wins.
--
-- This file says what happens when; board.lua knows the rules, matches.lua keeps what is played,
-- people.lua who is here and what he sees, commands.lua what can be typed. tests/ has their tests:
--
--   holdfast-server --run-tests maps/four
--
-- A name is enough to take one's seat again. A game in which more is at stake asks for a password, as
-- the anteroom does.

local commands = require("commands")
local matches = require("matches")
local people = require("people")

local function ask_name(p)
	p:send("Four in a row. What is your name?")
end

-- The name as it will be shown, or nil and a sentence that says what is wrong.
local function check_name(text)
	text = text:match("^%s*(.-)%s*$")
	if not text:match("^%a+$") or #text < 2 or #text > 16 then
		return nil, "A name is one word of 2 to 16 letters, a to z."
	elseif people.find(text) then
		return nil, "Someone here is called " .. text .. " already."
	end
	return text:sub(1, 1):upper() .. text:sub(2):lower()
end

local function come_back(p, match, side)
	local other = match.names[3 - side]
	p:send("Your game against " .. other .. " goes on.")
	people.show_board(p, match)
	for _, q in ipairs(people.at(match)) do
		if q ~= p then
			q:send(p.name .. " is back.")
		end
	end
	people.show_turn(match)
end

local function answer_name(p, line)
	local name, why = check_name(line)
	if not name then
		p:send(why)
		ask_name(p)
		return
	end
	p.name = name
	people.set(p, {})
	p:send("Welcome, " .. name .. ". Type play to play, help for all you can do.")
	local match, side = matches.of(name)
	if match then
		come_back(p, match, side)
	end
end

game.on("join", ask_name)

-- The game ended and began again under players who never left. Nothing is said: they are where they
-- were, and the matches are what the store has. Who comes from another map is new here.
game.on("restore", function(p, saved, from)
	if p.name and not from then
		people.of[p] = saved or {}
	else
		ask_name(p)
	end
end)

game.on("input", function(p, line)
	if people.of[p] then
		commands.run(p, line)
	elseif line:lower() == "quit" then
		p:kick("Goodbye.")
	else
		answer_name(p, line)
	end
end)

game.on("leave", function(p)
	if not people.of[p] then
		return
	end
	people.forget(p)
	local match = matches.of(p.name)
	if match then
		people.tell(match, p.name .. " has left. The game waits, until you give up: stop.")
	end
end)
