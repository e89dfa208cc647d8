// Copies a text with everything filled; without this the text is marked and copied by hand.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const label = button.querySelector("span");
    const said = label.textContent;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return;
    }
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = said; }, 2000);
  });
}

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
