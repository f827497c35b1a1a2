-- The board: seven columns, six high. It is made of the moves alone, so what is kept of a game is a list
-- of column numbers, and whoever has that has the board.

local board = { columns = 7, rows = 6 }

-- What the two put in, in the order of their turns.
board.marks = { "X", "O" }

-- From the moves: { [column] = { from the bottom up: 1 or 2 } }, and whose turn it is.
function board.of(moves)
	local columns = {}
	for column = 1, board.columns do
		columns[column] = {}
	end
	for n, column in ipairs(moves) do
		table.insert(columns[column], (n - 1) % 2 + 1)
	end
	return columns, #moves % 2 + 1
end

function board.is_full(moves)
	return #moves == board.columns * board.rows
end

-- How many of one side stand in a row from a place on, not counting the place itself.
local function count(columns, side, column, row, right, up)
	local found = -1
	repeat
		found = found + 1
		column, row = column + right, row + up
	until not columns[column] or columns[column][row] ~= side
	return found
end

-- Whether the last move made four in a row: across, upwards, or on one of the diagonals.
function board.is_won(moves)
	local columns, turn = board.of(moves)
	local side, column = 3 - turn, moves[#moves]
	if not column then
		return false
	end
	local row = #columns[column]
	for _, way in ipairs({ { 1, 0 }, { 0, 1 }, { 1, 1 }, { 1, -1 } }) do
		local right, up = way[1], way[2]
		local there = count(columns, side, column, row, right, up)
		local back = count(columns, side, column, row, -right, -up)
		if there + back >= 3 then
			return true
		end
	end
	return false
end

local shown = {
	fmt("{bold yellow}%s{/}", board.marks[1]),
	fmt("{bold cyan}%s{/}", board.marks[2]),
}

-- As a picture.
function board.draw(moves)
	local columns = board.of(moves)
	local picture = fmt(" 1 2 3 4 5 6 7\n")
	for row = board.rows, 1, -1 do
		for column = 1, board.columns do
			picture = picture .. " " .. (shown[columns[column][row]] or ".")
		end
		picture = picture .. "\n"
	end
	return picture
end

-- In words, for who listens to the board: only columns that have something in them.
function board.describe(moves)
	local columns = board.of(moves)
	local parts = {}
	for column, places in ipairs(columns) do
		local marks = {}
		for row, side in ipairs(places) do
			marks[row] = board.marks[side]
		end
		if #marks == board.rows then
			marks[#marks + 1] = "full"
		end
		if #marks > 0 then
			parts[#parts + 1] = "Column " .. column .. ": " .. table.concat(marks, ", ") .. "."
		end
	end
	if #parts == 0 then
		return "The board is empty: columns 1 to 7."
	end
	return "From the bottom up. " .. table.concat(parts, " ")
end

return board
