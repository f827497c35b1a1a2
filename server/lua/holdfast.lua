---@meta holdfast
-- What a map can use besides Lua 5.4 itself: all of it, and nothing that does not exist.
--
-- A map is a folder; the server runs its init.lua when it starts. That file says with game.on what
-- is to happen when. Whatever a handler raises is logged with file and line, and the game goes on.
-- Each handler runs in a coroutine of its own, so it can wait in the middle of what it does.
--
-- A map ends in three ways, which are one to it: the server is restarted, `reload` loads its changed
-- scripts, `map NAME` starts another. It is told stop, then all it knew is gone: variables, timers,
-- what waits, lists, the cvars it made. What begins has a fresh state: its files are run, it is told
-- start, and restore for everybody who is here. player:save, p.name, p.role and store survive; another
-- map has a store of its own, and is told only once what this one saved about a player. While init.lua
-- runs, the map before may still be the one that plays: what begins sees and reaches players from
-- start on.
-- An editor with the Lua language server shows all this if the file is in its workspace.library.
--
-- Of Lua itself:
--   Not here: io, package, dofile, loadfile, collectgarbage, warn, string.dump; of os all but clock,
--   date, difftime and time; of debug all but traceback.
--   require("npc.cat") runs npc/cat.lua of the map's folder, once. print is log.info.
--   load takes text only, setmetatable no __gc. Reading a global that was never set is an error;
--   globals can be made while the map's files are loaded, not later.
--   One call (a handler up to its next wait) may run sv_script_time, all together may use
--   sv_script_memory; what goes over is ended with an error that no pcall holds.
--   That goes for string.find and its kin too. table.sort takes up to 200,000 elements. A map that keeps
--   nearly all the memory it may have begins anew (reload). An error that nobody catches is one line in
--   the log (ten a second, then how many more), and one for players whose role is "admin", every five
--   seconds at most. A server that stands still all the same (sv_watchdog) is ended and started anew.
--   These limits are for mistakes. They are no wall against a script that is written to break it: the
--   Lua of Debian 12 is 5.4.4 with Debian's fixes of CVE-2022-28805 and CVE-2022-33099, and what
--   lua.org/bugs.html has found in it since (wrong code for some constants and for functions with very
--   many, lua_settop with variables that are to be closed) is still there. Run only maps that you trust
--   as you trust a program; if one crashes the server, its players stay.

-- Events ----------------------------------------------------------------------------------------

---@class game
game = {}

---Runs handler whenever event happens. Several of one event run in the order of their game.on.
--- start: the map is loaded.
--- join: a new player is here.
--- restore: a player is here who was connected before this server or map started; saved is what
--- player:save kept, or nil. from: the map that he was in before, if that was another one; what is saved
--- is that map's then, told this once and kept no longer, and he has read "[The game is now: NAME.]". nil: he
--- never left this map. A map without a restore handler is told join instead.
--- input: a player typed a line: UTF-8, without its end, but with whatever else he typed.
--- event: a player's client said something outside the text; what data is depends on channel:
--- "command": "interrupt", "break", "abort-output" or "are-you-there" (keys of telnet clients);
--- "naws": { w = columns, h = lines } of his window; "caps": player.caps, because more is known now;
--- "gmcp": { package = "Char.Skills.Get", data = ... }, or text = ... where it was no JSON; "msdp": a
--- table of its variables; "env": { CLIENT_NAME = ... }; "doubt": { lines = n }
--- after a crash: so many lines of his may not have been handled by the server that crashed.
--- lookup: the answer to player:lookup() is there: "dns" or "ident" is which; player.dns, player.ident.
--- slow: much waits to be shown to a player whose connection is slow (true), or little again (false);
--- a player who stays slow for long is disconnected, so send him less, or nothing that can wait.
--- leave: a player went away. He can still be read until the handler first waits, not reached.
--- frame: sv_fps times a second; seconds since the last one, and its number.
--- stop: the map is about to end: "restart" (of the server, or reload), "map" (another one follows) or
--- "quit". Save now: what waits afterwards is not woken again.
---@overload fun(event: "start", handler: fun())
---@overload fun(event: "join", handler: fun(player: player))
---@overload fun(event: "restore", handler: fun(player: player, saved: any, from: string|nil))
---@overload fun(event: "input", handler: fun(player: player, line: string))
---@overload fun(event: "event", handler: fun(player: player, channel: string, data: any))
---@overload fun(event: "lookup", handler: fun(player: player, which: "dns"|"ident"))
---@overload fun(event: "slow", handler: fun(player: player, slow: boolean))
---@overload fun(event: "leave", handler: fun(player: player, why: string))
---@overload fun(event: "frame", handler: fun(seconds: number, n: integer))
---@overload fun(event: "stop", handler: fun(why: string))
---@param event string
---@param handler function
function game.on(event, handler) end

---What crawlers of MUD lists are told (MSSP), also while the game is away: { NAME = "The Hall", CONTACT =
---..., PORT = { 4000, 4001 }, GAMEPLAY = ... }. The multiplexer adds PLAYERS, UPTIME and what else it
---knows, unless it is there.
---@param variables table|nil
function game.mssp(variables) end

---What the server list of sv_register_url is told of this map, until another one takes its place:
---gameMode, gameState, mapW, mapH, DNCycle, DNState, build, gold, modsVerified, usingMods,
---spectatorPlayers, and up to 16 fields of your own (texts, numbers, booleans). What was set before
---stays; json.null takes a field back, nil in place of the table all of them. Names and numbers of players
---are told anyway.
---@param fields table|nil
function game.register(fields) end

-- Players ---------------------------------------------------------------------------------------

---A player as handlers get him. There is one value for each player, so it can be the key of a table.
---Used after he left, it raises "this player has left"; only key, here, == and tostring still work.
---@class player
---@field key string who he is to the daemons and in the log: "5:199"; never given to another. Where there
--- may be several multiplexers (sv_multiplexers) the number of his stands behind it: "5:199:2"
---@field here boolean false once he has left
---@field protocol string how he is connected: "telnet-line", "telnet-char", "raw", "websocket"; with
---"+tls" behind it when it is encrypted
---@field ip string his address
---@field dns string|nil the name of his address, once it is known; "unresolved": it has none that leads
---back to it, or nobody has asked; "unsupported": names are not looked up where he connected
---@field ident string|nil what his machine says he is called, or the same two words. It may lie
---@field caps table what is known of his client, each only once it is: telnet (it speaks it), client,
---version, terminal, w and h (his window), utf8, colors (0, 16, 256 or 16777216), reader (he uses a
---screen reader), gmcp (its modules), msdp, mxp, mccp (output is compressed), tls ("TLSv1.3"), mtts.
---A restart of the game changes nothing
---@field idle integer seconds since he last typed
---@field connected integer seconds since he connected; a restart of the game changes nothing
---@field slow boolean much waits to be shown to him: see the event slow
---@field name string|nil yours to set; survives a restart of the game
---@field role string|nil what he may do: see player:login. Survives a restart of the game. nil can be set, or a
---role that admins granted to an account of his name; any other raises
---@field colours "none"|"16"|"256"|"true"|nil yours to set when he asks for it: so many colours he is shown,
---nil: as many as his client says it can, none if it says nothing or he uses a screen reader; survives a
---restart of the game
local player = {}

---Shows him a text. A line end is added if it has none; there may be several lines in it.
---@param text string|text
function player:send(text) end

---Keeps a value (what JSON can hold, 4044 bytes with name and role) until he leaves, also over a
---crash of the game; restore gets it. Replaces what was kept. If it is too large, the error says by
---how many bytes.
---@param value any nil: keep nothing
function player:save(value) end

---He has shown that he is this account, by a password that you have checked, or however you like: his
---name is the account's then, and his role what admins granted to it on the console (grant ACCOUNT ROLE),
---or none. An account is what your map says it is: a name, whose case does not matter. No script can
---grant a role; one that is taken away, or not granted in the next map, is gone from p.role at once.
---@param account string 1 to 64 bytes
---@return string|nil role
function player:login(account) end

---Shows him the reason and ends his connection. The leave handlers run at once.
---@param reason? string|text
function player:kick(reason) end

---Shows him a text that asks for input: no line end is added, and his client can tell that it is a
---prompt (EOR or GA).
---@param text string|text
function player:prompt(text) end

---Hides what he types (false), for a password, or shows it again (true). A client without telnet shows
---it all the same. A restart of the game changes nothing.
---@param on boolean
function player:echo(on) end

---Sends his client a GMCP message; without a value the package alone. Nothing happens if it does not
---speak GMCP: player.caps.gmcp then is nil. 64 KiB at most.
---@param package string
---@param value? any
function player:gmcp(package, value) end

---Sends his client MSDP variables, if it speaks that (player.caps.msdp).
---@param variables table
function player:msdp(variables) end

---Offers his client MXP (true), or ends it (false). Once player.caps.mxp is true, < > and & in what is
---trusted are mark-up to it: p:send(trusted("<send>") .. "look" .. trusted("</send>")).
---@param on boolean
function player:mxp(on) end

---Asks for his dns and ident where that is on request (`dns` and `ident` of his listener). The event
---lookup tells when each is there; the other players are not held up.
function player:lookup() end

---For `for player in players() do`: all who are here, in order of arrival.
---@return fun(): player|nil
function players() end

---@class all
all = {}

---Shows a text to every user, also to those whose join handlers have not run yet.
---@param text string|text
function all:send(text) end

---Sends every client that speaks GMCP a message, as player:gmcp does.
---@param package string
---@param value? any
function all:gmcp(package, value) end

-- Colours ---------------------------------------------------------------------------------------
-- A string is shown as it is, whoever wrote it: braces are braces. Control characters and marks that
-- turn the direction of writing round are left out; tabs and line ends stay. Mark-up is read in the
-- first argument of fmt alone, so that what a player typed cannot become any:
--
--   p:send(fmt("{bold}%s{/} says: {cyan}%s{/}", who.name, line))
--
--   {red} ... {/}         black red green yellow blue magenta cyan white; {bright red} and so on; {grey}
--   {bold} {dim} {underline} {reverse}
--   {#ff8800}             any colour; a client that has fewer shows the nearest
--   {on blue}             the background; {bold white on #202020} does all at once
--   {{                    a brace
--
-- {/} closes the last that is open, the end of the text all. Each player is shown what his client can
-- (player.colours), and who uses a screen reader the words alone. A tag that does not exist is shown as
-- it stands there, and the log says where. Never put what a player typed into the first argument.

---A text with mark-up. .. joins it with strings, which are shown as they are, and with others of its
---kind; # says how many characters are seen of it, tostring what it says without mark-up.
---@class text
---@operator concat(string|text): text
---@operator len: integer

---As string.format, but with mark-up in the template, and the arguments are shown as they are, whatever is
---in them; only a text brings its mark-up along. Widths (%-10s) count characters.
---@param template string yours: never what a player typed
---@param ... any
---@return text
function fmt(template, ...) end

---A text that reaches every client byte by byte, whatever it can show: for mark-up of MXP, or pictures
---that are full of escape sequences. Never for what a player typed: it could steer others' terminals.
---@param bytes string
---@return text
function trusted(bytes) end

-- Lists -----------------------------------------------------------------------------------------

---@class list
local members = {}

---Makes an empty list of players. What is sent to it is one message for all of them, however many.
---@return list
function list() end

---Adds a player; one who leaves falls out by himself.
---@param who player
function members:add(who) end

---@param who player also one who has left
function members:remove(who) end

---Shows all on the list a text, with a line end if it has none.
---@param text string|text
function members:send(text) end

---Sends the clients of all on the list that speak GMCP a message, as player:gmcp does.
---@param package string
---@param value? any
function members:gmcp(package, value) end

---Lets new users in from everywhere ("all") or from this machine only ("localhost"); nobody who is
---connected is dropped, and a restart of the game changes nothing. Without an argument: what holds now;
---"mixed" if several multiplexers do not agree.
---@param mode? "all"|"localhost"
---@return "all"|"localhost"|"mixed"|nil
function accept(mode) end

---Lets nobody in from a network any more, and disconnects who is connected from there; he reads the
---reason. The multiplexers keep it, over restarts of the game and of themselves. It takes effect behind
---this frame. Without seconds it is for good. nil and why: no network; a very large one, or one with this
---machine in it, without force; no multiplexer is there.
---@param who string|player "192.0.2.7", "192.0.2.0/24", "2001:db8::/32", or a player: his address
---@param seconds? number
---@param reason? string one line, up to 199 bytes
---@param how? {force?: boolean, keep?: boolean, by?: string} keep: who is connected may stay. by: who says so
---@return true|nil
---@return string? why
function ban(who, seconds, reason, how) end

---Lets them in again. nil and why: that very network is not banned.
---@param net string
---@param how? {by?: string}
---@return true|nil
---@return string? why
function unban(net, how) end

---All bans of all multiplexers, the oldest first. Just after a start of the game they are not known yet.
---@return {net: string, by: string, reason: string?, seconds_left: integer?}[]
function bans() end

-- What lasts -----------------------------------------------------------------------------------
-- player:save keeps something as long as the player stays connected; what is set here stays for ever,
-- whatever crashes. It is on its way to the disk before anybody is shown text that was sent after it.

---store.NAME is a table for any NAME of up to 64 bytes, kept in a file: store.scores.alice = 12 sets,
---store.scores.alice reads, = nil removes, pairs(store.scores) goes through all by name. Keys are
---texts of 1 to 255 bytes, values what json.encode can write, up to 1 MiB. What is read is a copy: to
---keep a change in it, set the key again. Each map has its own store.
---@type table<string, table<string, any>>
store = {}

---Removes all keys of store.NAME.
---@param name string
function store.clear(name) end

-- Time ------------------------------------------------------------------------------------------
-- What waits goes on at the first frame after its time is over; where all that is due takes longer than
-- 250 ms, the rest in the next frame.

---Goes on after so many seconds. Whoever was here may have left meanwhile: ask player.here.
---@async
---@param seconds number
function wait(seconds) end

---Goes on in the next frame.
---@async
function waitframe() end

---Runs f now, in a coroutine of its own; returns when it first waits, or is done.
---@param f function
---@param ... any what it is called with
function spawn(f, ...) end

---@class timer
local timer = {}

---It shall not run (any more). True if it was still to come.
---@return boolean
function timer:cancel() end

---Runs f once, in so many seconds.
---@param seconds number
---@param f function
---@return timer
function after(seconds, f) end

---Runs f again and again, so many seconds apart. Times that were missed are left out.
---@param seconds number
---@param f function
---@return timer
function every(seconds, f) end

-- Settings --------------------------------------------------------------------------------------

---cvar(name) is its value: boolean, number or text, as its default is; the server's own times are
---seconds. cvar(name, value) sets it. The console and server.cfg set it too.
---@class cvar
---@overload fun(name: string): boolean|number|string
---@overload fun(name: string, value: boolean|number|string)
cvar = {}

---Makes a setting of the map, which goes with it. What server.cfg or an admin has set stays.
---@param name string a-z, 0-9 and _
---@param default boolean|number|string
---@param help string one sentence
function cvar.new(name, default, help) end

-- Commands --------------------------------------------------------------------------------------

---Makes a command for players and admins: command("shout", { usage = "<text>", help = "everybody hears
---you", min = 1 }, function(caller, words, rest) all:send(caller.name .. " shouts: " .. rest) end).
---In the game you run it, with command.run in your input handler; on the console, in holdfastctl
---server ... and in its help it is there by itself. It goes with the map.
---The caller is a player, or the console: a value with name "console", role "admin" and :send, whose
---answer is what it was sent until f first waits (later: the log). words are those behind the name,
---"..." holds blanks; rest is all that stands behind it. Whatever f raises is logged, and never what a
---player typed.
---@class command
---@overload fun(name: string, options: command_options, f: fun(caller: player, words: string[], rest: string))
command = {}

---@class command_options
---@field who? string who may: "all" (the default), or a role; admins may always
---@field where? "both"|"game"|"console" the default is "both"
---@field usage? string "<player> [<reason>]"
---@field help? string one sentence
---@field min? integer how many words it needs; with fewer its usage is shown instead
---@field max? integer

---Does what a line says, if its first word is a command that this player may use; else false. For a
---player whose role is "admin" the commands of the console are there too (status, kick, map, restart),
---except where the map has one of the same name.
---@param who player
---@param line string
---@return boolean
function command.run(who, line) end

---What command.run would do for him, in no order: name, usage, help, who.
---@param who player
---@return { name: string, usage: string, help: string, who: string }[]
function command.list(who) end

---The role that admins granted to an account of this map, or nil.
---@param account string
---@return string|nil
function role(account) end

-- Passwords -------------------------------------------------------------------------------------
-- The handler waits meanwhile, a tenth of a second or so; nobody else does.

---@class password
password = {}

---What to keep (in store) instead of a password: from it nobody can find the password, and it is another
---one each time (yescrypt).
---@async
---@param text string at most 512 bytes
---@return string
function password.hash(text) end

---Whether hash was made of this password.
---@async
---@param text string
---@param hash string
---@return boolean
function password.check(text, hash) end

-- The log ---------------------------------------------------------------------------------------

---Each writes one line: its values as tostring has them, with blanks between.
---@class log
log = {}

---@param ... any
function log.debug(...) end

---@param ... any
function log.info(...) end

---@param ... any
function log.warn(...) end

---@param ... any
function log.error(...) end

-- JSON ------------------------------------------------------------------------------------------

---@class json
---@field null any what JSON's null is in Lua, where nil cannot stand in a table
json = { null = nil }

---A table is an array if its keys are 1..n, an object if they are texts; {} is an object.
---@param value any
---@return string
function json.encode(value) end

---The value, or nil and what is wrong with the text.
---@param text string
---@return any
---@return string? why
function json.decode(text) end

-- The HTTP API ----------------------------------------------------------------------------------
-- With sv_api 1 other programs can ask the map. Routes may be registered while its files run.

---What a script that answers is given beside its argument.
---@class request
---@field method string GET, HEAD (answered by what answers get), POST, PUT, PATCH, DELETE
---@field path string decoded
---@field query { key: string, value: string }[]
---@field parts table<string, string> of a route such as /rooms/{name}: parts.name
---@field headers table<string, string> by their names in lower case
---@field address string the client's
---@field body string as it came, 64 KiB at most

---Has f answer requests of this method and path. It gets the query's parts in order (get) or the body's
---JSON, nil if it is none, and the request; what it returns is the answer, in the form that NightFall
---gives it: {"message":{"content":...,"type":"string"},"status":"success"}. It may wait; meanwhile
---others are answered. An error is answered 500. A route without parts goes before one with.
---@param uri string /path, or /path/{name}: any one part there
---@param method "get"|"post"|"put"|"patch"|"delete"
---@param f fun(argument: any, request: request): any or "file.lua::name": what that file returns, or a global
---@return 0|1|2|3|4 code registered; is registered already; bad arguments; sv_api is 0; no room
function register_api_route(uri, method, f) end

---@param uri string
---@param method "get"|"post"|"put"|"patch"|"delete"
---@return 0|1|2|3|4 code no longer; was not registered; bad arguments; sv_api is 0; an error
function unregister_api_route(uri, method) end

---@class api
api = {}

---What a script can return to answer in its own form.
---@param status integer 200 to 599
---@param body? string
---@param headers? table<string, string> Content-Type is text/plain unless it is here
---@return any
function api.reply(status, body, headers) end

---Tells all who listen to GET /events. False: the API does not run.
---@param name string
---@param value? any what json.encode can write
---@return boolean
function api.event(name, value) end

---@class constarray
---@field [integer] any

---A list that is answered as a JSON array; what is in it, nil too, cannot be changed. #, ipairs, pairs and
---table.unpack work. (Any other table is answered as an object: its keys as texts.)
---@param ... any
---@return constarray
function constarray(...) end

---@class vector
---@field x number
---@field y number
---@field z number

---Three numbers, answered as {"x":..., "y":..., "z":...}. It cannot be changed; == compares the numbers.
---@param x number
---@param y number
---@param z number
---@return vector
function vector(x, y, z) end

-- Other servers --------------------------------------------------------------------------------

---Asks another HTTP server, if sv_api_client is 1. f(code, answer, userdata) is called in a later frame: code is
---the status of HTTP, 100 to 399, and answer the text; or code is -1 and answer says what went wrong, which
---a status from 400 on is, too. post, put and patch send userdata as JSON in which each value says what it
---is: {"content":5,"type":"integer"}. Only http and https, at most three redirects, 20 seconds and 256 KiB;
---only servers on the Internet, unless sv_api_client_private is 1. What was not answered when the map
---ends is forgotten.
---@param url string
---@param method "get"|"post"|"put"|"patch"|"delete"|"head"
---@param f fun(code: integer, answer: string, userdata: any) or "file.lua::name", as for routes
---@param userdata? any
---@return integer result 0: it will be asked; 1: an argument is wrong; 2: not allowed; 3: failed
---@return string? why
function create_api_request(url, method, f, userdata) end

return { list = members, player = player, timer = timer }
