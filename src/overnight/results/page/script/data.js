// The data of a chart, as charts.py packs it.

function floats(packed) {
  const bytes = Uint8Array.from(atob(packed), (each) => each.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/* [first, step, count], or [first, distances from it] */
function axis(packed) {
  const [first, step, count] = packed;
  if (typeof step === "string") return Float64Array.from(floats(step), (each) => first + each);
  return Float64Array.from({ length: count }, (_, n) => first + n * step);
}

/* Whether a bucket spans far more than those of its line do: a spike that its mean hides. */
function spikes(low, high) {
  const spans = Array.from(high, (value, n) => value - low[n]);
  const sorted = spans.filter((span) => span > 0).sort((one, two) => one - two);
  const usual = sorted.length > spans.length / 10 ? sorted[sorted.length >> 1] : 0;
  return spans.map((span) => span > SPIKE * usual);
}

function readLine(raw, axes) {
  const y = floats(raw.y);
  const low = raw.low ? floats(raw.low) : y;
  const high = raw.high ? floats(raw.high) : y;
  return {
    name: raw.name,
    x: axes[raw.x],
    y,
    low,
    high,
    isSpike: low === high ? [] : spikes(low, high),
    band: raw.band && {
      x: axes[raw.band.x],
      low: floats(raw.band.low),
      high: floats(raw.band.high),
    },
    nonfinite: raw.nonfinite || [],
    lost: raw.lost || 0,
    marks: raw.marks || [],
    isBase: Boolean(raw.dashed),
    isShown: true,
  };
}

/* The first place whose x is not below `at`. */
function placeOf(x, at) {
  let from = 0, to = x.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (x[middle] < at) from = middle + 1;
    else to = middle;
  }
  return from;
}

function nearest(x, at) {
  const after = Math.min(placeOf(x, at), x.length - 1);
  return after > 0 && at - x[after - 1] < x[after] - at ? after - 1 : after;
}
