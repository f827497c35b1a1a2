-- Changes from where new players are let in, as a player says: "localhost", "all" or "show".

game.on("input", function(player, line)
	if line == "show" then
		player:send("it is " .. accept() .. "\n")
	else
		accept(line)
		player:send("asked for " .. line .. "\n")
	end
end)
