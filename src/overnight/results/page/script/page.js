// All charts of the page.

const charts = [...document.querySelectorAll("figure.chart")].map((figure) => new Chart(figure));
const redraw = () => charts.forEach((chart) => chart.draw());
dark.addEventListener("change", redraw);
let folded = [];
addEventListener("beforeprint", () => {
  onPaper = true;
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((each) => (each.open = true));
  charts.forEach((chart) => chart.resize());
});
addEventListener("afterprint", () => {
  onPaper = false;
  folded.forEach((each) => (each.open = false));
  redraw();
});
requestAnimationFrame(() => requestAnimationFrame(() => {
  performance.mark("drawn");
  document.documentElement.dataset.drawn = String(charts.length);
}));
