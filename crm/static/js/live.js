// Parts of a page that change while it is open (data-live: seconds between two looks) are read anew,
// save where somebody is just now. Without this a link does the same.

const parts = [...document.querySelectorAll("[data-live]")];
const seconds = Math.max(2, ...parts.map((part) => Number(part.dataset.live)));

async function look() {
  if (document.hidden) return;
  let fresh;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return;
  }
  for (const part of parts) {
    const now = fresh.getElementById(part.id);
    if (!now || part.contains(document.activeElement)) continue;
    part.replaceChildren(...document.adoptNode(now).childNodes);
  }
  // What is over asks for nothing more, and its buttons are others: the page is read once more.
  if (!fresh.querySelector("[data-live]") || !fresh.querySelector("script[src$='live.js']")) location.reload();
}

if (parts.length) setInterval(look, seconds * 1000);
