-- Names, passwords, and the way in.

local function named(t, name, kind)
	local p = t:join(kind)
	p:type(name)
	p:read()
	return p
end

-- Somebody in the hall whose name has this password.
local function owner(t, name, password, kind)
	local p = named(t, name, kind)
	for _, line in ipairs({ "password", password, password }) do
		p:type(line)
		t:advance(1)
	end
	t:expect(p, "Your name has its password now.")
	return p
end

test("who comes is asked his name and stands in the hall", function(t)
	local p = t:join()
	t:expect(p, "Welcome to Holdfast.")
	t:expect(p, "What is your name?")
	t:advance(0.1)
	t:expect(p, "Name: ")
	p:type("  anna ")
	t:expect(p, "Welcome, Anna. Type help to see what you can do here.")
	t:expect(p, "You are in the hall.")
	t:expect(p, "Exits: north to the library, east to the kitchen, south to the garden.")
end)

test("a name that will not do is refused with the reason", function(t)
	local refused = {
		[""] = "Please type a name",
		["   "] = "Please type a name",
		x = "at least 2 letters",
		abcdefghijklmnopq = "at most 16 letters; yours has 17",
		["Anna Bolena"] = "one word",
		R2D2 = "letters a to z",
		["Zo\u{eb}"] = "letters a to z",
		["a\u{9b}2Jb"] = "letters a to z",
		["{red}"] = "letters a to z",
		["\u{202e}anna"] = "letters a to z",
		help = "cannot be a name",
		BEN = "Someone here is called Ben already",
	}
	named(t, "Ben")
	local p = t:join()
	for name, why in pairs(refused) do
		p:type(name)
		t:expect(p, why)
		t:expect(p, "What is your name?")
	end
	p:type("abcdefghijklmnop")
	t:expect(p, "Welcome, Abcdefghijklmnop.")
end)

test("a name without a password is free again when its owner has left", function(t)
	named(t, "Ben"):leave()
	local p = t:join()
	p:type("ben")
	t:expect(p, "Welcome, Ben.")
end)

test("a name with a password is asked for it, and what is typed is not shown", function(t)
	owner(t, "Anna", "open sesame"):leave()
	local p = t:join()
	p:type("anna")
	t:advance(0.1)
	t:expect(p, "Password: ")
	t:equal(p.hidden, true)
	p:type("open sesam")
	t:advance(5)
	t:expect(p, "That is not the password of Anna.")
	t:equal(p.hidden, true)
	p:type("open sesame")
	t:advance(1)
	t:expect(p, "Welcome, Anna.")
	t:equal(p.hidden, false)
end)

test("Enter instead of a password leads back to the name", function(t)
	owner(t, "Anna", "open sesame")
	local p = t:join()
	p:type("anna")
	p:type("")
	t:expect(p, "What is your name?")
	p:type("Ben")
	t:expect(p, "Welcome, Ben.")
	t:expect(p, "Also here: Anna.")
end)

test("who has the password takes the place of his old connection", function(t)
	local old, ben = owner(t, "Anna", "open sesame"), named(t, "Ben")
	old:type("north")
	old:read()
	ben:read()
	local new = t:join()
	new:type("anna")
	t:equal(old.here, true)
	new:type("open sesame")
	t:advance(1)
	t:expect(old, "You have come in from elsewhere, so this connection ends. Goodbye.")
	t:equal(old.here, false)
	t:expect(new, "Welcome, Anna.")
	t:expect(new, "You are in the library.")
	t:expect_not(ben)
	new:type("who")
	t:expect(new, "2 people in all.")
end)

test("three wrong passwords end the connection", function(t)
	owner(t, "Anna", "open sesame")
	local p = t:join()
	p:type("anna")
	for _ = 1, 3 do
		t:equal(p.here, true)
		p:type("wrong")
		t:advance(5)
	end
	t:expect(p, "Goodbye.")
	t:equal(p.here, false)
end)

test("many wrong passwords from one address are the last from it for a while", function(t)
	owner(t, "Anna", "open sesame"):leave()
	local function try(ip, password)
		local p = t:join({ ip = ip })
		p:type("anna")
		p:type(password)
		t:advance(5)
		return p
	end
	for _ = 1, 10 do
		t:expect(try("192.0.2.66", "wrong"), "That is not the password")
	end
	t:expect(try("192.0.2.66", "open sesame"), "Too many wrong passwords. Please try again in 10")
	t:expect(try("192.0.2.67", "open sesame"), "Welcome, Anna.")
	t:advance(600)
	t:expect(try("192.0.2.66", "open sesame"), "Welcome, Anna.")
end)

test("many wrong passwords for one name from everywhere are the last for a while", function(t)
	owner(t, "Anna", "open sesame"):leave()
	for n = 1, 31 do
		local p = t:join({ ip = "192.0.2." .. n })
		p:type("anna")
		p:type("wrong")
		t:advance(3)
		t:expect(p, n <= 30 and "That is not the password" or "Too many wrong passwords.")
		p:leave()
	end
end)

test("lines typed while a password is looked at wait for it", function(t)
	owner(t, "Anna", "open sesame"):leave()
	local p = t:join()
	p:type("anna")
	p:type("wrong") -- which takes a while to be told
	p:type("open sesame")
	p:type("north")
	p:type("say hello")
	t:expect_not(p)
	t:advance(5)
	t:expect(p, "That is not the password of Anna.")
	t:expect(p, "Welcome, Anna.")
	t:expect(p, "You are in the library.")
	t:expect(p, "You say: hello")
end)

test("who is half-way through changing his password is exactly there after a crash", function(t)
	local p = owner(t, "Anna", "open sesame")
	p:type("east")
	local steps = { "password", "open sesame", "barbarossa", "barbarossa" }
	local prompts = { "Your password until now: ", "Your new password: ", "The same once more: " }
	for n, line in ipairs(steps) do
		p:type(line)
		t:advance(1)
		if prompts[n] then
			t:expect(p, prompts[n])
			t:equal(p.hidden, true)
		end
		t:crash()
		t:advance(0.1)
		if prompts[n] then
			t:expect(p, prompts[n])
			t:equal(p.hidden, true)
		end
	end
	p:type("look")
	t:expect(p, "You are in the kitchen.")
	p:leave()
	p = t:join()
	p:type("Anna")
	p:type("barbarossa")
	t:advance(1)
	t:expect(p, "Welcome, Anna.")
end)

test("an answer that was lost in a crash is asked for again", function(t)
	local p = owner(t, "Anna", "open sesame")
	p:type("password")
	p:read()
	t:crash(p, "open sesame")
	t:advance(0.1)
	t:expect(p, "Your password until now: ")
	p:type("open sesame")
	t:advance(1)
	t:expect(p, "Your new password: ")
end)

test("the way to a password can be left at each step, and nothing has changed", function(t)
	local p = owner(t, "Anna", "open sesame")
	for _, steps in ipairs({ {}, { "open sesame" }, { "open sesame", "barbarossa" } }) do
		p:type("password")
		for _, line in ipairs(steps) do
			p:type(line)
			t:advance(1)
		end
		p:type("")
		t:expect(p, "All stays as it is.")
		t:equal(p.hidden, false)
	end
	p:type("password")
	p:type("open sesame")
	p:type("barbarossa")
	p:type("barbarosso")
	t:advance(2)
	t:expect(p, "These were two different ones. All stays as it is.")
	p:type("password")
	p:type("barbarossa")
	t:advance(2)
	t:expect(p, "That is not the password of Anna. All stays as it is.")
end)

test("a password that will not do is refused with the reason", function(t)
	local p = named(t, "Barbara")
	p:type("password")
	local long = ("x"):rep(201)
	local refused = { short = "at least 6", barbara = "the first thing", [long] = "too long" }
	for line, why in pairs(refused) do
		p:type(line)
		t:expect(p, why)
		t:advance(0.1)
		t:expect(p, "Your new password: ")
	end
end)

test("a password can be taken away, and then anybody can have the name", function(t)
	local p = owner(t, "Anna", "open sesame")
	p:type("password remove")
	p:type("open sesame")
	t:advance(1)
	t:expect(p, "Your name has no password any more.")
	p:type("password remove")
	t:expect(p, "You have no password.")
	p:type("password open sesame")
	t:expect(p, "Type password alone")
	p:leave()
	p = t:join()
	p:type("anna")
	t:expect(p, "Welcome, Anna.")
end)

test("a role is his who has the password, and nobody's without one", function(t)
	local p = owner(t, "Anna", "open sesame")
	t:console("grant Anna admin")
	p:leave()
	p = t:join()
	p:type("anna")
	p:type("open sesame")
	t:advance(1)
	p:type("announce hello")
	t:expect(p, "Announcement: hello")
	p:type("password remove")
	t:expect(p, "Who has a role here needs a password.")

	t:console("grant Ben admin")
	local other = t:join()
	other:type("ben")
	t:expect(other, "That name is kept for somebody.")
end)

test("a role that is granted to somebody without a password is not his by making one", function(t)
	local p = named(t, "Ben")
	t:console("grant Ben admin")
	p:type("announce hello")
	t:expect(p, "is not a word this house knows")
	p:type("password")
	t:expect(p, "Your name was given a role before it had a password.")
end)

test("quit says goodbye, also before there is a name", function(t)
	local p = named(t, "Anna")
	p:type("quit")
	t:expect(p, "Goodbye, Anna.")
	t:equal(p.here, false)
	p = t:join()
	p:type("QUIT")
	t:expect(p, "Goodbye.")
	t:equal(p.here, false)
end)

test("who was not yet asked is greeted, and who was asked is not asked again", function(t)
	local p = t:join()
	p:read()
	t:crash()
	t:advance(1)
	t:expect_not(p)
	p:type("anna")
	t:expect(p, "Welcome, Anna.")
end)
