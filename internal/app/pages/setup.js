"use strict";
const form = document.getElementById("setup");
const problem = document.getElementById("problem");
const button = form.querySelector("button");
const token = decodeURIComponent(location.hash.slice(1));
history.replaceState(null, "", location.pathname); // the link is as good as the account it makes
if (!token) {
  problem.textContent = "The link is not complete: open it as the server printed it when it started, with everything after the #.";
  form.hidden = true;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  problem.textContent = "";
  const body = { token };
  for (const [name, value] of new FormData(form)) if (value) body[name] = value;
  try {
    const answer = await fetch("/api/auth/setup", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) {
      form.remove();
      document.getElementById("intro").textContent = "Done: " + body.username + " is the owner of this server. You are logged in in this browser.";
      return;
    }
    problem.textContent = (said.errors && said.errors[0] && said.errors[0].message) || said.detail || "The server answered " + answer.status + ".";
  } catch {
    problem.textContent = "The server cannot be reached. Try again.";
  }
  button.disabled = false;
});
