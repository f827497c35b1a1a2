-- Players ban each other: "ban NET [SECONDS] [REASON]", "force NET", "keep NET", "him NAME", "unban NET",
-- "bans", "name NAME". It answers with what the functions return.

local named = {}

local function say(player, ok, why)
	player:send("says " .. tostring(ok) .. (why and ": " .. why or "") .. "\n")
end

local commands = {
	name = function(player, name) named[name] = player; say(player, true) end,
	ban = function(player, net, seconds, reason)
		say(player, ban(net, tonumber(seconds), reason))
	end,
	force = function(player, net, seconds)
		say(player, ban(net, tonumber(seconds), "forced", {force = true, by = "Anna"}))
	end,
	keep = function(player, net) say(player, ban(net, nil, nil, {force = true, keep = true})) end,
	him = function(player, name) say(player, ban(named[name], 60, "him", {force = true})) end,
	unban = function(player, net) say(player, unban(net, {by = "Bert"})) end,
	bans = function(player)
		for _, b in ipairs(bans()) do
			player:send(("ban %s by %s for %s: %s\n"):format(b.net, b.by,
				b.seconds_left and "some time" or "good", b.reason or "-"))
		end
		player:send("that is all\n")
	end,
}

game.on("input", function(player, line)
	local words = {}
	for word in line:gmatch("%S+") do words[#words + 1] = word end
	local command = table.remove(words, 1)
	if commands[command] then
		commands[command](player, table.unpack(words))
	else
		player:send("you say " .. line .. "\n")
	end
end)
