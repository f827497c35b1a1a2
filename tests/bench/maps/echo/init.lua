-- The game of the benchmarks in Lua: answers each line with itself.

game.on("join", function(p)
	p:save({ there = true })
end)

game.on("restore", function() end)

game.on("input", function(p, line)
	if line == "!all" then
		all:send("#")
	elseif line == "!each" then
		for each in players() do
			each:send("#")
		end
	else
		p:send(line)
	end
end)
