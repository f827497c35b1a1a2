---@meta holdfast-test
-- What the tests of a map can use besides Lua 5.4, json and require (which sees the map's folder).
--
--   holdfast-server --run-tests maps/NAME
--
-- runs maps/NAME/tests/*.lua, each test in a fresh game of its own: the real game with link, output, saves
-- and an empty store, but players who do what the test says, and a clock that moves only when it says so.
-- What it prints is TAP: "ok" or "not ok" for each test, file and line of what was not as expected, and
-- what was logged. The exit status is 0 if all is well.
--
--   test("what is said is heard by the others", function(t)
--       local anna, ben = t:join(), t:join()
--       anna:type("say hello")
--       t:expect(ben, "hello")
--       t:restart()
--       t:expect_not(ben)
--   end)
--
-- An error of the map's scripts that nobody catches ends the test that caused it.

---Runs f as a test, at once.
---@param name string a sentence
---@param f fun(t: test)
function test(name, f) end

---@class test
local of_test = {}

---A new player connects, and his join handlers run.
---@param kind? { protocol: string?, ip: string?, dns: string?, ident: string?, caps: table? } what he is;
---telnet-line from 192.0.2.1 if nothing is said
---@return testplayer
function of_test:join(kind) end

---He was shown this text since he last typed, and since the last text that was expected of him.
---@param player testplayer
---@param text string
function of_test:expect(player, text) end

---He was not shown this text since then; without a text: nothing at all.
---@param player testplayer
---@param text? string
function of_test:expect_not(player, text) end

---@param a any
---@param b any
function of_test:equal(a, b) end

---What f does makes a script of the map raise an error with this text in it.
---@param text string
---@param f fun()
function of_test:fails(text, f) end

---So much time passes, frame by frame. Every test begins on 2026-01-01 at 12:00:00 UTC, for os.time too.
---@param seconds number
function of_test:advance(seconds) end

---The game restarts in order: stop, a new state of the map, restore for all who are here.
function of_test:restart() end

---The game is killed, and starts again. With a player and a line: while it handles this line; what it
---did for it is lost, as nobody was shown anything of it.
---@param player? testplayer
---@param line? string
function of_test:crash(player, line) end

---A line at the game's console; what it answers.
---@param line string
---@return string
function of_test:console(line) end

---@class testplayer
---@field here boolean false once he has left, or was kicked
---@field hidden boolean what he types is not shown: player:echo(false)
---@field key string player.key of the map's scripts
---@field told table what his client was sent besides text: { { "gmcp", "Char.Vitals {...}" }, ... }
local of_player = {}

---He types a line.
---@param line string
function of_player:type(line) end

---He disconnects.
function of_player:leave() end

---His client says something outside the text: the game's event of this channel.
---@param channel string
---@param data any text is sent as it is ("gmcp": "Package.Name {json}"), anything else as JSON
function of_player:event(channel, data) end

---What is known of his client has changed.
---@param caps table
function of_player:caps(caps) end

---What he was shown since a test looked last, which has then looked at it.
---@return string
function of_player:read() end

return { test = of_test, ["test player"] = of_player }
