import "./copy.js";

// One box ticks all of the board's.
for (const all of document.querySelectorAll("input[data-tick-all]")) {
  all.closest(".form-check").hidden = false;
  all.addEventListener("change", () => {
    for (const box of all.form.querySelectorAll("input[name=task]")) box.checked = all.checked;
  });
}

// What only one answer needs is shown with that answer.
for (const part of document.querySelectorAll("[data-only]")) {
  const [name, value] = part.dataset.only.split("=");
  const form = part.closest("form");
  const show = () => { part.hidden = form.elements[name].value !== value; };
  for (const option of form.querySelectorAll(`input[name="${name}"]`)) option.addEventListener("change", show);
  show();
}
