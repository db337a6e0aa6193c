// What part of the numbers is shown, and where on the canvas.

function extentOf(chart) {
  let from = Infinity, to = -Infinity;
  for (const line of chart.lines) {
    const ends = [...line.nonfinite.slice(0, 1), ...line.nonfinite.slice(-1)];
    if (line.x.length) ends.push(line.x[0], line.x[line.x.length - 1]);
    for (const x of ends) {
      from = Math.min(from, x);
      to = Math.max(to, x);
    }
  }
  if (!(from <= to)) return [0, 1];
  return from < to ? [from, to] : [from - 0.5, to + 0.5];
}

// The lowest and highest of what is shown between the ends of the view.
function rangeOf(chart) {
  let low = Infinity, high = -Infinity;
  const take = (value) => {
    if (chart.isLog && !(value > 0)) return;
    if (value < low) low = value;
    if (value > high) high = value;
  };
  for (const line of chart.lines) {
    if (!line.isShown) continue;
    for (const part of line.band ? [line, line.band] : [line]) {
      const start = placeOf(part.x, chart.view[0]);
      let end = start;
      for (; end < part.x.length && part.x[end] <= chart.view[1]; end++) {
        take(part.low[end]);
        take(part.high[end]);
      }
      if (start === end) {
        for (const near of [start - 1, start]) if (near in part.low) take(part.low[near]);
      }
    }
  }
  if (chart.raw.goal !== null && low <= high) {
    // a goal that is near is shown; one that is far away would flatten the curves
    const { goal } = chart.raw;
    const isNear = chart.isLog
      ? goal >= low / 10 && goal <= high * 10
      : goal >= low - (high - low) && goal <= high + (high - low);
    if (isNear) take(goal);
  }
  if (!(low <= high)) return chart.isLog ? [0.1, 1] : [0, 1];
  if (chart.isLog) {
    const pad = Math.max((high / low) ** 0.06, 1.05);
    return [low / pad, high * pad];
  }
  const pad = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
  return [low - pad, high + pad];
}

// Fewer where their numbers are long.
function ticksThatFit(chart, context, width) {
  for (let count = Math.max(Math.floor(width / 68), 2); ; count--) {
    const { values, step } = ticks(chart.view[0], chart.view[1], count);
    const told = values.map((value) => [value, axisText(value, step)]);
    const widest = Math.max(...told.map(([, shown]) => context.measureText(shown).width));
    const apart = (step * width) / (chart.view[1] - chart.view[0]);
    if (count <= 1 || told.length < 2 || widest + 10 < apart) return told;
  }
}

function layOut(chart, context) {
  const [low, high] = (chart.yRange = rangeOf(chart));
  const rows = Math.max(Math.floor((chart.height - 40) / 34), 2);
  if (chart.isLog) {
    let values = logTicks(low, high);
    if (values.length < 2) values = ticks(low, high, rows).values.filter((value) => value > 0);
    chart.yTicks = values.map((value) => [value, short(value, 3)]);
  } else {
    const { values, step } = ticks(low, high, rows);
    chart.yTicks = values.map((value) => [value, axisText(value, step)]);
  }
  context.font = FONT;
  const widest = Math.max(...chart.yTicks.map(([, shown]) => context.measureText(shown).width), 16);
  const [left, right] = [Math.ceil(widest) + 10, chart.width - 10];
  const [top, bottom] = [20, chart.height - 36];
  chart.box = { left, top, right, bottom };
  chart.xTicks = ticksThatFit(chart, context, right - left);
  const xScale = (right - left) / (chart.view[1] - chart.view[0]);
  chart.toX = (x) => left + (x - chart.view[0]) * xScale;
  const [from, to] = chart.isLog ? [Math.log(low), Math.log(high)] : [low, high];
  const yScale = (bottom - top) / (to - from);
  const floor = bottom + 4;
  chart.toY = chart.isLog
    ? (y) => (y > 0 ? Math.min(bottom - (Math.log(y) - from) * yScale, 1e5) : floor)
    : (y) => Math.min(Math.max(bottom - (y - from) * yScale, -1e5), 1e5);
}
