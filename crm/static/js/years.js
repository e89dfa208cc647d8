// A slider over the years beside a date field: what it says is put into the field, and the form is
// sent once it rests. Without this the date field and its button do the same.

const REST = 450;
const KEPT = "crm-years";

for (const form of document.querySelectorAll("form[data-years]")) {
  const day = form.querySelector("input[type=date]");
  const part = form.querySelector("[data-slider]");
  const slider = part.querySelector("input");
  const told = part.querySelector("[data-told]");
  const today = form.dataset.today;
  slider.min = form.dataset.years;
  slider.max = today.slice(0, 4);
  slider.value = (day.value || today).slice(0, 4);
  told.value = slider.value;
  part.hidden = false;
  // The page was loaded anew by the slider: whoever moves it by keys goes on moving.
  if (sessionStorage.getItem(KEPT)) slider.focus({ preventScroll: true });
  sessionStorage.removeItem(KEPT);
  let waiting;
  slider.addEventListener("input", () => {
    told.value = slider.value;
    day.value = slider.value === today.slice(0, 4) ? today : `${slider.value}-12-31`;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      sessionStorage.setItem(KEPT, "1");
      form.requestSubmit();
    }, REST);
  });
}
