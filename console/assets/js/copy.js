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
