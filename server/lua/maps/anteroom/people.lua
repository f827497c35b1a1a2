-- Who is here, and where.

local roll = require("roll")
local rooms = require("rooms")

local people = {
	first_room = "hall",

	-- player -> what we know of him: { asking = "name" }, later { room = "hall" }, and what else a
	-- question needs. It is saved as it is, so it never holds a password.
	of = {},
}

local everyone = roll.new() -- who is past the door
local in_rooms = {} -- room -> a roll of those in it
local name_of = {} -- player -> his name in small letters, by which he stands there
local room_of = {} -- player -> where he stands there

local function roll_of(room)
	in_rooms[room] = in_rooms[room] or roll.new()
	return in_rooms[room]
end

local function strike_off(p)
	if name_of[p] then
		everyone:remove(name_of[p], p)
		roll_of(room_of[p]):remove(name_of[p], p)
	end
	name_of[p], room_of[p] = nil, nil
end

local function write_down(p, known)
	if known.room == room_of[p] then
		return
	end
	strike_off(p)
	if known.room then
		name_of[p], room_of[p] = p.name:lower(), known.room
		everyone:add(name_of[p], p)
		roll_of(known.room):add(name_of[p], p)
	end
end

-- Every change goes through here, so that what is saved is always what is true.
function people.set(p, known)
	people.of[p] = known
	write_down(p, known)
	p:save(known)
end

-- Changes some of it; false takes a thing away.
function people.change(p, changes)
	local known = people.of[p]
	for name, value in pairs(changes) do
		known[name] = value or nil
	end
	people.set(p, known)
end

function people.restore(p, saved)
	people.of[p] = saved
	if saved.room and not rooms[saved.room] then
		people.change(p, { room = people.first_room }) -- the house was rebuilt meanwhile
	else
		write_down(p, saved)
	end
end

-- What was known of him.
function people.forget(p)
	local known = people.of[p]
	people.of[p] = nil
	strike_off(p)
	return known
end

-- Who is past the door and has this name; nil if nobody has.
function people.named(name)
	return everyone:find(name:lower())
end

-- The same for the beginning of a name, if only one begins so; else nil and a sentence.
function people.find(name)
	local found = people.named(name)
	if found then
		return found
	end
	local some = everyone:list(name:lower(), 2)
	if #some > 1 then
		return nil, "Whom do you mean, " .. some[1].name .. " or " .. some[2].name .. "?"
	end
	return some[1], "Nobody here is called " .. name .. "."
end

-- Those past the door whose names begin so, by name: the first of them, and how many there are in all.
function people.beginning(name, most)
	return everyone:list(name:lower(), most), everyone:number(name:lower())
end

-- Who is in a room, by name: all of them, or the first.
function people.in_room(room, most)
	return roll_of(room):list("", most)
end

-- How many are in a room.
function people.number_in(room)
	return roll_of(room).count
end

return people
