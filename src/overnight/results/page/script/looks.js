// Colours, and what makes lines differ where there are none.

const COLOURS = {
  light: ["#0068a8", "#c4500a", "#00815e", "#a8427f", "#3d93c9", "#b87b00", "#6b5bd2"],
  dark: ["#5cb3ee", "#ff8a4a", "#3fc79c", "#e58fc0", "#9cd2f7", "#f2b942", "#a79cf5"],
};
const INK = {
  light: {
    text: "#5d6470",
    grid: "#e4e6ea",
    axis: "#b9bec7",
    goal: "#7a5c00",
    cursor: "#8a919d",
    base: "#6c727d",
    paper: "#ffffff",
  },
  dark: {
    text: "#a0a7b4",
    grid: "#2a2f38",
    axis: "#4a515d",
    goal: "#e3c568",
    cursor: "#7d8593",
    base: "#9aa1ad",
    paper: "#171a20",
  },
};
const DASHES = [[], [7, 3], [2, 2.5], [8, 3, 2, 3]];
const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
const HEIGHT = 240;
const NEAR = 14; // pixels between the pointer and the line that it means
const SPIKE = 6; // times the usual span of a bucket
const MARKS_TOLD = 6;
const LISTED = 8; // lines whose legend is not scrolled
const dark = matchMedia("(prefers-color-scheme: dark)");
let onPaper = false;
const theme = () => (dark.matches && !onPaper ? "dark" : "light");

function element(name, className, content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

function button(className, content, clicked) {
  const made = element("button", className, content);
  made.type = "button";
  made.addEventListener("click", clicked);
  return made;
}

function colourOf(line) {
  const colours = COLOURS[theme()];
  return line.isBase ? INK[theme()].base : colours[line.style % colours.length];
}

function dashOf(line) {
  if (line.isBase) return [5, 4];
  return DASHES[Math.floor(line.style / COLOURS.light.length) % DASHES.length];
}
