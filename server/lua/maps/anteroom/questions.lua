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

-- Hides what he types while he is asked this (nil: nothing), or shows it again.
local function hide_for(p, question, was)
	local is_hidden = question and question.hidden or false
	if is_hidden ~= was then
		p:echo(not is_hidden)
	end
	screen.set_question(p, question and question.prompt)
end

local function is_hidden(p)
	local question = kinds[people.of[p].asking]
	return question and question.hidden or false
end

-- Asks it. changes: what else is known of the player from now on.
function questions.ask(p, kind, changes)
	local was = is_hidden(p)
	changes = changes or {}
	changes.asking = kind
	people.change(p, changes)
	hide_for(p, kinds[kind], was)
	screen.prompt_soon(p)
end

-- He is asked nothing any more.
function questions.done(p, changes)
	local was = is_hidden(p)
	changes = changes or {}
	changes.asking = false
	people.change(p, changes)
	hide_for(p, nil, was)
end

-- The game has started again under a player. A hidden question may have been answered to the game that
-- is gone, so it stands there again.
function questions.again(p)
	hide_for(p, kinds[people.of[p].asking])
	if is_hidden(p) then
		screen.prompt_soon(p)
	end
end

function questions.answer(p, line)
	screen.answered(p)
	kinds[people.of[p].asking].answer(p, line:match("^%s*(.-)%s*$"))
end

return questions
