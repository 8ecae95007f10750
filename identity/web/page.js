"use strict";

// Pages work without this script. It adds a button to each password that shows it, and
// selects what is wrong.

for (const input of document.querySelectorAll("input[data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.setAttribute("aria-controls", input.id);
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.textContent = on ? input.dataset.hide : input.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${input.labels[0].textContent}`);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false)); // or the browser would remember it as text
  input.spellcheck = false;
  input.autocapitalize = "none";
  show(false);
  input.after(button);
}

document.querySelector("input[aria-invalid]")?.select();
