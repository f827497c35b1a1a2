-- What players are shown: texts that come while they may be typing, and the prompt below them.
--
-- Where a line is awaited stands a prompt: that of a question, or "> ". The latter is only for clients
-- that can tell a prompt from a text, and not for screen readers, which would read it out again and
-- again; who wants it otherwise says so with the command `prompt`.

local people = require("people")

local screen = {}

local questions = {} -- player -> the prompt of what he is asked
local due = {} -- player -> true: he is to be shown his prompt
local standing = {} -- player -> true: it is the last thing he was shown
local is_coming = false
local clients = {} -- player -> what his client is, as client_of has it

-- What is to be known of a client, found out once. p.caps is all that is known of it, made anew whenever it
-- is read.
local function client_of(p)
	local client = clients[p]
	if not client then
		local caps = p.caps
		local is_page = not caps.telnet and caps.reader ~= nil
		client = {
			wants_prompts = (caps.telnet or is_page) and not caps.reader, -- and can tell them from texts
			shows_prompts_apart = is_page, -- in a place of their own
			breaks_lines = is_page or caps.reader, -- or needs them unbroken
			has_gmcp = caps.gmcp ~= nil,
		}
		clients[p] = client
	end
	return client
end

-- More is known of his client than before.
function screen.client_changed(p)
	clients[p] = nil
end

local function prompt_of(p)
	local known = people.of[p]
	if questions[p] then
		return questions[p]
	elseif not known or not known.room or known.prompt == "off" then
		return nil
	elseif known.prompt == "on" or client_of(p).wants_prompts then
		return "> "
	end
end

-- Shows each his prompt to whom one is due.
function screen.show_prompts()
	is_coming = false
	for p in pairs(due) do
		local prompt = p.here and prompt_of(p)
		if prompt then
			p:prompt(prompt)
			standing[p] = true
		end
	end
	due = {}
end

-- Another map follows: what it says begins on a line of its own.
function screen.end_prompts()
	for p in pairs(standing) do
		if not client_of(p).shows_prompts_apart then
			p:send("")
		end
	end
end

-- Shows him his prompt, once all is said that this moment brings.
function screen.prompt_soon(p)
	due[p] = true
	if not is_coming then
		is_coming = true
		after(0, screen.show_prompts)
	end
end

-- What stands where his answer is awaited; nil: he is asked nothing.
function screen.set_question(p, prompt)
	questions[p] = prompt
end

-- He pressed Enter behind his prompt.
function screen.answered(p)
	standing[p], due[p] = nil, nil
end

function screen.forget(p)
	questions[p], standing[p], due[p], clients[p] = nil, nil, nil, nil
end

-- Shows a text to one who may not expect it just now: his prompt is shown again below it.
function screen.show(p, text)
	if standing[p] and not client_of(p).shows_prompts_apart then
		p:send("") -- ends the line with the prompt
	end
	standing[p] = nil
	p:send(text)
	screen.prompt_soon(p)
end

-- The same for everybody in a room; `except` may name one who shall not see it.
function screen.tell(room, text, except)
	for _, p in ipairs(people.in_room(room)) do
		if p ~= except then
			screen.show(p, text)
		end
	end
end

-- A text of many words in lines that end between words, as terminals cannot do it; the play page can, and
-- screen readers need none. used: how much of the first line is taken already.
function screen.wrap(p, text, used)
	local width = client_of(p).breaks_lines and math.huge or math.min(p.caps.w or 80, 80) - 1
	local parts, column = {}, used or 0
	for word in text:gmatch("%S+") do
		local length = utf8.len(word) or #word
		if column > 0 and column + 1 + length > width then
			parts[#parts + 1] = "\n"
			column = 0
		elseif #parts > 0 then
			parts[#parts + 1] = " "
			column = column + 1
		end
		parts[#parts + 1] = word
		column = column + length
	end
	return table.concat(parts)
end

-- What is said somewhere, for clients that have a window for it.
function screen.tell_channel(listeners, channel, talker, text)
	for _, p in ipairs(listeners) do
		if client_of(p).has_gmcp then
			p:gmcp("Comm.Channel.Text", { channel = channel, talker = talker, text = text })
		end
	end
end

return screen
