-- From the first question to the hall.

local accounts = require("accounts")
local comings = require("comings")
local commands = require("commands")
local names = require("names")
local people = require("people")
local questions = require("questions")

local login = {}

local tries = 3 -- of passwords, then the connection ends

local function ask_name(p)
	p:send("What is your name?")
	questions.ask(p, "name", { name = false })
end

function login.begin(p)
	people.set(p, {})
	p:send(fmt("Welcome to {bold}%s{/}.", cvar("sv_name")))
	ask_name(p)
end

-- He is in: shows him where he is, and him to those who are there, as comings.tell says it.
local function enter(p, what, room, text)
	questions.done(p, { room = room, name = false, tries = false })
	p:gmcp("Char.Name", { name = p.name, fullname = p.name })
	p:send(fmt("Welcome, {bold}%s{/}. Type {bold}help{/} to see what you can do here.", p.name))
	comings.tell(what, p, room, text)
	commands.run(p, "look")
end

local function enter_as_guest(p, name)
	p.name = name
	enter(p, "come", people.first_room, fmt("{bold}%s{/} comes in from the road.", name))
end

-- The name is his: if somebody is here by it already, it is he himself, on another connection.
local function enter_as_owner(p, name)
	local account, old = accounts.find(name), people.named(name)
	local what, room = "come", people.first_room
	local text = fmt("{bold}%s{/} comes in from the road.", name)
	if old then
		what, room = "back", people.forget(old).room
		text = fmt("{bold}%s{/} is startled, and then here as before.", name)
		old:kick("You have come in from elsewhere, so this connection ends. Goodbye.")
	end
	p:login(name)
	p.colours = account.colours
	enter(p, what, room, text)
end

questions.new("name", "Name: ", false, function(p, line)
	if line:lower() == "quit" then
		p:kick("Goodbye.")
		return
	end
	local name, why = names.check(line)
	local account = name and accounts.find(name)
	if account then
		p:send(account.name .. " has a password. If you are somebody else, press Enter for another name.")
		questions.ask(p, "password", { name = account.name })
		return
	end
	why = why or names.refused(name)
	if why then
		p:send(why)
		ask_name(p)
		return
	end
	enter_as_guest(p, name)
end)

questions.new("password", "Password: ", true, function(p, line)
	local known = people.of[p]
	if line == "" then
		ask_name(p)
		return
	end
	local is_right, why = accounts.check(p, known.name, line)
	if not p.here then
		return
	end
	local left = (known.tries or tries) - 1
	if is_right then
		enter_as_owner(p, known.name)
	elseif left == 0 then
		p:kick(why .. " Goodbye.")
	else
		p:send(why)
		questions.ask(p, "password", { tries = left })
	end
end)

return login
