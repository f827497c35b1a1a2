-- Games, played through by players who type.

local function join(t, name, kind)
	local p = t:join(kind)
	t:expect(p, "What is your name?")
	p:type(name)
	t:expect(p, "Welcome, " .. name)
	return p
end

-- Two who have just begun: the first is X and begins.
local function pair(t)
	local anna, ben = join(t, "Anna"), join(t, "Ben")
	anna:type("play")
	t:expect(anna, "You wait")
	ben:type("play")
	t:expect(anna, "Anna plays against Ben.")
	t:expect(anna, "It is your turn: 1 to 7. You play X.")
	t:expect(ben, "It is the turn of Anna.")
	return anna, ben
end

-- Their moves, one after the other.
local function moves(anna, ben, columns)
	for n, column in ipairs(columns) do
		local mover = n % 2 == 1 and anna or ben
		mover:type(tostring(column))
	end
end

test("who comes is asked his name until it is a good one", function(t)
	local p = t:join()
	for _, bad in ipairs({ "", "x", "Anna Bolena", "R2D2", "abcdefghijklmnopq" }) do
		p:type(bad)
		t:expect(p, "A name is one word")
		t:expect(p, "What is your name?")
	end
	p:type("  anna ")
	t:expect(p, "Welcome, Anna.")
	local q = t:join()
	q:type("ANNA")
	t:expect(q, "Someone here is called ANNA already.")
end)

test("who wants to play is paired with who waits", function(t)
	local anna, ben = pair(t)
	local cleo = join(t, "Cleo")
	cleo:type("play")
	t:expect(cleo, "You wait for somebody")
	anna:type("play")
	t:expect(anna, "You are playing already")
	cleo:type("stop")
	t:expect(cleo, "You do not wait any more.")
	join(t, "Dora"):type("play")
	t:expect_not(cleo, "plays against")
	ben:type("who")
	t:expect(ben, "Anna plays against Ben. Games won: 0.")
	t:expect(ben, "Cleo is here.")
	t:expect(ben, "Dora waits for somebody to play with.")
end)

test("the two move in turn, and both see the board", function(t)
	local anna, ben = pair(t)
	ben:type("4")
	t:expect(ben, "It is the turn of Anna. Please wait.")
	anna:type("4")
	for _, p in ipairs({ anna, ben }) do
		t:expect(p, "Anna puts X into column 4.\n 1 2 3 4 5 6 7\n")
		t:expect(p, " . . . X . . .\n")
	end
	t:expect(ben, "It is your turn: 1 to 7. You play O.")
	ben:type("8")
	t:expect(ben, "There are columns 1 to 7.")
	ben:type("0")
	t:expect(ben, "There are columns 1 to 7.")
	ben:type("4")
	t:expect(anna, " . . . O . . .\n . . . X . . .\n")
end)

for name, columns in pairs({
	across = { 1, 1, 2, 2, 3, 3, 4 },
	between = { 1, 1, 2, 2, 4, 4, 3 },
	upwards = { 5, 6, 5, 6, 5, 6, 5 },
	rising = { 1, 2, 2, 3, 3, 4, 3, 4, 4, 6, 4 },
	falling = { 7, 6, 6, 5, 5, 4, 5, 4, 4, 2, 4 },
}) do
	test("four in a row win: " .. name, function(t)
		local anna, ben = pair(t)
		moves(anna, ben, columns)
		for _, p in ipairs({ anna, ben }) do
			t:expect(p, "Anna has four in a row, and wins.")
			t:expect(p, "Type play to play again.")
		end
		anna:type("1")
		t:expect(anna, "You are not playing.")
	end)
end

test("three in a row do not win, nor do four with a gap", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 1, 7, 2, 7, 3, 6, 5, 6 })
	t:expect_not(anna, "wins")
	t:expect_not(ben, "wins")
end)

test("wins are counted, and stay counted", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 5, 6, 5, 6, 5, 6, 5 })
	t:crash()
	anna:type("who")
	t:expect(anna, "Anna is here. Games won: 1.")
	t:expect(anna, "Ben is here. Games won: 0.")
end)

test("a full column takes no more, and a full board ends the game", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 1, 1, 1, 1, 1, 1 })
	anna:type("1")
	t:expect(anna, "Column 1 is full.")
	anna:type("stop")
	t:expect(ben, "Anna gives up: Ben wins.")
	ben:type("play")
	anna:type("play")
	moves(ben, anna, { 1, 2, 1, 2, 1, 2, 2, 1, 2, 1, 2, 1, 3, 4, 3, 4, 3, 4, 4, 3, 4, 3, 4, 3,
		5, 6, 5, 6, 5, 6, 6, 5, 6, 5, 6, 5, 7, 7, 7, 7, 7, 7 })
	t:expect(anna, "The board is full: nobody wins.")
end)

test("a restart between two moves changes nothing", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 4, 4, 3 })
	anna:read()
	ben:read()
	t:restart()
	t:expect_not(anna)
	t:expect_not(ben)
	anna:type("3")
	t:expect(anna, "It is the turn of Ben.")
	ben:type("5")
	t:expect(anna, "Ben puts O into column 5.")
	t:expect(anna, " . . . O . . .\n . . X X O . .\n")
	t:expect(anna, "It is your turn")
end)

test("a move during which the game is killed was not made, and can be made again", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 4, 4 })
	anna:read()
	t:crash(anna, "3")
	t:expect_not(anna)
	t:expect_not(ben, "column 3")
	anna:type("board")
	t:expect(anna, " . . . O . . .\n . . . X . . .\n")
	t:expect(anna, "It is your turn")
	anna:type("3")
	t:expect(ben, "Anna puts X into column 3.")
end)

test("who waits, watches or has no name yet does so after a crash, too", function(t)
	local anna = pair(t)
	local cleo, dora, new = join(t, "Cleo"), join(t, "Dora"), t:join()
	cleo:type("play")
	dora:type("watch anna")
	new:read()
	t:crash()
	t:expect(new, "What is your name?")
	anna:type("4")
	t:expect(dora, "Anna puts X into column 4.")
	new:type("Emil")
	new:type("play")
	t:expect(cleo, "Cleo plays against Emil.")
end)

test("who leaves has his seat when he comes back by his name", function(t)
	local anna, ben = pair(t)
	moves(anna, ben, { 4 })
	ben:leave()
	t:expect(anna, "Ben has left. The game waits")
	t:restart()
	t:advance(3600)
	ben = t:join()
	ben:type("ben")
	t:expect(ben, "Your game against Anna goes on.")
	t:expect(ben, " . . . X . . .\n")
	t:expect(ben, "It is your turn")
	t:expect(anna, "Ben is back.")
	ben:type("quit")
	anna:type("stop")
	t:expect(anna, "Anna gives up: Ben wins.")
end)

test("a game that both have left for an hour is over", function(t)
	local anna, ben = pair(t)
	anna:leave()
	t:advance(3000)
	ben:leave()
	t:advance(3000)
	local again = t:join()
	again:type("Anna")
	t:expect(again, "Your game against Ben goes on.")
	again:leave()
	t:advance(3700)
	again = t:join()
	again:type("Anna")
	t:expect_not(again, "goes on")
end)

test("those who look on see all, and cannot move", function(t)
	local anna, ben = pair(t)
	local cleo, dora = join(t, "Cleo"), join(t, "Dora")
	cleo:type("watch nobody")
	t:expect(cleo, "Watch whom?")
	cleo:type("watch ben")
	t:expect(anna, "Cleo looks on.")
	anna:type("2")
	t:expect(cleo, "Anna puts X into column 2.")
	t:expect(cleo, "It is the turn of Ben.")
	cleo:type("3")
	t:expect(cleo, "You are not playing.")
	cleo:type("say well done {red}")
	t:expect(ben, "Cleo says: well done {red}")
	t:expect_not(dora, "well done")
	cleo:type("stop")
	t:expect(cleo, "You do not look on any more.")
	cleo:read()
	ben:type("1")
	t:expect_not(cleo, "Ben puts")
end)

test("who uses a screen reader hears the move, and the board in words when he asks", function(t)
	local anna = join(t, "Anna", { caps = { reader = true } })
	local ben = join(t, "Ben")
	anna:type("play")
	ben:type("play")
	anna:type("board")
	t:expect(anna, "The board is empty: columns 1 to 7.")
	moves(anna, ben, { 4, 4, 4, 4, 4, 4 })
	t:expect(anna, "Ben puts O into column 4.\nIt is your turn")
	t:expect_not(anna, " 1 2 3")
	anna:type("7")
	t:expect(anna, "Anna puts X into column 7.\nIt is the turn of Ben.")
	anna:type("b")
	t:expect(anna, "From the bottom up. Column 4: X, O, X, O, X, O, full. Column 7: X.")
	anna:type("words")
	t:expect(anna, "Boards are shown as a picture.")
	anna:type("board")
	t:expect(anna, " 1 2 3 4 5 6 7")
	ben:type("words")
	t:restart()
	ben:type("board")
	t:expect(ben, "Column 7: X.")
end)

test("help tells of every word, and an unknown one is answered", function(t)
	local anna = join(t, "Anna")
	anna:type("")
	t:expect_not(anna)
	anna:type("who")
	anna:type("help")
	for word in ("board help play quit say stop watch who words"):gmatch("%S+") do
		t:expect(anna, "\n" .. word)
	end
	anna:type("dance wildly")
	t:expect(anna, '"dance" is not a word of this game.')
end)

test("thirty games at once, through restarts and crashes", function(t)
	local pairs_of = {}
	local letters = { "a", "b", "c", "d", "e", "f" }
	for n = 1, 30 do
		local name = letters[(n - 1) // 6 + 1] .. letters[(n - 1) % 6 + 1]
		local first, second = t:join(), t:join()
		first:type("Left" .. name)
		second:type("Right" .. name)
		first:type("play")
		second:type("play")
		pairs_of[n] = { first, second }
	end
	local all_moves = { 5, 6, 5, 6, 5, 6, 5 }
	for turn, column in ipairs(all_moves) do
		for _, two in ipairs(pairs_of) do
			two[2 - turn % 2]:type(tostring(column))
		end
		if turn % 2 == 0 then
			t:restart()
		elseif turn < #all_moves then
			t:crash()
		end
	end
	for _, two in ipairs(pairs_of) do
		t:expect(two[2], "has four in a row, and wins.")
	end
end)
