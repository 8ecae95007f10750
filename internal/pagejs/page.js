"use strict";

// Pages work without this script, passkeys apart.

// A button beside each password shows it.
for (const input of document.querySelectorAll("input[data-show]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show";
  button.setAttribute("aria-controls", input.id);
  const show = (on) => {
    input.type = on ? "text" : "password";
    button.textContent = on ? input.dataset.hide : input.dataset.show;
    button.setAttribute("aria-label", `${button.textContent}: ${input.labels[0].firstChild.textContent.trim()}`);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form.addEventListener("submit", () => show(false)); // or the browser would remember it as text
  input.spellcheck = false;
  input.autocapitalize = "none";
  show(false);
  input.after(button);
}

// The page that takes an answer back to an app sends itself.
document.querySelector("form[data-send]")?.submit();

// Options and answers of passkeys have their bytes in base64url.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const read = (options) => {
  const o = options.publicKey ?? options;
  const named = (list) => list?.map((c) => ({ ...c, id: bytes(c.id) }));
  return {
    ...o,
    challenge: bytes(o.challenge),
    ...(o.user && { user: { ...o.user, id: bytes(o.user.id) } }),
    allowCredentials: named(o.allowCredentials),
    excludeCredentials: named(o.excludeCredentials),
  };
};

const written = (c) => {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (c.response[name]) response[name] = text(c.response[name]);
  }
  if (c.response.getTransports) response.transports = c.response.getTransports();
  return {
    id: c.id, rawId: text(c.rawId), type: c.type, response,
    authenticatorAttachment: c.authenticatorAttachment ?? undefined,
    clientExtensionResults: c.getClientExtensionResults(),
  };
};

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const tell = (problem) => {
    for (const box of form.querySelectorAll("[data-problem]")) box.hidden = box.dataset.problem !== problem;
  };
  const button = form.querySelector("button[type=submit]");
  button.disabled = !window.PublicKeyCredential;
  if (button.disabled) tell("unsupported");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    tell("");
    button.disabled = true;
    try {
      const publicKey = read(JSON.parse(form.dataset.options));
      const made = await navigator.credentials[form.dataset.passkey]({ publicKey });
      form.elements.credential.value = JSON.stringify(written(made));
      form.submit();
    } catch {
      tell("failed"); // the person has refused, or the device knows no passkey
      button.disabled = false;
    }
  });
}
