// Copies what a button holds (data-copy), or what stands in a box (data-copy-from: its id). Without
// this the text is marked and copied by hand.

for (const button of document.querySelectorAll("[data-copy], [data-copy-from]")) {
  if (!navigator.clipboard) break;
  const label = button.querySelector("span");
  const said = label.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    const from = button.dataset.copyFrom;
    try {
      await navigator.clipboard.writeText(from ? document.getElementById(from).value : button.dataset.copy);
    } catch {
      return;
    }
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = said; }, 2000);
  });
}
