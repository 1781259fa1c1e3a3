// What plugins find in their global scope. `host` is what the engine lends; nothing else of it can be reached.
(function (host) {
  "use strict";
  const give = (name, value) => Object.defineProperty(globalThis, name, { value: Object.freeze(value), enumerable: true, writable: true, configurable: true });
  const idOf = (x) => (x !== null && typeof x === "object" ? x.id : x);
  const call = host.call;
  const words = (list) => Array.prototype.map.call(list, (x) => (typeof x === "string" ? x : host.show(x))).join(" ");
  const body = (text) => (text !== null && typeof text === "object" ? text : { text: String(text) });

  give("on", (event, handler) => host.on(String(event), handler));
  give("command", (spec, handler) => host.command(spec, handler));
  give("every", (seconds, handler) => host.every(Number(seconds), handler));
  give("setTimeout", (handler, ms) => host.timeout(handler, Number(ms) || 0));
  give("clearTimeout", (id) => host.forget(Number(id)));
  give("emit", (event, data) => call("emit", { event: String(event), data }));
  give("configure", (values) => call("configure", { values }));
  Object.defineProperty(globalThis, "config", { get: () => host.config(), enumerable: true, configurable: true });

  const log = {};
  for (const level of ["debug", "info", "warn", "error"]) log[level] = (...parts) => host.log(level, words(parts));
  give("log", log);
  give("console", { log: log.info, debug: log.debug, info: log.info, warn: log.warn, error: log.error });

  give("chat", {
    send: (room, text) => call("send", { ...body(text), room: idOf(room) }),
    reply: (message, text) => call("send", { ...body(text), reply_to: idOf(message) }),
    react: (message, emoji) => call("react", { message: idOf(message), emoji }),
    unreact: (message, emoji) => call("unreact", { message: idOf(message), emoji }),
    delete: (message) => call("delete", { message: idOf(message) }),
    message: (message) => call("message", { message: idOf(message) }),
    messages: (room, limit) => call("messages", { room: idOf(room), limit }),
    room: (room) => call("room", { room: idOf(room) }),
    rooms: () => call("rooms", {}),
    user: (user) => call("user", { user: idOf(user) }),
    timeout: (user, seconds, reason) => call("timeout", { user: idOf(user), seconds, reason }),
    untimeout: (user) => call("untimeout", { user: idOf(user) }),
    count: (key, most, seconds) => call("count", { key: String(key), most, seconds }),
    // What is asked through it is done with the rights of the person who caused the event, and in their name.
    by: (event) => Object.freeze({ do: (what, args) => call("by", { event: event.token, what, args: args || {} }) }),
  });

  give("store", {
    get: (key) => call("store_get", { key: String(key) }),
    set: (key, value) => call("store_set", { key: String(key), value }),
    delete: (key) => call("store_delete", { key: String(key) }),
    keys: (prefix) => call("store_keys", { prefix: prefix === undefined ? "" : String(prefix) }),
  });

  const request = async (r) => {
    const answer = await call("http", r);
    answer.ok = answer.status >= 200 && answer.status < 300;
    answer.json = () => JSON.parse(answer.text);
    return answer;
  };
  give("http", {
    request,
    get: (url, headers) => request({ method: "GET", url, headers }),
    post: (url, data, headers) =>
      typeof data === "string" ? request({ method: "POST", url, body: data, headers }) :
        request({ method: "POST", url, body: JSON.stringify(data), headers: { "Content-Type": "application/json", ...headers } }),
  });
});
