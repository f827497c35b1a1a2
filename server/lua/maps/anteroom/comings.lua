-- Who comes and goes, told to those in the room. A few are told at once. When many come or go at a time,
-- as after an outage of their network, those behind the first are gathered, and all of them told in one
-- line: "Ana, Ben and 37 others have arrived." Else everybody would read as many lines as there are
-- people, and who has them read out would hear nothing else for minutes.
--
-- What is gathered is gone with a crash of the game: who looks sees who is there all the same.

local people = require("people")
local screen = require("screen")

local comings = {}

local at_once = 4 -- lines, then the rest is gathered
local pause = 2 -- seconds from one line to the next then; with nothing to tell one more is told at once again

-- room -> { told = how many lines lately, gathered = in order of time, by_name = the same by name, timer }.
-- What is gathered: { p = who, name = "Ana", what = a key of words, or "nothing", text = if it is but one }.
local crowds = {}

local in_order = { "come", "back", "gone" }
local words = {
	come = { "has arrived", "have arrived" },
	back = { "is startled, and then here as before", "are startled, and then here as before" },
	gone = { "has left", "have left" },
}

-- What is left to be told of one who does a second thing before the first was told.
local together = {
	come = { gone = "nothing", back = "come" },
	gone = { come = "nothing" },
}

local function gather(crowd, what, p, text)
	local name = p.name
	local before = crowd.by_name[name]
	if before then
		crowd.gathered[before.place] = false
		what = together[before.what] and together[before.what][what] or what
	end
	local place = #crowd.gathered + 1
	crowd.gathered[place] = { p = p, name = name, what = what, text = text, place = place }
	crowd.by_name[name] = crowd.gathered[place]
end

-- What one line says: names[what] are who did it, the last first; of those who did nothing else.
local function sentence(names, verbs)
	local n = #names
	if n == 1 then
		return fmt("{bold}%s{/} %s.", names[1], verbs[1])
	elseif n == 2 then
		return fmt("{bold}%s{/} and {bold}%s{/} %s.", names[2], names[1], verbs[2])
	elseif n == 3 then
		return fmt("{bold}%s{/}, {bold}%s{/} and {bold}%s{/} %s.", names[3], names[2], names[1], verbs[2])
	end
	return fmt("{bold}%s{/}, {bold}%s{/} and %d others %s.", names[n], names[n - 1], n - 2, verbs[2])
end

local function line(names, only)
	if only then
		return only.text
	end
	local text
	for _, what in ipairs(in_order) do
		if #names[what] > 0 then
			local more = sentence(names[what], words[what])
			text = text and text .. " " .. more or more
		end
	end
	return text
end

-- Everybody is told what happened since he came: who was there before, all of it.
local function tell_gathered(room, crowd)
	local names, count, only = { come = {}, back = {}, gone = {} }, 0, nil
	local gathered, has_been_told = crowd.gathered, {}
	crowd.gathered, crowd.by_name = {}, {}
	for place = #gathered, 1, -1 do
		local one = gathered[place]
		if one and people.of[one.p] and people.of[one.p].room == room then
			if count > 0 then
				screen.show(one.p, line(names, only))
			end
			has_been_told[one.p] = true
		end
		if one and words[one.what] then
			count = count + 1
			only = count == 1 and one
			table.insert(names[one.what], one.name)
		end
	end
	if count > 0 then
		local text = line(names, only)
		for _, p in ipairs(people.in_room(room)) do
			if not has_been_told[p] then
				screen.show(p, text)
			end
		end
	end
	return count > 0
end

local function new_crowd(room)
	local crowd = { told = 0, gathered = {}, by_name = {} }
	crowd.timer = every(pause, function()
		if not tell_gathered(room, crowd) then
			crowd.told = crowd.told - 1
		end
		if crowd.told == 0 then
			crowd.timer:cancel()
			crowds[room] = nil
		end
	end)
	crowds[room] = crowd
	return crowd
end

-- p has come to a room or gone from it: what is "come", "gone", or "back" on another connection. text
-- says it, and more than is said when he is one of many. Nobody is told of himself.
function comings.tell(what, p, room, text)
	local listeners = people.number_in(room) - (what == "gone" and 0 or 1)
	if listeners == 0 then
		return
	end
	local crowd = crowds[room] or new_crowd(room)
	if crowd.told < at_once then
		crowd.told = crowd.told + 1
		screen.tell(room, text, p)
	else
		gather(crowd, what, p, text)
	end
end

-- The game is about to end, or to begin anew: nothing waits any longer.
function comings.tell_all()
	for room, crowd in pairs(crowds) do
		tell_gathered(room, crowd)
	end
end

return comings
