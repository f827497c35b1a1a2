-- What the house answers other programs over HTTP, if the operator lets it (sv_api 1; who may ask is said
-- by sv_api_acl and sv_api_tokens, not here):
--
--   curl http://127.0.0.1:8080/players                                  who is here
--   curl http://127.0.0.1:8080/rooms                                    the rooms, and who is in them
--   curl --data '{"text": "Dinner!"}' http://127.0.0.1:8080/announce    everybody reads it

local admin = require("admin")
local people = require("people")
local rooms = require("rooms")

-- Sorted, so that the same question has the same answer.
local function keys(of)
	local found = {}
	for key in pairs(of) do
		found[#found + 1] = key
	end
	table.sort(found)
	return found
end

-- Nothing of where they come from: that is for admins.
local function describe(p)
	return { name = p.name, room = people.of[p].room, idle = p.idle }
end

register_api_route("/players", "get", function()
	local found = {}
	for _, id in ipairs(keys(rooms)) do
		for _, p in ipairs(people.in_room(id)) do
			found[#found + 1] = describe(p)
		end
	end
	return constarray(table.unpack(found))
end)

register_api_route("/rooms", "get", function()
	local found = {}
	for _, id in ipairs(keys(rooms)) do
		local names = {}
		for _, p in ipairs(people.in_room(id)) do
			names[#names + 1] = p.name
		end
		found[#found + 1] = {
			id = id,
			name = rooms[id].name,
			exits = rooms[id].exits,
			people = constarray(table.unpack(names)),
		}
	end
	return constarray(table.unpack(found))
end)

register_api_route("/announce", "post", function(body, request)
	local text = type(body) == "table" and body.text
	if type(text) ~= "string" or text == "" then
		return api.reply(400, 'A text is wanted: {"text": "Dinner!"}\n')
	end
	admin.announce(request.address, text)
	return true
end)
