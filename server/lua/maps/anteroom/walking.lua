-- The commands by which people look around and walk.

local comings = require("comings")
local commands = require("commands")
local people = require("people")
local rooms = require("rooms")
local screen = require("screen")

local directions = { "north", "east", "south", "west", "up", "down" } -- the order they are told in
local from = {
	north = "from the south",
	east = "from the west",
	south = "from the north",
	west = "from the east",
	up = "from below",
	down = "from above",
}

local function exits_of(room)
	local text = fmt("Exits: ")
	local separator = ""
	for _, direction in ipairs(directions) do
		local to = room.exits[direction]
		if to then
			text = text .. separator .. fmt("{cyan}%s{/} to %s", direction, rooms[to].name)
			separator = ", "
		end
	end
	return text .. "."
end

-- Where he stands, for clients that draw a map.
local function tell_room(p)
	local id = people.of[p].room
	p:gmcp("Room.Info", { num = id, name = rooms[id].name, exits = rooms[id].exits })
end

-- So many are named, the others counted.
local named_most = 20

local function show_others(p, id)
	local names = {}
	for _, other in ipairs(people.in_room(id, named_most + 1)) do
		if other ~= p and #names < named_most then
			names[#names + 1] = other.name
		end
	end
	local more = people.number_in(id) - 1 - #names
	local behind = more == 0 and "" or more == 1 and " and one more" or " and " .. more .. " others"
	if #names > 0 then
		p:send(fmt("Also here: {bold}%s{/}%s.", table.concat(names, ", "), behind))
	end
end

command("look", { help = "what is around you, and who. Short: l", where = "game" }, function(p)
	local id = people.of[p].room
	p:send(fmt("You are in {bold}%s{/}.", rooms[id].name))
	p:send(screen.wrap(p, rooms[id].text))
	p:send(exits_of(rooms[id]))
	show_others(p, id)
	tell_room(p)
end)

command("go", {
	usage = "<direction>",
	help = "walks north, east, south, west, up or down. Short: the direction alone, or its letter",
	where = "game",
}, function(p, words)
	local id = people.of[p].room
	local wanted = (words[1] or ""):lower()
	for _, direction in ipairs(directions) do
		if wanted == direction or wanted == direction:sub(1, 1) then
			wanted = direction
		end
	end
	local to = rooms[id].exits[wanted]
	if to then
		people.change(p, { room = to })
		comings.tell("gone", p, id, fmt("{bold}%s{/} goes %s.", p.name, wanted))
		comings.tell("come", p, to, fmt("{bold}%s{/} arrives %s.", p.name, from[wanted]))
		commands.run(p, "look")
	elseif from[wanted] then
		p:send(fmt("You cannot go %s from here. ", wanted) .. exits_of(rooms[id]))
	else
		p:send(fmt("Go where? ") .. exits_of(rooms[id]))
	end
end)
