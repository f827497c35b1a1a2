-- Which names are good.

local names = {}

local function is_taken(name)
	for p in players() do
		if p.name and p.name:lower() == name:lower() then
			return true
		end
	end
	return false
end

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
	elseif is_taken(text) then
		return nil, "Someone here is called " .. text .. " already. Please choose another name."
	end
	return text:sub(1, 1):upper() .. text:sub(2)
end

return names
