// A form that only carries on what came: sends itself, so that its button is for browsers without scripts.
document.querySelector("form[data-submit]")?.requestSubmit();
