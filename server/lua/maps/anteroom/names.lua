-- Which names are good.

local people = require("people")

local names = {}

-- These would be hard to talk about.
local reserved = {
	everyone = true,
	help = true,
	nobody = true,
	quit = true,
	someone = true,
	you = true,
}

-- The name as it will be shown, or nil and a sentence that says what is wrong.
function names.check(text)
	if text == "" then
		return nil, "Please type a name and press Enter."
	elseif text:find("[^A-Za-z]") then
		return nil, "A name is one word, of the letters a to z only."
	elseif #text < 2 then
		return nil, "A name has at least 2 letters."
	elseif #text > 16 then
		return nil, "A name has at most 16 letters; yours has " .. #text .. "."
	elseif reserved[text:lower()] then
		return nil, "That word cannot be a name here."
	end
	return text:sub(1, 1):upper() .. text:sub(2)
end

-- Why somebody without a password cannot have this name just now; nil: he can.
function names.refused(name)
	local owner = people.named(name)
	if owner then
		return "Someone here is called " .. owner.name .. " already. Please choose another name."
	elseif role(name) then -- else whoever comes first would have it
		log.warn(name .. " has a role but no password, so nobody can have that name")
		return "That name is kept for somebody. Please choose another name."
	end
end

return names
