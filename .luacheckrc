-- What our Lua may use besides the language: server/lua/holdfast.lua is the manual.
std = "lua54"
max_line_length = 100
max_comment_line_length = 120
read_globals = {
	"game", "players", "all", "wait", "waitframe", "spawn", "after", "every", "log", "cvar", "json",
	"create_api_request",
}
-- The manual names everything, and does nothing.
files["server/lua/holdfast.lua"] = { ignore = { "1", "2" } }
