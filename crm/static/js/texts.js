// Fields that go into the text where the cursor is. The page works without: a field's name can be
// typed.

import "./copy.js";

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
