-- What our Lua may use besides the language: what server/lua/holdfast.lua, the manual, tells of.
std = "lua54"
max_line_length = 100
max_comment_line_length = 120

-- The globals that a manual makes, with the fields of those that are tables.
local function globals_of(path)
	local found, is_open = {}, false
	for line in io.lines(path) do
		local name = line:match("^(%a[%w_]*) = ") or line:match("^function (%a[%w_]*)%(")
		local of, field = line:match("^function (%a[%w_]*)[.:](%a[%w_]*)%(")
		if name then
			found[name] = { fields = {}, other_fields = is_open, read_only = not is_open }
			for inner in (line:match("{(.*)}") or ""):gmatch("(%a[%w_]*) =") do
				found[name].fields[inner] = {}
			end
		elseif found[of] then
			found[of].fields[field] = {}
		end
		is_open = line:match("^%-%-%-@type table") ~= nil
	end
	return found
end

read_globals = globals_of("server/lua/holdfast.lua")
files["**/tests/*.lua"] = { read_globals = globals_of("server/lua/maptest.lua") }

-- The manuals name everything, and do nothing.
files["server/lua/*.lua"] = { ignore = { "1", "2" } }
