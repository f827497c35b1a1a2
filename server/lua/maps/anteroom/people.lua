-- Who is here, and where.

local rooms = require("rooms")

local people = {
	first_room = "hall",

	-- player -> what we know of him: { asking = "name" }, later { room = "hall" }, and what else a
	-- question needs. It is saved as it is, so it never holds a password.
	of = {},
}

local by_name = {} -- a name in small letters -> who is past the door by it
local name_of = {} -- the other way round

local function remember_name(p, known)
	if known.room and not name_of[p] then
		name_of[p] = p.name:lower()
		by_name[name_of[p]] = p
	end
end

-- Every change goes through here, so that what is saved is always what is true.
function people.set(p, known)
	people.of[p] = known
	remember_name(p, known)
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
	remember_name(p, saved)
	if saved.room and not rooms[saved.room] then
		people.change(p, { room = people.first_room }) -- the house was rebuilt meanwhile
	end
end

-- What was known of him.
function people.forget(p)
	local known, name = people.of[p], name_of[p]
	people.of[p], name_of[p] = nil, nil
	if name and by_name[name] == p then
		by_name[name] = nil
	end
	return known
end

-- Who is past the door and has this name; nil if nobody has.
function people.named(name)
	return by_name[name:lower()]
end

-- The same for the beginning of a name, if only one begins so; else nil and a sentence.
function people.find(name)
	local found = people.named(name)
	if found then
		return found
	end
	for of, p in pairs(by_name) do
		if of:find(name:lower(), 1, true) == 1 then
			if found then
				return nil, "Whom do you mean, " .. found.name .. " or " .. p.name .. "?"
			end
			found = p
		end
	end
	return found, "Nobody here is called " .. name .. "."
end

-- All in a room, in no order.
function people.within(room)
	local found = {}
	for p, known in pairs(people.of) do
		if known.room == room then
			found[#found + 1] = p
		end
	end
	return found
end

-- The same by name.
function people.in_room(room)
	local found = people.within(room)
	table.sort(found, function(a, b)
		return name_of[a] < name_of[b]
	end)
	return found
end

return people
