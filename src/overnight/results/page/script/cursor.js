// The cursor: the values of all lines at one place, and the range that is being chosen.

function drawCursor(chart) {
  const context = chart.over.getContext("2d");
  context.clearRect(0, 0, chart.width, chart.height);
  if (chart.selection) drawSelection(chart, context);
  for (const line of chart.lines) {
    line.readout.textContent = "";
    line.item.classList.remove("near");
  }
  if (chart.cursor === null) return;
  const shown = chart.lines.filter((line) => line.isShown && line.x.length);
  const near = nearLine(chart, shown);
  if (near) emphasise(chart, context, near);
  const at = nearestOf(shown, chart.cursor);
  const x = chart.toX(at);
  drawRule(chart, context, x);
  for (const line of shown) if (reaches(chart, line)) drawReadout(chart, context, line);
  const told = [short(at, 7)];
  for (const [place, words] of shown.flatMap((line) => line.marks)) {
    if (Math.abs(chart.toX(place) - x) < 8) told.push(words);
  }
  drawTag(chart, context, x, told.join("  \u00b7  "));
}

// The cursor stands where a value is.
function nearestOf(lines, at) {
  const xs = lines.map((line) => line.x[nearest(line.x, at)]);
  if (!xs.length) return at;
  return xs.reduce((best, x) => (Math.abs(x - at) < Math.abs(best - at) ? x : best));
}

// Whether the line is, or nearly is, where the cursor stands.
function reaches(chart, line) {
  const slack = (chart.view[1] - chart.view[0]) / 100;
  return chart.cursor >= line.x[0] - slack && chart.cursor <= line.x[line.x.length - 1] + slack;
}

function drawRule(chart, context, x) {
  context.strokeStyle = INK[theme()].cursor;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(Math.round(x) + 0.5, chart.box.top);
  context.lineTo(Math.round(x) + 0.5, chart.box.bottom);
  context.stroke();
}

// The value in the legend, and a dot on the line.
function drawReadout(chart, context, line) {
  const place = nearest(line.x, chart.cursor);
  const [low, y, high] = [line.low[place], line.y[place], line.high[place]];
  line.readout.textContent = line.isSpike[place] ? `${text(low, 3)} to ${text(high, 3)}` : text(y);
  const { left, top, right, bottom } = chart.box;
  const across = chart.toX(line.x[place]), down = chart.toY(y);
  if (across < left - 1 || across > right + 1 || down < top - 1 || down > bottom + 1) return;
  context.beginPath();
  context.arc(across, down, 3.5, 0, 7);
  context.fillStyle = colourOf(line);
  context.strokeStyle = INK[theme()].paper;
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
}

// The line that the pointer is on, of several.
function nearLine(chart, shown) {
  if (chart.pointed === null || shown.length < 3) return null;
  const away = (line) => Math.abs(chart.toY(line.y[nearest(line.x, chart.cursor)]) - chart.pointed);
  const best = shown.reduce((one, two) => (away(two) < away(one) ? two : one));
  return away(best) < NEAR ? best : null;
}

function emphasise(chart, context, line) {
  const { left, top, right, bottom } = chart.box;
  line.item.classList.add("near");
  context.save();
  context.beginPath();
  context.rect(left, top - 1, right - left, bottom - top + 2);
  context.clip();
  const chosen = chart.chosen;
  chart.chosen = line;
  drawLine(chart, context, line);
  chart.chosen = chosen;
  context.restore();
}

// What the cursor points at, on the axis of x.
function drawTag(chart, context, x, shown) {
  const ink = INK[theme()];
  context.font = FONT;
  const wide = Math.min(context.measureText(shown).width + 12, chart.width);
  const from = Math.min(Math.max(x - wide / 2, 0), chart.width - wide);
  context.fillStyle = ink.cursor;
  context.beginPath();
  const outline = context.roundRect ? "roundRect" : "rect"; // browsers before 2023
  context[outline](from, chart.box.bottom + 3, wide, 17, 4);
  context.fill();
  context.fillStyle = ink.paper;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(shown, from + 6, chart.box.bottom + 12, wide - 12);
}

function drawSelection(chart, context) {
  const { left, top, right, bottom } = chart.box;
  const [from, to] = chart.selection.map((x) => Math.min(Math.max(chart.toX(x), left), right));
  context.fillStyle = INK[theme()].cursor;
  context.globalAlpha = 0.2;
  context.fillRect(Math.min(from, to), top, Math.abs(to - from), bottom - top);
  context.globalAlpha = 1;
}
