-- Tells server lists what players say: names of theirs, and what the map is like.

game.register({ gameMode = "Siege", mapW = 150, mapH = 70, rated = true })

game.on("input", function(player, line)
	local word, rest = line:match("^(%S+) ?(.*)$")
	if word == "name" then
		player.name = rest
	elseif word == "register" then
		local ok, why = pcall(game.register, json.decode(rest))
		player:send((ok and "registered" or tostring(why)) .. "\n")
		return
	end
	player:send("done " .. line .. "\n")
end)
