// Asks GitHub for the public events of repositories and tells of those that are new. What happened before a repository was
// first asked for is not told.

const MOST = 10; // told of one repository at a time
const FIRST_LINE = 120;

const short = (text) => {
  const line = String(text || "").split("\n")[0].replace(/[`*_~|[\]<>]/g, "");
  return line.length > FIRST_LINE ? line.slice(0, FIRST_LINE) + "…" : line;
};

// tellers make a line of each kind of event; nothing for those that are not worth one.
const tellers = {
  PushEvent(p, web) {
    const branch = String(p.ref || "").replace("refs/heads/", "");
    const commits = (p.commits || []).slice(0, 5).map((c) => "• `" + String(c.sha).slice(0, 7) + "` " + short(c.message));
    const count = p.size || p.distinct_size || (p.commits || []).length;
    const what = count ? "pushed " + count + (count === 1 ? " commit" : " commits") + " to " : "pushed to ";
    return [what + "`" + short(branch) + "`", web + "/compare/" + String(p.before).slice(0, 12) + "..." + String(p.head).slice(0, 12), ...commits];
  },
  PullRequestEvent: (p) => p.pull_request && [(p.action === "closed" && p.pull_request.merged ? "merged" : p.action) + " pull request #" + p.pull_request.number + ": " + short(p.pull_request.title), p.pull_request.html_url],
  IssuesEvent: (p) => p.issue && [p.action + " issue #" + p.issue.number + ": " + short(p.issue.title), p.issue.html_url],
  IssueCommentEvent: (p) => p.action === "created" && p.comment && ["commented on #" + p.issue.number + ": " + short(p.issue.title), p.comment.html_url, "> " + short(p.comment.body)],
  ReleaseEvent: (p) => p.action === "published" && p.release && ["released " + short(p.release.name || p.release.tag_name), p.release.html_url],
  CreateEvent: (p, web) => p.ref && ["made the " + p.ref_type + " `" + short(p.ref) + "`", web],
  DeleteEvent: (p, web) => ["deleted the " + p.ref_type + " `" + short(p.ref) + "`", web],
  ForkEvent: (p) => p.forkee && ["forked it to " + short(p.forkee.full_name), p.forkee.html_url],
  WatchEvent: (p, web) => ["starred it", web],
};

const describe = (repo, event) => {
  const tell = tellers[event.type];
  if (!tell || !config.events.includes(event.type)) return null;
  const told = tell(event.payload || {}, "https://github.com/" + repo);
  if (!told) return null;
  const [what, link, ...more] = told;
  return ["**" + repo + "**: " + short(event.actor && event.actor.display_login || event.actor && event.actor.login || "somebody") + " " + what, ...more, "<" + link + ">"].join("\n");
};

// newer compares ids of events, which are decimal numbers too large to be counted with.
const newer = (a, b) => a.length > b.length || (a.length === b.length && a > b);

async function ask(repo) {
  const key = "repo:" + repo.toLowerCase();
  const known = (await store.get(key)) || {};
  const headers = { Accept: "application/vnd.github+json" };
  if (known.etag) headers["If-None-Match"] = known.etag;
  if (config.token) headers.Authorization = "Bearer " + config.token;
  const answer = await http.get("https://api.github.com/repos/" + repo + "/events?per_page=30", headers);
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error("GitHub answered " + answer.status);
  const events = answer.json().filter((e) => e && typeof e.id === "string");
  const fresh = known.last ? events.filter((e) => newer(e.id, known.last)) : [];
  const last = events.reduce((id, e) => (newer(e.id, id) ? e.id : id), known.last || "0");
  // Noted first: better to be silent about something than to tell it again and again.
  await store.set(key, { etag: answer.headers.etag || "", last });
  const texts = fresh.map((e) => describe(repo, e)).filter(Boolean).slice(0, MOST).reverse();
  for (const text of texts) await chat.send(config.channel, text);
}

every(60, async () => {
  const now = Date.now();
  const polled = (await store.get("polled")) || 0;
  if (now - polled < Math.max(config.interval, 60) * 1000 - 5000) return;
  await store.set("polled", now);
  for (const repo of config.repos) {
    if (!/^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/.test(repo)) {
      log.warn("not a repository: write owner/name:", repo);
      continue;
    }
    try {
      await ask(repo);
    } catch (err) {
      log.warn(repo + ":", err.message);
    }
  }
});
