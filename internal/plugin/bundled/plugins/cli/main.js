// Commands of owners and admins, typed as messages. Everything is done with the rights of the person who typed it.

const commands = {
  ban: ["<username> [reason]", "shut somebody out", async (by, [user, ...reason]) => "Banned " + (await by.do("ban", { user: need(user), reason: reason.join(" ") })) + "."],
  unban: ["<username>", "let them in again", async (by, [user]) => (await by.do("unban", { user: need(user) })) + " is no longer banned."],
  list_banned: ["", "who is banned", async (by) => lines(await by.do("bans"), "Nobody is banned.")],
  users_list: ["", "who has an account", async (by) => {
    const { names, more } = await by.do("users");
    return names.join(", ") + (more ? ", …" : "");
  }],
  channels_list: ["", "the channels", async (by) => lines((await by.do("rooms")).map((r) => label(r) + " (" + r.form + ")"), "There are no channels.")],
  channel_create: ["<name> [text|voice|forum] [description]", "make a channel", async (by, [name, form = "text", ...description]) =>
    "Made " + label(await by.do("room_create", { name: need(name), form, description: description.join(" ") })) + "."],
  channel_delete: ["<name>", "remove a channel with all that is in it", async (by, [room]) => "Deleted " + label(await by.do("room_delete", { room: need(room) })) + "."],
  channel_getinfo: ["<name>", "what there is to know of a channel", async (by, [room]) => {
    const r = await by.do("room", { room: need(room) });
    return [label(r) + ": " + r.name, "Type: " + r.type + ", " + r.form, "Description: " + (r.description || "none"), "Position: " + r.position, "Members: " + r.members + ", messages: " + r.messages].join("\n");
  }],
  channel_move: ["<name> <position>", "put a channel elsewhere in the list", async (by, [room, position]) =>
    "Moved " + label(await by.do("room_update", { room: need(room), position: number(position) })) + "."],
  channel_setpermissions: ["<name> <right> [role…]", "which roles have a right in a channel; none: everybody", async (by, [room, right, ...roles]) =>
    "The right " + right + " in " + label(await by.do("room_rights", { room: need(room), right: need(right), roles })) + " is with " + (roles.join(", ") || "everybody") + "."],
  roles_list: ["", "the roles", async (by) => lines((await by.do("roles")).map((r) => r.name + (r.color ? " " + r.color : "")), "")],
  roles_create: ["<name> [#rrggbb]", "make a role", async (by, [name, color]) => "Made the role " + (await by.do("role_create", { name: need(name), color })).name + "."],
  roles_delete: ["<name>", "remove a role from everyone", async (by, [role]) => "Deleted the role " + (await by.do("role_delete", { role: need(role) })) + "."],
  roles_give: ["<username> <role>", "give somebody a role", async (by, [user, role]) => {
    const done = await by.do("role_give", { user: need(user), role: need(role) });
    return done.user + " has the role " + done.role + ".";
  }],
  roles_remove: ["<username> <role>", "take a role from somebody", async (by, [user, role]) => {
    const done = await by.do("role_take", { user: need(user), role: need(role) });
    return done.user + " no longer has the role " + done.role + ".";
  }],
  roles_setcolor: ["<name> <#rrggbb>", "the colour of a role", async (by, [role, color]) => "The role " + (await by.do("role_update", { role: need(role), color: need(color) })).name + " has another colour."],
  purge: ["<number>", "delete the newest messages here, up to 100", async (by, [count], e) => {
    const deleted = await by.do("purge", { room: e.room.id, count: number(count) });
    return "Deleted " + deleted + (deleted === 1 ? " message." : " messages.");
  }],
  help: ["", "these lines", async () => Object.keys(commands).map((name) => "`" + config.prefix + [name, commands[name][0]].join(" ").trim() + "`: " + commands[name][1]).join("\n")],
};

class Usage extends Error {}

const need = (value) => {
  if (!value) throw new Usage();
  return value;
};

const number = (value) => {
  if (!/^\d+$/.test(value || "")) throw new Usage();
  return Number(value);
};

const label = (room) => "#" + (room.slug || room.name);
const lines = (list, none) => (list.length === 0 ? none : list.join("\n"));

// split takes a line apart; what stands in quotation marks stays together.
const split = (line) => (line.match(/"[^"]*"|\S+/g) || []).map((part) => part.replace(/^"([^"]*)"$/, "$1"));

on("new_message", async (e) => {
  if (!config.prefix || !e.content.startsWith(config.prefix) || !e.user || !["owner", "admin"].includes(e.user.rank)) return;
  const [name, ...args] = split(e.content.slice(config.prefix.length));
  if (!Object.prototype.hasOwnProperty.call(commands, name || "")) return; // meant for another plugin, or for people
  const [usage, , run] = commands[name];
  let answer;
  try {
    answer = await run(chat.by(e), args, e);
  } catch (err) {
    answer = err instanceof Usage ? "Usage: `" + (config.prefix + name + " " + usage).trim() + "`" : err.message;
  }
  await chat.send(e.room, answer.slice(0, 9000));
});
