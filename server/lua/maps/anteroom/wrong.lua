-- Who tried too many wrong passwords: an address, or anybody for one name. It is forgotten after a while,
-- and when the game ends.

local wrong = {}

local forget_after = 600 -- seconds
local most = { address = 10, name = 30 }
local counts = { address = {}, name = {} } -- kind -> key -> how many

-- nil, or why there is no more trying just now.
function wrong.refused(address, name)
	if (counts.address[address] or 0) >= most.address or (counts.name[name] or 0) >= most.name then
		return "Too many wrong passwords. Please try again in " .. forget_after // 60 .. " minutes."
	end
end

local function add(kind, key, number)
	local count = (counts[kind][key] or 0) + number
	counts[kind][key] = count > 0 and count or nil
end

-- Counts a password that is about to be looked at: many at once count too. What it returns takes that
-- back, since the password was right.
function wrong.count(address, name)
	add("address", address, 1)
	add("name", name, 1)
	local function take_back()
		add("address", address, -1)
		add("name", name, -1)
	end
	local later = after(forget_after, take_back)
	return function()
		if later:cancel() then
			take_back()
		end
	end
end

return wrong
