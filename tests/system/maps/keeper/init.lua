-- Keeps what players tell it, and says what it restored.

game.on("start", function()
	log.info("keeper: open")
end)

game.on("join", function(p)
	p:send("new\n")
end)

game.on("restore", function(p, saved)
	if saved then
		p:send("old " .. #saved.text .. " " .. saved.text .. "\n")
	else
		p:send("old nothing\n")
	end
end)

local function keep(p, text)
	local ok, why = pcall(p.save, p, { text = text })
	if ok then
		p:send("kept\n")
	else
		p:send("refused: " .. tostring(why) .. "\n")
	end
end

game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	if word == "save" then
		keep(p, rest)
	elseif word == "grow" then
		keep(p, string.rep("z", tonumber(rest)))
	elseif word == "name" then
		p.name = rest
		p:send("I am " .. p.name .. "\n")
	elseif word == "who" then
		p:send("I am " .. (p.name or "nobody") .. "\n")
	end
end)
