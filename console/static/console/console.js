"use strict";
(() => {
// Copy buttons: data-copy names the element whose text goes to the clipboard.
const SHOWN_FOR_MS = 2000;

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // not a secure context, or refused: the text is selected instead
  }
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = button.closest("[data-copy-from]").querySelector("[data-copy-text]");
  const done = await copied(source.textContent.trim());
  if (!done) select(source);
  button.textContent = done ? "Copied" : "Selected";
  button.toggleAttribute("data-copied", done);
  setTimeout(() => {
    button.textContent = "Copy";
    button.removeAttribute("data-copied");
  }, SHOWN_FOR_MS);
});
})();
(() => {
// Dialogs, menus and toasts: data-opens="id" shows a dialog, data-closes hides what the button stands in.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) {
    const toast = event.target.closest(".toast");
    if (toast) toast.remove();
    else event.target.closest("dialog")?.close();
  }
  if (event.target instanceof HTMLDialogElement && outside(event)) event.target.close();
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});

function outside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

// A destructive act is confirmed by typing the name of what goes.
document.addEventListener("input", (event) => {
  const expected = event.target.dataset?.confirms;
  if (expected === undefined) return;
  for (const button of event.target.form.querySelectorAll("[data-confirmed]"))
    button.disabled = event.target.value.trim() !== expected;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
})();
(() => {
// The rail at phone width: a drawer, opened by a button, closed by Escape, a choice, or a tap beside it.
const root = document.documentElement;

function set(open) {
  root.classList.toggle("drawer-open", open);
  for (const button of document.querySelectorAll("[data-drawer]")) button.setAttribute("aria-expanded", String(open));
  if (open) document.querySelector(".rail a, .rail summary")?.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-drawer]")) set(!root.classList.contains("drawer-open"));
  else if (root.classList.contains("drawer-open") && !event.target.closest(".rail")) set(false);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !root.classList.contains("drawer-open")) return;
  set(false);
  document.querySelector("[data-drawer]")?.focus();
});
})();
(() => {
// Keys: ⌘K or / goes to the search, ? lists the keys, g and a letter goes to a section.
const SECOND_KEY_WITHIN_MS = 1200;
let wentAt = 0;

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function focusSearch(event) {
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
}

function go(event) {
  const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  wentAt = 0;
  if (!link) return;
  event.preventDefault();
  link.click();
}

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key === "k") return focusSearch(event);
  if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target)) return;
  if (wentAt && event.timeStamp - wentAt < SECOND_KEY_WITHIN_MS) return go(event);
  wentAt = event.key === "g" ? event.timeStamp : 0;
  if (event.key === "/") focusSearch(event);
  if (event.key === "?") document.getElementById("keys")?.showModal();
});
})();
(() => {
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
})();
(() => {
// What a passkey request that failed says to the person, instead of only to the browser's console.
const SENTENCES = {
  NotAllowedError: "The browser ended the request. Try again, or go on another way.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "Passkeys work under the console's own host name, over HTTPS or on localhost.",
};

document.addEventListener("allauth.error", (event) => {
  const place = document.querySelector("[data-passkey-error]");
  if (!place) return;
  event.preventDefault();
  place.textContent = SENTENCES[event.detail.exception?.name] ?? "The passkey could not be used. Try again.";
});
})();
(() => {
// A form that only carries on what came: sends itself, so that its button is for browsers without scripts.
document.querySelector("form[data-submit]")?.requestSubmit();
})();
(() => {
// <tab-set>: makes a list of tabs from its sections. Without this script the sections stand below one another.
class TabSet extends HTMLElement {
  connectedCallback() {
    if (this.querySelector(":scope > [role=tablist]")) return;
    this.panels = [...this.querySelectorAll(":scope > .tab")];
    if (!this.panels.length) return;
    this.list = document.createElement("div");
    this.list.className = "tab-list";
    this.list.setAttribute("role", "tablist");
    this.list.setAttribute("aria-label", this.getAttribute("aria-label") ?? "");
    this.buttons = this.panels.map((panel, index) => this.button(panel, index));
    this.list.append(...this.buttons);
    this.prepend(this.list);
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.show(Math.max(0, this.panels.findIndex((panel) => `#${panel.id}` === location.hash)));
  }

  button(panel, index) {
    const button = document.createElement("button");
    panel.id ||= `tab-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
    button.type = "button";
    button.id = `${panel.id}-tab`;
    button.textContent = panel.dataset.title;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", panel.id);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => this.show(index));
    return button;
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const count = this.buttons.length;
    const next = (this.buttons.indexOf(event.target) + step + count) % count;
    this.show(next);
    this.buttons[next].focus();
  }

  show(chosen) {
    this.panels.forEach((panel, index) => {
      panel.hidden = index !== chosen;
      this.buttons[index].setAttribute("aria-selected", String(index === chosen));
      this.buttons[index].tabIndex = index === chosen ? 0 : -1;
    });
  }
}

customElements.define("tab-set", TabSet);
})();
(() => {
// A message that went well leaves when its animation ends; without motion it stays until it is closed.
document.addEventListener("animationend", (event) => {
  if (event.animationName === "leave") event.target.remove();
});
})();
