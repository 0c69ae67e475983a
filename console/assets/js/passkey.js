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
