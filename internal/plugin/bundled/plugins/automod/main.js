// Looks at every message for blocked words, and at how fast people write. Those with a rank are left alone, as plugins may do
// nothing to them.

const HELP = [
  "`!automod add <word>`: block a word or phrase",
  "`!automod remove <word>`",
  "`!automod list`",
  "`!automod clear`: no words at all",
  "`!automod status`",
  "`!automod enable`, `!automod disable`: look at messages, or not",
  "`!automod timeout <seconds>`: how long people are muted",
  "`!automod toggle_delete`: delete the messages, or not",
].join("\n");

// plain is a text without what hides a word in it: case, forms of letters, signs without width.
const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, "");

const blockedIn = (text) => {
  const said = plain(text);
  return config.blocked_words.some((word) => typeof word === "string" && word.trim() !== "" && said.includes(plain(word)));
};

// muted has somebody muted, and says why. What others did first does not matter.
async function moderate(e, seconds, reason) {
  if (config.delete_message) {
    await chat.delete(e).catch((err) => log.warn("not deleted:", err.message));
  }
  if (seconds > 0) {
    await chat.timeout(e.user_id, seconds, reason).catch((err) => log.warn("not muted:", err.message));
  }
  if (config.send_mod_message) {
    await chat.send(e.room, config.mod_message.split("{username}").join(e.username)).catch((err) => log.warn("not told:", err.message));
  }
  await emit("auto_moderate", {
    user_id: e.user_id, username: e.username, channel: e.channel, content: e.content, action: "timeout", duration: seconds, reason, message_id: e.id,
  });
}

const actions = {
  async add(words) {
    if (!words) return "Usage: `!automod add <word>`";
    if (config.blocked_words.some((w) => plain(w) === plain(words))) return "This is blocked already.";
    await configure({ blocked_words: [...config.blocked_words, words] });
    return "Blocked.";
  },
  async remove(words) {
    const left = config.blocked_words.filter((w) => plain(w) !== plain(words));
    if (left.length === config.blocked_words.length) return "This was not blocked.";
    await configure({ blocked_words: left });
    return "No longer blocked.";
  },
  list: () => (config.blocked_words.length === 0 ? "No words are blocked." : config.blocked_words.length + " blocked: ||" + config.blocked_words.join(", ") + "||"),
  async clear() {
    await configure({ blocked_words: [] });
    return "No words are blocked any more.";
  },
  status: () => [
    "Looks at messages: " + (config.active ? "yes" : "no"),
    "Blocked words: " + config.blocked_words.length,
    "Mutes for: " + config.timeout_duration + " s",
    "Deletes messages: " + (config.delete_message ? "yes" : "no"),
    "Flood: " + (config.flood_messages > 0 ? "more than " + config.flood_messages + " messages in " + config.flood_seconds + " s" : "not looked at"),
  ].join("\n"),
  async enable() {
    await configure({ active: true });
    return "Messages are looked at.";
  },
  async disable() {
    await configure({ active: false });
    return "Messages are not looked at.";
  },
  async timeout(words) {
    const seconds = Number(words);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > 31536000) return "Usage: `!automod timeout <seconds>`";
    await configure({ timeout_duration: seconds });
    return "People are muted for " + seconds + " s.";
  },
  async toggle_delete() {
    await configure({ delete_message: !config.delete_message });
    return config.delete_message ? "Messages are deleted." : "Messages are not deleted any more.";
  },
  help: () => HELP,
};

async function command(e) {
  const [, word = "help", rest = ""] = /^!automod(?:\s+(\S+))?(?:\s+([^]*))?$/.exec(e.content.trim()) || [];
  const action = Object.prototype.hasOwnProperty.call(actions, word) ? actions[word] : actions.help;
  let answer;
  try {
    answer = await action(rest.trim());
  } catch (err) {
    answer = err.message;
  }
  await chat.reply(e, answer);
}

async function look(e) {
  if (!config.active || !e.user || e.user.rank !== "member") return;
  if (blockedIn(e.content)) {
    await moderate(e, config.timeout_duration, "Automoderation: Message contains blocked words");
  }
}

on("message_edit", look);

on("new_message", async (e) => {
  if (e.user && ["owner", "admin"].includes(e.user.rank) && /^!automod(\s|$)/.test(e.content)) return command(e);
  await look(e);
  if (config.active && config.flood_messages > 0 && e.user && e.user.rank === "member") {
    if (!(await chat.count("flood:" + e.user_id, config.flood_messages, config.flood_seconds))) {
      await moderate(e, config.flood_timeout, "Automoderation: Too many messages");
    }
  }
});
