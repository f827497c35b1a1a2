-- What players can type once they have a name. A number alone is a move.

local board = require("board")
local matches = require("matches")
local people = require("people")

local function begin(first, second)
	for _, p in ipairs({ first, second }) do
		people.change(p, "waiting", nil)
		people.change(p, "watching", nil)
	end
	local match = matches.begin(first.name, second.name)
	people.tell(match, fmt("{bold}%s plays against %s.{/}", first.name, second.name))
	people.show_change(match)
	people.show_turn(match)
end

local function finish(match, winner, text)
	local there = people.at(match)
	matches.finish(match, winner)
	for _, p in ipairs(there) do
		p:send(fmt("{bold}%s{/}", text))
		if people.of[p].watching then
			people.change(p, "watching", nil)
		end
		p:send("Type play to play again.")
	end
end

local function move(p, column)
	local match, side = matches.of(p.name)
	if not match then
		p:send("You are not playing. Type play for that.")
		return
	elseif matches.turn(match) ~= side then
		p:send("It is the turn of " .. match.names[3 - side] .. ". Please wait.")
		return
	end
	local result, why = matches.move(match, column)
	if not result then
		p:send(why)
		return
	end
	people.tell(match, p.name .. " puts " .. board.marks[side] .. " into column " .. column .. ".")
	people.show_change(match)
	if result == "won" then
		finish(match, p.name, p.name .. " has four in a row, and wins.")
	elseif result == "full" then
		finish(match, nil, "The board is full: nobody wins.")
	else
		people.show_turn(match)
	end
end

local function add(name, usage, help, f)
	command(name, { usage = usage, help = help, where = "game" }, f)
end

add("play", "", "plays against whoever waits, or waits for somebody", function(p)
	if matches.of(p.name) then
		p:send("You are playing already. Type board to see how it stands.")
		return
	end
	local other = people.waiting(p)
	if other then
		begin(other, p)
	else
		people.change(p, "waiting", true)
		p:send("You wait for somebody to play with. Meanwhile you can watch a game, or talk.")
	end
end)

add("board", "", "shows how the game stands. Short: b", function(p)
	local match = matches.of(p.name) or matches.all[people.of[p].watching]
	if not match then
		p:send("You neither play nor watch. Type who to see who does.")
		return
	end
	p:send(match.names[1] .. " plays X, " .. match.names[2] .. " plays O.")
	people.show_board(p, match)
	people.show_turn(match)
end)

add("words", "", "boards in words, or as a picture again", function(p)
	local words = not people.wants_words(p)
	people.change(p, "words", words)
	p:send(words and "Boards are told in words." or "Boards are shown as a picture.")
end)

add("watch", "<name>", "looks on at somebody's game", function(p, words)
	local other = people.find(words[1] or "")
	local match = other and matches.of(other.name)
	if matches.of(p.name) then
		p:send("You are playing yourself.")
	elseif not match then
		p:send("Watch whom? Type who to see who plays.")
	else
		people.change(p, "watching", match.number)
		people.tell(match, p.name .. " looks on.")
		people.show_board(p, match)
	end
end)

add("stop", "", "gives up waiting, watching, or the game", function(p)
	local match, side = matches.of(p.name)
	if match then
		local other = match.names[3 - side]
		finish(match, other, p.name .. " gives up: " .. other .. " wins.")
	elseif people.of[p].watching then
		people.change(p, "watching", nil)
		p:send("You do not look on any more.")
	elseif people.of[p].waiting then
		people.change(p, "waiting", nil)
		p:send("You do not wait any more.")
	else
		p:send("There is nothing to stop.")
	end
end)

add("say", "<text>", "talks to all at your game, or to all who are at none", function(p, _, text)
	local function place_of(who)
		local match = matches.of(who.name)
		return match and match.number or people.of[who].watching
	end
	for other in pairs(people.of) do
		if place_of(other) == place_of(p) then
			other:send(fmt("{cyan}%s{/} says: %s", p.name, text))
		end
	end
end)

add("who", "", "tells who is here", function(p)
	for other in players() do
		local known = people.of[other]
		if known then
			local match, side = matches.of(other.name)
			local does = match and "plays against " .. match.names[3 - side]
				or known.watching and "looks on"
				or known.waiting and "waits for somebody to play with"
				or "is here"
			p:send(other.name .. " " .. does .. ". Games won: " .. matches.wins(other.name) .. ".")
		end
	end
end)

add("help", "", "this list", function(p)
	p:send("1 to 7: your move, when it is your turn")
	local all = command.list(p)
	table.sort(all, function(a, b) return a.name < b.name end)
	for _, row in ipairs(all) do
		p:send(row.name .. (row.usage ~= "" and " " .. row.usage or "") .. ": " .. row.help)
	end
end)

add("quit", "", "leaves; your game waits for you", function(p)
	p:kick("Goodbye, " .. p.name .. ".")
end)

local short = { b = "board", l = "board", look = "board", ["?"] = "help" }

local commands = {}

-- Does what a line says.
function commands.run(p, line)
	line = line:match("^%s*(.-)%s*$"):gsub("^'%s*", "say ")
	if line == "" then
		return -- only Enter was pressed
	elseif line:match("^%d+$") then
		move(p, tonumber(line))
	elseif not command.run(p, short[line:lower()] or line) then
		p:send('"' .. line:match("^%S+") .. '" is not a word of this game. Type help for those it has.')
	end
end

return commands
