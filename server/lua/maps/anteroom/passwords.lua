-- The command by which somebody gives his name a password, changes it, or takes it away. Where he is in
-- the middle of it is saved, the new password only as a hash: the game may die between two answers.

local accounts = require("accounts")
local people = require("people")
local questions = require("questions")

local function stop(p, text)
	p:send(text)
	questions.done(p, { hash = false, removes = false })
end

command("password", {
	usage = "[remove]",
	help = "gives your name a password, so that it is yours alone; changes it, or takes it away",
	where = "game",
}, function(p, words)
	local account = accounts.find(p.name)
	local removes = words[1] == "remove"
	if words[1] and not removes then
		p:send("Type password alone: you are asked for it, so that nobody sees it.")
	elseif removes and not account then
		p:send("You have no password.")
	elseif removes and p.role then
		p:send("Who has a role here needs a password.")
	elseif not account and role(p.name) then -- else whoever had the name just then would get it
		p:send("Your name was given a role before it had a password. Ask that it be taken back first.")
	else
		p:send("What you type now is not shown. Press Enter alone to leave all as it is.")
		questions.ask(p, account and "old password" or "new password", { removes = removes })
	end
end)

questions.new("old password", "Your password until now: ", true, function(p, line)
	if line == "" then
		stop(p, "All stays as it is.")
		return
	end
	local is_right, why = accounts.check(p, p.name, line)
	if not p.here then
		return
	elseif not is_right then
		stop(p, why .. " All stays as it is.")
	elseif people.of[p].removes then
		accounts.remove(p.name)
		stop(p, "Your name has no password any more.")
	else
		questions.ask(p, "new password")
	end
end)

questions.new("new password", "Your new password: ", true, function(p, line)
	local why = accounts.refused(p.name, line)
	if line == "" then
		stop(p, "All stays as it is.")
	elseif why then
		p:send(why)
		questions.ask(p, "new password")
	else
		local hash = password.hash(line)
		if p.here then
			questions.ask(p, "password again", { hash = hash })
		end
	end
end)

questions.new("password again", "The same once more: ", true, function(p, line)
	local hash = people.of[p].hash
	if line == "" then
		stop(p, "All stays as it is.")
		return
	end
	local is_same = password.check(line, hash)
	if not p.here then
		return
	elseif not is_same then
		stop(p, "These were two different ones. All stays as it is.")
	else
		accounts.set_password(p.name, hash)
		accounts.change(p.name, { colours = p.colours or false })
		p:login(p.name)
		stop(p, "Your name has its password now.")
	end
end)
