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
