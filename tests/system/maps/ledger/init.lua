-- Keeps a ledger of numbered lines for the tests: says of every line whether it is the next one,
-- one it already had, or one behind a gap, judging by what it restored.

local era = 1 -- one more than that of any game before us; players see it in every answer
local last = {} -- player -> number of the last line handled

-- Long enough to notice when a part of it is missing.
local function check_of(n)
	return string.rep(tostring(n % 10), 300)
end

game.on("start", function()
	log.info("ledger: open")
end)

game.on("join", function(p)
	last[p.key] = 0
	p:send("hello 0\n")
end)

game.on("restore", function(p, saved)
	if not saved then
		last[p.key] = 0
		return
	end
	if saved.check ~= check_of(saved.n) then
		p:send("torn " .. saved.n .. "\n")
	end
	last[p.key] = saved.n
	era = math.max(era, saved.era + 1)
end)

game.on("input", function(p, line)
	local n = tonumber(line)
	if not n then
		p:send("what? " .. line .. "\n")
		return
	end
	local expected = last[p.key] + 1
	if n < expected then
		p:send("dup " .. n .. "\n")
		return
	end
	if n > expected then
		p:send("gap " .. expected .. " " .. n .. "\n")
	end
	last[p.key] = n
	p:save({ n = n, check = check_of(n), era = era })
	p:send("ok " .. n .. " " .. era .. "\n")
end)

game.on("leave", function(p)
	last[p.key] = nil
end)
