-- Questions: while somebody is asked something, his next line is the answer. Which question it is is
-- saved, so that a restart of the game in the middle of one changes nothing.

local people = require("people")
local screen = require("screen")

local questions = {}

local kinds = {}

-- Makes a question. The answer to it is given to answer(player, line), which asks the next one, or says
-- questions.done. hidden: what is typed is not shown.
function questions.new(kind, prompt, hidden, answer)
	kinds[kind] = { prompt = prompt, hidden = hidden, answer = answer }
end

-- Asks it. changes: what else is known of the player from now on.
function questions.ask(p, kind, changes)
	local question = kinds[kind]
	changes = changes or {}
	changes.asking = kind
	people.change(p, changes)
	if question.hidden then
		p:echo(false)
	end
	screen.set_question(p, question.prompt)
	screen.prompt_soon(p)
end

-- He is asked nothing any more.
function questions.done(p, changes)
	changes = changes or {}
	changes.asking = false
	people.change(p, changes)
	screen.set_question(p, nil)
end

-- The game has started again under a player. A hidden question may have been answered to the game that
-- is gone, so it stands there again.
function questions.again(p)
	local question = kinds[people.of[p].asking]
	if question then
		screen.set_question(p, question.prompt)
	end
	if question and question.hidden then
		screen.prompt_soon(p)
	end
end

function questions.answer(p, line)
	local question = kinds[people.of[p].asking]
	screen.answered(p)
	if question.hidden then
		p:echo(true)
		if p.caps.telnet then
			p:send("") -- his client has not shown the end of his line either
		end
	end
	question.answer(p, line:match("^%s*(.-)%s*$"))
end

return questions
