// A chart on its canvas.

function drawChart(chart) {
  const context = chart.canvas.getContext("2d");
  const ink = INK[theme()];
  context.clearRect(0, 0, chart.width, chart.height);
  layOut(chart, context);
  drawGrid(chart, context, ink);
  const { left, top, right, bottom } = chart.box;
  context.save();
  context.beginPath();
  context.rect(left, top - 1, right - left, bottom - top + 2);
  context.clip();
  const shown = chart.lines.filter((line) => line.isShown);
  for (const line of shown) if (line.band) fillArea(chart, context, line, line.band, 0.16);
  for (const line of shown) drawSpread(chart, context, line, shown.length);
  for (const line of shown) if (line !== chart.chosen) drawLine(chart, context, line);
  if (chart.chosen && chart.chosen.isShown) drawLine(chart, context, chart.chosen);
  context.restore();
  if (chart.raw.goal !== null) drawGoal(chart, context, ink);
  for (const line of shown) drawLost(chart, context, line);
  for (const line of shown) drawMarks(chart, context, line);
  for (const line of chart.lines) drawSample(chart, line);
  if (!chart.lines.some((line) => line.y.length)) drawNothing(chart, context, ink);
  drawCursor(chart);
}

function drawNothing(chart, context, ink) {
  const { left, top, right, bottom } = chart.box;
  context.font = FONT;
  context.fillStyle = ink.text;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText("no finite values", (left + right) / 2, (top + bottom) / 2);
}

function drawGrid(chart, context, ink) {
  const { left, top, right, bottom } = chart.box;
  context.font = FONT;
  context.fillStyle = ink.text;
  context.strokeStyle = ink.grid;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.beginPath();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const [value, shown] of chart.yTicks) {
    const y = Math.round(chart.toY(value)) + 0.5;
    context.moveTo(left, y);
    context.lineTo(right, y);
    context.fillText(shown, left - 6, y);
  }
  context.stroke();
  context.strokeStyle = ink.axis;
  context.beginPath();
  context.moveTo(left, bottom + 0.5);
  context.lineTo(right, bottom + 0.5);
  context.textBaseline = "top";
  for (const [value, shown] of chart.xTicks) {
    const x = Math.round(chart.toX(value)) + 0.5;
    context.moveTo(x, bottom);
    context.lineTo(x, bottom + 4);
    const half = context.measureText(shown).width / 2;
    context.textAlign = "center";
    context.fillText(shown, Math.min(Math.max(x, half), chart.width - half - 1), bottom + 6);
  }
  context.stroke();
  context.textAlign = "right";
  context.fillText(chart.raw.x, right, bottom + 21, right - left);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  if (chart.raw.y !== chart.raw.title) context.fillText(chart.raw.y, 0, 11, chart.width);
}

function fillArea(chart, context, line, part, alpha) {
  const from = Math.max(placeOf(part.x, chart.view[0]) - 1, 0);
  const to = Math.min(placeOf(part.x, chart.view[1]) + 1, part.x.length);
  if (to - from < 1) return;
  context.beginPath();
  for (let n = from; n < to; n++) context.lineTo(chart.toX(part.x[n]), chart.toY(part.high[n]));
  for (let n = to - 1; n >= from; n--) context.lineTo(chart.toX(part.x[n]), chart.toY(part.low[n]));
  context.closePath();
  context.globalAlpha = alpha;
  context.fillStyle = colourOf(line);
  context.fill();
  context.globalAlpha = 1;
}

// What the buckets hold, as an area with an edge: a spike of one step stays visible.
function drawSpread(chart, context, line, count) {
  if (line.low === line.high) return;
  const isPale = count > 4 || (chart.chosen && chart.chosen !== line);
  const isChosen = chart.chosen === line;
  fillArea(chart, context, line, line, isChosen ? 0.3 : isPale ? 0.1 : 0.2);
  context.strokeStyle = colourOf(line);
  context.globalAlpha = isChosen ? 0.7 : isPale ? 0.3 : 0.5;
  context.lineWidth = 0.75;
  context.stroke();
  context.globalAlpha = isPale && !isChosen ? 0.6 : 1;
  context.lineWidth = 1.2;
  context.beginPath();
  line.isSpike.forEach((is, n) => {
    if (!is || line.x[n] < chart.view[0] || line.x[n] > chart.view[1]) return;
    context.moveTo(chart.toX(line.x[n]), chart.toY(line.low[n]));
    context.lineTo(chart.toX(line.x[n]), chart.toY(line.high[n]));
  });
  context.stroke();
  context.globalAlpha = 1;
}

function drawLine(chart, context, line) {
  const { x, y } = line;
  const from = Math.max(placeOf(x, chart.view[0]) - 1, 0);
  const to = Math.min(placeOf(x, chart.view[1]) + 1, x.length);
  context.strokeStyle = colourOf(line);
  context.lineJoin = "round";
  context.beginPath();
  // of a thinned line the first and the last bucket are single points, which are no means
  const isThin = line.low !== line.high && x.length > 4;
  for (let n = from; n < to; n++) {
    const means = isThin ? Math.min(Math.max(n, 1), x.length - 2) : n;
    context.lineTo(chart.toX(x[n]), chart.toY(y[means]));
  }
  context.globalAlpha = chart.chosen && chart.chosen !== line ? 0.3 : 1;
  context.lineWidth = line === chart.chosen ? 2.5 : chart.lines.length > 8 ? 1.2 : 1.6;
  context.setLineDash(dashOf(line));
  context.stroke();
  context.setLineDash([]);
  if (to - from < 40) drawDots(chart, context, line, from, to);
  context.globalAlpha = 1;
}

// Few points are seen as points.
function drawDots(chart, context, line, from, to) {
  context.fillStyle = colourOf(line);
  context.beginPath();
  for (let n = from; n < to; n++) {
    const x = chart.toX(line.x[n]), y = chart.toY(line.y[n]);
    context.moveTo(x + 2, y);
    context.arc(x, y, to - from === 1 ? 3 : 2, 0, 7);
  }
  context.fill();
}

function drawGoal(chart, context, ink) {
  const { left, top, right, bottom } = chart.box;
  const y = chart.toY(chart.raw.goal);
  if (y < top - 1 || y > bottom + 1) return;
  context.strokeStyle = context.fillStyle = ink.goal;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(left, y);
  context.lineTo(right, y);
  context.stroke();
  context.setLineDash([]);
  context.font = FONT;
  // beside the line where the curves are further away from it
  const shown = chart.lines.filter((line) => line.isShown && line.y.length);
  const away = (line, x) => Math.abs(chart.toY(line.y[nearest(line.x, x)]) - y);
  const room = (x) => Math.min(...shown.map((line) => away(line, x)));
  const isLeft = shown.length > 0 && room(chart.view[0]) > room(chart.view[1]);
  const isAbove = y - top > 14;
  context.textAlign = isLeft ? "left" : "right";
  context.textBaseline = isAbove ? "bottom" : "top";
  const told = `${chart.raw.goalLabel} ${short(chart.raw.goal)}`;
  const [across, down] = [isLeft ? left + 3 : right, y + (isAbove ? -2 : 3)];
  context.strokeStyle = ink.paper; // lines below it stay apart from the words
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.strokeText(told, across, down, right - left);
  context.fillText(told, across, down, right - left);
}

// Crosses along the upper edge: here NaN or infinity stood.
function drawLost(chart, context, line) {
  const { left, top, right } = chart.box;
  context.strokeStyle = colourOf(line);
  context.lineWidth = 1.5;
  context.beginPath();
  let last = -Infinity;
  for (const at of line.nonfinite) {
    const x = chart.toX(at);
    if (x < left - 1 || x > right + 1 || x - last < 3) continue;
    last = x;
    context.moveTo(x - 3, top - 3);
    context.lineTo(x + 3, top + 3);
    context.moveTo(x + 3, top - 3);
    context.lineTo(x - 3, top + 3);
  }
  context.stroke();
}

// Small triangles on the axis: repairs and the like.
function drawMarks(chart, context, line) {
  const { left, right, bottom } = chart.box;
  context.fillStyle = colourOf(line);
  for (const [at] of line.marks) {
    const x = chart.toX(at);
    if (x < left - 1 || x > right + 1) continue;
    context.beginPath();
    context.moveTo(x, bottom - 7);
    context.lineTo(x + 4, bottom);
    context.lineTo(x - 4, bottom);
    context.fill();
  }
}

function drawSample(chart, line) {
  const ratio = window.devicePixelRatio || 1;
  line.sample.width = 22 * ratio;
  line.sample.height = 10 * ratio;
  const context = line.sample.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.strokeStyle = colourOf(line);
  context.lineWidth = 2;
  context.setLineDash(dashOf(line));
  context.beginPath();
  context.moveTo(0, 5);
  context.lineTo(22, 5);
  context.stroke();
}
