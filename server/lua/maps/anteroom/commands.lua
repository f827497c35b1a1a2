-- What a line does that somebody typed. The commands themselves are made elsewhere, with command(...);
-- this file knows what may be typed instead of them.

local commands = {}

-- Other words for a command, and for one with its first word.
local short = {
	l = "look",
	["?"] = "help",
	t = "tell",
	n = "go north",
	e = "go east",
	s = "go south",
	w = "go west",
	u = "go up",
	d = "go down",
	north = "go north",
	east = "go east",
	south = "go south",
	west = "go west",
	up = "go up",
	down = "go down",
	colors = "colours",
}

-- Signs that need no blank behind them.
local signs = { ["'"] = "say ", [":"] = "emote " }

-- Does what a line says.
function commands.run(p, line)
	line = line:match("^%s*(.-)%s*$")
	line = (signs[line:sub(1, 1)] or "") .. line:gsub("^[':]%s*", "")
	local word, rest = line:match("^(%S+)%s*(.*)$")
	if not word then
		return -- only Enter was pressed
	end
	word = word:lower()
	if not command.run(p, (short[word] or word) .. " " .. rest) then
		p:send('"' .. word .. '" is not a word this house knows. Type help for those it does.')
	end
end

return commands
