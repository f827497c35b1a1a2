-- Does what a map should not, when a player says so; and keeps how often he was here.

local function greet(p, times)
	p:save({ times = times })
	p:send("here " .. times)
end

game.on("join", function(p)
	greet(p, 1)
end)

game.on("restore", function(p, saved)
	greet(p, saved.times + 1)
end)

local function loop_for_ever()
	while true do
		pcall(loop_for_ever)
	end
end

game.on("input", function(p, line)
	if line == "loop" then
		loop_for_ever()
	elseif line == "pattern" then
		string.find(("a"):rep(40), ("a?"):rep(40) .. ("a"):rep(40))
	elseif line == "bomb" then
		local text = line
		while #text > 0 do
			text = text .. text
		end
	elseif line == "fail" then
		for _ = 1, 1000 do
			spawn(error, "a thousand times")
		end
	end
	p:send("heard " .. line)
end)
