-- A roll: who is somewhere, in order of names, and quick with thousands too. It is kept in pieces that
-- stay small, so that nobody who is added moves more than a piece.

local roll = {}
roll.__index = roll

local piece_max = 128

function roll.new()
	return setmetatable({
		count = 0,
		holders = {}, -- name -> who has it
		pieces = { {} }, -- names in order; none is empty, unless it is the only one
	}, roll)
end

-- The first of a list in order for which is_behind is not true, or the place behind its end.
local function first(list, is_behind)
	local from, to = 1, #list + 1
	while from < to do
		local middle = (from + to) // 2
		if is_behind(list[middle]) then
			from = middle + 1
		else
			to = middle
		end
	end
	return from
end

-- Where a name stands, or would stand: the piece and the place in it.
local function place(self, name)
	local piece = first(self.pieces, function(names)
		return #names > 0 and names[#names] < name
	end)
	piece = math.min(piece, #self.pieces)
	return piece, first(self.pieces[piece], function(other)
		return other < name
	end)
end

local function split(pieces, n)
	local names, half = pieces[n], piece_max // 2
	table.insert(pieces, n + 1, table.move(names, half + 1, #names, 1, {}))
	for at = #names, half + 1, -1 do
		names[at] = nil
	end
end

-- A name that is there already goes over to him.
function roll:add(name, who)
	if not self.holders[name] then
		local piece, at = place(self, name)
		table.insert(self.pieces[piece], at, name)
		if #self.pieces[piece] > piece_max then
			split(self.pieces, piece)
		end
		self.count = self.count + 1
	end
	self.holders[name] = who
end

-- Unless the name is not there, or somebody else's by now.
function roll:remove(name, who)
	if not who or self.holders[name] ~= who then
		return
	end
	local piece, at = place(self, name)
	table.remove(self.pieces[piece], at)
	if #self.pieces[piece] == 0 and #self.pieces > 1 then
		table.remove(self.pieces, piece)
	end
	self.holders[name] = nil
	self.count = self.count - 1
end

-- Who has exactly this name.
function roll:find(name)
	return self.holders[name]
end

-- All whose names begin so, but no more than `most` (nil: all).
function roll:list(beginning, most)
	local found = {}
	local piece, at = place(self, beginning)
	while self.pieces[piece] and #found < (most or math.huge) do
		local name = self.pieces[piece][at]
		if not name then
			piece, at = piece + 1, 1
		elseif name:sub(1, #beginning) == beginning then
			found[#found + 1] = self.holders[name]
			at = at + 1
		else
			break
		end
	end
	return found
end

-- How many names begin so.
function roll:number(beginning)
	local piece, at = place(self, beginning)
	local last, behind = place(self, beginning .. "\xff")
	local number = behind - at
	for n = piece, last - 1 do
		number = number + #self.pieces[n]
	end
	return number
end

return roll
