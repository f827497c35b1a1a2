-- Many at a time: who comes and goes is told in few lines, and what is listed is short.

local function named(t, name, kind)
	local p = t:join(kind)
	p:type(name)
	p:read()
	return p
end

-- Names of letters in order of the alphabet: Gaa, Gab, Gac...
local function name_of(n)
	return "G" .. string.char(97 + n // 26 % 26, 97 + n % 26)
end

-- So many come, the first of them named name_of(from).
local function crowd(t, from, number)
	local all = {}
	for n = from, from + number - 1 do
		all[#all + 1] = named(t, name_of(n))
	end
	return all
end

local function lines_of(text)
	local count = 0
	for _ in text:gmatch("\n") do
		count = count + 1
	end
	return count
end

test("a few who come and go are told at once, and many behind them in one line", function(t)
	local anna = named(t, "Anna")
	crowd(t, 0, 44)
	t:equal(anna:read(), "Gaa comes in from the road.\nGab comes in from the road.\n"
		.. "Gac comes in from the road.\nGad comes in from the road.\n")
	t:advance(2.1)
	t:equal(anna:read(), "Gae, Gaf and 38 others have arrived.\n")
	t:advance(60)
	t:expect_not(anna)
end)

test("a storm is a line in two seconds, and when it is over each is told at once again", function(t)
	local anna = named(t, "Anna")
	for n = 0, 99 do
		named(t, name_of(n))
		t:advance(0.1)
	end
	t:equal(lines_of(anna:read()), 4 + 5)
	t:advance(20)
	anna:read()
	named(t, "Ben")
	t:equal(anna:read(), "Ben comes in from the road.\n")
end)

test("two and three are all named, and one alone is told as if he had come alone", function(t)
	local anna = named(t, "Anna")
	local said = { "Gae comes in from the road.\n", "Gae and Gaf have arrived.\n",
		"Gae, Gaf and Gag have arrived.\n", "Gae, Gaf and 2 others have arrived.\n" }
	for number, text in ipairs(said) do
		local some = crowd(t, 0, 4 + number)
		anna:read()
		t:advance(2.1)
		t:equal(anna:read(), text)
		for _, p in ipairs(some) do
			p:leave()
		end
		t:advance(20)
		anna:read()
	end
end)

test("who comes and goes before it is told is told of neither way", function(t)
	local anna = named(t, "Anna")
	local some = crowd(t, 0, 8)
	anna:read()
	some[5]:leave()
	some[6]:type("north")
	some[7]:leave()
	named(t, "Gag") -- again
	t:advance(2.1)
	t:equal(anna:read(), "Gah and Gag have arrived.\n")
end)

test("who goes and comes again before it is told was here all the time", function(t)
	local anna = named(t, "Anna")
	local some = crowd(t, 0, 4)
	anna:read()
	some[1]:type("north")
	some[1]:type("south")
	some[2]:type("north")
	t:advance(2.1)
	t:equal(anna:read(), "Gab goes north.\n")
	some[3]:type("north")
	some[3]:type("south")
	some[3]:type("north")
	some[4]:leave()
	t:advance(2.1)
	t:equal(anna:read(), "Gac and Gad have left.\n")
end)

test("comings and goings of one time stand in one line", function(t)
	local anna = named(t, "Anna")
	local some = crowd(t, 0, 4)
	anna:read()
	for n = 1, 3 do
		some[n]:leave()
	end
	crowd(t, 20, 5)
	t:advance(2.1)
	t:equal(anna:read(), "Gau, Gav and 3 others have arrived. Gaa, Gab and Gac have left.\n")
end)

test("who is one of many is told of those behind him: the others he has seen", function(t)
	named(t, "Anna")
	local some = crowd(t, 0, 9)
	some[8]:type("look")
	t:expect(some[8], "Also here: Anna, Gaa, Gab, Gac, Gad, Gae, Gaf, Gag, Gai.")
	for _, p in ipairs(some) do
		p:read()
	end
	t:advance(2.1)
	local after = { "Gae, Gaf and 3 others have arrived.\n", "Gaf, Gag and 2 others have arrived.\n",
		"Gag, Gah and Gai have arrived.\n", "Gah and Gai have arrived.\n",
		"Gai comes in from the road.\n" }
	for n = 4, 8 do
		t:equal(some[n]:read(), after[n - 3])
	end
	t:expect_not(some[9])
end)

test("each room is told of its own", function(t)
	local anna, ben = named(t, "Anna"), named(t, "Ben")
	ben:type("north")
	local some = crowd(t, 0, 10)
	t:advance(20)
	anna:read()
	ben:read()
	for _, p in ipairs(some) do
		p:type("north")
	end
	t:equal(lines_of(anna:read()), 4)
	t:equal(ben:read():match("^Gaa arrives from the south.\n") ~= nil, true)
	t:advance(2.1)
	t:equal(anna:read(), "Gae, Gaf and 4 others have left.\n")
	t:equal(ben:read(), "Gae, Gaf and 4 others have arrived.\n")
end)

test("many who take the places of their old connections are one line", function(t)
	local anna, old = named(t, "Anna"), crowd(t, 0, 7)
	for _, p in ipairs(old) do
		for _, line in ipairs({ "password", "open sesame", "open sesame" }) do
			p:type(line)
			t:advance(1)
		end
	end
	t:advance(20)
	anna:read()
	for n = 0, 6 do
		local p = t:join({ ip = "192.0.2." .. n + 10 })
		p:type(name_of(n))
		p:type("open sesame")
	end
	t:advance(0.1)
	t:equal(lines_of(anna:read()), 4)
	t:advance(2.1)
	t:equal(anna:read(), "Gae, Gaf and Gag are startled, and then here as before.\n")
end)

test("what is gathered is told before a restart, and is harmless after a crash", function(t)
	local anna = named(t, "Anna", { caps = { telnet = true } })
	crowd(t, 0, 9)
	t:advance(0.1)
	anna:read()
	t:restart()
	t:equal(anna:read(), "\nGae, Gaf and 3 others have arrived.\n> ")
	t:advance(60)
	t:expect_not(anna)
	local some = crowd(t, 20, 9)
	t:crash()
	anna:read()
	t:advance(60)
	t:expect_not(anna)
	some[9]:leave()
	t:expect(anna, "Gbc has left.")
end)

test("look names some of a crowd by name, and counts the others", function(t)
	local anna = named(t, "Anna")
	local some = crowd(t, 0, 20)
	anna:type("look")
	local names = anna:read():match("Also here: (.-)%.\n")
	t:equal(names:sub(1, 10), "Gaa, Gab, ")
	t:equal(names:sub(-5), ", Gat")
	crowd(t, 20, 1)
	anna:type("look")
	t:equal(anna:read():match("Also here: .-%.\n"), "Also here: " .. names .. " and one more.\n")
	crowd(t, 21, 100)
	anna:type("look")
	t:equal(anna:read():match("Also here: .-%.\n"), "Also here: " .. names .. " and 101 others.\n")
	some[1]:type("look") -- who is one of the first himself sees as many others
	t:equal(some[1]:read():match("Also here: .-%.\n"),
		"Also here: Anna, " .. names:sub(6) .. " and 101 others.\n")
end)

test("who tells of some, counts all, and finds others by the beginnings of names", function(t)
	local anna = named(t, "Anna")
	crowd(t, 0, 120)
	anna:read()
	anna:type("who")
	local seen = anna:read()
	t:equal(lines_of(seen), 52)
	t:equal(seen:sub(1, 41), "Anna is in the hall.\nGaa is in the hall.\n")
	t:equal(seen:match("Gbw is in the hall.\n(.*)$"),
		"71 more. Type who and the beginning of a name to see whose begin so.\n121 people in all.\n")
	anna:type("who gB")
	seen = anna:read()
	t:equal(lines_of(seen), 27)
	t:equal(seen:match("^(.-)\n"), "Gba is in the hall.")
	t:equal(seen:match("([^\n]*)\n$"), "26 names begin so.")
	anna:type("who ann")
	t:equal(anna:read(), "Anna is in the hall.\nOne name begins so.\n")
	anna:type("who {red}x")
	t:equal(anna:read(), "Nobody's name begins so.\n")
	anna:type("tell gb hello")
	t:expect(anna, "Whom do you mean, Gba or Gbb?")
	local console = t:console("who")
	t:equal(lines_of(console), 52)
end)

test("a roll has its names in order whatever was added and removed", function(t)
	local roll = require("roll")
	local r, there, seed = roll.new(), {}, 1
	local function random(most)
		seed = (seed * 1103515245 + 12345) % 2147483648
		return seed // 65536 % most
	end
	local function check()
		local names, with_b = {}, 0
		for name in pairs(there) do
			names[#names + 1] = name
			with_b = with_b + (name:sub(1, 1) == "b" and 1 or 0)
		end
		table.sort(names)
		t:equal(r.count, #names)
		t:equal(table.concat(r:list(""), " "), table.concat(names, " "))
		t:equal(r:number(""), #names)
		t:equal(r:number("b"), with_b)
		t:equal(#r:list("b"), with_b)
		t:equal(#r:list("", 7), math.min(7, #names))
	end
	for round = 1, 6000 do
		local name = string.char(97 + random(3), 97 + random(26), 97 + random(26))
		if random(10) < (round < 3000 and 7 or 3) then
			r:add(name, name)
			there[name] = true
		else
			r:remove(name, there[name] and name)
			there[name] = nil
		end
		if round % 500 == 0 then
			check()
		end
	end
	for name in pairs(there) do
		r:remove(name, "somebody else")
		t:equal(r:find(name), name)
		r:remove(name, name)
		t:equal(r:find(name), nil)
	end
	there = {}
	check()
end)
