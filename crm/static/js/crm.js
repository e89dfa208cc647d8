// Small conveniences hung on data- attributes. Every page works without them.

// A list of errors takes the focus, so that a screen reader reads it and the eye finds it.
document.querySelector("[data-focus]")?.focus();

// Filters apply when a choice is made; without this the Apply button does it.
for (const form of document.querySelectorAll("form[data-auto-submit]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) form.requestSubmit();
  });
}

// A field that only some choices of its form's first list need is shown with those.
for (const field of document.querySelectorAll("[data-only-for]")) {
  const kinds = field.dataset.onlyFor.split(" ");
  const list = field.form.querySelector("select");
  const show = () => { field.closest(".field").hidden = !kinds.includes(list.value); };
  list.addEventListener("change", show);
  show();
}

// A field that takes several words parted by commas suggests for the last of them.
for (const field of document.querySelectorAll("input[data-parted][list]")) {
  const options = [...field.list.options];
  const words = options.map((option) => option.value);
  field.addEventListener("input", () => {
    const before = field.value.slice(0, field.value.lastIndexOf(",") + 1);
    options.forEach((option, at) => { option.value = before ? `${before} ${words[at]}` : words[at]; });
  });
}

// A second click on a save button does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) {
      setTimeout(() => { button.disabled = true; });
      setTimeout(() => { button.disabled = false; }, 8000);
    }
  });
}

// An open menu closes on Escape and on a click elsewhere.
const menus = [...document.querySelectorAll("details.me, details.drawer, details.menu")];
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus.filter((each) => each.open)) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
