-- The games that are being played. Each is kept in the store after every move, under a number, so no
-- restart or crash takes more than the move that was just being made:
--
--   { names = { "Anna", "Ben" }, moves = { 4, 4, 3 } }
--
-- A player has his seat by his name, not by his connection: who leaves and comes back goes on. When both
-- have been away for an hour it is over.

local board = require("board")

local matches = { all = {} } -- number -> match

local kept = store.matches

local function keep(match)
	kept[tostring(match.number)] = { names = match.names, moves = match.moves }
end

-- What was played when the game ended.
game.on("start", function()
	for number, match in pairs(kept) do
		match.number = math.tointeger(number)
		matches.all[match.number] = match
	end
end)

-- The match in which this name has a seat, and which: 1 or 2. Nil if it has none.
function matches.of(name)
	for _, match in pairs(matches.all) do
		for side = 1, 2 do
			if match.names[side] == name then
				return match, side
			end
		end
	end
	return nil
end

function matches.begin(first, second)
	local match = { number = 1, names = { first, second }, moves = {} }
	while matches.all[match.number] do
		match.number = match.number + 1
	end
	matches.all[match.number] = match
	keep(match)
	return match
end

-- Whose turn it is: 1 or 2.
function matches.turn(match)
	return #match.moves % 2 + 1
end

-- Puts something into a column. Nil and a sentence if that cannot be; else "won", "full" or "on".
function matches.move(match, column)
	local columns = board.of(match.moves)
	if not columns[column] then
		return nil, "There are columns 1 to " .. board.columns .. "."
	elseif #columns[column] == board.rows then
		return nil, "Column " .. column .. " is full."
	end
	table.insert(match.moves, column)
	keep(match)
	if board.is_won(match.moves) then
		return "won"
	end
	return board.is_full(match.moves) and "full" or "on"
end

-- It is over; winner is a name, or nil.
function matches.finish(match, winner)
	matches.all[match.number] = nil
	kept[tostring(match.number)] = nil
	if winner then
		store.wins[winner] = matches.wins(winner) + 1
	end
end

function matches.wins(name)
	return store.wins[name] or 0
end

local function is_here(name)
	for p in players() do
		if p.name == name then
			return true
		end
	end
	return false
end

every(60, function()
	for _, match in pairs(matches.all) do
		local here = is_here(match.names[1]) or is_here(match.names[2])
		match.minutes_away = here and 0 or (match.minutes_away or 0) + 1
		if match.minutes_away >= 60 then
			matches.finish(match, nil)
		end
	end
end)

return matches
