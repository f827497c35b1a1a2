-- Wireshark's view of the link between the multiplexer and the game server (proto/README.md).
--
--   tshark -X lua_script:proto/agnet.lua -r session.pcap        wireshark does the same
--
-- The link is an AF_UNIX socket, which cannot be captured; over TCP it can, or its bytes be put into a
-- pcap. The port is a preference (-o agnet.port:4999). make lint holds the table to messages.def.
-- luacheck: globals Proto ProtoField ProtoExpert Pref DissectorTable expert base dissect_tcp_pdus

-- id = {way, name, kind and name of each field}
local MESSAGES = {
	[1] = {"up", "TICK"},
	[2] = {"down", "TERMINATE"},
	[3] = {"up", "MUX GOING OFFLINE"},
	[4] = {"down", "NOT READY"},
	[5] = {"down", "READY"},
	[6] = {"down", "SERVER GOING OFFLINE"},
	[7] = {"down", "ARE YOU ALIVE"},
	[8] = {"up", "I AM ALIVE"},
	[10] = {"down", "ACCEPT LOCALHOST ONLY"},
	[11] = {"down", "ACCEPT ALL"},
	[12] = {"down", "TELL ME YOUR ACCEPT MODE"},
	[13] = {"up", "ACCEPTING LOCALHOST ONLY"},
	[14] = {"up", "ACCEPTING ALL"},
	[20] = {"up", "GOT SUBCLIENT", "key who", "text protocol", "text ip"},
	[21] = {"up", "LOST SUBCLIENT", "key who"},
	[22] = {"down", "KILL SUBCLIENT", "key who"},
	[23] = {"up", "KILLED SUBCLIENT", "key who"},
	[24] = {"up", "GOT SUBCLIENT TEXT", "key who", "bytes data"},
	[25] = {"down", "SEND SUBCLIENT TEXT", "key who", "bytes data"},
	[26] = {"down", "SAVE SUBCLIENT INFO", "key who", "bytes data"},
	[27] = {"down", "DELETE SUBCLIENT SAVED INFO", "key who"},
	[28] = {"up", "SAVED SUBCLIENT INFO", "key who"},
	[29] = {"up", "COULD NOT SAVE SUBCLIENT INFO", "key who"},
	[30] = {"up", "DELETED SUBCLIENT SAVED INFO", "key who"},
	[33] = {"down", "GET SUBCLIENT DNS", "key who"},
	[34] = {"down", "GET SUBCLIENT IDENTD", "key who"},
	[35] = {"down", "GET SUBCLIENT IDLETIME", "key who"},
	[36] = {"down", "GET SUBCLIENT CONNECTTIME", "key who"},
	[37] = {"down", "GET SUBCLIENT SAVED INFO", "key who"},
	[38] = {"down", "GET ALL SUBCLIENT INFO"},
	[39] = {"up", "NO SUCH SUBCLIENT", "key who"},
	[40] = {"up", "SUBCLIENT DNS IS", "key who", "text name"},
	[41] = {"up", "SUBCLIENT IDENTD IS", "key who", "text name"},
	[42] = {"up", "SUBCLIENT IDLETIME IS", "key who", "uint seconds"},
	[43] = {"up", "SUBCLIENT CONNECTTIME IS", "key who", "uint seconds"},
	[44] = {"up", "SUBCLIENT SAVED INFO IS", "key who", "bytes data"},
	[45] = {"up", "THERE IS NO SUBCLIENT SAVED INFO", "key who"},
	[46] = {"up", "COULD NOT GET SUBCLIENT SAVED INFO", "key who"},
	[47] = {"up", "DONE SENDING SUBCLIENT INFO", "key who"},
	[48] = {"up", "DONE SENDING ALL SUBCLIENT INFO"},
	[64] = {"down", "SERVER HELLO", "uint version", "text features"},
	[65] = {"up", "MULTIPLEXER HELLO", "uint version", "text features", "bytes incarnation"},
	[66] = {"down", "MAKE LIST", "key list"},
	[67] = {"down", "DROP LIST", "key list"},
	[68] = {"down", "ADD TO LIST", "key list", "key who"},
	[69] = {"down", "REMOVE FROM LIST", "key list", "key who"},
	[70] = {"both", "LINK REFUSED", "text reason"},
	[72] = {"up", "GOT SUBCLIENT EVENT", "key who", "text channel", "uint flags", "bytes data"},
	[73] = {"down", "SEND SUBCLIENT EVENT", "key who", "text channel", "uint flags", "bytes data"},
	[74] = {"up", "SUBCLIENT CAPS ARE", "key who", "bytes caps"},
	[80] = {"down", "PAUSE"},
	[81] = {"up", "PAUSED"},
	[82] = {"both", "HEARTBEAT", "uint number"},
	[83] = {"both", "HEARTBEAT ANSWER", "uint number"},
	[84] = {"down", "HANDLED", "uint messages"},
	[85] = {"up", "SUBCLIENT IS SLOW", "key who", "uint bytes"},
	[86] = {"up", "SUBCLIENT CAUGHT UP", "key who"},
	[90] = {"down", "BAN", "text net", "uint seconds", "uint made", "bytes about"},
	[91] = {"down", "UNBAN", "text net", "uint seconds", "uint made", "text by"},
	[92] = {"down", "TELL ME YOUR BANS"},
	[93] = {"up", "BAN IS", "text net", "uint seconds", "uint made", "bytes about"},
	[94] = {"up", "UNBAN IS", "text net", "uint seconds", "uint made", "text by"},
	[95] = {"up", "DONE SENDING BANS"},
	[96] = {"up", "COULD NOT BAN", "text net", "text reason"},
}

local HEADER, MESSAGE_MAX, ARGUMENTS_MAX, DEPTH_MAX = 4, 4096, 4, 10

local agnet = Proto("agnet", "AgNet (Holdfast's link)")
agnet.prefs.port = Pref.uint("TCP port", 4999, "Where the game server listens")

local names = {}
for id, row in pairs(MESSAGES) do
	names[id] = row[2]
end

local f = {
	length = ProtoField.uint16("agnet.length", "Length"),
	id = ProtoField.uint8("agnet.id", "Id", base.DEC, names),
	way = ProtoField.string("agnet.way", "Way"),
	count = ProtoField.uint8("agnet.count", "Arguments"),
	key = ProtoField.string("agnet.key", "Key"),
	text = ProtoField.string("agnet.text", "Text"),
	bytes = ProtoField.bytes("agnet.bytes", "Bytes"),
	uint = ProtoField.uint32("agnet.uint", "Number"),
}
agnet.fields = {f.length, f.id, f.way, f.count, f.key, f.text, f.bytes, f.uint}

local malformed = ProtoExpert.new(
	"agnet.malformed", "Malformed message", expert.group.MALFORMED, expert.severity.ERROR)
agnet.experts = {malformed}

-- 5:199, or nil and what is wrong.
local function key_text(argument)
	local len = argument:len()
	if len < 4 then
		return nil, "a key of less than 4 bytes"
	end
	local depth = argument(0, 4):le_uint()
	if depth < 1 or depth > DEPTH_MAX then
		return nil, "a key of depth " .. depth
	end
	if len ~= 4 * (1 + depth) then
		return nil, "a key whose length does not fit its depth"
	end
	local numbers = {}
	for i = 1, depth do
		numbers[i] = string.format("%d", argument(4 * i, 4):le_uint())
	end
	return table.concat(numbers, ":")
end

-- Each shows one argument in the tree, and returns what the list of packets says of it, or nil and why.
local show = {}

function show.key(tree, name, argument)
	local text, why = key_text(argument)
	if text then
		tree:add(f.key, argument, text, name .. ": " .. text)
	end
	return text, why
end

function show.text(tree, name, argument)
	local text = argument:string()
	tree:add(f.text, argument, text, name .. ": " .. text)
	return text
end

-- What was typed, shown or saved: any bytes.
function show.bytes(tree, name, argument)
	tree:add(f.bytes, argument):prepend_text(name .. ": ")
	return argument:len() .. " bytes"
end

function show.uint(tree, name, argument)
	if argument:len() ~= 4 then
		return nil, "an integer of " .. argument:len() .. " bytes"
	end
	local number = argument:le_uint()
	tree:add_le(f.uint, argument):set_text(name .. ": " .. number)
	return tostring(number)
end

-- The arguments one after the other; what is wrong, if something is.
local function show_arguments(tree, message, row, words)
	local at = HEADER
	for i = 1, message(3, 1):uint() do
		if at + 2 > message:len() then
			return "argument " .. i .. ": its length lies past the end"
		end
		local len = message(at, 2):le_uint()
		at = at + 2
		if len == 0 then
			return "argument " .. i .. ": length 0"
		end
		if at + len > message:len() then
			return "argument " .. i .. ": it ends past the end"
		end
		local kind, name = "bytes", "argument " .. i
		if row and row[i + 2] then
			kind, name = row[i + 2]:match("^(%l+) (.+)$")
		end
		local word, why = show[kind](tree, name, message(at, len))
		if not word then
			return "argument " .. i .. " (" .. name .. "): " .. why
		end
		words[#words + 1] = word
		at = at + len
	end
	if at ~= message:len() then
		return message:len() - at .. " bytes are left over"
	end
	if row and message(3, 1):uint() ~= #row - 2 then
		return message(3, 1):uint() .. " arguments instead of " .. #row - 2
	end
end

local function show_message(buffer, pinfo, root)
	local message = buffer(0)
	local id = message(2, 1):uint()
	local row = MESSAGES[id]
	local name = row and row[2] or "unknown message " .. id
	local tree = root:add(agnet, message, "AgNet: " .. name)
	tree:add_le(f.length, message(0, 2))
	tree:add(f.id, message(2, 1))
	if row then
		tree:add(f.way, message(2, 1), row[1]):set_generated()
	end
	tree:add(f.count, message(3, 1))
	local words = {name}
	local length = message(0, 2):le_uint()
	local why
	if length ~= message:len() or length > MESSAGE_MAX then
		why = "length " .. length
	elseif message(3, 1):uint() > ARGUMENTS_MAX then
		why = message(3, 1):uint() .. " arguments"
	else
		why = show_arguments(tree, message, row, words)
	end
	if why then
		tree:add_proto_expert_info(malformed, why)
		words[#words + 1] = "(malformed: " .. why .. ")"
	end
	local line = table.concat(words, " ")
	tree:append_text(line:sub(#name + 1))
	pinfo.cols.protocol = "AgNet"
	pinfo.cols.info:append(line .. "; ") -- there may be several in one packet
	return message:len()
end

-- A length out of bounds ends the link for the daemons; here what is left stands as it is.
local function message_length(buffer, _, offset)
	local length = buffer(offset, 2):le_uint()
	if length < HEADER or length > MESSAGE_MAX then
		return buffer:len() - offset
	end
	return length
end

function agnet.dissector(buffer, pinfo, root)
	pinfo.cols.info:clear()
	dissect_tcp_pdus(buffer, root, HEADER, message_length, show_message)
	return buffer:len()
end

local ports, port = DissectorTable.get("tcp.port"), nil

local function register()
	if port then
		ports:remove(port, agnet)
	end
	port = agnet.prefs.port
	ports:add(port, agnet)
end

agnet.prefs_changed = register
register()
