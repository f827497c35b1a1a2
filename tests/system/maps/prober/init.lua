-- Answers what the conformance suite types.

local words = {}

function words.ping(p, rest)
	p:send("pong " .. rest)
end

function words.save(p, rest)
	p:save({ text = rest })
	p:send("saved " .. rest)
end

function words.quit(p)
	p:kick("Goodbye.")
end

game.on("start", function()
	log.info("prober: open")
end)

game.on("join", function(p)
	p:send("hello")
end)

game.on("restore", function(p, saved)
	p:send("hello again, " .. (saved and saved.text or "stranger"))
end)

game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	if words[word] then
		words[word](p, rest)
	end
end)
