-- A handler may wait, for a password to be checked for example, and a player may type on meanwhile. What
-- he types then waits too, so that the second line never overtakes the first.

local turns = {}

local running = {} -- player -> the coroutine that handles a line of his
local waiting = {} -- player -> the lines behind it

-- A handler of input that begins with a player's next line when it is done with the one before.
function turns.one_by_one(handle)
	return function(p, line)
		local lines = waiting[p] or {}
		waiting[p] = lines
		lines[#lines + 1] = line
		local other = running[p]
		if other and coroutine.status(other) ~= "dead" then -- an error may have ended it
			return
		end
		running[p] = coroutine.running()
		while p.here and lines[1] do
			handle(p, table.remove(lines, 1))
		end
		running[p] = nil
	end
end

function turns.forget(p)
	running[p], waiting[p] = nil, nil
end

return turns
