// The log form: a picker of targets, a filter of members, live sums. The form works without it.

const form = document.querySelector("[data-log]");
const words = form.querySelector("[data-words]").dataset;
const perPiece = Boolean(form.dataset.perPiece);
const all = (selector) => [...form.querySelectorAll(selector)];
const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const whole = (text) => {
  const plain = text.replace(/[,\s]/g, "");
  return /^\d+$/.test(plain) ? Number(plain) : null;
};
const chosen = form.elements.chosen;
const checked = (name) => form.querySelector(`[name="${name}"]:checked`)?.value;

// A choice shows what belongs to it. What is hidden is not sent.
function showAim() {
  const aim = checked("aim");
  for (const part of all("[data-aim]")) {
    part.hidden = part.dataset.aim !== aim;
    for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = part.hidden;
  }
}

// Only the members of the chapters that did it, and the asks of the campaign.
function showMembers() {
  const paths = all("[name=chapters]:checked").map((box) => box.dataset.path);
  const query = fold(form.querySelector("#filter-members")?.value ?? "");
  for (const group of all(".member-group")) {
    const here = !paths.length || paths.some((path) => group.dataset.path.startsWith(path));
    let shown = 0;
    for (const row of group.querySelectorAll("li")) {
      const ticked = row.querySelector("[name=member]").checked;
      row.hidden = !ticked && !(here && fold(row.dataset.name).includes(query));
      shown += !row.hidden;
    }
    group.hidden = !shown;
  }
}
function showAsks() {
  const campaign = form.elements.campaign.value;
  for (const group of all("[data-asks]")) {
    group.hidden = group.dataset.asks !== campaign;
    group.disabled = group.hidden;
  }
}

// Sums.
const lines = () => chosen.value.split("\n").filter((line) => line.trim());
const numberBehind = (line) => {
  const found = line.match(/[\s,;:|=–—-]+[x×]?\s*(\d{1,6})\s*$/);
  return found ? Number(found[1]) : null;
};
function targetsMeant() {
  const option = form.elements.campaign.selectedOptions[0];
  switch (checked("aim")) {
    case "campaign": return Array(Number(option?.dataset.targets ?? 0)).fill(null);
    case "area": {
      const areas = JSON.parse(option?.dataset.areas ?? "{}");
      return Array(areas[form.elements.area.value] ?? 0).fill(null);
    }
    case "list": {
      const size = form.elements.target_list.selectedOptions[0]?.text.match(/\((\d+)\)$/);
      return Array(Number(size?.[1] ?? 0)).fill(null);
    }
    case "chosen": return lines().map(numberBehind);
    default: return [];
  }
}
function tell(name, text, tone = "") {
  const line = form.querySelector(`[data-sum="${name}"]`);
  if (line.textContent !== text) line.textContent = text;
  line.dataset.tone = tone;
}
function sumTargets(pieces) {
  const numbers = targetsMeant();
  const n = numbers.length;
  if (!n) return tell("targets", checked("aim") === "none" ? "" : words.none);
  if (!perPiece || !pieces) return tell("targets", say(words.reached, { n }), "good");
  const given = numbers.filter((number) => number !== null);
  if (checked("spread") === "numbers" && given.length) {
    const sum = given.reduce((a, b) => a + b, 0);
    const rest = numbers.length - given.length;
    const fits = rest ? pieces - sum >= rest : sum === pieces;
    return tell("targets", say(words.off, { sum: rest && fits ? pieces : sum, pieces, n }), fits ? "good" : "bad");
  }
  if (n === 1) return tell("targets", words.one, "good");
  if (pieces < n) return tell("targets", say(words.few, { pieces, n }), "bad");
  const least = Math.floor(pieces / n);
  const even = pieces % n === 0;
  tell("targets", say(even ? words.each : words.between, { each: least, least, most: least + 1, n }), "good");
}
function sumPeople(pieces) {
  const ticked = all("[name=member]:checked").map((box) => whole(box.closest("li").querySelector(".count")?.value ?? ""));
  const pasted = form.elements.roster.value.split("\n").filter((line) => line.trim()).map(numberBehind);
  const numbers = [...ticked, ...pasted];
  const badge = form.querySelector("[data-ticked]");
  if (badge) badge.textContent = ticked.length || "";
  if (!numbers.length) return tell("people", words.tally);
  if (!perPiece) return tell("people", say(words.people, { n: numbers.length }), "good");
  const sum = numbers.reduce((a, b) => a + (b ?? 0), 0);
  const named = numbers.includes(null) ? Math.max(sum, pieces) : sum;
  if (!pieces) return tell("people", say(words.people, { n: numbers.length }));
  if (named > pieces) return tell("people", say(words.over, { named, more: named - pieces }), "bad");
  tell("people", say(words.named, { named, unnamed: pieces - named }), "good");
}
function sum() {
  const pieces = perPiece ? whole(form.elements.pieces.value) : 1;
  const head = form.querySelector('[data-sum="pieces"]');
  head.textContent = perPiece && pieces ? `${pieces.toLocaleString(document.documentElement.lang)} ${head.dataset.empty.toLowerCase()}` : head.dataset.empty;
  const count = form.querySelector("[data-campaign-targets]");
  const n = form.elements.campaign.selectedOptions[0]?.dataset.targets;
  if (count) count.textContent = n ? `(${n})` : "";
  sumTargets(pieces);
  sumPeople(pieces);
}

form.addEventListener("input", (event) => {
  if (event.target.classList.contains("count") && event.target.value) {
    event.target.closest("li").querySelector("[name=member]").checked = true;
  }
  if (event.target === chosen && perPiece) {
    const numbered = lines().some((line) => numberBehind(line) !== null);
    const way = checked("spread");
    if (numbered && way === "evenly") form.querySelector("#spread-numbers").checked = true;
    if (!numbered && way === "numbers") form.querySelector("#spread-evenly").checked = true;
  }
  sum();
});
form.addEventListener("change", (event) => {
  if (event.target.name === "aim") showAim();
  if (event.target.name === "campaign") showAsks();
  if (event.target.name === "chapters") {
    showMembers();
    const fold = form.querySelector("[data-members]");
    if (fold && event.target.checked) fold.open = true;
  }
  sum();
});

// Members
const tools = form.querySelector("[data-members-tools]");
if (tools) {
  tools.hidden = false;
  tools.querySelector("input").addEventListener("input", showMembers);
  tools.querySelector("input").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const rows = all(".member-group:not([hidden]) li:not([hidden])");
    const row = rows.find((each) => !each.querySelector("[name=member]").checked);
    if (!row || !event.target.value) return;
    row.querySelector("[name=member]").checked = true;
    event.target.value = "";
    showMembers();
    sum();
  });
  const tick = (on) => {
    for (const row of all(".member-group:not([hidden]) li:not([hidden])")) {
      row.querySelector("[name=member]").checked = on;
      if (!on && row.querySelector(".count")) row.querySelector(".count").value = "";
    }
    showMembers();
    sum();
  };
  tools.querySelector("[data-tick-all]").addEventListener("click", () => tick(true));
  tools.querySelector("[data-tick-none]").addEventListener("click", () => tick(false));
}

// The picker: type, choose with the arrows and Enter; the line is added below.
const picker = form.querySelector("[data-picker]");
const input = picker.querySelector("input");
const list = picker.querySelector("ul");
picker.hidden = false;
let asked = 0;
let active = -1;
function close() {
  list.hidden = true;
  list.replaceChildren();
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}
function add(name) {
  chosen.value = [...lines(), name].join("\n") + "\n";
  input.value = "";
  close();
  input.focus();
  sum();
}
function mark(place) {
  const options = [...list.children];
  if (!options.length) return;
  active = (place + options.length) % options.length;
  options.forEach((option, index) => option.setAttribute("aria-selected", String(index === active)));
  options[active].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", options[active].id);
}
async function find() {
  const query = input.value.trim();
  const mine = ++asked;
  if (query.length < 2) return close();
  let hits = [];
  try {
    const answer = await fetch(`${form.dataset.find}?q=${encodeURIComponent(query)}`, { headers: { Accept: "application/json" } });
    if (answer.ok) hits = await answer.json();
  } catch { /* The lines can still be typed. */ }
  if (mine !== asked) return;
  list.replaceChildren(...hits.slice(0, 8).map((hit, index) => {
    const option = document.createElement("li");
    option.id = `pick-${index}`;
    option.role = "option";
    const name = document.createElement("span");
    name.textContent = hit.name;
    const detail = document.createElement("span");
    detail.className = "muted small";
    detail.textContent = hit.office;
    option.append(name, " ", detail);
    option.addEventListener("mousedown", (event) => { event.preventDefault(); add(name.textContent); });
    return option;
  }));
  active = -1;
  list.hidden = !hits.length;
  input.setAttribute("aria-expanded", String(Boolean(hits.length)));
  if (hits.length) mark(0);
}
let timer;
input.addEventListener("input", (event) => {
  event.stopPropagation();
  clearTimeout(timer);
  timer = setTimeout(find, 120);
});
input.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { event.preventDefault(); mark(active + 1); }
  else if (event.key === "ArrowUp") { event.preventDefault(); mark(active - 1); }
  else if (event.key === "Escape") close();
  else if (event.key === "Enter") {
    event.preventDefault();
    if (active >= 0) add(list.children[active].firstChild.textContent);
  }
});
input.addEventListener("blur", () => setTimeout(close, 150));

form.querySelector("[data-sums]").hidden = false;
showAim();
showMembers();
showAsks();
sum();
