// Texts: a button that copies, and fields that go into the text where the cursor is. The page works
// without both: what is copied stands in a box, and a field's name can be typed.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  const words = button.lastChild;
  const before = words.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    words.textContent = ` ${button.dataset.copied}`;
    setTimeout(() => { words.textContent = before; }, 2500);
  });
}

const editor = document.querySelector("textarea[data-fields]");
if (editor) {
  let last = editor;
  for (const each of document.querySelectorAll("[data-takes-fields], textarea[data-fields]")) {
    each.addEventListener("focus", () => { last = each; });
  }
  for (const code of document.querySelectorAll("[data-field]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "field-button";
    button.textContent = code.textContent;
    button.addEventListener("click", () => {
      last.setRangeText(code.dataset.field, last.selectionStart, last.selectionEnd, "end");
      last.focus();
    });
    code.replaceWith(button);
  }
}
