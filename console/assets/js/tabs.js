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
