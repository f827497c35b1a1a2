-- Who is here, and where.

local rooms = require("rooms")

local people = {
	first_room = "hall",

	-- player -> what we know of him: { asking = "name" }, later { room = "hall" }, and what else a
	-- question needs. It is saved as it is, so it never holds a password.
	of = {},
}

-- Every change goes through here, so that what is saved is always what is true.
function people.set(p, known)
	people.of[p] = known
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
	end
end

-- What was known of him.
function people.forget(p)
	local known = people.of[p]
	people.of[p] = nil
	return known
end

-- Who is past the door and has this name; nil if nobody has.
function people.named(name)
	for p, known in pairs(people.of) do
		if known.room and p.name:lower() == name:lower() then
			return p
		end
	end
end

-- The same for the beginning of a name, if only one begins so; else nil and a sentence.
function people.find(name)
	local found = people.named(name)
	if found then
		return found
	end
	for p, known in pairs(people.of) do
		if known.room and p.name:lower():find(name:lower(), 1, true) == 1 then
			if found then
				return nil, "Whom do you mean, " .. found.name .. " or " .. p.name .. "?"
			end
			found = p
		end
	end
	return found, "Nobody here is called " .. name .. "."
end

-- All in a room, by name.
function people.in_room(room)
	local found = {}
	for p, known in pairs(people.of) do
		if known.room == room then
			found[#found + 1] = p
		end
	end
	table.sort(found, function(a, b)
		return a.name < b.name
	end)
	return found
end

return people
