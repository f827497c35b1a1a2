-- Asks each guest for a name, remembers it over anything, and tells all what he says.

local function ask(player)
	player:send("What is your name?")
end

game.on("join", ask)

game.on("input", function(player, line)
	if player.name == nil then
		player.name = line
		player:send("Welcome, " .. line .. ".")
	elseif line == "hide" then
		player:echo(false)
		player:send("Password?")
	else
		player:echo(true)
		for other in players() do
			other:send(player.name .. " says <" .. line .. ">")
		end
	end
end)
