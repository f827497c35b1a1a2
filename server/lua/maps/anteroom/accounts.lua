-- Names that have a password. They are kept for ever, the passwords as hashes.

local wrong = require("wrong")

local accounts = {}

local seconds_for_wrong = 1 -- how long the answer takes then

-- name -> { name = "Anna", password = its hash, colours = what he chose }; nil: it has no password.
function accounts.find(name)
	return store.accounts[name:lower()]
end

-- Changes some of it; false takes a thing away. Nothing happens if there is no such account.
function accounts.change(name, changes)
	local account = accounts.find(name)
	if account then
		for key, value in pairs(changes) do
			account[key] = value or nil
		end
		store.accounts[name:lower()] = account
	end
end

-- hash: of password.hash.
function accounts.set_password(name, hash)
	if accounts.find(name) then
		accounts.change(name, { password = hash })
	else
		store.accounts[name:lower()] = { name = name, password = hash }
	end
end

function accounts.remove(name)
	store.accounts[name:lower()] = nil
end

-- What is wrong with a new password; nil: nothing.
function accounts.refused(name, text)
	if utf8.len(text) < 6 then
		return "A password has at least 6 letters."
	elseif #text > 200 then
		return "That is too long for a password."
	elseif text:lower() == name:lower() then
		return "Your name would be the first thing everybody tries."
	end
end

-- Whether this is the password of that name; if not, why. The player p who typed it waits for the answer,
-- and may have left when it is there.
function accounts.check(p, name, text)
	local address = p.ip
	local why = wrong.refused(address, name)
	if why then
		wait(seconds_for_wrong)
		return false, why
	end
	local was_right = wrong.count(address, name)
	local account = accounts.find(name)
	if account and password.check(text:sub(1, 200), account.password) then
		was_right()
		return true
	end
	log.info("a wrong password for " .. name .. " from " .. address)
	wait(seconds_for_wrong)
	return false, "That is not the password of " .. name .. "."
end

return accounts
