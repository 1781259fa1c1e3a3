// Says a few words when somebody gets an account. With first_time_only, a name that was greeted once is not greeted when it
// comes again, as after an account was deleted.

const BUCKETS = 64; // a plugin keeps few values, so many names share one

const bucketOf = (name) => {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) >>> 0;
  return "greeted:" + (hash % BUCKETS);
};

// greetedBefore says whether the name was greeted, and remembers it.
async function greetedBefore(name) {
  const key = bucketOf(name);
  const names = (await store.get(key)) || [];
  if (names.includes(name)) return true;
  names.push(name);
  await store.set(key, names).catch((err) => log.warn("not remembered:", err.message)); // full: greet all the same
  return false;
}

on("user_join", async (e) => {
  if (config.first_time_only && (await greetedBefore(e.username.toLowerCase()))) return;
  const text = config.welcome_message
    .split("{username}").join(e.username)
    .split("{display_name}").join(e.user.display_name)
    .split("{channel}").join(config.welcome_channel);
  try {
    await chat.send(config.welcome_channel, text);
  } catch (err) {
    log.warn("cannot greet in " + config.welcome_channel + ":", err.message);
  }
});
