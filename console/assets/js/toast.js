// A message that went well leaves when its animation ends; without motion it stays until it is closed.
document.addEventListener("animationend", (event) => {
  if (event.animationName === "leave") event.target.remove();
});
