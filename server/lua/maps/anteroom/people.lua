-- Who is here, and where.

local rooms = require("rooms")

local people = {
	first_room = "hall",

	-- player -> what we know: { asking = "name" }, later { room = "hall" }. It is saved as it is.
	of = {},
}

-- Every change goes through here, so that what is saved is always what is true.
function people.set(p, known)
	people.of[p] = known
	p:save(known)
end

function people.restore(p, saved)
	if saved.room and not rooms[saved.room] then
		people.set(p, { room = people.first_room }) -- the house was rebuilt meanwhile
	else
		people.of[p] = saved
	end
end

function people.forget(p)
	people.of[p] = nil
end

-- Shows a line to everybody in a room; `except` may name one who shall not see it.
function people.tell(room, text, except)
	for p, known in pairs(people.of) do
		if known.room == room and p ~= except then
			p:send(text)
		end
	end
end

-- Puts someone into a room; those who are there see the line.
function people.arrive(p, room, text)
	people.tell(room, text)
	people.set(p, { room = room })
end

-- The names of all others in someone's room, in order.
function people.beside(p)
	local found = {}
	for other, known in pairs(people.of) do
		if other ~= p and known.room == people.of[p].room then
			found[#found + 1] = other.name
		end
	end
	table.sort(found)
	return found
end

return people
