-- What admins can do here besides the commands of the console, which they can type as well: kick, ban,
-- unban, bans, accept, restart, reload, status. Who is admin is said on the console: grant NAME admin.

local people = require("people")
local screen = require("screen")

local admin = {}

-- Everybody reads it. who: says so, for the log.
function admin.announce(who, text)
	log.info("announced by " .. who .. ": " .. text)
	for p in players() do
		if people.of[p] then
			screen.show(p, fmt("{bold yellow}Announcement:{/} %s", text))
		end
	end
end

command("announce", { who = "admin", usage = "<text>", help = "everybody reads it", min = 1 },
	function(caller, _, text)
		admin.announce(caller.name, text)
	end)

return admin
