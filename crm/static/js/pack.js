// A new pack and the page that ticks what is written. Both work without it.

const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const form = document.querySelector("[data-pack]");

// A choice shows what belongs to it. What is hidden is not sent.
if (form) {
  const showAim = () => {
    const aim = form.querySelector('[name="aim"]:checked')?.value;
    for (const part of form.querySelectorAll("[data-aim]")) {
      part.hidden = !part.dataset.aim.split(" ").includes(aim);
      for (const field of part.querySelectorAll("select, textarea")) field.disabled = part.hidden;
    }
  };
  form.addEventListener("change", (event) => {
    if (event.target.name === "aim") showAim();
  });
  showAim();
}

// Members: a filter, all and none, and how many are ticked.
const members = form?.querySelector("[data-members]");
const tools = members?.querySelector("[data-members-tools]");
if (tools) {
  const rows = [...members.querySelectorAll("li")];
  const box = (row) => row.querySelector("[name=member]");
  const count = () => {
    members.querySelector("[data-ticked]").textContent = rows.filter((row) => box(row).checked).length || "";
  };
  const show = () => {
    const query = fold(tools.querySelector("input").value);
    for (const row of rows) row.hidden = !box(row).checked && !fold(row.dataset.name).includes(query);
  };
  const tick = (on) => {
    for (const row of rows.filter((each) => !each.hidden)) {
      box(row).checked = on;
      if (!on) row.querySelector(".count").value = "";
    }
    count();
  };
  tools.hidden = false;
  tools.querySelector("input").addEventListener("input", show);
  tools.querySelector("input").addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  tools.querySelector("[data-tick-all]").addEventListener("click", () => tick(true));
  tools.querySelector("[data-tick-none]").addEventListener("click", () => tick(false));
  members.addEventListener("input", (event) => {
    if (event.target.classList.contains("count") && event.target.value) {
      box(event.target.closest("li")).checked = true;
    }
    count();
  });
}

// What is written: all and none.
const ticks = document.querySelector("[data-ticks]");
if (ticks) {
  const bar = ticks.querySelector("[data-tick-tools]");
  const set = (on) => {
    for (const each of ticks.querySelectorAll("[name=member]")) each.checked = on;
  };
  bar.hidden = false;
  bar.querySelector("[data-tick-all]").addEventListener("click", () => set(true));
  bar.querySelector("[data-tick-none]").addEventListener("click", () => set(false));
}
