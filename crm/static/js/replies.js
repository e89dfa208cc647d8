// The screen that asks a class for answers: how many are ticked in a fold, and all at once.

for (const target of document.querySelectorAll("[data-replies] [data-target]")) {
  const boxes = [...target.querySelectorAll(".member-list [type=checkbox]")];
  const number = target.querySelector("[data-count]");
  const badge = target.querySelector("[data-ticked]");
  const all = target.querySelector("[data-tick-all]");
  const count = () => {
    const ticked = boxes.filter((box) => box.checked).length + (Number.parseInt(number?.value, 10) || 0);
    badge.hidden = ticked === 0;
    badge.textContent = `+ ${ticked}`;
  };
  target.addEventListener("change", count);
  target.addEventListener("input", count);
  if (all) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const on = boxes.some((box) => !box.checked);
      for (const box of boxes) box.checked = on;
      count();
    });
  }
  count();
}
