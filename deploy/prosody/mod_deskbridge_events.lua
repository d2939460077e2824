-- Tells Deskbridge of rooms and of who is in them (Prosody 0.12 or newer).
--
-- Copy this file to a folder of `plugin_paths` and enable it for the component that has the rooms:
--
--   plugin_paths = { "/usr/local/lib/prosody/modules" }
--   Component "rooms.example.org" "muc"
--     modules_enabled = { "deskbridge_events" }
--     deskbridge_events_url = "http://127.0.0.1:8000"
--     deskbridge_events_token = "…"  -- deskbridge apikey create --name prosody --scope rooms:write
--
-- Settings:
--   deskbridge_events_url         where Deskbridge's REST API is, without a path of its own; needed
--   deskbridge_events_token       a token with the scope rooms:write; needed. A new one counts after a reload of the configuration
--   deskbridge_events_queue_size  events that may wait in all; 10000
--   deskbridge_events_timeout     seconds that one request may take; 10
--   deskbridge_events_max_delay   the longest pause between tries, in seconds; 30
--   deskbridge_events_send_ip     whether addresses of local users' clients are told; false
--
-- What is told: rooms that are made and destroyed, real addresses (JIDs) that come, change their name, role or e-mail address,
-- and go. A visitor (XEP-0045 §5.1) counts as a participant. `email` and `avatar-url` are taken from the presence, as
-- Jitsi's clients send them. Of everybody in every room: give rooms that are nobody's business a component of their own.
--
-- How: events of one room go out one after the other, those of different rooms beside each other. Each carries its time
-- (`at`). What Deskbridge does not take (it is down, too busy, or does not know the token) is tried again, after pauses
-- of 1, 2, 4 … seconds. The queue is also on disk (Prosody's own storage, store `deskbridge_events`), within a second, and
-- goes on after a restart; rooms that a crash has ended are told as ended then. When the queue is full, what happens
-- meanwhile is not told event by event: as soon as there is place, Deskbridge learns how things stand.

local datetime = require "util.datetime".datetime;
local http = require "net.http";
local jid = require "util.jid";
local json = require "util.json";
local now = require "util.time".now;
local urlencode = require "util.http".urlencode;
local uuid = require "util.uuid".generate;

local muc = module:depends("muc");
local store = module:open_store("deskbridge_events");

-- Requests at once, of different rooms.
local CONNECTIONS = 4;
-- Seconds until changes of the queue are on disk.
local SAVE_AFTER = 1;
-- How often in a row a room is told anew that Deskbridge says it does not know.
local RELEARN = 3;

for _, needed in ipairs { "url"; "token" } do
	if not module:get_option_string("deskbridge_events_"..needed) then
		error("mod_deskbridge_events needs the setting deskbridge_events_"..needed, 0);
	end
end

-- By the room's JID: `session` while the room lives, `occupants` as they were told (by their real JIDs), and the `queue`.
local records = {};
-- Records with something to send that nobody is sending.
local ready = {};
local waiting, sending, failures = 0, 0, 0;
local paused, full, stopped = false, false, false;
-- The code of the failure that was logged last.
local trouble;

-- On disk ---------------------------------------------------------------------------------------------------------------

local dirty, save_timer = {}, nil;

local function save(record)
	dirty[record.jid] = nil;
	local data;
	if records[record.jid] == record then
		data = { jid = record.jid; session = record.session; occupants = record.occupants; queue = record.queue; last_at = record.last_at };
	end
	local ok, err = store:set(jid.node(record.jid), data);
	if not ok then
		module:log("error", "The events of a room could not be stored: %s", err);
	end
end

local function save_all()
	save_timer = nil;
	for _, record in pairs(dirty) do save(record); end
end

local function save_soon(record)
	dirty[record.jid] = record;
	save_timer = save_timer or module:add_timer(SAVE_AFTER, save_all);
end

-- The queue -------------------------------------------------------------------------------------------------------------

local pump, observe;

-- In microseconds, and in each room later than the event before, whatever the clock does.
local function time_of(record)
	record.last_at = math.max(math.floor(now() * 1000000), (record.last_at or 0) + 1);
	return datetime(math.floor(record.last_at / 1000000)):gsub("Z$", (".%06dZ"):format(record.last_at % 1000000));
end

-- Whether there was place. The end of a room always has one: there is at most one for each room.
local function enqueue(record, method, path, body)
	local ends = method == "DELETE" and body.jid ~= nil;
	if not ends and waiting >= module:get_option_number("deskbridge_events_queue_size", 10000) then
		if not full then
			module:log("warn", "%d events wait for Deskbridge; until there is place, only the state of rooms is kept", waiting);
		end
		full = true;
		return false;
	end
	body.at = time_of(record);
	table.insert(record.queue, { session = record.session; method = method; path = path; body = body });
	waiting = waiting + 1;
	if not record.busy and not record.ready then
		record.ready = true;
		table.insert(ready, record);
	end
	save_soon(record);
	return true;
end

-- Takes the first event out, or, with a session, all that belong to it.
local function dequeue(record, session)
	for place = session and #record.queue or 1, 1, -1 do
		if not session or record.queue[place].session == session then
			table.remove(record.queue, place);
			waiting = waiting - 1;
		end
	end
	save_soon(record);
end

-- Sending ---------------------------------------------------------------------------------------------------------------

-- Calls `done(code, body, headers)` once; code 0 when there was no answer.
local function request(event, done)
	local timer, sent;
	local function finish(body, code, response)
		if not done then return; end
		local tell = done;
		done = nil;
		if timer then timer:stop(); end
		tell(code, body, response and response.headers);
	end
	sent = http.request((module:get_option_string("deskbridge_events_url"):gsub("/+$", "")) .. event.path, {
		method = event.method;
		headers = {
			["Content-Type"] = "application/json";
			["Authorization"] = "Bearer " .. module:get_option_string("deskbridge_events_token");
		};
		body = json.encode(event.body);
	}, finish);
	if not done then return; end
	timer = module:add_timer(module:get_option_number("deskbridge_events_timeout", 10), function ()
		timer = nil;
		finish("timeout", 0);
		if sent and sent.cancel then sent:cancel("timeout"); end
	end);
end

-- Nothing goes out for a while.
local function pause(code, why, headers)
	if paused then return; end
	paused, failures = true, failures + 1;
	local is_new = trouble ~= code;
	trouble = code;
	local longest = module:get_option_number("deskbridge_events_max_delay", 30);
	local delay = math.min(2 ^ math.min(failures - 1, 16), longest) * (0.75 + math.random() / 4);
	-- Who says when to come again is believed, within bounds.
	delay = math.max(delay, math.min(tonumber(headers and headers["retry-after"]) or 0, 300));
	module:log(is_new and "warn" or "info", "Deskbridge does not take events (%s); %d wait, the next try is in %.1f s",
		code == 0 and why or "status " .. code, waiting, delay);
	if is_new and (code == 401 or code == 403) then
		module:log("error", "Deskbridge refuses deskbridge_events_token: it needs the role service and the scope rooms:write");
	end
	module:add_timer(delay, function ()
		paused = false;
		pump();
	end);
end

-- Deskbridge knows nothing of the room, as after its database was restored: it is told anew, as another life of the room.
local function relearn(record, event)
	record.relearned = (record.relearned or 0) + 1;
	if event.session ~= record.session or record.relearned > RELEARN then
		module:log("warn", "Deskbridge does not know the room of an event, which is dropped");
		dequeue(record);
		return;
	end
	dequeue(record, event.session);
	record.session, record.occupants = nil, {};
	local room = muc.get_room_from_jid(record.jid);
	if room then observe(room); end
end

-- Looks at an answer: the event is done, stays for another try, or is told in another way.
local function settle(record, event, code, body, headers)
	local word = json.decode(body or "");
	word = type(word) == "table" and word.status;
	local is_occupant = event.body.roomJid ~= nil;
	if code >= 200 and code < 300 then
		failures, trouble = 0, nil;
		if is_occupant then record.relearned = nil; end
	elseif code == 0 or code >= 500 or code < 400 or code == 408 or code == 429 or code == 401 or code == 403
		or (code == 404 and not word) then
		pause(code, body, headers);
		return;
	elseif word == "no-room" and is_occupant and event.method == "POST" then
		relearn(record, event);
		return;
	elseif word == "no-occupant" and event.method == "PUT" and event.session == record.session then
		record.occupants[event.jid] = nil;
		dequeue(record);
		local room = muc.get_room_from_jid(record.jid);
		if room then observe(room); end
		return;
	elseif word == "duplicate" or word == "no-room" or word == "no-occupant" then
		-- It came before, and the answer was lost.
		failures, trouble = 0, nil;
	else
		module:log("error", "Deskbridge refused an event, which is dropped: %s, status %d", event.method, code);
	end
	dequeue(record);
end

local function send(record)
	local event = record.queue[1];
	record.busy, sending = true, sending + 1;
	request(event, function (code, body, headers)
		if stopped then return; end
		-- Busy until here: what `settle` has to tell of the room waits for its turn.
		settle(record, event, code, body, headers);
		record.busy, sending = false, sending - 1;
		if record.queue[1] then
			record.ready = true;
			table.insert(ready, record);
		elseif not record.session then
			records[record.jid] = nil;
		end
		save_soon(record);
		pump();
	end);
end

function pump()
	if full and waiting < module:get_option_number("deskbridge_events_queue_size", 10000) / 2 then
		full = false;
		for room in muc.live_rooms() do observe(room); end
	end
	while ready[1] and sending < CONNECTIONS and not paused and not stopped do
		local record = table.remove(ready, 1);
		record.ready = false;
		if record.queue[1] then send(record); end
	end
end

-- Rooms -----------------------------------------------------------------------------------------------------------------

local function record_of(room_jid)
	local record = records[room_jid];
	if not record then
		record = { jid = room_jid; occupants = {}; queue = {} };
		records[room_jid] = record;
	end
	return record;
end

local function ip_of(real_jid)
	if not module:get_option_boolean("deskbridge_events_send_ip", false) then return nil; end
	local session = prosody.full_sessions[real_jid];
	return session and session.ip;
end

-- Who is in the room now, by real JIDs.
local function present_in(room)
	local present = {};
	for nick, occupant in room:each_occupant() do
		for real_jid, presence in occupant:each_session() do
			if occupant.role and presence.attr.type == nil then
				present[real_jid] = {
					nick = jid.resource(nick);
					role = occupant.role == "moderator" and "moderator" or "participant";
					email = presence:get_child_text("email");
					avatar = presence:get_child_text("avatar-url");
				};
			end
		end
	end
	return present;
end

local function come(record, real_jid, seen)
	local body = {
		jid = real_jid; roomJid = record.jid; nick = seen.nick; role = seen.role;
		email = seen.email; avatar = seen.avatar; ip = ip_of(real_jid);
	};
	return enqueue(record, "POST", "/api/v1/occupants", body);
end

local function change(record, real_jid, seen, told)
	-- An empty address takes the old one away.
	local email = seen.email or told.email and "" or nil;
	local body = { roomJid = record.jid; nick = seen.nick; role = seen.role; email = email };
	local queued = enqueue(record, "PUT", "/api/v1/occupants/" .. urlencode(real_jid), body);
	if queued then record.queue[#record.queue].jid = real_jid; end
	return queued;
end

local function go(record, real_jid)
	return enqueue(record, "DELETE", "/api/v1/occupants/" .. urlencode(real_jid), { roomJid = record.jid });
end

-- Tells what differs from what was told before.
function observe(room)
	if room.destroying or room._data.destroyed then return; end
	local record = record_of(room.jid);
	if not record.session then
		record.session = uuid();
		local name = room:get_name();
		if not name or name == "" then name = jid.node(room.jid) or room.jid; end
		if not enqueue(record, "POST", "/api/v1/rooms", { name = name; session = record.session; jid = room.jid }) then
			record.session = nil;
			if not record.queue[1] then records[room.jid] = nil; end
			return;
		end
		-- At once: whatever happens from here on, the room's end will be told.
		save(record);
	end
	local present = present_in(room);
	for real_jid in pairs(record.occupants) do
		if not present[real_jid] and go(record, real_jid) then record.occupants[real_jid] = nil; end
	end
	for real_jid, seen in pairs(present) do
		local told = record.occupants[real_jid];
		if not told then
			if come(record, real_jid, seen) then record.occupants[real_jid] = seen; end
		elseif told.nick ~= seen.nick or told.role ~= seen.role or told.email ~= seen.email then
			if change(record, real_jid, seen, told) then record.occupants[real_jid] = seen; end
		end
	end
	pump();
end

local function finish(room_jid)
	local record = records[room_jid];
	if not record or not record.session then return; end
	for real_jid in pairs(record.occupants) do go(record, real_jid); end
	enqueue(record, "DELETE", "/api/v1/rooms/" .. urlencode(record.session), { jid = room_jid });
	record.session, record.occupants = nil, {};
	save(record);
	pump();
end

-- Every change of an occupant is shown to the room, after it was made: this is where joins, roles, names and leaves are seen.
module:hook("muc-broadcast-presence", function (event)
	-- A change of the name comes in two parts. This is the first, in which the old name goes and the new is not there yet.
	if event.nick then return; end
	local room = event.room;
	if room.destroying then
		-- Everybody has been sent out by now; the end of the room follows.
		return;
	end
	observe(room);
end, 100);

module:hook("muc-room-created", function (event) observe(event.room); end, -100);
module:hook("muc-room-restored", function (event) observe(event.room); end, -100);
module:hook("muc-room-destroyed", function (event) finish(event.room.jid); end, 100);

-- The beginning and the end -----------------------------------------------------------------------------------------------

local function read()
	for node in store:users() do
		local data, err = store:get(node);
		if data then
			local record = { jid = data.jid; session = data.session; occupants = data.occupants or {}; queue = data.queue or {}; last_at = data.last_at };
			records[record.jid] = record;
			waiting = waiting + #record.queue;
			if record.queue[1] then
				record.ready = true;
				table.insert(ready, record);
			end
		elseif err then
			module:log("error", "The events of a room could not be read: %s", err);
		end
	end
end

-- Compares what was told with what there is: a crash ends rooms, and the module may be new where rooms are not.
local function catch_up()
	local known = {};
	for room_jid in pairs(records) do table.insert(known, room_jid); end
	for _, room_jid in ipairs(known) do
		local room = muc.get_room_from_jid(room_jid);
		if room and not room._data.destroyed then
			observe(room);
		else
			finish(room_jid);
		end
	end
	for room in muc.live_rooms() do observe(room); end
	pump();
end

function module.load()
	read();
	-- Behind everything else that is loaded: the rooms' component has all its parts by then.
	module:add_timer(0, catch_up);
end

function module.unload()
	stopped = true;
	save_all();
end

-- Behind the rooms, which are told of everybody's going as the server stops.
module:hook_global("server-stopping", save_all, -1000);
