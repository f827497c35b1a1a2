-- What players can type once they have a name.

local people = require("people")
local rooms = require("rooms")

local directions = { "north", "east", "south", "west", "up", "down" } -- the order they are told in
local from = {
	north = "from the south",
	east = "from the west",
	south = "from the north",
	west = "from the east",
	up = "from below",
	down = "from above",
}

-- word -> function(player, the rest of the line)
local verbs = {}

-- What a player typed, without anything that could steer the terminals of others.
local function clean(text)
	text = text:gsub("\t", " "):gsub("%c", ""):gsub("\xC2[\x80-\x9F]", "")
	return text:match("^%s*(.-)%s*$")
end

local function room_of(p)
	return rooms[people.of[p].room]
end

local function exits_of(room)
	local parts = {}
	for _, direction in ipairs(directions) do
		local to = room.exits[direction]
		if to then
			parts[#parts + 1] = direction .. " to " .. rooms[to].name
		end
	end
	return "Exits: " .. table.concat(parts, ", ") .. "."
end

local function walk(p, direction)
	local room = room_of(p)
	local to = room.exits[direction]
	if not to then
		p:send("You cannot go " .. direction .. " from here. " .. exits_of(room))
		return
	end
	people.tell(people.of[p].room, p.name .. " goes " .. direction .. ".", p)
	people.arrive(p, to, p.name .. " arrives " .. from[direction] .. ".")
	verbs.look(p)
end

function verbs.look(p)
	local room = room_of(p)
	p:send("You are in " .. room.name .. ".")
	p:send(room.text)
	p:send(exits_of(room))
	local others = people.beside(p)
	if #others > 0 then
		p:send("Also here: " .. table.concat(others, ", ") .. ".")
	end
end

function verbs.go(p, rest)
	local wanted = rest:lower()
	for _, direction in ipairs(directions) do
		if wanted == direction or wanted == direction:sub(1, 1) then
			walk(p, direction)
			return
		end
	end
	p:send("Go where? " .. exits_of(room_of(p)))
end

function verbs.say(p, rest)
	if rest == "" then
		p:send("Say what? For example: say hello")
		return
	end
	p:send("You say: " .. rest)
	people.tell(people.of[p].room, p.name .. " says: " .. rest, p)
end

function verbs.who(p)
	local count = 0
	for other in players() do
		if other.name then
			count = count + 1
			local idle = other.idle >= 60 and ", idle for " .. other.idle // 60 .. " min" or ""
			p:send(other.name .. " is in " .. room_of(other).name .. idle .. ".")
		end
	end
	p:send(count == 1 and "There is nobody else." or count .. " people in all.")
end

function verbs.help(p)
	p:send([[
look: what is around you, and who. Short: l
north, east, south, west, up, down: walk. Short: n, e, s, w, u, d
say hello: talk to those in the same room. Short: 'hello
who: everyone in the house
quit: leave
help: this list]])
end

function verbs.quit(p)
	p:kick("Goodbye, " .. p.name .. ".")
end

-- Other ways to type these.
local short = { l = "look", ["?"] = "help" }
for _, direction in ipairs(directions) do
	verbs[direction] = function(p)
		walk(p, direction)
	end
	short[direction:sub(1, 1)] = direction
end

local commands = {}

-- Does what a line says.
function commands.run(p, line)
	line = clean(line):gsub("^'", "say ")
	local word, rest = line:match("^(%S+)%s*(.*)$")
	if not word then
		return -- only Enter was pressed
	end
	local verb = verbs[short[word:lower()] or word:lower()]
	if verb then
		verb(p, rest)
	else
		p:send('"' .. word .. '" is not a word this house knows. Type help for those it does.')
	end
end

return commands
