-- Who is here, what he is doing, and who sees what.

local board = require("board")
local matches = require("matches")

local people = {
	-- player -> what is kept of him, as it is saved: { waiting = true } while he waits for another to play
	-- with, { watching = 3 } while he looks on at match 3; words = true: he wants boards in words.
	-- Who plays is in the match. Without an entry he has not told his name yet.
	of = {},
}

function people.set(p, known)
	people.of[p] = known
	p:save(known)
end

-- Changes one thing that is kept of him; nil takes it away.
function people.change(p, what, value)
	local known = people.of[p]
	known[what] = value
	p:save(known)
end

function people.forget(p)
	people.of[p] = nil
end

-- The player of this name, whatever its case, if he is here.
function people.find(name)
	for p in pairs(people.of) do
		if p.name:lower() == name:lower() then
			return p
		end
	end
	return nil
end

-- Who has waited longest for somebody to play with; not this one.
function people.waiting(except)
	for p in players() do
		if p ~= except and people.of[p] and people.of[p].waiting then
			return p
		end
	end
	return nil
end

-- Everybody at a match: the two, then those who look on.
function people.at(match)
	local found = {}
	for p in players() do
		if people.of[p] and (matches.of(p.name) == match or people.of[p].watching == match.number) then
			found[#found + 1] = p
		end
	end
	return found
end

function people.tell(match, text)
	for _, p in ipairs(people.at(match)) do
		p:send(text)
	end
end

-- Boards are heard, not seen, by those who use a screen reader, and by who asked for that.
function people.wants_words(p)
	local words = people.of[p].words
	if words == nil then
		return p.caps.reader or false
	end
	return words
end

function people.show_board(p, match)
	p:send(people.wants_words(p) and board.describe(match.moves) or board.draw(match.moves))
end

-- After a move: a picture for those who see it; the others have just heard what changed, and ask for
-- all of it when they want it.
function people.show_change(match)
	for _, p in ipairs(people.at(match)) do
		if not people.wants_words(p) then
			people.show_board(p, match)
		end
	end
end

-- What it is his turn to do.
function people.show_turn(match)
	local turn = matches.turn(match)
	for _, p in ipairs(people.at(match)) do
		if p.name == match.names[turn] then
			p:send("It is your turn: 1 to 7. You play " .. board.marks[turn] .. ".")
		else
			p:send("It is the turn of " .. match.names[turn] .. ".")
		end
	end
end

return people
