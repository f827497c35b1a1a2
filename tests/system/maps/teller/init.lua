-- Tells clients what a test asks it to, and shows what they tell: the first word of a line says what.

local words = {}
local hidden = {}

function words.gmcp(p, rest)
	local package, text = rest:match("^(%S+) ?(.*)$")
	p:gmcp(package, text ~= "" and json.decode(text) or nil)
end

-- big N: a GMCP message with a text of N bytes
function words.big(p, rest)
	p:gmcp("Big", { text = ("0123456789"):rep(tonumber(rest) // 10) })
end

function words.msdp(p, rest)
	p:msdp(json.decode(rest))
end

function words.prompt(p, rest)
	p:prompt(rest .. "> ")
end

function words.ask(p, rest)
	p:prompt(rest)
end

-- all TEXT: a line to everybody
function words.all(_, rest)
	for other in players() do
		other:send(rest)
	end
end

function words.mxp(p, rest)
	p:mxp(rest == "on")
end

function words.hide(p)
	p:prompt("Password: ")
	p:echo(false)
	hidden[p.key] = true
end

function words.caps(p)
	p:send("caps " .. json.encode(p.caps))
end

-- lines N: N numbered lines
function words.lines(p, rest)
	for n = 1, tonumber(rest) do
		p:send(n .. " all work and no play makes a dull game of many words")
	end
end

function words.echo(p, rest)
	p:send("[" .. rest .. "]")
end

-- colours: a line in each
local colours = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "grey" }

function words.colours(p)
	for _, name in ipairs(colours) do
		local how = ("{NAME}NAME{/} {bold NAME}bold{/} {on NAME}on it{/}"):gsub("NAME", name)
		p:send(fmt(how))
	end
	p:send(fmt("{reverse}reverse{/} {underline}underline{/} {dim}dim{/} {#ff8800}orange{/}"))
end

game.on("start", function()
	game.mssp({ NAME = "Teller's Hall", CONTACT = "nobody@example.org",
		GAMEPLAY = { "Test", "Chat" } })
end)

game.on("join", function(p)
	p:send("hello " .. p.protocol)
end)

game.on("restore", function(p)
	p:send("caps " .. json.encode(p.caps))
end)

game.on("event", function(p, channel, data)
	p:send("event " .. channel .. " " .. json.encode(data))
end)

game.on("input", function(p, line)
	if hidden[p.key] then
		hidden[p.key] = nil
		p:echo(true)
		p:send("it has " .. #line .. " bytes")
		return
	end
	local word, rest = line:match("^(%a+) ?(.*)$")
	if words[word] then
		words[word](p, rest)
	else
		p:send("<" .. line .. ">")
	end
end)
