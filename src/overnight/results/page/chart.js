"use strict";
/* Curves on canvas: zoomed by dragging, pinching or keys; values of all lines at the cursor.

   A figure.chart holds its data as JSON (see charts.py). Every line is a row of buckets with a
   lowest and a highest value; where both are the same it is a plain line. Texts reach the page as
   text nodes or by fillText, never as HTML. */
(() => {
  const COLOURS = {
    light: ["#0068a8", "#c4500a", "#00815e", "#a8427f", "#3d93c9", "#b87b00", "#6b5bd2"],
    dark: ["#5cb3ee", "#ff8a4a", "#3fc79c", "#e58fc0", "#9cd2f7", "#f2b942", "#a79cf5"],
  };
  const INK = {
    light: { text: "#5d6470", grid: "#e4e6ea", axis: "#b9bec7", goal: "#7a5c00", cursor: "#8a919d", base: "#6c727d", paper: "#ffffff" },
    dark: { text: "#a0a7b4", grid: "#2a2f38", axis: "#4a515d", goal: "#e3c568", cursor: "#7d8593", base: "#9aa1ad", paper: "#171a20" },
  };
  const DASHES = [[], [7, 3], [2, 2.5], [8, 3, 2, 3]];
  const FONT = "11px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  const HEIGHT = 240;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const theme = () => (dark.matches && !printing.matches ? "dark" : "light");

  // ---- data ------------------------------------------------------------------------------------

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

  function readLine(raw, place, count) {
    const low = floats(raw.low);
    return {
      name: raw.name,
      x: axis(raw.x),
      low,
      high: raw.high ? floats(raw.high) : low,
      band: raw.band && { x: axis(raw.band.x), low: floats(raw.band.low), high: floats(raw.band.high) },
      nonfinite: raw.nonfinite || [],
      lost: raw.lost || 0,
      marks: raw.marks || [],
      isBase: Boolean(raw.dashed),
      place,
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

  // ---- numbers ---------------------------------------------------------------------------------

  function text(value, digits = 4) {
    if (!Number.isFinite(value)) return String(value);
    const size = Math.abs(value);
    if (size !== 0 && (size >= 1e6 || size < 1e-3)) {
      return value.toExponential(Math.max(digits - 2, 0)).replace(/\.?0+e/, "e").replace("e+", "e");
    }
    const shown = value.toPrecision(digits);
    const plain = shown.includes("e") ? String(Number(shown)) : shown;
    return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
  }

  function axisText(value, step) {
    const size = Math.abs(value);
    if (size >= 1e9 || (size !== 0 && size < 1e-4)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
    for (const [unit, sign] of [[1e6, "M"], [1e3, "k"]]) {
      if (size >= unit && (unit > 1e3 || size >= 1e4)) {
        return trimmed(value / unit, step / unit) + sign;
      }
    }
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
    const step = power * ([1, 2, 5].find((each) => each * power >= rough) || 10);
    const values = [];
    for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++) values.push(n * step);
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

  // ---- a chart ---------------------------------------------------------------------------------

  function element(name, className, content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  }

  class Chart {
    constructor(figure) {
      const raw = JSON.parse(figure.querySelector("script").textContent);
      this.figure = figure;
      this.raw = raw;
      this.lines = raw.lines.map((line, place) => readLine(line, place, raw.lines.length));
      let place = 0;
      for (const line of this.lines) line.style = line.isBase ? -1 : place++;
      this.isLog = raw.log && this.hasPositive();
      this.whole = this.extent();
      this.view = [...this.whole];
      this.cursor = null;
      this.build();
      new ResizeObserver(() => this.resize()).observe(this.plot);
    }

    hasPositive() {
      return this.lines.some((line) => line.high.some((value) => value > 0));
    }

    extent() {
      let from = Infinity, to = -Infinity;
      for (const line of this.lines) {
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

    build() {
      const tools = element("div", "tools");
      this.logButton = element("button", "", "log");
      this.logButton.title = "logarithmic y axis (key l)";
      this.logButton.disabled = !this.hasPositive();
      this.resetButton = element("button", "", "reset");
      this.resetButton.title = "show all (double click, or key 0)";
      for (const button of [this.logButton, this.resetButton]) button.type = "button";
      tools.append(this.logButton, this.resetButton);
      this.plot = element("div", "plot");
      this.plot.tabIndex = 0;
      this.plot.setAttribute("role", "img");
      this.canvas = element("canvas");
      this.over = element("canvas", "over");
      this.plot.append(this.canvas, this.over);
      this.legend = element("div", "legend");
      for (const line of this.lines) this.legend.append(this.item(line));
      this.figure.querySelector("figcaption").append(tools);
      this.figure.querySelector("script").after(this.plot, this.legend);
      this.logButton.addEventListener("click", () => this.setLog(!this.isLog));
      this.resetButton.addEventListener("click", () => this.zoom(this.whole));
      this.describe();
      listen(this);
    }

    item(line) {
      const button = element("button", "item");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      line.sample = element("canvas", "sample");
      line.readout = element("span", "value");
      const name = element("span", "name", line.name);
      button.append(line.sample, name, line.readout);
      if (line.lost) button.append(element("span", "lost", `${line.lost} not finite`));
      button.title = line.name;
      button.addEventListener("click", () => {
        line.isShown = !line.isShown;
        button.setAttribute("aria-pressed", String(line.isShown));
        this.draw();
      });
      for (const [kind, chosen] of [["pointerenter", line], ["pointerleave", null], ["focus", line], ["blur", null]]) {
        button.addEventListener(kind, () => {
          this.chosen = chosen;
          this.draw();
        });
      }
      return button;
    }

    describe() {
      const [from, to] = this.view.map((x) => text(x));
      const names = this.lines.map((line) => line.name).join(", ");
      this.plot.setAttribute("aria-label", `${this.raw.title}: ${this.raw.y} of ${names}; ${this.raw.x} ${from} to ${to}`);
      this.figure.dataset.from = this.view[0];
      this.figure.dataset.to = this.view[1];
      this.figure.dataset.log = this.isLog;
      this.logButton.setAttribute("aria-pressed", String(this.isLog));
      this.resetButton.disabled = this.view[0] === this.whole[0] && this.view[1] === this.whole[1];
    }

    setLog(isLog) {
      this.isLog = isLog && this.hasPositive();
      this.describe();
      this.draw();
    }

    zoom([from, to]) {
      const [least, most] = this.whole;
      const span = Math.min(Math.max(to - from, (most - least) / 1e5), most - least);
      const start = Math.min(Math.max(from, least), most - span);
      this.view = span >= most - least ? [least, most] : [start, start + span];
      this.describe();
      this.draw();
    }

    resize() {
      const width = this.plot.clientWidth;
      if (!width) return;
      const height = this.plot.clientHeight || HEIGHT;
      const ratio = window.devicePixelRatio || 1;
      for (const canvas of [this.canvas, this.over]) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
      }
      this.width = width;
      this.height = height;
      this.draw();
    }

    // The lowest and highest of what is shown between the ends of the view.
    range() {
      let low = Infinity, high = -Infinity;
      const take = (value) => {
        if (this.isLog && !(value > 0)) return;
        if (value < low) low = value;
        if (value > high) high = value;
      };
      for (const line of this.lines) {
        if (!line.isShown) continue;
        for (const part of line.band ? [line, line.band] : [line]) {
          const start = placeOf(part.x, this.view[0]);
          let end = start;
          for (; end < part.x.length && part.x[end] <= this.view[1]; end++) {
            take(part.low[end]);
            take(part.high[end]);
          }
          if (start === end) {
            for (const near of [start - 1, start]) if (near >= 0 && near < part.x.length) take(part.low[near]);
          }
        }
      }
      if (this.raw.goal !== null && low <= high) {
        // a goal that is near is shown; one that is far away would flatten the curves
        const room = this.isLog ? 1 : high - low;
        const far = this.isLog ? Math.abs(Math.log10(this.raw.goal / (this.raw.goal > high ? high : low))) : Math.max(this.raw.goal - high, low - this.raw.goal);
        if (far <= room) take(this.raw.goal);
      }
      if (!(low <= high)) return this.isLog ? [0.1, 1] : [0, 1];
      if (this.isLog) {
        const pad = Math.max((high / low) ** 0.06, 1.05);
        return [low / pad, high * pad];
      }
      const pad = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
      return [low - pad, high + pad];
    }

    layout(context) {
      const [low, high] = (this.yRange = this.range());
      const rows = Math.max(Math.floor((this.height - 40) / 44), 2);
      if (this.isLog) {
        let values = logTicks(low, high);
        if (values.length < 2) values = ticks(low, high, rows).values.filter((value) => value > 0);
        this.yTicks = values.map((value) => [value, text(value, 3)]);
      } else {
        const { values, step } = ticks(low, high, rows);
        this.yTicks = values.map((value) => [value, axisText(value, step)]);
      }
      context.font = FONT;
      const widest = Math.max(...this.yTicks.map(([, shown]) => context.measureText(shown).width), 16);
      this.box = { left: Math.ceil(widest) + 10, top: 20, right: this.width - 10, bottom: this.height - 36 };
      const { values, step } = ticks(this.view[0], this.view[1], Math.max(Math.floor((this.box.right - this.box.left) / 80), 2));
      this.xTicks = values.map((value) => [value, axisText(value, step)]);
      const { left, top, right, bottom } = this.box;
      const xScale = (right - left) / (this.view[1] - this.view[0]);
      this.toX = (x) => left + (x - this.view[0]) * xScale;
      const [from, to] = this.isLog ? [Math.log(low), Math.log(high)] : [low, high];
      const yScale = (bottom - top) / (to - from);
      const floor = bottom + 4;
      this.toY = this.isLog
        ? (y) => (y > 0 ? Math.min(bottom - (Math.log(y) - from) * yScale, 1e5) : floor)
        : (y) => Math.min(Math.max(bottom - (y - from) * yScale, -1e5), 1e5);
    }

    colour(line) {
      const colours = COLOURS[theme()];
      return line.isBase ? INK[theme()].base : colours[line.style % colours.length];
    }

    dash(line) {
      if (line.isBase) return [5, 4];
      return DASHES[Math.floor(line.style / COLOURS.light.length) % DASHES.length];
    }

    draw() {
      if (!this.width) return;
      const context = this.canvas.getContext("2d");
      const ink = INK[theme()];
      context.clearRect(0, 0, this.width, this.height);
      this.layout(context);
      this.grid(context, ink);
      const { left, top, right, bottom } = this.box;
      context.save();
      context.beginPath();
      context.rect(left, top - 1, right - left, bottom - top + 2);
      context.clip();
      const shown = this.lines.filter((line) => line.isShown);
      for (const line of shown) if (line.band) this.area(context, line, line.band, 0.16);
      for (const line of shown) if (line !== this.chosen) this.line(context, line);
      if (this.chosen && this.chosen.isShown) this.line(context, this.chosen);
      context.restore();
      if (this.raw.goal !== null) this.goal(context, ink);
      for (const line of shown) this.lost(context, line);
      for (const line of shown) this.marks(context, line);
      for (const line of this.lines) this.sample(line);
      this.readout();
    }

    grid(context, ink) {
      const { left, top, right, bottom } = this.box;
      context.font = FONT;
      context.fillStyle = ink.text;
      context.strokeStyle = ink.grid;
      context.lineWidth = 1;
      context.setLineDash([]);
      context.beginPath();
      context.textAlign = "right";
      context.textBaseline = "middle";
      for (const [value, shown] of this.yTicks) {
        const y = Math.round(this.toY(value)) + 0.5;
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
      for (const [value, shown] of this.xTicks) {
        const x = Math.round(this.toX(value)) + 0.5;
        context.moveTo(x, bottom);
        context.lineTo(x, bottom + 4);
        const half = context.measureText(shown).width / 2;
        context.textAlign = "center";
        context.fillText(shown, Math.min(Math.max(x, half), this.width - half - 1), bottom + 6);
      }
      context.stroke();
      context.textAlign = "right";
      context.fillText(this.raw.x, right, bottom + 21, right - left);
      context.textAlign = "left";
      context.textBaseline = "alphabetic";
      context.fillText(this.raw.y, 0, 11, this.width);
    }

    area(context, line, part, alpha) {
      const from = Math.max(placeOf(part.x, this.view[0]) - 1, 0);
      const to = Math.min(placeOf(part.x, this.view[1]) + 1, part.x.length);
      if (to - from < 1) return;
      context.beginPath();
      for (let n = from; n < to; n++) context.lineTo(this.toX(part.x[n]), this.toY(part.high[n]));
      for (let n = to - 1; n >= from; n--) context.lineTo(this.toX(part.x[n]), this.toY(part.low[n]));
      context.closePath();
      context.globalAlpha = alpha;
      context.fillStyle = this.colour(line);
      context.fill();
      context.globalAlpha = 1;
    }

    line(context, line) {
      const { x, low, high } = line;
      const from = Math.max(placeOf(x, this.view[0]) - 1, 0);
      const to = Math.min(placeOf(x, this.view[1]) + 1, x.length);
      const isPale = this.chosen && this.chosen !== line;
      context.strokeStyle = this.colour(line);
      context.lineJoin = "round";
      if (low !== high) {
        // what the buckets hold, as an area with an edge: a spike of one step stays visible
        this.area(context, line, line, isPale ? 0.08 : 0.22);
        context.globalAlpha = isPale ? 0.15 : 0.5;
        context.lineWidth = 0.75;
        context.setLineDash([]);
        context.stroke();
      }
      context.beginPath();
      for (let n = from; n < to; n++) {
        context.lineTo(this.toX(x[n]), (this.toY(low[n]) + this.toY(high[n])) / 2);
      }
      context.globalAlpha = isPale ? 0.25 : 1;
      context.lineWidth = line === this.chosen ? 2.5 : 1.6;
      context.setLineDash(this.dash(line));
      context.stroke();
      context.setLineDash([]);
      if (to - from < 40) this.dots(context, line, from, to);
      context.globalAlpha = 1;
    }

    // Few points are seen as points.
    dots(context, line, from, to) {
      context.fillStyle = this.colour(line);
      context.beginPath();
      for (let n = from; n < to; n++) {
        const x = this.toX(line.x[n]), y = (this.toY(line.low[n]) + this.toY(line.high[n])) / 2;
        context.moveTo(x + 2, y);
        context.arc(x, y, to - from === 1 ? 3 : 2, 0, 7);
      }
      context.fill();
    }

    goal(context, ink) {
      const { left, top, right, bottom } = this.box;
      const y = this.toY(this.raw.goal);
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
      context.textAlign = "right";
      context.textBaseline = y - top > 16 ? "bottom" : "top";
      context.fillText(`${this.raw.goalLabel} ${text(this.raw.goal)}`, right, y + (y - top > 16 ? -2 : 3));
    }

    // Crosses along the upper edge: here NaN or infinity stood.
    lost(context, line) {
      const { left, top, right } = this.box;
      context.strokeStyle = this.colour(line);
      context.lineWidth = 1.5;
      context.beginPath();
      let last = -Infinity;
      for (const at of line.nonfinite) {
        const x = this.toX(at);
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
    marks(context, line) {
      const { left, right, bottom } = this.box;
      context.fillStyle = this.colour(line);
      for (const [at] of line.marks) {
        const x = this.toX(at);
        if (x < left - 1 || x > right + 1) continue;
        context.beginPath();
        context.moveTo(x, bottom - 7);
        context.lineTo(x + 4, bottom);
        context.lineTo(x - 4, bottom);
        context.fill();
      }
    }

    sample(line) {
      const ratio = window.devicePixelRatio || 1;
      line.sample.width = 22 * ratio;
      line.sample.height = 10 * ratio;
      const context = line.sample.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.strokeStyle = this.colour(line);
      context.lineWidth = 2;
      context.setLineDash(this.dash(line));
      context.beginPath();
      context.moveTo(0, 5);
      context.lineTo(22, 5);
      context.stroke();
    }

    // ---- the cursor ----------------------------------------------------------------------------

    point(at) {
      this.cursor = at === null ? null : Math.min(Math.max(at, this.view[0]), this.view[1]);
      this.readout();
    }

    readout() {
      const context = this.over.getContext("2d");
      context.clearRect(0, 0, this.width, this.height);
      if (this.selection) this.select(context);
      for (const line of this.lines) line.readout.textContent = "";
      if (this.cursor === null) return;
      const ink = INK[theme()];
      const { left, top, right, bottom } = this.box;
      const shown = this.lines.filter((line) => line.isShown && line.x.length);
      // the cursor stands on a point that is there
      const xs = shown.map((line) => line.x[nearest(line.x, this.cursor)]);
      const at = xs.reduce((best, x) => (Math.abs(x - this.cursor) < Math.abs(best - this.cursor) ? x : best), Infinity);
      const x = this.toX(Number.isFinite(at) ? at : this.cursor);
      context.strokeStyle = ink.cursor;
      context.lineWidth = 1;
      context.beginPath();
      context.moveTo(Math.round(x) + 0.5, top);
      context.lineTo(Math.round(x) + 0.5, bottom);
      context.stroke();
      const told = [text(Number.isFinite(at) ? at : this.cursor, 7)];
      for (const line of shown) {
        if (this.cursor < line.x[0] - this.slack() || this.cursor > line.x[line.x.length - 1] + this.slack()) continue;
        const place = nearest(line.x, this.cursor);
        const low = line.low[place], high = line.high[place];
        line.readout.textContent = low === high ? text(low) : `${text(low)} – ${text(high)}`;
        const px = this.toX(line.x[place]), y = (this.toY(low) + this.toY(high)) / 2;
        if (px >= left - 1 && px <= right + 1 && y >= top - 1 && y <= bottom + 1) {
          context.beginPath();
          context.arc(px, y, 3.5, 0, 7);
          context.fillStyle = this.colour(line);
          context.strokeStyle = ink.paper;
          context.lineWidth = 1.5;
          context.fill();
          context.stroke();
        }
        for (const [place, words] of line.marks) if (Math.abs(this.toX(place) - x) < 8) told.push(words);
      }
      this.tag(context, ink, x, told.join("  ·  "));
    }

    slack() {
      return (this.view[1] - this.view[0]) / 100;
    }

    // What the cursor points at, on the axis of x.
    tag(context, ink, x, shown) {
      context.font = FONT;
      const wide = Math.min(context.measureText(shown).width + 12, this.width);
      const from = Math.min(Math.max(x - wide / 2, 0), this.width - wide);
      context.fillStyle = ink.cursor;
      context.beginPath();
      context.roundRect(from, this.box.bottom + 3, wide, 17, 4);
      context.fill();
      context.fillStyle = ink.paper;
      context.textAlign = "left";
      context.textBaseline = "middle";
      context.fillText(shown, from + 6, this.box.bottom + 12, wide - 12);
    }

    select(context) {
      const { left, top, right, bottom } = this.box;
      const [from, to] = this.selection.map((x) => Math.min(Math.max(this.toX(x), left), right));
      context.fillStyle = INK[theme()].cursor;
      context.globalAlpha = 0.2;
      context.fillRect(Math.min(from, to), top, Math.abs(to - from), bottom - top);
      context.globalAlpha = 1;
    }

    at(event) {
      const place = event.clientX - this.plot.getBoundingClientRect().left;
      const { left, right } = this.box;
      return this.view[0] + ((place - left) / (right - left)) * (this.view[1] - this.view[0]);
    }
  }

  // ---- fingers, mouse and keys -----------------------------------------------------------------

  function listen(chart) {
    const plot = chart.plot;
    const fingers = new Map();
    let start = null, lastTap = 0;

    plot.addEventListener("pointerdown", (event) => {
      if (event.button > 0) return;
      plot.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
      start = { x: event.clientX, at: chart.at(event), view: [...chart.view], pinch: pinch() };
      if (event.pointerType !== "mouse") chart.point(chart.at(event));
    });

    plot.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) {
        if (event.pointerType === "mouse") chart.point(chart.at(event));
        return;
      }
      fingers.set(event.pointerId, event);
      if (fingers.size === 2) spread();
      else if (event.pointerType === "mouse" && !event.shiftKey) {
        chart.selection = [start.at, chart.at(event)];
        chart.point(chart.at(event));
      } else if (fingers.size === 1 && isZoomed(start.view)) pan(event);
      else chart.point(chart.at(event));
    });

    const isZoomed = (view) => view[0] !== chart.whole[0] || view[1] !== chart.whole[1];

    function pan(event) {
      const { left, right } = chart.box;
      const moved = ((event.clientX - start.x) / (right - left)) * (start.view[1] - start.view[0]);
      chart.cursor = null;
      chart.zoom([start.view[0] - moved, start.view[1] - moved]);
    }

    /* Middle and distance of two fingers, in pixels. */
    function pinch() {
      if (fingers.size !== 2) return null;
      const [one, two] = [...fingers.values()].map((each) => each.clientX);
      return { middle: (one + two) / 2, distance: Math.max(Math.abs(one - two), 20) };
    }

    function spread() {
      const now = pinch();
      if (!start.pinch) return;
      const { left, right } = chart.box;
      const offset = plot.getBoundingClientRect().left + left;
      const wide = start.view[1] - start.view[0];
      const anchor = start.view[0] + ((start.pinch.middle - offset) / (right - left)) * wide;
      const span = (wide * start.pinch.distance) / now.distance;
      const from = anchor - ((now.middle - offset) / (right - left)) * span;
      chart.cursor = null;
      chart.zoom([from, from + span]);
    }

    function released(event) {
      const was = fingers.get(event.pointerId);
      fingers.delete(event.pointerId);
      const chosen = chart.selection;
      chart.selection = null;
      if (!was || !start) return;
      const moved = Math.abs(event.clientX - start.x);
      if (chosen && moved > 6 && event.type === "pointerup") {
        chart.zoom(chosen[0] < chosen[1] ? chosen : [chosen[1], chosen[0]]);
      } else if (event.pointerType !== "mouse" && event.type === "pointerup" && moved < 10) {
        if (event.timeStamp - lastTap < 350) chart.zoom(chart.whole);
        lastTap = event.timeStamp;
      }
      if (fingers.size === 1) {
        const [rest] = fingers.values();
        start = { x: rest.clientX, at: chart.at(rest), view: [...chart.view], pinch: null };
      }
      chart.readout();
    }
    plot.addEventListener("pointerup", released);
    plot.addEventListener("pointercancel", released);
    plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && !fingers.size) chart.point(null);
    });
    plot.addEventListener("dblclick", () => chart.zoom(chart.whole));
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      around(chart.at(event), Math.exp(event.deltaY / 100));
    }, { passive: false });

    function around(at, factor) {
      const [from, to] = chart.view;
      chart.zoom([at - (at - from) * factor, at + (to - at) * factor]);
    }

    plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const [from, to] = chart.view;
      const middle = chart.cursor === null ? (from + to) / 2 : chart.cursor;
      const keys = {
        "+": () => around(middle, 0.5),
        "=": () => around(middle, 0.5),
        "-": () => around(middle, 2),
        0: () => chart.zoom(chart.whole),
        Escape: () => chart.zoom(chart.whole),
        l: () => chart.setLog(!chart.isLog),
        ArrowLeft: () => step(-1),
        ArrowRight: () => step(1),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });

    function step(direction) {
      const [from, to] = chart.view;
      const at = chart.cursor === null ? (from + to) / 2 : chart.cursor;
      chart.point(at + (direction * (to - from)) / 50);
    }
    plot.addEventListener("blur", () => chart.point(null));
  }

  // ---- the page --------------------------------------------------------------------------------

  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => new Chart(figure));
  const redraw = () => charts.forEach((chart) => chart.draw());
  dark.addEventListener("change", redraw);
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((each) => (each.open = true));
    charts.forEach((chart) => chart.resize());
  });
  addEventListener("afterprint", () => {
    folded.forEach((each) => (each.open = false));
    redraw();
  });
  requestAnimationFrame(() => requestAnimationFrame(() => {
    performance.mark("drawn");
    document.documentElement.dataset.drawn = String(charts.length);
  }));
})();
