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
