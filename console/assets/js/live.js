// A part of a page that is kept as it is now: a WebSocket says that something changed, the part is fetched again. The
// line says whether it is live, and since when it is behind. Without scripts it says to reload.
const line = document.querySelector("[data-live]");
const PING = 20000;
const PATIENCE = 10000;
const AGAIN = 1000;
const LONGEST = 30000;
let socket, silence, pinging, fetching, changed, pause = AGAIN;

function say(state, words) {
  const status = document.createElement("span");
  status.className = `status status-${state}`;
  status.textContent = words;
  line.replaceChildren(status);
}

function time() {
  return `${new Date().toISOString().slice(11, 19)} UTC`;
}

async function refresh() {
  changed = true;
  if (fetching) return;
  fetching = true;
  while (changed) {
    changed = false;
    try {
      const answer = await fetch(line.dataset.live, { headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected || answer.headers.has("HX-Redirect")) throw new Error(String(answer.status));
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      document.getElementById(line.dataset.liveTarget).replaceChildren(...part.body.childNodes);
      say("ok", "Live");
    } catch {
      say("warn", `Behind since ${time()}: reload to look again`);
    }
    await new Promise((done) => setTimeout(done, AGAIN));
  }
  fetching = false;
}

function heard() {
  clearTimeout(silence);
  clearTimeout(pinging);
  pinging = setTimeout(() => {
    socket.send("?");
    silence = setTimeout(() => socket.close(), PATIENCE);
  }, PING);
}

function connect() {
  const address = new URL(`${line.dataset.live}socket/`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address);
  socket.addEventListener("open", () => { pause = AGAIN; heard(); });
  socket.addEventListener("message", (event) => {
    heard();
    // What counts up by itself is not told: each word of the socket, three a minute at least, looks again.
    refresh();
  });
  socket.addEventListener("close", (event) => {
    clearTimeout(silence);
    clearTimeout(pinging);
    if (event.code >= 4400) { say("down", "Signed out: reload to sign in again"); return; }
    say("warn", `Reconnecting: as of ${time()}`);
    setTimeout(connect, pause * (0.5 + Math.random()));
    pause = Math.min(pause * 2, LONGEST);
  });
}

if (line) {
  say("off", "Connecting");
  connect();
}
