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
