// How numbers are written, and which ones stand at the axes.

// All digits, so that numbers below each other have their points below each other.
function text(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) {
    return value.toExponential(Math.max(digits - 2, 0)).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  const shown = value.toPrecision(digits);
  return shown.includes("e") ? String(Number(shown)) : shown;
}

// Without zeros at the end.
function short(value, digits = 4) {
  const shown = text(value, digits);
  return shown.includes(".") && !shown.includes("e") ? shown.replace(/\.?0+$/, "") : shown;
}

function axisText(value, step) {
  const size = Math.abs(value);
  if ((size >= 1e9 && step >= size / 1e3) || (size !== 0 && size < 1e-4)) {
    return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  }
  const [unit, sign] = size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  // a distance that needs many decimals is better read in the whole number
  if (step >= unit / 1e3) return trimmed(value / unit, step / unit) + sign;
  return trimmed(value, step);
}

function trimmed(value, step) {
  const digits = Math.min(Math.max(-Math.floor(Math.log10(step) + 1e-9), 0), 8);
  return Number(value.toFixed(digits)).toString();
}

/* Round values between the ends, about `count` of them. */
function ticks(from, to, count) {
  const span = to - from;
  if (!(span > 0)) return { values: [from], step: Math.abs(from) || 1 };
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((each) => each * power >= rough * 0.8) || 10);
  const values = [];
  const last = Math.floor(to / step + 1e-9);
  for (let n = Math.ceil(from / step - 1e-9); n <= last; n++) values.push(n * step);
  return { values, step };
}

function logTicks(from, to) {
  const low = Math.floor(Math.log10(from)), high = Math.ceil(Math.log10(to));
  const decades = high - low;
  const stride = Math.ceil(decades / 6);
  const parts = decades <= 2 ? [1, 2, 5] : [1];
  const values = [];
  for (let power = low; power <= high; power += stride) {
    for (const part of parts) {
      const value = part * 10 ** power;
      if (value >= from * 0.999 && value <= to * 1.001) values.push(value);
    }
  }
  return values;
}
